//! Where the parts of an SDMF share lie, as its own first bytes say.
//!
//! Believes whatever stands there, so that a damaged share has parts too; what they are worth is for `mutable` to say.

use std::ops::Range;

use lafs::format::hash::Digest;
use lafs::format::mutable::VersionId;

/// Bytes in front of the public key.
pub const HEADER_BYTES: usize = 107;
/// Bytes that are signed.
pub const SIGNED_BYTES: usize = 75;
/// Bytes that tell one version from another: what writers compare.
pub const CHECKSTRING_BYTES: usize = 57;

/// The numbers in the header, and the parts in the order of the share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    /// 0 for SDMF.
    pub format: u8,
    /// Which version it says it is of.
    pub id: VersionId,
    /// k.
    pub needed: u8,
    /// N.
    pub total: u8,
    /// Bytes of the padded ciphertext.
    pub segment_bytes: u64,
    /// Bytes of plaintext.
    pub data_bytes: u64,
    /// DER.
    pub public_key: Range<u64>,
    /// Over the first [`SIGNED_BYTES`].
    pub signature: Range<u64>,
    /// Entries of the share hash tree.
    pub chain: Range<u64>,
    /// The one node of the block hash tree.
    pub block_tree: Range<u64>,
    /// The block. It is as long as the length of the data says: no reader minds where the key behind it begins.
    pub block: Range<u64>,
    /// Encrypted.
    pub private_key: Range<u64>,
}

impl Parts {
    /// Reads the header of a share; none if it is too short to have one. Parts may be empty, end before they begin
    /// or lie past the end.
    pub fn of(share: &[u8]) -> Option<Self> {
        let header: &[u8; HEADER_BYTES] = share.first_chunk()?;
        let number =
            |range: Range<usize>| header[range].iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        let mut root_hash = Digest([0; 32]);
        root_hash.0.copy_from_slice(&header[9..41]);
        let data_bytes = number(67..75);
        let [signature, chain, block_tree, block] = [75, 79, 83, 87].map(|offset| number(offset..offset + 4));
        let [private_key, end] = [91, 99].map(|offset| number(offset..offset + 8));
        Some(Self {
            format: header[0],
            id: VersionId { seqnum: number(1..9), root_hash },
            needed: header[57],
            total: header[58],
            segment_bytes: number(59..67),
            data_bytes,
            public_key: HEADER_BYTES as u64..signature,
            signature: signature..chain,
            chain: chain..block_tree,
            block_tree: block_tree..block,
            block: block..block.saturating_add(data_bytes.div_ceil(u64::from(header[57]).max(1))),
            private_key: private_key..end,
        })
    }

    /// Whether a read of `range` gets the block as a whole. The block of an empty file is nowhere.
    pub fn has_block_in(&self, range: &Range<u64>) -> bool {
        !self.block.is_empty() && range.start <= self.block.start && self.block.end <= range.end
    }
}

/// The bytes of `share` in `range`, if it has them all.
pub fn bytes<'a>(share: &'a [u8], range: &Range<u64>) -> Option<&'a [u8]> {
    share.get(usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_bytes_have_parts_or_are_too_short() {
        assert_eq!(Parts::of(&[0xff; HEADER_BYTES - 1]), None);
        let parts = Parts::of(&[0xff; HEADER_BYTES]).unwrap();
        assert_eq!((parts.format, parts.id.seqnum, parts.private_key.end), (255, u64::MAX, u64::MAX));
        assert_eq!(bytes(&[0; 9], &parts.private_key), None);
    }

    #[test]
    fn a_read_gets_the_block_only_as_a_whole() {
        let mut share = [0; HEADER_BYTES];
        share[90] = 200;
        // Three times ten bytes, and the padding is none of the data.
        (share[57], share[74]) = (3, 29);
        let parts = Parts::of(&share).unwrap();
        assert_eq!(parts.block, 200..210);
        assert!(parts.has_block_in(&(0..210)) && parts.has_block_in(&(200..4000)));
        assert!(!parts.has_block_in(&(0..209)) && !parts.has_block_in(&(201..4000)));
        share[74] = 0;
        assert!(!Parts::of(&share).unwrap().has_block_in(&(0..4000)), "an empty one");
    }
}
