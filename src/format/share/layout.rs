//! Where in a share everything lies: the header, computed or parsed.
//!
//! A writer's layout has no gaps and follows from the parameters of the file alone. A reader's layout is
//! what the header says; it may have gaps and may lack the reserved section. All numbers are bytes.

use std::ops::Range;

use thiserror::Error;

use super::chain::CHAIN_ENTRY_BYTES;
use super::uri_extension::{UEB_BYTES_MAX, UriExtension};
use crate::erasure::Segmentation;
use crate::format::merkle::{self, MerkleError, NODE_BYTES, Page, Shape};

/// Bytes of the longer header; a reader that has this many need not ask for more.
pub const HEADER_BYTES_MAX: usize = 68;

/// Nothing in a share lies beyond this offset: a quarter of what fits a u64, so that sums do.
pub const OFFSET_MAX: u64 = 1 << 62;

/// How wide the numbers of a header are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LayoutVersion {
    /// 32 bits.
    V1,
    /// 64 bits.
    V2,
}

impl LayoutVersion {
    /// Bytes of the header.
    pub fn header_bytes(self) -> u64 {
        match self {
            Self::V1 => 36,
            Self::V2 => HEADER_BYTES_MAX as u64,
        }
    }

    /// Bytes of the length in front of the URI extension block, and of every number but the version.
    pub fn number_bytes(self) -> u64 {
        match self {
            Self::V1 => 4,
            Self::V2 => 8,
        }
    }

    fn number(self) -> u32 {
        match self {
            Self::V1 => 1,
            Self::V2 => 2,
        }
    }

    /// Writes `value` the way this version does. Values too wide for version 1 lose their upper half.
    fn push(self, out: &mut Vec<u8>, value: u64) {
        let bytes = value.to_be_bytes();
        match self {
            Self::V1 => out.extend_from_slice(&bytes[4..]),
            Self::V2 => out.extend_from_slice(&bytes),
        }
    }

    /// Reads consecutive numbers. A shorter rest is ignored.
    fn read_all(self, bytes: &[u8]) -> impl Iterator<Item = u64> + '_ {
        bytes
            .chunks_exact(if self == Self::V1 { 4 } else { 8 })
            .map(|chunk| chunk.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
    }
}

/// Why a header is not one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum LayoutError {
    /// Fewer bytes than the header is long.
    #[error("a share header of {found} bytes, expected {expected}")]
    TooShort {
        /// What a header of this version takes.
        expected: u64,
        /// What came.
        found: u64,
    },
    /// Neither version 1 nor 2.
    #[error("share version {0}")]
    UnknownVersion(u32),
    /// Sections overlap or lie in the wrong order.
    #[error("share sections out of order")]
    Order,
    /// The share hash chain is no whole number of entries.
    #[error("a share hash chain of {0} bytes")]
    ChainLength(u64),
    /// The block hash tree is no whole number of nodes.
    #[error("a block hash tree of {0} bytes")]
    TreeLength(u64),
    /// An offset beyond [`OFFSET_MAX`].
    #[error("share offset {0} is out of bounds")]
    OutOfBounds(u64),
    /// A section is not as long as the file's parameters require.
    #[error("a section of {found} bytes, expected at least {expected}")]
    SectionTooShort {
        /// What the file's parameters require.
        expected: u64,
        /// What the header leaves room for.
        found: u64,
    },
    /// The URI extension block is empty or too long.
    #[error("a URI extension block of {0} bytes")]
    UriExtensionLength(u64),
    /// No such segment, or too many.
    #[error(transparent)]
    Merkle(#[from] MerkleError),
}

/// The header of a share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    version: LayoutVersion,
    /// As written in the header; readers use neither.
    block_size: u64,
    share_data_size: u64,
    data: u64,
    reserved: u64,
    crypttext_tree: u64,
    block_tree: u64,
    chain: u64,
    uri_extension: u64,
}

impl Layout {
    /// The layout of every share of a file about to be uploaded: version 1 unless it cannot hold the
    /// numbers.
    pub fn for_upload(cut: Segmentation) -> Self {
        let narrow = Self::of_version(cut, LayoutVersion::V1);
        let widest = narrow.uri_extension.max(narrow.block_size).max(narrow.share_data_size);
        if widest <= u64::from(u32::MAX) { narrow } else { Self::of_version(cut, LayoutVersion::V2) }
    }

    /// The layout in a version given; a version 1 that cannot hold the numbers is nonsense.
    pub fn of_version(cut: Segmentation, version: LayoutVersion) -> Self {
        let tree = tree_bytes(cut);
        let data = version.header_bytes();
        let reserved = data + cut.share_data_size();
        let crypttext_tree = reserved + tree;
        let block_tree = crypttext_tree + tree;
        let chain = block_tree + tree;
        Self {
            version,
            block_size: cut.block_size(),
            share_data_size: cut.share_data_size(),
            data,
            reserved,
            crypttext_tree,
            block_tree,
            chain,
            uri_extension: chain + chain_bytes(cut),
        }
    }

    /// Reads the header from the first bytes of a share ([`HEADER_BYTES_MAX`] are always enough).
    pub fn parse(bytes: &[u8]) -> Result<Self, LayoutError> {
        let found = bytes.len() as u64;
        let (version, rest) = bytes
            .split_first_chunk::<4>()
            .ok_or(LayoutError::TooShort { expected: LayoutVersion::V1.header_bytes(), found })?;
        let version = match u32::from_be_bytes(*version) {
            1 => LayoutVersion::V1,
            2 => LayoutVersion::V2,
            other => return Err(LayoutError::UnknownVersion(other)),
        };
        let mut numbers = version.read_all(rest);
        let mut next =
            || numbers.next().ok_or(LayoutError::TooShort { expected: version.header_bytes(), found });
        let layout = Self {
            version,
            block_size: next()?,
            share_data_size: next()?,
            data: next()?,
            reserved: next()?,
            crypttext_tree: next()?,
            block_tree: next()?,
            chain: next()?,
            uri_extension: next()?,
        };
        layout.check()?;
        Ok(layout)
    }

    fn check(&self) -> Result<(), LayoutError> {
        let offsets = [self.data, self.crypttext_tree, self.block_tree, self.chain, self.uri_extension];
        if let Some(offset) = offsets.into_iter().find(|offset| *offset > OFFSET_MAX) {
            return Err(LayoutError::OutOfBounds(offset));
        }
        if !offsets.is_sorted() || self.data < self.version.header_bytes() {
            return Err(LayoutError::Order);
        }
        let chain = self.uri_extension - self.chain;
        if !chain.is_multiple_of(CHAIN_ENTRY_BYTES) {
            return Err(LayoutError::ChainLength(chain));
        }
        let tree = self.chain - self.block_tree;
        if !tree.is_multiple_of(NODE_BYTES) {
            return Err(LayoutError::TreeLength(tree));
        }
        Ok(())
    }

    /// Checks that the sections have room for what a file cut like this needs.
    pub fn check_room(&self, cut: Segmentation) -> Result<(), LayoutError> {
        let sections = [
            (self.data, self.crypttext_tree, cut.share_data_size()),
            (self.crypttext_tree, self.block_tree, tree_bytes(cut)),
            (self.block_tree, self.chain, tree_bytes(cut)),
        ];
        for (start, end, expected) in sections {
            if end - start < expected {
                return Err(LayoutError::SectionTooShort { expected, found: end - start });
            }
        }
        Ok(())
    }

    /// The header as bytes.
    pub fn header(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEADER_BYTES_MAX);
        out.extend_from_slice(&self.version.number().to_be_bytes());
        for value in [
            self.block_size,
            self.share_data_size,
            self.data,
            self.reserved,
            self.crypttext_tree,
            self.block_tree,
            self.chain,
            self.uri_extension,
        ] {
            self.version.push(&mut out, value);
        }
        out
    }

    /// Which header this is.
    pub fn version(&self) -> LayoutVersion {
        self.version
    }

    /// Where block 0 starts.
    pub fn data_offset(&self) -> u64 {
        self.data
    }

    /// Where the reserved section starts; readers have no use for it.
    pub fn reserved_offset(&self) -> u64 {
        self.reserved
    }

    /// Where the crypttext hash tree starts.
    pub fn crypttext_tree_offset(&self) -> u64 {
        self.crypttext_tree
    }

    /// Where the block hash tree starts.
    pub fn block_tree_offset(&self) -> u64 {
        self.block_tree
    }

    /// Where the share hash chain lies.
    pub fn chain_range(&self) -> Range<u64> {
        self.chain..self.uri_extension
    }

    /// Where the length of the URI extension block starts.
    pub fn uri_extension_offset(&self) -> u64 {
        self.uri_extension
    }

    /// Where the length of the URI extension block lies.
    pub fn uri_extension_length_range(&self) -> Range<u64> {
        self.uri_extension..self.uri_extension + self.version.number_bytes()
    }

    /// Where the URI extension block lies, given the bytes of
    /// [`uri_extension_length_range`](Self::uri_extension_length_range) (more may follow them).
    pub fn uri_extension_range(&self, length: &[u8]) -> Result<Range<u64>, LayoutError> {
        let expected = self.version.number_bytes();
        let found = length.len() as u64;
        let length = self.version.read_all(length).next();
        let length = length.ok_or(LayoutError::TooShort { expected, found })?;
        if length == 0 || length > UEB_BYTES_MAX as u64 {
            return Err(LayoutError::UriExtensionLength(length));
        }
        let start = self.uri_extension + expected;
        Ok(start..start + length)
    }

    /// A range of bytes that holds the length and all of a URI extension block of any acceptable length:
    /// for readers that fetch both at once. Runs past the end of most shares.
    pub fn uri_extension_guess(&self) -> Range<u64> {
        let start = self.uri_extension;
        start..start + self.version.number_bytes() + UEB_BYTES_MAX as u64
    }

    /// Where block `segment` lies; empty past the last segment.
    pub fn block_range(&self, cut: Segmentation, segment: u64) -> Range<u64> {
        let range = cut.block_range(segment);
        self.data + range.start..self.data + range.end
    }

    /// Where a page of the block hash tree lies.
    pub fn block_page_range(&self, page: &Page) -> Range<u64> {
        let range = page.byte_range();
        self.block_tree + range.start..self.block_tree + range.end
    }

    /// Where a page of the crypttext hash tree lies.
    pub fn crypttext_page_range(&self, page: &Page) -> Range<u64> {
        let range = page.byte_range();
        self.crypttext_tree + range.start..self.crypttext_tree + range.end
    }

    /// Bytes between the blocks and the end of a share about to be uploaded.
    pub fn trailer_size(&self, cut: Segmentation) -> u64 {
        self.share_size(cut) - self.reserved
    }

    /// Bytes of a whole share about to be uploaded: exact, and the same for all shares of a file.
    pub fn share_size(&self, cut: Segmentation) -> u64 {
        self.uri_extension + self.version.number_bytes() + UriExtension::serialised_len(cut)
    }

    /// The length of a URI extension block as it stands in front of it.
    pub fn uri_extension_length_field(&self, length: u64) -> Vec<u8> {
        let mut out = Vec::with_capacity(8);
        self.version.push(&mut out, length);
        out
    }
}

/// The shape of the two hash trees over the segments of a file.
pub fn segment_tree(cut: Segmentation) -> Result<Shape, MerkleError> {
    Shape::new(cut.segments())
}

/// T: bytes of one hash tree over the segments of a file.
fn tree_bytes(cut: Segmentation) -> u64 {
    (2 * merkle::pow2(cut.segments()) - 1) * NODE_BYTES
}

/// C: bytes of the share hash chain.
fn chain_bytes(cut: Segmentation) -> u64 {
    let depth = merkle::pow2(cut.encoding().total() as u64).trailing_zeros();
    (u64::from(depth) + 1) * CHAIN_ENTRY_BYTES
}
