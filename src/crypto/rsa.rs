//! The RSA keys of mutable files: each version is signed with RSASSA-PSS (SHA-256, MGF1 with SHA-256, 32 bytes of salt).
//!
//! Randomness is handed in. Keys are kept as the bytes they came as, since the write key is a hash of these bytes:
//! nothing here serialises a key that it did not make. What the bytes are encrypted with is in `format::mutable`.

use std::convert::Infallible;
use std::fmt;

use bytes::Bytes;
use rand_core::{CryptoRng, TryCryptoRng, TryRng};
use rsa::pkcs8::{DecodePrivateKey, DecodePublicKey, EncodePrivateKey, EncodePublicKey};
use rsa::traits::PublicKeyParts;
use rsa::{PrivateKey, Pss, PublicKey};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use crate::format::mutable::{Fingerprint, WriteKey};

/// Bits of the modulus of every key.
pub const KEY_BITS: usize = 2048;

/// Bytes of every signature.
pub const SIGNATURE_BYTES: usize = KEY_BITS / 8;

/// The longest encoded public key looked at; an ordinary one takes 294 bytes.
pub const PUBLIC_KEY_BYTES_MAX: usize = 1024;

/// The longest encoded private key looked at; an ordinary one takes 1215 to 1219 bytes.
pub const PRIVATE_KEY_BYTES_MAX: usize = 4096;

const SALT_BYTES: usize = 32;

/// What is wrong with a key or a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RsaError {
    /// Not the DER encoding of an RSA public key, or one with an even or absurdly large exponent.
    #[error("not an RSA public key")]
    PublicKey,
    /// Not the DER encoding of an RSA private key, or one whose numbers do not belong together.
    #[error("not an RSA private key")]
    PrivateKey,
    /// A modulus of another length.
    #[error("an RSA key of {0} bits, only {KEY_BITS} are supported")]
    KeyBits(usize),
    /// The signature is not one of this message by this key.
    #[error("the signature is wrong")]
    Signature,
    /// No key could be made of the randomness given.
    #[error("no RSA key could be made")]
    Generate,
    /// The private key does not do what it should.
    #[error("the private key does not sign")]
    Sign,
}

/// Signs the versions of one mutable file. Not shown by `Debug`.
#[derive(Clone)]
pub struct SigningKey {
    key: PrivateKey,
    pkcs8: Bytes,
    spki: Bytes,
}

impl SigningKey {
    /// Reads an unencrypted PKCS#8 key of 2048 bits and any exponent below 2^33, and keeps its bytes. The numbers are
    /// checked against each other (primes are not tested for being prime), and the CRT values are computed anew.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, RsaError> {
        if der.len() > PRIVATE_KEY_BYTES_MAX {
            return Err(RsaError::PrivateKey);
        }
        let key = PrivateKey::from_pkcs8_der(der).map_err(|_| RsaError::PrivateKey)?;
        Self::new(key, Bytes::copy_from_slice(der))
    }

    /// Makes a key with exponent 65537. The same `rng` in the same state makes the same key.
    pub fn generate(rng: &mut impl CryptoRng) -> Result<Self, RsaError> {
        let key = PrivateKey::new(rng, KEY_BITS).map_err(|_| RsaError::Generate)?;
        let der = key.to_pkcs8_der().map_err(|_| RsaError::Generate)?;
        Self::new(key, Bytes::copy_from_slice(der.as_bytes()))
    }

    fn new(key: PrivateKey, pkcs8: Bytes) -> Result<Self, RsaError> {
        check_bits(&key)?;
        let spki = key.as_public_key().to_public_key_der().map_err(|_| RsaError::PrivateKey)?.into_vec();
        Ok(Self { key, pkcs8, spki: spki.into() })
    }

    /// The bytes the key was read from or made as: DER PKCS#8. Secret.
    pub fn pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    /// The public key: DER SubjectPublicKeyInfo.
    pub fn public_der(&self) -> &[u8] {
        &self.spki
    }

    /// The write key of the file.
    pub fn write_key(&self) -> WriteKey {
        WriteKey::of_private_key(&self.pkcs8)
    }

    /// The fingerprint in the capabilities of the file.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of_public_key(&self.spki)
    }

    /// Signs `message`. The salt, and what blinds the computation against timing, are expanded from `entropy`, which
    /// the caller draws anew, from a secure source, for every signature. The message goes into them too, so that
    /// entropy used twice by mistake does not give two messages the same salt.
    pub fn sign(&self, message: &[u8], entropy: [u8; 32]) -> Result<[u8; SIGNATURE_BYTES], RsaError> {
        let hashed = Sha256::digest(message);
        let mut stream = Expander::new(&entropy, &hashed);
        let scheme = Pss::<Sha256>::new_with_salt(SALT_BYTES);
        let signature = self.key.sign_with_rng(&mut stream, scheme, &hashed).map_err(|_| RsaError::Sign)?;
        signature.try_into().map_err(|_| RsaError::Sign)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(..)")
    }
}

/// Verifies the versions of one mutable file.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifyingKey(PublicKey);

impl VerifyingKey {
    /// Reads a DER SubjectPublicKeyInfo with a modulus of 2048 bits and any odd exponent below 2^33.
    pub fn from_spki(der: &[u8]) -> Result<Self, RsaError> {
        if der.len() > PUBLIC_KEY_BYTES_MAX {
            return Err(RsaError::PublicKey);
        }
        let key = PublicKey::from_public_key_der(der).map_err(|_| RsaError::PublicKey)?;
        check_bits(&key)?;
        Ok(Self(key))
    }

    /// Whether `signature` is one of `message`.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), RsaError> {
        let scheme = Pss::<Sha256>::new_with_salt(SALT_BYTES);
        self.0.verify(scheme, &Sha256::digest(message), signature).map_err(|_| RsaError::Signature)
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VerifyingKey(..)")
    }
}

fn check_bits(key: &impl PublicKeyParts) -> Result<(), RsaError> {
    let bits = key.n().as_ref().bit_width_vartime() as usize;
    if bits == KEY_BITS { Ok(()) } else { Err(RsaError::KeyBits(bits)) }
}

/// The stream of bytes that follows from some entropy and a message: SHA-256 over both and a counter.
struct Expander {
    seed: Sha256,
    counter: u64,
    block: [u8; 32],
    /// Bytes of the block that were given out.
    used: usize,
}

impl Expander {
    fn new(entropy: &[u8; 32], message: &[u8]) -> Self {
        let seed = Sha256::new_with_prefix(b"lafs signature v1:").chain_update(entropy).chain_update(message);
        Self { seed, counter: 0, block: [0; 32], used: 32 }
    }
}

impl TryRng for Expander {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        for byte in out {
            if self.used == self.block.len() {
                self.block = self.seed.clone().chain_update(self.counter.to_be_bytes()).finalize().into();
                self.counter += 1;
                self.used = 0;
            }
            *byte = self.block[self.used];
            self.used += 1;
        }
        Ok(())
    }
}

impl TryCryptoRng for Expander {}

#[cfg(test)]
mod tests;
