//! What follows the blocks in every share of a file, made from hashes collected while the blocks were made.
//!
//! Hashes of all N shares are needed, whether a share is placed anywhere or not: each is under the root that
//! every share carries. Memory: 32 bytes for each segment of each share, plus one of the ciphertext.

use bytes::Bytes;
use thiserror::Error;

use super::chain::{ChainError, ShareHashChain};
use super::layout::Layout;
use super::uri_extension::UriExtension;
use crate::erasure::Segmentation;
use crate::format::ShareNum;
use crate::format::hash::{self, Digest, TaggedHasher, uri_extension_hash};
use crate::format::merkle::Tree;

/// The trailers cannot be made of what was collected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum HashesError {
    /// Not every segment of the ciphertext was hashed, or too many were.
    #[error("hashes of {found} segments, expected {expected}")]
    Segments {
        /// Segments of the file.
        expected: u64,
        /// Segments hashed.
        found: u64,
    },
    /// Not every block of a share was hashed, or too many were.
    #[error("hashes of {found} blocks of share {share}, expected {expected}")]
    Blocks {
        /// The share.
        share: ShareNum,
        /// Segments of the file.
        expected: u64,
        /// Blocks hashed.
        found: u64,
    },
    /// There is no such share.
    #[error("share {0} is not one of the file's")]
    NoSuchShare(ShareNum),
}

/// Collects the hashes of a file while it is encoded, segment by segment in order.
#[derive(Debug, Clone)]
pub struct ShareHashes {
    cut: Segmentation,
    crypttext: TaggedHasher,
    segments: Vec<Digest>,
    blocks: Vec<Vec<Digest>>,
}

impl ShareHashes {
    /// Nothing collected yet.
    pub fn new(cut: Segmentation) -> Self {
        Self {
            cut,
            crypttext: hash::crypttext_hasher(),
            segments: Vec::new(),
            blocks: vec![Vec::new(); cut.encoding().total()],
        }
    }

    /// Hashes the next segment of ciphertext, without padding.
    pub fn segment(&mut self, crypttext: &[u8]) {
        self.crypttext.update(crypttext);
        self.segments.push(hash::crypttext_segment_hash(crypttext));
    }

    /// Hashes the next block of `share`, padding included.
    pub fn block(&mut self, share: ShareNum, block: &[u8]) -> Result<(), HashesError> {
        self.block_hash(share, hash::block_hash(block))
    }

    /// Takes the hash of the next block of `share`, made elsewhere.
    pub fn block_hash(&mut self, share: ShareNum, hash: Digest) -> Result<(), HashesError> {
        let blocks = self.blocks.get_mut(usize::from(share.0)).ok_or(HashesError::NoSuchShare(share))?;
        blocks.push(hash);
        Ok(())
    }

    /// The trailers of all shares, once all segments and all blocks of all shares are hashed.
    pub fn finish(self, layout: Layout) -> Result<ShareTrailers, HashesError> {
        ShareTrailers::new(self.cut, layout, self.crypttext.finish(), &self.segments, self.blocks)
    }
}

/// What follows the blocks in each share.
#[derive(Debug, Clone)]
pub struct ShareTrailers {
    cut: Segmentation,
    /// The reserved section and the crypttext hash tree.
    head: Bytes,
    blocks: Vec<Vec<Digest>>,
    share_tree: Tree,
    /// The URI extension block with its length in front.
    tail: Bytes,
    ueb_hash: Digest,
    uri_extension: UriExtension,
}

impl ShareTrailers {
    /// From the hash of the whole ciphertext, the hash of each of its segments, and for each of the N
    /// shares the hash of each block. `layout` is that of the upload.
    pub fn new(
        cut: Segmentation,
        layout: Layout,
        crypttext_hash: Digest,
        segments: &[Digest],
        blocks: Vec<Vec<Digest>>,
    ) -> Result<Self, HashesError> {
        let expected = cut.segments();
        let found = segments.len() as u64;
        if found != expected {
            return Err(HashesError::Segments { expected, found });
        }
        for (index, share) in cut.encoding().shares().enumerate() {
            let found = blocks.get(index).map_or(0, Vec::len) as u64;
            if found != expected {
                return Err(HashesError::Blocks { share, expected, found });
            }
        }
        let crypttext_tree = Tree::from_leaves(segments);
        let roots: Vec<Digest> = blocks
            .iter()
            .take(cut.encoding().total())
            .map(|leaves| Tree::from_leaves(leaves).root())
            .collect();
        let share_tree = Tree::from_leaves(&roots);
        let uri_extension = UriExtension {
            segmentation: cut,
            crypttext_hash: Some(crypttext_hash),
            crypttext_root_hash: crypttext_tree.root(),
            share_root_hash: share_tree.root(),
        };
        let ueb = uri_extension.to_bytes();
        let ueb_hash = uri_extension_hash(&ueb);

        let crypttext_tree = crypttext_tree.to_bytes();
        let mut head = vec![0; crypttext_tree.len()];
        head.extend(crypttext_tree);
        let mut tail = layout.uri_extension_length_field(ueb.len() as u64);
        tail.extend(ueb);
        Ok(Self { cut, head: head.into(), blocks, share_tree, tail: tail.into(), ueb_hash, uri_extension })
    }

    /// What the capability of the file vouches for.
    pub fn ueb_hash(&self) -> Digest {
        self.ueb_hash
    }

    /// What the URI extension block says.
    pub fn uri_extension(&self) -> &UriExtension {
        &self.uri_extension
    }

    /// What follows the last block of `share`, in three consecutive pieces of which the first and the last
    /// are shared between all shares. Together as long as [`Layout::trailer_size`].
    pub fn parts(&self, share: ShareNum) -> Result<[Bytes; 3], HashesError> {
        let leaves = self.blocks.get(usize::from(share.0)).ok_or(HashesError::NoSuchShare(share))?;
        let chain = ShareHashChain::of(&self.share_tree, self.cut.encoding(), share)
            .map_err(|_: ChainError| HashesError::NoSuchShare(share))?;
        let mut own = Tree::from_leaves(leaves).to_bytes();
        own.extend(chain.to_bytes());
        Ok([self.head.clone(), own.into(), self.tail.clone()])
    }
}
