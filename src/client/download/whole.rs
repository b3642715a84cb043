//! Reads every byte of one share that has a meaning, and checks all of it against the capability: header, URI
//! extension, share hash chain, both hash trees with their inner nodes, every block.
//!
//! In pieces of about a mebibyte, or of one block if that is longer; trees in smaller ones, so that memory does not
//! grow with the file. The reserved section, which readers have no use for, is not read.

use std::sync::Arc;

use super::share::{FileShape, Flaw, ReadError, Reader, Tree};
use crate::format::ShareNum;
use crate::format::cap::VerifyCap;
use crate::format::hash::{Digest, block_hash};
use crate::format::merkle::{MerkleError, NODE_BYTES, inner};
use crate::format::share::layout::segment_tree;
use crate::net::Dial;
use crate::net::client::StorageClient;
use crate::plan::policy::DownloadPolicy;

use super::pages::Leaf;

/// Blocks read at a time, in bytes, unless one is longer.
const PIECE_BYTES: u64 = 1 << 20;
/// Inner nodes checked at a time; twice as many are below them.
const NODES: u64 = 4096;

/// Whether all of a share is good; if so, what it says of the file.
pub(in crate::client) async fn verify_share<D: Dial>(
    server: Arc<StorageClient<D>>,
    cap: Arc<VerifyCap>,
    share: ShareNum,
    policy: &DownloadPolicy,
) -> Result<Arc<FileShape>, ReadError> {
    let reader = || Reader {
        server: Arc::clone(&server),
        cap: Arc::clone(&cap),
        share,
        watch: Arc::default(),
        pieces: Vec::new(),
        requests: 0,
    };
    let (opened, file) = reader().open(policy.whole_share_bytes_max, policy.trailer_bytes_max, None).await?;
    let mut reader = Reader { pieces: opened.pieces, ..reader() };
    let (layout, cut) = (opened.layout, file.cut);
    let mut blocks = opened.blocks;
    reader.tree(Tree::Block, layout.block_tree_offset(), &file, blocks.root()).await?;
    let crypttext_root = file.ueb.crypttext_root_hash;
    reader.tree(Tree::Crypttext, layout.crypttext_tree_offset(), &file, crypttext_root).await?;
    let at_a_time = (PIECE_BYTES / cut.block_size().max(1)).max(1);
    let mut first = 0;
    while first < cut.segments() {
        let end = cut.segments().min(first + at_a_time);
        let start = layout.block_range(cut, first).start;
        let mut piece = reader.exactly(start..layout.block_range(cut, end - 1).end).await?;
        for segment in first..end {
            reader.learn(Tree::Block, &layout, &mut blocks, segment).await?;
            let range = layout.block_range(cut, segment);
            let len = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
            let block = piece.split_to(len.min(piece.len()));
            match blocks.leaf(segment) {
                Ok(Leaf::Known(hash)) if hash == block_hash(&block) => {}
                Ok(Leaf::Known(_) | Leaf::Below(_)) | Err(_) => return Err(Flaw::Block(segment).into()),
            }
        }
        first = end;
    }
    Ok(file)
}

impl<D: Dial> Reader<D> {
    /// Whether every stored node of a tree is the hash of those below it, up to the root.
    async fn tree(
        &mut self,
        tree: Tree,
        offset: u64,
        file: &FileShape,
        root: Digest,
    ) -> Result<(), ReadError> {
        let shape = segment_tree(file.cut).map_err(|error| tree.flaw(error))?;
        let mismatch = |node: u64| ReadError::from(tree.flaw(MerkleError::Mismatch { node }));
        if self.nodes(offset, 0, 1).await? != [root] {
            return Err(mismatch(0));
        }
        let mut first = 0;
        while first < shape.first_leaf() {
            let end = shape.first_leaf().min(first + NODES);
            let above = self.nodes(offset, first, end).await?;
            let below = self.nodes(offset, 2 * first + 1, 2 * end + 1).await?;
            let mut pairs = (first..).zip(above.iter().zip(below.chunks(2)));
            let is_wrong = |(_, (hash, pair)): &(u64, (&Digest, &[Digest]))| match pair {
                [left, right] => inner(left, right) != **hash,
                _ => true,
            };
            if let Some((node, _)) = pairs.find(is_wrong) {
                return Err(mismatch(node));
            }
            first = end;
        }
        Ok(())
    }

    async fn nodes(&mut self, offset: u64, first: u64, end: u64) -> Result<Vec<Digest>, ReadError> {
        let bytes = self.exactly(offset + first * NODE_BYTES..offset + end * NODE_BYTES).await?;
        Ok(Digest::read_all(&bytes).collect())
    }
}
