//! Layouts, chains and URI extension blocks: round trips, and bytes of strangers.

use proptest::prelude::*;

use super::*;
use crate::crypto::Key;
use crate::erasure::Segmentation;
use crate::format::cap::ReadCap;
use crate::format::hash::{Digest, block_hash, netstring, uri_extension_hash};
use crate::format::merkle::Tree;
use crate::format::share::layout::{HEADER_BYTES_MAX, OFFSET_MAX};
use crate::format::share::uri_extension::{Field, UEB_BYTES_MAX};
use crate::format::{Encoding, ShareNum};

fn cut(size: u64, k: u64, n: u64, max: u64) -> Segmentation {
    Segmentation::new(size, Encoding::new(k, n).unwrap(), max).unwrap()
}

fn any_cut() -> impl Strategy<Value = Segmentation> {
    ((1u64..=256).prop_flat_map(|n| (1..=n, Just(n))), 1u64..100_000, 100u64..200_000)
        .prop_map(|((k, n), size, max)| cut(size, k, n, max))
}

fn cap_for(cut: Segmentation, ueb: &[u8]) -> ReadCap {
    let ueb_hash = uri_extension_hash(ueb);
    ReadCap { key: Key([0; 16]), ueb_hash, encoding: cut.encoding(), size: cut.size() }
}

fn block(cut: Segmentation) -> UriExtension {
    UriExtension {
        segmentation: cut,
        crypttext_hash: Some(Digest([1; 32])),
        crypttext_root_hash: Digest([2; 32]),
        share_root_hash: Digest([3; 32]),
    }
}

/// The three fields that readers need, for a file of 100 bytes, 3-of-10.
fn minimal() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("share_root_hash", vec![3; 32]),
        ("segment_size", b"102".to_vec()),
        ("crypttext_root_hash", vec![2; 32]),
    ]
}

fn parse(fields: &[(&str, Vec<u8>)]) -> Result<UriExtension, UriExtensionError> {
    let bytes: Vec<u8> =
        fields.iter().flat_map(|(name, value)| [name.as_bytes(), b":", &netstring(value)].concat()).collect();
    UriExtension::parse(&bytes, &cap_for(cut(100, 3, 10, 1 << 20), &bytes))
}

#[test]
fn three_fields_are_enough_in_any_order_and_unknown_ones_are_ignored() {
    let mut fields = minimal();
    fields.insert(1, ("plaintext_hash", vec![9; 32]));
    fields.push(("plaintext_hash", b"again".to_vec()));
    let parsed = parse(&fields).unwrap();
    assert_eq!(parsed, UriExtension { crypttext_hash: None, ..block(cut(100, 3, 10, 1 << 20)) });
}

#[test]
fn each_needed_field_is_missed() {
    for index in 0..3 {
        let mut fields = minimal();
        fields.remove(index);
        assert!(matches!(parse(&fields), Err(UriExtensionError::Missing(_))));
    }
}

#[test]
fn a_field_that_disagrees_is_refused() {
    let wrong = [
        ("needed_shares", "4", Field::NeededShares),
        ("total_shares", "11", Field::TotalShares),
        ("size", "101", Field::Size),
        ("num_segments", "2", Field::NumSegments),
        ("codec_name", "xor", Field::CodecName),
        ("codec_params", "102-3-11", Field::CodecParams),
        ("tail_codec_params", "99-3-10", Field::TailCodecParams),
    ];
    for (name, value, field) in wrong {
        let mut fields = minimal();
        fields.push((name, value.into()));
        assert_eq!(parse(&fields), Err(UriExtensionError::Contradiction(field)));
    }
}

#[test]
fn a_segment_size_that_cannot_be_is_refused() {
    for (value, malformed) in [("0", false), ("103", false), ("", true), ("+102", true), ("x", true)] {
        let mut fields = minimal();
        fields[1].1 = value.into();
        let error = parse(&fields).unwrap_err();
        assert_eq!(error == UriExtensionError::BadValue(Field::SegmentSize), malformed, "{value}");
        assert_eq!(matches!(error, UriExtensionError::Segmentation(_)), !malformed, "{value}");
    }
}

#[test]
fn a_known_field_may_not_be_there_twice() {
    let mut fields = minimal();
    fields.push(("segment_size", b"102".to_vec()));
    assert_eq!(parse(&fields), Err(UriExtensionError::Duplicate(Field::SegmentSize)));
}

#[test]
fn a_short_hash_is_refused() {
    let mut fields = minimal();
    fields[0].1.pop();
    assert_eq!(parse(&fields), Err(UriExtensionError::BadValue(Field::ShareRootHash)));
}

#[test]
fn a_block_of_another_capability_is_refused_before_it_is_read() {
    let file = cut(100, 3, 10, 1 << 20);
    let bytes = block(file).to_bytes();
    let cap = cap_for(file, &bytes);
    assert_eq!(UriExtension::parse(&bytes, &cap), Ok(block(file)));
    assert_eq!(UriExtension::parse_verify(&bytes, &cap.verify_cap()), Ok(block(file)));
    assert_eq!(UriExtension::parse(&bytes[1..], &cap), Err(UriExtensionError::WrongHash));
    let long = vec![b'x'; UEB_BYTES_MAX + 1];
    assert_eq!(UriExtension::parse(&long, &cap), Err(UriExtensionError::TooLong(2000)));
}

#[test]
fn netstrings_that_lie_are_refused() {
    for bytes in
        ["a", "a:", "a:1", "a:1:", "a:1:b", "a:2:b,", "a:1:b;", "a:-1:b,", "a:99999999999999999999:b,"]
    {
        let cap = cap_for(cut(100, 3, 10, 1 << 20), bytes.as_bytes());
        assert_eq!(UriExtension::parse(bytes.as_bytes(), &cap), Err(UriExtensionError::Malformed), "{bytes}");
    }
}

#[test]
fn chains_come_in_the_order_of_tahoe() {
    let order = |n, s| chain::node_numbers(Encoding::new(1, n).unwrap(), ShareNum(s)).unwrap();
    assert_eq!(order(10, 0), [2, 4, 8, 15, 16]);
    assert_eq!(order(5, 2), [2, 9, 10, 3]);
    assert_eq!(order(20, 0), [32, 2, 4, 8, 16, 31]);
    assert_eq!(order(1, 0), [0]);
    assert!(chain::node_numbers(Encoding::new(1, 5).unwrap(), ShareNum(5)).is_err());
}

fn roots(n: u64) -> Vec<Digest> {
    (0..n).map(|i| block_hash(&i.to_be_bytes())).collect()
}

#[test]
fn a_chain_needs_nothing_when_the_only_share_is_the_root() {
    let encoding = Encoding::new(1, 1).unwrap();
    let chain = ShareHashChain::parse(&[]).unwrap();
    assert_eq!(chain.verify(encoding, ShareNum(0), &Digest([5; 32])), Ok(Digest([5; 32])));
    assert_eq!(
        chain.verify(encoding, ShareNum(1), &Digest([5; 32])),
        Err(ChainError::NoSuchShare(ShareNum(1)))
    );
}

#[test]
fn a_chain_with_a_node_outside_the_tree_or_two_minds_is_refused() {
    let encoding = Encoding::new(2, 5).unwrap();
    let tree = Tree::from_leaves(&roots(5));
    let good = ShareHashChain::of(&tree, encoding, ShareNum(2)).unwrap().to_bytes();
    let verify = |bytes: &[u8]| {
        ShareHashChain::parse(bytes).and_then(|chain| chain.verify(encoding, ShareNum(2), &tree.root()))
    };
    assert_eq!(verify(&good), Ok(roots(5)[2]));
    let outside = [&good[..], &[0, 15], &[0; 32]].concat();
    assert_eq!(verify(&outside), Err(ChainError::Node(15)));
    let twice = [&good[..], &[0, 9], &[0; 32]].concat();
    assert_eq!(verify(&twice), Err(ChainError::Node(9)));
    let harmless = [&good[..], &good[..34]].concat();
    assert_eq!(verify(&harmless), Ok(roots(5)[2]));
    assert_eq!(verify(&good[34..]), Err(ChainError::Missing(2)));
    assert_eq!(verify(&good[1..]), Err(ChainError::Length(135)));
    let mut wrong = good;
    wrong[33] ^= 1;
    assert_eq!(verify(&wrong), Err(ChainError::Mismatch));
}

#[test]
fn the_edge_between_the_versions() {
    let of = |size| Layout::for_upload(cut(size, 1, 1, 1 << 20)).version();
    assert_eq!(of(4_294_180_889), LayoutVersion::V1);
    assert_eq!(of(4_294_180_890), LayoutVersion::V2);
}

#[test]
fn the_size_of_a_share_is_known_in_advance() {
    let cut = cut(1_000_000, 3, 10, 1 << 20);
    assert_eq!(UriExtension::serialised_len(cut), 330);
    assert_eq!(Layout::for_upload(cut).share_size(cut), 333_970);
}

#[test]
fn sections_out_of_order_are_refused() {
    let good = Layout::for_upload(cut(1000, 3, 10, 1 << 20)).header();
    assert!(Layout::parse(&good).is_ok());
    for (at, value, what) in [
        (0, 3, "version"),
        (12, 35, "data inside the header"),
        (20, 0, "crypttext tree before the data"),
        (24, 0, "block tree before the crypttext tree"),
        (28, 0x7fff_ffff, "chain after the uri extension"),
        (32, 0x7fff_ffff, "chain of no whole number of entries"),
    ] {
        let mut bad = good.clone();
        bad[at..at + 4].copy_from_slice(&u32::to_be_bytes(value));
        assert!(Layout::parse(&bad).is_err(), "{what}");
    }
    for len in 0..good.len() {
        assert!(matches!(Layout::parse(&good[..len]), Err(LayoutError::TooShort { .. })));
    }
}

#[test]
fn a_share_too_small_for_the_file_is_noticed() {
    let layout = Layout::for_upload(cut(1000, 3, 10, 1 << 20));
    assert_eq!(layout.check_room(cut(1000, 3, 10, 1 << 20)), Ok(()));
    assert!(layout.check_room(cut(10_000, 3, 10, 1 << 20)).is_err());
    assert!(layout.check_room(cut(1000, 3, 10, 100)).is_err());
}

#[test]
fn trailers_need_every_block_of_every_share() {
    let cut = cut(100, 1, 2, 60);
    let layout = Layout::for_upload(cut);
    let mut hashes = ShareHashes::new(cut);
    hashes.segment(&[0; 60]);
    assert_eq!(hashes.clone().finish(layout).unwrap_err(), HashesError::Segments { expected: 2, found: 1 });
    hashes.segment(&[0; 40]);
    let share = ShareNum(1);
    for block in [[0; 60].as_slice(), &[0; 40]] {
        hashes.block(ShareNum(0), block).unwrap();
        assert!(matches!(hashes.clone().finish(layout), Err(HashesError::Blocks { .. })));
        hashes.block(share, block).unwrap();
    }
    assert_eq!(hashes.block(ShareNum(2), &[]), Err(HashesError::NoSuchShare(ShareNum(2))));
    let trailers = hashes.finish(layout).unwrap();
    assert_eq!(
        trailers.parts(share).unwrap().iter().map(|part| part.len() as u64).sum::<u64>(),
        layout.trailer_size(cut)
    );
    assert!(trailers.parts(ShareNum(2)).is_err());
}

proptest! {
    #[test]
    fn a_layout_survives(cut in any_cut(), wide: bool) {
        let layout = if wide { Layout::of_version(cut, LayoutVersion::V2) } else { Layout::for_upload(cut) };
        let mut header = layout.header();
        prop_assert_eq!(header.len() as u64, layout.version().header_bytes());
        prop_assert_eq!(Layout::parse(&header), Ok(layout));
        prop_assert_eq!(layout.check_room(cut), Ok(()));
        header.extend([0xff; 50]);
        prop_assert_eq!(Layout::parse(&header), Ok(layout));
    }

    #[test]
    fn a_uri_extension_block_survives_and_has_the_length_foretold(cut in any_cut()) {
        let bytes = block(cut).to_bytes();
        prop_assert_eq!(bytes.len() as u64, UriExtension::serialised_len(cut));
        prop_assert_eq!(UriExtension::parse(&bytes, &cap_for(cut, &bytes)), Ok(block(cut)));
    }

    #[test]
    fn a_chain_survives_and_proves_its_share_only(n in 1u64..=256, pick: prop::sample::Index) {
        let encoding = Encoding::new(1, n).unwrap();
        let roots = roots(n);
        let tree = Tree::from_leaves(&roots);
        let index = pick.index(roots.len());
        let share = ShareNum(u8::try_from(index).unwrap());
        let chain = ShareHashChain::of(&tree, encoding, share).unwrap();
        prop_assert_eq!(ShareHashChain::parse(&chain.to_bytes()), Ok(chain.clone()));
        prop_assert_eq!(chain.verify(encoding, share, &tree.root()), Ok(roots[index]));
        if n > 1 {
            prop_assert!(chain.verify(encoding, share, &Digest([0; 32])).is_err());
        }
    }

    #[test]
    fn strange_headers_do_not_panic_nor_reach_far(
        version in prop_oneof![Just(1u32), Just(2), any::<u32>()],
        rest in prop::collection::vec(prop_oneof![0..=3u8, any::<u8>()], 0..80),
        length in prop::collection::vec(any::<u8>(), 0..10),
        cut in any_cut(),
    ) {
        let bytes = [&version.to_be_bytes()[..], &rest].concat();
        if let Ok(layout) = Layout::parse(&bytes) {
            prop_assert!(layout.uri_extension_guess().end < 2 * OFFSET_MAX);
            let _ = layout.check_room(cut);
            prop_assert!(!layout.block_range(cut, 0).is_empty());
            if let Ok(range) = layout.uri_extension_range(&length) {
                prop_assert!(range.end - range.start <= UEB_BYTES_MAX as u64);
            }
        }
    }

    #[test]
    fn strange_numbers_in_good_headers_do_not_panic(
        cut in any_cut(), wide: bool, at in 4..HEADER_BYTES_MAX, with: [u8; 4],
    ) {
        let version = if wide { LayoutVersion::V2 } else { LayoutVersion::V1 };
        let mut header = Layout::of_version(cut, version).header();
        let at = at.min(header.len() - 4);
        header[at..at + 4].copy_from_slice(&with);
        if let Ok(layout) = Layout::parse(&header) {
            prop_assert_eq!(layout.header(), header);
            prop_assert!(layout.chain_range().end <= OFFSET_MAX);
        }
    }

    #[test]
    fn strange_chains_do_not_panic(
        bytes: Vec<u8>,
        entries in prop::collection::vec((0u16..40, any::<[u8; 32]>()), 0..20),
        n in 2u64..20, share: u8,
    ) {
        let entries: Vec<u8> =
            entries.iter().flat_map(|(node, hash)| node.to_be_bytes().into_iter().chain(*hash)).collect();
        for bytes in [bytes, entries] {
            if let Ok(chain) = ShareHashChain::parse(&bytes) {
                prop_assert_eq!(chain.to_bytes(), bytes);
                let encoding = Encoding::new(1, n).unwrap();
                prop_assert!(chain.verify(encoding, ShareNum(share), &Digest([0; 32])).is_err());
            }
        }
    }

    #[test]
    fn strange_uri_extension_blocks_do_not_panic(
        pieces in prop::collection::vec(
            prop_oneof!["[a-z_]{0,12}:", "[0-9]{1,3}:", Just("segment_size:3:102,".to_owned()), ".{0,9},"],
            0..20,
        ),
        raw: Vec<u8>,
        cut in any_cut(),
    ) {
        for bytes in [pieces.concat().into_bytes(), raw] {
            prop_assert!(UriExtension::parse(&bytes, &cap_for(cut, &bytes)).is_err());
        }
    }
}
