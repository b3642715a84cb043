//! Immutable shares: allocating, writing, aborting, listing, reading, reporting.

use std::collections::BTreeSet;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::request::Parts;
use http::{Response, StatusCode, header};
use http_body::Frame;
use http_body_util::StreamBody;
use hyper::body::Incoming;

use super::access::{self, Secrets};
use super::backend::{Backend, BackendError};
use super::reply::{self, Refusal};
use super::upload::Upload;
use super::{ALLOCATE_BYTES_MAX, SPANS_MAX, StorageServer, WRITE_BYTES_MAX, share};
use crate::format::{ShareNum, StorageIndex};
use crate::net::message::{self, Allocate, Allocated, Written};
use crate::net::range;
use crate::net::serve::ResponseBody;

impl<B: Backend + 'static> StorageServer<B> {
    pub(super) async fn allocate(
        &self,
        index: StorageIndex,
        secrets: &Secrets,
        head: &Parts,
        body: &mut Incoming,
    ) -> Result<Response<ResponseBody>, Refusal> {
        reply::accepts_cbor(&head.headers)?;
        reply::is_cbor(&head.headers)?;
        let wanted = Allocate::decode(&reply::whole(body, ALLOCATE_BYTES_MAX).await?)?;
        let now = (self.clock)();
        self.uploads.expire(&*self.backend, now).await;
        let _allocating = self.uploads.allocating(index).await;
        let already_have = self.backend.shares(index).await?;
        let mut allocated = BTreeSet::new();
        for share in wanted.share_numbers {
            let busy = already_have.contains(&share) || self.uploads.get(index, share).is_some();
            if busy || self.uploads.is_full() {
                continue;
            }
            // Recorded first, so that it is forgotten in time should the client go away in the middle.
            self.uploads.insert(index, share, secrets.upload(), wanted.allocated_size, now);
            match self.backend.create(index, share, wanted.allocated_size).await {
                Ok(()) => drop(allocated.insert(share)),
                Err(error) => {
                    self.uploads.remove(index, share);
                    // Without room, or completed a moment ago, it is left out.
                    if !matches!(error, BackendError::NoSpace | BackendError::Exists) {
                        self.take_back(index, &allocated).await?;
                        return Err(error.into());
                    }
                }
            }
        }
        if !(already_have.is_empty() && allocated.is_empty())
            && let Err(error) = self.backend.add_or_renew_lease(index, self.new_lease(secrets)).await
        {
            self.take_back(index, &allocated).await?;
            return Err(error.into());
        }
        Ok(reply::cbor(StatusCode::OK, Allocated { already_have, allocated }.encode()))
    }

    /// Undoes an allocation that nobody will be told of.
    async fn take_back(&self, index: StorageIndex, shares: &BTreeSet<ShareNum>) -> Result<(), BackendError> {
        for &share in shares {
            if let Some(upload) = self.uploads.get(index, share) {
                self.uploads.discard(&*self.backend, index, share, &upload).await?;
            }
        }
        Ok(())
    }

    pub(super) async fn write(
        &self,
        index: StorageIndex,
        share: ShareNum,
        secrets: &Secrets,
        head: &Parts,
        body: &mut Incoming,
    ) -> Result<Response<ResponseBody>, Refusal> {
        reply::accepts_cbor(&head.headers)?;
        let unsatisfiable = || Refusal::new(StatusCode::RANGE_NOT_SATISFIABLE);
        let said = head
            .headers
            .get(header::CONTENT_RANGE)
            .and_then(|value| range::parse_content_range(value.as_bytes()))
            .ok_or_else(unsatisfiable)?;
        if said.total.is_some_and(|total| total <= said.range.start) {
            return Err(unsatisfiable());
        }
        let upload = self.upload(index, share, secrets).await?.ok_or(Refusal::new(StatusCode::NOT_FOUND))?;
        if said.range.end > upload.size {
            return Err(unsatisfiable());
        }
        let length = said.range.end - said.range.start;
        if length > WRITE_BYTES_MAX {
            return Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE));
        }
        let length = usize::try_from(length).map_err(|_| Refusal::new(StatusCode::PAYLOAD_TOO_LARGE))?;
        upload.touch((self.clock)());
        let data = reply::start(body, length).await?;
        reply::drain(body).await;
        let short = data.len() < length;
        let written = self.store(index, share, &upload, said.range.start, data).await?;
        if short {
            // What came is kept, but whoever announced more must not take this for success.
            return Err(Refusal::new(StatusCode::BAD_REQUEST));
        }
        let status = if written.complete { StatusCode::CREATED } else { StatusCode::OK };
        Ok(reply::cbor(status, written.encode()))
    }

    async fn store(
        &self,
        index: StorageIndex,
        share: ShareNum,
        upload: &Arc<Upload>,
        offset: u64,
        data: Bytes,
    ) -> Result<Written, Refusal> {
        let mut written = upload.written.lock().await;
        if !self.uploads.is_current(index, share, upload) {
            // Aborted or forgotten in the meantime; what is staged now belongs to another upload.
            return Err(Refusal::new(StatusCode::NOT_FOUND));
        }
        if !data.is_empty() {
            let range = offset..offset + u64::try_from(data.len()).unwrap_or(u64::MAX);
            if written.len_with(&range) > SPANS_MAX {
                return Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE));
            }
            for overlap in written.within(&range) {
                let held = self.backend.read_staged(index, share, overlap.clone()).await?;
                let start = usize::try_from(overlap.start - offset).unwrap_or(usize::MAX);
                if data.get(start..).and_then(|rest| rest.get(..held.len())) != Some(&*held) {
                    return Err(Refusal::new(StatusCode::CONFLICT));
                }
            }
            self.backend.write(index, share, offset, data).await?;
            written.insert(range);
            upload.touch((self.clock)());
        }
        let required = written.missing(upload.size);
        let complete = required.is_empty();
        if complete {
            self.backend.publish(index, share).await?;
            self.uploads.remove(index, share);
        }
        Ok(Written { complete, required })
    }

    pub(super) async fn abort(
        &self,
        index: StorageIndex,
        share: ShareNum,
        secrets: &Secrets,
    ) -> Result<Response<ResponseBody>, Refusal> {
        if let Some(upload) = self.upload(index, share, secrets).await?
            && self.uploads.discard(&*self.backend, index, share, &upload).await?
        {
            return Ok(reply::empty(StatusCode::OK));
        }
        let complete = self.backend.share_len(index, share).await?.is_some();
        let status = if complete { StatusCode::METHOD_NOT_ALLOWED } else { StatusCode::NOT_FOUND };
        Err(Refusal::new(status))
    }

    /// The upload of a share, `None` if it is not being written; 401 if the secret is another one.
    async fn upload(
        &self,
        index: StorageIndex,
        share: ShareNum,
        secrets: &Secrets,
    ) -> Result<Option<Arc<Upload>>, Refusal> {
        self.uploads.expire(&*self.backend, (self.clock)()).await;
        let upload = self.uploads.get(index, share);
        match &upload {
            Some(upload) if !access::same(&upload.secret, secrets.upload()) => {
                Err(Refusal::new(StatusCode::UNAUTHORIZED))
            }
            _ => Ok(upload),
        }
    }

    pub(super) async fn list(
        &self,
        index: StorageIndex,
        head: &Parts,
    ) -> Result<Response<ResponseBody>, Refusal> {
        reply::accepts_cbor(&head.headers)?;
        let shares = self.backend.shares(index).await?;
        Ok(reply::cbor(StatusCode::OK, message::encode_shares(&shares)))
    }

    pub(super) async fn read(
        &self,
        index: StorageIndex,
        share: ShareNum,
        head: &Parts,
    ) -> Result<Response<ResponseBody>, Refusal> {
        let absent = || Refusal::new(StatusCode::NOT_FOUND);
        let asked = share::asked(&head.headers)?;
        let range = asked.clone().unwrap_or(0..u64::MAX);
        let (length, body) = if range.end - range.start <= self.backend.read_bytes_max() {
            let data = self.backend.read(index, share, range.clone()).await?.ok_or_else(absent)?;
            (u64::try_from(data.len()).unwrap_or(u64::MAX), ResponseBody::full(data))
        } else {
            let share_len = self.backend.share_len(index, share).await?.ok_or_else(absent)?;
            let clipped = range.start.min(share_len)..range.end.min(share_len);
            (clipped.end - clipped.start, self.pieces(index, share, clipped))
        };
        share::piece(asked, length, body)
    }

    /// A body that reads a share, within its length, piece by piece as the client takes it.
    fn pieces(&self, index: StorageIndex, share: ShareNum, range: Range<u64>) -> ResponseBody {
        let backend = Arc::clone(&self.backend);
        let pieces = stream::unfold(Some(range), move |rest| {
            let backend = Arc::clone(&backend);
            async move {
                let rest = rest.filter(|rest| !rest.is_empty())?;
                let end = rest.end.min(rest.start.saturating_add(backend.read_bytes_max().max(1)));
                match backend.read(index, share, rest.start..end).await {
                    Ok(Some(data)) if u64::try_from(data.len()) == Ok(end - rest.start) => {
                        Some((Ok(Frame::data(data)), Some(end..rest.end)))
                    }
                    Ok(_) => Some((Err(io::ErrorKind::UnexpectedEof.into()), None)),
                    Err(error) => Some((Err(io::Error::other(error)), None)),
                }
            }
        });
        ResponseBody::boxed(StreamBody::new(pieces.boxed_local()))
    }

    pub(super) async fn corrupt(
        &self,
        index: StorageIndex,
        share: ShareNum,
        head: &Parts,
        body: &mut Incoming,
    ) -> Result<Response<ResponseBody>, Refusal> {
        let exists = self.backend.share_len(index, share).await?.is_some();
        self.note_corrupt(index, share, exists, head, body).await
    }
}
