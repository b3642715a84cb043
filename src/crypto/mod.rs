//! Keys and ciphers: the cipher at any offset, keys made from content, and in [`rsa`] the signatures of mutable files.
//!
//! Random keys come from the caller: nothing here draws a random number of its own. What is derived from a key
//! for other purposes (the storage index) is in `format::hash` and `format::mutable`.

use std::fmt;

use aes::Aes128;
use aes::cipher::{KeyIvInit, StreamCipher};
use ctr::Ctr128BE;

use crate::format::hash::{Digest, TaggedHasher, netstring, storage_index_of};
use crate::format::{Encoding, StorageIndex};

pub mod rsa;

/// The key a file is encrypted with: whoever has it can read the file. Not shown by `Debug`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Key(pub [u8; 16]);

impl Key {
    /// Where the shares encrypted with this key are filed.
    pub fn storage_index(&self) -> StorageIndex {
        storage_index_of(&self.0)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

/// AES-128 in counter mode, counting from zero at the start of the file; one keystream for the whole
/// file, entered anywhere.
pub struct Cipher(Ctr128BE<Aes128>);

const BLOCK_BYTES: u64 = 16;

impl Cipher {
    /// Positioned at byte `offset` of the file.
    pub fn new(key: &Key, offset: u64) -> Self {
        let counter = u128::from(offset / BLOCK_BYTES).to_be_bytes();
        let mut cipher = Self(Ctr128BE::<Aes128>::new(&key.0.into(), &counter.into()));
        let mut skipped = [0; BLOCK_BYTES as usize];
        cipher.apply(&mut skipped[..(offset % BLOCK_BYTES) as usize]);
        cipher
    }

    /// Encrypts or decrypts the next `data.len()` bytes of the file in place.
    pub fn apply(&mut self, data: &mut [u8]) {
        self.0.apply_keystream(data);
    }
}

impl fmt::Debug for Cipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cipher(..)")
    }
}

/// Makes the key of a file from its plaintext, so that the same file encrypts to the same shares for
/// everybody who has the same secret.
pub struct ConvergentKey(TaggedHasher);

impl ConvergentKey {
    /// `segment_size` in bytes is that of the file (rounded up to a multiple of k, never the configured
    /// maximum). Any `secret` is legal; an empty one is still convergence.
    pub fn new(encoding: Encoding, segment_size: u64, secret: &[u8]) -> Self {
        let params = format!("{},{},{segment_size}", encoding.needed(), encoding.total());
        let mut tag = b"allmydata_immutable_content_to_key_with_added_secret_v1+".to_vec();
        tag.extend(netstring(secret));
        tag.extend(netstring(params.as_bytes()));
        Self(TaggedHasher::new(&tag))
    }

    /// Appends plaintext.
    pub fn update(&mut self, plaintext: &[u8]) {
        self.0.update(plaintext);
    }

    /// The key for everything appended.
    pub fn finish(self) -> Key {
        let digest: Digest = self.0.finish();
        Key(digest.half())
    }
}

impl fmt::Debug for ConvergentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ConvergentKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_key_of_hello_world() {
        let mut key = ConvergentKey::new(Encoding::new(3, 10).unwrap(), 12, b"secret");
        key.update(b"hello ");
        key.update(b"world");
        assert_eq!(u128::from_be_bytes(key.finish().0), 0xdb7ac8ea0a84cec1f2a4e2d23f287993);
    }

    #[test]
    fn a_key_is_not_printed() {
        assert_eq!(format!("{:?}", Key([7; 16])), "Key(..)");
    }

    #[test]
    fn the_last_offset_there_is_does_not_panic() {
        Cipher::new(&Key([1; 16]), u64::MAX).apply(&mut [0; 40]);
    }

    proptest! {
        #[test]
        fn the_keystream_can_be_entered_anywhere(key: [u8; 16], start in 0usize..300, len in 0usize..300) {
            let mut whole = [0; 600];
            Cipher::new(&Key(key), 0).apply(&mut whole);
            let mut part = vec![0; len];
            Cipher::new(&Key(key), start as u64).apply(&mut part);
            prop_assert_eq!(&whole[start..start + len], &part[..]);
        }
    }
}
