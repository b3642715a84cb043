//! What each step under way asked, whom, and what came of it: for checks, for stalls, and for "what does it wait for".
//!
//! Counts only; whether a count is good or bad is for the oracles to say.

mod received;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use lafs::client::event::Question;
use lafs::client::{Deadlines, Event};
use lafs::format::{ServerId, ShareNum};

pub use self::received::Received;
use crate::net::{HostId, NetEvent, NetEventKind};
use crate::trace::{Entry, Request, ServerEvent, StepEvent};

/// A request whose answer is still awaited: who asks, in which step, whom, for what.
pub type Open = (HostId, usize, ServerId, Question);

/// What is known of an open request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// When it was sent.
    pub since: Duration,
    /// What ends the waiting, as the client said then.
    pub deadlines: Deadlines,
    /// Since when the client asks others in its stead.
    pub overdue: Option<Duration>,
}

/// The counts of the steps under way, and what is open.
#[derive(Debug, Default)]
pub struct Ledger {
    open: BTreeMap<Open, Waiting>,
    heard: BTreeMap<(HostId, HostId), Heard>,
    /// Connection attempts, by who made them.
    dials: BTreeMap<HostId, u64>,
    steps: BTreeMap<usize, Counts>,
}

/// What one host got from another.
#[derive(Debug, Clone, Copy, Default)]
struct Heard {
    last: Duration,
    /// Payload since the start of the run.
    bytes: u64,
}

/// What a host moved over the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Traffic {
    /// Payload bytes that arrived at it.
    pub received_bytes: u64,
    /// Payload bytes of it that arrived somewhere.
    pub sent_bytes: u64,
    /// Connections it tried to open.
    pub dials: u64,
}

/// The counts of one step.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests that clients sent.
    pub requests: u64,
    /// Bytes of share data that servers sent.
    pub fetched_bytes: u64,
    /// Servers that were sent any request.
    pub asked: BTreeSet<ServerId>,
    /// What arrived at servers.
    pub received: Received,
    /// Servers that were asked for blocks.
    pub block_sources: BTreeSet<ServerId>,
    /// Corruption reports that servers received.
    pub corruption_reports: u64,
    /// Shares that clients found corrupt.
    pub corrupt: BTreeSet<(ServerId, ShareNum)>,
    /// Requests sent to a further server because another was overdue or slow.
    pub overdue: u64,
    /// Requests that in the end nobody needed: cancelled, answered when their segment was done, or for a block
    /// that had come already.
    pub spare_requests: u64,
    blocks: BTreeSet<(u64, ShareNum)>,
    segments: BTreeMap<u64, Segment>,
    last_done: Option<Duration>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Segment {
    first_asked: Option<Duration>,
    slowest_good: Duration,
    took: Option<Duration>,
}

/// How long a segment took beyond its slowest good answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stall {
    /// The segment, from 0.
    pub segment: u64,
    /// Time beyond the slowest good answer.
    pub added: Duration,
    /// The slowest good answer of that segment.
    pub slowest_good: Duration,
}

impl Ledger {
    /// Hears one entry of the trace.
    pub fn hear(&mut self, now: Duration, entry: &Entry) {
        match entry {
            Entry::Step { step, event: StepEvent::Began(_) } => {
                self.steps.insert(*step, Counts::default());
            }
            Entry::Step { step, event: StepEvent::Ended(_) } => drop(self.steps.remove(step)),
            Entry::Client { host, step, event } => self.client(now, *host, *step, event),
            Entry::Server { event, .. } => match event {
                // A server does not know for which of the steps under way it works.
                ServerEvent::Received(request) => {
                    let report = matches!(request, Request::Corrupt(_));
                    for counts in self.steps.values_mut() {
                        counts.corruption_reports += u64::from(report);
                        counts.received.take(*request);
                    }
                }
                ServerEvent::Answered { request: Request::Read(_), bytes, .. } => {
                    self.steps.values_mut().for_each(|counts| counts.fetched_bytes += bytes);
                }
                ServerEvent::Answered { .. } | ServerEvent::Spoilt { .. } => {}
            },
            Entry::Fault { .. } | Entry::Net(_) => {}
        }
    }

    /// Hears one event of the network: who got bytes from whom, and who dials.
    pub fn hear_net(&mut self, event: &NetEvent) {
        if let NetEventKind::Delivered { from, to, bytes, .. } = event.kind {
            let heard = self.heard.entry((from, to)).or_default();
            *heard = Heard { last: event.at, bytes: heard.bytes + bytes };
        }
        if let NetEventKind::ConnectSent { from, .. } = event.kind {
            *self.dials.entry(from).or_default() += 1;
        }
    }

    /// What `host` moved since the start of the run.
    pub fn traffic(&self, host: HostId) -> Traffic {
        let sum = |this: &dyn Fn(&(HostId, HostId)) -> bool| {
            self.heard.iter().filter(|(way, _)| this(way)).map(|(_, heard)| heard.bytes).sum()
        };
        Traffic {
            received_bytes: sum(&|(_, to)| *to == host),
            sent_bytes: sum(&|(from, _)| *from == host),
            dials: self.dials.get(&host).copied().unwrap_or_default(),
        }
    }

    fn client(&mut self, now: Duration, host: HostId, step: usize, event: &Event) {
        let counts = self.steps.entry(step).or_default();
        match event {
            Event::Asked { server, question, deadlines } => {
                counts.requests += 1;
                counts.asked.insert(server.clone());
                let waiting = Waiting { since: now, deadlines: *deadlines, overdue: None };
                self.open.insert((host, step, server.clone(), *question), waiting);
                if let Question::Block { segment, .. } = question {
                    counts.block_sources.insert(server.clone());
                    counts.segments.entry(*segment).or_default().first_asked.get_or_insert(now);
                }
            }
            Event::Answered { server, question } => {
                let asked = self.open.remove(&(host, step, server.clone(), *question));
                if let (Some(asked), Question::Block { segment, share }) = (asked, question) {
                    let again = !counts.blocks.insert((*segment, *share));
                    let segment = counts.segments.entry(*segment).or_default();
                    segment.slowest_good = segment.slowest_good.max(now - asked.since);
                    counts.spare_requests += u64::from(again || segment.took.is_some());
                }
            }
            Event::Failed { server, question, .. } => {
                self.open.remove(&(host, step, server.clone(), *question));
            }
            Event::Cancelled { server, question } => {
                counts.spare_requests += 1;
                self.open.remove(&(host, step, server.clone(), *question));
            }
            Event::SegmentDone { segment, .. } => {
                let entry = counts.segments.entry(*segment).or_default();
                let began = entry.first_asked.max(counts.last_done);
                entry.took = began.map(|began| now - began);
                counts.last_done = Some(now);
            }
            Event::ShareCorrupt { server, share, .. } => {
                counts.corrupt.insert((server.clone(), *share));
            }
            Event::Overdue { server, question, .. } => {
                counts.overdue += 1;
                if let Some(waiting) = self.open.get_mut(&(host, step, server.clone(), *question)) {
                    waiting.overdue = Some(now);
                }
            }
            Event::ShareFound { .. } | Event::SharePlaced { .. } | Event::ShareLost { .. } => {}
        }
    }

    /// The counts of a step that is under way.
    pub fn counts(&self, step: usize) -> Counts {
        self.steps.get(&step).cloned().unwrap_or_default()
    }

    /// What has arrived at servers since a step began that is under way.
    pub fn received(&self, step: usize) -> Received {
        self.steps.get(&step).map(|counts| counts.received.clone()).unwrap_or_default()
    }

    /// Requests whose answer is still awaited.
    pub fn open(&self) -> &BTreeMap<Open, Waiting> {
        &self.open
    }

    /// When `to` last received a byte from `from`.
    pub fn last_heard(&self, from: HostId, to: HostId) -> Option<Duration> {
        self.heard.get(&(from, to)).map(|heard| heard.last)
    }

    /// Forgets what a client had open: it is gone.
    pub fn forget(&mut self, host: HostId) {
        self.open.retain(|(client, ..), _| *client != host);
    }
}

impl Counts {
    /// The segment that was held up longest, relative to its slowest good answer.
    pub fn worst_stall(&self) -> Option<Stall> {
        self.segments
            .iter()
            .filter_map(|(&segment, state)| {
                let added = state.took?.saturating_sub(state.slowest_good);
                Some(Stall { segment, added, slowest_good: state.slowest_good })
            })
            .max_by(|a, b| {
                let left = a.added.as_nanos() * b.slowest_good.as_nanos().max(1);
                let right = b.added.as_nanos() * a.slowest_good.as_nanos().max(1);
                left.cmp(&right)
            })
    }
}

impl Stall {
    /// `added` as a multiple of `slowest_good`.
    pub fn multiple(&self) -> f64 {
        self.added.as_secs_f64() / self.slowest_good.as_secs_f64().max(1e-3)
    }
}

#[cfg(test)]
mod tests;
