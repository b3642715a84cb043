//! What the vectors of mutable files have in common, and a reader of whole shares made of the library's parts.

use data_encoding::BASE64;
use lafs::crypto::rsa::SigningKey;
use lafs::format::mutable::{BlockTree, Fingerprint, Layout, MutableChain, ReadKey};
use lafs::format::{Encoding, ShareNum};
use lafs::version::{Decoder, Heads};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::vectors::{self, Fields};

/// The `data` of a file, if it is to be checked.
pub(crate) fn data(name: &str) -> Option<Value> {
    Some(vectors::json(&format!("mutable/{name}.json"))?["data"].take())
}

pub(crate) fn base64(case: &Value, field: &str) -> Vec<u8> {
    BASE64.decode(case.text(field).as_bytes()).unwrap()
}

/// The names, without `.json`, of the files that start with `prefix`. None of them is a failure, unless the whole folder
/// is not to be checked.
pub(crate) fn names(prefix: &str) -> Vec<String> {
    let (folder, own) = vectors::folder();
    let path = folder.join("mutable");
    if !own && !path.exists() {
        return Vec::new();
    }
    let entries = std::fs::read_dir(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter_map(|name| Some(name.strip_suffix(".json")?.to_owned()))
        .filter(|name| name.starts_with(prefix))
        .collect();
    assert!(!names.is_empty(), "no {prefix}*.json in {}", path.display());
    names.sort();
    names
}

/// The key that a vector names.
pub(crate) fn key(name: &str) -> SigningKey {
    let keys = vectors::json("mutable/keys.json").expect("vectors without keys");
    SigningKey::from_pkcs8(&base64(&keys[name], "private_pkcs8_der_b64")).unwrap()
}

pub(crate) fn content(version: &Value) -> Vec<u8> {
    let (seed, len) =
        (version.text("content_seed"), usize::try_from(version.number("content_length")).unwrap());
    let block = |i: u32| Sha256::new_with_prefix(seed).chain_update(i.to_be_bytes()).finalize();
    let made: Vec<u8> = (0..).flat_map(block).take(len).collect();
    assert_eq!(vectors::sha256(&made), version.text("content_sha256"));
    made
}

pub(crate) fn encoding(case: &Value) -> Encoding {
    Encoding::new(case.number("k"), case.number("n")).unwrap()
}

pub(crate) fn share_num(number: u64) -> ShareNum {
    ShareNum(u8::try_from(number).unwrap())
}

/// How far a reader got with a share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// Not a share of any version of this file.
    Head(String),
    /// One of a version, but of no use.
    Body(String),
}

/// What a reader has checked of one share: its layout, and the blocks as stored.
#[derive(Debug)]
pub(crate) struct Good {
    pub(crate) layout: Layout,
    pub(crate) blocks: Vec<Vec<u8>>,
}

fn part(share: &[u8], range: std::ops::Range<u64>) -> Result<&[u8], String> {
    let range = usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap();
    share.get(range).ok_or_else(|| "the share ends too early".to_owned())
}

fn text(error: impl std::error::Error) -> String {
    error.to_string()
}

/// The steps that end in knowing which version a share is of.
pub(crate) fn open(share: &[u8], print: Fingerprint) -> Result<Layout, Unreadable> {
    let steps = || {
        let layout = Layout::parse(share).map_err(text)?;
        let key = part(share, layout.public_key().map_err(text)?)?;
        let signature = part(share, layout.signature().map_err(text)?)?;
        Heads::new(print).check(layout.header(), key, signature).map_err(text)?;
        Ok(layout)
    };
    steps().map_err(Unreadable::Head)
}

/// All that a reader checks of a share.
pub(crate) fn check(share: &[u8], number: ShareNum, print: Fingerprint) -> Result<Good, Unreadable> {
    let layout = open(share, print)?;
    let steps = || {
        let chain = MutableChain::parse(part(share, layout.chain().map_err(text)?)?).map_err(text)?;
        let tree = part(share, layout.block_tree().map_err(text)?)?;
        let tree = BlockTree::verify(layout.header(), number, tree, &chain).map_err(text)?;
        let mut blocks = Vec::new();
        for segment in 0..layout.header().segments() {
            let block = part(share, layout.block(segment).map_err(text)?)?;
            tree.check(segment, block).map_err(text)?;
            blocks.push(block.to_vec());
        }
        Ok(blocks)
    };
    let blocks = steps().map_err(Unreadable::Body)?;
    Ok(Good { layout, blocks })
}

/// The plaintext that k good shares hold.
pub(crate) fn decode(shares: &[(ShareNum, Good)], key: &ReadKey) -> Vec<u8> {
    let header = *shares[0].1.layout.header();
    let decoder = Decoder::new(&header, key);
    let segment = |i: usize| {
        let blocks: Vec<_> = shares.iter().map(|(number, good)| (*number, &good.blocks[i][..])).collect();
        decoder.segment(i as u64, &blocks).unwrap()
    };
    (0..usize::try_from(header.segments()).unwrap()).flat_map(segment).collect()
}
