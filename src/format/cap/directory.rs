//! Capabilities of files of every kind, and of the directories whose entries are the content of such a file.
//!
//! A directory adds nothing but a name to the capability of its file. What its entries are is for
//! `format::directory` to say.

use std::fmt;
use std::str::FromStr;

use super::{Cap, CapError, MutableReadCap, MutableVerifyCap, WriteCap};
use crate::format::StorageIndex;

/// Any capability of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileCap {
    /// Of an immutable file.
    Immutable(Cap),
    /// Changes a mutable file.
    Write(WriteCap),
    /// Reads a mutable file.
    Read(MutableReadCap),
    /// Finds and checks the shares of a mutable file.
    Verify(MutableVerifyCap),
}

/// Any capability of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirCap(FileCap);

impl FileCap {
    /// Whether what it names may change; true for those that can only verify, too.
    pub fn is_mutable(&self) -> bool {
        match self {
            Self::Immutable(_) => false,
            Self::Write(_) | Self::Read(_) | Self::Verify(_) => true,
        }
    }

    /// Whether it changes the file.
    pub fn can_write(&self) -> bool {
        matches!(self, Self::Write(_))
    }

    /// Whether it opens the file.
    pub fn can_read(&self) -> bool {
        match self {
            Self::Immutable(Cap::Chk(_) | Cap::Literal(_)) | Self::Write(_) | Self::Read(_) => true,
            Self::Immutable(Cap::Verify(_)) | Self::Verify(_) => false,
        }
    }

    /// Without the power to write. What has no such power is given back.
    pub fn read_only(&self) -> Self {
        match self {
            Self::Write(cap) => Self::Read(cap.read_cap()),
            Self::Immutable(_) | Self::Read(_) | Self::Verify(_) => self.clone(),
        }
    }

    /// Without the power to read; a literal has nothing to check.
    pub fn verify(&self) -> Option<Self> {
        Some(match self {
            Self::Immutable(cap) => Self::Immutable(Cap::Verify(cap.verify_cap()?)),
            Self::Write(cap) => Self::Verify(cap.read_cap().verify_cap()),
            Self::Read(cap) => Self::Verify(cap.verify_cap()),
            Self::Verify(_) => self.clone(),
        })
    }

    /// Where servers file the shares; a literal has none.
    pub fn storage_index(&self) -> Option<StorageIndex> {
        match self {
            Self::Immutable(Cap::Chk(cap)) => Some(cap.storage_index()),
            Self::Immutable(Cap::Verify(cap)) => Some(cap.storage_index),
            Self::Immutable(Cap::Literal(_)) => None,
            Self::Write(cap) => Some(cap.key.read_key().storage_index()),
            Self::Read(cap) => Some(cap.key.storage_index()),
            Self::Verify(cap) => Some(cap.storage_index),
        }
    }
}

impl From<Cap> for FileCap {
    fn from(cap: Cap) -> Self {
        Self::Immutable(cap)
    }
}

impl From<WriteCap> for FileCap {
    fn from(cap: WriteCap) -> Self {
        Self::Write(cap)
    }
}

impl From<MutableReadCap> for FileCap {
    fn from(cap: MutableReadCap) -> Self {
        Self::Read(cap)
    }
}

impl From<MutableVerifyCap> for FileCap {
    fn from(cap: MutableVerifyCap) -> Self {
        Self::Verify(cap)
    }
}

impl<C: Into<FileCap>> From<C> for DirCap {
    fn from(file: C) -> Self {
        Self(file.into())
    }
}

impl DirCap {
    /// Of the file whose content is the directory.
    pub fn file(&self) -> &FileCap {
        &self.0
    }

    /// Of the file whose content is the directory.
    pub fn into_file(self) -> FileCap {
        self.0
    }

    /// Without the power to write, see [`FileCap::read_only`].
    pub fn read_only(&self) -> Self {
        Self(self.0.read_only())
    }

    /// Without the power to read, see [`FileCap::verify`].
    pub fn verify(&self) -> Option<Self> {
        self.0.verify().map(Self)
    }
}

/// What stands between `URI:` and the next colon.
fn name(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix("URI:")?.split_once(':')
}

impl FromStr for FileCap {
    type Err = CapError;

    fn from_str(text: &str) -> Result<Self, CapError> {
        match name(text).map(|(name, _)| name) {
            Some("CHK" | "CHK-Verifier" | "LIT") => text.parse().map(Self::Immutable),
            Some("SSK" | "MDMF") => text.parse().map(Self::Write),
            Some("SSK-RO" | "MDMF-RO") => text.parse().map(Self::Read),
            Some("SSK-Verifier" | "MDMF-Verifier") => text.parse().map(Self::Verify),
            _ => Err(CapError::OtherKind("capability of a file")),
        }
    }
}

impl FromStr for DirCap {
    type Err = CapError;

    fn from_str(text: &str) -> Result<Self, CapError> {
        let other = CapError::OtherKind("capability of a directory");
        let Some((name, rest)) = name(text) else { return Err(other) };
        let file = match name {
            "DIR2" => "SSK",
            "DIR2-RO" => "SSK-RO",
            "DIR2-Verifier" => "SSK-Verifier",
            "DIR2-MDMF" => "MDMF",
            "DIR2-MDMF-RO" => "MDMF-RO",
            "DIR2-MDMF-Verifier" => "MDMF-Verifier",
            "DIR2-CHK" => "CHK",
            "DIR2-CHK-Verifier" => "CHK-Verifier",
            "DIR2-LIT" => "LIT",
            _ => return Err(other),
        };
        format!("URI:{file}:{rest}").parse().map(Self)
    }
}

impl fmt::Display for FileCap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Immutable(cap) => cap.fmt(f),
            Self::Write(cap) => cap.fmt(f),
            Self::Read(cap) => cap.fmt(f),
            Self::Verify(cap) => cap.fmt(f),
        }
    }
}

impl fmt::Display for DirCap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.0.to_string();
        match file.strip_prefix("URI:SSK") {
            Some(rest) => write!(f, "URI:DIR2{rest}"),
            None => write!(f, "URI:DIR2-{}", file.trim_start_matches("URI:")),
        }
    }
}
