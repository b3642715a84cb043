//! The share hash chain of a mutable share: what ties the root of its block hash tree to the signed root.
//!
//! The siblings on the way up, each with its node number, ascending; unlike the chain of an immutable share neither the
//! leaf itself nor the root. Any order is read, and entries that nobody needs are ignored.

use crate::format::hash::Digest;
use crate::format::merkle::{Shape, Tree};
use crate::format::share::chain::{CHAIN_ENTRY_BYTES, ChainError};
use crate::format::{Encoding, ShareNum};

/// The longest chain read: twice the path of a tree over 255 shares.
pub const CHAIN_BYTES_MAX: u64 = 16 * CHAIN_ENTRY_BYTES;

/// The entries of one chain, in the order read or written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MutableChain {
    entries: Vec<(u16, Digest)>,
}

impl MutableChain {
    /// The chain of `share` in the share hash tree `tree`.
    pub fn of(tree: &Tree, encoding: Encoding, share: ShareNum) -> Result<Self, ChainError> {
        let mut entries = siblings(encoding, share)?
            .map(|node| {
                let number = u16::try_from(node).map_err(|_| ChainError::Missing(node))?;
                Ok((number, tree.node(node).ok_or(ChainError::Missing(node))?))
            })
            .collect::<Result<Vec<_>, ChainError>>()?;
        entries.sort_by_key(|(node, _)| *node);
        Ok(Self { entries })
    }

    /// Reads the whole section.
    pub fn parse(bytes: &[u8]) -> Result<Self, ChainError> {
        const ENTRY: usize = CHAIN_ENTRY_BYTES as usize;
        let (entries, rest) = bytes.as_chunks::<ENTRY>();
        if !rest.is_empty() || bytes.len() as u64 > CHAIN_BYTES_MAX {
            return Err(ChainError::Length(bytes.len()));
        }
        let entry = |entry: &[u8; ENTRY]| {
            let [high, low, hash @ ..] = *entry;
            (u16::from_be_bytes([high, low]), Digest(hash))
        };
        Ok(Self { entries: entries.iter().map(entry).collect() })
    }

    /// The section as bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let entry = |(node, hash): &(u16, Digest)| node.to_be_bytes().into_iter().chain(hash.0);
        self.entries.iter().flat_map(entry).collect()
    }

    /// Bytes of the chains that writers make for this encoding.
    pub fn bytes_of(encoding: Encoding) -> u64 {
        let depth = (encoding.total() as u64).next_power_of_two().trailing_zeros();
        u64::from(depth) * CHAIN_ENTRY_BYTES
    }

    /// The node numbers, in order.
    pub fn nodes(&self) -> impl Iterator<Item = u16> + '_ {
        self.entries.iter().map(|(node, _)| *node)
    }

    /// Whether the chain ties `leaf`, the root of the block hash tree of `share`, to the signed `root`.
    pub fn verify(
        &self,
        encoding: Encoding,
        share: ShareNum,
        leaf: Digest,
        root: &Digest,
    ) -> Result<(), ChainError> {
        let shape = Shape::new(encoding.total() as u64).map_err(|_| ChainError::Mismatch)?;
        let hashes = siblings(encoding, share)?.map(|node| self.find(node)).collect::<Result<Vec<_>, _>>()?;
        shape.verify(u64::from(share.0), leaf, &hashes, root).map_err(|_| ChainError::Mismatch)
    }

    fn find(&self, node: u64) -> Result<Digest, ChainError> {
        let mut found = self.entries.iter().filter(|(number, _)| u64::from(*number) == node);
        let (number, hash) = found.next().ok_or(ChainError::Missing(node))?;
        if found.any(|(_, other)| other != hash) {
            return Err(ChainError::Node(*number));
        }
        Ok(*hash)
    }
}

/// The nodes of the chain of `share`, from the leaf's sibling upward.
fn siblings(encoding: Encoding, share: ShareNum) -> Result<impl Iterator<Item = u64>, ChainError> {
    let shape = Shape::new(encoding.total() as u64).map_err(|_| ChainError::NoSuchShare(share))?;
    shape.siblings(u64::from(share.0)).map_err(|_| ChainError::NoSuchShare(share))
}
