//! What goes wrong: kinds of fault, and whom and what they strike.

use std::time::Duration;

use super::{Aim, Answer, Jump, Link, Throttle, Trigger, Which};

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
    /// From one beginning to the next, for a fault that recurs.
    pub every: Option<Duration>,
    /// Whether a run in which it touched nothing is still valid.
    pub may_stay_inert: bool,
}

/// What a fault does to its targets.
#[derive(Debug, Clone, PartialEq)]
pub enum FaultKind {
    /// The program stops running; its kernel goes on acknowledging.
    Hang,
    /// The program runs, but these requests get no answer until the end of the fault.
    HangOnly(Aim),
    /// Answers are not what they should be.
    Answer(Answer),
    /// Requests beyond a rate are turned away.
    Throttle(Throttle),
    /// Shares are acknowledged and lost: what is complete is gone from the disk.
    Lose(Which),
    /// The disk has no room for new shares.
    Full,
    /// The accept queue is full: new connections get no answer, open ones go on.
    QueueFull,
    /// The wall clock jumps; at the end of the fault it jumps back.
    Clock(Jump),
    /// Messages vanish silently.
    Partition(Direction),
    /// Messages between hosts of different groups vanish silently.
    Groups(Vec<Vec<String>>),
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
    /// Whoever wanted the result of this step (its index) gives it up.
    Cancel(usize),
    /// Whoever receives the file that this step (its index) downloads takes no bytes.
    Pause(usize),
    /// Stored shares are others from now on.
    Replace {
        /// Which copies.
        share: ShareTarget,
        /// By what.
        by: Substitute,
    },
    /// All shares on the disk are those that were there when this step (from 1) began.
    Restore {
        /// The step.
        step: u64,
    },
}

impl FaultKind {
    /// Whether it puts these two hosts into different groups.
    pub fn parts(&self, one: &str, other: &str) -> bool {
        let Self::Groups(groups) = self else { return false };
        let group = |host: &str| groups.iter().position(|group| group.iter().any(|name| name == host));
        group(one).zip(group(other)).is_some_and(|(one, other)| one != other)
    }
}

/// What a share is replaced by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Substitute {
    /// Its own first bytes: so many percent of them.
    Percent(u64),
    /// Its own first bytes: at most so many.
    Bytes(u64),
    /// Another share.
    Share {
        /// Its number.
        number: u8,
        /// Of this file.
        file: String,
    },
    /// What it was in the version of the mutable file that has this sequence number.
    Version(u64),
}

/// The kinds of request: those of the storage protocol, and those of S3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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
    /// Mutable shares, to be written if they are as the writer believes.
    TestWrite,
    /// A share, to be forgotten.
    Abort,
    /// A lease.
    Lease,
    /// A report of corruption.
    Report,
    /// An object, to be stored.
    Put,
    /// An object, or bytes of it.
    Get,
    /// Whether there is an object.
    Head,
    /// Which objects there are.
    List,
    /// An object, or several, to be forgotten.
    Delete,
    /// An object in parts: a part of it, its beginning or end; or a copy of another one.
    Multipart,
}

impl RequestKind {
    /// All of them, each with the word for it in scenario files.
    pub const WORDS: [(&str, Self); 15] = [
        ("versions", Self::Version),
        ("shares", Self::Shares),
        ("allocations", Self::Allocate),
        ("writes", Self::Write),
        ("reads", Self::Read),
        ("test-and-write", Self::TestWrite),
        ("aborts", Self::Abort),
        ("leases", Self::Lease),
        ("corruption reports", Self::Report),
        ("puts", Self::Put),
        ("gets", Self::Get),
        ("heads", Self::Head),
        ("lists", Self::List),
        ("deletes", Self::Delete),
        ("multipart", Self::Multipart),
    ];

    /// Whether a bucket is asked this, and no storage server.
    pub fn is_of_s3(self) -> bool {
        matches!(self, Self::Put | Self::Get | Self::Head | Self::List | Self::Delete | Self::Multipart)
    }

    /// Whether it can change what a bucket holds.
    pub fn changes_objects(self) -> bool {
        matches!(self, Self::Put | Self::Delete | Self::Multipart)
    }

    /// The word for it in scenario files.
    pub fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(_, known)| *known == self).map_or("", |(word, _)| word)
    }
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

/// A part of a share. Some parts only immutable shares have, others only mutable ones.
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
    /// The version of the server's container around the share: it is listed, and cannot be read.
    Container,
    /// Every block, with a block hash tree and a share hash chain that agree with what the blocks are now.
    ForgedTree,
    /// Which version it is, counted.
    SequenceNumber,
    /// The root of the share hash tree.
    RootHash,
    /// What the data key is made with.
    Salt,
    /// k.
    Needed,
    /// N.
    Total,
    /// The bytes of the padded ciphertext.
    SegmentSize,
    /// The bytes of the content.
    DataLength,
    /// One of the section offsets of the header.
    Offset(OffsetOf),
    /// What signatures are verified with.
    PublicKey,
    /// Over the header, but for its offsets.
    Signature,
    /// The number of a node in the share hash chain.
    ShareHashIndex,
    /// The encrypted private key.
    PrivateKey,
}

/// What an offset in the header of a mutable share is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OffsetOf {
    /// The signature.
    Signature,
    /// The share hash chain.
    ShareHashes,
    /// The block hash tree.
    BlockHashes,
    /// The block.
    Data,
    /// The private key.
    PrivateKey,
    /// What comes behind the share.
    End,
}

impl ShareField {
    /// The parts that only mutable shares have, each with the words for it in scenario files.
    pub const MUTABLE_WORDS: [(&str, Self); 17] = [
        ("sequence number", Self::SequenceNumber),
        ("root hash", Self::RootHash),
        ("salt", Self::Salt),
        ("k", Self::Needed),
        ("N", Self::Total),
        ("segment size", Self::SegmentSize),
        ("data length", Self::DataLength),
        ("offset of signature", Self::Offset(OffsetOf::Signature)),
        ("offset of share hashes", Self::Offset(OffsetOf::ShareHashes)),
        ("offset of block hashes", Self::Offset(OffsetOf::BlockHashes)),
        ("offset of data", Self::Offset(OffsetOf::Data)),
        ("offset of private key", Self::Offset(OffsetOf::PrivateKey)),
        ("offset of end", Self::Offset(OffsetOf::End)),
        ("public key", Self::PublicKey),
        ("signature", Self::Signature),
        ("share hash index", Self::ShareHashIndex),
        ("private key", Self::PrivateKey),
    ];
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
        /// Holders of the version with this sequence number only.
        version: Option<u64>,
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
