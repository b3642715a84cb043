//! What the signed part of a share says: which version it is of, and how the file was cut.
//!
//! All integers are big-endian. SDMF, version byte 0: sequence number (8 bytes), root hash (32), salt (16), k, N,
//! segment size (8), data length (8). MDMF, version byte 1: the same without the salt. Nothing is verified here but that
//! the numbers fit together; where the rest of a share lies is in `layout`.

use thiserror::Error;

use super::keys::SALT_BYTES;
use crate::erasure::Segmentation;
use crate::erasure::segment::SEGMENT_BYTES_MAX;
use crate::format::cap::MutableFormat;
use crate::format::hash::Digest;
use crate::format::merkle::{MerkleError, Shape};
use crate::format::{Encoding, EncodingError};

/// Bytes of the signed part of an SDMF share.
pub const SDMF_PREFIX_BYTES: usize = 75;

/// Bytes of the signed part of an MDMF share.
pub const MDMF_PREFIX_BYTES: usize = 59;

/// The leading bytes of an SDMF share that writers compare.
pub const SDMF_CHECKSTRING_BYTES: usize = 57;

/// The leading bytes of an MDMF share that writers compare.
pub const MDMF_CHECKSTRING_BYTES: usize = 41;

/// The largest N that fits its byte.
pub const TOTAL_MAX: usize = 255;

/// The longest SDMF file handled: it is one segment, and is in memory as a whole.
pub const SDMF_BYTES_MAX: u64 = SEGMENT_BYTES_MAX;

/// The segments of an MDMF file as written, before rounding up to a multiple of k. Readers take what the file says.
pub const MDMF_SEGMENT_BYTES: u64 = 128 << 10;

/// The most segments an MDMF file may have, which is 32 GiB of them: a reader holds a whole block hash tree in memory.
pub const MDMF_SEGMENTS_MAX: u64 = 1 << 18;

/// The first bytes of a share make no header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum HeaderError {
    /// Fewer bytes than a header is long.
    #[error("a header of {found} bytes, expected {expected}")]
    TooShort {
        /// What a header takes.
        expected: usize,
        /// What came.
        found: usize,
    },
    /// Neither SDMF (0) nor MDMF (1).
    #[error("mutable share version {0}")]
    UnknownVersion(u8),
    /// k and N make no code.
    #[error(transparent)]
    Encoding(#[from] EncodingError),
    /// N does not fit its byte.
    #[error("{0} is an encoding of immutable files only: mutable ones have at most {TOTAL_MAX} shares")]
    TooManyShares(Encoding),
    /// Longer than [`SDMF_BYTES_MAX`], or more than [`MDMF_SEGMENTS_MAX`] segments, or longer ones than handled.
    #[error("{data_length} bytes in segments of {segment_size} are more than supported")]
    TooLong {
        /// Bytes of plaintext.
        data_length: u64,
        /// Bytes of a segment.
        segment_size: u64,
    },
    /// The segment size does not follow from the rest of the header.
    #[error("segments of {segment_size} bytes do not fit {data_length} bytes as {encoding}")]
    SegmentSize {
        /// Bytes of plaintext.
        data_length: u64,
        /// Bytes of a segment.
        segment_size: u64,
        /// k and N.
        encoding: Encoding,
    },
}

/// One version of a file, as all of its shares say at their start. Ordered the way versions follow each other: by
/// sequence number, then by root hash, then by everything else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Header {
    seqnum: u64,
    root_hash: Digest,
    /// SDMF has one.
    salt: Option<[u8; SALT_BYTES]>,
    encoding: Encoding,
    segment_size: u64,
    data_length: u64,
}

impl Header {
    /// Of a new version in one segment of `data_length` bytes.
    pub fn sdmf(
        seqnum: u64,
        root_hash: Digest,
        salt: [u8; SALT_BYTES],
        encoding: Encoding,
        data_length: u64,
    ) -> Result<Self, HeaderError> {
        // Past the limit nothing is rounded: the check refuses it, and what is rounded has to fit.
        let segment_size = data_length.min(SDMF_BYTES_MAX + 1).next_multiple_of(encoding.needed() as u64);
        Self { seqnum, root_hash, salt: Some(salt), encoding, segment_size, data_length }.checked()
    }

    /// Of a new version in as many segments as `data_length` bytes take.
    pub fn mdmf(
        seqnum: u64,
        root_hash: Digest,
        encoding: Encoding,
        data_length: u64,
    ) -> Result<Self, HeaderError> {
        let segment_size = MDMF_SEGMENT_BYTES.next_multiple_of(encoding.needed() as u64);
        Self { seqnum, root_hash, salt: None, encoding, segment_size, data_length }.checked()
    }

    /// Reads the first bytes of a share; more may follow. A share of this project or of Tahoe's is never refused
    /// but for its size.
    pub fn parse(bytes: &[u8]) -> Result<Self, HeaderError> {
        let version = *bytes.first().ok_or(HeaderError::TooShort { expected: 1, found: 0 })?;
        let expected = match version {
            0 => SDMF_PREFIX_BYTES,
            1 => MDMF_PREFIX_BYTES,
            other => return Err(HeaderError::UnknownVersion(other)),
        };
        let error = HeaderError::TooShort { expected, found: bytes.len() };
        let mut fields = Fields { rest: bytes.get(1..expected).ok_or(error)?, error };
        let seqnum = fields.number()?;
        let root_hash = Digest(fields.take()?);
        let salt = if version == 0 { Some(fields.take()?) } else { None };
        let [needed, total] = fields.take()?;
        let encoding = Encoding::new(u64::from(needed), u64::from(total))?;
        let (segment_size, data_length) = (fields.number()?, fields.number()?);
        Self { seqnum, root_hash, salt, encoding, segment_size, data_length }.checked()
    }

    fn checked(self) -> Result<Self, HeaderError> {
        let Self { encoding, segment_size, data_length, .. } = self;
        let needed = encoding.needed() as u64;
        if encoding.total() > TOTAL_MAX {
            return Err(HeaderError::TooManyShares(encoding));
        }
        let too_long = HeaderError::TooLong { data_length, segment_size };
        let misfit = HeaderError::SegmentSize { data_length, segment_size, encoding };
        match self.format() {
            MutableFormat::Sdmf if data_length > SDMF_BYTES_MAX => Err(too_long),
            MutableFormat::Sdmf if segment_size != data_length.next_multiple_of(needed) => Err(misfit),
            MutableFormat::Mdmf if !segment_size.is_multiple_of(needed) => Err(misfit),
            MutableFormat::Mdmf if segment_size == 0 && data_length > 0 => Err(misfit),
            MutableFormat::Mdmf if segment_size > SEGMENT_BYTES_MAX => Err(too_long),
            MutableFormat::Mdmf if data_length.div_ceil(segment_size.max(1)) > MDMF_SEGMENTS_MAX => {
                Err(too_long)
            }
            MutableFormat::Sdmf | MutableFormat::Mdmf if data_length > 0 => {
                Segmentation::from_segment_size(data_length, encoding, segment_size).map_err(|_| too_long)?;
                Ok(self)
            }
            MutableFormat::Sdmf | MutableFormat::Mdmf => Ok(self),
        }
    }

    /// How the file is stored.
    pub fn format(&self) -> MutableFormat {
        if self.salt.is_some() { MutableFormat::Sdmf } else { MutableFormat::Mdmf }
    }

    /// Counts the versions of the file, from 1.
    pub fn seqnum(&self) -> u64 {
        self.seqnum
    }

    /// The root of the tree over all shares.
    pub fn root_hash(&self) -> Digest {
        self.root_hash
    }

    /// What the data key is made with, in SDMF; in MDMF each segment has its own in front of its block.
    pub fn salt(&self) -> Option<[u8; SALT_BYTES]> {
        self.salt
    }

    /// k and N.
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Bytes of every segment but the last, a multiple of k.
    pub fn segment_size(&self) -> u64 {
        self.segment_size
    }

    /// Bytes of plaintext.
    pub fn data_length(&self) -> u64 {
        self.data_length
    }

    /// How the plaintext is cut; an empty file is not.
    pub fn cut(&self) -> Option<Segmentation> {
        Segmentation::from_segment_size(self.data_length, self.encoding, self.segment_size).ok()
    }

    /// How many segments there are; none in an empty file.
    pub fn segments(&self) -> u64 {
        self.cut().map_or(0, Segmentation::segments)
    }

    /// Bytes of plaintext in `segment`; 0 past the end.
    pub fn segment_len(&self, segment: u64) -> u64 {
        self.cut().map_or(0, |cut| cut.segment_len(segment))
    }

    /// Bytes of a block of `segment`, without the salt that MDMF has in front of it; 0 past the end.
    pub fn block_len(&self, segment: u64) -> u64 {
        self.cut().map_or(0, |cut| cut.block_len(segment))
    }

    /// Bytes in front of each block: the salt, in MDMF.
    pub fn block_salt_bytes(&self) -> u64 {
        if self.salt.is_some() { 0 } else { SALT_BYTES as u64 }
    }

    /// Bytes of a block of `segment` as a share has it, with its salt in MDMF; 0 past the end.
    pub fn stored_block_len(&self, segment: u64) -> u64 {
        if segment < self.segments() { self.block_salt_bytes() + self.block_len(segment) } else { 0 }
    }

    /// Bytes of all blocks of a share as stored.
    pub fn share_data_len(&self) -> u64 {
        let blocks = self.cut().map_or(0, Segmentation::share_data_size);
        blocks + self.segments() * self.block_salt_bytes()
    }

    /// The block hash tree of each share.
    pub fn block_tree(&self) -> Result<Shape, MerkleError> {
        Shape::new(self.segments())
    }

    /// The bytes that are signed, and that a share starts with.
    pub fn signed_prefix(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(SDMF_PREFIX_BYTES);
        out.push(if self.salt.is_some() { 0 } else { 1 });
        out.extend_from_slice(&self.seqnum.to_be_bytes());
        out.extend_from_slice(&self.root_hash.0);
        self.salt.iter().for_each(|salt| out.extend_from_slice(salt));
        // Both at most 255, see `checked`.
        out.extend(
            [self.encoding.needed(), self.encoding.total()].map(|n| u8::try_from(n).unwrap_or(u8::MAX)),
        );
        out.extend_from_slice(&self.segment_size.to_be_bytes());
        out.extend_from_slice(&self.data_length.to_be_bytes());
        out
    }

    /// The bytes by which a writer knows again what it saw on a server: the share's first ones.
    pub fn checkstring(&self) -> Vec<u8> {
        let mut out = self.signed_prefix();
        out.truncate(if self.salt.is_some() { SDMF_CHECKSTRING_BYTES } else { MDMF_CHECKSTRING_BYTES });
        out
    }
}

/// Consecutive fields of fixed length.
pub(super) struct Fields<'a, E> {
    pub(super) rest: &'a [u8],
    /// What to answer when they do not suffice.
    pub(super) error: E,
}

impl<E: Copy> Fields<'_, E> {
    pub(super) fn take<const LEN: usize>(&mut self) -> Result<[u8; LEN], E> {
        let (field, rest) = self.rest.split_first_chunk::<LEN>().ok_or(self.error)?;
        self.rest = rest;
        Ok(*field)
    }

    pub(super) fn number(&mut self) -> Result<u64, E> {
        self.take().map(u64::from_be_bytes)
    }
}
