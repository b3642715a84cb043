//! Capabilities of mutable files: what writes, what reads, what only finds and checks.
//!
//! The same for both formats of mutable files, which differ in the name in front.

use std::fmt;

use crate::format::StorageIndex;
use crate::format::base32;
use crate::format::mutable::{Fingerprint, ReadKey, WriteKey};

/// How a mutable file is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MutableFormat {
    /// In one segment.
    Sdmf,
    /// In segments of 128 KiB.
    Mdmf,
}

/// Changes a file. Its text contains the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteCap {
    /// How the file is stored.
    pub format: MutableFormat,
    /// Opens the private key.
    pub key: WriteKey,
    /// Of the public key.
    pub fingerprint: Fingerprint,
}

/// Reads a mutable file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MutableReadCap {
    /// How the file is stored.
    pub format: MutableFormat,
    /// Opens the content.
    pub key: ReadKey,
    /// Of the public key.
    pub fingerprint: Fingerprint,
}

/// Finds and checks the shares of a mutable file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MutableVerifyCap {
    /// How the file is stored.
    pub format: MutableFormat,
    /// Where its shares are filed.
    pub storage_index: StorageIndex,
    /// Of the public key.
    pub fingerprint: Fingerprint,
}

impl WriteCap {
    /// Without the power to write.
    pub fn read_cap(&self) -> MutableReadCap {
        let Self { format, key, fingerprint } = *self;
        MutableReadCap { format, key: key.read_key(), fingerprint }
    }
}

impl MutableReadCap {
    /// Without the power to read.
    pub fn verify_cap(&self) -> MutableVerifyCap {
        let Self { format, key, fingerprint } = *self;
        MutableVerifyCap { format, storage_index: key.storage_index(), fingerprint }
    }
}

impl MutableFormat {
    fn name(self) -> &'static str {
        match self {
            Self::Sdmf => "SSK",
            Self::Mdmf => "MDMF",
        }
    }
}

impl fmt::Display for WriteCap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (key, print) = (base32::encode(&self.key.0), base32::encode(&self.fingerprint.0.0));
        write!(f, "URI:{}:{key}:{print}", self.format.name())
    }
}

impl fmt::Display for MutableReadCap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (key, print) = (base32::encode(&self.key.0), base32::encode(&self.fingerprint.0.0));
        write!(f, "URI:{}-RO:{key}:{print}", self.format.name())
    }
}

impl fmt::Display for MutableVerifyCap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let print = base32::encode(&self.fingerprint.0.0);
        write!(f, "URI:{}-Verifier:{}:{print}", self.format.name(), self.storage_index)
    }
}
