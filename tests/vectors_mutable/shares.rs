//! Whole shares of both formats: parsed, verified, decoded, and SDMF ones made again.

use lafs::crypto::rsa::{SIGNATURE_BYTES, SigningKey, VerifyingKey};
use lafs::format::ShareNum;
use lafs::format::cap::MutableFormat;
use lafs::format::mutable::keys::SALT_BYTES;
use lafs::format::mutable::{Header, Layout};
use lafs::version::{
    EncodeError, Encoded, NewVersion, Signed, encode_again, encode_mdmf, encode_sdmf, open_private_key,
};
use serde_json::Value;

use crate::support::{base64, check, content, data, decode, encoding, key, names, open, share_num};
use crate::vectors::{self, Fields, hex, sha256};

/// Visits every version in every file that starts with one of `prefixes`, and counts the visits. Files that are there
/// and hold nothing are a failure.
fn each(prefixes: &[&str], mut visit: impl FnMut(&Value, &Value)) -> usize {
    let mut versions = 0;
    let names = prefixes.iter().flat_map(|prefix| names(prefix));
    for file in names.filter_map(|name| data(&name)) {
        assert!(!file.list("versions").is_empty());
        for version in file.list("versions") {
            visit(&file, version);
            versions += 1;
        }
    }
    versions
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
    let versions = each(&["sdmf-"], |file, version| {
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
        assert_made_again(&encoded, &key, &[new.salt], &content(version));
        made += made_alike(&encoded, &key, version);
    });
    assert!(made >= versions);
    assert!((versions, made) == (15, 87) || !vectors::are_our_own(), "{versions} versions, {made} shares");
}

#[test]
fn mdmf_shares_come_out_as_tahoe_made_them() {
    let mut made = 0;
    let versions = each(&["mdmf-"], |file, version| {
        let key = key(file.text("key"));
        let whole = version.list("shares").iter().find(|share| share.get("share_b64").is_some()).unwrap();
        let share = base64(whole, "share_b64");
        let read = check(&share, share_num(whole.number("shnum")), key.fingerprint()).unwrap();
        let salts: Vec<_> =
            read.blocks.iter().map(|block| *block.first_chunk::<SALT_BYTES>().unwrap()).collect();
        let seqnum = whole.number("seqnum");
        let new =
            NewVersion { key: &key, seqnum, salt: &salts[..], encoding: encoding(file), entropy: [9; 32] };
        let encoded = encode_mdmf(&new, &content(version)).unwrap();
        assert_made_again(&encoded, &key, &salts, &content(version));
        made += made_alike(&encoded, &key, version);

        let [none, one] = [&[][..], &[[0; SALT_BYTES]; 9]];
        let wrong = if salts.is_empty() { one } else { none };
        let error = encode_mdmf(&NewVersion { salt: wrong, ..new }, &content(version)).unwrap_err();
        assert!(matches!(error, EncodeError::Salts { .. }));
    });
    assert!(made >= versions);
    assert!((versions, made) == (3, 30) || !vectors::are_our_own(), "{versions} versions, {made} shares");
}

/// The shares come out the same a second time, with the signature they have; and none of other content.
fn assert_made_again(encoded: &Encoded, key: &SigningKey, salts: &[[u8; SALT_BYTES]], content: &[u8]) {
    let share = &encoded.shares[0];
    let range = Layout::parse(share).unwrap().signature().unwrap();
    let range = usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap();
    let signature = share[range].try_into().unwrap();
    let signed = Signed { key, header: &encoded.header, signature: &signature, salts };
    assert_eq!(encode_again(&signed, content).unwrap().shares, encoded.shares);
    if let Some((last, before)) = content.split_last() {
        let other = [before, &[last ^ 1]].concat();
        assert_eq!(encode_again(&signed, &other).unwrap_err(), EncodeError::Root);
        assert_eq!(encode_again(&signed, before).unwrap_err(), EncodeError::Root);
    }
}

/// Holds all shares of a version made here against Tahoe's, and decodes the last k of them. Returns their number.
fn made_alike(encoded: &Encoded, key: &SigningKey, version: &Value) -> usize {
    assert_eq!(encoded.shares.len(), version.list("shares").len());
    let mut good = Vec::new();
    for expected in version.list("shares") {
        let number = share_num(expected.number("shnum"));
        let share = &encoded.shares[usize::from(number.0)];
        assert_eq!(share.len() as u64, expected.number("length"));
        assert_eq!(sha256(&unsigned(share.to_vec())), expected.text("sha256_with_signature_zeroed"));
        assert_eq!(hex(encoded.header.checkstring()), expected.text("checkstring_hex"));
        let read = check(share, number, key.fingerprint()).unwrap();
        assert_eq!(*read.layout.header(), encoded.header);
        good.push((number, read));
    }
    let made = good.len();
    good.drain(..made - encoded.header.encoding().needed());
    assert_eq!(decode(&good, &key.write_key().read_key()), content(version));
    made
}

#[test]
fn shares_are_read_and_decode_to_what_was_written() {
    let (mut parsed, mut decoded) = (0, 0);
    let versions = each(&["sdmf-", "mdmf-"], |file, version| {
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
    assert!(parsed >= versions);
    let counts = (parsed, decoded);
    assert!(counts == (37, 11) || !vectors::are_our_own(), "{counts:?}");
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
    let versions = each(&["sdmf-", "mdmf-"], |file, version| {
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
    assert!(checked >= versions);
}

#[test]
fn later_versions_are_greater() {
    each(&["sdmf-"], |file, _| {
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
