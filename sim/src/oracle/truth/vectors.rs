//! Shares of mutable files that Tahoe-LAFS wrote, for the tests of what judges and damages them.
//!
//! Reads the vectors of this repository; a vector of another shape fails the test.

use data_encoding::BASE64;
use lafs::format::ShareNum;
use lafs::format::cap::WriteCap;
use serde_json::Value;

/// What the file `name` says.
pub(crate) fn vector(name: &str) -> Value {
    let path = format!("{}/../tests/vectors/mutable/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let all: Value = serde_json::from_slice(&text).unwrap();
    all["data"].clone()
}

/// Bytes in base 64.
pub(crate) fn base64(of: &Value, field: &str) -> Vec<u8> {
    BASE64.decode(of[field].as_str().unwrap().as_bytes()).unwrap()
}

/// What writes the file.
pub(crate) fn write_cap(of: &Value) -> WriteCap {
    of["write_cap"].as_str().unwrap().parse().unwrap()
}

/// The shares of a version that are there as a whole, as they are stored.
pub(crate) fn whole_shares(version: &Value) -> Vec<(ShareNum, Vec<u8>)> {
    let shares = version["shares"].as_array().unwrap().iter();
    let whole = shares.filter(|share| share["share_b64"].is_string());
    let number = |share: &Value| ShareNum(u8::try_from(share["shnum"].as_u64().unwrap()).unwrap());
    whole.map(|share| (number(share), base64(share, "share_b64"))).collect()
}

/// Share 2 of a 3-of-10 file of 1000 bytes, and what writes it.
pub(crate) fn a_share() -> (Vec<u8>, WriteCap) {
    let file = vector("sdmf-3-of-10-1000");
    let (_, share) = whole_shares(&file["versions"][0]).swap_remove(2);
    (share, write_cap(&file))
}
