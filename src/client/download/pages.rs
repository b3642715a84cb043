//! The part of a hash tree a download holds: the pages on the path to one leaf, verified. A tree of up to
//! 1024 leaves is one page; of larger ones only as much is kept, so memory is bounded.
//!
//! Fetches nothing.

use std::sync::Arc;

use crate::format::hash::Digest;
use crate::format::merkle::{MerkleError, PAGE_NODES, Page, Shape};

/// Verified pages of one tree, from its root down. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Pages {
    shape: Shape,
    root: Digest,
    held: Vec<(Page, Arc<[Digest]>)>,
}

/// What is known of a leaf.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leaf {
    Known(Digest),
    /// This page must be put first.
    Below(Page),
}

impl Pages {
    /// Nothing but the root.
    pub(super) fn new(shape: Shape, root: Digest) -> Self {
        Self { shape, root, held: Vec::new() }
    }

    /// What all of it hangs from.
    pub(super) fn root(&self) -> Digest {
        self.root
    }

    /// The hash of `leaf`, or the page that is missing on the way to it.
    pub(super) fn leaf(&self, leaf: u64) -> Result<Leaf, MerkleError> {
        let node = self.shape.leaf(leaf)?;
        let mut hash = None;
        for (level, page) in self.shape.pages(leaf)?.enumerate() {
            match self.held.get(level) {
                Some((held, hashes)) if *held == page => hash = page.find(hashes, node),
                Some(_) | None => return Ok(Leaf::Below(page)),
            }
        }
        hash.map(Leaf::Known).ok_or(MerkleError::NoSuchLeaf { leaf, leaves: self.shape.leaves() })
    }

    /// Whether [`Self::leaf`] would know the hash.
    pub(super) fn knows(&self, leaf: u64) -> bool {
        matches!(self.leaf(leaf), Ok(Leaf::Known(_)))
    }

    /// Whether the whole tree is one page.
    pub(super) fn is_single_page(&self) -> bool {
        self.shape.leaves() <= PAGE_NODES
    }

    /// Adds `page`, which [`Self::leaf`] asked for on the way to `leaf`, if `bytes` are what it must be.
    pub(super) fn put(&mut self, leaf: u64, page: Page, bytes: &[u8]) -> Result<(), MerkleError> {
        let level = self.shape.pages(leaf)?.take_while(|other| *other != page).count();
        self.held.truncate(level);
        let parent = match self.held.last() {
            Some((above, hashes)) => above.find(hashes, page.parent()),
            None => Some(self.root),
        };
        let parent = parent.ok_or(MerkleError::Mismatch { node: page.parent() })?;
        let hashes = page.verify(bytes, &parent)?;
        self.held.push((page, hashes.into()));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::merkle::Tree;

    fn digests(count: u64) -> Vec<Digest> {
        (0..count)
            .map(|n| {
                let mut bytes = [0; 32];
                bytes[..8].copy_from_slice(&n.to_be_bytes());
                Digest(bytes)
            })
            .collect()
    }

    fn learn(pages: &mut Pages, tree: &[u8], leaf: u64) -> (Digest, u32) {
        let mut fetched = 0;
        loop {
            match pages.leaf(leaf).unwrap() {
                Leaf::Known(hash) => return (hash, fetched),
                Leaf::Below(page) => {
                    let range = page.byte_range();
                    pages.put(leaf, page, &tree[range.start as usize..range.end as usize]).unwrap();
                    fetched += 1;
                }
            }
        }
    }

    #[test]
    fn leaves_of_small_and_large_trees_are_learnt_page_by_page() {
        for count in [1, 2, 3, PAGE_NODES, PAGE_NODES + 1, 5000] {
            let leaves = digests(count);
            let tree = Tree::from_leaves(&leaves);
            let mut pages = Pages::new(Shape::new(count).unwrap(), tree.root());
            let bytes = tree.to_bytes();
            let mut fetched = 0;
            for leaf in 0..count {
                let (hash, more) = learn(&mut pages, &bytes, leaf);
                assert_eq!(hash, leaves[leaf as usize]);
                fetched += more;
                assert!(pages.held.len() <= 2);
            }
            let bottom = count.div_ceil(PAGE_NODES) as u32;
            assert_eq!(fetched, if count > PAGE_NODES { bottom + 1 } else { 1 });
        }
    }

    #[test]
    fn a_page_that_does_not_lead_to_its_parent_is_refused() {
        let tree = Tree::from_leaves(&digests(4));
        let mut pages = Pages::new(Shape::new(4).unwrap(), tree.root());
        let Leaf::Below(page) = pages.leaf(2).unwrap() else { panic!() };
        assert!(pages.put(2, page, &[7; 128]).is_err());
        assert!(!pages.knows(2));
    }
}
