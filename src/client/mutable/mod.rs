//! Mutable files: creating, reading, overwriting, modifying, checking, repairing.
//!
//! A version is known by its sequence number and root hash; which versions a grid holds, and which of them can be
//! read, is found out anew by every operation (`map`). Content is held in memory as a whole, as the format demands
//! (one segment), up to `policy.mutable.bytes_max`. Directories are in `client::directory`.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::fmt;

use bytes::Bytes;
use tokio::io::AsyncWrite;

use super::Client;
use crate::crypto::rsa::SigningKey;
use crate::format::cap::{MutableReadCap, WriteCap};
use crate::format::mutable::VersionId;
use crate::format::{Encoding, ServerId, ShareNum};
use crate::net::Dial;

mod check;
mod error;
mod key;
mod map;
mod publish;
mod read;
mod repair;
mod retrieve;
mod slot;
mod verify;
mod write;

pub use check::{CheckError, CheckedServer, CheckedShare, CheckedVersion, MutableCheck};
pub use error::{
    Holding, Missing, ModifyError, NotWritten, PublishError, RetrieveError, ServerReport, ShareReport,
};
pub use repair::{MutableRepair, RepairError, RepairOptions};

/// How a version is spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublishOptions {
    /// k and N of a new file. A file that exists keeps its own.
    pub encoding: Encoding,
    /// The servers of happiness aimed for.
    pub happy: usize,
    /// Only if this is the newest version that can be read; otherwise that is replaced, whichever it is.
    pub based_on: Option<VersionId>,
}

/// A version that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// Writes the file.
    pub cap: WriteCap,
    /// Which version it is now.
    pub version: VersionId,
    /// Where its shares are.
    pub placed: BTreeMap<ShareNum, BTreeSet<ServerId>>,
    /// Shares that a server did not take, and why; most have another home by now.
    pub lost: Vec<(ServerId, ShareNum, String)>,
    /// The servers of happiness reached.
    pub happiness: usize,
    /// Attempts that were undone by other writers, and repeated.
    pub collisions: usize,
    /// It can be read, but is worse off than it should be.
    pub degraded: Option<Degraded>,
}

/// A version that can be read, but is not spread as widely as wanted, or leaves too much of an older one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Degraded {
    /// Servers of happiness reached.
    pub happiness: usize,
    /// Servers of happiness wanted: as asked for, but not more than there are servers that can be used.
    pub wanted: usize,
    /// Different shares of one older version that are left on servers that answer; k of them can be read.
    pub older_left: usize,
    /// k.
    pub needed: usize,
}

impl fmt::Display for Degraded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { happiness, wanted, older_left, needed } = self;
        write!(f, "happiness {happiness} of {wanted}, {older_left} shares of an older version left")?;
        if older_left >= needed { write!(f, " ({needed} can be read)") } else { Ok(()) }
    }
}

/// What a read got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retrieved {
    /// Which version.
    pub version: VersionId,
    /// Its length in bytes.
    pub bytes: u64,
    /// How often it started again because somebody wrote meanwhile.
    pub restarts: usize,
}

impl<D: Dial + Clone> Client<D> {
    /// Makes a mutable file of `content`, written and read with `key`, which no other file may have.
    ///
    /// Ends within `policy.mutable.deadline`, whatever servers do; so do all the others.
    pub async fn create_mutable(
        &self,
        key: &SigningKey,
        content: &Bytes,
        options: &PublishOptions,
    ) -> Result<Published, PublishError> {
        self.create(key, content, options).await
    }

    /// Passes the newest version that can be read on to `sink`. Of a file in one segment (SDMF) nothing is passed on
    /// before all of it is checked.
    pub async fn read_mutable<W: AsyncWrite + Unpin>(
        &self,
        cap: &MutableReadCap,
        sink: &mut W,
    ) -> Result<Retrieved, RetrieveError> {
        self.read(cap, sink).await
    }

    /// Replaces the content, whatever it is.
    pub async fn overwrite(
        &self,
        cap: &WriteCap,
        content: &Bytes,
        options: &PublishOptions,
    ) -> Result<Published, PublishError> {
        let changed = self.change(cap, options, |_| Ok::<_, Infallible>(Some(content.clone())), false).await;
        match changed {
            Ok(Some(published)) => Ok(published),
            // There is always something to write.
            Ok(None) => Err(PublishError::Uncoordinated { attempts: 0, found: None }),
            Err(ModifyError::Publish(error)) => Err(error),
            Err(ModifyError::Retrieve(error)) => Err(error.into()),
            Err(ModifyError::Change(never)) => match never {},
        }
    }

    /// Replaces the content by what `change` makes of it. Called again, on the newest content, whenever another
    /// writer came first; that content may have the change in it already, from an attempt whose answer was lost.
    /// `None`: there is nothing to change (any more).
    pub async fn modify<E>(
        &self,
        cap: &WriteCap,
        mut change: impl FnMut(&Bytes) -> Result<Option<Bytes>, E>,
        options: &PublishOptions,
    ) -> Result<Option<Published>, ModifyError<E>> {
        let change = |content: Option<&Bytes>| change(content.unwrap_or(&Bytes::new()));
        self.change(cap, options, change, true).await
    }
}
