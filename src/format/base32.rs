//! Tahoe's base32: lower case, no padding, unused low bits zero (immutable, "Base32").

use data_encoding::{Encoding, Specification};
use thiserror::Error;

/// The text is not canonical base32.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not canonical base32")]
pub struct Base32Error;

fn alphabet() -> &'static Encoding {
    static ALPHABET: std::sync::LazyLock<Encoding> = std::sync::LazyLock::new(|| {
        let mut specification = Specification::new();
        specification.symbols.push_str("abcdefghijklmnopqrstuvwxyz234567");
        specification.encoding().expect("the alphabet is 32 distinct symbols")
    });
    &ALPHABET
}

/// Bytes to text.
pub fn encode(bytes: &[u8]) -> String {
    alphabet().encode(bytes)
}

/// Text to bytes; refuses upper case, padding, impossible lengths and set trailing bits.
pub fn decode(text: &str) -> Result<Vec<u8>, Base32Error> {
    alphabet().decode(text.as_bytes()).map_err(|_| Base32Error)
}
