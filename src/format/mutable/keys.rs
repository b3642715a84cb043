//! The keys of a mutable file, each derived from the one above it: the RSA key gives the write key, which gives
//! the read key, which gives the storage index and, with the salt of a version, the key its data is encrypted with.
//!
//! Nothing here signs or encrypts.

use std::fmt;

use crate::crypto::Key;
use crate::format::StorageIndex;
use crate::format::hash::{Digest, tagged, tagged_pair};

/// Bytes of the salt of one version (SDMF) or segment (MDMF).
pub const SALT_BYTES: usize = 16;

/// Changes a file: opens its private key. Not shown by `Debug`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct WriteKey(pub [u8; 16]);

/// Reads a file. Not shown by `Debug`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ReadKey(pub [u8; 16]);

/// The hash of the public key that signs every version of a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fingerprint(pub Digest);

impl WriteKey {
    /// The write key of the file whose private key has these bytes: PKCS#8 DER, exactly as stored.
    pub fn of_private_key(pkcs8: &[u8]) -> Self {
        Self(tagged(b"allmydata_mutable_privkey_to_writekey_v1", pkcs8).half())
    }

    /// What reads the file.
    pub fn read_key(&self) -> ReadKey {
        ReadKey(tagged(b"allmydata_mutable_writekey_to_readkey_v1", &self.0).half())
    }

    /// What a server with this tub id wants to see before it changes a share of the file.
    pub fn write_enabler(&self, lease_seed: &[u8; 20]) -> [u8; 32] {
        let master = tagged(b"allmydata_mutable_writekey_to_write_enabler_master_v1", &self.0);
        let tag = b"allmydata_mutable_write_enabler_master_and_nodeid_to_write_enabler_v1";
        tagged_pair(tag, &master.0, lease_seed).0
    }

    /// What the private key is encrypted with inside the shares.
    pub fn cipher_key(&self) -> Key {
        Key(self.0)
    }
}

impl ReadKey {
    /// Where the shares are filed.
    pub fn storage_index(&self) -> StorageIndex {
        StorageIndex(tagged(b"allmydata_mutable_readkey_to_storage_index_v1", &self.0).half())
    }

    /// What the data of the version (SDMF) or segment (MDMF) with this salt is encrypted with.
    pub fn data_key(&self, salt: &[u8; SALT_BYTES]) -> Key {
        Key(tagged_pair(b"allmydata_mutable_readkey_to_datakey_v1", salt, &self.0).half())
    }
}

impl Fingerprint {
    /// Of a public key: DER SubjectPublicKeyInfo.
    pub fn of_public_key(spki: &[u8]) -> Self {
        Self(tagged(b"allmydata_mutable_pubkey_to_fingerprint_v1", spki))
    }
}

impl fmt::Debug for WriteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WriteKey(..)")
    }
}

impl fmt::Debug for ReadKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReadKey(..)")
    }
}
