//! From the blocks of a segment to its plaintext.
//!
//! The blocks must have been verified (`format::mutable::block`): what is decoded from bad ones is rubbish, and nothing
//! here would notice.

use thiserror::Error;

use crate::crypto::Cipher;
use crate::erasure::{Codec, CodingError};
use crate::format::ShareNum;
use crate::format::mutable::keys::SALT_BYTES;
use crate::format::mutable::{Header, ReadKey};

/// Blocks make no segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// Blocks of one segment with different salts: each is what was signed, but their writer signed nonsense.
    #[error("the blocks of segment {0} disagree about its salt")]
    Salt(u64),
    /// Not as long as the header says.
    #[error("a block of {found} bytes in segment {segment}, expected {expected}")]
    Length {
        /// Of which segment.
        segment: u64,
        /// What a block of it takes.
        expected: u64,
        /// What came.
        found: u64,
    },
    /// Not k blocks of different shares.
    #[error(transparent)]
    Coding(#[from] CodingError),
    /// The segment does not fit this machine's memory.
    #[error("a segment of {0} bytes does not fit in memory")]
    Memory(u64),
}

/// Decodes the segments of one version.
#[derive(Debug, Clone)]
pub struct Decoder {
    header: Header,
    codec: Codec,
    key: ReadKey,
}

impl Decoder {
    /// For the version with this header, which must have been verified.
    pub fn new(header: &Header, key: &ReadKey) -> Self {
        Self { header: *header, codec: Codec::new(header.encoding()), key: *key }
    }

    /// The plaintext of `segment` from the blocks of k different shares, as stored (in MDMF each with its salt). Past
    /// the last segment, nothing.
    pub fn segment(&self, segment: u64, blocks: &[(ShareNum, &[u8])]) -> Result<Vec<u8>, DecodeError> {
        let header = &self.header;
        if segment >= header.segments() {
            return Ok(Vec::new());
        }
        let expected = header.stored_block_len(segment);
        let mut salt = header.salt();
        let mut coded = Vec::with_capacity(blocks.len());
        for (share, stored) in blocks {
            let found = stored.len() as u64;
            if found != expected {
                return Err(DecodeError::Length { segment, expected, found });
            }
            let block = match (header.salt(), stored.split_first_chunk::<SALT_BYTES>()) {
                (None, Some((own, block))) => {
                    if *salt.get_or_insert(*own) != *own {
                        return Err(DecodeError::Salt(segment));
                    }
                    block
                }
                _ => *stored,
            };
            coded.push((*share, block));
        }
        let in_memory = |bytes: u64| usize::try_from(bytes).map_err(|_| DecodeError::Memory(bytes));
        let padded = header.block_len(segment).saturating_mul(header.encoding().needed() as u64);
        let mut plain = vec![0; in_memory(padded)?];
        self.codec.decode(&coded, &mut plain)?;
        plain.truncate(in_memory(header.segment_len(segment))?);
        // Without a salt there was no block, and `decode` has refused that.
        let key = self.key.data_key(&salt.unwrap_or_default());
        Cipher::new(&key, 0).apply(&mut plain);
        Ok(plain)
    }
}
