//! The messages of the storage protocol and their CBOR (storage-http, "CBOR").

use std::collections::BTreeSet;

use crate::format::ShareNum;

/// A server's limits and version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// The longest immutable share it takes, in bytes.
    pub maximum_immutable_share_size: u64,
    /// The longest mutable share it takes, in bytes.
    pub maximum_mutable_share_size: u64,
    /// Free space, in bytes.
    pub available_space: u64,
    /// The program and its version.
    pub application_version: Vec<u8>,
}

/// The answer to an allocation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Allocated {
    /// Every complete share held for the storage index, asked for or not.
    pub already_have: BTreeSet<ShareNum>,
    /// Shares that may now be written with the upload secret.
    pub allocated: BTreeSet<ShareNum>,
}

/// The answer to a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Whether every byte of the share is there and the share has become readable.
    pub complete: bool,
    /// What is still missing: half-open, ascending.
    pub required: Vec<std::ops::Range<u64>>,
}

/// The secrets of the leases an upload makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseSecrets {
    /// Renews the lease.
    pub renew: [u8; 32],
    /// Cancels the lease.
    pub cancel: [u8; 32],
}

/// Grants access to the incomplete shares of one upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UploadSecret(pub [u8; 20]);
