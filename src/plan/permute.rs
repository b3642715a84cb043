//! The order in which servers are asked for one file (storage-http, "Servers").

use sha1::{Digest, Sha1};

use crate::format::StorageIndex;

/// `servers` in ascending order of SHA-1(storage index || seed of the server).
pub fn order<'a, S>(index: StorageIndex, servers: &'a [S], seed: impl Fn(&S) -> &[u8]) -> Vec<&'a S> {
    let mut keyed: Vec<([u8; 20], &S)> = servers
        .iter()
        .map(|server| {
            (Sha1::new().chain_update(index.0).chain_update(seed(server)).finalize().into(), server)
        })
        .collect();
    keyed.sort_by_key(|(key, _)| *key);
    keyed.into_iter().map(|(_, server)| server).collect()
}
