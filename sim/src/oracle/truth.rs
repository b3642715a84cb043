//! Ground truth: what the stored bytes of a share are worth, whatever the program under test believes.
//!
//! Works from the capability and the bytes alone. The block positions that scenarios speak of come from the
//! parameters of the file, so that a damaged header does not move them.

use std::ops::Range;

use lafs::erasure::Segmentation;
use lafs::format::ShareNum;
use lafs::format::cap::ReadCap;
use lafs::format::hash::{Digest, block_hash};
use lafs::format::merkle::{Page, Shape};
use lafs::format::share::layout::segment_tree;
use lafs::format::share::{Layout, ShareHashChain, UriExtension};

/// Where the blocks of every share of a file lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blocks {
    layout: Layout,
    cut: Segmentation,
}

impl Blocks {
    /// Of a file cut like this.
    pub fn new(cut: Segmentation) -> Self {
        Self { layout: Layout::for_upload(cut), cut }
    }

    /// How many whole blocks `range` of a share covers.
    pub fn within(&self, range: &Range<u64>) -> u64 {
        let ahead = range.start.saturating_sub(self.layout.data_offset());
        let first = ahead.div_ceil(self.cut.block_size().max(1));
        let covered = |segment: &u64| self.layout.block_range(self.cut, *segment).end <= range.end;
        (first..self.cut.segments()).take_while(covered).count() as u64
    }

    /// The layout every share of the file was written with.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// How the file is cut.
    pub fn cut(&self) -> Segmentation {
        self.cut
    }
}

/// What one stored copy of a share is worth.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Quality {
    /// By segment: whether its block can be used.
    pub blocks: Vec<bool>,
    /// Whether the crypttext hash tree can be used.
    pub crypttext_tree: bool,
}

impl Quality {
    /// Whether nothing a reader needs is damaged.
    pub fn is_whole(&self) -> bool {
        self.crypttext_tree && self.blocks.iter().all(|good| *good) && !self.blocks.is_empty()
    }
}

/// Judges the stored bytes of `share`.
pub fn quality(bytes: &[u8], share: ShareNum, cap: &ReadCap) -> Quality {
    judge(bytes, share, cap, |_, _| true).unwrap_or_default()
}

/// Whether the stored bytes of `share` look right: all its trees, and one of its blocks, chosen by `draw`.
pub fn looks_whole(bytes: &[u8], share: ShareNum, cap: &ReadCap, draw: u64) -> bool {
    let chosen = |segment, segments: u64| segment == draw % segments.max(1);
    judge(bytes, share, cap, chosen).is_some_and(|quality| quality.is_whole())
}

/// Hashes the blocks for which `hashed` (of the segment and their number) says so; believes the others.
fn judge(bytes: &[u8], share: ShareNum, cap: &ReadCap, hashed: impl Fn(u64, u64) -> bool) -> Option<Quality> {
    let layout = Layout::parse(bytes).ok()?;
    let length = slice(bytes, &layout.uri_extension_length_range())?;
    let extension = slice(bytes, &layout.uri_extension_range(length).ok()?)?;
    let extension = UriExtension::parse(extension, cap).ok()?;
    let cut = extension.segmentation;
    layout.check_room(cut).ok()?;
    let chain = ShareHashChain::parse(slice(bytes, &layout.chain_range())?).ok()?;
    let block_root = chain.verify(cap.encoding, share, &extension.share_root_hash).ok()?;
    let shape = segment_tree(cut).ok()?;
    let leaves = |root: Digest, range: &dyn Fn(&Page) -> Range<u64>| tree_leaves(bytes, shape, root, range);
    let block_leaves = leaves(block_root, &|page| layout.block_page_range(page))?;
    let blocks = (0..cut.segments())
        .zip(&block_leaves)
        .map(|(segment, leaf)| {
            let block = slice(bytes, &layout.block_range(cut, segment));
            block.is_some_and(|block| !hashed(segment, cut.segments()) || block_hash(block) == *leaf)
        })
        .collect();
    let crypttext = leaves(extension.crypttext_root_hash, &|page| layout.crypttext_page_range(page));
    Some(Quality { blocks, crypttext_tree: crypttext.is_some() })
}

/// The leaves of a stored tree, if the pages a reader looks at lead to `root`.
fn tree_leaves(
    bytes: &[u8],
    shape: Shape,
    root: Digest,
    range: &dyn Fn(&Page) -> Range<u64>,
) -> Option<Vec<Digest>> {
    let mut leaves: Vec<Digest> = Vec::new();
    while (leaves.len() as u64) < shape.leaves() {
        let mut parent = root;
        let mut pages = shape.pages(leaves.len() as u64).ok()?.peekable();
        while let Some(page) = pages.next() {
            let hashes = page.verify(slice(bytes, &range(&page))?, &parent).ok()?;
            match pages.peek() {
                Some(below) => parent = page.find(&hashes, below.parent())?,
                None => leaves.extend(hashes),
            }
        }
    }
    Some(leaves)
}

fn slice<'a>(bytes: &'a [u8], range: &Range<u64>) -> Option<&'a [u8]> {
    bytes.get(usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?)
}
