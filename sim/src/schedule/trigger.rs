//! When faults begin and end.

use std::time::Duration;

/// When a fault begins or ends.
#[derive(Debug, Clone, PartialEq)]
pub enum Trigger {
    /// At this virtual time since the start of the run.
    At(Duration),
    /// This long after the fault began (ends only).
    After(Duration),
    /// When an event has happened so many times.
    Event {
        /// Whose events count.
        who: Subject,
        /// What counts.
        what: Happening,
        /// How many.
        count: u64,
        /// The chance, at each occurrence from the `count`th on, that it triggers.
        probability: f64,
        /// Only what happens during this step counts (from 1); none means always.
        during: Option<u64>,
    },
}

/// Whose events a trigger counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// The target of the fault; each target counts for itself.
    It,
    /// This host.
    Host(String),
    /// All servers together.
    AnyServer,
    /// All clients together.
    AnyClient,
}

/// What a trigger counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happening {
    /// A server finished sending a block of share data.
    BlockServed,
    /// A server finished any answer.
    RequestAnswered,
    /// A server received a request.
    RequestReceived,
    /// A server answered an allocation.
    AllocationAnswered,
    /// A server stored bytes of a share.
    WriteAnswered,
    /// A client received an answer to "which shares do you have".
    SharesAnswered,
    /// A client learned of a share it did not know of.
    ShareFound,
    /// A client finished a segment.
    SegmentDone,
    /// This step began (from 1).
    StepStarted(u64),
    /// This step ended (from 1).
    StepEnded(u64),
}
