//! What one run does: steps, how they must end, and what else must hold when they do.

use std::time::Duration;

use super::{ShareTarget, Target};

/// One step of the workload.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// What is done.
    pub action: Action,
    /// Whether it begins together with the step before it, not when that has ended.
    pub together: bool,
    /// The client that does it.
    pub by: String,
    /// How it must end.
    pub outcome: Outcome,
    /// The virtual time it may take.
    pub within: Option<Duration>,
    /// What else must hold when it ends.
    pub checks: Vec<Check>,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Uploads a file.
    Upload {
        /// Its name.
        file: String,
    },
    /// Downloads a file or a part of it.
    Download {
        /// Its name.
        file: String,
        /// Offset and length in bytes; none means all.
        range: Option<(u64, u64)>,
    },
    /// Lets time pass.
    Wait(Duration),
    /// Removes the shares of a file from some servers, behind the protocol's back.
    Delete {
        /// Its name.
        file: String,
        /// From whom.
        on: Target,
    },
    /// Copies a share to another server, behind the protocol's back.
    Copy {
        /// What is copied, and from whom.
        share: ShareTarget,
        /// To whom.
        to: String,
    },
    /// Replaces a client by a new one that remembers nothing.
    Forget,
}

/// How a step must end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// With success, and the right bytes.
    Success,
    /// With success or with any clean error.
    Either,
    /// With an error of this kind.
    Error(ErrorKind),
    /// Not at all: whoever wanted it gives it up.
    Cancelled,
}

/// The kinds of error a step can expect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// Enough servers answered to know that no share exists.
    NoShares,
    /// Enough servers answered to know that fewer than k shares exist.
    NotEnoughShares,
    /// Servers that may hold the missing shares cannot be reached for now.
    Unreachable,
    /// An upload could not be spread over enough servers.
    Unhappy,
}

/// What else must hold when a step ends.
#[derive(Debug, Clone, PartialEq)]
pub enum Check {
    /// An upload placed this many distinct shares.
    SharesPlaced(Bound),
    /// Servers of happiness reached by an upload.
    Happiness(Bound),
    /// Share data read from these servers: none.
    NotFrom(Target),
    /// Bytes received over the size of what was asked for, in percent, at most.
    FetchedPercentMax(u64),
    /// Requests sent.
    Requests(Bound),
    /// Bytes the servers still reserve for uploads that are not complete: none.
    NothingAllocated,
    /// Corruption reports the servers received during this step.
    CorruptionReports(Bound),
    /// Time added by faults to the slowest segment, as a multiple of the slowest good answer for that segment.
    StallMultipleMax(u32),
}

/// At least, at most, or exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    /// The least that passes.
    pub min: u64,
    /// The most that passes.
    pub max: u64,
}
