//! The write capability inside an entry, encrypted so that only who may write the directory can read it.
//!
//! A salt made of the capability, the ciphertext, and a check that Tahoe writes and nobody reads.

use sha2::{Digest as _, Sha256};

use crate::crypto::{Cipher, Key};
use crate::format::hash::{tagged, tagged_pair};
use crate::format::mutable::WriteKey;

const SALT_BYTES: usize = 16;
const CHECK_BYTES: usize = 32;

fn key(directory: &WriteKey, salt: &[u8]) -> Key {
    let tag = b"allmydata_mutable_writekey_and_salt_to_dirnode_child_capkey_v1";
    Key(tagged_pair(tag, salt, &directory.0).half())
}

/// Encrypts the text of a write capability; an empty one is encrypted like any other.
pub(super) fn seal(directory: &WriteKey, cap: &[u8]) -> Vec<u8> {
    let salt: [u8; SALT_BYTES] = tagged(b"allmydata_dirnode_child_rwcap_to_salt_v1", cap).half();
    let key = key(directory, &salt);
    let mut out = salt.to_vec();
    out.extend_from_slice(cap);
    Cipher::new(&key, 0).apply(&mut out[SALT_BYTES..]);
    let check = check(&key, &out);
    out.extend_from_slice(&check);
    out
}

/// The text that [`seal`] encrypted. Too few bytes stand for no capability, and the check is not looked at: both
/// as in Tahoe.
pub(super) fn open(directory: &WriteKey, sealed: &[u8]) -> Vec<u8> {
    let Some((salt, rest)) = sealed.split_at_checked(SALT_BYTES) else { return Vec::new() };
    let Some(length) = rest.len().checked_sub(CHECK_BYTES) else { return Vec::new() };
    let mut cap = rest[..length].to_vec();
    Cipher::new(&key(directory, salt), 0).apply(&mut cap);
    cap
}

/// Like HMAC, but that the key of 16 bytes is not padded to a block.
fn check(key: &Key, data: &[u8]) -> [u8; CHECK_BYTES] {
    let masked = |mask: u8| key.0.map(|byte| byte ^ mask);
    let inner = Sha256::new().chain_update(masked(0x36)).chain_update(data).finalize();
    Sha256::new().chain_update(masked(0x5c)).chain_update(inner).finalize().into()
}
