//! The uploads under way: which shares are being written, with what secret, and since when.
//!
//! Held in memory only: a server that starts again knows of no upload.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::lock::{Mutex as AsyncMutex, MutexGuard as AsyncMutexGuard};

use super::backend::{Backend, BackendError};
use super::clock::UnixTime;
use super::mutable::Slots;
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

    /// When it is forgotten unless it is touched.
    fn ends(&self) -> UnixTime {
        UnixTime(self.touched.load(Relaxed)).plus(UPLOAD_SECONDS)
    }
}

/// All incomplete shares of a server.
#[derive(Debug, Default)]
pub(super) struct Uploads {
    table: Mutex<Table>,
    /// Held while shares of an index are being allocated or forgotten.
    allocating: Slots,
}

#[derive(Debug, Default)]
struct Table {
    uploads: BTreeMap<Key, Arc<Upload>>,
    /// Nothing expires before.
    next_expiry: UnixTime,
}

impl Uploads {
    /// Keeps others from allocating and forgetting shares of `index`.
    pub(super) async fn allocating(&self, index: StorageIndex) -> AsyncMutexGuard<'_, ()> {
        self.allocating.lock(index).await
    }

    /// The upload of one share.
    pub(super) fn get(&self, index: StorageIndex, share: ShareNum) -> Option<Arc<Upload>> {
        self.lock().uploads.get(&(index, share)).cloned()
    }

    /// Records a share that is about to be staged.
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

    /// Whether `upload` is still that of the share: not completed, aborted or forgotten in the meantime.
    pub(super) fn is_current(&self, index: StorageIndex, share: ShareNum, upload: &Arc<Upload>) -> bool {
        self.lock().uploads.get(&(index, share)).is_some_and(|current| Arc::ptr_eq(current, upload))
    }

    /// Forgets a share, of which nothing is staged any more.
    pub(super) fn remove(&self, index: StorageIndex, share: ShareNum) {
        self.lock().uploads.remove(&(index, share));
    }

    /// Whether another upload would be one too many.
    pub(super) fn is_full(&self) -> bool {
        self.lock().uploads.len() >= UPLOADS_MAX
    }

    /// Discards what is staged of a share, and forgets it. False if its upload was over already.
    pub(super) async fn discard(
        &self,
        backend: &impl Backend,
        index: StorageIndex,
        share: ShareNum,
        upload: &Arc<Upload>,
    ) -> Result<bool, BackendError> {
        let _written = upload.written.lock().await;
        // A write or an abort that held the lock may have ended it.
        if !self.is_current(index, share, upload) {
            return Ok(false);
        }
        backend.discard(index, share).await?;
        self.remove(index, share);
        Ok(true)
    }

    /// Discards and forgets what has not been written to for too long. What cannot be discarded, or not
    /// before this future is dropped, is left to the next call.
    pub(super) async fn expire(&self, backend: &impl Backend, now: UnixTime) {
        if now < self.lock().next_expiry {
            return;
        }
        let expired = self.lock().expired(now);
        for ((index, share), upload) in expired {
            // Nobody may stage a share anew between its being discarded and its being forgotten.
            let _allocating = self.allocating(index).await;
            // No affair of the request that happens to be the next.
            self.discard(backend, index, share, &upload).await.ok();
        }
        self.lock().note_next_expiry();
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn expired(&self, now: UnixTime) -> Vec<(Key, Arc<Upload>)> {
        let expired = self.uploads.iter().filter(|(_, upload)| upload.ends() <= now);
        expired.map(|(key, upload)| (*key, Arc::clone(upload))).collect()
    }

    fn note_next_expiry(&mut self) {
        let ends = self.uploads.values().map(|upload| upload.ends());
        self.next_expiry = ends.min().unwrap_or(UnixTime(u64::MAX));
    }
}
