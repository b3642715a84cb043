//! Faults at the door of a server: which of its requests are struck, and what is wrong with the answers.

use std::time::Duration;

use super::RequestKind;

/// A fault in the answers of a server.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Answer {
    /// What is wrong with them.
    pub how: Spoil,
    /// Only answers to requests of this kind; none means all.
    pub only: Option<RequestKind>,
    /// Which of them.
    pub which: Which,
}

/// What is wrong with an answer. But for a status the request is carried out as ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spoil {
    /// It has this status and a few words.
    Status {
        /// From 400 to 599.
        status: u16,
        /// Whether the request is carried out all the same.
        applied: bool,
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
}

impl Spoil {
    /// All but statuses and drips, each with the words for it in scenario files.
    pub const WORDS: [(&str, Self); 5] = [
        ("stops in mid-body", Self::Stops),
        ("truncated", Self::Truncated),
        ("too long", Self::TooLong),
        ("followed by garbage", Self::Garbage),
        ("wrong length", Self::WrongLength),
    ];

    /// As it is written in a scenario file.
    pub fn words(self) -> String {
        match self {
            Self::Status { status, .. } => status.to_string(),
            Self::Drips { .. } => "drips".to_owned(),
            other => {
                Self::WORDS.iter().find(|(_, known)| *known == other).map_or("", |(word, _)| word).to_owned()
            }
        }
    }
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
