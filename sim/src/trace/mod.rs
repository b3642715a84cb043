//! Everything that happened in a run, in order: its fingerprint, and the last of it as text.
//!
//! The fingerprint is the SHA-256 of all entries, whether they are kept or not. Nothing here judges.

mod describe;

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::time::Duration;

use lafs::client::{Deadlines, Event};
use lafs::format::ShareNum;
use sha2::{Digest, Sha256};

use crate::net::{HostId, NetEvent, NetEventKind};
use crate::schedule::{RequestKind, Spoil};

pub use describe::{Names, question_text};

/// Bytes gathered before they are hashed.
const BATCH_BYTES: usize = 4096;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Entry {
    /// On the network, or to a host as a whole.
    Net(NetEvent),
    /// Inside a client.
    Client {
        /// Which.
        host: HostId,
        /// For which step, by its index in the schedule.
        step: usize,
        /// What it did or learned.
        event: Event,
    },
    /// At the front door of a server.
    Server {
        /// Which.
        host: HostId,
        /// What came in or went out.
        event: ServerEvent,
    },
    /// In the plan of faults.
    Fault {
        /// Its index in the schedule.
        fault: usize,
        /// To whom; none for the fault as a whole.
        host: Option<HostId>,
        /// What became of it.
        event: FaultEvent,
    },
    /// In the workload.
    Step {
        /// Its index in the schedule.
        step: usize,
        /// What became of it.
        event: StepEvent,
    },
}

/// What a server was asked and when its answer had gone out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerEvent {
    /// A request arrived.
    Received(Request),
    /// The last byte of the answer was handed to the connection.
    Answered {
        /// The request.
        request: Request,
        /// The HTTP status.
        status: u16,
        /// Body bytes.
        bytes: u64,
        /// Whole blocks of share data among them.
        blocks: u64,
    },
    /// A fault spoilt the answer.
    Spoilt {
        /// The request.
        request: Request,
        /// The fault's index in the schedule.
        fault: usize,
        /// What is wrong with it.
        how: Spoil,
    },
}

/// What a server, or the bucket, is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// Version and limits.
    Version,
    /// Which shares of a file are here.
    Shares,
    /// Room for shares.
    Allocate,
    /// Bytes of a share, to be stored.
    Write(ShareNum),
    /// Mutable shares, to be written if they are as the writer believes.
    TestWrite,
    /// A share, to be forgotten.
    Abort(ShareNum),
    /// Bytes of a share.
    Read(ShareNum),
    /// A lease.
    Lease,
    /// A report of corruption.
    Corrupt(ShareNum),
    /// Something about objects in a bucket.
    Object(ObjectRequest),
    /// Anything else.
    Other,
}

/// What a bucket is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObjectRequest {
    /// Of the kinds that buckets are asked.
    pub kind: RequestKind,
    /// The share that the object holds, as its key says; none if the key is not that of a share.
    pub share: Option<ShareNum>,
}

/// What became of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultEvent {
    /// It began.
    Began,
    /// It touched something for the first time.
    Bit,
    /// It ended.
    Ended,
}

/// What became of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepEvent {
    /// It began; this is what it does.
    Began(String),
    /// It ended; this is how.
    Ended(String),
}

/// How much of a trace is kept as entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// The last so many, without what TCP does by itself.
    Last(usize),
    /// All, for a full timeline.
    All,
}

/// The entries of one run.
#[derive(Debug)]
pub struct Trace {
    hasher: Sha256,
    batch: Vec<u8>,
    keep: Keep,
    kept: VecDeque<(Duration, Entry)>,
    entries: u64,
}

impl Trace {
    /// Nothing has happened yet.
    pub fn new(keep: Keep) -> Self {
        Self {
            hasher: Sha256::new(),
            batch: Vec::with_capacity(2 * BATCH_BYTES),
            keep,
            kept: VecDeque::new(),
            entries: 0,
        }
    }

    /// Takes the next entry. `at` is virtual time since the start of the run.
    pub fn push(&mut self, at: Duration, entry: Entry) {
        self.entries += 1;
        let nanos = u64::try_from(at.as_nanos()).unwrap_or(u64::MAX);
        self.batch.extend_from_slice(&nanos.to_be_bytes());
        entry.encode(&mut self.batch);
        if self.batch.len() >= BATCH_BYTES {
            self.hasher.update(&self.batch);
            self.batch.clear();
        }
        if let Keep::Last(count) = self.keep {
            if count == 0 || entry.is_chatter() {
                return;
            }
            if self.kept.len() == count {
                self.kept.pop_front();
            }
        }
        self.kept.push_back((at, entry));
    }

    /// How many entries there were.
    pub fn entries(&self) -> u64 {
        self.entries
    }

    /// What was kept, oldest first.
    pub fn kept(&self) -> impl Iterator<Item = &(Duration, Entry)> {
        self.kept.iter()
    }

    /// SHA-256 of all entries so far, in hexadecimal.
    pub fn fingerprint(&self) -> String {
        let digest = self.hasher.clone().chain_update(&self.batch).finalize();
        digest.iter().fold(String::with_capacity(64), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

impl Entry {
    /// Whether it is only worth a line in a full timeline: what TCP does by itself, over and over.
    fn is_chatter(&self) -> bool {
        use NetEventKind as K;
        matches!(
            self,
            Self::Net(NetEvent {
                kind: K::Held { .. }
                    | K::Retransmitted { .. }
                    | K::WindowOpened { .. }
                    | K::AcceptQueued { .. }
                    | K::Accepted { .. },
                ..
            })
        )
    }

    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Net(event) => {
                out.push(1);
                event.encode(out);
            }
            // The most frequent one; spans as text would cost as much as all the rest.
            Self::Client { host, step, event: Event::Asked { server, question, deadlines } } => {
                out.push(6);
                let _ = write!(Text(out), "{host:?}{step}{server:?}{question:?}");
                let Deadlines { silence_max, overdue_after, stall_max, operation_left } = *deadlines;
                for span in [silence_max, overdue_after, stall_max, operation_left] {
                    let nanos =
                        span.map_or(u64::MAX, |span| u64::try_from(span.as_nanos()).unwrap_or(u64::MAX));
                    out.extend_from_slice(&nanos.to_be_bytes());
                }
            }
            Self::Client { host, step, event } => {
                out.push(2);
                let _ = write!(Text(out), "{host:?}{step}{event:?}");
            }
            Self::Server { host, event } => {
                out.push(3);
                let _ = write!(Text(out), "{host:?}{event:?}");
            }
            Self::Fault { fault, host, event } => {
                out.push(4);
                let _ = write!(Text(out), "{fault}{host:?}{event:?}");
            }
            Self::Step { step, event } => {
                out.push(5);
                let _ = write!(Text(out), "{step}");
                // Not the words: rewording them must change no fingerprint.
                out.push(match event {
                    StepEvent::Began(_) => 0,
                    StepEvent::Ended(how) if how.starts_with("success") => 1,
                    StepEvent::Ended(_) => 2,
                });
            }
        }
    }
}

struct Text<'a>(&'a mut Vec<u8>);

impl std::fmt::Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}
