//! Bytes to types and back: capabilities, directories, hashes, hash trees, shares, identifiers.
//!
//! Nothing here performs I/O, reads a clock or draws a random number, and every parser takes hostile
//! bytes: it answers with a typed error, allocates no more than its input is long, and never panics.

pub mod backup;
pub mod base32;
pub mod cap;
pub mod directory;
pub mod hash;
pub mod ids;
pub mod merkle;
pub mod mutable;
pub mod secret;
pub mod share;

pub use ids::{Encoding, EncodingError, ServerId, ShareNum, StorageIndex};
