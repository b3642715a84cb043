//! Mutable files as bytes: the keys derived from an RSA key, and shares of both formats.
//!
//! SDMF ("small") holds a whole file in one segment, MDMF ("medium") cuts it into segments of 128 KiB. Signatures
//! are checked in `crypto`, blocks are coded in `erasure`; what versions a grid holds is for `plan` to say.

pub mod keys;

pub use keys::{Fingerprint, ReadKey, WriteKey};
