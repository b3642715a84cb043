//! What one run does, as plain data: a scenario with every range drawn and every default filled in.
//!
//! A schedule is all a run needs; replaying it takes no seed but `seed`, which names the streams of the network
//! and of the file contents. Nothing here parses, draws or executes.

use std::time::Duration;

use lafs::format::Encoding;

use crate::verdict::Oracle;

/// One run, fully resolved.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    /// The scenario file, as it was named on the command line.
    pub path: String,
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
}

/// One step of the workload.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// What is done.
    pub action: Action,
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

/// Servers (or clients) a fault or check is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// These hosts.
    Hosts(Vec<String>),
    /// Servers that hold a good share of a file when the fault is armed.
    Holders {
        /// The file.
        file: String,
        /// Holders of this share only.
        share: Option<u8>,
        /// So many of them, chosen by `draw`; none means all.
        count: Option<usize>,
        /// What chooses.
        draw: u64,
    },
}

/// Share copies a fault or step is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShareTarget {
    /// The file.
    pub file: String,
    /// This share number; none means any.
    pub share: Option<u8>,
    /// Only copies on these servers; none means everywhere.
    pub on: Option<Target>,
}

/// One thing that goes wrong.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// Its name, unique in the file.
    pub name: String,
    /// What it does.
    pub kind: FaultKind,
    /// To whom.
    pub on: Target,
    /// When it begins.
    pub when: Trigger,
    /// When it ends; none means never.
    pub until: Option<Trigger>,
    /// Whether a run in which it touched nothing is still valid.
    pub may_stay_inert: bool,
}

/// What a fault does to its targets.
#[derive(Debug, Clone, PartialEq)]
pub enum FaultKind {
    /// The program stops running; its kernel goes on acknowledging.
    Hang,
    /// The program runs, but requests of this kind get no answer until the end of the fault.
    HangOnly(RequestKind),
    /// Messages vanish silently.
    Partition(Direction),
    /// Connections end.
    Disconnect(Disconnect),
    /// The program dies; the end of the fault restarts it with the same disk.
    Crash,
    /// The machine goes dark without a word; the end of the fault boots it with the same disk.
    PowerLoss,
    /// The link becomes this.
    Slow(Link),
    /// Stored bytes of a share change.
    Corrupt {
        /// Which copies.
        share: ShareTarget,
        /// Which part.
        field: ShareField,
    },
}

/// The kinds of request of the storage protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestKind {
    /// Version and limits.
    Version,
    /// Which shares of a file are there.
    Shares,
    /// Room for shares.
    Allocate,
    /// Bytes of a share, to be stored.
    Write,
    /// Bytes of a share.
    Read,
    /// A share, to be forgotten.
    Abort,
}

impl RequestKind {
    /// All of them, each with the word for it in scenario files.
    pub const WORDS: [(&str, Self); 6] = [
        ("versions", Self::Version),
        ("shares", Self::Shares),
        ("allocations", Self::Allocate),
        ("writes", Self::Write),
        ("reads", Self::Read),
        ("aborts", Self::Abort),
    ];
}

/// Which way a partition cuts, seen from its targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Both ways.
    Both,
    /// Nothing reaches the targets.
    To,
    /// Nothing leaves the targets.
    From,
}

/// How connections end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disconnect {
    /// RST: what is under way is lost.
    Reset,
    /// FIN after what is under way.
    Close,
    /// RST, and new ones are refused until the fault ends.
    Refuse,
}

/// A part of a share (immutable layout).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShareField {
    /// The layout version number.
    Version,
    /// The section offsets of the header.
    Offsets,
    /// The block of one segment.
    Block(u64),
    /// Every block.
    Data,
    /// A node of the crypttext hash tree.
    CrypttextHash(u64),
    /// A node of the block hash tree.
    BlockHash(u64),
    /// The share hash chain.
    ShareHashes,
    /// The URI extension block.
    UriExtension,
}

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
