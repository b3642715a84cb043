//! Why a mutable file was not read or written.

use std::fmt;
use std::time::Duration;

use thiserror::Error;

use crate::format::mutable::VersionId;
use crate::format::{Encoding, ServerId, ShareNum};
use crate::net::client::RequestError;
use crate::version::{DecodeError, EncodeError, PrivateKeyError};

/// Why a version was not read.
#[derive(Debug, Error)]
pub enum RetrieveError {
    /// Enough servers answered to know that there is no share.
    #[error("no server has a share of this file: {0}")]
    NoShares(Missing),
    /// Enough servers answered to know that no version has k good shares.
    #[error("no version has enough good shares: {0}")]
    NotEnoughShares(Missing),
    /// Servers that may hold what is missing cannot be reached for now.
    #[error("not enough shares within reach: {0}")]
    Unreachable(Missing),
    /// Others kept writing while it was read.
    #[error("the file kept changing while it was read, {0} times")]
    Changing(usize),
    /// What was signed cannot be decoded: its writer made it wrong.
    #[error("{id} was written wrong: {error}")]
    Inconsistent {
        /// Which version.
        id: VersionId,
        /// What is wrong with it.
        error: DecodeError,
    },
    /// The content is longer than what is held in memory.
    #[error("a mutable file of {size} bytes is too long: {max} is the most")]
    TooLong {
        /// Its length in bytes.
        size: u64,
        /// `policy.mutable.bytes_max`.
        max: u64,
    },
    /// It took too long.
    #[error("not done after {} s", .0.as_secs_f32())]
    Deadline(Duration),
    /// The sink failed.
    #[error("cannot pass the content on")]
    Sink(#[from] std::io::Error),
}

/// Why a version was not written, or is not known to be.
#[derive(Debug, Error)]
pub enum PublishError {
    /// Others wrote at the same time, or since the version it was based on. It may be partly written; the file
    /// can be read, and what others acknowledged is not lost.
    #[error("somebody else changed the file at the same time ({attempts} attempts){}", .found.map(|found| format!(": {found} is there")).unwrap_or_default())]
    Uncoordinated {
        /// How often it was tried.
        attempts: usize,
        /// The newest version of others that was seen.
        found: Option<VersionId>,
    },
    /// Fewer than k servers took a share: the new version cannot be read.
    #[error("publish ran out of servers: {placed} shares were written, {needed} needed{}", details(.failures))]
    NotEnoughServers {
        /// Different shares written.
        placed: usize,
        /// k.
        needed: usize,
        /// Who did not take a share, and why.
        failures: Vec<(ServerId, ShareNum, NotWritten)>,
    },
    /// What is there could not be found out, and nothing was written.
    #[error(transparent)]
    Unreadable(#[from] RetrieveError),
    /// No share gave the private key, without which nothing can be signed.
    #[error("no server gave the private key of the file{}", .0.as_ref().map(|error| format!(": {error}")).unwrap_or_default())]
    NoPrivateKey(Option<PrivateKeyError>),
    /// The content cannot be made into shares.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// Files of this format can only be read.
    #[error("mutable files of the format MDMF can be read, not written")]
    Mdmf,
    /// The happiness asked for is not between 1 and N.
    #[error("{happy} servers of happiness cannot be had of {total} shares")]
    Happy {
        /// As asked for.
        happy: usize,
        /// N.
        total: usize,
    },
    /// The content is longer than what is held in memory.
    #[error("a mutable file of {size} bytes is too long: {max} is the most")]
    TooLong {
        /// Its length in bytes.
        size: u64,
        /// `policy.mutable.bytes_max`.
        max: u64,
    },
    /// It took too long. It may be partly written.
    #[error("not done after {} s", .0.as_secs_f32())]
    Deadline(Duration),
}

/// Why a server did not take a share, as far as is known.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NotWritten {
    /// The request failed.
    #[error(transparent)]
    Failed(RequestError),
    /// It was not answered before the operation ended.
    #[error("no answer in time")]
    Late,
}

fn details(failures: &[(ServerId, ShareNum, NotWritten)]) -> String {
    failures.iter().map(|(server, share, why)| format!("\n  {server}, share {share}: {why}")).collect()
}

/// Why a file was not modified.
#[derive(Debug, Error)]
pub enum ModifyError<E> {
    /// The change cannot be made.
    #[error(transparent)]
    Change(E),
    /// The content was not read.
    #[error(transparent)]
    Retrieve(RetrieveError),
    /// The new content was not written.
    #[error(transparent)]
    Publish(#[from] PublishError),
}

/// What there is instead of a version that can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// Every version that was seen, the newest last: how many different good shares of it, and its k and N.
    pub versions: Vec<(VersionId, usize, Encoding)>,
    /// Every server of the grid, in the order in which they are asked for this file.
    pub servers: Vec<ServerReport>,
}

/// What is known of one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerReport {
    /// Which.
    pub server: ServerId,
    /// What it said when asked for its shares.
    pub holding: Holding,
    /// The shares it showed.
    pub shares: Vec<(ShareNum, ShareReport)>,
}

/// What a server said when asked for its shares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holding {
    /// It was not asked.
    NotAsked,
    /// It gave no answer (yet).
    Silent,
    /// It failed at it, or at showing one of them.
    Failed(RequestError),
    /// It showed all it has.
    Answered,
}

/// What a share is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShareReport {
    /// A good one, of this version.
    Version(VersionId),
    /// None of this file's, and why.
    Bad(String),
}

impl Missing {
    /// Whether every server answered, so that nothing can be anywhere else.
    pub(super) fn is_complete(&self) -> bool {
        self.servers.iter().all(|report| report.holding == Holding::Answered)
    }

    /// Whether another look may find more: somebody was not waited for, or failed in a way that may pass. Who said
    /// nothing for as long as anybody is waited for will say nothing now.
    pub(super) fn may_change(&self) -> bool {
        self.servers.iter().any(|report| match &report.holding {
            Holding::NotAsked | Holding::Silent => true,
            Holding::Failed(error) => !matches!(error, RequestError::Silent(_)),
            Holding::Answered => false,
        })
    }

    /// The error that says this.
    pub(super) fn into_error(self) -> RetrieveError {
        if !self.servers.iter().all(|report| report.holding == Holding::Answered) {
            RetrieveError::Unreachable(self)
        } else if self.servers.iter().all(|report| report.shares.is_empty()) {
            RetrieveError::NoShares(self)
        } else {
            RetrieveError::NotEnoughShares(self)
        }
    }
}

impl fmt::Display for Missing {
    /// The rest of a line, then a line for each server.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.versions.is_empty() {
            f.write_str("no good share was seen")?;
        }
        for (nth, (id, shares, encoding)) in self.versions.iter().enumerate() {
            let comma = if nth == 0 { "" } else { ", " };
            write!(f, "{comma}{shares} of {id} ({encoding})")?;
        }
        if self.servers.is_empty() {
            f.write_str("\n  there are no servers")?;
        }
        for report in &self.servers {
            write!(f, "\n  {}: ", report.server)?;
            match &report.holding {
                Holding::NotAsked => f.write_str("not asked")?,
                Holding::Silent => f.write_str("did not answer")?,
                Holding::Failed(error) => error.fmt(f)?,
                Holding::Answered if report.shares.is_empty() => f.write_str("has no share")?,
                Holding::Answered => {}
            }
            for (nth, (share, what)) in report.shares.iter().enumerate() {
                let comma = if nth == 0 && report.holding == Holding::Answered { "" } else { ", " };
                match what {
                    ShareReport::Version(id) => write!(f, "{comma}share {share} of {id}")?,
                    ShareReport::Bad(reason) => write!(f, "{comma}share {share} is bad ({reason})")?,
                }
            }
        }
        Ok(())
    }
}
