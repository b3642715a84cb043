//! The share hash chain: the hashes that tie one share to the root over all shares.
//!
//! A share's chain holds its own leaf of the share hash tree (the root of its block hash tree) and the
//! siblings on the way up, each with its node number. Any order may be read. Written is the order in which
//! Tahoe's own writer iterates over a set of numbers, so that whole shares compare equal byte for byte.

use thiserror::Error;

use crate::format::hash::Digest;
use crate::format::merkle::{self, Shape, Tree};
use crate::format::{Encoding, ShareNum};

/// Bytes of one entry: a node number of 16 bits and a hash.
pub const CHAIN_ENTRY_BYTES: u64 = 2 + Digest::BYTES as u64;

/// A chain does not belong to the share it was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ChainError {
    /// Not a whole number of entries, or more than a tree has nodes.
    #[error("a share hash chain of {0} bytes")]
    Length(usize),
    /// A node number outside the tree, or one that stands there twice with different hashes.
    #[error("share hash chain node {0} is out of place")]
    Node(u16),
    /// An entry that is needed is not there.
    #[error("share hash chain lacks node {0}")]
    Missing(u64),
    /// There is no such share.
    #[error("share {0} is not one of the file's")]
    NoSuchShare(ShareNum),
    /// The hashes do not lead to the root.
    #[error("share hash chain does not lead to the root")]
    Mismatch,
}

/// The entries of one chain, in the order read or written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShareHashChain {
    entries: Vec<(u16, Digest)>,
}

impl ShareHashChain {
    /// The chain of `share` in the share hash tree `tree`.
    pub fn of(tree: &Tree, encoding: Encoding, share: ShareNum) -> Result<Self, ChainError> {
        let nodes = node_numbers(encoding, share)?;
        let hash = |node: u16| tree.node(u64::from(node)).ok_or(ChainError::Missing(u64::from(node)));
        let entries = nodes.into_iter().map(|node| Ok((node, hash(node)?))).collect::<Result<_, _>>()?;
        Ok(Self { entries })
    }

    /// Reads the whole section.
    pub fn parse(bytes: &[u8]) -> Result<Self, ChainError> {
        const ENTRY: usize = CHAIN_ENTRY_BYTES as usize;
        let (entries, rest) = bytes.as_chunks::<ENTRY>();
        if !rest.is_empty() || entries.len() >= 2 * usize::from(Encoding::TOTAL_MAX) {
            return Err(ChainError::Length(bytes.len()));
        }
        let entries = entries
            .iter()
            .map(|entry| {
                let [high, low, hash @ ..] = *entry;
                (u16::from_be_bytes([high, low]), Digest(hash))
            })
            .collect();
        Ok(Self { entries })
    }

    /// The section as bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let entry = |(node, hash): &(u16, Digest)| node.to_be_bytes().into_iter().chain(hash.0);
        self.entries.iter().flat_map(entry).collect()
    }

    /// The node numbers, in order.
    pub fn nodes(&self) -> impl Iterator<Item = u16> + '_ {
        self.entries.iter().map(|(node, _)| *node)
    }

    /// The root of the block hash tree of `share`, if the chain ties it to `share_root`.
    pub fn verify(
        &self,
        encoding: Encoding,
        share: ShareNum,
        share_root: &Digest,
    ) -> Result<Digest, ChainError> {
        let shape = Shape::new(encoding.total() as u64).map_err(|_| ChainError::Mismatch)?;
        let leaf = u64::from(share.0);
        let leaf_node = shape.leaf(leaf).map_err(|_| ChainError::NoSuchShare(share))?;
        if leaf_node == 0 {
            // The only leaf is the root: there is nothing a chain could add.
            return Ok(*share_root);
        }
        if let Some((node, _)) = self.entries.iter().find(|(node, _)| u64::from(*node) >= shape.nodes()) {
            return Err(ChainError::Node(*node));
        }
        let hash = self.find(leaf_node)?;
        let siblings = shape.siblings(leaf).map_err(|_| ChainError::NoSuchShare(share))?;
        let siblings = siblings.map(|node| self.find(node)).collect::<Result<Vec<_>, _>>()?;
        shape.verify(leaf, hash, &siblings, share_root).map_err(|_| ChainError::Mismatch)?;
        Ok(hash)
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

/// The nodes in the chain of `share`, in the order they are written in.
pub fn node_numbers(encoding: Encoding, share: ShareNum) -> Result<Vec<u16>, ChainError> {
    let leaf = u64::from(share.0);
    if leaf >= encoding.total() as u64 {
        return Err(ChainError::NoSuchShare(share));
    }
    let leaf_node = merkle::pow2(encoding.total() as u64) - 1 + leaf;
    let inserted = merkle::path(leaf_node).map(merkle::sibling).chain([leaf_node]);
    // At most 511 nodes: the numbers fit.
    let mut set = IntegerSet::new();
    inserted.filter_map(|node| u16::try_from(node).ok()).for_each(|node| set.insert(node));
    Ok(set.slots.into_iter().flatten().collect())
}

/// The set of small integers of CPython, as far as it decides in which order they come out again.
struct IntegerSet {
    /// A power of two of them.
    slots: Vec<Option<u16>>,
    filled: usize,
}

impl IntegerSet {
    /// Slots looked at one after the other before jumping elsewhere.
    const LINEAR_PROBES: usize = 9;

    fn new() -> Self {
        Self { slots: vec![None; 8], filled: 0 }
    }

    /// Adds a number that is not in the set.
    fn insert(&mut self, value: u16) {
        self.place(value);
        let mask = self.slots.len() - 1;
        if self.filled * 5 >= mask * 3 {
            let slots = (self.filled * 4 + 1).next_power_of_two().max(8);
            let old = std::mem::replace(&mut self.slots, vec![None; slots]);
            self.filled = 0;
            old.into_iter().flatten().for_each(|value| self.place(value));
        }
    }

    fn place(&mut self, value: u16) {
        let mask = self.slots.len() - 1;
        let mut perturb = usize::from(value);
        let mut start = perturb & mask;
        loop {
            let end = if start + Self::LINEAR_PROBES <= mask { start + Self::LINEAR_PROBES } else { start };
            if let Some(slot) = self.slots[start..=end].iter_mut().find(|slot| slot.is_none()) {
                *slot = Some(value);
                self.filled += 1;
                return;
            }
            perturb >>= 5;
            start = (start * 5 + 1 + perturb) & mask;
        }
    }
}
