//! The vectors made by Tahoe-LAFS: capability and shares of whole files.

use super::*;
use lafs::format::cap::ReadCap;
use serde_json::Value;
use sha2::{Digest, Sha256};

fn stream(seed: &str, size: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let mut counter = 0u64;
    while out.len() < size {
        out.extend(Sha256::digest(format!("{seed}:{counter}")));
        counter += 1;
    }
    out.truncate(size);
    out
}

fn bytes(hex: &str) -> Vec<u8> {
    data_encoding::HEXLOWER.decode(hex.as_bytes()).unwrap()
}

#[test]
fn tahoes_files_become_tahoes_shares() {
    let text = include_str!("../vectors/immutable/files.json");
    let vectors: Value = serde_json::from_str(text).unwrap();
    let mut uploaded = 0;
    for case in vectors["cases"].as_array().unwrap() {
        let number = |name: &str| case[name].as_u64().unwrap();
        if case["force_v2"] == true {
            continue;
        }
        let total = number("n");
        let encoding = Encoding::new(number("k"), total).unwrap();
        let content = stream(case["seed"].as_str().unwrap(), usize::try_from(number("size")).unwrap());
        let convergence = bytes(case["convergence"].as_str().unwrap_or_default());
        let key = match case["key"].as_str() {
            Some(key) => KeyChoice::Given(Key(bytes(key).try_into().unwrap())),
            None => KeyChoice::Convergent,
        };
        let mut policy = Policy::default();
        policy.upload.segment_bytes_max = number("max_segment_size");
        let grid = Grid::new(4);
        let options = UploadOptions { encoding, happy: usize::try_from(total.min(4)).unwrap(), key };
        let client = grid.client(policy, &convergence);
        let result = paused()
            .block_on(grid.run(client.upload(&mut Cursor::new(&content), &options)))
            .unwrap_or_else(|error| panic!("{}: {error}", case["name"]));
        grid.recorder.check_questions();
        assert_eq!(result.cap.to_string(), case["cap"].as_str().unwrap(), "{}", case["name"]);
        uploaded += 1;
        let Cap::Chk(ReadCap { key, .. }) = result.cap else {
            assert_eq!(grid.recorder.events(), [], "nobody is asked about a literal");
            continue;
        };
        let hashes = case["share_sha256"].as_array().unwrap();
        assert_eq!(result.placed.len(), hashes.len());
        for (share, servers) in result.placed {
            let at = (0..4).find(|n| servers.contains(&id(*n))).unwrap();
            let content = grid.nodes[at].backend.get(key.storage_index(), share).unwrap();
            assert_eq!(content.len() as u64, number("share_file_size"), "{}", case["name"]);
            let hash = data_encoding::HEXLOWER.encode(&Sha256::digest(&content));
            assert_eq!(hash, hashes[usize::from(share.0)].as_str().unwrap(), "{} {share}", case["name"]);
        }
    }
    assert!(uploaded > 50, "only {uploaded} cases");
}
