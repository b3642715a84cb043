//! Damage to a mutable share that Tahoe-LAFS wrote: each named field and nothing else, and a forgery.

use lafs::format::hash::block_hash;

use super::super::*;
use crate::oracle::truth::mutable::{Flaw, Signatures, has_private_key, judge};
use crate::oracle::truth::sdmf::Parts;
use crate::oracle::truth::vectors::a_share;
use crate::schedule::OffsetOf;
use crate::seed::Seed;

const NUMBER: ShareNum = ShareNum(2);

fn damage(field: ShareField, content: &[u8], seed: u64) -> Option<(Damage, Bytes)> {
    let content = Bytes::copy_from_slice(content);
    Damage::to_field(3, field, None, NUMBER, &content, &mut Seed::root(seed).rng())
}

fn flaw(stored: &[u8]) -> Option<Flaw> {
    let (_, cap) = a_share();
    judge(stored, NUMBER, &cap.read_cap().verify_cap(), &Signatures::default()).unwrap().flaw
}

/// Every field that single bits damage, where it is in this share, and what is then wrong with the share.
fn fields() -> Vec<(ShareField, Vec<Range<u64>>, Option<Flaw>)> {
    let parts = Parts::of(&a_share().0).unwrap();
    let offset = |of, place: Range<u64>, flaw| (ShareField::Offset(of), one(place), flaw);
    let chain = parts.chain.start;
    vec![
        (ShareField::Version, one(0..1), Some(Flaw::Header)),
        (ShareField::SequenceNumber, one(1..9), Some(Flaw::Signature)),
        (ShareField::RootHash, one(9..41), Some(Flaw::Signature)),
        (ShareField::Salt, one(41..57), Some(Flaw::Signature)),
        (ShareField::Needed, one(57..58), Some(Flaw::Signature)),
        (ShareField::Total, one(58..59), Some(Flaw::Signature)),
        (ShareField::SegmentSize, one(59..67), Some(Flaw::Signature)),
        (ShareField::DataLength, one(67..75), Some(Flaw::Signature)),
        offset(OffsetOf::Signature, 75..79, Some(Flaw::PublicKey)),
        offset(OffsetOf::ShareHashes, 79..83, Some(Flaw::Signature)),
        offset(OffsetOf::BlockHashes, 83..87, Some(Flaw::BlockTree)),
        offset(OffsetOf::Data, 87..91, Some(Flaw::BlockTree)),
        offset(OffsetOf::PrivateKey, 91..99, None),
        offset(OffsetOf::End, 99..107, None),
        (ShareField::PublicKey, one(107..401), Some(Flaw::PublicKey)),
        (ShareField::Signature, one(401..657), Some(Flaw::Signature)),
        (ShareField::ShareHashIndex, one(chain..chain + 2), Some(Flaw::Chain)),
        (ShareField::ShareHashes, one(chain + 2..chain + 34), Some(Flaw::Chain)),
        (ShareField::BlockHash(0), one(parts.block_tree), Some(Flaw::BlockTree)),
        (ShareField::Block(0), one(parts.block.clone()), Some(Flaw::Block)),
        (ShareField::Data, one(parts.block), Some(Flaw::Block)),
        (ShareField::PrivateKey, one(parts.private_key), None),
    ]
}

#[test]
fn each_field_is_damaged_by_one_bit_within_it_and_costs_what_hangs_on_it() {
    let (share, cap) = a_share();
    assert_eq!(flaw(&share), None);
    for (field, places, costs) in fields() {
        for seed in 0..20 {
            let (made, bytes) = damage(field, &share, seed).unwrap();
            let flipped: Vec<u64> =
                (0..share.len()).filter(|at| share[*at] != bytes[*at]).map(|at| at as u64).collect();
            assert_eq!(flipped.len(), places.len(), "{field:?} with seed {seed}");
            assert!(
                flipped.iter().zip(&places).all(|(at, place)| place.contains(at)),
                "{field:?}: {flipped:?}"
            );
            let bits: u32 = bytes.iter().zip(&share).map(|(a, b)| (a ^ b).count_ones()).sum();
            assert_eq!(bits as usize, places.len(), "{field:?}");
            assert_eq!(made.touched(&(0..u64::MAX)), places.len() as u64);
            assert!(!made.is_unreadable() && !made.is_listed_wrongly() && !made.is_empty());
            let found = flaw(&bytes);
            // Which of two hashes that do not agree is the wrong one cannot always be told.
            let told = found == costs || costs == Some(Flaw::BlockTree) && found == Some(Flaw::Chain);
            assert!(told, "{field:?} with seed {seed}: {found:?}");
            if costs.is_none() {
                assert!(!has_private_key(&bytes, &cap.key), "{field:?} costs the key");
            }
        }
    }
}

#[test]
fn all_offsets_are_damaged_one_bit_each() {
    let (share, _) = a_share();
    let (made, bytes) = damage(ShareField::Offsets, &share, 1).unwrap();
    assert_eq!(made.touched(&(75..107)), 6);
    assert_eq!(bytes[..75], share[..75]);
    assert_eq!(bytes[107..], share[107..]);
}

#[test]
fn what_only_immutable_shares_have_is_not_damaged_and_neither_is_what_is_cut_off() {
    let (share, _) = a_share();
    let absent = [
        ShareField::UriExtension,
        ShareField::CrypttextHash(0),
        ShareField::Block(1),
        ShareField::BlockHash(1),
    ];
    for field in absent {
        assert_eq!(damage(field, &share, 1), None, "{field:?}");
    }
    assert_eq!(damage(ShareField::Version, &share[..106], 1), None, "there is no header");
    let parts = Parts::of(&share).unwrap();
    let before = |at: u64| &share[..at as usize];
    assert_eq!(damage(ShareField::Signature, before(parts.signature.start), 1), None);
    assert_eq!(damage(ShareField::PrivateKey, before(parts.private_key.start), 1), None);
    assert_eq!(damage(ShareField::ForgedTree, before(parts.block.end - 1), 1), None);
}

#[test]
fn a_forged_share_agrees_with_itself_and_not_with_what_was_signed() {
    let (share, _) = a_share();
    let parts = Parts::of(&share).unwrap();
    let place = |range: &Range<u64>| range.start as usize..range.end as usize;
    for seed in 0..20 {
        let (made, bytes) = damage(ShareField::ForgedTree, &share, seed).unwrap();
        assert_eq!(made.touched(&parts.block), 1);
        assert_eq!(block_hash(&bytes[place(&parts.block)]).0, bytes[place(&parts.block_tree)]);
        let outside = made.touched(&(0..parts.block_tree.start)) + made.touched(&(parts.block.end..u64::MAX));
        assert_eq!(outside, 0);
        assert_eq!(flaw(&bytes), Some(Flaw::Chain));
    }
}

#[test]
fn no_cut_and_no_header_makes_damage_panic() {
    let (share, _) = a_share();
    let mut wild = share.clone();
    wild[75..107].fill(0xff);
    for (field, ..) in fields().into_iter().chain([(ShareField::ForgedTree, Vec::new(), None)]) {
        for length in (0..share.len()).step_by(13) {
            drop(damage(field, &share[..length], 1));
            drop(damage(field, &wild[..length], 1));
        }
    }
}
