//! Leases: one small object for each index, read and written as a whole.
//!
//! What is known to be stored is not stored again, and neither is a renewal that is worth less than
//! [`LEASE_SLACK_SECONDS`]: the lease lasts that much shorter should the server be started anew meanwhile.

use bytes::Bytes;

use super::calls::Failure;
use super::notes::NotedLeases;
use super::objects::Settled;
use super::{S3Backend, lock_of};
use crate::format::StorageIndex;
use crate::net::Dial;
use crate::net::s3::{Condition, ETag, Object, Put};
use crate::server::backend::{BackendError, LEASES_MAX, Lease};
use crate::server::clock::UnixTime;

/// A renewal that makes a lease end no more than this later than what is stored is only remembered, in seconds: a day.
pub const LEASE_SLACK_SECONDS: u64 = 24 * 3600;

/// What such an object begins with.
const MAGIC: &[u8; 8] = b"leases1\n";
/// Renew secret, cancel secret, expiration.
const LEASE_BYTES: usize = 32 + 32 + 8;
const LEASES_BYTES_MAX: u64 = (MAGIC.len() + LEASES_MAX * LEASE_BYTES) as u64;
/// How often a change begins anew because somebody else made one.
const TRIES_MAX: u32 = 4;

impl<D: Dial> S3Backend<D> {
    /// Adds or renews a lease. `is_new`: there are probably none yet.
    pub(super) async fn add_lease(
        &self,
        index: StorageIndex,
        lease: Lease,
        is_new: bool,
    ) -> Result<(), BackendError> {
        let _leases = lock_of(&self.lease_locks, index).await;
        let mut noted = self.notes().leases(index).cloned();
        for _ in 0..TRIES_MAX {
            let conditions = match &noted {
                Some(noted) if !is_due(noted, &lease)? => false,
                _ => self.keeps_conditions().await?,
            };
            let mut held = match noted.take() {
                Some(noted) => noted,
                // If there are leases all the same, the condition says so.
                None if is_new && conditions => NotedLeases::default(),
                None => self.stored_leases(index).await?,
            };
            if !is_due(&held, &lease)? {
                add(&mut held.leases, lease);
                self.notes().set_leases(index, Some(held));
                return Ok(());
            }
            add(&mut held.leases, lease);
            let mut put = Put::new(self.keys.leases(index), encode(&held.leases));
            put.condition = match &held.etag {
                _ if !conditions => Condition::Always,
                Some(etag) => Condition::IfMatch(etag.clone()),
                None => Condition::IfNoneMatch,
            };
            self.notes().set_leases(index, None);
            if let Settled::Stored(etag) = self.put(&put).await? {
                let leases = held.leases.into_iter().map(|(lease, _)| (lease, lease.expires.0)).collect();
                self.notes().set_leases(index, Some(NotedLeases { leases, etag }));
                return Ok(());
            }
            noted = Some(self.stored_leases(index).await?);
        }
        Err(BackendError::Changed)
    }

    /// The leases of an index, with renewals that are only remembered.
    pub(super) async fn all_leases(&self, index: StorageIndex) -> Result<Vec<Lease>, BackendError> {
        let stored = self.stored_leases(index).await?;
        let mut leases: Vec<Lease> = stored.leases.into_iter().map(|(lease, _)| lease).collect();
        let notes = self.notes();
        let noted = notes.leases(index).map_or(&[][..], |noted| &noted.leases);
        for lease in &mut leases {
            let later = noted.iter().filter(|(noted, _)| noted.renew == lease.renew);
            lease.expires = later.map(|(noted, _)| noted.expires).fold(lease.expires, UnixTime::max);
        }
        Ok(leases)
    }

    /// Forgets the leases of an index that has no share of either kind any more. What fails here is left: leases of nothing
    /// harm nobody.
    pub(super) async fn forget_leases_of_nothing(&self, index: StorageIndex) {
        let _leases = lock_of(&self.lease_locks, index).await;
        let staged = || self.staging.has_any(index);
        let mut nothing = !staged();
        for prefix in [self.keys.mutables(index), self.keys.immutables(index)] {
            if nothing {
                let list = async |when| self.client.list(&prefix, None, &when).await;
                nothing = self.calls.once(list).await.is_ok_and(|page| page.entries.is_empty());
            }
        }
        if nothing && !staged() {
            self.notes().set_leases(index, None);
            let key = self.keys.leases(index);
            self.calls.once(async |when| self.client.delete(&key, &when).await).await.ok();
        }
    }

    async fn stored_leases(&self, index: StorageIndex) -> Result<NotedLeases, Failure> {
        match self.get(&self.keys.leases(index), 0..u64::MAX, LEASES_BYTES_MAX).await? {
            Object::Absent => Ok(NotedLeases::default()),
            Object::PastEnd => Err(Failure::damaged("GET", "leases that are none")),
            Object::Piece { head, data } => {
                let leases = decode(&data).ok_or_else(|| Failure::damaged("GET", "leases that are none"))?;
                Ok(NotedLeases { leases, etag: Some::<ETag>(head.etag) })
            }
        }
    }
}

/// Whether the lease must be stored; an error if there are too many.
fn is_due(held: &NotedLeases, lease: &Lease) -> Result<bool, BackendError> {
    match held.leases.iter().find(|(held, _)| held.renew == lease.renew) {
        Some((_, stored)) => Ok(lease.expires.0 > stored.saturating_add(LEASE_SLACK_SECONDS)),
        None if held.leases.len() >= LEASES_MAX => Err(BackendError::TooManyLeases),
        None => Ok(true),
    }
}

/// With the expiration that is stored as it was.
fn add(leases: &mut Vec<(Lease, u64)>, lease: Lease) {
    match leases.iter_mut().find(|(held, _)| held.renew == lease.renew) {
        Some((held, _)) => held.expires = held.expires.max(lease.expires),
        None => leases.push((lease, lease.expires.0)),
    }
}

fn encode(leases: &[(Lease, u64)]) -> Bytes {
    let mut out = Vec::with_capacity(MAGIC.len() + leases.len() * LEASE_BYTES);
    out.extend_from_slice(MAGIC);
    for (lease, _) in leases {
        out.extend_from_slice(&lease.renew);
        out.extend_from_slice(&lease.cancel);
        out.extend_from_slice(&lease.expires.0.to_be_bytes());
    }
    Bytes::from(out)
}

fn decode(bytes: &[u8]) -> Option<Vec<(Lease, u64)>> {
    let rest = bytes.strip_prefix(MAGIC)?;
    let (records, over) = rest.as_chunks::<LEASE_BYTES>();
    if !over.is_empty() || records.len() > LEASES_MAX {
        return None;
    }
    let lease = |record: &[u8; LEASE_BYTES]| {
        let (renew, rest) = record.split_first_chunk()?;
        let (cancel, rest) = rest.split_first_chunk()?;
        let expires = u64::from_be_bytes(rest.try_into().ok()?);
        Some((Lease { renew: *renew, cancel: *cancel, expires: UnixTime(expires) }, expires))
    };
    records.iter().map(lease).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_encoded_is_decoded(
            leases in prop::collection::vec((any::<[u8; 32]>(), any::<[u8; 32]>(), any::<u64>()), 0..20),
        ) {
            let leases: Vec<(Lease, u64)> = leases
                .into_iter()
                .map(|(renew, cancel, at)| (Lease { renew, cancel, expires: UnixTime(at) }, at))
                .collect();
            prop_assert_eq!(decode(&encode(&leases)), Some(leases));
        }

        #[test]
        fn any_bytes_are_leases_or_none(bytes: Vec<u8>) {
            decode(&bytes);
        }
    }
}
