//! The order in which servers are asked for one file (storage-http, "Servers").

use sha1::{Digest, Sha1};

use crate::format::StorageIndex;

/// `servers` in ascending order of SHA-1(storage index || seed of the server).
pub fn order<S>(index: StorageIndex, servers: &[S], seed: impl Fn(&S) -> &[u8]) -> Vec<&S> {
    let mut keyed: Vec<([u8; 20], &S)> = servers
        .iter()
        .map(|server| {
            (Sha1::new().chain_update(index.0).chain_update(seed(server)).finalize().into(), server)
        })
        .collect();
    keyed.sort_by_key(|(key, _)| *key);
    keyed.into_iter().map(|(_, server)| server).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_that_of_the_hash_over_index_and_seed() {
        // SHA-1 of sixteen zero bytes followed by "a", "b" and "c" starts with 35b6, 19e1 and 0f44.
        let seeds = [b"a", b"b", b"c"];
        let ordered = order(StorageIndex([0; 16]), &seeds, |seed| seed.as_slice());
        assert_eq!(ordered, [&b"c", &b"b", &b"a"]);
    }

    #[test]
    fn servers_with_the_same_seed_keep_their_order() {
        let servers = [(1, b"x"), (2, b"x"), (3, b"x")];
        let ordered = order(StorageIndex([7; 16]), &servers, |server| server.1.as_slice());
        assert_eq!(ordered.iter().map(|server| server.0).collect::<Vec<_>>(), [1, 2, 3]);
    }
}
