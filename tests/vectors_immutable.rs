//! The formats of immutable files against vectors made by Tahoe-LAFS: one test for each vector file.
//!
//! `LAFS_VECTORS=FOLDER cargo test --test vectors_immutable` checks another folder of the same shape and says
//! which files it lacks.

#![expect(clippy::unwrap_used, reason = "a vector of another shape fails the test")]

#[path = "common/vectors.rs"]
mod vectors;
#[path = "common/whole_file.rs"]
mod whole_file;

use lafs::crypto::{Cipher, ConvergentKey, Key};
use lafs::erasure::{Codec, Segmentation};
use lafs::format::cap::{Cap, LITERAL_BYTES_MAX, LiteralCap};
use lafs::format::hash::{self, Digest};
use lafs::format::merkle::{self, Shape, Tree};
use lafs::format::share::{Layout, LayoutVersion, UriExtension, chain};
use lafs::format::{Encoding, ShareNum, StorageIndex, base32, secret};
use serde_json::Value;
use vectors::{Fields, hex, sha256, stream, unhex};
use whole_file::KeySource;

fn digests(hexes: Vec<Vec<u8>>) -> Vec<Digest> {
    hexes.into_iter().map(|bytes| Digest(bytes.try_into().unwrap())).collect()
}

fn key(bytes: &[u8]) -> Key {
    Key(bytes.try_into().unwrap())
}

fn encoding(case: &Value) -> Encoding {
    Encoding::new(case.number("k"), case.number("n")).unwrap()
}

fn share(number: u64) -> ShareNum {
    ShareNum(u8::try_from(number).unwrap())
}

#[test]
fn hashes() {
    let Some(file) = vectors::json("immutable/hashes.json") else { return };
    for case in file.list("netstrings") {
        assert_eq!(hash::netstring(&case.hex("input_hex")), case.hex("output_hex"));
    }
    for case in file.list("base32") {
        let text = case.text("output");
        assert_eq!(base32::encode(&case.hex("input_hex")), text);
        assert_eq!(base32::decode(text).unwrap(), case.hex("input_hex"));
    }
    for case in file.list("tagged") {
        let (input, expected) = (case.hex("input_hex"), case.hex("output_hex"));
        let tagged = hash::tagged(case.text("tag").as_bytes(), &input);
        assert_eq!(tagged.0[..expected.len()], expected);
        let named = match case.text("name") {
            "storage_index_hash" => match <[u8; 16]>::try_from(input) {
                Ok(key) => hash::storage_index_of(&key).0.to_vec(),
                // The function here takes keys only; other lengths are covered by the plain hash above.
                Err(_) => continue,
            },
            "crypttext_segment_hash" => hash::crypttext_segment_hash(&input).0.to_vec(),
            "block_hash" => hash::block_hash(&input).0.to_vec(),
            "uri_extension_hash" => hash::uri_extension_hash(&input).0.to_vec(),
            "crypttext_hash" => {
                let mut hasher = hash::crypttext_hasher();
                hasher.update(&input);
                hasher.finish().0.to_vec()
            }
            other => panic!("a hash called {other}"),
        };
        assert_eq!(named, expected);
    }
    for case in file.list("pair") {
        let pair = hash::tagged_pair(case.text("tag").as_bytes(), &case.hex("a_hex"), &case.hex("b_hex"));
        assert_eq!(pair.to_string(), case.text("output_hex"));
    }
    for case in file.list("empty_leaf") {
        assert_eq!(merkle::empty_leaf(case.number("leaf")).to_string(), case.text("output_hex"));
    }
    for case in file.list("internal_node") {
        let [left, right] = digests(vec![case.hex("left_hex"), case.hex("right_hex")]).try_into().unwrap();
        assert_eq!(merkle::inner(&left, &right).to_string(), case.text("output_hex"));
    }
    for case in file.list("convergence_key") {
        let secret = case.hex("convergence_hex");
        let mut key = ConvergentKey::new(encoding(case), case.number("segment_size"), &secret);
        key.update(&case.hex("plaintext_hex"));
        assert_eq!(hex(key.finish().0), case.text("output_hex"));
    }
    for case in file.list("aes128_ctr_zero_iv") {
        let mut data = case.hex("input_hex");
        Cipher::new(&key(&case.hex("key_hex")), 0).apply(&mut data);
        assert_eq!(hex(data), case.text("output_hex"));
    }
}

#[test]
fn hash_trees() {
    let Some(file) = vectors::json("immutable/merkle.json") else { return };
    for case in file.list("trees") {
        let leaves = digests(case.hexes("leaves_hex"));
        let shape = Shape::new(case.number("leaf_count")).unwrap();
        assert_eq!(shape.nodes(), case.number("node_count"));
        assert_eq!(shape.first_leaf(), case.number("first_leaf_node"));
        let tree = Tree::from_leaves(&leaves);
        assert_eq!(tree.root().to_string(), case.text("root_hex"));
        if case.get("nodes_hex").is_some() {
            assert_eq!(tree.nodes(), digests(case.hexes("nodes_hex")));
        }
        for (leaf, needed) in (0..).zip(case.list("needed_nodes_by_leaf")) {
            let mut siblings: Vec<u64> = shape.siblings(leaf).unwrap().collect();
            let mut needed: Vec<u64> = needed.as_array().unwrap().iter().filter_map(Value::as_u64).collect();
            siblings.sort_unstable();
            needed.sort_unstable();
            assert_eq!(siblings, needed);
        }
    }
}

#[test]
fn chain_order() {
    let Some(file) = vectors::json("immutable/chain-order.json") else { return };
    let nodes = |n, s| chain::node_numbers(Encoding::new(1, n).unwrap(), share(s)).unwrap();
    for (n, chains) in file["by_n"].as_object().unwrap() {
        for (s, expected) in (0..).zip(chains.as_array().unwrap()) {
            let expected: Vec<u64> = expected.as_array().unwrap().iter().filter_map(Value::as_u64).collect();
            let nodes: Vec<u64> = nodes(n.parse().unwrap(), s).into_iter().map(u64::from).collect();
            assert_eq!(nodes, expected, "share {s} of {n}");
        }
    }
    let text = |n, s| nodes(n, s).iter().map(u16::to_string).collect::<Vec<_>>().join(",") + ";";
    let all: String = (1..=256).flat_map(|n| (0..n).map(move |s| text(n, s))).collect();
    assert_eq!(sha256(all.as_bytes()), file.text("all_n_1_to_256_sha256"));
}

#[test]
fn erasure_code() {
    let Some(file) = vectors::json("immutable/zfec.json") else { return };
    for case in file.list("cases") {
        let codec = Codec::new(encoding(case));
        let rows: Vec<Vec<u8>> = codec.encoding().shares().map(|s| codec.row(s).unwrap()).collect();
        if case.get("matrix_rows").is_some() {
            assert_eq!(Value::from(rows), case["matrix_rows"]);
        } else {
            assert_eq!(sha256(&rows.concat()), case.text("matrix_sha256"));
        }
        let len = usize::try_from(case.number("block_size")).unwrap();
        let primary: Vec<Vec<u8>> =
            (0..case.number("k")).map(|i| stream(&format!("{}-{i}", case.text("seed")), len)).collect();
        assert_eq!(primary, case.hexes("primary_hex"));
        let blocks = case.hexes("shares_hex");
        assert_eq!(sha256(&blocks.concat()), case.text("shares_sha256"));

        let inputs: Vec<&[u8]> = primary.iter().map(Vec::as_slice).collect();
        let mut coded = vec![vec![0; len]; blocks.len() - primary.len()];
        codec.encode(&inputs, &mut coded.iter_mut().map(Vec::as_mut_slice).collect::<Vec<_>>()).unwrap();
        assert_eq!(coded, blocks[primary.len()..]);

        let from: Vec<(ShareNum, &[u8])> = case
            .numbers("decode_from")
            .into_iter()
            .map(|number| (share(number), blocks[usize::try_from(number).unwrap()].as_slice()))
            .collect();
        let mut segment = vec![0; len * primary.len()];
        codec.decode(&from, &mut segment).unwrap();
        assert_eq!(segment, primary.concat());
    }
}

/// Why a string that Tahoe's parser takes is refused here, if it is.
fn refused_because(case: &Value) -> Option<&'static str> {
    if case["tahoe_type"] == "LiteralFileURI" {
        return None;
    }
    let (text, canonical) = (case.text("string"), case.text("canonical"));
    let parts = |text: &str| text.split(':').count();
    let size_as_written = text.rsplit(':').next().unwrap_or_default();
    if case.number("k") == 0 || case.number("n") == 0 || case.number("k") > case.number("n") {
        Some("k-of-N with k = 0 or k > N is no encoding")
    } else if case.number("n") > 256 {
        Some("there are at most 256 shares")
    } else if case.number("size") == 0 {
        Some("an empty file is a literal")
    } else if text.ends_with('\n') {
        Some("a line end is not part of a capability")
    } else if !size_as_written.bytes().all(|byte| byte.is_ascii_digit()) || parts(text) > parts(canonical) {
        Some("bytes behind the size are not part of a capability")
    } else {
        None
    }
}

#[test]
fn capabilities() {
    let Some(file) = vectors::json("immutable/caps.json") else { return };
    let mut refused = Vec::new();
    for case in file.list("strings") {
        let text = case.text("string");
        let parsed = text.parse::<Cap>();
        let kind = case.text("tahoe_type");
        if kind == "UnknownURI" {
            assert!(parsed.is_err(), "{text}");
            continue;
        }
        if let Some(reason) = refused_because(case) {
            println!("refused, unlike in Tahoe ({reason}): {text:?}");
            assert!(parsed.is_err(), "{text}");
            refused.push(reason);
            continue;
        }
        let cap = parsed.unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(cap.to_string(), case.text("canonical"));
        match &cap {
            Cap::Literal(cap) => {
                assert_eq!(kind, "LiteralFileURI");
                assert_eq!(hex(&cap.data), case.text("data_hex"));
            }
            Cap::Chk(read) => {
                assert_eq!(kind, "CHKFileURI");
                assert_eq!(hex(read.key.0), case.text("key"));
                assert_eq!(hex(read.storage_index().0), case.text("storage_index"));
                assert_eq!(read.verify_cap().to_string(), case.text("verify_cap"));
            }
            Cap::Verify(verify) => {
                assert_eq!(kind, "CHKFileVerifierURI");
                assert_eq!(hex(verify.storage_index.0), case.text("storage_index"));
            }
        }
        if let Some(verify) = cap.verify_cap() {
            assert_eq!(verify.ueb_hash.to_string(), case.text("ueb_hash"));
            assert_eq!(verify.encoding, encoding(case));
            assert_eq!(verify.size, case.number("size"));
        }
    }
    if vectors::are_our_own() {
        let expected = [
            "bytes behind the size are not part of a capability",
            "k-of-N with k = 0 or k > N is no encoding",
            "k-of-N with k = 0 or k > N is no encoding",
            "a line end is not part of a capability",
        ];
        assert_eq!(refused, expected);
    }
}

#[test]
fn layouts() {
    let Some(file) = vectors::json("immutable/layout.json") else { return };
    for case in file.list("cases") {
        let cut = Segmentation::new(case.number("size"), encoding(case), case.number("max_segment_size"));
        let cut = cut.unwrap();
        assert_eq!(cut.segment_size(), case.number("segment_size"));
        assert_eq!(cut.segments(), case.number("num_segments"));
        assert_eq!(cut.block_size(), case.number("block_size"));
        assert_eq!(cut.share_data_size(), case.number("share_data_size"));
        let tail = format!("{}-{}-{}", cut.tail_padded_size(), case.number("k"), case.number("n"));
        assert_eq!(tail, case.text("tail_codec_params"));
        assert_eq!(UriExtension::serialised_len(cut), case.number("ueb_size"));
        let layout = Layout::for_upload(cut);
        let version = if layout.version() == LayoutVersion::V1 { 1 } else { 2 };
        assert_eq!(version, case.number("layout_version"));
        assert_eq!(hex(layout.header()), case.text("header_hex"));
        assert_eq!(Layout::parse(&layout.header()), Ok(layout));
        assert_eq!(layout.share_size(cut), case.number("share_file_size"));
    }
}

#[test]
fn leases() {
    let Some(file) = vectors::json("immutable/leases.json") else { return };
    for case in file.list("cases") {
        let lease_secret: [u8; 32] = case.hex("lease_secret_hex").try_into().unwrap();
        let index: StorageIndex = case.text("storage_index").parse().unwrap();
        let seed: [u8; 20] = case.hex("server_tubid_hex").try_into().unwrap();
        assert_eq!(base32::encode(&seed), case.text("server_tubid_base32"));
        let renew = secret::renew_secret(&lease_secret, index, &seed);
        let cancel = secret::cancel_secret(&lease_secret, index, &seed);
        assert_eq!(hex(renew), case.text("bucket_renewal_secret_hex"));
        assert_eq!(hex(cancel), case.text("bucket_cancel_secret_hex"));

        let [owner, expires] =
            ["owner", "expiration"].map(|field| u32::try_from(case.number(field)).unwrap());
        let record = secret::lease_record(owner, &renew, &cancel, expires);
        assert_eq!(hex(record), case.text("lease_record_hex"));

        let data = case.hex("share_data_hex");
        let numbers = [2, u32::try_from(data.len()).unwrap(), 1].map(u32::to_be_bytes);
        let container = [numbers.as_flattened(), &data, &record].concat();
        assert_eq!(hex(container), case.text("container_file_hex"));
    }
}

#[test]
fn server_order() {
    let Some(file) = vectors::json("immutable/servers.json") else { return };
    for case in file.list("cases") {
        let seeds: Vec<(u64, Vec<u8>)> = (0..).zip(case.hexes("permutation_seeds_hex")).collect();
        for query in case.list("queries") {
            let index = StorageIndex(query.hex("storage_index_hex").try_into().unwrap());
            let order = lafs::plan::permute::order(index, &seeds, |(_, seed)| seed);
            let order: Vec<u64> = order.into_iter().map(|(number, _)| *number).collect();
            assert_eq!(order, query.numbers("order"));
        }
    }
}

#[test]
fn files() {
    let Some(file) = vectors::json("immutable/files.json") else { return };
    for case in file.list("cases") {
        let plaintext = stream(case.text("seed"), usize::try_from(case.number("size")).unwrap());
        assert_eq!(sha256(&plaintext), case.text("plaintext_sha256"));
        if case.number("size") <= LITERAL_BYTES_MAX {
            assert_eq!(LiteralCap { data: plaintext }.to_string(), case.text("cap"));
        } else {
            check_file(case, &plaintext);
        }
    }
}

fn check_file(case: &Value, plaintext: &[u8]) {
    let name = case.text("name");
    let size = case.number("size");
    let cut = Segmentation::new(size, encoding(case), case.number("max_segment_size")).unwrap();
    assert_eq!(cut.segment_size(), case.number("segment_size"), "{name}");
    assert_eq!(cut.segments(), case.number("num_segments"), "{name}");
    assert_eq!(cut.block_size(), case.number("block_size"), "{name}");

    let secret = case.get("convergence").map(unhex);
    let source = match &secret {
        Some(secret) => KeySource::Convergent(secret),
        None => KeySource::Given(key(&case.hex("key"))),
    };
    let version = case.get("force_v2").and_then(Value::as_bool).unwrap_or(false).then_some(LayoutVersion::V2);
    let encoded = whole_file::encode(plaintext, cut, source, version);
    let cap = &encoded.cap;
    assert_eq!(hex(cap.key.0), case.text("encryption_key"), "{name}");
    assert_eq!(hex(encoded.uri_extension.to_bytes()), case.text("ueb_hex"), "{name}");
    assert_eq!(cap.ueb_hash.to_string(), case.text("ueb_hash"), "{name}");
    assert_eq!(cap.storage_index().to_string(), case.text("storage_index"), "{name}");
    assert_eq!(cap.to_string(), case.text("cap"), "{name}");
    assert_eq!(cap.verify_cap().to_string(), case.text("verify_cap"), "{name}");
    assert_eq!(encoded.layout.share_size(cut), case.number("share_file_size"), "{name}");

    assert_eq!(encoded.shares.len(), case.list("share_sha256").len(), "{name}");
    for ((number, share), expected) in (0..).zip(&encoded.shares).zip(case.list("share_sha256")) {
        assert_eq!(sha256(share), expected.as_str().unwrap(), "{name} share {number}");
        check_share_bytes(case, number, share);
    }
    check_walkthrough(case, &encoded);

    // The last k shares, last first: as few primary ones as possible.
    let picked: Vec<(ShareNum, &[u8])> = cap
        .encoding
        .shares()
        .rev()
        .zip(encoded.shares.iter().rev().map(Vec::as_slice))
        .take(cap.encoding.needed())
        .collect();
    assert!(whole_file::decode(cap, &picked) == plaintext, "{name} read back");
}

fn check_share_bytes(case: &Value, number: u64, share: &[u8]) {
    let listed = |numbers: &Value| numbers.as_array().unwrap().contains(&number.into());
    match case.get("shares").and_then(Value::as_str) {
        Some("hex") => {
            let expected = unhex(&case["share_hex"][usize::try_from(number).unwrap()]);
            assert!(share == expected, "{} share {number}", case.text("name"));
        }
        Some("files") if case.get("share_numbers").is_none_or(listed) => {
            let path = format!("immutable/shares/{}/{number}.share", case.text("name"));
            let Some(expected) = vectors::bytes(&path) else { return };
            assert!(share == expected, "{path}");
        }
        _ => (),
    }
}

fn check_walkthrough(case: &Value, encoded: &whole_file::Encoded) {
    let Some(steps) = case.get("walkthrough") else { return };
    let crypttext = Tree::from_leaves(&digests(steps.hexes("crypttext_segment_hashes")));
    assert_eq!(crypttext.nodes(), digests(steps.hexes("crypttext_hash_tree")));
    assert_eq!(crypttext.root(), encoded.uri_extension.crypttext_root_hash);
    let roots: Vec<Digest> = steps
        .list("block_hashes_by_share")
        .iter()
        .map(|hashes| {
            Tree::from_leaves(&digests(hashes.as_array().unwrap().iter().map(unhex).collect())).root()
        })
        .collect();
    assert_eq!(roots, digests(steps.hexes("share_roots")));
    let shares = Tree::from_leaves(&roots);
    assert_eq!(shares.nodes(), digests(steps.hexes("share_hash_tree")));
    assert_eq!(shares.root(), encoded.uri_extension.share_root_hash);
}
