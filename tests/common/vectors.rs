//! Golden vectors from a folder: the one in this repository, or the one that `LAFS_VECTORS` names.
//!
//! A file that another folder lacks is not checked, and that is said on standard error; one that our own
//! folder lacks is a failure. A vector that has not the shape expected here is a failure too.
#![allow(dead_code, reason = "every test binary uses another part of it")]

use std::io::Write;
use std::path::PathBuf;

use data_encoding::HEXLOWER;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The folder in use and whether it is our own.
pub(crate) fn folder() -> (PathBuf, bool) {
    match std::env::var_os("LAFS_VECTORS") {
        Some(other) => (other.into(), false),
        None => (concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors").into(), true),
    }
}

/// Whether the vectors in use are those of this repository.
pub(crate) fn are_our_own() -> bool {
    folder().1
}

/// The bytes of the file `name` (such as `immutable/caps.json`), or nothing if it is not to be checked.
pub(crate) fn bytes(name: &str) -> Option<Vec<u8>> {
    let (folder, own) = folder();
    let path = folder.join(name);
    if !own && !path.exists() {
        // Past the test harness, which would keep it to itself.
        let said = format!("{name}: not checked, {} is absent\n", path.display());
        std::io::stderr().write_all(said.as_bytes()).unwrap();
        return None;
    }
    Some(std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

/// The JSON of the file `name`, or nothing if it is not to be checked.
pub(crate) fn json(name: &str) -> Option<Value> {
    let bytes = bytes(name)?;
    Some(serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{name}: {error}")))
}

/// Reads fields that must be there and of the kind asked for.
pub(crate) trait Fields {
    /// Text.
    fn text(&self, field: &str) -> &str;
    /// A number.
    fn number(&self, field: &str) -> u64;
    /// Bytes in hexadecimal.
    fn hex(&self, field: &str) -> Vec<u8>;
    /// A list.
    fn list(&self, field: &str) -> &[Value];
    /// A list of bytes in hexadecimal.
    fn hexes(&self, field: &str) -> Vec<Vec<u8>>;
    /// A list of numbers.
    fn numbers(&self, field: &str) -> Vec<u64>;
}

impl Fields for Value {
    fn text(&self, field: &str) -> &str {
        self[field].as_str().unwrap_or_else(|| panic!("no text {field} in {self}"))
    }

    fn number(&self, field: &str) -> u64 {
        self[field].as_u64().unwrap_or_else(|| panic!("no number {field} in {self}"))
    }

    fn hex(&self, field: &str) -> Vec<u8> {
        unhex(&self[field])
    }

    fn list(&self, field: &str) -> &[Value] {
        self[field].as_array().unwrap_or_else(|| panic!("no list {field} in {self}"))
    }

    fn hexes(&self, field: &str) -> Vec<Vec<u8>> {
        self.list(field).iter().map(unhex).collect()
    }

    fn numbers(&self, field: &str) -> Vec<u64> {
        self.list(field).iter().map(|value| value.as_u64().expect("a list of numbers")).collect()
    }
}

/// The bytes a hexadecimal text stands for.
pub(crate) fn unhex(value: &Value) -> Vec<u8> {
    HEXLOWER.decode(value.as_str().expect("hexadecimal text").as_bytes()).expect("hexadecimal text")
}

/// Bytes as hexadecimal text.
pub(crate) fn hex(bytes: impl AsRef<[u8]>) -> String {
    HEXLOWER.encode(bytes.as_ref())
}

/// SHA-256 as hexadecimal text.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(Sha256::digest(bytes))
}

/// The bytes that vectors are made of: SHA-256 of the seed and a counter, over and over.
pub(crate) fn stream(seed: &str, size: usize) -> Vec<u8> {
    (0..size.div_ceil(32)).flat_map(|i| Sha256::digest(format!("{seed}:{i}"))).take(size).collect()
}
