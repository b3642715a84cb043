//! Shares that Tahoe-LAFS wrote, whole and damaged, and what they are judged to be.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::super::vectors::{a_share, base64, vector, whole_shares, write_cap};
use super::*;

const FILES: [&str; 10] = [
    "sdmf-1-of-1-0",
    "sdmf-1-of-1-1",
    "sdmf-1-of-1-1000",
    "sdmf-1-of-1-200000",
    "sdmf-1-of-1-updates",
    "sdmf-3-of-10-0",
    "sdmf-3-of-10-1",
    "sdmf-3-of-10-1000",
    "sdmf-3-of-10-200000",
    "sdmf-3-of-10-updates",
];

fn judged(stored: &[u8], share: u8, cap: &lafs::format::cap::WriteCap) -> Option<Judgement> {
    judge(stored, ShareNum(share), &cap.read_cap().verify_cap(), &Signatures::default())
}

fn flaw_of(stored: &[u8], share: u8, cap: &lafs::format::cap::WriteCap) -> Option<Flaw> {
    judged(stored, share, cap).unwrap().flaw
}

#[test]
fn every_share_that_was_written_is_good_and_has_the_key_and_k_of_them_say_what_was_written() {
    let (mut shares_seen, mut decoded) = (0, 0);
    for name in FILES {
        let file = vector(name);
        let cap = write_cap(&file);
        let mut ids = BTreeSet::new();
        for (number, version) in file["versions"].as_array().unwrap().iter().enumerate() {
            let shares = whole_shares(version);
            for (share, stored) in &shares {
                let judgement = judged(stored, share.0, &cap).unwrap();
                assert!(judgement.is_good(), "{name}, share {share}: {judgement:?}");
                assert_eq!(judgement.id.seqnum, number as u64 + 1);
                assert!(has_private_key(stored, &cap.key));
                ids.insert(judgement.id);
                shares_seen += 1;
            }
            let needed = judged(&shares[0].1, shares[0].0.0, &cap).unwrap().needed;
            let enough: Vec<_> =
                shares.into_iter().rev().take(needed).map(|(share, bytes)| (share, bytes.into())).collect();
            if enough.len() == needed && version["content_b64"].is_string() {
                let content = decode(&enough, &cap.read_cap()).unwrap();
                assert_eq!(content, base64(version, "content_b64"), "{name}");
                decoded += 1;
            }
        }
        assert_eq!(ids.len(), file["versions"].as_array().unwrap().len(), "{name}: each version is another");
    }
    assert!(shares_seen >= 30 && decoded >= 5, "{shares_seen} shares, {decoded} versions decoded");
}

/// What is wrong with the share of each case.
fn flaw_for(why: &str) -> Option<Option<Flaw>> {
    Some(match why {
        "version byte becomes 2" | "version byte becomes 1 (MDMF)" => Some(Flaw::Header),
        "sequence number"
        | "root hash"
        | "salt"
        | "k"
        | "N"
        | "segment size"
        | "data length"
        | "offset of share hash chain"
        | "signature" => Some(Flaw::Signature),
        "offset of signature" | "public key" => Some(Flaw::PublicKey),
        "offset of block hash tree" | "offset of share data" | "block hash tree" => Some(Flaw::BlockTree),
        "first byte of block" | "last byte of block" | "cut inside the block" => Some(Flaw::Block),
        "offset of encrypted private key"
        | "offset of end"
        | "encrypted private key"
        | "cut just before the encrypted private key"
        | "100 trailing bytes" => None,
        _ => return None,
    })
}

#[test]
fn each_of_26_kinds_of_damage_is_told_and_costs_what_it_costs_a_reader() {
    let file = vector("damage");
    let (cap, share) = (write_cap(&file), base64(&file, "share_b64"));
    let cases = file["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 26);
    for case in cases {
        let why = case["why"].as_str().unwrap();
        let number = |field: &str| usize::try_from(case[field].as_u64().unwrap()).unwrap();
        let mut damaged = share.clone();
        if case["byte_offset"].is_u64() {
            damaged[number("byte_offset")] ^= u8::try_from(number("xor_mask")).unwrap();
        } else {
            damaged.truncate(number("share_length") - number("trailing_zero_bytes"));
            damaged.resize(number("share_length"), 0);
        }
        let judgement = judged(&damaged, 0, &cap);
        let read = case["read_result"].as_str().unwrap();
        assert_eq!(judgement.is_some_and(|judgement| judgement.is_good()), read == "ok", "{why}");
        match judgement {
            Some(judgement) => assert_eq!(Some(judgement.flaw), flaw_for(why), "{why}"),
            None => assert!(matches!(why, "cut to 106 bytes" | "empty"), "{why}"),
        }
        // One byte more or less behind the key: Tahoe-LAFS does not mind.
        if read == "ok" && why != "offset of end" {
            let held = case["mode_write_servermap"]["have_private_key"].as_bool().unwrap();
            assert_eq!(has_private_key(&damaged, &cap.key), held, "{why}");
        }
    }
}

#[test]
fn a_forged_block_tree_is_noticed_by_the_chain() {
    let file = vector("forged-block-tree");
    let cap = write_cap(&file);
    assert_eq!(flaw_of(&base64(&file, "share0_b64"), 0, &cap), None);
    assert_eq!(flaw_of(&base64(&file, "share1_good_b64"), 1, &cap), None);
    assert_eq!(flaw_of(&base64(&file, "share1_forged_b64"), 1, &cap), Some(Flaw::Chain));
}

#[test]
fn a_share_under_another_number_is_not_good_and_one_of_another_file_even_less() {
    let (share, cap) = a_share();
    assert_eq!(flaw_of(&share, 2, &cap), None);
    for other in [0, 1, 3, 9] {
        assert_eq!(flaw_of(&share, other, &cap), Some(Flaw::Chain), "as share {other}");
    }
    assert_eq!(flaw_of(&share, 10, &cap), Some(Flaw::Header), "there is no share 10");
    let stranger: lafs::format::cap::WriteCap = {
        let mut other = cap.clone();
        other.fingerprint.0.0[0] ^= 1;
        other
    };
    assert_eq!(flaw_of(&share, 2, &stranger), Some(Flaw::PublicKey));
}

#[test]
fn shares_of_the_other_format_are_worth_nothing() {
    let file = vector("mdmf-3-of-10-1000");
    let cap = write_cap(&file);
    let shares = whole_shares(&file["versions"][0]);
    assert!(!shares.is_empty());
    for (share, stored) in shares {
        assert_eq!(flaw_of(&stored, share.0, &cap), Some(Flaw::Header));
    }
}

#[test]
fn a_share_that_is_cut_is_good_as_long_as_it_has_its_block_and_never_a_panic() {
    let (share, cap) = a_share();
    let (parts, signatures) = (Parts::of(&share).unwrap(), Signatures::default());
    for length in 0..share.len() {
        let judgement = judge(&share[..length], ShareNum(2), &cap.read_cap().verify_cap(), &signatures);
        let good = judgement.is_some_and(|judgement| judgement.is_good());
        assert_eq!(good, length as u64 >= parts.block.end, "{length} bytes");
        assert!(!has_private_key(&share[..length], &cap.key), "{length} bytes");
        drop(decode(&[(ShareNum(2), Bytes::copy_from_slice(&share[..length]))], &cap.read_cap()));
    }
}

#[test]
fn what_k_and_n_claim_is_not_believed_before_it_is_signed() {
    let (share, cap) = a_share();
    for (needed, total) in [(0, 0), (0, 10), (11, 10), (255, 255)] {
        let mut damaged = share.clone();
        (damaged[57], damaged[58]) = (needed, total);
        assert_eq!(flaw_of(&damaged, 2, &cap), Some(Flaw::Signature));
        assert_eq!(decode(&[(ShareNum(2), damaged.into())], &cap.read_cap()), None);
    }
}

proptest! {
    #[test]
    fn no_header_makes_a_judge_panic(header in proptest::collection::vec((0usize..107, any::<u8>()), 1..8)) {
        let (mut share, cap) = a_share();
        for (at, byte) in header {
            share[at] = byte;
        }
        let judgement = judged(&share, 2, &cap);
        prop_assert!(judgement.is_some());
        has_private_key(&share, &cap.key);
        drop(decode(&[(ShareNum(2), share.into())], &cap.read_cap()));
    }
}

fn stored(seqnum: u64, root: u8, shares: u8) -> StoredVersion {
    let server = BTreeSet::from(["s0".to_owned()]);
    let shares = (0..shares).map(|share| (ShareNum(share), server.clone())).collect();
    let id = VersionId { seqnum, root_hash: Digest([root; 32]) };
    StoredVersion { id, needed: 3, total: 10, bytes: 1, shares }
}

#[test]
fn the_best_version_is_the_newest_that_can_be_read() {
    let old = stored(1, 9, 10);
    let (low, high) = (stored(2, 1, 3), stored(2, 2, 4));
    let unreadable = stored(3, 0, 2);
    assert_eq!(best(&[]), None);
    assert_eq!(best(std::slice::from_ref(&unreadable)), None);
    let all = [old.clone(), low.clone(), high.clone(), unreadable];
    assert_eq!(best(&all), Some(&high));
    assert_eq!(best(&all[..2]), Some(&low));
    assert_eq!(best(&all[..1]), Some(&old));
}
