//! Capabilities of immutable files: the short text that finds, checks and opens a file.
//!
//! Stricter than Tahoe where its parser lets nonsense through: a capability taken here has
//! 1 <= k <= N <= 256, a size above zero, and nothing behind the size. What Tahoe itself may have
//! written in front (`ro.`, `imm.`) and leading zeros are taken and not written again. Mutable files,
//! directories and whatever else there may be are in the modules below, `AnyCap` being any of them.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::base32;
use super::hash::Digest;
use super::ids::{Encoding, EncodingError, StorageIndex};
use crate::crypto::Key;

pub(crate) mod any;
mod directory;
mod mutable;

pub use any::{AnyCap, CapRule, UnknownCap};
pub use directory::{DirCap, FileCap};
pub use mutable::{MutableFormat, MutableReadCap, MutableVerifyCap, WriteCap};

/// Files up to this many bytes are not uploaded: the capability is the file.
pub const LITERAL_BYTES_MAX: u64 = 55;

/// Any capability of an immutable file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cap {
    /// Reads a file.
    Chk(ReadCap),
    /// Finds and checks the shares of a file without reading it.
    Verify(VerifyCap),
    /// Is the file.
    Literal(LiteralCap),
}

/// Reads a file. Its text contains the key: showing it is giving the file away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadCap {
    /// What the file is encrypted with.
    pub key: Key,
    /// The hash of the URI extension block in every share.
    pub ueb_hash: Digest,
    /// k and N.
    pub encoding: Encoding,
    /// Bytes of the file; above zero.
    pub size: u64,
}

/// Finds and checks the shares of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyCap {
    /// Where servers file the shares.
    pub storage_index: StorageIndex,
    /// The hash of the URI extension block in every share.
    pub ueb_hash: Digest,
    /// k and N.
    pub encoding: Encoding,
    /// Bytes of the file; above zero.
    pub size: u64,
}

/// The file itself.
#[derive(Clone, PartialEq, Eq)]
pub struct LiteralCap {
    /// The bytes of the file. Writers keep to [`LITERAL_BYTES_MAX`], readers take any length.
    pub data: Vec<u8>,
}

/// The text is not a capability of the kind asked for.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CapError {
    /// It starts like nothing known here.
    #[error("not a capability of an immutable file")]
    UnknownKind,
    /// It is not what was asked for; other capabilities start like it does, or nothing known here.
    #[error("not a {0}")]
    OtherKind(&'static str),
    /// Too few or too many parts between colons, of a mutable file.
    #[error("a capability of a mutable file has 2 parts after its name")]
    MutableParts,
    /// Too few or too many parts between colons.
    #[error("a capability of this kind has 5 parts after its name")]
    Parts,
    /// A part is not base32, or not of the right length.
    #[error("the {0} is not base32 of the right length")]
    Base32(CapPart),
    /// A part is not a decimal number of at most 64 bits.
    #[error("the {0} is not a number")]
    Number(CapPart),
    /// k and N do not go together.
    #[error(transparent)]
    Encoding(#[from] EncodingError),
    /// The size is 0; such files are literals.
    #[error("the size is 0")]
    Empty,
}

/// A part of a capability, for messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CapPart {
    /// The encryption key.
    Key,
    /// The key that writes a mutable file.
    WriteKey,
    /// The key that reads a mutable file.
    ReadKey,
    /// The storage index.
    StorageIndex,
    /// The hash of the public key of a mutable file.
    Fingerprint,
    /// The hash of the URI extension block.
    UebHash,
    /// k.
    Needed,
    /// N.
    Total,
    /// The bytes of the file.
    Size,
    /// The bytes of a literal.
    Data,
}

impl fmt::Display for CapPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Key => "key",
            Self::WriteKey => "write key",
            Self::ReadKey => "read key",
            Self::Fingerprint => "fingerprint",
            Self::StorageIndex => "storage index",
            Self::UebHash => "URI extension hash",
            Self::Needed => "number of needed shares",
            Self::Total => "total number of shares",
            Self::Size => "size",
            Self::Data => "data",
        })
    }
}

impl ReadCap {
    /// Where servers file the shares.
    pub fn storage_index(&self) -> StorageIndex {
        self.key.storage_index()
    }

    /// The capability to check the same file without reading it.
    pub fn verify_cap(&self) -> VerifyCap {
        VerifyCap {
            storage_index: self.storage_index(),
            ueb_hash: self.ueb_hash,
            encoding: self.encoding,
            size: self.size,
        }
    }
}

impl Cap {
    /// Bytes of the file.
    pub fn size(&self) -> u64 {
        match self {
            Self::Chk(cap) => cap.size,
            Self::Verify(cap) => cap.size,
            Self::Literal(cap) => cap.data.len() as u64,
        }
    }

    /// The capability to check the file; a literal has nothing to check.
    pub fn verify_cap(&self) -> Option<VerifyCap> {
        match self {
            Self::Chk(cap) => Some(cap.verify_cap()),
            Self::Verify(cap) => Some(cap.clone()),
            Self::Literal(_) => None,
        }
    }
}

impl FromStr for Cap {
    type Err = CapError;

    fn from_str(text: &str) -> Result<Self, CapError> {
        let text = text.strip_prefix("ro.").or_else(|| text.strip_prefix("imm.")).unwrap_or(text);
        if let Some(data) = text.strip_prefix("URI:LIT:") {
            let data = base32::decode(data).map_err(|_| CapError::Base32(CapPart::Data))?;
            Ok(Self::Literal(LiteralCap { data }))
        } else if let Some(rest) = text.strip_prefix("URI:CHK:") {
            let (key, ueb_hash, encoding, size) = parts(rest, CapPart::Key)?;
            Ok(Self::Chk(ReadCap { key: Key(key), ueb_hash, encoding, size }))
        } else if let Some(rest) = text.strip_prefix("URI:CHK-Verifier:") {
            let (index, ueb_hash, encoding, size) = parts(rest, CapPart::StorageIndex)?;
            Ok(Self::Verify(VerifyCap { storage_index: StorageIndex(index), ueb_hash, encoding, size }))
        } else {
            Err(CapError::UnknownKind)
        }
    }
}

/// The five parts that read and verify capabilities have in common.
fn parts(text: &str, first_part: CapPart) -> Result<([u8; 16], Digest, Encoding, u64), CapError> {
    let mut parts = text.splitn(6, ':');
    let (Some(first), Some(hash), Some(needed), Some(total), Some(size), None) =
        (parts.next(), parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(CapError::Parts);
    };
    let first = base32::decode_array(first).map_err(|_| CapError::Base32(first_part))?;
    let hash = base32::decode_array(hash).map_err(|_| CapError::Base32(CapPart::UebHash))?;
    let encoding = Encoding::new(number(needed, CapPart::Needed)?, number(total, CapPart::Total)?)?;
    let size = number(size, CapPart::Size)?;
    if size == 0 {
        return Err(CapError::Empty);
    }
    Ok((first, Digest(hash), encoding, size))
}

fn number(text: &str, part: CapPart) -> Result<u64, CapError> {
    // The standard parser would take a plus sign.
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(CapError::Number(part));
    }
    text.parse().map_err(|_| CapError::Number(part))
}

impl fmt::Display for Cap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chk(cap) => cap.fmt(f),
            Self::Verify(cap) => cap.fmt(f),
            Self::Literal(cap) => cap.fmt(f),
        }
    }
}

impl fmt::Display for ReadCap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (k, n) = (self.encoding.needed(), self.encoding.total());
        let (key, hash) = (base32::encode(&self.key.0), base32::encode(&self.ueb_hash.0));
        write!(f, "URI:CHK:{key}:{hash}:{k}:{n}:{}", self.size)
    }
}

impl fmt::Display for VerifyCap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (k, n) = (self.encoding.needed(), self.encoding.total());
        let (index, hash) = (self.storage_index, base32::encode(&self.ueb_hash.0));
        write!(f, "URI:CHK-Verifier:{index}:{hash}:{k}:{n}:{}", self.size)
    }
}

impl fmt::Display for LiteralCap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "URI:LIT:{}", base32::encode(&self.data))
    }
}

impl fmt::Debug for LiteralCap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LiteralCap({} bytes)", self.data.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cap() -> impl Strategy<Value = Cap> {
        let numbers = (1u64..=256).prop_flat_map(|n| (1..=n, Just(n), 1..=u64::MAX));
        (any::<[u8; 16]>(), any::<[u8; 32]>(), numbers, any::<Vec<u8>>(), 0..3).prop_map(
            |(first, hash, (k, n, size), data, kind)| {
                let encoding = Encoding::new(k, n).unwrap();
                let read = ReadCap { key: Key(first), ueb_hash: Digest(hash), encoding, size };
                match kind {
                    0 => Cap::Verify(read.verify_cap()),
                    1 => Cap::Chk(read),
                    _ => Cap::Literal(LiteralCap { data }),
                }
            },
        )
    }

    proptest! {
        #[test]
        fn a_capability_survives(cap in cap()) {
            prop_assert_eq!(cap.to_string().parse(), Ok(cap));
        }

        #[test]
        fn any_text_is_refused_or_canonical_from_then_on(text in "((ro|imm)\\.)?(URI:)?(CHK|LIT|CHK-Verifier)?.{0,90}") {
            if let Ok(cap) = text.parse::<Cap>() {
                prop_assert_eq!(cap.to_string().parse(), Ok(cap));
            }
        }

        #[test]
        fn a_damaged_capability_is_refused_or_canonical(cap in cap(), at: prop::sample::Index, with: char) {
            let mut chars: Vec<char> = cap.to_string().chars().collect();
            let at = at.index(chars.len());
            chars[at] = with;
            let text: String = chars.into_iter().collect();
            if let Ok(cap) = text.parse::<Cap>() {
                prop_assert_eq!(cap.to_string().parse(), Ok(cap));
            }
        }
    }

    #[test]
    fn the_number_parser_takes_digits_only() {
        for text in ["", "+1", "-1", " 1", "1 ", "0x1", "18446744073709551616", "1\n"] {
            assert_eq!(number(text, CapPart::Size), Err(CapError::Number(CapPart::Size)), "{text:?}");
        }
        assert_eq!(number("0001", CapPart::Size), Ok(1));
    }
}
