//! Why a directory was not made, listed or changed, or a path not followed.

use thiserror::Error;

use crate::client::download::DownloadError;
use crate::client::mutable::{PublishError, RetrieveError};
use crate::client::upload::UploadError;
use crate::crypto::rsa::RsaError;
use crate::format::directory::{ChangeError, DirectoryError, PackError};

/// Why a directory was not listed.
#[derive(Debug, Error)]
pub enum ListError {
    /// The capability finds the shares of the directory, and does not open it.
    #[error("the capability can only verify the directory, not read it")]
    VerifyOnly,
    /// The mutable file was not read.
    #[error(transparent)]
    Retrieve(#[from] RetrieveError),
    /// The immutable file was not read.
    #[error(transparent)]
    Download(#[from] DownloadError),
    /// It was read and is no directory.
    #[error(transparent)]
    Damaged(#[from] DirectoryError),
    /// The content is longer than what is held in memory.
    #[error("the directory is too long: {max} bytes are the most")]
    TooLong {
        /// What is taken, in bytes.
        max: u64,
    },
}

/// Why a mutable directory was not made.
#[derive(Debug, Error)]
pub enum CreateDirectoryError {
    /// The entries cannot be in it.
    #[error(transparent)]
    Pack(#[from] PackError),
    /// It was not written.
    #[error(transparent)]
    Publish(#[from] PublishError),
}

/// Why an immutable directory was not made.
#[derive(Debug, Error)]
pub enum CreateImmutableError {
    /// The entries cannot be in it.
    #[error(transparent)]
    Pack(#[from] PackError),
    /// It was not uploaded.
    #[error(transparent)]
    Upload(#[from] UploadError),
}

/// Why a directory was not changed, or is not known to be.
#[derive(Debug, Error)]
pub enum ChangeDirectoryError {
    /// The capability does not write.
    #[error("the capability cannot change the directory")]
    ReadOnly,
    /// The newest version does not allow it. Nothing was changed, unless an earlier attempt was undone by others.
    #[error(transparent)]
    Conflict(#[from] ChangeError),
    /// What is there is no directory.
    #[error(transparent)]
    Damaged(#[from] DirectoryError),
    /// What it is to become does not fit into a directory.
    #[error(transparent)]
    Pack(#[from] PackError),
    /// What is there was not read.
    #[error(transparent)]
    Retrieve(RetrieveError),
    /// The change was not written, or is not known to be.
    #[error(transparent)]
    Publish(PublishError),
}

impl ChangeDirectoryError {
    /// Whether the same change may succeed a little later: servers or other writers were in the way.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::ReadOnly | Self::Conflict(_) | Self::Damaged(_) | Self::Pack(_) => false,
            Self::Retrieve(RetrieveError::TooLong { .. }) => false,
            Self::Publish(error) => !matches!(
                error,
                PublishError::Encode(_)
                    | PublishError::Mdmf
                    | PublishError::Happy { .. }
                    | PublishError::TooLong { .. }
            ),
            Self::Retrieve(_) => true,
        }
    }
}

/// Why a path leads nowhere.
#[derive(Debug, Error)]
pub enum ResolveError {
    /// There is something on the way that is no directory, as far as is known.
    #[error("{0:?} is not a directory")]
    NotADirectory(String),
    /// A directory on the way does not have the next name.
    #[error("there is no {name:?} in {}{}", place(.directory), .similar.as_ref().map(|name| format!(" (did you mean {name:?}?)")).unwrap_or_default())]
    NoSuchChild {
        /// The path to the directory, empty for the one at which the path begins.
        directory: String,
        /// The name it does not have.
        name: String,
        /// One that it has, and that differs in capitals and spaces only.
        similar: Option<String>,
    },
    /// A directory on the way was not read.
    #[error("cannot list {}: {error}", place(.directory))]
    List {
        /// The path to it, empty for the one at which the path begins.
        directory: String,
        /// Why.
        #[source]
        error: ListError,
    },
}

fn place(path: &str) -> String {
    if path.is_empty() { "the directory".to_owned() } else { format!("{path:?}") }
}

/// Why the directories of a path were not made.
#[derive(Debug, Error)]
pub enum MakeDirectoriesError {
    /// The way there.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// The key for a new directory.
    #[error("cannot make a key: {0}")]
    Key(#[from] RsaError),
    /// A new directory was not made.
    #[error("cannot make {path:?}: {error}")]
    Create {
        /// The path to it.
        path: String,
        /// Why.
        #[source]
        error: CreateDirectoryError,
    },
    /// A new directory was made, but not given its name.
    #[error("cannot link {path:?}: {error}")]
    Link {
        /// The path to it.
        path: String,
        /// Why.
        #[source]
        error: ChangeDirectoryError,
    },
}
