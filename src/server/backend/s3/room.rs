//! What shares take and may take. Without a capacity nobody counts.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{S3Backend, container};
use crate::net::Dial;
use crate::server::backend::BackendError;

/// What is said to be free where there is no bound: more than anybody asks for.
const UNBOUNDED: u64 = 1 << 60;
/// Pages of keys that are listed to learn what is used: a hundred million shares.
const PAGES_MAX: usize = 100_000;

/// Bytes used, once they have been counted.
#[derive(Debug)]
pub(super) struct Room {
    capacity: Option<u64>,
    used: Mutex<Option<u64>>,
}

impl Room {
    pub(super) fn new(capacity: Option<u64>) -> Self {
        Self { capacity, used: Mutex::new(None) }
    }

    /// `old` bytes were stored where now there are `new`.
    pub(super) fn replaced(&self, old: u64, new: u64) {
        if let Some(used) = &mut *self.lock() {
            *used = used.saturating_add(new).saturating_sub(old);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<u64>> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<D: Dial> S3Backend<D> {
    /// Bytes that can still be promised. The first call lists the bucket if there is a capacity.
    pub(super) async fn free(&self) -> Result<u64, BackendError> {
        let promised = self.staging.promised();
        let Some(capacity) = self.room.capacity else { return Ok(UNBOUNDED.saturating_sub(promised)) };
        let known = *self.room.lock();
        let used = match known {
            Some(used) => used,
            None => {
                let used = self.count().await?;
                *self.room.lock() = Some(used);
                used
            }
        };
        Ok(capacity.saturating_sub(used).saturating_sub(self.staging.promised()))
    }

    async fn count(&self) -> Result<u64, BackendError> {
        let mut used = 0u64;
        let nonce = u64::try_from(container::NONCE_BYTES).unwrap_or(0);
        for (prefix, beside) in [(self.keys.all_immutable(), 0), (self.keys.all_mutable(), nonce)] {
            for entry in self.list(&prefix, PAGES_MAX).await? {
                used = used.saturating_add(entry.size.unwrap_or(0).saturating_sub(beside));
            }
        }
        Ok(used)
    }
}
