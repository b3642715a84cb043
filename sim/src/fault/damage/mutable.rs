//! Which bytes of an SDMF share a named field is.
//!
//! As its header says: the public key and the chain have no fixed length. What is damaged after the header lies where a
//! reader of that header would look for it.

use std::ops::Range;

use super::one;
use crate::oracle::truth::sdmf::Parts;
use crate::schedule::{OffsetOf, ShareField};

/// Where the offsets stand in the header, in its order.
const OFFSETS: [(OffsetOf, Range<u64>); 6] = [
    (OffsetOf::Signature, 75..79),
    (OffsetOf::ShareHashes, 79..83),
    (OffsetOf::BlockHashes, 83..87),
    (OffsetOf::Data, 87..91),
    (OffsetOf::PrivateKey, 91..99),
    (OffsetOf::End, 99..107),
];

/// The parts of `field`; none where the share has no such field.
pub(super) fn parts(field: ShareField, share: &[u8]) -> Vec<Range<u64>> {
    let Some(parts) = Parts::of(share) else { return Vec::new() };
    let chain = parts.chain.start;
    let within_chain = |from: u64, to: u64| one(chain + from..parts.chain.end.min(chain + to));
    match field {
        ShareField::Version => one(0..1),
        ShareField::SequenceNumber => one(1..9),
        ShareField::RootHash => one(9..41),
        ShareField::Salt => one(41..57),
        ShareField::Needed => one(57..58),
        ShareField::Total => one(58..59),
        ShareField::SegmentSize => one(59..67),
        ShareField::DataLength => one(67..75),
        ShareField::Offset(of) => {
            OFFSETS.into_iter().filter(|(known, _)| *known == of).map(|(_, range)| range).collect()
        }
        ShareField::Offsets => OFFSETS.into_iter().map(|(_, range)| range).collect(),
        ShareField::PublicKey => one(parts.public_key),
        ShareField::Signature => one(parts.signature),
        ShareField::ShareHashIndex => within_chain(0, 2),
        // The hash of the first entry, as in immutable shares.
        ShareField::ShareHashes => within_chain(2, 34),
        ShareField::BlockHash(0) => one(parts.block_tree),
        ShareField::Block(0) | ShareField::Data => one(parts.block),
        ShareField::PrivateKey => one(parts.private_key),
        // There is one block and one node over it; the rest is not a matter of single bits, or not in these shares.
        ShareField::Block(_)
        | ShareField::BlockHash(_)
        | ShareField::CrypttextHash(_)
        | ShareField::UriExtension
        | ShareField::Container
        | ShareField::ForgedTree => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
