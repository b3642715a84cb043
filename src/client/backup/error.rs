//! Why a backup, or something in it, was not made.

use std::io;

use thiserror::Error;

use super::report::BackupReport;
use crate::client::directory::{ChangeDirectoryError, ListError, MakeDirectoriesError};
use crate::client::upload::UploadError;
use crate::format::directory::PackError;

/// Why a file or directory was not stored.
#[derive(Debug, Error)]
pub enum ItemError {
    /// It cannot be listed or opened.
    #[error("cannot read it: {0}")]
    Read(#[from] io::Error),
    /// It was not uploaded.
    #[error("{error}{}", .error.detail())]
    Upload {
        /// Why.
        #[source]
        error: UploadError,
    },
    /// A directory does not hold what is in it.
    #[error(transparent)]
    Pack(#[from] PackError),
}

impl UploadError {
    /// What its own text leaves to its source.
    fn detail(&self) -> String {
        match self {
            Self::Source(error) => format!(": {error}"),
            _ => String::new(),
        }
    }
}

impl ItemError {
    /// What the file system says is wrong, if it does.
    pub(super) fn io(&self) -> Option<&io::Error> {
        match self {
            Self::Read(error) | Self::Upload { error: UploadError::Source(error) } => Some(error),
            Self::Upload { .. } | Self::Pack(_) => None,
        }
    }

    /// Whether the same may succeed a little later.
    pub(super) fn may_pass(&self) -> bool {
        use io::ErrorKind::{NotFound, PermissionDenied};
        match self {
            Self::Pack(_) => false,
            Self::Upload { error } => match error {
                UploadError::Source(error) => !matches!(error.kind(), NotFound | PermissionDenied),
                UploadError::SourceChanged { .. }
                | UploadError::SourceDiffers
                | UploadError::Unhappy(_)
                | UploadError::Deadline(_) => true,
                UploadError::Happy { .. }
                | UploadError::Segmentation(_)
                | UploadError::SegmentTooLong(_)
                | UploadError::Coding(_)
                | UploadError::Hashes(_) => false,
            },
            Self::Read(error) => !matches!(error.kind(), NotFound | PermissionDenied),
        }
    }
}

/// Why a backup was not made, or got no name.
#[derive(Debug, Error)]
pub enum BackupError {
    /// The happiness asked for is not between 1 and N.
    #[error("{happy} servers of happiness cannot be had of {total} shares")]
    Happy {
        /// As asked for.
        happy: usize,
        /// N.
        total: usize,
    },
    /// The target, or `Archives` in it, cannot be changed.
    #[error("the capability cannot change the target of the backup, or Archives in it")]
    ReadOnly,
    /// `Archives` is not there and was not made, or is not what it should be. Nothing was uploaded.
    #[error("cannot use the target of the backup: {0}")]
    Target(#[from] MakeDirectoriesError),
    /// `Archives` cannot be listed. Nothing was uploaded.
    #[error("cannot list Archives in the target of the backup: {0}")]
    Archives(#[source] ListError),
    /// The top of the tree was not stored: there is nothing to give a name to.
    #[error("the top of the tree was not stored{}. {}", last(.0), saved(.0))]
    Top(Box<BackupReport>),
    /// The backup was made, but not given a name.
    #[error("cannot link {path}: {error}. {}", saved(.report))]
    Link {
        /// Where it should be in the target.
        path: String,
        /// What was done.
        report: Box<BackupReport>,
        /// Why.
        #[source]
        error: ChangeDirectoryError,
    },
}

/// Why the top was not stored.
fn last(report: &BackupReport) -> String {
    let top = report.warnings.iter().rfind(|warning| warning.path.is_empty());
    top.map(|warning| format!(": {warning}")).unwrap_or_default()
}

fn saved(report: &BackupReport) -> String {
    let counts = &report.counts;
    format!(
        "{} files and {} directories are uploaded; the next run uploads none of them again",
        counts.files_uploaded + counts.files_reused,
        counts.directories_created + counts.directories_reused
    )
}
