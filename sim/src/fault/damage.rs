//! Damage to stored shares: which bytes of a share a named field is, and one flipped bit in it.
//!
//! Positions follow from the parameters of the file, not from the header of the share, which may itself be
//! damaged already.

use std::ops::Range;

use lafs::format::share::UriExtension;
use lafs::format::share::layout::segment_tree;
use rand_chacha::ChaCha8Rng;
use rand_core::Rng;

use crate::oracle::truth::Blocks;
use crate::schedule::ShareField;

/// Bits that were flipped in one stored share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The fault that did it.
    pub fault: usize,
    /// Offset and mask of each.
    flips: Vec<(u64, u8)>,
}

impl Damage {
    /// Flips one bit in each part of `field`. Nothing is flipped where the share has no such part.
    pub fn draw(
        fault: usize,
        field: ShareField,
        blocks: &Blocks,
        share_bytes: u64,
        rng: &mut ChaCha8Rng,
    ) -> Self {
        let flips = parts(field, blocks)
            .into_iter()
            .map(|part| part.start..part.end.min(share_bytes))
            .filter(|part| !part.is_empty())
            .map(|part| (part.start + rng.next_u64() % (part.end - part.start), 1 << (rng.next_u32() % 8)))
            .collect();
        Self { fault, flips }
    }

    /// Flips the bits; doing it twice restores the share.
    pub fn apply(&self, bytes: &mut [u8]) {
        for (offset, mask) in &self.flips {
            if let Some(byte) = usize::try_from(*offset).ok().and_then(|at| bytes.get_mut(at)) {
                *byte ^= mask;
            }
        }
    }

    /// How many damaged bytes lie in `range` of the share.
    pub fn touched(&self, range: &Range<u64>) -> u64 {
        self.flips.iter().filter(|(offset, _)| range.contains(offset)).count() as u64
    }

    /// Whether the field exists in this share.
    pub fn is_empty(&self) -> bool {
        self.flips.is_empty()
    }
}

fn parts(field: ShareField, blocks: &Blocks) -> Vec<Range<u64>> {
    let (layout, cut) = (blocks.layout(), blocks.cut());
    let number = layout.version().number_bytes();
    let node = |tree: u64, node: u64| {
        let nodes = segment_tree(cut).map_or(0, |shape| shape.nodes());
        let start = tree + 32 * node.min(nodes);
        if node < nodes { start..start + 32 } else { start..start }
    };
    match field {
        // The lowest byte: the others would make the number absurd in the same way.
        ShareField::Version => one(3..4),
        // Offsets of block data, block hash tree and URI extension: the ones every reader needs.
        ShareField::Offsets => {
            vec![offset_field(2, number), offset_field(5, number), offset_field(7, number)]
        }
        ShareField::Block(segment) => one(layout.block_range(cut, segment)),
        ShareField::Data => (0..cut.segments()).map(|segment| layout.block_range(cut, segment)).collect(),
        ShareField::CrypttextHash(n) => one(node(layout.crypttext_tree_offset(), n)),
        ShareField::BlockHash(n) => one(node(layout.block_tree_offset(), n)),
        // The hash of the first entry; its number is left alone.
        ShareField::ShareHashes => {
            let chain = layout.chain_range();
            one(chain.start + 2..chain.end.min(chain.start + 34))
        }
        ShareField::UriExtension => {
            let start = layout.uri_extension_length_range().end;
            one(start..start + UriExtension::serialised_len(cut))
        }
    }
}

fn one(part: Range<u64>) -> Vec<Range<u64>> {
    std::iter::once(part).collect()
}

/// The `index`th number after the version.
fn offset_field(index: u64, number: u64) -> Range<u64> {
    4 + index * number..4 + (index + 1) * number
}

#[cfg(test)]
mod tests {
    use lafs::erasure::Segmentation;
    use lafs::format::Encoding;

    use super::*;
    use crate::seed::Seed;

    const SHARE: &[u8] = include_bytes!("../../../tests/vectors/immutable/shares/share-files-1024/4.share");

    fn blocks() -> Blocks {
        Blocks::new(Segmentation::new(1024, Encoding::new(3, 10).unwrap(), 128).unwrap())
    }

    /// Every field of this share, and the bytes it may lie in.
    fn fields() -> Vec<(ShareField, Vec<Range<u64>>)> {
        let blocks = blocks();
        let (layout, cut) = (blocks.layout(), blocks.cut());
        let block = |segment| layout.block_range(cut, segment);
        let (crypttext, hashes) = (layout.crypttext_tree_offset(), layout.block_tree_offset());
        let extension = layout.uri_extension_offset() + 4;
        vec![
            (ShareField::Version, one(0..4)),
            (ShareField::Offsets, vec![12..16, 24..28, 32..36]),
            (ShareField::Block(0), vec![block(0)]),
            (ShareField::Block(7), vec![block(7)]),
            (ShareField::Data, (0..8).map(block).collect()),
            (ShareField::CrypttextHash(0), one(crypttext..crypttext + 32)),
            (ShareField::CrypttextHash(14), one(crypttext + 448..crypttext + 480)),
            (ShareField::BlockHash(14), one(hashes + 448..hashes + 480)),
            (ShareField::ShareHashes, vec![layout.chain_range()]),
            (ShareField::UriExtension, one(extension..SHARE.len() as u64)),
        ]
    }

    #[test]
    fn each_field_is_damaged_by_one_bit_in_each_of_its_parts_and_twice_is_never() {
        assert_eq!(blocks().cut().segments(), 8);
        for (field, parts) in fields() {
            for seed in 0..50 {
                let mut rng = Seed::root(seed).rng();
                let damage = Damage::draw(3, field, &blocks(), SHARE.len() as u64, &mut rng);
                let mut bytes = SHARE.to_vec();
                damage.apply(&mut bytes);
                for part in &parts {
                    let place = part.start as usize..part.end as usize;
                    let flipped = bytes[place.clone()].iter().zip(&SHARE[place]);
                    let bits: u32 = flipped.map(|(a, b)| (a ^ b).count_ones()).sum();
                    assert_eq!(bits, 1, "{field:?} in {part:?} with seed {seed}");
                    assert_eq!(damage.touched(part), 1);
                }
                let all: u32 = bytes.iter().zip(SHARE).map(|(a, b)| (a ^ b).count_ones()).sum();
                assert_eq!(all as usize, parts.len(), "{field:?}: nothing else");
                assert_eq!(damage.touched(&(0..u64::MAX)), parts.len() as u64);
                damage.apply(&mut bytes);
                assert_eq!(bytes, SHARE);
            }
        }
    }

    #[test]
    fn a_field_that_the_share_does_not_have_is_not_damaged() {
        for field in [ShareField::CrypttextHash(15), ShareField::BlockHash(99), ShareField::Block(8)] {
            let mut rng = Seed::root(1).rng();
            let damage = Damage::draw(0, field, &blocks(), SHARE.len() as u64, &mut rng);
            let mut bytes = SHARE.to_vec();
            damage.apply(&mut bytes);
            assert_eq!(bytes, SHARE, "{field:?}");
            assert!(damage.is_empty(), "{field:?}");
        }
        assert!(Damage::draw(0, ShareField::Block(7), &blocks(), 40, &mut Seed::root(1).rng()).is_empty());
    }
}
