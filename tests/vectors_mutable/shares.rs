//! Whole shares of both formats: parsed, verified, decoded, and SDMF ones made again.

use lafs::crypto::rsa::{SIGNATURE_BYTES, VerifyingKey};
use lafs::format::ShareNum;
use lafs::format::cap::MutableFormat;
use lafs::format::mutable::{Header, Layout};
use lafs::version::{NewVersion, encode_sdmf, open_private_key};
use serde_json::Value;

use crate::support::{base64, check, content, data, decode, encoding, key, open, share_num};
use crate::vectors::{Fields, hex, sha256};

const SDMF: [&str; 10] = [
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

const MDMF: [&str; 3] = ["mdmf-3-of-10-0", "mdmf-3-of-10-1000", "mdmf-3-of-10-200000"];

fn each(names: &[&str], mut visit: impl FnMut(&Value, &Value)) {
    let mut versions = 0;
    for name in names {
        let Some(file) = data(name) else { continue };
        for version in file.list("versions") {
            visit(&file, version);
            versions += 1;
        }
    }
    assert!(versions > 0 || !crate::vectors::are_our_own());
}

/// The share with zeros where its signature is.
fn unsigned(mut share: Vec<u8>) -> Vec<u8> {
    let range = Layout::parse(&share).unwrap().signature().unwrap();
    share[usize::try_from(range.start).unwrap()..][..SIGNATURE_BYTES].fill(0);
    share
}

#[test]
fn sdmf_shares_come_out_as_tahoe_made_them() {
    let mut made = 0;
    each(&SDMF, |file, version| {
        let key = key(file.text("key"));
        let first = &version.list("shares")[0];
        let new = NewVersion {
            key: &key,
            seqnum: first.number("seqnum"),
            salt: first.hex("salt_hex").try_into().unwrap(),
            encoding: encoding(file),
            entropy: [9; 32],
        };
        let encoded = encode_sdmf(&new, &content(version)).unwrap();
        assert_eq!(encoded.shares.len(), version.list("shares").len());
        for expected in version.list("shares") {
            let share = &encoded.shares[usize::try_from(expected.number("shnum")).unwrap()];
            assert_eq!(share.len() as u64, expected.number("length"));
            assert_eq!(sha256(&unsigned(share.to_vec())), expected.text("sha256_with_signature_zeroed"));
            assert_eq!(hex(encoded.header.checkstring()), expected.text("checkstring_hex"));
            check(share, share_num(expected.number("shnum")), key.fingerprint()).unwrap();
            made += 1;
        }
    });
    assert!(made >= 50 || !crate::vectors::are_our_own());
}

#[test]
fn shares_are_read_and_decode_to_what_was_written() {
    let (mut parsed, mut decoded) = (0, 0);
    each(&[&SDMF[..], &MDMF[..]].concat(), |file, version| {
        let key = key(file.text("key"));
        let read_key = key.write_key().read_key();
        let mut good = Vec::new();
        for expected in version.list("shares").iter().filter(|share| share.get("share_b64").is_some()) {
            let share = base64(expected, "share_b64");
            let number = share_num(expected.number("shnum"));
            let read = check(&share, number, key.fingerprint()).unwrap();
            agrees(&read.layout, expected, file);
            let stored = read.layout.private_key().unwrap();
            let stored = &share[usize::try_from(stored.start).unwrap()..usize::try_from(stored.end).unwrap()];
            assert_eq!(open_private_key(&key.write_key(), stored).unwrap().pkcs8(), key.pkcs8());
            assert_eq!(read.layout.to_bytes(), share[..read.layout.to_bytes().len()]);
            good.push((number, read));
            parsed += 1;
        }
        if good.len() >= encoding(file).needed() {
            good.drain(..good.len() - encoding(file).needed());
            assert_eq!(decode(&good, &read_key), content(version));
            decoded += 1;
        }
    });
    assert!(parsed > 0 && decoded > 0);
}

/// Holds a parsed share against what the vector says of it.
fn agrees(layout: &Layout, expected: &Value, file: &Value) {
    let header = layout.header();
    assert_eq!(header.format() == MutableFormat::Mdmf, file.text("format") == "MDMF");
    assert_eq!(header.seqnum(), expected.number("seqnum"));
    assert_eq!(header.root_hash().to_string(), expected.text("root_hash_hex"));
    assert_eq!(header.encoding(), encoding(file));
    assert_eq!(header.segment_size(), expected.number("segment_size"));
    assert_eq!(header.data_length(), expected.number("data_length"));
    assert_eq!(hex(header.signed_prefix()), expected.text("signed_prefix_hex"));
    assert_eq!(hex(header.checkstring()), expected.text("checkstring_hex"));
    let offsets = &expected["offsets"];
    assert_eq!(layout.signature().unwrap().start, offsets.number("signature"));
    assert_eq!(layout.chain().unwrap().start, offsets.number("share_hash_chain"));
    assert_eq!(layout.block_tree().unwrap().start, offsets.number("block_hash_tree"));
    assert_eq!(layout.private_key().unwrap().start, offsets.number("enc_privkey"));
    assert_eq!(layout.end(), offsets.number("EOF"));
    if header.segments() > 0 {
        assert_eq!(layout.block(0).unwrap().start, offsets.number("share_data"));
    }
}

#[test]
fn every_header_of_a_vector_is_signed() {
    let mut checked = 0;
    each(&[&SDMF[..], &MDMF[..]].concat(), |file, version| {
        let key = VerifyingKey::from_spki(key(file.text("key")).public_der()).unwrap();
        let mut headers = Vec::new();
        for expected in version.list("shares") {
            let prefix = expected.hex("signed_prefix_hex");
            key.verify(&prefix, &base64(expected, "signature_b64")).unwrap();
            headers.push(Header::parse(&prefix).unwrap());
            checked += 1;
        }
        headers.dedup();
        assert_eq!(headers.len(), 1);
    });
    assert!(checked > 0);
}

#[test]
fn later_versions_are_greater() {
    each(&["sdmf-3-of-10-updates", "sdmf-1-of-1-updates"], |file, _| {
        let headers: Vec<Header> = file
            .list("versions")
            .iter()
            .map(|version| Header::parse(&version.list("shares")[0].hex("signed_prefix_hex")).unwrap())
            .collect();
        assert!(headers.is_sorted_by(|a, b| a < b));
    });
}

#[test]
fn a_block_tree_that_was_made_up_does_not_lead_to_the_signed_root() {
    let Some(case) = data("forged-block-tree") else { return };
    let key = key(case.text("key"));
    let print = key.fingerprint();
    let good = [(0, "share0_b64"), (1, "share1_good_b64")].map(|(number, field)| {
        let number = ShareNum(number);
        (number, check(&base64(&case, field), number, print).unwrap())
    });
    assert_eq!(decode(&good, &key.write_key().read_key()), base64(&case, "content_b64"));
    let forged = base64(&case, "share1_forged_b64");
    open(&forged, print).unwrap();
    let error = format!("{:?}", check(&forged, ShareNum(1), print).unwrap_err());
    assert!(error.contains("do not lead to the signed root"), "{error}");
}
