//! Counting what triggers wait for.
//!
//! A counter only counts; what happens when it fires is decided by the book.

use std::collections::{BTreeMap, BTreeSet};

use lafs::client::Event;
use lafs::client::event::Question;
use rand_chacha::ChaCha8Rng;

use crate::net::HostId;
use crate::schedule::{Happening, Subject, Trigger};
use crate::seed::unit;
use crate::trace::{Entry, Request, ServerEvent, StepEvent};

/// Something that triggers count.
#[derive(Debug, Clone, Copy)]
pub(super) struct Occurrence {
    /// Who did it; none for the workload.
    pub(super) host: Option<HostId>,
    pub(super) what: Happening,
    /// How often at once.
    pub(super) times: u64,
    /// In which step (from 1), if that is known; otherwise it may be any that is under way.
    pub(super) step: Option<u64>,
}

/// What of `entry` can be counted: at most two kinds of happening.
pub(super) fn occurrences(entry: &Entry) -> [Option<Occurrence>; 2] {
    let at_server = |host: &HostId, what, times| Occurrence { host: Some(*host), what, times, step: None };
    match entry {
        Entry::Server { host, event: ServerEvent::Received(_) } => {
            [Some(at_server(host, Happening::RequestReceived, 1)), None]
        }
        Entry::Server { event: ServerEvent::Spoilt { .. }, .. } => [None, None],
        Entry::Server { host, event: ServerEvent::Answered { request, status, blocks, .. } } => {
            let special = match request {
                Request::Read(_) if *blocks > 0 => Some(at_server(host, Happening::BlockServed, *blocks)),
                Request::Allocate => Some(at_server(host, Happening::AllocationAnswered, 1)),
                // One that wrote something.
                Request::TestWrite if *blocks > 0 && *status < 300 => {
                    Some(at_server(host, Happening::WriteAnswered, 1))
                }
                Request::Write(_) if *status < 300 => Some(at_server(host, Happening::WriteAnswered, 1)),
                _ => None,
            };
            [Some(at_server(host, Happening::RequestAnswered, 1)), special]
        }
        Entry::Client { host, step, event } => {
            let what = match event {
                Event::Answered { question: Question::Shares, .. } => Happening::SharesAnswered,
                Event::ShareFound { .. } => Happening::ShareFound,
                Event::SegmentDone { .. } => Happening::SegmentDone,
                _ => return [None, None],
            };
            [Some(Occurrence { host: Some(*host), what, times: 1, step: Some(*step as u64 + 1) }), None]
        }
        Entry::Step { step, event } => {
            let number = *step as u64 + 1;
            let what = match event {
                StepEvent::Began(_) => Happening::StepStarted(number),
                StepEvent::Ended(_) => Happening::StepEnded(number),
            };
            [Some(Occurrence { host: None, what, times: 1, step: Some(number) }), None]
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

    /// Counts `occurrence`, seen while the steps of these numbers were under way; says whether it fires now.
    /// `named` tells whether a name belongs to a host, `is_server` whether a host is a server.
    pub(super) fn count(
        &mut self,
        occurrence: Occurrence,
        under_way: &BTreeSet<u64>,
        named: impl Fn(HostId, &str) -> bool,
        is_server: impl Fn(HostId) -> bool,
    ) -> Option<Fired> {
        let Trigger::Event { who, what, count, probability, during } = &self.trigger else { return None };
        let Occurrence { host, times, .. } = occurrence;
        let in_step = |wanted: u64| match occurrence.step {
            Some(step) => step == wanted,
            None => under_way.contains(&wanted),
        };
        if *what != occurrence.what || !during.is_none_or(in_step) {
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
