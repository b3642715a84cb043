//! A forged share: its data is not what was uploaded, and its own hashes agree with it.
//!
//! Only what ties all shares together can tell: the root of the share hash tree, which is in the URI extension of an
//! immutable share, and signed in the header of a mutable one.

use std::ops::Range;

use bytes::Bytes;
use lafs::format::hash::block_hash;
use lafs::format::merkle::{Shape, Tree};
use lafs::format::{Encoding, ShareNum};
use rand_chacha::ChaCha8Rng;
use rand_core::Rng;

use crate::oracle::truth::Blocks;
use crate::oracle::truth::sdmf::Parts;

/// Bytes of a chain entry, and of the node number it begins with.
const ENTRY_BYTES: usize = 34;
const NUMBER_BYTES: usize = 2;

/// Flips a bit of every block, and makes the block hash tree and the leaf in the share hash chain match.
/// None if `content` is too short for that.
pub(super) fn forge(content: &[u8], share: ShareNum, blocks: &Blocks, rng: &mut ChaCha8Rng) -> Option<Bytes> {
    let (layout, cut) = (blocks.layout(), blocks.cut());
    let mut bytes = content.to_vec();
    let mut leaves = Vec::new();
    for segment in 0..cut.segments() {
        let range = layout.block_range(cut, segment);
        let block = bytes.get_mut(usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?)?;
        let place = usize::try_from(rng.next_u64() % (block.len() as u64).max(1)).ok()?;
        *block.get_mut(place)? ^= 1 << (rng.next_u32() % 8);
        leaves.push(block_hash(block));
    }
    let tree = Tree::from_leaves(&leaves);
    let stored = tree.to_bytes();
    let start = usize::try_from(layout.block_tree_offset()).ok()?;
    bytes.get_mut(start..start + stored.len())?.copy_from_slice(&stored);
    let leaf = leaf_node(cut.encoding(), share)?;
    let chain = layout.chain_range();
    let chain = bytes.get_mut(usize::try_from(chain.start).ok()?..usize::try_from(chain.end).ok()?)?;
    for entry in chain.chunks_exact_mut(ENTRY_BYTES) {
        let (number, hash) = entry.split_at_mut(NUMBER_BYTES);
        if number == leaf.to_be_bytes() {
            hash.copy_from_slice(&tree.root().0);
        }
    }
    Some(bytes.into())
}

/// Flips a bit of the block of an SDMF share, and makes its block hash tree match. None if it has no block.
pub(super) fn forge_mutable(content: &[u8], rng: &mut ChaCha8Rng) -> Option<Bytes> {
    let parts = Parts::of(content)?;
    let place =
        |range: Range<u64>| Some(usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?);
    let mut bytes = content.to_vec();
    let block = bytes.get_mut(place(parts.block)?)?;
    let at = usize::try_from(rng.next_u64().checked_rem(block.len() as u64)?).ok()?;
    *block.get_mut(at)? ^= 1 << (rng.next_u32() % 8);
    let leaf = block_hash(block);
    let tree = bytes.get_mut(place(parts.block_tree)?)?;
    (tree.len() == leaf.0.len()).then(|| tree.copy_from_slice(&leaf.0))?;
    Some(bytes.into())
}

/// The node of the share hash tree that is the root of this share's block hash tree.
fn leaf_node(encoding: Encoding, share: ShareNum) -> Option<u16> {
    let shape = Shape::new(encoding.total() as u64).ok()?;
    u16::try_from(shape.leaf(u64::from(share.0)).ok()?).ok()
}
