//! Keys, what is derived from them, signatures, and the chains of hash trees.

use lafs::crypto::rsa::{RsaError, SigningKey, VerifyingKey};
use lafs::format::cap::{MutableFormat, WriteCap};
use lafs::format::hash::Digest;
use lafs::format::merkle::Tree;
use lafs::format::mutable::{MutableChain, WriteKey};
use lafs::format::{Encoding, ShareNum};
use lafs::version::{PrivateKeyError, encrypt_private_key, open_private_key};

use crate::support::{base64, data, key};
use crate::vectors::{self, Fields, hex};

#[test]
fn all_keys_follow_from_the_private_key() {
    let Some(cases) = data("derive") else { return };
    let mut checked = 0;
    for case in cases.as_array().unwrap() {
        let der = base64(case, "private_pkcs8_der_b64");
        let signing = SigningKey::from_pkcs8(&der).unwrap();
        assert_eq!(signing.pkcs8(), der);
        assert_eq!(key(case.text("name")).pkcs8(), der);
        assert_eq!(signing.public_der(), base64(case, "public_spki_der_b64"));
        assert_eq!(encrypt_private_key(&signing), base64(case, "encrypted_privkey_b64"));
        let (write, print) = (signing.write_key(), signing.fingerprint());
        let read = write.read_key();
        assert_eq!(hex(write.0), case.text("writekey_hex"));
        assert_eq!(hex(read.0), case.text("readkey_hex"));
        assert_eq!(print.0.to_string(), case.text("fingerprint_hex"));
        assert_eq!(hex(read.storage_index().0), case.text("storage_index_hex"));
        assert_eq!(read.storage_index().to_string(), case.text("storage_index_base32"));
        for (format, name) in [(MutableFormat::Sdmf, "ssk"), (MutableFormat::Mdmf, "mdmf")] {
            let cap = WriteCap { format, key: write, fingerprint: print };
            let expected = |suffix: &str| case["caps"].text(&format!("{name}{suffix}"));
            assert_eq!(cap.to_string(), expected(""));
            assert_eq!(cap.read_cap().to_string(), expected("_ro"));
            assert_eq!(cap.read_cap().verify_cap().to_string(), expected("_verify"));
        }
        for salted in case.list("datakeys") {
            let salt = salted.hex("salt_hex").try_into().unwrap();
            assert_eq!(hex(read.data_key(&salt).0), salted.text("datakey_hex"));
            checked += 1;
        }
        for server in case.list("servers") {
            let seed = server.hex("seed_20_bytes_hex").try_into().unwrap();
            assert_eq!(hex(write.write_enabler(&seed)), server.text("write_enabler_hex"));
            checked += 1;
        }
    }
    assert!(checked > 0);
}

#[test]
fn a_stored_private_key_opens_unless_it_is_damaged() {
    let Some(keys) = vectors::json("mutable/keys.json") else { return };
    let mut checked = 0;
    for name in keys.as_object().unwrap().keys() {
        let signing = key(name);
        let (write, stored) = (signing.write_key(), encrypt_private_key(&signing));
        let opened = open_private_key(&write, &stored).unwrap();
        assert_eq!((opened.pkcs8(), opened.public_der()), (signing.pkcs8(), signing.public_der()));
        for at in (0..stored.len()).step_by(97) {
            let mut damaged = stored.clone();
            damaged[at] ^= 1;
            assert_eq!(open_private_key(&write, &damaged).unwrap_err(), PrivateKeyError::WriteKey);
        }
        assert_eq!(open_private_key(&write, &[]).unwrap_err(), PrivateKeyError::WriteKey);
        assert!(matches!(open_private_key(&write, &[0; 5000]), Err(PrivateKeyError::Length(5000))));
        checked += 1;
    }
    assert!(checked > 0);
}

#[test]
fn a_key_that_the_write_key_vouches_for_may_still_be_none() {
    let bytes = b"not a key";
    let write = WriteKey::of_private_key(bytes);
    let mut stored = bytes.to_vec();
    lafs::crypto::Cipher::new(&write.cipher_key(), 0).apply(&mut stored);
    let error = open_private_key(&write, &stored).unwrap_err();
    assert_eq!(error, PrivateKeyError::Key(RsaError::PrivateKey));
}

#[test]
fn signatures_are_judged_as_tahoe_does() {
    let Some(groups) = data("signatures") else { return };
    let (mut good, mut bad) = (0, 0);
    for group in groups.as_array().unwrap() {
        let verifying = VerifyingKey::from_spki(&base64(group, "public_spki_der_b64")).unwrap();
        let signing = key(group.text("key"));
        for case in group.list("cases") {
            let message = case.hex("message_hex");
            let found = verifying.verify(&message, &base64(case, "signature_b64")).is_ok();
            assert_eq!(found, case["valid"].as_bool().unwrap(), "{}", case.text("why"));
            if found {
                good += 1
            } else {
                bad += 1
            }

            let own = signing.sign(&message, [3; 32]).unwrap();
            verifying.verify(&message, &own).unwrap();
            assert_eq!(own, signing.sign(&message, [3; 32]).unwrap());
            assert_ne!(own, signing.sign(&message, [4; 32]).unwrap());
        }
    }
    assert!(good > 0 && bad > 0);
}

#[test]
fn chains_hold_the_siblings_and_neither_leaf_nor_root() {
    let Some(cases) = data("hashtree") else { return };
    let mut checked = 0;
    for case in cases.as_array().unwrap() {
        let leaves: Vec<Digest> =
            case.hexes("leaves").into_iter().map(|leaf| Digest(leaf.try_into().unwrap())).collect();
        let tree = Tree::from_leaves(&leaves);
        let nodes: Vec<String> = tree.nodes().iter().map(Digest::to_string).collect();
        assert_eq!(nodes, case.list("nodes").iter().map(|node| node.as_str().unwrap()).collect::<Vec<_>>());
        let Ok(encoding) = Encoding::new(1, leaves.len() as u64) else { continue };
        for (leaf, needed) in case["needed_for_leaf_without_leaf"].as_object().unwrap() {
            let leaf: u8 = leaf.parse().unwrap();
            let chain = MutableChain::of(&tree, encoding, ShareNum(leaf)).unwrap();
            let needed: Vec<u64> = needed.as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).collect();
            assert_eq!(chain.nodes().map(u64::from).collect::<Vec<_>>(), needed);
            assert_eq!(MutableChain::parse(&chain.to_bytes()).unwrap(), chain);
            chain.verify(encoding, ShareNum(leaf), leaves[usize::from(leaf)], &tree.root()).unwrap();
            assert_eq!(chain.to_bytes().len() as u64, MutableChain::bytes_of(encoding));
            checked += 1;
        }
    }
    assert!(checked > 0);
}
