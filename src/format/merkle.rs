//! Hash trees: numbering of nodes, whole trees for writers, pages and paths for readers.
//!
//! A tree over L leaves is a complete binary tree over W leaves, W the smallest power of two not below
//! L; the added leaves have a hash of their own number. Nodes are numbered breadth first: the root is 0,
//! the children of n are 2n+1 and 2n+2, leaf i is W-1+i. A serialised tree is all its nodes in that order.
//!
//! What the leaves are hashes of is not known here; nor is where in a share a tree lies.

use std::ops::Range;

use thiserror::Error;

use super::hash::{Digest, tagged, tagged_pair};

/// Bytes of one node of a serialised tree.
pub const NODE_BYTES: u64 = Digest::BYTES as u64;

/// Nodes a reader fetches at a time: 32 KiB. A power of two.
pub const PAGE_NODES: u64 = 1024;

/// The most leaves a tree may have here. With segments of 1 MiB that is 1 EiB of file.
pub const LEAVES_MAX: u64 = 1 << 40;

/// Bytes do not belong to the tree they were read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum MerkleError {
    /// More leaves than [`LEAVES_MAX`].
    #[error("a hash tree of {0} leaves is larger than any supported")]
    TooManyLeaves(u64),
    /// Not the number of bytes or nodes asked for.
    #[error("expected {expected} nodes of a hash tree, found {found}")]
    Length {
        /// What was asked for.
        expected: u64,
        /// What came.
        found: u64,
    },
    /// There is no such leaf.
    #[error("leaf {leaf} of a hash tree with {leaves} leaves")]
    NoSuchLeaf {
        /// The leaf asked for.
        leaf: u64,
        /// How many there are.
        leaves: u64,
    },
    /// The hashes do not lead to the hash they must lead to.
    #[error("hash tree mismatch below node {node}")]
    Mismatch {
        /// The node whose hash was known.
        node: u64,
    },
}

/// The smallest power of two not below `n`; 1 for 0. Saturates at 2^63.
pub fn pow2(n: u64) -> u64 {
    n.checked_next_power_of_two().unwrap_or(1 << 63)
}

/// The node that shares a parent with `node`; the root is its own.
pub fn sibling(node: u64) -> u64 {
    match node {
        0 => 0,
        _ if node % 2 == 1 => node.saturating_add(1),
        _ => node - 1,
    }
}

/// The node above `node`; the root is its own.
pub fn parent(node: u64) -> u64 {
    node.saturating_sub(1) / 2
}

/// `node`, its parent, and so on: everything on the way up, without the root.
pub fn path(node: u64) -> impl Iterator<Item = u64> + Clone {
    std::iter::successors(Some(node), |node| Some(parent(*node))).take_while(|node| *node != 0)
}

/// The hash of added leaf number `leaf` (counted from the first leaf of the tree).
pub fn empty_leaf(leaf: u64) -> Digest {
    tagged(b"Merkle tree empty leaf", leaf.to_string().as_bytes())
}

/// The hash of the node above `left` and `right`.
pub fn inner(left: &Digest, right: &Digest) -> Digest {
    tagged_pair(b"Merkle tree internal node", &left.0, &right.0)
}

/// The root above one complete row of nodes, left to right. A row that is no power of two long is
/// taken as continued with nothing but copies of its last node, so it fits no tree; an empty one gives
/// the empty leaf 0.
pub fn root_of_row(row: &[Digest]) -> Digest {
    let mut row = row.to_vec();
    while row.len() > 1 {
        row = row.chunks(2).map(|pair| inner(&pair[0], &pair[pair.len() - 1])).collect();
    }
    row.first().copied().unwrap_or_else(|| empty_leaf(0))
}

/// Completes the last leaves of a tree, the first of which is leaf number `first`, to `width` of them.
pub fn pad_leaves(leaves: &mut Vec<Digest>, first: u64, width: u64) {
    let present = leaves.len() as u64;
    leaves.extend((present..width).map(|i| empty_leaf(first + i)));
}

/// The shape of a tree: everything that follows from the number of its leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    leaves: u64,
}

impl Shape {
    /// A tree over `leaves` leaves; none counts as one, an added one.
    pub fn new(leaves: u64) -> Result<Self, MerkleError> {
        if leaves > LEAVES_MAX {
            return Err(MerkleError::TooManyLeaves(leaves));
        }
        Ok(Self { leaves })
    }

    /// Leaves, without the added ones.
    pub fn leaves(self) -> u64 {
        self.leaves
    }

    /// Leaves with the added ones: a power of two.
    pub fn width(self) -> u64 {
        pow2(self.leaves)
    }

    /// Steps from a leaf to the root.
    pub fn depth(self) -> u32 {
        self.width().trailing_zeros()
    }

    /// Nodes in all.
    pub fn nodes(self) -> u64 {
        2 * self.width() - 1
    }

    /// Bytes of the serialised tree.
    pub fn bytes(self) -> u64 {
        self.nodes() * NODE_BYTES
    }

    /// The node number of leaf 0.
    pub fn first_leaf(self) -> u64 {
        self.width() - 1
    }

    /// The node number of leaf `leaf`, if there is one. Added leaves are none.
    pub fn leaf(self, leaf: u64) -> Result<u64, MerkleError> {
        if leaf >= self.leaves {
            return Err(MerkleError::NoSuchLeaf { leaf, leaves: self.leaves });
        }
        Ok(self.first_leaf() + leaf)
    }

    /// The nodes that, with leaf `leaf` itself, suffice to compute the root: from the leaf's sibling upward.
    pub fn siblings(self, leaf: u64) -> Result<impl Iterator<Item = u64> + Clone, MerkleError> {
        Ok(path(self.leaf(leaf)?).map(sibling))
    }

    /// Whether `hash` is leaf `leaf` of the tree with this `root`, given the [`siblings`](Self::siblings).
    pub fn verify(
        self,
        leaf: u64,
        hash: Digest,
        siblings: &[Digest],
        root: &Digest,
    ) -> Result<(), MerkleError> {
        let node = self.leaf(leaf)?;
        if siblings.len() as u64 != u64::from(self.depth()) {
            let expected = u64::from(self.depth());
            return Err(MerkleError::Length { expected, found: siblings.len() as u64 });
        }
        let computed = path(node).zip(siblings).fold(hash, |hash, (node, sibling)| {
            // Odd nodes are left children.
            if node % 2 == 1 { inner(&hash, sibling) } else { inner(sibling, &hash) }
        });
        if computed == *root { Ok(()) } else { Err(MerkleError::Mismatch { node: 0 }) }
    }

    /// The pages to fetch and verify in this order to learn leaf `leaf`: each hangs below a node of the
    /// one before, the first below the root, and the last consists of leaves. A tree of at most
    /// [`PAGE_NODES`] leaves has one page; each page more means [`PAGE_NODES`] times the leaves.
    pub fn pages(self, leaf: u64) -> Result<impl Iterator<Item = Page>, MerkleError> {
        self.leaf(leaf)?;
        let page_depth = PAGE_NODES.trailing_zeros();
        // Rows that hold pages, from the leaves upward, are page_depth apart; the topmost may be nearer
        // to the root than that.
        let levels = self.depth().div_ceil(page_depth).max(1);
        Ok((0..levels).rev().map(move |level| {
            let row = self.depth() - level * page_depth;
            let above = row.saturating_sub(page_depth);
            Page::new(self, above, row, leaf >> (self.depth() - above))
        }))
    }
}

/// All descendants of one node in one row of a tree: what a reader fetches at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    parent: u64,
    first: u64,
    width: u64,
    /// Nodes to be read: fewer than `width` only in the row of leaves.
    stored: u64,
    /// The number of the first leaf, in the row of leaves.
    first_leaf: u64,
}

impl Page {
    fn new(shape: Shape, above: u32, row: u32, index: u64) -> Self {
        let width = 1u64 << (row - above);
        let offset = index * width;
        let is_leaves = row == shape.depth();
        let stored = if is_leaves { shape.leaves.saturating_sub(offset).min(width) } else { width };
        Self {
            parent: (1u64 << above) - 1 + index,
            first: (1u64 << row) - 1 + offset,
            width,
            stored,
            first_leaf: offset,
        }
    }

    /// The node all of these are below (or, in a tree of one node, are).
    pub fn parent(&self) -> u64 {
        self.parent
    }

    /// The node numbers in this page, added leaves included.
    pub fn nodes(&self) -> Range<u64> {
        self.first..self.first + self.width
    }

    /// The bytes to read, counted from the start of the serialised tree. Added leaves are not among
    /// them. At most 32 bytes times [`PAGE_NODES`].
    pub fn byte_range(&self) -> Range<u64> {
        self.first * NODE_BYTES..(self.first + self.stored) * NODE_BYTES
    }

    /// The hash of `node`, once [`verify`](Self::verify) gave the hashes of this page.
    pub fn find(&self, hashes: &[Digest], node: u64) -> Option<Digest> {
        let at = usize::try_from(node.checked_sub(self.first)?).ok()?;
        hashes.get(at).copied()
    }

    /// The hashes of all nodes of the page from the bytes of [`byte_range`](Self::byte_range), if they
    /// lead to the hash of [`parent`](Self::parent).
    pub fn verify(&self, bytes: &[u8], parent: &Digest) -> Result<Vec<Digest>, MerkleError> {
        if bytes.len() as u64 != self.stored * NODE_BYTES {
            let found = bytes.len() as u64 / NODE_BYTES;
            return Err(MerkleError::Length { expected: self.stored, found });
        }
        let mut hashes: Vec<Digest> = Digest::read_all(bytes).collect();
        pad_leaves(&mut hashes, self.first_leaf, self.width);
        if root_of_row(&hashes) != *parent {
            return Err(MerkleError::Mismatch { node: self.parent });
        }
        Ok(hashes)
    }
}

/// A whole tree in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    nodes: Vec<Digest>,
}

impl Tree {
    /// The tree over `leaves`; none gives the tree of the empty leaf 0.
    pub fn from_leaves(leaves: &[Digest]) -> Self {
        let width = leaves.len().next_power_of_two();
        let mut nodes = vec![Digest([0; 32]); width - 1];
        nodes.extend_from_slice(leaves);
        nodes.extend((leaves.len()..width).map(|i| empty_leaf(i as u64)));
        for node in (0..width - 1).rev() {
            nodes[node] = inner(&nodes[2 * node + 1], &nodes[2 * node + 2]);
        }
        Self { nodes }
    }

    /// The root.
    pub fn root(&self) -> Digest {
        self.nodes[0]
    }

    /// All nodes in the order they are stored in; never empty.
    pub fn nodes(&self) -> &[Digest] {
        &self.nodes
    }

    /// Node number `node`, if there is one.
    pub fn node(&self, node: u64) -> Option<Digest> {
        self.nodes.get(usize::try_from(node).ok()?).copied()
    }

    /// All nodes as bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.nodes.iter().flat_map(|node| node.0).collect()
    }
}

#[cfg(test)]
mod tests;
