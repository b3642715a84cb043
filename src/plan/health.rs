//! What was learned about each server, kept across the operations of one client.
//!
//! Answers order servers and say how long an answer should take. A server that was overdue or
//! failed is a suspect: it is asked last, until it may be tried again. Nothing here forbids asking a
//! server, waits, or knows shares.

use std::collections::BTreeMap;
use std::time::Duration;

use super::policy::OverduePolicy;
use super::{Moment, doubled};
use crate::format::ServerId;

/// Answers up to this many bytes tell the latency; longer ones the throughput.
const SMALL_BYTES: u64 = 4096;
const MIB: u128 = 1024 * 1024;

/// What may be expected of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Nothing is held against it.
    Good,
    /// It was overdue or failed, but long enough ago to try it once more.
    Probe,
    /// It was overdue or failed recently: ask it last, and wait for nobody because of it.
    Suspect,
}

#[derive(Debug, Clone, Default)]
struct Record {
    latency: Option<Duration>,
    per_mib: Option<Duration>,
    strikes: u32,
    probe_at: Moment,
}

/// What is known about the servers of a grid.
#[derive(Debug)]
pub struct Health {
    policy: OverduePolicy,
    servers: BTreeMap<ServerId, Record>,
}

impl Health {
    /// Nothing is known yet.
    pub fn new(policy: OverduePolicy) -> Self {
        Self { policy, servers: BTreeMap::new() }
    }

    /// `server` answered as it should, with `bytes` of body, `took` after the request. Clears all suspicion.
    pub fn success(&mut self, server: &ServerId, bytes: u64, took: Duration) {
        let record = self.record(server);
        record.strikes = 0;
        record.measure(bytes, took);
    }

    /// A request was given up after `took`, when `bytes` of its answer had come: a measurement where the
    /// answer had begun, but no proof that the server would have finished it.
    pub fn partial(&mut self, server: &ServerId, bytes: u64, took: Duration) {
        let record = self.record(server);
        // A few bytes after a short time say nothing, but after twice the time of a whole small answer they do.
        let crawls = bytes > 0 && record.latency.is_some_and(|latency| took > latency.saturating_mul(2));
        if bytes > SMALL_BYTES || crawls {
            record.measure_transfer(bytes, took);
        }
    }

    /// An answer of `server` is overdue.
    pub fn overdue(&mut self, server: &ServerId, now: Moment) {
        let record = self.servers.entry(server.clone()).or_default();
        record.strike(now, &self.policy);
    }

    /// A request to `server` failed: no connection, a lost one, an error, or bytes that are not what they should be.
    pub fn failed(&mut self, server: &ServerId, now: Moment) {
        let record = self.servers.entry(server.clone()).or_default();
        record.strike(now, &self.policy);
    }

    /// What may be expected of `server`; [`Standing::Good`] if it was never heard of.
    pub fn standing(&self, server: &ServerId, now: Moment) -> Standing {
        match self.servers.get(server) {
            Some(record) if record.strikes > 0 && now < record.probe_at => Standing::Suspect,
            Some(record) if record.strikes > 0 => Standing::Probe,
            Some(_) | None => Standing::Good,
        }
    }

    /// How long an answer with `bytes` of body should take; `None` if the server never answered.
    pub fn expected(&self, server: &ServerId, bytes: u64) -> Option<Duration> {
        let record = self.servers.get(server)?;
        let latency = record.latency.or(record.per_mib.map(|_| Duration::ZERO))?;
        let per_mib = record.per_mib.unwrap_or(self.policy.mebibyte_assumed);
        let transfer =
            if bytes > SMALL_BYTES { scale(per_mib, u128::from(bytes), MIB) } else { Duration::ZERO };
        Some(latency.saturating_add(transfer))
    }

    /// `servers` (in permuted order) in the order in which to ask them: suspects last, otherwise unchanged.
    pub fn order<T>(&self, mut servers: Vec<T>, id: impl Fn(&T) -> &ServerId, now: Moment) -> Vec<T> {
        servers.sort_by_key(|server| self.standing(id(server), now) == Standing::Suspect);
        servers
    }

    fn record(&mut self, server: &ServerId) -> &mut Record {
        self.servers.entry(server.clone()).or_default()
    }
}

impl Record {
    fn measure(&mut self, bytes: u64, took: Duration) {
        if bytes <= SMALL_BYTES {
            self.latency = Some(blend(self.latency, took));
        } else {
            self.measure_transfer(bytes, took);
        }
    }

    fn measure_transfer(&mut self, bytes: u64, took: Duration) {
        // Half of the time at least is taken for transfer, so that a latency measured on a bad
        // moment cannot make a slow link look infinitely fast.
        let transfer = took.saturating_sub(self.latency.unwrap_or_default()).max(took / 2);
        self.per_mib = Some(blend(self.per_mib, scale(transfer, MIB, u128::from(bytes.max(1)))));
    }

    fn strike(&mut self, now: Moment, policy: &OverduePolicy) {
        // Requests that fail together are one failure.
        if self.strikes > 0 && now < self.probe_at {
            return;
        }
        self.probe_at = now + doubled(policy.probe_after, self.strikes).min(policy.probe_after_max);
        self.strikes = self.strikes.saturating_add(1);
    }
}

/// A new measurement counts a quarter: a few answers change the picture, one does not.
fn blend(old: Option<Duration>, new: Duration) -> Duration {
    old.map_or(new, |old| old.saturating_mul(3).saturating_add(new) / 4)
}

/// `span * numerator / denominator`, in whole nanoseconds.
fn scale(span: Duration, numerator: u128, denominator: u128) -> Duration {
    let nanos = span.as_nanos().saturating_mul(numerator) / denominator.max(1);
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Policy;

    const MS: Duration = Duration::from_millis(1);

    fn empty() -> Health {
        Health::new(Policy::default().overdue)
    }

    fn at(ms: u32) -> Moment {
        Moment(MS * ms)
    }

    #[test]
    fn suspects_are_asked_last_and_the_others_keep_their_order() {
        let (a, b, c) = (ServerId::new("a"), ServerId::new("b"), ServerId::new("c"));
        let mut health = empty();
        health.overdue(&a, at(0));
        health.success(&c, 10, MS);
        let order = health.order(vec![a.clone(), b.clone(), c.clone()], |id| id, at(1));
        assert_eq!(order, [b, c, a]);
    }

    #[test]
    fn a_suspect_is_tried_again_after_a_time_that_doubles_with_each_failure() {
        let (a, mut health) = (ServerId::new("a"), empty());
        health.failed(&a, at(0));
        health.failed(&a, at(1));
        assert_eq!(health.standing(&a, at(4_999)), Standing::Suspect);
        assert_eq!(health.standing(&a, at(5_000)), Standing::Probe);
        health.overdue(&a, at(5_000));
        assert_eq!(health.standing(&a, at(14_999)), Standing::Suspect);
        assert_eq!(health.standing(&a, at(15_000)), Standing::Probe);
        health.success(&a, 1, MS);
        assert_eq!(health.standing(&a, at(15_000)), Standing::Good);
    }

    #[test]
    fn the_time_between_tries_is_bounded() {
        let policy = Policy::default().overdue;
        let (a, mut health) = (ServerId::new("a"), empty());
        let mut now = at(0);
        for _ in 0..100 {
            health.failed(&a, now);
            now = now + policy.probe_after_max;
            assert_eq!(health.standing(&a, now), Standing::Probe);
        }
    }

    #[test]
    fn the_expected_time_grows_with_the_bytes() {
        let (a, mut health) = (ServerId::new("a"), empty());
        assert_eq!(health.expected(&a, 1), None);
        health.success(&a, 100, 10 * MS);
        assert_eq!(health.expected(&a, 100), Some(10 * MS));
        health.success(&a, 1 << 20, 110 * MS);
        assert_eq!(health.expected(&a, 2 << 20), Some(210 * MS));
    }

    #[test]
    fn a_slow_server_is_known_as_slow_even_if_its_answers_are_always_cut_short() {
        let (a, mut health) = (ServerId::new("a"), empty());
        health.success(&a, 100, 10 * MS);
        health.partial(&a, 100_000, 1000 * MS);
        assert!(health.expected(&a, 1_000_000) > Some(9 * Duration::from_secs(1)));
    }

    #[test]
    fn a_few_bytes_in_a_long_time_make_a_server_slow_and_in_a_short_time_nothing() {
        let (a, mut health) = (ServerId::new("a"), empty());
        health.success(&a, 100, 10 * MS);
        let before = health.expected(&a, 1_000_000);
        health.partial(&a, 2_000, 15 * MS);
        assert_eq!(health.expected(&a, 1_000_000), before);
        health.partial(&a, 2_000, 100 * MS);
        assert!(health.expected(&a, 1_000_000) > Some(9 * Duration::from_secs(1)));
    }
}
