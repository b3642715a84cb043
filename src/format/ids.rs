//! The small names everything else is keyed by: storage index, share number, server, encoding.
//!
//! No parsing of text beyond what a storage index needs; capabilities are in `cap`.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use thiserror::Error;

use super::base32;

/// What a server files the shares of one file under: 16 bytes derived from the encryption key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StorageIndex(pub [u8; 16]);

/// The text is not 26 characters of canonical base32.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not a storage index: expected 26 characters of lower-case base32")]
pub struct StorageIndexError;

impl fmt::Display for StorageIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base32::encode(&self.0))
    }
}

impl fmt::Debug for StorageIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StorageIndex({self})")
    }
}

impl FromStr for StorageIndex {
    type Err = StorageIndexError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = base32::decode(text).map_err(|_| StorageIndexError)?;
        Ok(Self(bytes.try_into().map_err(|_| StorageIndexError)?))
    }
}

/// Which of the N shares of a file: 0 to N-1, so at most 255.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShareNum(pub u8);

impl fmt::Display for ShareNum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The name a server is configured or announced under. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerId(Arc<str>);

impl ServerId {
    /// The server called `name`.
    pub fn new(name: &str) -> Self {
        Self(Arc::from(name))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ServerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ServerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How a file is spread: any `needed` (k) of `total` (N) shares rebuild it. 1 <= k <= N <= 256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Encoding {
    needed: u16,
    total: u16,
}

/// The numbers are outside 1 <= k <= N <= 256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{needed}-of-{total} is not an encoding: 1 <= k <= N <= 256 is required")]
pub struct EncodingError {
    /// k as given.
    pub needed: u64,
    /// N as given.
    pub total: u64,
}

impl Encoding {
    /// The largest N there is.
    pub const TOTAL_MAX: u16 = 256;

    /// 3-of-10, Tahoe's default.
    pub const THREE_OF_TEN: Self = Self { needed: 3, total: 10 };

    /// k-of-N.
    pub fn new(needed: u64, total: u64) -> Result<Self, EncodingError> {
        let error = EncodingError { needed, total };
        if needed == 0 || needed > total || total > u64::from(Self::TOTAL_MAX) {
            return Err(error);
        }
        Ok(Self {
            needed: u16::try_from(needed).map_err(|_| error)?,
            total: u16::try_from(total).map_err(|_| error)?,
        })
    }

    /// k: how many shares rebuild the file.
    pub fn needed(self) -> usize {
        usize::from(self.needed)
    }

    /// N: how many shares there are.
    pub fn total(self) -> usize {
        usize::from(self.total)
    }

    /// Every share number of this encoding, ascending.
    pub fn shares(self) -> impl DoubleEndedIterator<Item = ShareNum> + Clone {
        (0..self.total).map(|n| ShareNum(u8::try_from(n).unwrap_or(u8::MAX)))
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-of-{}", self.needed, self.total)
    }
}
