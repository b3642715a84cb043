//! Any capability at all: of a file, of a directory, or one that is not understood and carried as it is.
//!
//! Two prefixes bind whoever wrote the capability: behind `ro.` nothing may write, behind `imm.` nothing may
//! change. They say nothing new about a capability that is understood, so they are not kept with it.

use std::fmt;

use thiserror::Error;

use super::{CapError, DirCap, FileCap};
use crate::format::StorageIndex;

/// Stands before what is said to be read-only.
pub(crate) const READ_ONLY: &str = "ro.";
/// Stands before what is said to be immutable, all the way down.
pub(crate) const IMMUTABLE: &str = "imm.";

/// A capability of any kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnyCap {
    /// Of a file.
    File(FileCap),
    /// Of a directory.
    Directory(DirCap),
    /// Of something not known here, or one that breaks a rule.
    Unknown(UnknownCap),
}

/// A capability that is not understood. Its text may be a secret: `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct UnknownCap {
    /// As it was given, prefix included.
    pub text: String,
    /// Why it is not what it looks like; nothing if it looks like nothing known.
    pub error: Option<CapRule>,
}

/// A rule that a capability breaks.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CapRule {
    /// It opens something mutable.
    #[error("a capability of something mutable stands where everything must be immutable")]
    MustBeImmutable,
    /// It writes.
    #[error("a write capability stands where nothing may write")]
    MustBeReadOnly,
    /// It is of a kind not known here and may be able to write.
    #[error("a capability of an unknown kind may be able to write and has none beside it that only reads")]
    UnknownWrite,
    /// The name is of a known kind, and what follows is not.
    #[error(transparent)]
    Malformed(#[from] CapError),
    /// It is not UTF-8.
    #[error("a capability is not text")]
    NotText,
}

impl AnyCap {
    /// Reads a capability. What cannot be read is unknown, so there is no error to return.
    pub fn parse(text: &str) -> Self {
        Self::parse_below(text, false)
    }

    /// Reads a capability that stands in an immutable directory, as if behind `imm.`.
    pub fn parse_immutable(text: &str) -> Self {
        Self::parse_below(text, true)
    }

    fn parse_below(text: &str, immutable: bool) -> Self {
        let (bare, must_be_immutable, must_be_read_only) = match text.strip_prefix(IMMUTABLE) {
            Some(bare) => (bare, true, true),
            None => match text.strip_prefix(READ_ONLY) {
                Some(bare) => (bare, immutable, true),
                None => (text, immutable, immutable),
            },
        };
        let known = match bare.parse() {
            Err(CapError::OtherKind(_)) => bare.parse().map(Self::Directory),
            file => file.map(Self::File),
        };
        let error = match known {
            Ok(cap) => match cap.broken_rule(must_be_immutable, must_be_read_only) {
                None => return cap,
                rule => rule,
            },
            Err(CapError::OtherKind(_) | CapError::UnknownKind) => None,
            Err(error) => Some(error.into()),
        };
        Self::Unknown(UnknownCap { text: text.to_owned(), error })
    }

    /// Capabilities that only verify are bound by no rule: they open nothing.
    fn broken_rule(&self, must_be_immutable: bool, must_be_read_only: bool) -> Option<CapRule> {
        let file = self.file()?;
        if must_be_immutable && file.is_mutable() && file.can_read() {
            Some(CapRule::MustBeImmutable)
        } else if must_be_read_only && file.can_write() {
            Some(CapRule::MustBeReadOnly)
        } else {
            None
        }
    }

    /// Of the file itself, or of the file whose content is the directory.
    pub fn file(&self) -> Option<&FileCap> {
        match self {
            Self::File(cap) => Some(cap),
            Self::Directory(cap) => Some(cap.file()),
            Self::Unknown(_) => None,
        }
    }

    /// Without the power to write. An unknown one is given back if a prefix says that it cannot write; from
    /// others nothing can be made.
    pub fn read_only(&self) -> Option<Self> {
        match self {
            Self::File(cap) => Some(Self::File(cap.read_only())),
            Self::Directory(cap) => Some(Self::Directory(cap.read_only())),
            Self::Unknown(cap) => (cap.error.is_none() && cap.is_read_only()).then(|| self.clone()),
        }
    }

    /// Without the power to read; nothing for literals and for what is unknown.
    pub fn verify(&self) -> Option<Self> {
        match self {
            Self::File(cap) => cap.verify().map(Self::File),
            Self::Directory(cap) => cap.verify().map(Self::Directory),
            Self::Unknown(_) => None,
        }
    }

    /// Where servers file the shares; nothing for literals and for what is unknown.
    pub fn storage_index(&self) -> Option<StorageIndex> {
        self.file()?.storage_index()
    }

    /// Whether what it names is known to be mutable, see [`FileCap::is_mutable`].
    pub fn is_mutable(&self) -> bool {
        self.file().is_some_and(FileCap::is_mutable)
    }

    /// Whether it is known to be of a directory.
    pub fn is_directory(&self) -> bool {
        matches!(self, Self::Directory(_))
    }

    /// Whether it is known to be able to write.
    pub fn can_write(&self) -> bool {
        self.file().is_some_and(FileCap::can_write)
    }
}

impl UnknownCap {
    /// Whether a prefix says that it cannot write.
    pub fn is_read_only(&self) -> bool {
        self.text.starts_with(READ_ONLY) || self.text.starts_with(IMMUTABLE)
    }
}

impl<C: Into<FileCap>> From<C> for AnyCap {
    fn from(cap: C) -> Self {
        Self::File(cap.into())
    }
}

impl From<DirCap> for AnyCap {
    fn from(cap: DirCap) -> Self {
        Self::Directory(cap)
    }
}

impl fmt::Display for AnyCap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(cap) => cap.fmt(f),
            Self::Directory(cap) => cap.fmt(f),
            Self::Unknown(cap) => f.write_str(&cap.text),
        }
    }
}

impl fmt::Debug for UnknownCap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UnknownCap({} bytes, {:?})", self.text.len(), self.error)
    }
}

#[cfg(test)]
mod tests;
