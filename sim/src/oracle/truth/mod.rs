//! Ground truth: what the stored bytes of a share are worth, whatever the program under test believes.
//!
//! Works from the capability and the bytes alone. The block positions that scenarios speak of come from the
//! parameters of the file, so that a damaged header does not move them.

pub mod mutable;
pub mod sdmf;
#[cfg(test)]
pub(crate) mod vectors;

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

#[cfg(test)]
mod tests {
    use super::*;
    use lafs::format::cap::Cap;

    const CAP: &str =
        "URI:CHK:kie5jtc32x3jbedbo4judzb6eq:rxoawy7i6wile7ahgyvon2haoumaroh3hgpiue3iep4kstz2d3aa:3:10:1024";
    const SHARE: &[u8] =
        include_bytes!("../../../../tests/vectors/immutable/shares/share-files-1024/4.share");

    fn cap() -> ReadCap {
        match CAP.parse() {
            Ok(Cap::Chk(cap)) => cap,
            other => panic!("{other:?}"),
        }
    }

    fn layout() -> Layout {
        Layout::parse(SHARE).unwrap()
    }

    /// What is left of the share when one bit of each of these bytes is flipped.
    fn with_flips(places: impl IntoIterator<Item = u64>) -> Quality {
        let mut bytes = SHARE.to_vec();
        places.into_iter().for_each(|place| bytes[usize::try_from(place).unwrap()] ^= 0x10);
        quality(&bytes, ShareNum(4), &cap())
    }

    #[test]
    fn a_share_written_by_tahoe_is_whole() {
        let whole = quality(SHARE, ShareNum(4), &cap());
        assert!(whole.is_whole());
        assert_eq!(whole.blocks.len(), 8);
    }

    #[test]
    fn a_share_of_another_number_or_another_file_is_worth_nothing() {
        assert_eq!(quality(SHARE, ShareNum(5), &cap()), Quality::default());
        let mut other = cap();
        other.size = 1025;
        assert_eq!(quality(SHARE, ShareNum(4), &other), Quality::default());
    }

    #[test]
    fn a_damaged_block_costs_that_block_alone() {
        let whole = with_flips([]);
        let extension = SHARE.len() as u64;
        for segment in 0..8 {
            let cut = Segmentation::new(1024, cap().encoding, 128).unwrap();
            let range = layout().block_range(cut, segment);
            assert!(range.end < extension);
            let mut expected = whole.clone();
            expected.blocks[usize::try_from(segment).unwrap()] = false;
            assert_eq!(with_flips([range.start]), expected);
            assert_eq!(with_flips([range.end - 1]), expected);
        }
    }

    #[test]
    fn damage_to_what_every_block_is_checked_with_costs_all_of_them() {
        let (layout, nothing) = (layout(), Quality::default());
        for place in
            [3, layout.chain_range().start + 2, layout.uri_extension_offset() + 4, SHARE.len() as u64 - 1]
        {
            assert_eq!(with_flips([place]), nothing, "byte {place}");
        }
        let hashes = with_flips([layout.block_tree_offset() + 14 * 32]);
        assert!(!hashes.is_whole());
    }

    #[test]
    fn damage_to_the_crypttext_hashes_costs_no_block() {
        let damaged = with_flips([layout().crypttext_tree_offset() + 14 * 32]);
        assert!(!damaged.crypttext_tree);
        assert!(damaged.blocks.iter().all(|good| *good));
        assert!(!damaged.is_whole());
    }

    #[test]
    fn damage_to_the_section_that_nobody_reads_costs_nothing() {
        assert!(with_flips([layout().reserved_offset()]).is_whole());
    }

    #[test]
    fn every_cut_of_a_share_is_judged_without_a_panic_and_none_is_whole() {
        for length in 0..SHARE.len() {
            assert!(!quality(&SHARE[..length], ShareNum(4), &cap()).is_whole(), "{length} bytes");
        }
    }

    #[test]
    fn blocks_are_counted_only_if_they_lie_in_a_range_as_a_whole() {
        let blocks = Blocks::new(Segmentation::new(1024, cap().encoding, 128).unwrap());
        let (start, size) = (blocks.layout().data_offset(), blocks.cut().block_size());
        assert_eq!(blocks.within(&(0..u64::MAX)), 8);
        assert_eq!(blocks.within(&(start..start + size)), 1);
        assert_eq!(blocks.within(&(start + 1..start + size)), 0);
        assert_eq!(blocks.within(&(start + 1..start + 2 * size)), 1);
        assert_eq!(blocks.within(&(0..start + size - 1)), 0);
        assert_eq!(blocks.within(&(start + 100 * size..u64::MAX)), 0);
    }
}
