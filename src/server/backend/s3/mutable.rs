//! Mutable shares: each an object that is put under the condition that it is still in the state that was seen.

use std::collections::BTreeMap;
use std::ops::Range;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::calls::Failure;
use super::objects::Settled;
use super::{OPENING_BYTES, S3Backend, container, length, lock_of};
use crate::format::{ShareNum, StorageIndex};
use crate::net::Dial;
use crate::net::s3::{Condition, ETag, Object, ObjectHead, Put};
use crate::server::MUTABLE_SHARE_BYTES_MAX;
use crate::server::backend::{BackendError, Change, Lease, MutableHead, MutableShare, Stamp};

/// Shares of one index that are asked about at the same time.
const HEADS_AT_ONCE: usize = 8;
/// The longest object of a mutable share.
const OBJECT_BYTES_MAX: u64 = MUTABLE_SHARE_BYTES_MAX + container::NONCE_BYTES as u64;

impl<D: Dial> S3Backend<D> {
    pub(super) async fn list_mutable(
        &self,
        index: StorageIndex,
    ) -> Result<std::collections::BTreeSet<ShareNum>, BackendError> {
        Ok(self.share_numbers(&self.keys.mutables(index)).await?)
    }

    pub(super) async fn slot(
        &self,
        index: StorageIndex,
    ) -> Result<BTreeMap<ShareNum, MutableHead>, BackendError> {
        let shares = self.list_mutable(index).await?;
        let heads: Vec<(ShareNum, Option<MutableHead>)> = stream::iter(shares)
            .map(async |share| self.opened(index, share).await.map(|head| (share, head)))
            .buffered(HEADS_AT_ONCE)
            .try_collect()
            .await?;
        if heads.iter().all(|(_, head)| head.is_some()) {
            return Ok(heads.into_iter().filter_map(|(share, head)| Some((share, head?))).collect());
        }
        // Deleted meanwhile, or listed and not shown: only of what is not listed any more is that to be believed.
        let still = self.list_mutable(index).await?;
        if heads.iter().any(|(share, head)| head.is_none() && still.contains(share)) {
            return Err(Failure::damaged("GET", "a share that is listed is said not to be there").into());
        }
        Ok(heads.into_iter().filter_map(|(share, head)| Some((share, head?))).collect())
    }

    /// The head of a share with its first bytes; `None` if there is no such share.
    async fn opened(&self, index: StorageIndex, share: ShareNum) -> Result<Option<MutableHead>, Failure> {
        let key = self.keys.mutable(index, share);
        let (head, data) = match self.get(&key, 0..OPENING_BYTES, OPENING_BYTES).await? {
            Object::Absent => return Ok(None),
            Object::Piece { head, data } => (head, data),
            // An empty object, which is not of our making, has no first byte.
            Object::PastEnd => match self.head(&key).await? {
                None => return Ok(None),
                Some(head) => (head, Bytes::new()),
            },
        };
        let length = content_bytes(&head)?;
        let enabler = container::enabler(&head.metadata);
        let enabler = enabler.ok_or_else(|| Failure::damaged("GET", "a share without a write enabler"))?;
        let opening = clipped(data, 0, length);
        Ok(Some(MutableHead { enabler, length, stamp: stamp(&head.etag, length), opening }))
    }

    pub(super) async fn read_mutable(
        &self,
        index: StorageIndex,
        share: ShareNum,
        range: Range<u64>,
    ) -> Result<Option<Bytes>, BackendError> {
        let key = self.keys.mutable(index, share);
        if range.is_empty() {
            return Ok(self.head(&key).await?.map(|_| Bytes::new()));
        }
        let start = range.start;
        Ok(match self.get(&key, range, OBJECT_BYTES_MAX).await? {
            Object::Absent => None,
            Object::PastEnd => Some(Bytes::new()),
            Object::Piece { head, data } => Some(clipped(data, start, content_bytes(&head)?)),
        })
    }

    pub(super) async fn store(
        &self,
        index: StorageIndex,
        changes: BTreeMap<ShareNum, Change>,
        lease: Option<Lease>,
    ) -> Result<(), BackendError> {
        let _slot = lock_of(&self.slots, index).await;
        let (mut old, mut new) = (0u64, 0u64);
        for change in changes.values() {
            let after = change.after.as_ref().map_or(0, |after| length(&after.content));
            if after > MUTABLE_SHARE_BYTES_MAX {
                return Err(BackendError::NoSpace);
            }
            new = new.saturating_add(after);
            old = old.saturating_add(parse(change.before.as_ref())?.map_or(0, |(_, length)| length));
        }
        if new > old && new - old > self.free().await? {
            return Err(BackendError::NoSpace);
        }
        let conditions = changes.is_empty() || self.keeps_conditions().await?;
        // One change under a condition needs no look before it; several shall all happen or none.
        let looked = changes.len() > 1 || !conditions;
        if looked {
            self.all_unchanged(index, &changes).await?;
        }
        if let Some(lease) = lease {
            let is_new = !changes.is_empty() && changes.values().all(|change| change.before.is_none());
            self.add_lease(index, lease, is_new).await?;
        }
        let mut deleted = false;
        for (share, change) in changes {
            let key = self.keys.mutable(index, share);
            let before = parse(change.before.as_ref())?;
            let now = change.after.as_ref().map_or(0, |after| length(&after.content));
            match change.after {
                Some(after) => {
                    let etag = before.as_ref().map(|(etag, _)| etag.clone());
                    self.replace(key, etag.filter(|_| conditions), before.is_none() && conditions, &after)
                        .await?;
                }
                None => {
                    if !looked
                        && self.head(&key).await?.map(|head| head.etag)
                            != before.as_ref().map(|b| b.0.clone())
                    {
                        return Err(BackendError::Changed);
                    }
                    deleted = true;
                    self.delete(&key).await?;
                }
            }
            self.room.replaced(before.map_or(0, |(_, length)| length), now);
        }
        if deleted {
            self.forget_leases_of_nothing(index).await;
        }
        Ok(())
    }

    /// [`BackendError::Changed`] unless every share is in the state named.
    async fn all_unchanged(
        &self,
        index: StorageIndex,
        changes: &BTreeMap<ShareNum, Change>,
    ) -> Result<(), BackendError> {
        for (&share, change) in changes {
            let before = parse(change.before.as_ref())?.map(|(etag, _)| etag);
            let head = self.head(&self.keys.mutable(index, share)).await?;
            if head.map(|head| head.etag) != before {
                return Err(BackendError::Changed);
            }
        }
        Ok(())
    }

    /// Puts a share, in place of that state, or where there must be none, or whatever is there.
    async fn replace(
        &self,
        key: String,
        before: Option<ETag>,
        must_be_new: bool,
        after: &MutableShare,
    ) -> Result<(), BackendError> {
        let mut put = Put::new(key, container::seal(&after.content, &self.calls.nonce()));
        put.metadata = container::headers(&after.enabler);
        put.condition = match before {
            Some(etag) => Condition::IfMatch(etag),
            None if must_be_new => Condition::IfNoneMatch,
            None => Condition::Always,
        };
        match self.put(&put).await? {
            Settled::Stored(_) => Ok(()),
            Settled::Refused => Err(BackendError::Changed),
        }
    }
}

fn content_bytes(head: &ObjectHead) -> Result<u64, Failure> {
    let length = container::content_bytes(&head.metadata, head.length);
    length.ok_or_else(|| Failure::damaged("GET", "metadata that make no sense"))
}

/// Of `data`, which begins at `start` of an object, what is within the share of so many bytes.
fn clipped(mut data: Bytes, start: u64, content_bytes: u64) -> Bytes {
    data.truncate(usize::try_from(content_bytes.saturating_sub(start)).unwrap_or(usize::MAX));
    data
}

/// The tag of the object, and how long the share is.
fn stamp(etag: &ETag, length: u64) -> Stamp {
    Stamp(Bytes::from(format!("{length} {}", etag.as_str())))
}

/// What [`stamp`] made; no such stamp is that of any state.
fn parse(stamp: Option<&Stamp>) -> Result<Option<(ETag, u64)>, BackendError> {
    let Some(Stamp(bytes)) = stamp else { return Ok(None) };
    let parts = || {
        let (length, etag) = std::str::from_utf8(bytes).ok()?.split_once(' ')?;
        Some((ETag::parse(etag)?, length.parse().ok()?))
    };
    parts().map(Some).ok_or(BackendError::Changed)
}
