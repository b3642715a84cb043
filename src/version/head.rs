//! Whether a share's header was signed by the owner of the file: public key against fingerprint, signature against key.
//!
//! All shares of a version have the same header, key and signature, so the last good ones are remembered and not
//! verified again. Knows nothing of the blocks.

use thiserror::Error;

use crate::crypto::rsa::{RsaError, VerifyingKey};
use crate::format::mutable::{Fingerprint, Header};

/// A header is not one of this file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum HeadError {
    /// Another key, or a damaged one.
    #[error("the public key does not match the fingerprint")]
    Fingerprint,
    /// The key that the fingerprint vouches for cannot be used: no share of this file can be verified.
    #[error("the file's public key cannot be used: {0}")]
    Key(#[source] RsaError),
    /// The signature is not one of this header.
    #[error("the signature of the header is wrong")]
    Signature,
}

/// Checks the headers of one file.
#[derive(Debug, Clone)]
pub struct Heads {
    fingerprint: Fingerprint,
    key: Option<VerifyingKey>,
    /// The last header that was good, and its signature.
    good: Option<(Header, Vec<u8>)>,
}

impl Heads {
    /// For the file whose capability has this fingerprint.
    pub fn new(fingerprint: Fingerprint) -> Self {
        Self { fingerprint, key: None, good: None }
    }

    /// Checks one header, given the bytes of the public key and of the signature from the same share.
    pub fn check(&mut self, header: &Header, public_key: &[u8], signature: &[u8]) -> Result<(), HeadError> {
        if Fingerprint::of_public_key(public_key) != self.fingerprint {
            return Err(HeadError::Fingerprint);
        }
        if self.good.as_ref().is_some_and(|(good, signed)| good == header && signed == signature) {
            return Ok(());
        }
        let key = match &self.key {
            Some(key) => key,
            None => self.key.insert(VerifyingKey::from_spki(public_key).map_err(HeadError::Key)?),
        };
        key.verify(&header.signed_prefix(), signature).map_err(|_| HeadError::Signature)?;
        self.good = Some((*header, signature.to_vec()));
        Ok(())
    }
}
