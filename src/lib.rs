//! A storage client and server that speak Tahoe-LAFS, byte for byte.
//!
//! Layers, lowest first; each may use the ones above it in this list and never the ones below:
//! [`mod@format`], [`crypto`] and [`erasure`] turn bytes into types and back, [`version`] the plaintext of mutable
//! files into shares and back; [`plan`] takes decisions;
//! [`net`] carries the storage protocol over any byte stream; [`server`] keeps shares; [`client`]
//! runs whole operations, on the files that `local` finds on this machine. Time and randomness come in as arguments everywhere.

pub mod client;
pub mod crypto;
pub mod erasure;
pub mod format;
#[cfg(unix)]
pub mod local;
pub mod net;
pub mod plan;
pub mod server;
pub mod version;
