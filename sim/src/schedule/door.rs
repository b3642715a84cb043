//! Faults at the door of a server or of a bucket: which of the requests are struck, and what is wrong with the answers.

use std::time::Duration;

use super::{RequestKind, S3Code};

/// A fault in the answers at a door.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// What is wrong with them.
    pub how: Spoil,
    /// Which of them.
    pub aim: Aim,
}

/// Which requests a fault at a door strikes.
#[derive(Debug, Clone, PartialEq)]
pub struct Aim {
    /// Only requests of this kind; none means all.
    pub only: Option<RequestKind>,
    /// Only requests about keys (listings: of prefixes) that begin like this; none means all. At a bucket only.
    pub keys: Option<String>,
    /// Which of them.
    pub which: Which,
    /// What decides about the next request for the same thing instead.
    pub again: Option<Again>,
}

/// The chance that a request is struck because the one before of its kind, for the same thing, was.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Again {
    /// From 0 to 1.
    pub chance: f64,
    /// Only so long after; none means however much later.
    pub within: Option<Duration>,
}

/// What is wrong with an answer. But for an error, a reset and a lost request it is carried out as ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spoil {
    /// It has this status and a few words.
    Status {
        /// From 400 to 599.
        status: u16,
        /// Whether the request is carried out all the same.
        applied: bool,
    },
    /// It is an error as S3 words it. At a bucket only.
    S3 {
        /// 200, or from 400 to 599.
        status: u16,
        /// What its document says; none for a few words of a proxy in between.
        code: Option<S3Code>,
        /// Whether the request is carried out all the same.
        applied: bool,
        /// What it says about when to come again, in whole seconds.
        retry_after: Option<Duration>,
    },
    /// Half of the body comes, and then nothing more ever: the connection stays open.
    Stops,
    /// The body trickles.
    Drips {
        /// Bytes per second, at least 1.
        rate: u64,
    },
    /// Half of the body comes, and then the end of the connection.
    Truncated,
    /// The body is longer than what was asked for, as the head says.
    TooLong,
    /// After the message come bytes that belong to none.
    Garbage,
    /// The head announces a length that the body does not have: too small or too large, as the seed wills.
    WrongLength,
    /// It does not come: the connection is reset before its first byte.
    Reset {
        /// Whether the request is carried out all the same.
        applied: bool,
    },
    /// Its ETag is not that of the object. At a bucket only.
    WrongTag,
    /// It shows what was there before the last change. At a bucket only.
    Stale,
    /// It acknowledges what is not done. At a bucket only.
    Lost,
}

impl Spoil {
    /// All but errors and drips, each with the words for it in scenario files.
    pub const WORDS: [(&str, Self); 9] = [
        ("stops in mid-body", Self::Stops),
        ("truncated", Self::Truncated),
        ("too long", Self::TooLong),
        ("followed by garbage", Self::Garbage),
        ("wrong length", Self::WrongLength),
        ("reset", Self::Reset { applied: false }),
        ("wrong etag", Self::WrongTag),
        ("stale", Self::Stale),
        ("lost", Self::Lost),
    ];

    /// As it is written in a scenario file.
    pub fn words(self) -> String {
        match self {
            Self::Status { status, .. } | Self::S3 { status, code: None, .. } => status.to_string(),
            Self::S3 { status, code: Some(code), .. } => format!("{status} {}", code.name()),
            Self::Drips { .. } => "drips".to_owned(),
            Self::Reset { .. } => "reset".to_owned(),
            other => {
                Self::WORDS.iter().find(|(_, known)| *known == other).map_or("", |(word, _)| word).to_owned()
            }
        }
    }

    /// Whether only a bucket answers so.
    pub fn is_of_s3(self) -> bool {
        matches!(self, Self::S3 { .. } | Self::WrongTag | Self::Stale | Self::Lost)
    }

    /// Whether an answer to a request of this kind (none: of one that nobody knows) can be spoilt in this way.
    pub fn concerns(self, kind: Option<RequestKind>) -> bool {
        use RequestKind as K;
        match self {
            // What is put is answered without a body; what HEAD would bring is no body either.
            Self::Stops | Self::Drips { .. } | Self::Truncated => !matches!(kind, Some(K::Put | K::Head)),
            Self::TooLong | Self::S3 { status: 200, .. } => kind != Some(K::Head),
            Self::WrongTag => matches!(kind, Some(K::Put | K::Get | K::Head | K::Multipart)),
            Self::Stale => matches!(kind, Some(K::Get | K::Head | K::List)),
            Self::Lost => matches!(kind, Some(K::Put | K::Delete)),
            Self::Status { .. }
            | Self::S3 { .. }
            | Self::Garbage
            | Self::WrongLength
            | Self::Reset { .. } => true,
        }
    }

    /// Whether the request is carried out, where a file may say so.
    pub fn applied(self) -> Option<bool> {
        match self {
            Self::Status { applied, .. } | Self::S3 { applied, .. } | Self::Reset { applied } => {
                Some(applied)
            }
            Self::Stops
            | Self::Drips { .. }
            | Self::Truncated
            | Self::TooLong
            | Self::Garbage
            | Self::WrongLength
            | Self::WrongTag
            | Self::Stale
            | Self::Lost => None,
        }
    }
}

/// Requests beyond a rate are turned away with 503 SlowDown. Each prefix, of whoever's keys, counts for itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Throttle {
    /// Requests that change something, each second, at least 1.
    pub puts_per_second: u64,
    /// Requests that change nothing, each second, at least 1.
    pub gets_per_second: u64,
    /// What the answer says about when to come again, in whole seconds.
    pub retry_after: Option<Duration>,
}

/// Which requests of those that a fault could strike, counted at each target from its beginning there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Which {
    /// All.
    All,
    /// The first so many.
    First(u64),
    /// This one only, counted from 1.
    Nth(u64),
    /// Every one whose number is a multiple of this.
    Every(u64),
    /// Each with this chance.
    Chance(f64),
}

/// How far a wall clock jumps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Jump {
    /// Whether into the future.
    pub ahead: bool,
    /// How far.
    pub by: Duration,
}
