//! What a backup did, as it goes and in the end: events, warnings, counts.

use std::fmt;
use std::time::Duration;

use super::error::ItemError;
use crate::format::cap::DirCap;

/// Warnings that are kept; further ones are only counted.
pub const WARNINGS_MAX: usize = 10_000;

/// How many of what. Files that are skipped are in no other count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Files that were uploaded, or put into their capabilities.
    pub files_uploaded: u64,
    /// Of these, files of up to 55 bytes, which are in their capabilities and on no server.
    pub files_literal: u64,
    /// Of these, files of which another one with the same content was uploaded in this run.
    pub files_same: u64,
    /// Files that the database knew.
    pub files_reused: u64,
    /// Files that were looked at on their servers before they were used again, well or not.
    pub files_checked: u64,
    /// Files and other things, but directories, that are not in the backup.
    pub files_skipped: u64,
    /// Directories that were made.
    pub directories_created: u64,
    /// Directories that the database knew.
    pub directories_reused: u64,
    /// Directories that were looked at on their servers before they were used again, well or not.
    pub directories_checked: u64,
    /// Directories that are not in the backup.
    pub directories_skipped: u64,
    /// Of what was skipped, that which should have been stored and could not be.
    pub failed: u64,
}

impl Counts {
    /// Files and directories that are done with.
    pub fn done(&self) -> u64 {
        self.files_uploaded
            + self.files_reused
            + self.files_skipped
            + self.directories_created
            + self.directories_reused
            + self.directories_skipped
    }
}

/// Something that is not in the backup, or not remembered.
#[derive(Debug)]
pub struct Warning {
    /// Where it is in the tree; empty for the top.
    pub path: String,
    /// Why.
    pub reason: Reason,
}

/// Why something is not in the backup.
#[derive(Debug)]
pub enum Reason {
    /// It is a symbolic link.
    Symlink,
    /// It is a device, a pipe or a socket.
    Special,
    /// Its name is not UTF-8.
    Undecodable,
    /// Another one beside it has the same name after normalisation.
    SameName,
    /// It may not be read.
    PermissionDenied,
    /// It was there at first, and then it was not.
    Gone,
    /// It could not be stored, though it was tried again.
    Failed(ItemError),
    /// It is in the backup, but the database could not be asked or told.
    Database(std::io::Error),
}

impl Warning {
    /// Whether it should have been stored and could not be.
    pub fn is_failure(&self) -> bool {
        matches!(self.reason, Reason::Failed(_))
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() { "." } else { &self.path };
        match &self.reason {
            Reason::Symlink => write!(f, "cannot back up symlink {path:?}"),
            Reason::Special => write!(f, "cannot back up special file {path:?}"),
            Reason::Undecodable => write!(f, "cannot back up {path:?}: its name is not UTF-8"),
            Reason::SameName => write!(f, "cannot back up {path:?}: another name is the same in a directory"),
            Reason::PermissionDenied => write!(f, "permission denied on {path:?}"),
            Reason::Gone => write!(f, "{path:?} is gone"),
            Reason::Failed(error) => write!(f, "cannot store {path:?}: {error}"),
            Reason::Database(error) => write!(f, "the backup database fails at {path:?}: {error}"),
        }
    }
}

/// Something a backup did.
#[derive(Debug)]
pub enum BackupEvent<'a> {
    /// It is done with this file or directory, which is in the backup.
    Stored {
        /// Where it is in the tree; empty for the top.
        path: &'a str,
        /// Whether the database knew it.
        reused: bool,
    },
    /// It is done with this one, which is not, or is not remembered.
    Warned(&'a Warning),
    /// The backup got a name.
    Linked {
        /// Where it is in the target.
        path: &'a str,
    },
}

/// How far a backup is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Files and directories that are done with.
    pub done: u64,
    /// Files and directories that were found so far.
    pub found: u64,
}

/// Receives what a backup does. Called from within the operation: be quick.
pub trait WatchBackup {
    /// Takes one event.
    fn on_event(&self, event: &BackupEvent<'_>, progress: Progress);
}

impl WatchBackup for crate::client::event::Ignore {
    fn on_event(&self, _event: &BackupEvent<'_>, _progress: Progress) {}
}

/// What a backup did.
#[derive(Debug)]
pub struct BackupReport {
    /// How many of what.
    pub counts: Counts,
    /// What is not in it, and why: the first [`WARNINGS_MAX`].
    pub warnings: Vec<Warning>,
    /// Warnings that are not kept.
    pub warnings_dropped: u64,
    /// The tree, if its top was stored.
    pub root: Option<DirCap>,
    /// Its name in `Archives`, if it has got one.
    pub archive: Option<String>,
    /// Whether `Latest` names it.
    pub is_latest: bool,
    /// How long it took.
    pub elapsed: Duration,
}

impl BackupReport {
    /// What should have been stored and could not be, as far as warnings are kept.
    pub fn failures(&self) -> impl Iterator<Item = &Warning> {
        self.warnings.iter().filter(|warning| warning.is_failure())
    }

    /// Whether everything that can be stored is in it.
    pub fn is_complete(&self) -> bool {
        self.counts.failed == 0
    }

    /// What a program that made it ends with: 2 if anything was skipped.
    pub fn exit_code(&self) -> u8 {
        if self.counts.files_skipped + self.counts.directories_skipped > 0 { 2 } else { 0 }
    }
}

impl fmt::Display for BackupReport {
    /// What is not in it, a line each; then how many of what; last what it is called.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = &self.counts;
        for warning in &self.warnings {
            writeln!(f, "warning: {warning}")?;
        }
        if self.warnings_dropped > 0 {
            writeln!(f, "warning: {} more like these", self.warnings_dropped)?;
        }
        writeln!(
            f,
            "{} files uploaded ({} reused), {} files skipped, {} directories created ({} reused), {} directories skipped",
            counts.files_uploaded,
            counts.files_reused,
            counts.files_skipped,
            counts.directories_created,
            counts.directories_reused,
            counts.directories_skipped,
        )?;
        if counts.files_literal + counts.files_same > 0 {
            writeln!(
                f,
                "of the files uploaded, {} are small enough to need no server and {} were uploaded under another name",
                counts.files_literal, counts.files_same
            )?;
        }
        if counts.files_checked + counts.directories_checked > 0 {
            writeln!(
                f,
                "{} files checked, {} directories checked",
                counts.files_checked, counts.directories_checked
            )?;
        }
        match (&self.archive, self.is_latest) {
            (Some(name), true) => writeln!(f, "linked as Archives/{name} and as Latest")?,
            (Some(name), false) if counts.failed > 0 => writeln!(
                f,
                "linked as Archives/{name}; Latest stays, because {} could not be stored",
                counts.failed
            )?,
            (Some(name), false) => writeln!(f, "linked as Archives/{name}")?,
            (None, _) => writeln!(f, "not linked")?,
        }
        let seconds = self.elapsed.as_secs();
        write!(f, "elapsed time: {}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
    }
}
