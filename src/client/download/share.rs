//! Reading one share: its header, hash trees and URI extension, then its blocks. Each step is checked
//! before the next builds on it.
//!
//! Knows one share on one server. Who is asked, how long is waited and what a failure means is
//! decided elsewhere.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use bytes::Bytes;
use thiserror::Error;

use super::pages::{Leaf, Pages};
use crate::erasure::{Codec, Segmentation};
use crate::format::cap::VerifyCap;
use crate::format::hash::block_hash;
use crate::format::merkle::{MerkleError, Page};
use crate::format::share::layout::segment_tree;
use crate::format::share::{
    ChainError, Layout, LayoutError, ShareHashChain, UriExtension, UriExtensionError,
};
use crate::format::{Encoding, ShareNum};
use crate::net::Dial;
use crate::net::client::{Progress, RequestError, StorageClient};

/// The longest share hash chain there can be: 9 entries of 34 bytes, with room for odd writers.
const CHAIN_BYTES_MAX: u64 = 34 * 2 * Encoding::TOTAL_MAX as u64;

/// What is wrong with a share.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Flaw {
    /// The header makes no sense.
    #[error("header: {0}")]
    Layout(#[from] LayoutError),
    /// The URI extension is not the one the capability names.
    #[error("URI extension: {0}")]
    UriExtension(#[from] UriExtensionError),
    /// The share hash chain does not lead to the root.
    #[error("share hash chain: {0}")]
    Chain(#[from] ChainError),
    /// The block hash tree does not lead to the share's root.
    #[error("block hash tree: {0}")]
    BlockTree(MerkleError),
    /// The crypttext hash tree does not lead to its root.
    #[error("crypttext hash tree: {0}")]
    CrypttextTree(MerkleError),
    /// A block is not what its hash says.
    #[error("hash mismatch in block {0}")]
    Block(u64),
    /// It ends where there should be more.
    #[error("the share ends within its data")]
    Short,
}

/// Why nothing useful came of a request.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(in crate::client) enum ReadError {
    #[error(transparent)]
    Request(#[from] RequestError),
    #[error("corrupt: {0}")]
    Corrupt(#[from] Flaw),
}

/// What all good shares of a file agree on.
#[derive(Debug)]
pub(in crate::client) struct FileShape {
    pub(in crate::client) ueb: UriExtension,
    pub(in crate::client) cut: Segmentation,
    pub(super) codec: Codec,
}

/// How far a job of one or more requests has come; for whoever waits for it.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// Requests begun after the first one.
    pub(super) steps: AtomicU64,
    /// Body bytes of the requests that ended.
    pub(super) done_bytes: AtomicU64,
    /// Body bytes of the request under way.
    pub(super) current: Progress,
}

/// A share as the server at the other end serves it.
pub(super) struct Reader<D: Dial> {
    pub(super) server: Arc<StorageClient<D>>,
    pub(super) cap: Arc<VerifyCap>,
    pub(super) share: ShareNum,
    pub(super) watch: Arc<Watch>,
    /// Pieces that are here already: start and bytes.
    pub(super) pieces: Vec<(u64, Bytes)>,
    pub(super) requests: u64,
}

/// A share whose hash trees are tied to the capability.
#[derive(Debug, Clone)]
pub(super) struct Opened {
    pub(super) layout: Layout,
    pub(super) blocks: Pages,
    pub(super) pieces: Vec<(u64, Bytes)>,
}

impl<D: Dial> Reader<D> {
    async fn fetch(&mut self, range: Range<u64>) -> Result<Bytes, RequestError> {
        if self.requests > 0 {
            self.watch.current.store(0, Relaxed);
            self.watch.steps.fetch_add(1, Relaxed);
        }
        self.requests += 1;
        let (index, watch) = (self.cap.storage_index, &self.watch);
        let bytes = self.server.read(index, self.share, range, &watch.current).await?;
        watch.done_bytes.fetch_add(bytes.len() as u64, Relaxed);
        Ok(bytes)
    }

    fn held(&self, range: &Range<u64>) -> Option<Bytes> {
        self.pieces.iter().find_map(|(start, piece)| {
            let from = usize::try_from(range.start.checked_sub(*start)?).ok()?;
            let to = usize::try_from(range.end.checked_sub(*start)?).ok()?;
            (from <= to && to <= piece.len()).then(|| piece.slice(from..to))
        })
    }

    /// Exactly these bytes.
    pub(super) async fn exactly(&mut self, range: Range<u64>) -> Result<Bytes, ReadError> {
        if let Some(bytes) = self.held(&range) {
            return Ok(bytes);
        }
        let bytes = self.fetch(range.clone()).await?;
        if bytes.len() as u64 == range.end.saturating_sub(range.start) {
            Ok(bytes)
        } else {
            Err(Flaw::Short.into())
        }
    }

    /// Reads header, share hash chain and URI extension, and as much of the hash trees as is cheap.
    /// `prefix`: how much to read first, at least a header. `trailer_max`: everything behind the blocks is
    /// read in one request if it is no longer than this. `known`: what another share has proved already.
    pub(super) async fn open(
        mut self,
        prefix: u64,
        trailer_max: u64,
        known: Option<Arc<FileShape>>,
    ) -> Result<(Opened, Arc<FileShape>), ReadError> {
        let prefix = self.fetch(0..prefix).await?;
        let layout = Layout::parse(&prefix).map_err(Flaw::from)?;
        self.pieces.push((0, prefix));
        let chain = layout.chain_range();
        if chain.end - chain.start > CHAIN_BYTES_MAX {
            return Err(Flaw::Layout(LayoutError::ChainLength(chain.end - chain.start)).into());
        }
        if !self.holds_trailer(&layout) {
            let end = layout.uri_extension_guess().end;
            let trees = layout.crypttext_tree_offset();
            let start = if chain.end - trees <= trailer_max { trees } else { chain.start };
            let trailer = self.fetch(start..end).await?;
            self.pieces.push((start, trailer));
        }
        let file = match known {
            Some(file) => file,
            None => Arc::new(self.uri_extension(&layout)?),
        };
        layout.check_room(file.cut).map_err(Flaw::from)?;
        let chain = self.held(&chain).ok_or(Flaw::Short)?;
        let chain = ShareHashChain::parse(&chain).map_err(Flaw::from)?;
        let root =
            chain.verify(self.cap.encoding, self.share, &file.ueb.share_root_hash).map_err(Flaw::from)?;
        let shape = segment_tree(file.cut).map_err(Flaw::BlockTree)?;
        Ok((Opened { layout, blocks: Pages::new(shape, root), pieces: self.pieces }, file))
    }

    fn holds_trailer(&self, layout: &Layout) -> bool {
        let Some(length) = self.held(&layout.uri_extension_length_range()) else { return false };
        // A length that makes no sense is found out where it is used.
        layout.uri_extension_range(&length).map_or(true, |range| self.held(&range).is_some())
    }

    fn uri_extension(&self, layout: &Layout) -> Result<FileShape, Flaw> {
        let length = self.held(&layout.uri_extension_length_range()).ok_or(Flaw::Short)?;
        let range = layout.uri_extension_range(&length)?;
        let ueb = UriExtension::parse_verify(&self.held(&range).ok_or(Flaw::Short)?, &self.cap)?;
        Ok(FileShape { ueb, cut: ueb.segmentation, codec: Codec::new(self.cap.encoding) })
    }

    /// Adds to `pages` what is missing to know `leaf`.
    pub(super) async fn learn(
        &mut self,
        tree: Tree,
        layout: &Layout,
        pages: &mut Pages,
        leaf: u64,
    ) -> Result<(), ReadError> {
        while let Leaf::Below(page) = pages.leaf(leaf).map_err(|error| tree.flaw(error))? {
            let range = match tree {
                Tree::Block => layout.block_page_range(&page),
                Tree::Crypttext => layout.crypttext_page_range(&page),
            };
            let bytes = self.exactly(range).await?;
            pages.put(leaf, page, &bytes).map_err(|error| tree.flaw(error))?;
        }
        Ok(())
    }

    /// Reads what is missing of both hash trees, then the block. The block is checked here.
    pub(super) async fn block(
        mut self,
        layout: Layout,
        cut: Segmentation,
        segment: u64,
        mut trees: Trees,
    ) -> Result<(Bytes, Trees), ReadError> {
        self.learn(Tree::Block, &layout, &mut trees.blocks, segment).await?;
        if let Some(crypttext) = &mut trees.crypttext {
            self.learn(Tree::Crypttext, &layout, crypttext, segment).await?;
        }
        let block = self.exactly(layout.block_range(cut, segment)).await?;
        match trees.blocks.leaf(segment) {
            Ok(Leaf::Known(hash)) if hash == block_hash(&block) => Ok((block, trees)),
            Ok(Leaf::Known(_) | Leaf::Below(_)) | Err(_) => Err(Flaw::Block(segment).into()),
        }
    }

    /// Whether [`Self::block`] would need no request.
    pub(super) fn holds_block(
        &self,
        layout: &Layout,
        cut: Segmentation,
        segment: u64,
        trees: &Trees,
    ) -> bool {
        let block = self.held(&layout.block_range(cut, segment)).is_some();
        // Of a tree of several pages, only the topmost missing one is looked at: one is enough to say no.
        let tree = |pages: &Pages, range: &dyn Fn(&Page) -> Range<u64>| match pages.leaf(segment) {
            Ok(Leaf::Below(page)) => pages.is_single_page() && self.held(&range(&page)).is_some(),
            Ok(Leaf::Known(_)) | Err(_) => true,
        };
        block
            && tree(&trees.blocks, &|page| layout.block_page_range(page))
            && trees
                .crypttext
                .as_ref()
                .is_none_or(|pages| tree(pages, &|page| layout.crypttext_page_range(page)))
    }
}

/// The hash trees a block is checked with.
#[derive(Debug, Clone)]
pub(super) struct Trees {
    pub(super) blocks: Pages,
    /// Given if its path to the segment is still missing.
    pub(super) crypttext: Option<Pages>,
}

/// One of the two hash trees over the segments.
#[derive(Debug, Clone, Copy)]
pub(super) enum Tree {
    Block,
    Crypttext,
}

impl Tree {
    pub(super) fn flaw(self, error: MerkleError) -> Flaw {
        match self {
            Self::Block => Flaw::BlockTree(error),
            Self::Crypttext => Flaw::CrypttextTree(error),
        }
    }
}
