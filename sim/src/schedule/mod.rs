//! What one run does, as plain data: a scenario with every range drawn and every default filled in.
//!
//! A schedule is all a run needs; replaying it takes no seed but `seed`, which names the streams of the network
//! and of the file contents. Nothing here parses, draws or executes.

mod code;
mod door;
mod fault;
mod step;
mod storage;
mod trigger;

use std::time::Duration;

use lafs::format::Encoding;

pub use code::S3Code;
pub use door::{Again, Aim, Answer, Jump, Spoil, Throttle, Which};
pub use fault::{
    Direction, Disconnect, Fault, FaultKind, OffsetOf, RequestKind, ShareField, ShareTarget, Substitute,
    Target,
};
pub use step::{Action, Bound, Check, Degradation, ErrorKind, MutableAct, Outcome, Step, Upkeep};
pub use storage::{BUCKET, RETRY_POLICIES, S3Params, Storage};
pub use trigger::{Happening, Subject, Trigger};

use crate::verdict::Oracle;

/// One run, fully resolved.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    /// The scenario file, as it was named on the command line.
    pub path: String,
    /// Which variant of it, if it has a matrix.
    pub variant: Option<String>,
    /// Its one-line purpose.
    pub about: String,
    /// The seed all streams of this run derive from.
    pub seed: u64,
    /// The virtual time at which a run that has not ended counts as hung.
    pub deadline: Duration,
    /// Servers, clients and encoding.
    pub grid: Grid,
    /// Files that steps name.
    pub files: Vec<File>,
    /// Trees that steps back up.
    pub trees: Vec<Tree>,
    /// What happens, in order.
    pub steps: Vec<Step>,
    /// What goes wrong, and when.
    pub faults: Vec<Fault>,
    /// For a scenario that must fail: in which way.
    pub must_fail: Option<Failure>,
    /// The failure of a bug that is known and not mended yet.
    pub known_bug: Option<Failure>,
}

/// A failure that a run must, or may, show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The oracle that must trip, and no other.
    pub verdict: Oracle,
    /// What one of its findings must contain.
    pub says: String,
}

/// Servers, clients and encoding.
#[derive(Debug, Clone, PartialEq)]
pub struct Grid {
    /// The storage servers, in the order of the file.
    pub servers: Vec<Server>,
    /// Names of the clients.
    pub clients: Vec<String>,
    /// k and N.
    pub encoding: Encoding,
    /// Servers of happiness that an upload needs.
    pub happy: usize,
    /// Maximum plaintext bytes in a segment.
    pub segment_bytes_max: u64,
    /// Where servers keep their shares.
    pub storage: Storage,
    /// Whether clients repeat what failed for a reason that may pass.
    pub client_retries: bool,
}

/// One storage server.
#[derive(Debug, Clone, PartialEq)]
pub struct Server {
    /// Its name.
    pub name: String,
    /// The link between it and everybody else.
    pub link: Link,
    /// Bytes it has room for.
    pub space_bytes: u64,
    /// The longest share it takes, in bytes; none means whatever there is room for.
    pub share_bytes_max: Option<u64>,
}

/// A link in both directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// One-way delay: each message draws its own from this range.
    pub latency_min: Duration,
    /// See `latency_min`.
    pub latency_max: Duration,
    /// Bytes per second, each way; none means unlimited.
    pub bandwidth: Option<u64>,
}

/// A file whose content is derived from the seed and its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// The name steps use.
    pub name: String,
    /// Plaintext bytes.
    pub size: u64,
    /// Whether the key is random rather than convergent.
    pub random_key: bool,
    /// Whether it is a mutable file.
    pub mutable: bool,
    /// Whether it is a directory, which is a mutable file.
    pub directory: bool,
}

/// A tree of files whose content is derived from the seed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    /// The name steps use.
    pub name: String,
    /// How many files.
    pub files: u64,
    /// The directories that they are spread over, besides the top.
    pub directories: u64,
    /// Plaintext bytes of the longest file; the shortest has none.
    pub size_max: u64,
}
