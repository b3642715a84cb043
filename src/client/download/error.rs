//! Why a download did not succeed: one line for people in a hurry, then one for each server.

use std::fmt;
use std::io;

use thiserror::Error;

use super::share::Flaw;
use crate::format::{Encoding, ServerId, ShareNum};
use crate::net::client::RequestError;

/// Why a download did not succeed.
#[derive(Debug, Error)]
pub enum DownloadError {
    /// Every server answered, and none has a share: the file is not there, or no longer.
    #[error("no server has a share of this file: {0}")]
    NoShares(Shortage),
    /// Every server that could matter answered, and there are too few good shares.
    #[error("not enough good shares: {0}")]
    NotEnoughShares(Shortage),
    /// Too few shares were found, but servers that did not answer may hold more: trying later may help.
    #[error("not enough shares within reach: {0}")]
    Unreachable(Shortage),
    /// The shares agree with each other but not with the file's hashes: its uploader made them wrong,
    /// and no choice of shares can help.
    #[error("inconsistent shares: segment {segment} does not have the hash its uploader gave")]
    Inconsistent {
        /// The segment that failed.
        segment: u64,
    },
    /// The bytes could not be passed on.
    #[error("cannot write the file: {0}")]
    Sink(#[from] io::Error),
    /// The range asked for starts past the end, or ends before its start.
    #[error("bytes {start}..{end} of a file of {size} bytes")]
    BadRange {
        /// The first byte asked for.
        start: u64,
        /// The first byte not asked for.
        end: u64,
        /// Bytes of the file.
        size: u64,
    },
    /// `DownloadPolicy::deadline` is over.
    #[error("not done in time: {0}")]
    Deadline(Shortage),
}

/// What there was instead of enough shares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shortage {
    /// Distinct shares that are there and not known to be bad.
    pub found: usize,
    /// k.
    pub needed: usize,
    /// k and N.
    pub encoding: Encoding,
    /// Every server of the grid, in the order in which they are asked for this file.
    pub servers: Vec<ServerReport>,
}

/// What is known of one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerReport {
    /// Which.
    pub server: ServerId,
    /// What it said when asked for its shares.
    pub answer: Answer,
    /// The shares it named.
    pub shares: Vec<(ShareNum, ShareState)>,
}

/// What a server said when asked for its shares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It was not asked.
    NotAsked,
    /// It gave no answer (yet).
    Silent,
    /// The question failed.
    Failed(RequestError),
    /// It answered.
    Given,
}

/// What became of a share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShareState {
    /// Nothing is held against it.
    Good,
    /// It is not what it should be.
    Corrupt(Flaw),
    /// Its server did not answer in time when last asked for it.
    Silent,
    /// The last request for it failed.
    Failed(RequestError),
}

impl Shortage {
    pub(super) fn into_error(self) -> DownloadError {
        let answered = |report: &ServerReport| report.answer == Answer::Given;
        let settled = |(_, state): &(ShareNum, ShareState)| match state {
            ShareState::Good | ShareState::Corrupt(_) => true,
            ShareState::Failed(error) => matches!(error, RequestError::Status(404 | 410)),
            ShareState::Silent => false,
        };
        if !self.servers.iter().all(|report| answered(report) && report.shares.iter().all(settled)) {
            DownloadError::Unreachable(self)
        } else if self.servers.iter().all(|report| report.shares.is_empty()) {
            DownloadError::NoShares(self)
        } else {
            DownloadError::NotEnoughShares(self)
        }
    }
}

impl fmt::Display for Shortage {
    /// The rest of a line, then a line for each server.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} found, {} needed ({})", self.found, self.needed, self.encoding)?;
        if self.servers.is_empty() {
            f.write_str("\n  there are no servers")?;
        }
        for report in &self.servers {
            write!(f, "\n  {}: ", report.server)?;
            match (&report.answer, report.shares.as_slice()) {
                (Answer::NotAsked, _) => f.write_str("not asked")?,
                (Answer::Silent, _) => f.write_str("did not answer")?,
                (Answer::Failed(error), _) => error.fmt(f)?,
                (Answer::Given, []) => f.write_str("has no share")?,
                (Answer::Given, shares) => {
                    for (nth, (share, state)) in shares.iter().enumerate() {
                        let comma = if nth == 0 { "" } else { ", " };
                        write!(f, "{comma}share {share} ")?;
                        match state {
                            ShareState::Good => f.write_str("good")?,
                            ShareState::Corrupt(flaw) => write!(f, "corrupt ({flaw})")?,
                            ShareState::Silent => f.write_str("not served in time")?,
                            ShareState::Failed(error) => write!(f, "failed ({error})")?,
                        }
                    }
                }
            }
        }
        Ok(())
    }
}
