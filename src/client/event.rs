//! What an operation tells while it runs: for progress bars, logs and "what is it waiting for".
//!
//! Events only tell; nothing an observer does can change the course of an operation.

use std::time::Duration;

use crate::format::{ServerId, ShareNum};

/// Something an operation did or learned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A request was sent and its answer is now waited for.
    Asked {
        /// Whom.
        server: ServerId,
        /// For what.
        question: Question,
        /// What ends the waiting, as things stand now.
        deadlines: Deadlines,
    },
    /// The answer to such a request is complete and was understood.
    Answered {
        /// Who.
        server: ServerId,
        /// To what.
        question: Question,
    },
    /// Such a request ended without a usable answer.
    Failed {
        /// Who.
        server: ServerId,
        /// At what.
        question: Question,
        /// Why, in one line.
        reason: String,
    },
    /// A request was given up because its answer is no longer needed.
    Cancelled {
        /// Whom it had been sent to.
        server: ServerId,
        /// What it had asked.
        question: Question,
    },
    /// A request took longer than it should; others are asked in its stead.
    Overdue {
        /// Who is late.
        server: ServerId,
        /// With what.
        question: Question,
        /// After how long.
        after: Duration,
    },
    /// A server holds a share of the file.
    ShareFound {
        /// Who.
        server: ServerId,
        /// Which.
        share: ShareNum,
    },
    /// A share or block failed its hash and its source is not used again.
    ShareCorrupt {
        /// Who served it.
        server: ServerId,
        /// Which.
        share: ShareNum,
        /// What did not match.
        reason: String,
    },
    /// A segment was decoded, checked and delivered (download) or sent to every server (upload).
    SegmentDone {
        /// Its number, from 0.
        segment: u64,
        /// How many there are.
        segments: u64,
    },
    /// A server will hold, or holds already, a share that is being uploaded.
    SharePlaced {
        /// Who.
        server: ServerId,
        /// Which.
        share: ShareNum,
        /// Whether it was there before.
        existing: bool,
    },
    /// A share that was being uploaded will not be on this server.
    ShareLost {
        /// Who lost it.
        server: ServerId,
        /// Which.
        share: ShareNum,
        /// Why, in one line.
        reason: String,
    },
}

/// The deadlines of one request when it is sent, as spans. `None`: nothing ends the waiting in this way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Deadlines {
    /// It fails when no byte of it or of its answer moved for this long.
    pub silence_max: Option<Duration>,
    /// It is overdue, and others are asked in its stead, when nothing moved for this long. Answers to other
    /// requests may change that later; [`Event::Overdue`] tells when it has come to pass.
    pub overdue_after: Option<Duration>,
    /// The operation fails when nothing useful came from anybody for this long.
    pub stall_max: Option<Duration>,
    /// The operation ends by then, counted from now.
    pub operation_left: Option<Duration>,
}

/// What a request asks of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Question {
    /// Its version and limits.
    Version,
    /// Which shares of the file it holds.
    Shares,
    /// Room for shares.
    Allocate,
    /// To store bytes of a share.
    Write(ShareNum),
    /// To forget a share that is not complete.
    Abort(ShareNum),
    /// The header, hash trees and URI extension of a share.
    Metadata(ShareNum),
    /// One block of a share.
    Block {
        /// Which share.
        share: ShareNum,
        /// Which segment, from 0.
        segment: u64,
    },
    /// To write a mutable share if what is there is what the writer expects.
    TestAndWrite(ShareNum),
    /// To note that a share is corrupt.
    ReportCorrupt(ShareNum),
}

/// Receives the events of operations. Called in order, from within the operation: be quick.
pub trait Observe: Send + Sync {
    /// Takes one event.
    fn on_event(&self, event: &Event);
}

/// Lets every event pass unseen.
#[derive(Debug, Clone, Copy)]
pub struct Ignore;

impl Observe for Ignore {
    fn on_event(&self, _event: &Event) {}
}
