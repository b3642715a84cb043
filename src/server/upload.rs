//! The uploads under way: which shares are being written, with what secret, and since when.
//!
//! Held in memory only: a server that starts again knows of no upload.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::lock::Mutex as AsyncMutex;

use super::backend::{Backend, BackendError};
use super::clock::UnixTime;
use super::spans::Spans;
use super::{UPLOAD_SECONDS, UPLOADS_MAX};
use crate::format::{ShareNum, StorageIndex};

type Key = (StorageIndex, ShareNum);

/// One incomplete share.
#[derive(Debug)]
pub(super) struct Upload {
    /// Grants access.
    pub(super) secret: Box<[u8]>,
    /// The promised length in bytes.
    pub(super) size: u64,
    /// What has been written. Whoever changes the staged share holds this.
    pub(super) written: AsyncMutex<Spans>,
    touched: AtomicU64,
}

impl Upload {
    /// Restarts the time after which the upload is forgotten.
    pub(super) fn touch(&self, now: UnixTime) {
        self.touched.fetch_max(now.0, Relaxed);
    }
}

/// All incomplete shares of a server.
#[derive(Debug, Default)]
pub(super) struct Uploads {
    table: Mutex<Table>,
    /// Held while shares are being allocated, so that a staged share that is in no table is a leftover.
    pub(super) allocating: AsyncMutex<()>,
}

#[derive(Debug, Default)]
struct Table {
    uploads: BTreeMap<Key, Arc<Upload>>,
    /// Nothing expires before.
    next_expiry: UnixTime,
}

impl Uploads {
    /// The upload of one share.
    pub(super) fn get(&self, index: StorageIndex, share: ShareNum) -> Option<Arc<Upload>> {
        self.lock().uploads.get(&(index, share)).cloned()
    }

    /// Records a staged share.
    pub(super) fn insert(
        &self,
        index: StorageIndex,
        share: ShareNum,
        secret: &[u8],
        size: u64,
        now: UnixTime,
    ) {
        let upload = Upload {
            secret: secret.into(),
            size,
            written: AsyncMutex::new(Spans::default()),
            touched: AtomicU64::new(now.0),
        };
        let mut table = self.lock();
        table.next_expiry = table.next_expiry.min(now.plus(UPLOAD_SECONDS));
        table.uploads.insert((index, share), Arc::new(upload));
    }

    /// Forgets a share, whatever becomes of what is staged.
    pub(super) fn remove(&self, index: StorageIndex, share: ShareNum) {
        self.lock().uploads.remove(&(index, share));
    }

    /// Whether another upload would be one too many.
    pub(super) fn is_full(&self) -> bool {
        self.lock().uploads.len() >= UPLOADS_MAX
    }

    /// Forgets and discards what has not been written to for too long.
    pub(super) async fn expire(&self, backend: &impl Backend, now: UnixTime) -> Result<(), BackendError> {
        if now < self.lock().next_expiry {
            return Ok(());
        }
        // Nobody may stage a share anew between its being forgotten and its being discarded.
        let _allocating = self.allocating.lock().await;
        let expired = self.lock().take_expired(now);
        for ((index, share), upload) in expired {
            let _written = upload.written.lock().await;
            backend.discard(index, share).await?;
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn take_expired(&mut self, now: UnixTime) -> Vec<(Key, Arc<Upload>)> {
        let ends = |upload: &Upload| UnixTime(upload.touched.load(Relaxed)).plus(UPLOAD_SECONDS);
        let expired = self.uploads.extract_if(.., |_, upload| ends(upload) <= now).collect();
        self.next_expiry =
            self.uploads.values().map(|upload| ends(upload)).min().unwrap_or(UnixTime(u64::MAX));
        expired
    }
}
