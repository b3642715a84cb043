//! Whether a block of a mutable share is what was signed: block, block hash tree, share hash chain, root hash.
//!
//! Only the leaves of the stored tree are used; its inner nodes are computed, so that a damaged one harms nobody. The
//! signature over the root hash is not checked here.

use thiserror::Error;

use super::chain::MutableChain;
use super::header::Header;
use crate::format::ShareNum;
use crate::format::hash::{Digest, block_hash};
use crate::format::merkle::{MerkleError, Shape, Tree};
use crate::format::share::chain::ChainError;

/// A block is not what was signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BlockError {
    /// The block hash tree is not as long as the number of segments requires.
    #[error("a block hash tree of {found} bytes, expected {expected}")]
    TreeLength {
        /// What it takes.
        expected: u64,
        /// What came.
        found: u64,
    },
    /// The block hash tree does not belong to the signed root hash. Whether a block matches the tree says nothing then.
    #[error("block hash tree and share hash chain do not lead to the signed root: {0}")]
    Root(#[source] ChainError),
    /// There is no such segment.
    #[error(transparent)]
    Segment(MerkleError),
    /// Not as many bytes as a block (in MDMF with its salt) of this segment has.
    #[error("a block of {found} bytes in segment {segment}, expected {expected}")]
    Length {
        /// Of which segment.
        segment: u64,
        /// What a block of it takes.
        expected: u64,
        /// What came.
        found: u64,
    },
    /// The block does not match the block hash tree.
    #[error("the block of segment {0} does not match the block hash tree")]
    Block(u64),
}

/// The block hash tree of one share, known to be the signed one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockTree {
    header: Header,
    shape: Shape,
    tree: Tree,
    intact: bool,
}

impl BlockTree {
    /// Checks that the stored tree, by way of the chain, leads to the root hash in `header`.
    pub fn verify(
        header: &Header,
        share: ShareNum,
        tree: &[u8],
        chain: &MutableChain,
    ) -> Result<Self, BlockError> {
        let shape = header.block_tree().map_err(BlockError::Segment)?;
        let found = tree.len() as u64;
        if found != shape.bytes() {
            return Err(BlockError::TreeLength { expected: shape.bytes(), found });
        }
        // As many bytes as that are in memory, so their number fits.
        let inner = usize::try_from(shape.first_leaf()).unwrap_or(usize::MAX);
        let leaves: Vec<Digest> = Digest::read_all(tree).skip(inner).collect();
        let computed = Tree::from_leaves(&leaves);
        chain
            .verify(header.encoding(), share, computed.root(), &header.root_hash())
            .map_err(BlockError::Root)?;
        let intact = Digest::read_all(tree).eq(computed.nodes().iter().copied());
        Ok(Self { header: *header, shape, tree: computed, intact })
    }

    /// Whether `block`, as stored (in MDMF with its salt), is the one of `segment`.
    pub fn check(&self, segment: u64, block: &[u8]) -> Result<(), BlockError> {
        let leaf = self.shape.leaf(segment).map_err(BlockError::Segment)?;
        let (expected, found) = (self.header.stored_block_len(segment), block.len() as u64);
        if found != expected {
            return Err(BlockError::Length { segment, expected, found });
        }
        if self.tree.node(leaf) == Some(block_hash(block)) { Ok(()) } else { Err(BlockError::Block(segment)) }
    }

    /// Whether every stored node was right. Tahoe's readers refuse a share of which one is not.
    pub fn intact(&self) -> bool {
        self.intact
    }
}

/// Whether `block`, as stored (in MDMF with its salt), is the signed one of `segment`. Who checks several blocks of a
/// share keeps the [`BlockTree`].
pub fn verify_share_block(
    header: &Header,
    share: ShareNum,
    tree: &[u8],
    chain: &MutableChain,
    segment: u64,
    block: &[u8],
) -> Result<(), BlockError> {
    BlockTree::verify(header, share, tree, chain)?.check(segment, block)
}
