//! Damage to stored shares: which bytes of a share a named field is, one flipped bit in it, and other bytes altogether.
//!
//! Positions in immutable shares follow from the parameters of the file, not from the header of the share, which may
//! itself be damaged already.

mod mutable;

use std::ops::Range;

use bytes::Bytes;
use lafs::format::ShareNum;
use lafs::format::share::UriExtension;
use lafs::format::share::layout::segment_tree;
use rand_chacha::ChaCha8Rng;
use rand_core::Rng;

use super::forge::{forge, forge_mutable};
use crate::oracle::truth::Blocks;
use crate::schedule::ShareField;

/// What a fault did to one stored share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The fault that did it.
    pub fault: usize,
    change: Change,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Change {
    /// Flipped bits: offset and mask of each.
    Flips(Vec<(u64, u8)>),
    /// The server lists the share and cannot read it.
    Unreadable,
    /// Other content; none is no share at all.
    Replaced { before: Option<Bytes>, after: Option<Bytes> },
}

impl Damage {
    /// Damages `field` of a share, and says what the share is then. None if it has no such field. `blocks` say where
    /// things are in an immutable share; a mutable one says so itself.
    pub fn to_field(
        fault: usize,
        field: ShareField,
        blocks: Option<&Blocks>,
        share: ShareNum,
        content: &Bytes,
        rng: &mut ChaCha8Rng,
    ) -> Option<(Self, Bytes)> {
        if field == ShareField::Container {
            return Some((Self { fault, change: Change::Unreadable }, content.clone()));
        }
        if field == ShareField::ForgedTree {
            let after = match blocks {
                Some(blocks) => forge(content, share, blocks, rng),
                None => forge_mutable(content, rng),
            }?;
            return Some((Self::replaced(fault, Some(content.clone()), Some(after.clone())), after));
        }
        let parts = blocks.map_or_else(|| mutable::parts(field, content), |blocks| parts(field, blocks));
        let flips = flips(parts, content.len() as u64, rng);
        let mut after = content.to_vec();
        for (offset, mask) in &flips {
            *after.get_mut(usize::try_from(*offset).ok()?)? ^= mask;
        }
        let damage = Self { fault, change: Change::Flips(flips) };
        (!damage.is_empty()).then(|| (damage, after.into()))
    }

    /// A share is another one than before, or appears, or is gone.
    pub fn replaced(fault: usize, before: Option<Bytes>, after: Option<Bytes>) -> Self {
        Self { fault, change: Change::Replaced { before, after } }
    }

    /// How many bytes in `range` of the share differ from what they would be without the damage.
    pub fn touched(&self, range: &Range<u64>) -> u64 {
        match &self.change {
            Change::Flips(flips) => flips.iter().filter(|(offset, _)| range.contains(offset)).count() as u64,
            Change::Unreadable => 0,
            Change::Replaced { before, after } => {
                let (before, after) = (part(before.as_ref(), range), part(after.as_ref(), range));
                let differing = before.iter().zip(after).filter(|(a, b)| a != b).count();
                (differing + before.len().abs_diff(after.len())) as u64
            }
        }
    }

    /// Whether the server cannot read the share.
    pub fn is_unreadable(&self) -> bool {
        self.change == Change::Unreadable
    }

    /// Whether the share is listed and would not be, or the other way round.
    pub fn is_listed_wrongly(&self) -> bool {
        match &self.change {
            Change::Replaced { before, after } => before.is_some() != after.is_some(),
            Change::Flips(_) | Change::Unreadable => false,
        }
    }

    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        match &self.change {
            Change::Flips(flips) => flips.is_empty(),
            Change::Unreadable => false,
            Change::Replaced { before, after } => before == after,
        }
    }
}

/// The bytes of `content` that lie in `range`.
fn part<'a>(content: Option<&'a Bytes>, range: &Range<u64>) -> &'a [u8] {
    let Some(content) = content else { return &[] };
    let at = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX).min(content.len());
    content.get(at(range.start)..at(range.end)).unwrap_or_default()
}

/// One bit in each of `parts`, as far as the share has it.
fn flips(parts: Vec<Range<u64>>, share_bytes: u64, rng: &mut ChaCha8Rng) -> Vec<(u64, u8)> {
    parts
        .into_iter()
        .map(|part| part.start..part.end.min(share_bytes))
        .filter(|part| !part.is_empty())
        .map(|part| (part.start + rng.next_u64() % (part.end - part.start), 1 << (rng.next_u32() % 8)))
        .collect()
}

/// The parts of an immutable share.
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
        // Not a matter of single bits, or not in these shares.
        ShareField::Container
        | ShareField::ForgedTree
        | ShareField::SequenceNumber
        | ShareField::RootHash
        | ShareField::Salt
        | ShareField::Needed
        | ShareField::Total
        | ShareField::SegmentSize
        | ShareField::DataLength
        | ShareField::Offset(_)
        | ShareField::PublicKey
        | ShareField::Signature
        | ShareField::ShareHashIndex
        | ShareField::PrivateKey => Vec::new(),
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
mod tests;
