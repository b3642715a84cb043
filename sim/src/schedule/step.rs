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
    /// Servers of happiness that an upload needs; none means as many as the grid says.
    pub happy: Option<usize>,
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
        /// Only shares of these numbers; none means all.
        shares: Option<Vec<u8>>,
        /// From whom.
        on: Target,
    },
    /// Copies a share to other servers, behind the protocol's back.
    Copy {
        /// What is copied, and from whom.
        share: ShareTarget,
        /// To whom.
        to: Target,
    },
    /// Moves the shares of a file, behind the protocol's back, so that exactly these are there.
    Arrange {
        /// Its name.
        file: String,
        /// Who has which shares; each server once, and nobody else has any.
        layout: Vec<(String, Vec<u8>)>,
    },
    /// Does something with a mutable file, once or again and again.
    Mutable {
        /// Its name.
        file: String,
        /// What.
        act: MutableAct,
        /// How often, one after the other.
        times: u32,
    },
    /// Looks after what is stored.
    Upkeep(Upkeep),
    /// Replaces a client by a new one that remembers nothing.
    Forget,
}

/// What is done to look after what is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Upkeep {
    /// Counts the good shares of a file.
    Check {
        /// Its name.
        file: String,
        /// Whether every byte is read.
        verify: bool,
    },
    /// Brings back the shares that a file lacks.
    Repair {
        /// Its name.
        file: String,
        /// Whether a mutable file is repaired although something newer, or as new, would be lost.
        force: bool,
    },
    /// Backs a tree up.
    Backup {
        /// The name of the tree.
        tree: String,
        /// The directory that it is linked in.
        into: String,
        /// So many files of the tree are other ones from now on.
        changed: u64,
    },
    /// Reads the last backup of a tree and compares it.
    Restore {
        /// The name of the tree.
        tree: String,
        /// The directory that it is linked in.
        from: String,
    },
}

impl Upkeep {
    /// The file it is about.
    pub fn file(&self) -> &str {
        match self {
            Self::Check { file, .. } | Self::Repair { file, .. } => file,
            Self::Backup { into, .. } => into,
            Self::Restore { from, .. } => from,
        }
    }

    /// Whether it writes shares.
    pub fn writes(&self) -> bool {
        matches!(self, Self::Repair { .. } | Self::Backup { .. })
    }
}

/// What is done with a mutable file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MutableAct {
    /// Makes it.
    Create,
    /// Replaces its content by another one.
    Write {
        /// Bytes of the new content; none means as many as at first.
        size: Option<u64>,
        /// Only if the version that this step (from 0) wrote or read is still the newest.
        based_on: Option<usize>,
    },
    /// Adds a line to its content.
    Append {
        /// Whether all lines so far are written, without a look at what is there.
        whole: bool,
        /// Whether the file is read after each, however that ended.
        read_back: bool,
    },
    /// Reads all of it.
    Read,
    /// Adds an entry to it: it is a directory.
    Link,
    /// Reads all of it: it is a directory.
    List,
}

impl MutableAct {
    /// Whether it writes a version.
    pub fn writes(self) -> bool {
        match self {
            Self::Create | Self::Write { .. } | Self::Append { .. } | Self::Link => true,
            Self::Read | Self::List => false,
        }
    }

    /// Whether it writes a version of a file that is there.
    pub fn changes(self) -> bool {
        self.writes() && self != Self::Create
    }
}

impl Action {
    /// The file it is about.
    pub fn file(&self) -> Option<&str> {
        match self {
            Self::Upload { file }
            | Self::Download { file, .. }
            | Self::Delete { file, .. }
            | Self::Arrange { file, .. }
            | Self::Mutable { file, .. } => Some(file),
            Self::Copy { share, .. } => Some(&share.file),
            Self::Upkeep(upkeep) => Some(upkeep.file()),
            Self::Wait(_) | Self::Forget => None,
        }
    }
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
    /// Others wrote the same mutable file at the same time, or since the version that a write was based on.
    Uncoordinated,
    /// Fewer than k servers took a share of a new version.
    NotEnoughServers,
    /// A mutable file changed whenever it was read.
    Changing,
    /// A repair would lose another version.
    Refused,
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
    /// The text of the error it ended with contains this.
    Says(String),
    /// Servers that were sent any request.
    Asked(Bound),
    /// Requests sent to these servers: none.
    NotAsked(Target),
    /// Different shares of the file that are stored anywhere and good, whether in reach or not.
    Health(Bound),
    /// Shares that an upload wrote to each server that got any.
    PerServer(Bound),
    /// Requests sent.
    Requests(Bound),
    /// Requests that in the end nobody needed.
    SpareRequests(Bound),
    /// Connections that the client tried to open.
    Connections(Bound),
    /// Servers that could have been lost besides, with the operation still possible.
    Margin(Bound),
    /// The time it took, as a multiple of what a client needs that knows what becomes of every server.
    IdealMultipleMax(u32),
    /// Bytes the servers still reserve for uploads that are not complete: none.
    NothingAllocated,
    /// Corruption reports the servers received during this step.
    CorruptionReports(Bound),
    /// Whether a version that was written is worse off than it should be: the word for it, if it must be so or must not.
    Degraded(Degradation),
    /// The sequence number that was written or read.
    Version(Bound),
    /// Versions of the file of which good shares are stored.
    Versions(Bound),
    /// Those of them that can be read.
    Recoverable(Bound),
    /// Attempts that other writers undid.
    Collisions(Bound),
    /// How often a read began anew.
    Restarts(Bound),
    /// Whether a file is healthy, as a check found it or a repair left it.
    Healthy(bool),
    /// Whether something is missing in a backup.
    Partial(Degradation),
    /// Files that a backup uploaded.
    FilesUploaded(Bound),
    /// Files and directories that a backup left out.
    Skipped(Bound),
    /// Time added by faults to the slowest segment, as a multiple of the slowest good answer for that segment.
    StallMultipleMax(u32),
}

/// Whether a version may, or must, be degraded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Degradation {
    /// It must not.
    No,
    /// It must.
    Yes,
    /// Either will do.
    Either,
}

/// At least, at most, or exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    /// The least that passes.
    pub min: u64,
    /// The most that passes.
    pub max: u64,
}
