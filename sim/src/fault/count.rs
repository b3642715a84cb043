//! Counting what triggers wait for.
//!
//! A counter only counts; what happens when it fires is decided by the book.

use std::collections::BTreeMap;

use lafs::client::Event;
use lafs::client::event::Question;
use rand_chacha::ChaCha8Rng;
use rand_core::Rng;

use crate::net::HostId;
use crate::schedule::{Happening, Subject, Trigger};
use crate::trace::{Entry, Request, ServerEvent, StepEvent};

/// Something that triggers count: who, what, how often at once.
pub(super) type Occurrence = (Option<HostId>, Happening, u64);

/// What of `entry` can be counted: at most two kinds of happening.
pub(super) fn occurrences(entry: &Entry) -> [Option<Occurrence>; 2] {
    let one = |occurrence| [Some(occurrence), None];
    match entry {
        Entry::Server { host, event: ServerEvent::Received(_) } => {
            one((Some(*host), Happening::RequestReceived, 1))
        }
        Entry::Server { host, event: ServerEvent::Answered { request, blocks, .. } } => {
            let special = match request {
                Request::Read(_) if *blocks > 0 => Some((Some(*host), Happening::BlockServed, *blocks)),
                Request::Allocate => Some((Some(*host), Happening::AllocationAnswered, 1)),
                Request::Write(_) => Some((Some(*host), Happening::WriteAnswered, 1)),
                _ => None,
            };
            [Some((Some(*host), Happening::RequestAnswered, 1)), special]
        }
        Entry::Client { host, event } => match event {
            Event::Answered { question: Question::Shares, .. } => {
                one((Some(*host), Happening::SharesAnswered, 1))
            }
            Event::ShareFound { .. } => one((Some(*host), Happening::ShareFound, 1)),
            Event::SegmentDone { .. } => one((Some(*host), Happening::SegmentDone, 1)),
            _ => [None, None],
        },
        Entry::Step { step, event } => {
            let number = *step as u64 + 1;
            one(match event {
                StepEvent::Began(_) => (None, Happening::StepStarted(number), 1),
                StepEvent::Ended(_) => (None, Happening::StepEnded(number), 1),
            })
        }
        Entry::Net(_) | Entry::Fault { .. } => [None, None],
    }
}

/// How far one event trigger has come.
#[derive(Debug)]
pub(super) struct Counter {
    trigger: Trigger,
    seen: BTreeMap<Option<HostId>, u64>,
    rng: ChaCha8Rng,
}

/// Whom a trigger fired for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fired {
    /// For every target.
    All,
    /// For this host, if it is a target.
    Host(HostId),
}

impl Counter {
    pub(super) fn new(trigger: &Trigger, rng: ChaCha8Rng) -> Self {
        Self { trigger: trigger.clone(), seen: BTreeMap::new(), rng }
    }

    /// Counts `occurrence`, seen while step number `step` was under way; says whether it fires now.
    /// `is_host` tells whether a name belongs to a host, `is_server` whether a host is a server.
    pub(super) fn count(
        &mut self,
        (host, happening, times): Occurrence,
        step: u64,
        named: impl Fn(HostId, &str) -> bool,
        is_server: impl Fn(HostId) -> bool,
    ) -> Option<Fired> {
        let Trigger::Event { who, what, count, probability, during } = &self.trigger else { return None };
        if *what != happening || during.is_some_and(|wanted| wanted != step) {
            return None;
        }
        let (key, fired) = match (who, host) {
            (_, None) => (None, Fired::All),
            (Subject::It, Some(host)) => (Some(host), Fired::Host(host)),
            (Subject::Host(name), Some(host)) => named(host, name).then_some((None, Fired::All))?,
            (Subject::AnyServer, Some(host)) => is_server(host).then_some((None, Fired::All))?,
            (Subject::AnyClient, Some(host)) => (!is_server(host)).then_some((None, Fired::All))?,
        };
        let seen = self.seen.entry(key).or_insert(0);
        let before = *seen;
        *seen += times;
        if *seen < *count {
            return None;
        }
        let draws = times.min(*seen - (*count - 1).max(before));
        (0..draws).any(|_| *probability >= 1.0 || unit(&mut self.rng) < *probability).then_some(fired)
    }
}

/// A number in [0, 1).
fn unit(rng: &mut ChaCha8Rng) -> f64 {
    (rng.next_u32() as f64) / (f64::from(u32::MAX) + 1.0)
}
