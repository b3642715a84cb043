//! Lease secrets: what a client shows to renew or cancel a lease, and how a server files them.
//!
//! A server takes any 32 bytes; these are the ones Tahoe would show for the same file and server, so
//! that leases made by either program can be renewed by the other. Leases themselves, their times and
//! their storage are the server's.

use blake2::digest::consts::U32;
use blake2::{Blake2b, Digest as _};

use super::StorageIndex;
use super::hash::{tagged, tagged_pair};

/// Bytes of one lease in a share file.
pub const LEASE_RECORD_BYTES: usize = 72;

/// What renews the lease of a client (`lease_secret`: its 32 random bytes) on the shares of `index` at
/// the server with tub id `lease_seed`.
pub fn renew_secret(lease_secret: &[u8; 32], index: StorageIndex, lease_seed: &[u8; 20]) -> [u8; 32] {
    let client = tagged(lease_secret, b"allmydata_client_renewal_secret_v1");
    let file = tagged_pair(b"allmydata_file_renewal_secret_v1", &client.0, &index.0);
    tagged_pair(b"allmydata_bucket_renewal_secret_v1", &file.0, lease_seed).0
}

/// What cancels that lease, see [`renew_secret`].
pub fn cancel_secret(lease_secret: &[u8; 32], index: StorageIndex, lease_seed: &[u8; 20]) -> [u8; 32] {
    let client = tagged(lease_secret, b"allmydata_client_cancel_secret_v1");
    let file = tagged_pair(b"allmydata_file_cancel_secret_v1", &client.0, &index.0);
    tagged_pair(b"allmydata_bucket_cancel_secret_v1", &file.0, lease_seed).0
}

/// What a server keeps of a lease secret: enough to recognise it, not enough to show it elsewhere.
/// BLAKE2b with a 32-byte digest.
pub fn stored_secret(secret: &[u8; 32]) -> [u8; 32] {
    Blake2b::<U32>::digest(secret).into()
}

/// One lease as Tahoe's storage server keeps it in a share file: owner, [`stored_secret`] of both secrets,
/// Unix seconds of its end.
pub fn lease_record(
    owner: u32,
    renew: &[u8; 32],
    cancel: &[u8; 32],
    expires_unix_s: u32,
) -> [u8; LEASE_RECORD_BYTES] {
    let mut record = [0; LEASE_RECORD_BYTES];
    record[..4].copy_from_slice(&owner.to_be_bytes());
    record[4..36].copy_from_slice(&stored_secret(renew));
    record[36..68].copy_from_slice(&stored_secret(cancel));
    record[68..].copy_from_slice(&expires_unix_s.to_be_bytes());
    record
}
