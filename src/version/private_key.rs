//! The private key as it lies in every share: encrypted with the write key, which is a hash of it.
//!
//! Where in a share it lies is in `format::mutable::layout`.

use thiserror::Error;

use crate::crypto::Cipher;
use crate::crypto::rsa::{PRIVATE_KEY_BYTES_MAX, RsaError, SigningKey};
use crate::format::mutable::WriteKey;

/// A share's copy of the private key is of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PrivateKeyError {
    /// Longer than any key.
    #[error("an encrypted private key of {0} bytes")]
    Length(usize),
    /// Damaged, or of another file. Other shares may have a good copy.
    #[error("the private key does not match the write key")]
    WriteKey,
    /// The key that the write key vouches for cannot be used; all copies are alike.
    #[error("the file's private key cannot be used: {0}")]
    Key(#[source] RsaError),
}

/// The bytes to store.
pub fn encrypt_private_key(key: &SigningKey) -> Vec<u8> {
    let mut bytes = key.pkcs8().to_vec();
    Cipher::new(&key.write_key().cipher_key(), 0).apply(&mut bytes);
    bytes
}

/// Decrypts a stored key, and looks into it only if it is the one that `write_key` is a hash of.
pub fn open_private_key(write_key: &WriteKey, stored: &[u8]) -> Result<SigningKey, PrivateKeyError> {
    SigningKey::from_pkcs8(&decrypt_private_key(write_key, stored)?).map_err(PrivateKeyError::Key)
}

/// Decrypts a stored key: PKCS#8 DER, as `write_key` vouches for it.
pub fn decrypt_private_key(write_key: &WriteKey, stored: &[u8]) -> Result<Vec<u8>, PrivateKeyError> {
    if stored.len() > PRIVATE_KEY_BYTES_MAX {
        return Err(PrivateKeyError::Length(stored.len()));
    }
    let mut bytes = stored.to_vec();
    Cipher::new(&write_key.cipher_key(), 0).apply(&mut bytes);
    if WriteKey::of_private_key(&bytes) != *write_key {
        return Err(PrivateKeyError::WriteKey);
    }
    Ok(bytes)
}
