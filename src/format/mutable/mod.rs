//! Mutable files as bytes: the keys derived from an RSA key, and shares of both formats.
//!
//! SDMF ("small") holds a whole file in one segment, MDMF ("medium") cuts it into segments of 128 KiB. Signatures
//! are checked in `crypto`, blocks are coded in `erasure`, and `version` puts all three together; what versions a
//! grid holds is for `plan` to say.

pub mod block;
pub mod chain;
pub mod header;
pub mod keys;
pub mod layout;
mod version;

pub use block::{BlockError, BlockTree, verify_share_block};
pub use chain::MutableChain;
pub use header::{Header, HeaderError};
pub use keys::{Fingerprint, ReadKey, WriteKey};
pub use layout::{Layout, LayoutError, Section};
pub use version::VersionId;

#[cfg(test)]
mod tests;
