//! What became of the operations of one step, in numbers: a step that repeats itself a thousand times says more than how
//! its last repetition ended. Judges nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Ending;
use crate::ledger::Received;
use crate::model::Census;
use crate::scenario::error_words;
use crate::schedule::ErrorKind;
use crate::world::World;

/// What an operation was doing when it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// It read what was there, and changed nothing yet.
    Reading,
    /// It wrote.
    Writing,
}

impl Phase {
    /// In a word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Reading => "reading",
            Self::Writing => "writing",
        }
    }
}

/// A way to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Failure {
    /// What it was doing.
    pub phase: Phase,
    /// The error, in the words of scenario files; "other" if they have none for it.
    pub kind: &'static str,
}

/// What became of the operations of one step.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many there were.
    pub operations: u64,
    /// Those that succeeded, as the client says.
    pub succeeded: u64,
    /// Those that failed, by how.
    pub failed: BTreeMap<Failure, u64>,
    /// Virtual time that they took, without what was between them.
    pub busy: Duration,
    /// What arrived at servers while they were under way.
    pub received: Received,
    /// What was there after each.
    pub read_back: ReadBacks,
    /// Of backups: what became of their files.
    pub files: FileCounts,
}

/// What became of the files of backups.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FileCounts {
    /// So small that they have no shares.
    pub literal: u64,
    /// Uploaded, those without shares not counted.
    pub uploaded: u64,
    /// Known from before.
    pub reused: u64,
    /// Left out, although they were tried.
    pub skipped: u64,
}

impl FileCounts {
    /// These came to it as well.
    pub fn add(&mut self, others: Self) {
        let Self { literal, uploaded, reused, skipped } = others;
        self.literal += literal;
        self.uploaded += uploaded;
        self.reused += reused;
        self.skipped += skipped;
    }
}

/// What reads found that were made behind operations to see what these had left.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReadBacks {
    /// Reads that told.
    pub read: u64,
    /// Reads that failed.
    pub unread: u64,
    /// Of all reads that told: lines that had been acknowledged and were missing.
    pub missing: u64,
    /// Of the last read that told: the lines of this step.
    pub lines: u64,
    /// Those of them that nobody had acknowledged.
    pub unacknowledged: u64,
}

impl Tally {
    /// How many failed.
    pub fn failures(&self) -> u64 {
        self.failed.values().sum()
    }

    /// Runs one operation and counts it.
    pub(super) async fn count(
        &mut self,
        world: &World,
        step: usize,
        operation: impl Future<Output = Ending>,
    ) -> Ending {
        let received = || world.recorder().records().ledger.received(step);
        let (before, began) = (received(), world.recorder().now());
        let ending = operation.await;
        self.busy += world.recorder().now() - began;
        self.received.add(&received().since(&before));
        match &ending {
            Ending::Done => {}
            Ending::Failed { kind, phase, .. } => self.failed(*phase, *kind),
            // Whoever gave it up knows nothing of it.
            Ending::Cancelled { .. } => self.operations += 1,
            Ending::Uploaded(_)
            | Ending::Downloaded { .. }
            | Ending::Wrote(_)
            | Ending::Read(_)
            | Ending::Kept(_)
            | Ending::BackedUp(_)
            | Ending::Restored { .. } => {
                self.operations += 1;
                self.succeeded += 1;
            }
        }
        ending
    }

    fn failed(&mut self, phase: Phase, kind: Option<ErrorKind>) {
        self.operations += 1;
        let failure = Failure { phase, kind: kind.map_or("other", error_words) };
        *self.failed.entry(failure).or_default() += 1;
    }
}

impl ReadBacks {
    /// Takes what a read found; nothing if it failed.
    pub(super) fn take(&mut self, census: Option<Census>) {
        match census {
            None => self.unread += 1,
            Some(Census { lines, unacknowledged, missing }) => {
                self.read += 1;
                self.missing += missing;
                (self.lines, self.unacknowledged) = (lines, unacknowledged);
            }
        }
    }
}
