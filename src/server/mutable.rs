//! Mutable shares: testing and writing in one step, listing, reading, reporting.
//!
//! Here is what a test means and what bytes come of writes. That nothing is half changed, and nobody's change is undone by
//! somebody who did not see it, is what the backend promises.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures_util::lock::{Mutex as AsyncMutex, MutexGuard};
use http::request::Parts;
use http::{Response, StatusCode};
use hyper::body::Incoming;

use super::access::{self, Secrets};
use super::backend::{Backend, BackendError, Change, MutableHead, MutableShare};
use super::reply::{self, Refusal};
use super::{CHANGED_BYTES_MAX, MUTABLE_SHARE_BYTES_MAX, StorageServer, TEST_WRITE_BYTES_MAX, share};
use crate::format::{ShareNum, StorageIndex};
use crate::net::message::{self, READ_BYTES_MAX, ReadTestWrite, TestWrite, TestWritten};
use crate::net::serve::ResponseBody;

/// More slots than this are never written to at the same moment.
const LOCKS: usize = 64;
/// How often a request begins anew because a share changed under it.
const TRIES_MAX: u32 = 4;

type Heads = BTreeMap<ShareNum, MutableHead>;

/// Whoever tests and writes, or makes room for shares, holds the lock of the slot. Some slots have a lock in common.
#[derive(Debug)]
pub(super) struct Slots([AsyncMutex<()>; LOCKS]);

impl Default for Slots {
    fn default() -> Self {
        Self(std::array::from_fn(|_| AsyncMutex::new(())))
    }
}

impl Slots {
    pub(super) async fn lock(&self, index: StorageIndex) -> MutexGuard<'_, ()> {
        self.0[usize::from(index.0[0]) % LOCKS].lock().await
    }
}

impl<B: Backend + 'static> StorageServer<B> {
    pub(super) async fn test_write(
        &self,
        index: StorageIndex,
        secrets: &Secrets,
        head: &Parts,
        body: &mut Incoming,
    ) -> Result<Response<ResponseBody>, Refusal> {
        reply::accepts_cbor(&head.headers)?;
        reply::is_cbor(&head.headers)?;
        let asked = ReadTestWrite::decode(&reply::whole(body, TEST_WRITE_BYTES_MAX).await?)?;
        if asked.vectors.values().any(is_too_long) {
            return Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE));
        }
        let _slot = self.slots.lock(index).await;
        let mut tries = 1;
        loop {
            match self.attempt(index, &asked, secrets).await {
                Err(refusal) if refusal == BackendError::Changed.into() && tries < TRIES_MAX => tries += 1,
                outcome => return Ok(reply::cbor(StatusCode::OK, outcome?.encode())),
            }
        }
    }

    async fn attempt(
        &self,
        index: StorageIndex,
        asked: &ReadTestWrite,
        secrets: &Secrets,
    ) -> Result<TestWritten, Refusal> {
        let heads = self.backend.mutable_slot(index).await?;
        if !heads.values().all(|head| access::same(&head.enabler, secrets.enabler())) {
            return Err(Refusal::new(StatusCode::UNAUTHORIZED));
        }
        let success = self.holds(index, &heads, asked).await?;
        let data = self.read_all(index, &heads, asked).await?;
        if success {
            self.change(index, &heads, asked, secrets).await?;
        }
        Ok(TestWritten { success, data })
    }

    /// Whether every test of every share holds.
    async fn holds(
        &self,
        index: StorageIndex,
        heads: &Heads,
        asked: &ReadTestWrite,
    ) -> Result<bool, BackendError> {
        for (&share, wanted) in &asked.vectors {
            for test in &wanted.test {
                let found = match heads.get(&share) {
                    Some(head) => self.part(index, share, head, test.offset, test.size).await?,
                    None => Bytes::new(),
                };
                if found != test.specimen {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    async fn read_all(
        &self,
        index: StorageIndex,
        heads: &Heads,
        asked: &ReadTestWrite,
    ) -> Result<BTreeMap<ShareNum, Vec<Bytes>>, Refusal> {
        let lengths = heads.values().flat_map(|head| {
            asked.read.iter().map(|span| head.length.saturating_sub(span.offset).min(span.size))
        });
        if lengths.fold(0, u64::saturating_add) > READ_BYTES_MAX {
            return Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE));
        }
        let mut data = BTreeMap::new();
        for (&share, head) in heads {
            let mut pieces = Vec::with_capacity(asked.read.len());
            for span in &asked.read {
                pieces.push(self.part(index, share, head, span.offset, span.size).await?);
            }
            data.insert(share, pieces);
        }
        Ok(data)
    }

    /// Bytes of a share in the state of `head`, as far as could be noticed.
    async fn part(
        &self,
        index: StorageIndex,
        share: ShareNum,
        head: &MutableHead,
        offset: u64,
        size: u64,
    ) -> Result<Bytes, BackendError> {
        let range = offset.min(head.length)..offset.saturating_add(size).min(head.length);
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        let place = |offset| usize::try_from(offset).ok();
        if let Some((start, end)) = place(range.start).zip(place(range.end))
            && end <= head.opening.len()
        {
            return Ok(head.opening.slice(start..end));
        }
        let length = range.end - range.start;
        let found = self.backend.mutable_read(index, share, range).await?;
        found.filter(|found| u64::try_from(found.len()) == Ok(length)).ok_or(BackendError::Changed)
    }

    async fn change(
        &self,
        index: StorageIndex,
        heads: &Heads,
        asked: &ReadTestWrite,
        secrets: &Secrets,
    ) -> Result<(), Refusal> {
        let lengths = asked.vectors.iter().map(|(share, wanted)| length_after(heads.get(share), wanted));
        if lengths.fold(0, u64::saturating_add) > CHANGED_BYTES_MAX {
            return Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE));
        }
        let (mut changes, mut remain) = (BTreeMap::new(), false);
        for (&share, wanted) in &asked.vectors {
            let head = heads.get(&share);
            let before = head.map(|head| head.stamp.clone());
            if wanted.new_length == Some(0) {
                if before.is_some() {
                    changes.insert(share, Change { before, after: None });
                }
                continue;
            }
            remain = true;
            let kept = head.is_some_and(|head| head.length == length_after(Some(head), wanted));
            if kept && wanted.write.is_empty() {
                continue;
            }
            let enabler = match head {
                Some(head) => head.enabler.clone(),
                None => Bytes::copy_from_slice(secrets.enabler()),
            };
            let content = self.rewritten(index, share, head, wanted).await?;
            changes.insert(share, Change { before, after: Some(MutableShare { enabler, content }) });
        }
        let lease = remain.then(|| self.new_lease(secrets));
        if !changes.is_empty() || lease.is_some() {
            self.backend.mutable_store(index, changes, lease).await?;
        }
        Ok(())
    }

    /// The content of a share after these writes. What of the old one is overwritten anyway is not read.
    async fn rewritten(
        &self,
        index: StorageIndex,
        share: ShareNum,
        head: Option<&MutableHead>,
        wanted: &TestWrite,
    ) -> Result<Bytes, BackendError> {
        let too_long = |_| BackendError::NoSpace;
        let after = length_after(head, wanted);
        let length = usize::try_from(after).map_err(too_long)?;
        let mut content = Vec::new();
        content.try_reserve_exact(length).map_err(|_| BackendError::NoSpace)?;
        if let Some(head) = head {
            let kept = head.length.min(after);
            if !wanted.write.iter().any(|write| write.offset == 0 && end(0, &write.data) >= kept) {
                content.extend_from_slice(&self.part(index, share, head, 0, kept).await?);
            }
        }
        for write in &wanted.write {
            let start = usize::try_from(write.offset).map_err(too_long)?.min(length);
            let data = &write.data[..write.data.len().min(length - start)];
            let end = start + data.len();
            if start == content.len() {
                content.extend_from_slice(data);
            } else {
                content.resize(content.len().max(end), 0);
                content[start..end].copy_from_slice(data);
            }
        }
        Ok(Bytes::from(content))
    }

    pub(super) async fn list_mutable(
        &self,
        index: StorageIndex,
        head: &Parts,
    ) -> Result<Response<ResponseBody>, Refusal> {
        reply::accepts_cbor(&head.headers)?;
        let shares = self.backend.mutable_shares(index).await?;
        Ok(reply::cbor(StatusCode::OK, message::encode_shares(&shares)))
    }

    pub(super) async fn read_mutable(
        &self,
        index: StorageIndex,
        share: ShareNum,
        head: &Parts,
    ) -> Result<Response<ResponseBody>, Refusal> {
        let asked = share::asked(&head.headers)?;
        let range = asked.clone().unwrap_or(0..u64::MAX);
        // In one piece: the share may be another one by the time a second could be read.
        let data = self.backend.mutable_read(index, share, range).await?;
        let data = data.ok_or(Refusal::new(StatusCode::NOT_FOUND))?;
        share::piece(asked, u64::try_from(data.len()).unwrap_or(u64::MAX), ResponseBody::full(data))
    }

    pub(super) async fn corrupt_mutable(
        &self,
        index: StorageIndex,
        share: ShareNum,
        head: &Parts,
        body: &mut Incoming,
    ) -> Result<Response<ResponseBody>, Refusal> {
        let exists = self.backend.mutable_shares(index).await?.contains(&share);
        self.note_corrupt(index, share, exists, head, body).await
    }
}

fn end(offset: u64, data: &Bytes) -> u64 {
    offset.saturating_add(u64::try_from(data.len()).unwrap_or(u64::MAX))
}

/// How long a share will be.
fn length_after(head: Option<&MutableHead>, wanted: &TestWrite) -> u64 {
    let ends = wanted.write.iter().map(|write| end(write.offset, &write.data));
    let length = ends.fold(head.map_or(0, |head| head.length), u64::max);
    wanted.new_length.map_or(length, |cut| cut.min(length))
}

/// Whether a write goes past the longest share there may be.
fn is_too_long(wanted: &TestWrite) -> bool {
    let ends = wanted.write.iter().map(|write| end(write.offset, &write.data));
    wanted.new_length != Some(0) && ends.fold(0, u64::max) > MUTABLE_SHARE_BYTES_MAX
}
