//! Capabilities of mutable files: what writes, what reads, what only finds and checks.
//!
//! The same for both formats of mutable files, which differ in the name in front. Behind those of MDMF files old
//! programs wrote hints, each after a colon: they are taken and not written again.

use std::fmt;
use std::str::FromStr;

use super::{CapError, CapPart};
use crate::format::StorageIndex;
use crate::format::base32;
use crate::format::hash::Digest;
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

/// The format, the key and the fingerprint in `URI:SSK<suffix>:KEY:FINGERPRINT` or the same of MDMF.
fn parts(
    text: &str,
    suffix: &str,
    kind: &'static str,
    key: CapPart,
) -> Result<(MutableFormat, [u8; 16], Fingerprint), CapError> {
    let after = |format: MutableFormat| {
        text.strip_prefix("URI:")?.strip_prefix(format.name())?.strip_prefix(suffix)?.strip_prefix(':')
    };
    let (format, rest) = [MutableFormat::Sdmf, MutableFormat::Mdmf]
        .into_iter()
        .find_map(|format| Some((format, after(format)?)))
        .ok_or(CapError::OtherKind(kind))?;
    let mut parts = rest.split(':');
    let (Some(first), Some(print)) = (parts.next(), parts.next()) else {
        return Err(CapError::MutableParts);
    };
    if format == MutableFormat::Sdmf && parts.next().is_some() {
        return Err(CapError::MutableParts);
    }
    let first = base32::decode_array(first).map_err(|_| CapError::Base32(key))?;
    let print = base32::decode_array(print).map_err(|_| CapError::Base32(CapPart::Fingerprint))?;
    Ok((format, first, Fingerprint(Digest(print))))
}

impl FromStr for WriteCap {
    type Err = CapError;

    fn from_str(text: &str) -> Result<Self, CapError> {
        let (format, key, fingerprint) =
            parts(text, "", "write capability of a mutable file", CapPart::WriteKey)?;
        Ok(Self { format, key: WriteKey(key), fingerprint })
    }
}

impl FromStr for MutableReadCap {
    type Err = CapError;

    fn from_str(text: &str) -> Result<Self, CapError> {
        let (format, key, fingerprint) =
            parts(text, "-RO", "read capability of a mutable file", CapPart::ReadKey)?;
        Ok(Self { format, key: ReadKey(key), fingerprint })
    }
}

impl FromStr for MutableVerifyCap {
    type Err = CapError;

    fn from_str(text: &str) -> Result<Self, CapError> {
        let (format, index, fingerprint) =
            parts(text, "-Verifier", "verify capability of a mutable file", CapPart::StorageIndex)?;
        Ok(Self { format, storage_index: StorageIndex(index), fingerprint })
    }
}
