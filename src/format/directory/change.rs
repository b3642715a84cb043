//! Changes of a directory as plain data, so that a change that met somebody else's can be applied again to the
//! newest version, and one whose answer was lost is recognised there.
//!
//! Linking stamps the entry with the time in the change, and that is how it is recognised: keep the change as it
//! is when it is applied again.

use thiserror::Error;

use super::metadata::{Metadata, UnixTime};
use super::{Child, Directory, Entry, normalised};

/// What a link may take the place of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replace {
    /// Whatever has the name.
    Any,
    /// Nothing.
    Never,
    /// What is not known to be a directory.
    OnlyFiles,
}

/// What may be unlinked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Only {
    /// Whatever has the name.
    Any,
    /// What is not known to be a directory.
    Files,
    /// What is not known to be a file.
    Directories,
}

/// One change.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Gives a child a name.
    Link {
        /// The name.
        name: String,
        /// What it points to; stored without the power to write if the metadata has `no-write`.
        child: Child,
        /// Takes the place of the old metadata, but for the times of linking; nothing keeps the old.
        metadata: Option<Metadata>,
        /// What it may take the place of.
        replace: Replace,
        /// When.
        at: UnixTime,
    },
    /// Takes a name away.
    Unlink {
        /// The name.
        name: String,
        /// What may have it.
        only: Only,
        /// Whether it is an error if nothing has it.
        must_exist: bool,
    },
    /// Gives what has a name another one, metadata included.
    Rename {
        /// The old name.
        from: String,
        /// The new name.
        to: String,
        /// What it may take the place of.
        replace: Replace,
        /// When.
        at: UnixTime,
    },
    /// Changes what is said about an entry.
    Describe {
        /// Its name.
        name: String,
        /// Takes the place of the old metadata, but for the times of linking.
        metadata: Metadata,
        /// When.
        at: UnixTime,
    },
}

/// What applying a change did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// The directory is changed and wants to be written.
    Now,
    /// The directory was as wanted, the change having taken effect before or there being nothing to do.
    Before,
}

/// The change cannot be made to this version of the directory, which stays as it is.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ChangeError {
    /// Nothing has the name.
    #[error("there is no {0:?} in the directory")]
    NoSuchChild(String),
    /// Something has the name.
    #[error("{0:?} is in the directory already")]
    Exists(String),
    /// A directory has the name.
    #[error("{0:?} is in the directory already and is a directory")]
    IsDirectory(String),
    /// What has the name is not to be unlinked, being a directory.
    #[error("{0:?} is a directory and not a file")]
    NotAFile(String),
    /// What has the name is not to be unlinked, being a file.
    #[error("{0:?} is a file and not a directory")]
    NotADirectory(String),
}

impl Change {
    /// Makes the change. To a version that has it already, as far as that can be told, nothing is done: a link
    /// or a new name has the same child and time there.
    pub fn apply(&self, directory: &mut Directory) -> Result<Applied, ChangeError> {
        if self.took_effect(directory) && !matches!(self, Self::Unlink { must_exist: true, .. }) {
            return Ok(Applied::Before);
        }
        match self {
            Self::Link { name, child, metadata, replace, at } => {
                link(directory, name, child, metadata.as_ref(), *replace, *at)?;
            }
            Self::Unlink { name, only, .. } => {
                let entry = directory.get(name).ok_or_else(|| missing(name))?;
                let directory_known = entry.child().is_directory();
                let file_known =
                    entry.child().cap().is_some_and(|cap| cap.file().is_some()) && !directory_known;
                match only {
                    Only::Files if directory_known => return Err(ChangeError::NotAFile(normalised(name))),
                    Only::Directories if file_known => {
                        return Err(ChangeError::NotADirectory(normalised(name)));
                    }
                    Only::Any | Only::Files | Only::Directories => {}
                }
                directory.remove(name);
            }
            Self::Rename { from, to, replace, at } => {
                let entry = directory.get(from).ok_or_else(|| missing(from))?.clone();
                if normalised(from) == normalised(to) {
                    return Ok(Applied::Before);
                }
                link(directory, to, entry.child(), Some(&entry.metadata()), *replace, *at)?;
                directory.remove(from);
            }
            Self::Describe { name, metadata, at } => {
                let child = directory.get(name).ok_or_else(|| missing(name))?.child().clone();
                link(directory, name, &child, Some(metadata), Replace::Any, *at)?;
            }
        }
        Ok(Applied::Now)
    }

    /// Whether the directory looks as it would after this change. For links, new names and descriptions that is
    /// certain, or somebody else did the same at the same time. A name that is gone may have been taken away by
    /// anybody: ask before applying the change again after a write whose answer was lost, and take yes for done.
    /// Should somebody else have given it again meanwhile, it would be taken away again.
    pub fn took_effect(&self, directory: &Directory) -> bool {
        let stamped = |name: &str, at: UnixTime| {
            directory.get(name).filter(|entry| entry.metadata().linked() == Some(at))
        };
        match self {
            Self::Link { name, child, metadata, at, .. } => stamped(name, *at).is_some_and(|entry| {
                let same = *entry.child() == *child
                    || entry.metadata().is_no_write() && *entry.child() == child.read_only();
                same && metadata.as_ref().is_none_or(|new| describes(new, entry, *at))
            }),
            Self::Unlink { name, .. } => directory.get(name).is_none(),
            Self::Rename { from, to, at, .. } => directory.get(from).is_none() && stamped(to, *at).is_some(),
            Self::Describe { name, metadata, at } => {
                stamped(name, *at).is_some_and(|entry| describes(metadata, entry, *at))
            }
        }
    }
}

/// Whether relinking with `metadata` would leave `entry` as it is.
fn describes(metadata: &Metadata, entry: &Entry, at: UnixTime) -> bool {
    let old = entry.metadata();
    Metadata::relinked(Some(&old), Some(metadata), at) == *old
}

fn missing(name: &str) -> ChangeError {
    ChangeError::NoSuchChild(normalised(name))
}

fn link(
    directory: &mut Directory,
    name: &str,
    child: &Child,
    metadata: Option<&Metadata>,
    replace: Replace,
    at: UnixTime,
) -> Result<(), ChangeError> {
    let old = directory.get(name);
    match (old, replace) {
        (Some(old), Replace::Never) => return Err(ChangeError::Exists(old.name().to_owned())),
        (Some(old), Replace::OnlyFiles) if old.child().is_directory() => {
            return Err(ChangeError::IsDirectory(old.name().to_owned()));
        }
        (Some(_) | None, Replace::Any | Replace::Never | Replace::OnlyFiles) => {}
    }
    let old = old.map(Entry::metadata);
    let metadata = Metadata::relinked(old.as_deref(), metadata, at);
    let child = if metadata.is_no_write() { child.read_only() } else { child.clone() };
    directory.insert(name, child, metadata);
    Ok(())
}
