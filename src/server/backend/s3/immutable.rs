//! Immutable shares: listing and reading them, staging, forgetting what was staged, and reports about them.

use std::collections::BTreeSet;
use std::ops::Range;

use bytes::Bytes;

use super::staging::{Entry, SHARE_BYTES_MAX};
use super::{READ_BYTES_MAX, S3Backend};
use crate::format::{ShareNum, StorageIndex};
use crate::net::Dial;
use crate::net::s3::{Object, Put};
use crate::server::backend::{BackendError, CorruptionReport};

impl<D: Dial> S3Backend<D> {
    pub(super) async fn list_immutable(
        &self,
        index: StorageIndex,
    ) -> Result<BTreeSet<ShareNum>, BackendError> {
        let shares = self.share_numbers(&self.keys.immutables(index)).await?;
        self.notes().set_shares(index, shares.clone());
        Ok(shares)
    }

    pub(super) async fn read_immutable(
        &self,
        index: StorageIndex,
        share: ShareNum,
        range: Range<u64>,
    ) -> Result<Option<Bytes>, BackendError> {
        let key = self.keys.immutable(index, share);
        if range.is_empty() {
            return Ok(self.head(&key).await?.map(|_| Bytes::new()));
        }
        // Whoever asks for all of a share whose length nobody knows gets it if it is no longer than that.
        let bytes_max = if range.end == u64::MAX { READ_BYTES_MAX } else { range.end - range.start };
        Ok(match self.get(&key, range, bytes_max).await? {
            Object::Absent => None,
            Object::PastEnd => Some(Bytes::new()),
            Object::Piece { data, .. } => Some(data),
        })
    }

    pub(super) async fn stage(
        &self,
        index: StorageIndex,
        share: ShareNum,
        size: u64,
    ) -> Result<(), BackendError> {
        self.sweep_if_due().await;
        let known = self.notes().shares(index).map(|shares| shares.contains(&share));
        let exists = match known {
            Some(exists) => exists,
            None => self.head(&self.keys.immutable(index, share)).await?.is_some(),
        };
        if exists || self.staging.get(index, share).is_ok() {
            return Err(BackendError::Exists);
        }
        if size > SHARE_BYTES_MAX || size > self.free().await? {
            return Err(BackendError::NoSpace);
        }
        let prefix = self.keys.staged(index, share, u64::from_be_bytes(self.calls.nonce()));
        if self.staging.insert((index, share), size, prefix) { Ok(()) } else { Err(BackendError::Exists) }
    }

    pub(super) async fn discard_staged(&self, index: StorageIndex, share: ShareNum) {
        let Some(entry) = self.staging.remove(index, share) else { return };
        self.remove_pieces(&entry).await;
        self.abort_upload_of(&self.keys.immutable(index, share), &entry).await;
        // Of others nobody here has ever heard; this costs requests, and leases of nothing harm nobody.
        if self.notes().leases(index).is_some() && !self.sweep.is_due() {
            self.forget_leases_of_nothing(index).await;
        }
    }

    /// Deletes the pieces of a share that is no longer staged. What fails is left to a sweep.
    pub(super) async fn remove_pieces(&self, entry: &Entry) {
        let put = entry.pieces.lock().await.put();
        for piece in put {
            if self.sweep.is_due() {
                return;
            }
            let key = entry.piece_key(piece);
            if self.calls.once(async |when| self.client.delete(&key, &when).await).await.is_err() {
                self.sweep.make_due();
            }
        }
    }

    /// One object for each report, as many as are to be kept and no more; the oldest is written over, as far as this
    /// program knows which that is.
    pub(super) async fn report(&self, report: CorruptionReport) -> Result<(), BackendError> {
        let text = format!("{} {}\n{}\n", report.index, report.share, report.reason);
        let number = self.notes().next_report();
        self.put(&Put::new(self.keys.report(number), text.into())).await?;
        Ok(())
    }
}
