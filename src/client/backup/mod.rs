//! Backup: a tree of files becomes a tree of immutable directories, which gets a name in a mutable one.
//!
//! Children come before parents, several at a time; what fails is tried again and then left out with a warning, and
//! does not end the run. Everything stored is in the database at once, so that a run that is cut off resumes. The
//! tree and the database are behind traits: no file system is touched here.

use crate::client::Client;
use crate::client::mutable::PublishOptions;
use crate::client::upload::{KeyChoice, UploadOptions};
use crate::crypto::rsa::{RsaError, SigningKey};
use crate::format::Encoding;
use crate::format::cap::{AnyCap, DirCap};
use crate::format::directory::UnixTime;
use crate::net::Dial;

mod db;
mod error;
mod link;
mod memory;
mod report;
mod run;
mod store;
mod tree;

pub use db::{BackupDb, FileStat, Stored};
pub use error::{BackupError, ItemError};
pub use memory::{DbError, MemoryDb};
pub use report::{BackupEvent, BackupReport, Counts, Progress, Reason, WARNINGS_MAX, Warning, WatchBackup};
pub use tree::{Item, Kind, Tree};

/// How a backup is made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BackupOptions {
    /// The time at which it begins. That of everything later is counted from here.
    pub now: UnixTime,
    /// How files and directories are spread.
    pub encoding: Encoding,
    /// The servers of happiness that it takes.
    pub happy: usize,
    /// Whether `Latest` is moved even if something could not be stored.
    pub partial: bool,
}

/// What a backup is made from and to.
pub struct Backup<'a, T, B, C, K> {
    /// What is to be stored.
    pub tree: &'a T,
    /// What was stored before.
    pub db: &'a mut B,
    /// The directory that has, or gets, `Archives` and `Latest`. It must be writable.
    pub target: &'a DirCap,
    /// Tells whether what a capability reads is well on its servers. What is not is uploaded again.
    pub check: C,
    /// Makes the key of `Archives` if it is not there.
    pub new_key: K,
    /// Is told what happens.
    pub watch: &'a dyn WatchBackup,
}

impl BackupOptions {
    fn upload(&self) -> UploadOptions {
        UploadOptions { encoding: self.encoding, happy: self.happy, key: KeyChoice::Convergent }
    }

    fn publish(&self) -> PublishOptions {
        PublishOptions { encoding: self.encoding, happy: self.happy, based_on: None }
    }
}

impl<D: Dial + Clone> Client<D> {
    /// Backs a tree up. First the target is made sure of; then everything is stored; then the tree is linked as
    /// `Archives/YYYY-MM-DD_HH:MM:SSZ`, and as `Latest` if nothing failed (or with `partial`). What cannot be stored
    /// by its nature, or may not be read, is left out with a warning and is no failure.
    ///
    /// Dropping the future loses nothing that is stored: the database has it.
    pub async fn backup<T, B, C, K>(
        &self,
        backup: Backup<'_, T, B, C, K>,
        options: &BackupOptions,
    ) -> Result<BackupReport, BackupError>
    where
        T: Tree,
        B: BackupDb,
        C: AsyncFn(&AnyCap) -> bool,
        K: FnMut() -> Result<SigningKey, RsaError>,
    {
        let (happy, total) = (options.happy, options.encoding.total());
        if happy == 0 || happy > total {
            return Err(BackupError::Happy { happy, total });
        }
        let begun = self.now();
        let archives = link::archives(self, backup.target, backup.new_key, options).await?;
        let store = store::Store::new(self, backup.tree, backup.check, options.upload());
        let run = run::Run::new(&store, backup.db, backup.watch, options.now, begun);
        let report = run.finish().await;
        link::link(self, backup.target, &archives, report, backup.watch, options, begun).await
    }
}
