//! What can be wrong with the bytes of a directory, and with what is to become bytes.

use thiserror::Error;

use super::child::CAP_BYTES_MAX;
use super::metadata::MetadataError;
use super::{DIRECTORY_BYTES_MAX, ENTRIES_MAX, NAME_BYTES_MAX};
use crate::format::cap::CapRule;

/// The bytes are not a directory.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DirectoryError {
    /// Longer than [`DIRECTORY_BYTES_MAX`].
    #[error("the directory has {0} bytes, at most {DIRECTORY_BYTES_MAX} are taken")]
    TooLong(usize),
    /// More than [`ENTRIES_MAX`].
    #[error("the directory has more than {ENTRIES_MAX} entries")]
    TooManyEntries,
    /// An entry is cut off or has no length in front.
    #[error("entry {0} of the directory is cut off or damaged")]
    Entry(usize),
    /// A field of an entry is cut off or has no length in front.
    #[error("entry {0} of the directory has no four fields")]
    Fields(usize),
    /// A name is not UTF-8.
    #[error("the name of entry {0} of the directory is not UTF-8")]
    Name(usize),
    /// A name has more than [`NAME_BYTES_MAX`].
    #[error("the name of entry {0} of the directory has more than {NAME_BYTES_MAX} bytes")]
    NameTooLong(usize),
    /// A capability has more than [`CAP_BYTES_MAX`].
    #[error("a capability in entry {0} of the directory has more than {CAP_BYTES_MAX} bytes")]
    CapTooLong(usize),
    /// Metadata cannot be read.
    #[error("the metadata of entry {0} of the directory is damaged: {1}")]
    Metadata(usize, MetadataError),
    /// An immutable directory has a place for what writes.
    #[error("entry {0} of the immutable directory has a write capability")]
    WriteCap(usize),
}

/// An entry that was left out, because what it points to breaks a rule. A directory written again is without it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{name:?} is left out: {rule}")]
pub struct Refused {
    /// Its name, in NFC.
    pub name: String,
    /// The rule.
    pub rule: CapRule,
}

/// The directory cannot be made bytes.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PackError {
    /// It was read without its write key.
    #[error("the directory was read without its write key")]
    NoWriteKey,
    /// A child must not be in an immutable directory.
    #[error("{name:?} must not be in an immutable directory: {rule}")]
    MustBeDeepImmutable {
        /// The name of the child.
        name: String,
        /// The rule that it breaks.
        rule: CapRule,
    },
    /// More than [`ENTRIES_MAX`].
    #[error("{0} entries are too many for a directory, at most {ENTRIES_MAX} are taken")]
    TooManyEntries(usize),
    /// Longer than [`DIRECTORY_BYTES_MAX`].
    #[error("the directory has more than {DIRECTORY_BYTES_MAX} bytes")]
    TooLong,
    /// A name has more than [`NAME_BYTES_MAX`].
    #[error("a name of {0} bytes is too long, at most {NAME_BYTES_MAX} are taken")]
    NameTooLong(usize),
    /// A capability has more than [`CAP_BYTES_MAX`].
    #[error("a capability of {name:?} has more than {CAP_BYTES_MAX} bytes")]
    CapTooLong {
        /// The name of the child.
        name: String,
    },
    /// Metadata is longer than it may be, or deeper.
    #[error("the metadata of {name:?} would not be read again: {error}")]
    Metadata {
        /// The name of the child.
        name: String,
        /// Why.
        error: MetadataError,
    },
}
