//! Tahoe's base32: lower case, no padding, the unused low bits of the last character zero.
//!
//! Canonical in both directions: what [`decode`] takes, [`encode`] gives back.

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

/// [`decode`] for text that must stand for exactly `N` bytes.
pub fn decode_array<const N: usize>(text: &str) -> Result<[u8; N], Base32Error> {
    if text.len() != (N * 8).div_ceil(5) {
        return Err(Base32Error);
    }
    decode(text)?.try_into().map_err(|_| Base32Error)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_not_canonical_is_refused() {
        for text in ["a", "GE", "ge=", "gf", "krugkidfnrzwc4", "0a", "é", "g e"] {
            assert_eq!(decode(text), Err(Base32Error), "{text}");
        }
        assert_eq!(decode_array::<1>("geaa"), Err(Base32Error));
    }

    proptest! {
        #[test]
        fn bytes_survive(bytes: Vec<u8>) {
            prop_assert_eq!(decode(&encode(&bytes)), Ok(bytes));
        }

        #[test]
        fn text_is_refused_or_survives(text in "[a-z2-7]{0,60}") {
            if let Ok(bytes) = decode(&text) {
                prop_assert_eq!(encode(&bytes), text);
            }
        }
    }
}
