//! How steps end: what a client said it did, or why it did not.
//!
//! Whether an ending is right is for the oracles to say.

use std::collections::{BTreeMap, BTreeSet};

use lafs::client::brief::Brief;
use lafs::client::mutable::Published;
use lafs::client::upload::Uploaded;
use lafs::format::cap::Cap;
use lafs::format::mutable::VersionId;
use lafs::format::{ServerId, ShareNum};

use super::Phase;
use crate::schedule::ErrorKind;

/// What an upload said it did.
#[derive(Debug, Clone)]
pub struct Placed {
    /// What reads the file.
    pub cap: Cap,
    /// Which share is on which servers, written now or there before.
    pub shares: BTreeMap<ShareNum, BTreeSet<ServerId>>,
    /// Which share this upload wrote to which servers.
    pub written: BTreeMap<ShareNum, BTreeSet<ServerId>>,
    /// Servers of happiness.
    pub happiness: u64,
}

impl Placed {
    pub(super) fn of(uploaded: Uploaded) -> Self {
        let written = uploaded.placed;
        let mut shares = written.clone();
        for (share, servers) in uploaded.existing {
            shares.entry(share).or_default().extend(servers);
        }
        Self { cap: uploaded.cap, shares, written, happiness: uploaded.happiness as u64 }
    }
}

/// What a write of a mutable file said it did.
#[derive(Debug, Clone, Default)]
pub struct Wrote {
    /// Which version; none if there was nothing to write.
    pub version: Option<VersionId>,
    /// Which share is on which servers.
    pub shares: BTreeMap<ShareNum, BTreeSet<ServerId>>,
    /// Servers of happiness.
    pub happiness: u64,
    /// In which way it is worse off than it should be.
    pub degraded: Option<String>,
    /// Attempts that others came ahead of.
    pub collisions: u64,
}

/// What a read of a mutable file said it got.
#[derive(Debug, Clone)]
pub struct ReadBack {
    /// Which version.
    pub version: VersionId,
    /// Bytes of it.
    pub bytes: u64,
    /// How often it began anew.
    pub restarts: u64,
}

impl Wrote {
    pub(super) fn of(published: Published) -> Self {
        let degraded = published.degraded.map(|degraded| degraded.to_string());
        Self {
            version: Some(published.version),
            shares: published.placed,
            happiness: published.happiness as u64,
            degraded,
            collisions: published.collisions as u64,
        }
    }
}

/// What a check found, or a repair left.
#[derive(Debug, Clone)]
pub struct Kept {
    /// Whether nothing is wrong with the file.
    pub healthy: bool,
    /// In words.
    pub text: String,
    /// Shares that a repair wrote.
    pub written: u64,
}

/// What a backup said it did.
#[derive(Debug, Clone, Copy)]
pub struct BackedUp {
    /// Files uploaded.
    pub uploaded: u64,
    /// Files that were known.
    pub reused: u64,
    /// Files and directories left out.
    pub skipped: u64,
    /// Whether nothing is missing, and `Latest` names it.
    pub complete: bool,
}

/// How one step ended.
#[derive(Debug, Clone)]
pub enum Ending {
    /// An upload succeeded.
    Uploaded(Placed),
    /// A download succeeded as the client says; here is what came.
    Downloaded {
        /// Bytes asked for.
        size: u64,
        /// Whether they are the right ones; otherwise the offset of the first wrong one.
        wrong_at: Option<u64>,
    },
    /// A mutable file was written.
    Wrote(Wrote),
    /// A mutable file was read.
    Read(ReadBack),
    /// A file was checked or repaired.
    Kept(Kept),
    /// A tree was backed up.
    BackedUp(BackedUp),
    /// The last backup of a tree was read.
    Restored {
        /// Files in it.
        files: u64,
    },
    /// The client ended with an error.
    Failed {
        /// Its kind, if it is one that scenarios can expect.
        kind: Option<ErrorKind>,
        /// What it was doing.
        phase: Phase,
        /// Its text: what failed, and then a line for each server.
        text: String,
        /// All that matters in one line, if it is an error of the client: what failed, where, whether trying again helps.
        brief: Option<String>,
        /// For a download: the offset of the first wrong byte among those delivered before the error.
        wrong_at: Option<u64>,
    },
    /// Whoever wanted it gave it up.
    Cancelled {
        /// For a download: the offset of the first wrong byte among those delivered until then.
        wrong_at: Option<u64>,
    },
    /// A step that does not use the grid.
    Done,
}

impl Wrote {
    fn line(&self) -> String {
        let Some(version) = self.version else { return "success, it was there already".to_owned() };
        let degraded =
            self.degraded.as_ref().map_or(String::new(), |degraded| format!(", degraded: {degraded}"));
        let (shares, happiness) = (self.shares.len(), self.happiness);
        format!("success, {version}, {shares} shares placed, happiness {happiness}{degraded}")
    }
}

impl Ending {
    /// It failed, without an error that scenarios know.
    pub(super) fn failed(phase: Phase, text: impl ToString) -> Self {
        Self::failed_as(phase, None, text)
    }

    /// It failed, with an error that scenarios may know.
    pub(super) fn failed_as(phase: Phase, kind: Option<ErrorKind>, text: impl ToString) -> Self {
        Self::Failed { kind, phase, text: text.to_string(), brief: None, wrong_at: None }
    }

    /// The same, after bytes of which this one was wrong.
    pub(super) fn with_wrong_byte(mut self, at: Option<u64>) -> Self {
        if let Self::Failed { wrong_at, .. } = &mut self {
            *wrong_at = at;
        }
        self
    }

    /// It failed with this error of the client.
    pub(super) fn error(phase: Phase, kind: Option<ErrorKind>, error: &impl Brief) -> Self {
        let (text, brief) = (error.to_string(), Some(error.in_one_line()));
        Self::Failed { kind, phase, text, brief, wrong_at: None }
    }

    /// It, in one line.
    pub(super) fn line(&self) -> String {
        match self {
            Self::Uploaded(placed) => {
                format!("success, {} shares placed, happiness {}", placed.written.len(), placed.happiness)
            }
            Self::Downloaded { size, wrong_at: None } => format!("success, {size} B, all right"),
            Self::Downloaded { wrong_at: Some(at), .. } => {
                format!("success reported, but byte {at} is wrong")
            }
            Self::Wrote(wrote) => wrote.line(),
            Self::Kept(Kept { text, written, .. }) => {
                let written =
                    if *written > 0 { format!("{written} shares written, ") } else { String::new() };
                format!("{written}{}", text.lines().next().unwrap_or_default())
            }
            Self::BackedUp(BackedUp { uploaded, reused, skipped, complete }) => {
                let how = if *complete { "success" } else { "incomplete" };
                format!("{how}, {uploaded} files uploaded, {reused} reused, {skipped} left out")
            }
            Self::Restored { files } => format!("success, {files} files"),
            Self::Read(read) => format!("success, {} of {} B", read.version, read.bytes),
            Self::Failed { text, brief, .. } => {
                let first = || text.lines().next().unwrap_or_default();
                format!("error: {}", brief.as_deref().unwrap_or_else(first))
            }
            Self::Cancelled { .. } => "cancelled".to_owned(),
            Self::Done => "done".to_owned(),
        }
    }
}
