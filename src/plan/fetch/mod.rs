//! The fetching of one segment: which sources are asked, when, and when there is enough.
//!
//! A source is a share on a server. Facts come in through `on_*`, which only record them;
//! [`Fetch::decide`] looks at all of them and says what to ask and what to cancel. Nothing here
//! sends, receives, reads a clock or looks at a block: whoever drives the machine does.
//!
//! A request whose bytes stop coming for too long is *overdue*: its server goes to the bottom, another
//! source is asked in its stead, and its answer is still welcome. A request whose bytes keep coming is
//! slow, never overdue; a *hedge* may be asked beside it if that is expected to be quicker.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::policy::{DownloadPolicy, OverduePolicy};
use super::{Moment, Policy, doubled};
use crate::format::ShareNum;

mod decide;
#[cfg(test)]
mod tests;

/// Names a source within one machine: the position in the order of [`Fetch::add_source`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourceId(pub usize);

/// A share on a server, and what is expected of it.
#[derive(Debug, Clone, Copy)]
pub struct Source {
    /// Which server: any number, the same for all its shares.
    pub server: usize,
    /// Which share.
    pub share: ShareNum,
    /// Whether its hash trees are here already, so that asking it begins with the block.
    pub open: bool,
    /// How long one request of its opening should take, if anything is known.
    pub expected_open: Option<Duration>,
    /// How long the request for its block should take, if anything is known.
    pub expected_block: Option<Duration>,
    /// Whether its server was overdue or failed recently.
    pub suspect: bool,
}

/// What the driver has to do. In this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// Get a block from this source, opening it first if needed.
    Ask(SourceId),
    /// End the request to this source, on a connection that is not used again.
    Cancel(SourceId),
    /// Only to be told: this request is overdue now.
    Overdue(SourceId, Duration),
}

/// How the segment stands.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Status {
    /// Waiting for an answer, a new source, or the next deadline.
    Pending,
    /// These sources, of distinct shares, as many as are needed, gave good blocks.
    Complete(Vec<SourceId>),
    /// Nothing is outstanding and nothing will be: only a new source can help.
    Exhausted(Shortage),
}

/// What there is when a machine is exhausted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shortage {
    /// Distinct shares of which a good block came.
    pub good: usize,
    /// Sources that failed for a reason that might pass, as often as they may.
    pub failing: usize,
    /// Sources that served something wrong, or cannot serve.
    pub gone: usize,
}

/// What a source is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// What is needed before its block: header, hash trees, URI extension.
    Opening,
    /// Its block.
    Block,
}

#[derive(Debug, Clone)]
struct Asked {
    phase: Phase,
    /// When the request now under way was sent.
    sent: Moment,
    /// When its last byte came; `sent` before the first.
    heard: Moment,
    bytes: u64,
    /// When its first bytes came, and how many these were.
    first: Option<(Moment, u64)>,
    /// Since when it is overdue, and how long it had been silent by then.
    late: Option<(Moment, Duration)>,
    /// The slow request beside which this one was asked.
    beside: Option<usize>,
    /// Not before this moment is it considered for a hedge (again).
    hedge_after: Option<Moment>,
}

#[derive(Debug, Clone)]
enum State {
    Ready,
    Asked(Asked),
    Resting {
        until: Moment,
    },
    Good,
    /// Failed for good, or as often as it may.
    Spent,
    Gone,
}

#[derive(Debug, Clone)]
struct Entry {
    source: Source,
    state: State,
    failures: u32,
}

/// The machine for one segment.
#[derive(Debug, Clone)]
pub struct Fetch {
    needed: usize,
    block_bytes: u64,
    overdue: OverduePolicy,
    retries_max: u32,
    retry_after: Duration,
    hedges_left: usize,
    hedges_made: usize,
    overdue_seen: usize,
    entries: Vec<Entry>,
    demoted: BTreeSet<usize>,
    /// How often a server that owes an answer was asked something since it last gave one.
    tries: BTreeMap<usize, u32>,
    longest_open: Option<Duration>,
    longest_block: Option<Duration>,
    more_expected: bool,
}

impl Fetch {
    /// A segment that takes `needed` blocks of distinct shares, `block_bytes` each (a guess at first,
    /// corrected with [`Fetch::on_block_bytes`]), of which at most `hedges_max` may be asked as hedges.
    pub fn new(needed: usize, block_bytes: u64, hedges_max: usize, policy: &Policy) -> Self {
        let DownloadPolicy { retries_max, retry_after, .. } = policy.download;
        Self {
            needed,
            block_bytes,
            overdue: policy.overdue.clone(),
            retries_max,
            retry_after,
            hedges_left: hedges_max,
            hedges_made: 0,
            overdue_seen: 0,
            entries: Vec::new(),
            demoted: BTreeSet::new(),
            tries: BTreeMap::new(),
            longest_open: None,
            longest_block: None,
            more_expected: false,
        }
    }

    /// Another share became known, maybe long after the first.
    pub fn add_source(&mut self, source: Source) -> SourceId {
        self.entries.push(Entry { source, state: State::Ready, failures: 0 });
        SourceId(self.entries.len() - 1)
    }

    /// Whether answers that may bring new sources should come soon. Meanwhile no server is
    /// burdened with a second share.
    pub fn on_more_expected(&mut self, more: bool) {
        self.more_expected = more;
    }

    /// How long the blocks of this segment really are.
    pub fn on_block_bytes(&mut self, bytes: u64) {
        self.block_bytes = bytes;
    }

    /// `bytes` of the body of the request now under way have come; the last of them at `now`.
    pub fn on_progress(&mut self, id: SourceId, bytes: u64, now: Moment) {
        if let Some(asked) = self.asked_mut(id)
            && bytes > asked.bytes
        {
            asked.first.get_or_insert((now, bytes));
            asked.bytes = bytes;
            asked.heard = now;
        }
    }

    /// One request of the opening was answered and the next one is under way.
    pub fn on_step(&mut self, id: SourceId, now: Moment) {
        let Some(asked) = self.asked_mut(id) else { return };
        let (took, late) = (now.since(asked.sent), asked.late.is_some());
        (asked.sent, asked.heard, asked.bytes, asked.first) = (now, now, 0, None);
        if !late {
            self.longest_open = self.longest_open.max(Some(took));
        }
    }

    /// The source is open; the request for its block is under way.
    pub fn on_opened(&mut self, id: SourceId, now: Moment) {
        self.on_step(id, now);
        if let Some(entry) = self.entries.get_mut(id.0) {
            self.tries.remove(&entry.source.server);
            entry.source.open = true;
            if let State::Asked(asked) = &mut entry.state {
                asked.phase = Phase::Block;
            }
        }
    }

    /// A good block came.
    pub fn on_block(&mut self, id: SourceId, now: Moment) {
        let Some(asked) = self.asked_mut(id) else { return };
        let (took, late, phase) = (now.since(asked.sent), asked.late.is_some(), asked.phase);
        self.set(id, State::Good);
        let Some(server) = self.entries.get(id.0).map(|entry| entry.source.server) else { return };
        self.tries.remove(&server);
        if late {
            self.demoted.remove(&server);
        } else {
            match phase {
                Phase::Opening => self.longest_open = self.longest_open.max(Some(took)),
                Phase::Block => self.longest_block = self.longest_block.max(Some(took)),
            }
        }
    }

    /// The source served something wrong: it is not asked again.
    pub fn on_bad(&mut self, id: SourceId) {
        self.set(id, State::Gone);
    }

    /// The request failed. `may_pass`: asking again later may help.
    pub fn on_failed(&mut self, id: SourceId, may_pass: bool, now: Moment) {
        let Some(entry) = self.entries.get_mut(id.0) else { return };
        if !matches!(entry.state, State::Asked(_)) {
            return;
        }
        self.demoted.insert(entry.source.server);
        entry.state = if !may_pass {
            State::Gone
        } else if entry.failures >= self.retries_max {
            State::Spent
        } else {
            let pause = doubled(self.retry_after, entry.failures);
            entry.failures += 1;
            State::Resting { until: now + pause }
        };
    }

    /// A server was found wanting outside of this machine: it is asked last.
    pub fn on_suspect(&mut self, server: usize) {
        self.demoted.insert(server);
    }

    /// How long a request of this kind to this source may be silent before it is overdue, as things stand.
    pub fn patience(&self, id: SourceId, phase: Phase) -> Option<Duration> {
        self.entries.get(id.0).map(|entry| self.silence_max(entry, phase))
    }

    /// Whether a request to this source is under way.
    pub fn is_asked(&self, id: SourceId) -> bool {
        self.entries.get(id.0).is_some_and(|entry| matches!(entry.state, State::Asked(_)))
    }

    /// Hedges asked so far.
    pub fn hedges(&self) -> usize {
        self.hedges_made
    }

    /// Requests that became overdue so far.
    pub fn overdue(&self) -> usize {
        self.overdue_seen
    }

    fn asked_mut(&mut self, id: SourceId) -> Option<&mut Asked> {
        match self.entries.get_mut(id.0).map(|entry| &mut entry.state) {
            Some(State::Asked(asked)) => Some(asked),
            Some(State::Ready | State::Resting { .. } | State::Good | State::Spent | State::Gone) | None => {
                None
            }
        }
    }

    fn set(&mut self, id: SourceId, state: State) {
        if let Some(entry) = self.entries.get_mut(id.0) {
            entry.state = state;
        }
    }
}
