//! Where in a mutable share everything lies.
//!
//! The offsets are not signed, and a reader needs some of them only: so each section is checked when it is asked for,
//! and one bad offset spoils no other section. Sections may overlap; what is in them is verified anyway. All numbers are
//! bytes from the start of the share. What is stored behind the end belongs to an older, longer version.

use std::fmt;
use std::ops::Range;

use thiserror::Error;

use super::chain::{CHAIN_BYTES_MAX, MutableChain};
use super::header::{Fields, Header, HeaderError, MDMF_PREFIX_BYTES, SDMF_PREFIX_BYTES};
use crate::crypto::rsa::{PRIVATE_KEY_BYTES_MAX, PUBLIC_KEY_BYTES_MAX, SIGNATURE_BYTES};
use crate::format::cap::MutableFormat;
use crate::format::merkle::MerkleError;
use crate::format::share::chain::CHAIN_ENTRY_BYTES;

/// Bytes of the signed part and the offsets of an SDMF share.
pub const SDMF_HEADER_BYTES: usize = SDMF_PREFIX_BYTES + 4 * 4 + 2 * 8;

/// Bytes of the signed part and the offsets of an MDMF share.
pub const MDMF_HEADER_BYTES: usize = MDMF_PREFIX_BYTES + 8 * 8;

/// A reader that has this many bytes need not ask for more to parse a [`Layout`].
pub const HEADER_BYTES_MAX: usize = MDMF_HEADER_BYTES;

/// Where Tahoe's writer puts the first block of an MDMF share; in front of it is room for the longest parts.
pub const MDMF_DATA_OFFSET: u64 = 2167;

/// Nothing in a share lies beyond this offset: a quarter of what fits a u64, so that sums do.
pub const OFFSET_MAX: u64 = 1 << 62;

/// A part of a share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// DER SubjectPublicKeyInfo.
    PublicKey,
    /// Of the signed prefix.
    Signature,
    /// Leads from the block hash tree to the signed root.
    Chain,
    /// Over the blocks of this share.
    BlockTree,
    /// The blocks.
    Data,
    /// Encrypted with the write key.
    PrivateKey,
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PublicKey => "public key",
            Self::Signature => "signature",
            Self::Chain => "share hash chain",
            Self::BlockTree => "block hash tree",
            Self::Data => "share data",
            Self::PrivateKey => "encrypted private key",
        })
    }
}

/// A share is not laid out the way it has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum LayoutError {
    /// The signed part is none.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// Fewer bytes than header and offsets are long.
    #[error("header and offsets of {found} bytes, expected {expected}")]
    TooShort {
        /// What they take.
        expected: usize,
        /// What came.
        found: usize,
    },
    /// A section ends before it starts, or starts inside the header, or ends beyond [`OFFSET_MAX`].
    #[error("the {section} cannot lie at {start} to {end}")]
    OutOfBounds {
        /// Which.
        section: Section,
        /// Where it starts.
        start: u64,
        /// Where it ends.
        end: u64,
    },
    /// A section has a length that it cannot have.
    #[error("a {section} of {found} bytes")]
    Length {
        /// Which.
        section: Section,
        /// Its length.
        found: u64,
    },
    /// There is no such segment.
    #[error("segment {segment} of {segments}")]
    NoSuchSegment {
        /// Asked for.
        segment: u64,
        /// How many there are.
        segments: u64,
    },
    /// The block hash tree has a shape that is not supported.
    #[error(transparent)]
    Merkle(#[from] MerkleError),
}

/// Header and offsets of one share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    header: Header,
    public_key: (u64, u64),
    signature: (u64, u64),
    chain: (u64, u64),
    block_tree: (u64, u64),
    data: u64,
    private_key: (u64, u64),
    end: u64,
}

impl Layout {
    /// Of a share about to be written, given the lengths of the keys: where Tahoe's writer has everything.
    pub fn new(header: Header, public_key: u64, private_key: u64) -> Result<Self, LayoutError> {
        let chain = MutableChain::bytes_of(header.encoding());
        let tree = header.block_tree()?.bytes();
        Ok(match header.format() {
            MutableFormat::Sdmf => Self::sdmf(header, public_key, private_key, chain, tree),
            MutableFormat::Mdmf => Self::mdmf(header, public_key, private_key, chain, tree),
        })
    }

    fn sdmf(header: Header, public_key: u64, private_key: u64, chain: u64, tree: u64) -> Self {
        let signature = SDMF_HEADER_BYTES as u64 + public_key;
        let chain_start = signature + SIGNATURE_BYTES as u64;
        let block_tree = chain_start + chain;
        let data = block_tree + tree;
        let key = data + header.share_data_len();
        let end = key + private_key;
        Self {
            header,
            public_key: (SDMF_HEADER_BYTES as u64, signature),
            signature: (signature, chain_start),
            chain: (chain_start, block_tree),
            block_tree: (block_tree, data),
            data,
            private_key: (key, end),
            end,
        }
    }

    fn mdmf(header: Header, public_key: u64, private_key: u64, chain: u64, tree: u64) -> Self {
        let chain_start = MDMF_HEADER_BYTES as u64 + private_key;
        let signature = chain_start + chain;
        let key = signature + SIGNATURE_BYTES as u64;
        let key_end = key + public_key;
        let data = MDMF_DATA_OFFSET.max(key_end);
        let block_tree = data + header.share_data_len();
        let end = block_tree + tree;
        Self {
            header,
            public_key: (key, key_end),
            signature: (signature, key),
            chain: (chain_start, signature),
            block_tree: (block_tree, end),
            data,
            private_key: (MDMF_HEADER_BYTES as u64, chain_start),
            end,
        }
    }

    /// Reads header and offsets from the first bytes of a share ([`HEADER_BYTES_MAX`] are always enough). That the
    /// sections make sense is checked when they are asked for.
    pub fn parse(bytes: &[u8]) -> Result<Self, LayoutError> {
        let header = Header::parse(bytes)?;
        let (prefix, expected) = match header.format() {
            MutableFormat::Sdmf => (SDMF_PREFIX_BYTES, SDMF_HEADER_BYTES),
            MutableFormat::Mdmf => (MDMF_PREFIX_BYTES, MDMF_HEADER_BYTES),
        };
        let error = LayoutError::TooShort { expected, found: bytes.len() };
        let mut fields = Fields { rest: bytes.get(prefix..).ok_or(error)?, error };
        match header.format() {
            MutableFormat::Sdmf => {
                let mut short = || fields.take().map(|field| u64::from(u32::from_be_bytes(field)));
                let (signature, chain, block_tree, data) = (short()?, short()?, short()?, short()?);
                let (private_key, end) = (fields.number()?, fields.number()?);
                Ok(Self {
                    header,
                    public_key: (expected as u64, signature),
                    signature: (signature, chain),
                    chain: (chain, block_tree),
                    block_tree: (block_tree, data),
                    data,
                    private_key: (private_key, end),
                    end,
                })
            }
            MutableFormat::Mdmf => {
                let mut next = || fields.number();
                let (private_key, chain, signature, public_key) = (next()?, next()?, next()?, next()?);
                let (public_key_end, data, block_tree, end) = (next()?, next()?, next()?, next()?);
                Ok(Self {
                    header,
                    public_key: (public_key, public_key_end),
                    signature: (signature, public_key),
                    chain: (chain, signature),
                    block_tree: (block_tree, end),
                    data,
                    private_key: (private_key, chain),
                    end,
                })
            }
        }
    }

    /// Header and offsets as bytes. Offsets too wide for the fields of SDMF do not occur: what precedes the data of a
    /// layout computed here is short.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = self.header.signed_prefix();
        match self.header.format() {
            MutableFormat::Sdmf => {
                for offset in [self.signature.0, self.chain.0, self.block_tree.0, self.data] {
                    out.extend_from_slice(&offset.to_be_bytes()[4..]);
                }
                out.extend_from_slice(&self.private_key.0.to_be_bytes());
                out.extend_from_slice(&self.end.to_be_bytes());
            }
            MutableFormat::Mdmf => {
                let (key, data) = (self.public_key, self.data);
                let front = [self.private_key.0, self.chain.0, self.signature.0, key.0, key.1];
                for offset in front.into_iter().chain([data, self.block_tree.0, self.end]) {
                    out.extend_from_slice(&offset.to_be_bytes());
                }
            }
        }
        out
    }

    /// The signed part.
    pub fn header(&self) -> &Header {
        &self.header
    }

    fn header_bytes(&self) -> u64 {
        match self.header.format() {
            MutableFormat::Sdmf => SDMF_HEADER_BYTES as u64,
            MutableFormat::Mdmf => MDMF_HEADER_BYTES as u64,
        }
    }

    fn section(
        &self,
        section: Section,
        (start, end): (u64, u64),
        fits: impl FnOnce(u64) -> bool,
    ) -> Result<Range<u64>, LayoutError> {
        if start < self.header_bytes() || end < start || end > OFFSET_MAX {
            return Err(LayoutError::OutOfBounds { section, start, end });
        }
        let found = end - start;
        if fits(found) { Ok(start..end) } else { Err(LayoutError::Length { section, found }) }
    }

    /// Where the public key lies; at most [`PUBLIC_KEY_BYTES_MAX`] long.
    pub fn public_key(&self) -> Result<Range<u64>, LayoutError> {
        let fits = |len| (1..=PUBLIC_KEY_BYTES_MAX as u64).contains(&len);
        self.section(Section::PublicKey, self.public_key, fits)
    }

    /// Where the signature lies; [`SIGNATURE_BYTES`] long.
    pub fn signature(&self) -> Result<Range<u64>, LayoutError> {
        self.section(Section::Signature, self.signature, |len| len == SIGNATURE_BYTES as u64)
    }

    /// Where the share hash chain lies: whole entries, at most [`CHAIN_BYTES_MAX`] bytes.
    pub fn chain(&self) -> Result<Range<u64>, LayoutError> {
        let fits = |len: u64| len.is_multiple_of(CHAIN_ENTRY_BYTES) && len <= CHAIN_BYTES_MAX;
        self.section(Section::Chain, self.chain, fits)
    }

    /// Where the block hash tree lies; exactly as long as a tree over all segments. In MDMF at most 16 MiB.
    pub fn block_tree(&self) -> Result<Range<u64>, LayoutError> {
        let bytes = self.header.block_tree()?.bytes();
        self.section(Section::BlockTree, self.block_tree, |len| len == bytes)
    }

    /// Where the encrypted private key lies; at most [`PRIVATE_KEY_BYTES_MAX`] long.
    pub fn private_key(&self) -> Result<Range<u64>, LayoutError> {
        let fits = |len| (1..=PRIVATE_KEY_BYTES_MAX as u64).contains(&len);
        self.section(Section::PrivateKey, self.private_key, fits)
    }

    /// Where the block of `segment` lies, in MDMF with the salt in front of it. Where it ends follows from the signed
    /// header: an offset of what comes behind it does not matter.
    pub fn block(&self, segment: u64) -> Result<Range<u64>, LayoutError> {
        let segments = self.header.segments();
        if segment >= segments {
            return Err(LayoutError::NoSuchSegment { segment, segments });
        }
        let (start, len) = (self.data, self.header.stored_block_len(segment));
        // The product is less than the share of a file of at most 32 TiB takes.
        let before = segment.saturating_mul(self.header.stored_block_len(0));
        let at = start.saturating_add(before);
        self.section(Section::Data, (at, at.saturating_add(len)), |_| true)
    }

    /// Where the share ends; what is stored behind is none of it. Nobody vouches for it.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// How many leading bytes a reader needs to check the signature.
    pub fn head_bytes(&self) -> Result<u64, LayoutError> {
        Ok(self.public_key()?.end.max(self.signature()?.end))
    }

    /// How many leading bytes contain all that is needed to verify blocks, but not the blocks. In MDMF also without the
    /// block hash tree, which follows the blocks.
    pub fn proof_bytes(&self) -> Result<u64, LayoutError> {
        let front = self.head_bytes()?.max(self.chain()?.end);
        match self.header.format() {
            MutableFormat::Sdmf => Ok(front.max(self.block_tree()?.end)),
            MutableFormat::Mdmf => Ok(front),
        }
    }
}
