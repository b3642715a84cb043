//! Removing what uploads left in the bucket that were never completed: staged pieces, and uploads in parts.
//!
//! At the start, and if that fails, or something is left later, when the next share is staged. It is never worth a retry,
//! nor an error.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use futures_util::lock::Mutex as AsyncMutex;
use http::StatusCode;

use super::S3Backend;
use crate::net::Dial;
use crate::net::s3::S3Error;

/// A sweep that failed is not tried again before, in seconds.
const PAUSE_SECONDS: u64 = 60;

/// Whether there is something to sweep.
#[derive(Debug, Default)]
pub(super) struct Due {
    due: AtomicBool,
    not_before: AtomicU64,
    sweeping: AsyncMutex<()>,
}

impl Due {
    pub(super) fn make_due(&self) {
        self.due.store(true, Relaxed);
    }

    /// Then nobody cleans up behind himself, either: the service was failing a moment ago.
    pub(super) fn is_due(&self) -> bool {
        self.due.load(Relaxed)
    }
}

/// A sweep under way; it is due again unless it was done.
struct Unfinished<'a> {
    sweep: &'a Due,
    done: bool,
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if !self.done {
            self.sweep.make_due();
        }
    }
}

impl<D: Dial> S3Backend<D> {
    /// Sweeps if it is due and was not tried a moment ago. Whoever comes meanwhile goes on.
    pub(super) async fn sweep_if_due(&self) {
        let now = self.calls.now();
        if !self.sweep.due.load(Relaxed) || now < self.sweep.not_before.load(Relaxed) {
            return;
        }
        let Some(_sweeping) = self.sweep.sweeping.try_lock() else { return };
        // What becomes due meanwhile is due again; so is a sweep that is cut off.
        self.sweep.due.store(false, Relaxed);
        let mut unfinished = Unfinished { sweep: &self.sweep, done: false };
        self.sweep.not_before.store(now.saturating_add(PAUSE_SECONDS), Relaxed);
        unfinished.done = matches!(self.swept().await, Ok(true));
    }

    /// Removes a page of pieces and a page of uploads, and says whether that was all.
    async fn swept(&self) -> Result<bool, S3Error> {
        let prefix = self.keys.all_staged();
        let pieces = self.calls.once(async |when| self.client.list(&prefix, None, &when).await).await?;
        for entry in pieces.entries.iter().filter(|entry| !self.staging.is_in_use(&entry.key, None)) {
            self.calls.once(async |when| self.client.delete(&entry.key, &when).await).await?;
        }
        let prefix = self.keys.all_immutable();
        let uploads = self.calls.once(async |when| self.client.list_uploads(&prefix, &when).await).await;
        let uploads = match uploads {
            Ok(uploads) => uploads,
            // Then nobody can have left one there either.
            Err(error) if error.is(StatusCode::NOT_IMPLEMENTED) => return Ok(pieces.next.is_none()),
            Err(error) => return Err(error),
        };
        for left in &uploads.uploads {
            if !self.staging.is_in_use(&left.key, Some(&left.upload)) {
                let abort = async |when| self.client.abort_upload(&left.key, &left.upload, &when).await;
                self.calls.once(abort).await?;
            }
        }
        Ok(pieces.next.is_none() && !uploads.is_truncated)
    }
}
