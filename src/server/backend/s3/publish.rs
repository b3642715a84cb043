//! Making a staged share an object, in one step: by one put, or by an upload in parts that appears when it is completed.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use http::StatusCode;

use super::calls::Failure;
use super::objects::Settled;
use super::staging::Entry;
use super::{S3Backend, length};
use crate::format::{ShareNum, StorageIndex};
use crate::net::Dial;
use crate::net::s3::{Condition, ETag, Put};
use crate::server::backend::BackendError;

/// Parts that are made at the same time.
const PARTS_AT_ONCE: usize = 4;

impl<D: Dial> S3Backend<D> {
    pub(super) async fn publish_staged(
        &self,
        index: StorageIndex,
        share: ShareNum,
    ) -> Result<(), BackendError> {
        let entry = self.staging.get(index, share)?;
        let key = self.keys.immutable(index, share);
        // Unless it is known that it would not be kept. Without it, the same share is put twice at worst.
        let kept = *self.conditions() != Some(false);
        let condition = if kept { Condition::IfNoneMatch } else { Condition::Always };
        let mut settled = self.made(&key, &entry, &condition).await;
        if condition != Condition::Always
            && settled.as_ref().is_err_and(|failure| failure.error.is(StatusCode::NOT_IMPLEMENTED))
        {
            settled = self.made(&key, &entry, &Condition::Always).await;
        }
        if settled? == Settled::Refused {
            // Somebody else was first. Shares of one index and number are the same, unless somebody wants mischief.
            let length = self.head(&key).await?.map(|head| head.length);
            if length != Some(entry.size) {
                return Err(BackendError::Exists);
            }
        }
        self.notes().add_share(index, share);
        self.room.replaced(0, entry.size);
        self.staging.remove(index, share);
        self.remove_pieces(&entry).await;
        Ok(())
    }

    async fn made(&self, key: &str, entry: &Arc<Entry>, condition: &Condition) -> Result<Settled, Failure> {
        if entry.piece_count() == 1 {
            let body = self.piece(entry, 0).await?;
            let mut put = Put::new(key.to_owned(), body);
            put.condition = condition.clone();
            return self.put(&put).await;
        }
        self.abort_upload_of(key, entry).await;
        let create = async |when| self.client.create_upload(key, &when).await;
        let upload = self.calls.run("CreateMultipartUpload", 0, create).await?;
        *entry.upload() = Some(upload.clone());
        let settled = self.uploaded(key, entry, &upload, condition).await;
        match settled {
            Ok(Settled::Stored(_)) => *entry.upload() = None,
            _ => self.abort_upload_of(key, entry).await,
        }
        settled
    }

    async fn uploaded(
        &self,
        key: &str,
        entry: &Arc<Entry>,
        upload: &str,
        condition: &Condition,
    ) -> Result<Settled, Failure> {
        let parts: Vec<ETag> = stream::iter(0..entry.piece_count())
            .map(|piece| self.part(key, entry, upload, piece))
            .buffered(PARTS_AT_ONCE)
            .try_collect()
            .await?;
        let complete = async |when| self.client.complete_upload(key, upload, &parts, condition, &when).await;
        let failure = match self.calls.run("CompleteMultipartUpload", 0, complete).await {
            Ok(()) => return Ok(Settled::Stored(None)),
            Err(failure) => failure,
        };
        // After the upload was completed it is not there any more, so a second try may fail for the success of the first.
        if failure.is_ambiguous() && self.head(key).await?.is_some_and(|head| head.length == entry.size) {
            return Ok(Settled::Stored(None));
        }
        let refused = failure.error.is(StatusCode::PRECONDITION_FAILED);
        if refused { Ok(Settled::Refused) } else { Err(failure) }
    }

    /// Uploads a piece, or has it copied if it is in the bucket.
    async fn part(&self, key: &str, entry: &Arc<Entry>, upload: &str, piece: u64) -> Result<ETag, Failure> {
        let number = usize::try_from(piece).unwrap_or(usize::MAX).saturating_add(1);
        let held = entry.pieces.lock().await.held(piece);
        if held.is_none() {
            let source = entry.piece_key(piece);
            let copy = async |when| self.client.copy_part(key, upload, number, &source, &when).await;
            match self.calls.run("UploadPartCopy", 0, copy).await {
                Err(failure) if failure.error.is(StatusCode::NOT_IMPLEMENTED) => {}
                copied => return copied,
            }
        }
        let body = match held {
            Some(body) => body,
            None => self.piece(entry, piece).await?,
        };
        let bytes = length(&body);
        let send = async |when| self.client.upload_part(key, upload, number, body.clone(), &when).await;
        self.calls.run("UploadPart", bytes, send).await
    }

    /// The bytes of a piece, wherever it is.
    async fn piece(&self, entry: &Entry, piece: u64) -> Result<Bytes, Failure> {
        let held = entry.pieces.lock().await.held(piece);
        let bytes = match held {
            Some(bytes) => bytes,
            None if entry.piece_bytes(piece) == 0 => Bytes::new(),
            None => self.stored_piece(entry, piece, 0..u64::MAX).await?,
        };
        if length(&bytes) == entry.piece_bytes(piece) {
            Ok(bytes)
        } else {
            Err(Failure::damaged("PUT", "a staged share is not all there"))
        }
    }

    /// Aborts the upload that was begun of a staged share, if any. What fails is left to a sweep.
    pub(super) async fn abort_upload_of(&self, key: &str, entry: &Entry) {
        let upload = entry.upload().take();
        if let Some(upload) = upload.filter(|_| !self.sweep.is_due()) {
            let abort = async |when| self.client.abort_upload(key, &upload, &when).await;
            if self.calls.once(abort).await.is_err() {
                self.sweep.make_due();
            }
        }
    }
}
