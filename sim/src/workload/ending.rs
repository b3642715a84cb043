//! How steps end: what a client said it did, or why it did not.
//!
//! Whether an ending is right is for the oracles to say.

use std::collections::{BTreeMap, BTreeSet};

use lafs::client::mutable::Published;
use lafs::client::upload::Uploaded;
use lafs::format::cap::Cap;
use lafs::format::mutable::VersionId;
use lafs::format::{ServerId, ShareNum};

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
    /// The client ended with an error.
    Failed {
        /// Its kind, if it is one that scenarios can expect.
        kind: Option<ErrorKind>,
        /// Its text; the first line says all, the others give details.
        text: String,
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
            Self::Read(read) => format!("success, {} of {} B", read.version, read.bytes),
            Self::Failed { text, .. } => format!("error: {}", text.lines().next().unwrap_or_default()),
            Self::Cancelled { .. } => "cancelled".to_owned(),
            Self::Done => "done".to_owned(),
        }
    }
}
