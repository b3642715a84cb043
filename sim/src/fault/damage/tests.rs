//! Damage to a share that Tahoe-LAFS wrote: each named field, and shares that are others altogether.

use lafs::erasure::Segmentation;
use lafs::format::Encoding;
use lafs::format::cap::{Cap, ReadCap};
use lafs::format::merkle::Shape;
use lafs::format::share::layout::segment_tree;
use lafs::format::share::{Layout, ShareHashChain, UriExtension};

use super::*;
use crate::oracle::truth::quality;
use crate::seed::Seed;

const CAP: &str =
    "URI:CHK:kie5jtc32x3jbedbo4judzb6eq:rxoawy7i6wile7ahgyvon2haoumaroh3hgpiue3iep4kstz2d3aa:3:10:1024";
const SHARE: &[u8] = include_bytes!("../../../../tests/vectors/immutable/shares/share-files-1024/4.share");
const NUMBER: ShareNum = ShareNum(4);

fn blocks() -> Blocks {
    Blocks::new(Segmentation::new(1024, Encoding::new(3, 10).unwrap(), 128).unwrap())
}

fn cap() -> ReadCap {
    match CAP.parse() {
        Ok(Cap::Chk(cap)) => cap,
        other => panic!("{other:?}"),
    }
}

fn damage(field: ShareField, content: &[u8], seed: u64) -> Option<(Damage, Bytes)> {
    let content = Bytes::copy_from_slice(content);
    Damage::to_field(3, field, Some(&blocks()), NUMBER, &content, &mut Seed::root(seed).rng())
}

/// Every field of this share that single bits damage, and the bytes it may lie in.
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
            let (made, bytes) = damage(field, SHARE, seed).unwrap();
            for part in &parts {
                let place = part.start as usize..part.end as usize;
                let flipped = bytes[place.clone()].iter().zip(&SHARE[place]);
                let bits: u32 = flipped.map(|(a, b)| (a ^ b).count_ones()).sum();
                assert_eq!(bits, 1, "{field:?} in {part:?} with seed {seed}");
                assert_eq!(made.touched(part), 1);
            }
            let all: u32 = bytes.iter().zip(SHARE).map(|(a, b)| (a ^ b).count_ones()).sum();
            assert_eq!(all as usize, parts.len(), "{field:?}: nothing else");
            assert_eq!(made.touched(&(0..u64::MAX)), parts.len() as u64);
            assert!(!made.is_unreadable() && !made.is_listed_wrongly());
            assert_eq!(damage(field, &bytes, seed).unwrap().1, SHARE);
        }
    }
}

#[test]
fn a_field_that_the_share_does_not_have_is_not_damaged() {
    for field in [ShareField::CrypttextHash(15), ShareField::BlockHash(99), ShareField::Block(8)] {
        assert_eq!(damage(field, SHARE, 1), None, "{field:?}");
    }
    assert_eq!(damage(ShareField::Block(7), &SHARE[..40], 1), None);
    assert_eq!(damage(ShareField::ForgedTree, &SHARE[..400], 1), None);
}

#[test]
fn a_broken_container_changes_no_byte_and_makes_the_share_unreadable() {
    let (made, bytes) = damage(ShareField::Container, SHARE, 1).unwrap();
    assert_eq!(bytes, SHARE);
    assert!(made.is_unreadable() && !made.is_empty() && !made.is_listed_wrongly());
    assert_eq!(made.touched(&(0..u64::MAX)), 0, "there is nothing to read");
}

#[test]
fn a_forged_share_passes_its_own_trees_and_fails_the_one_over_all_shares() {
    let whole = quality(SHARE, NUMBER, &cap());
    assert!(whole.is_whole());
    for seed in 0..20 {
        let (made, bytes) = damage(ShareField::ForgedTree, SHARE, seed).unwrap();
        assert_eq!(bytes.len(), SHARE.len());
        assert_eq!(quality(&bytes, NUMBER, &cap()).blocks, Vec::<bool>::new(), "it is worth nothing");
        let blocks = blocks();
        let (layout, cut) = (Layout::parse(&bytes).unwrap(), blocks.cut());
        let slice = |range: Range<u64>| &bytes[range.start as usize..range.end as usize];
        let chain = slice(layout.chain_range());
        let leaf = Shape::new(10).unwrap().leaf(4).unwrap() as u16;
        let entry = chain.chunks(34).find(|entry| entry[..2] == leaf.to_be_bytes()).unwrap();
        let root = lafs::format::hash::Digest(entry[2..].try_into().unwrap());
        let tree = segment_tree(cut).unwrap();
        for segment in 0..8 {
            let block = slice(layout.block_range(cut, segment));
            assert_eq!(made.touched(&layout.block_range(cut, segment)), 1);
            let siblings = tree.siblings(segment).unwrap().map(|node| {
                let start = layout.block_tree_offset() + 32 * node;
                lafs::format::hash::Digest(slice(start..start + 32).try_into().unwrap())
            });
            let siblings: Vec<_> = siblings.collect();
            let hash = lafs::format::hash::block_hash(block);
            assert_eq!(tree.verify(segment, hash, &siblings, &root), Ok(()), "its own tree vouches for it");
        }
        let extension = layout.uri_extension_range(slice(layout.uri_extension_length_range())).unwrap();
        let extension = UriExtension::parse(slice(extension), &cap()).unwrap();
        let chain = ShareHashChain::parse(chain).unwrap();
        let tied = |root| chain.verify(cut.encoding(), NUMBER, root);
        assert!(tied(&extension.share_root_hash).is_err(), "the root in the URI extension does not");
    }
}

#[test]
fn a_replaced_share_is_touched_where_it_differs() {
    let before = || Some(Bytes::from_static(b"abcdef"));
    let cut = Damage::replaced(0, before(), Some(Bytes::from_static(b"abc")));
    assert_eq!([cut.touched(&(0..3)), cut.touched(&(2..4)), cut.touched(&(0..99))], [0, 1, 3]);
    let other = Damage::replaced(0, before(), Some(Bytes::from_static(b"abXdeY")));
    assert_eq!([other.touched(&(0..2)), other.touched(&(2..3)), other.touched(&(0..99))], [0, 1, 2]);
    assert!(!cut.is_listed_wrongly() && !cut.is_empty());
    assert!(Damage::replaced(0, before(), before()).is_empty());
}

#[test]
fn a_share_that_is_gone_or_should_not_be_there_is_listed_wrongly() {
    let content = || Some(Bytes::from_static(b"abcdef"));
    for lost in [Damage::replaced(0, content(), None), Damage::replaced(0, None, content())] {
        assert!(lost.is_listed_wrongly());
        assert_eq!(lost.touched(&(4..99)), 2);
    }
}
