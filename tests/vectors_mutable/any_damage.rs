//! Damage of every kind to shares of both formats: no panic, and never another plaintext.

use std::ops::Range;
use std::sync::OnceLock;

use lafs::crypto::rsa::SigningKey;
use lafs::format::mutable::keys::SALT_BYTES;
use lafs::format::mutable::{Header, Layout, MutableChain, ReadKey};
use lafs::format::{Encoding, ShareNum};
use lafs::version::{DecodeError, Decoder, NewVersion, encode_sdmf, open_private_key};
use proptest::prelude::*;

use crate::support::{Unreadable, base64, check, data, decode, key, names, share_num};
use crate::vectors::{self, Fields};

/// A whole share of a file that k = 1 share rebuilds.
struct Sample {
    key: SigningKey,
    share: Vec<u8>,
    plaintext: Vec<u8>,
}

/// A share made here, whatever folder is checked.
fn sample() -> &'static Sample {
    static SAMPLE: OnceLock<Sample> = OnceLock::new();
    SAMPLE.get_or_init(|| {
        let key = a_key().clone();
        let plaintext = vec![b'p'; 300];
        let mut new = version_of(&key, 1, 5);
        new.seqnum = 7;
        let share = encode_sdmf(&new, &plaintext).unwrap().shares[3].to_vec();
        Sample { key, share, plaintext }
    })
}

fn a_key() -> &'static SigningKey {
    static KEY: OnceLock<SigningKey> = OnceLock::new();
    KEY.get_or_init(|| key_of("second"))
}

/// One of our own keys, whatever folder is checked.
fn key_of(name: &str) -> SigningKey {
    let keys: serde_json::Value = serde_json::from_str(include_str!("../vectors/mutable/keys.json")).unwrap();
    SigningKey::from_pkcs8(&base64(&keys[name], "private_pkcs8_der_b64")).unwrap()
}

fn version_of(key: &SigningKey, needed: u64, total: u64) -> NewVersion<'_> {
    let encoding = Encoding::new(needed, total).unwrap();
    NewVersion { key, seqnum: 1, salt: [2; SALT_BYTES], encoding, entropy: [3; 32] }
}

/// Reads a damaged share; what comes out, if anything, must be the plaintext.
fn never_wrong(damaged: &[u8]) -> Result<bool, TestCaseError> {
    let Sample { key, plaintext, .. } = sample();
    let layout = Layout::parse(damaged);
    if let Ok(stored) = layout.and_then(|layout| layout.private_key())
        && let Ok(range) = usize::try_from(stored.start).and_then(|s| Ok(s..usize::try_from(stored.end)?))
        && let Some(stored) = damaged.get(range)
        && let Ok(opened) = open_private_key(&key.write_key(), stored)
    {
        prop_assert_eq!(opened.pkcs8(), key.pkcs8());
    }
    let Ok(good) = check(damaged, ShareNum(3), key.fingerprint()) else { return Ok(false) };
    prop_assert_eq!(&decode(&[(ShareNum(3), good)], &key.write_key().read_key()), plaintext);
    Ok(true)
}

#[test]
fn every_single_byte_that_is_damaged_is_noticed_or_harmless() {
    let share = &sample().share;
    assert!(never_wrong(share).unwrap());
    let mut harmless = 0;
    for at in 0..share.len() {
        let mut damaged = share.clone();
        damaged[at] ^= 0x55;
        harmless += usize::from(never_wrong(&damaged).unwrap());
    }
    // The private key and what says where it lies and where the share ends: nothing else.
    assert_eq!(harmless, sample().key.pkcs8().len() + 16);
}

#[test]
fn a_share_under_another_number_is_none() {
    let Sample { share, key, .. } = sample();
    for number in (0..=u8::MAX).filter(|number| *number != 3) {
        check(share, ShareNum(number), key.fingerprint()).unwrap_err();
    }
}

#[test]
fn a_share_that_another_key_signed_is_none() {
    let (ours, theirs) = (a_key(), key_of("file"));
    let share = &encode_sdmf(&version_of(&theirs, 1, 5), b"theirs").unwrap().shares[3];
    check(share, ShareNum(3), theirs.fingerprint()).unwrap();
    let error = check(share, ShareNum(3), ours.fingerprint()).unwrap_err();
    assert_eq!(error, Unreadable::Head("the public key does not match the fingerprint".to_owned()));
}

#[test]
fn damaged_mdmf_shares_are_noticed() {
    let mut damages = 0;
    for file in names("mdmf-").iter().filter_map(|name| data(name)) {
        let print = key(file.text("key")).fingerprint();
        for version in file.list("versions") {
            let whole = version.list("shares").iter().find(|share| share.get("share_b64").is_some()).unwrap();
            let number = share_num(whole.number("shnum"));
            let share = base64(whole, "share_b64");
            let good = check(&share, number, print).unwrap();
            let vital = vital(&good.layout);
            for at in (0..share.len()).step_by(share.len() / 400) {
                let mut damaged = share.clone();
                damaged[at] ^= 0x55;
                match check(&damaged, number, print) {
                    Ok(read) => {
                        assert_eq!(read.blocks, good.blocks);
                        assert!(!vital.iter().any(|range| range.contains(&(at as u64))), "byte {at}");
                    }
                    Err(_) => damages += 1,
                }
            }
        }
    }
    assert!(damages > 0 || !vectors::are_our_own());
}

/// The parts of an MDMF share of which a reader needs every byte.
fn vital(layout: &Layout) -> Vec<Range<u64>> {
    let header = layout.header();
    let [public_key, signature] = [layout.public_key(), layout.signature()].map(Result::unwrap);
    let (chain, tree) = (layout.chain().unwrap(), layout.block_tree().unwrap());
    let leaves = tree.start + header.block_tree().unwrap().first_leaf() * 32..tree.end;
    let blocks = (0..header.segments()).map(|segment| layout.block(segment).unwrap());
    [0..header.signed_prefix().len() as u64, public_key, signature, chain, leaves]
        .into_iter()
        .chain(blocks)
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn overwriting_cutting_and_growing_never_give_another_plaintext(
        at in 0usize..2200, bytes in proptest::collection::vec(any::<u8>(), 1..40), cut in 0usize..4000,
    ) {
        let mut damaged = sample().share.clone();
        let end = (at + bytes.len()).min(damaged.len());
        if at < end {
            damaged[at..end].copy_from_slice(&bytes[..end - at]);
        }
        never_wrong(&damaged)?;
        damaged.resize(cut, 0);
        never_wrong(&damaged)?;
    }

    #[test]
    fn any_bytes_are_parsed_without_panic(
        version in 0u8..3, bytes in proptest::collection::vec(any::<u8>(), 0..200), fits in 0u8..2, len: u8,
    ) {
        let mut bytes = [&[version][..], &bytes].concat();
        // Bytes drawn alone hardly ever make numbers that fit together: here 1-of-3, and a file of one segment.
        let at = if version == 0 { 57 } else { 41 };
        if let Some(numbers) = bytes.get_mut(at..at + 18).filter(|_| fits == 1) {
            numbers.copy_from_slice(&[1, 3, 0, 0, 0, 0, 0, 0, 0, len, 0, 0, 0, 0, 0, 0, 0, len]);
        }
        if let Ok(header) = Header::parse(&bytes) {
            prop_assert_eq!(&header.signed_prefix()[..], &bytes[..header.signed_prefix().len()]);
            prop_assert!(header.signed_prefix().starts_with(&header.checkstring()));
            let last = header.segments().saturating_sub(1);
            prop_assert!(header.block_len(last) <= header.segment_size());
        }
        if let Ok(layout) = Layout::parse(&bytes) {
            let ranges = [layout.public_key(), layout.signature(), layout.chain(), layout.block_tree()];
            for range in ranges.into_iter().chain([layout.private_key(), layout.block(0)]).flatten() {
                prop_assert!(range.start <= range.end && range.end <= 1 << 62);
            }
            let _ = (layout.block(u64::MAX), layout.head_bytes(), layout.proof_bytes(), layout.end());
            prop_assert_eq!(&layout.to_bytes()[..], &bytes[..layout.to_bytes().len()]);
        }
        let _ = MutableChain::parse(&bytes);
    }

    #[test]
    fn any_k_shares_give_the_plaintext_back(
        total in 1u64..20, needed in 1u64..20, plaintext in proptest::collection::vec(any::<u8>(), 0..200), skip in 0usize..20,
    ) {
        let needed = needed.min(total);
        let key = a_key();
        let encoded = encode_sdmf(&version_of(key, needed, total), &plaintext).unwrap();
        prop_assert_eq!(encoded.shares.len() as u64, total);
        let mut good = Vec::new();
        for number in encoded.header.encoding().shares() {
            good.push((number, check(&encoded.shares[usize::from(number.0)], number, key.fingerprint()).unwrap()));
        }
        let len = good.len();
        good.rotate_left(skip % len);
        good.truncate(usize::try_from(needed).unwrap());
        prop_assert_eq!(decode(&good, &key.write_key().read_key()), plaintext);
    }
}

#[test]
fn segments_are_not_made_of_too_few_blocks_or_of_other_lengths() {
    let encoded = encode_sdmf(&version_of(a_key(), 2, 3), &[1; 10]).unwrap();
    let decoder = Decoder::new(&encoded.header, &ReadKey([0; 16]));
    let (short, block): (&[u8], &[u8]) = (&[0; 4], &[0; 5]);
    assert!(matches!(decoder.segment(0, &[(ShareNum(0), block)]), Err(DecodeError::Coding(_))));
    assert!(matches!(decoder.segment(0, &[(ShareNum(0), block); 2]), Err(DecodeError::Coding(_))));
    let error = decoder.segment(0, &[(ShareNum(0), block), (ShareNum(1), short)]).unwrap_err();
    assert_eq!(error, DecodeError::Length { segment: 0, expected: 5, found: 4 });
    assert_eq!(decoder.segment(1, &[]).unwrap(), b"");
}
