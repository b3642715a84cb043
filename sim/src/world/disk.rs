//! The disk of a simulated server as its program sees it: the real backend, unless a fault says that it is full or
//! that it loses what it has taken.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::rc::Rc;

use bytes::Bytes;
use lafs::format::{ShareNum, StorageIndex};
use lafs::server::backend::{Backend, BackendError, Change, CorruptionReport, Lease, MutableHead};

use super::front::Annotations;
use super::slots::{Kind, Shelf};
use crate::net::HostId;
use crate::record::Recorder;
use crate::schedule::FaultKind;

/// A backend that faults can reach.
pub(super) struct Disk<B> {
    inner: Rc<B>,
    /// What is stored in it.
    shelf: Shelf,
    host: HostId,
    recorder: Recorder,
    annotations: Rc<RefCell<Annotations>>,
}

impl<B: Backend> Disk<B> {
    /// Stores in `inner`, so that it is on `shelf`.
    pub(super) fn new(
        inner: Rc<B>,
        shelf: Shelf,
        host: HostId,
        recorder: Recorder,
        annotations: Rc<RefCell<Annotations>>,
    ) -> Self {
        Self { inner, shelf, host, recorder, annotations }
    }

    /// Whether a fault leaves no room; it bites whoever asks for some.
    fn is_full(&self) -> bool {
        let full = |kind: &FaultKind| matches!(kind, FaultKind::Full);
        let fault = self.recorder.records().book.active_on(self.host, full);
        if let Some(fault) = fault {
            self.recorder.bite(fault, 1, 0);
        }
        fault.is_some()
    }

    /// A share was written. In a bucket that may not be so: who keeps its objects knows better.
    fn found(&self, index: StorageIndex, share: ShareNum) {
        if self.shelf.objects().is_none() {
            self.annotations.borrow_mut().lost.remove(&(index, share));
        }
    }

    /// Whether mutable shares will take more room than they do.
    fn grows(&self, index: StorageIndex, changes: &BTreeMap<ShareNum, Change>) -> bool {
        let before = changes.keys().filter_map(|share| self.shelf.get(Kind::Mutable, index, *share));
        let before: usize = before.map(|held| held.content.len()).sum();
        let after = changes.values().filter_map(|change| change.after.as_ref());
        after.map(|after| after.content.len()).sum::<usize>() > before
    }
}

impl<B: Backend> Backend for Disk<B> {
    async fn shares(&self, index: StorageIndex) -> Result<BTreeSet<ShareNum>, BackendError> {
        self.inner.shares(index).await
    }

    async fn share_len(&self, index: StorageIndex, share: ShareNum) -> Result<Option<u64>, BackendError> {
        self.inner.share_len(index, share).await
    }

    async fn read(
        &self,
        index: StorageIndex,
        share: ShareNum,
        range: Range<u64>,
    ) -> Result<Option<Bytes>, BackendError> {
        self.inner.read(index, share, range).await
    }

    fn read_bytes_max(&self) -> u64 {
        self.inner.read_bytes_max()
    }

    fn share_bytes_max(&self) -> u64 {
        self.inner.share_bytes_max().min(self.shelf.disk().share_bytes_max())
    }

    async fn create(&self, index: StorageIndex, share: ShareNum, size: u64) -> Result<(), BackendError> {
        if size > self.share_bytes_max() || self.is_full() {
            return Err(BackendError::NoSpace);
        }
        self.inner.create(index, share, size).await
    }

    async fn write(
        &self,
        index: StorageIndex,
        share: ShareNum,
        offset: u64,
        data: Bytes,
    ) -> Result<(), BackendError> {
        self.inner.write(index, share, offset, data).await
    }

    async fn read_staged(
        &self,
        index: StorageIndex,
        share: ShareNum,
        range: Range<u64>,
    ) -> Result<Bytes, BackendError> {
        self.inner.read_staged(index, share, range).await
    }

    async fn publish(&self, index: StorageIndex, share: ShareNum) -> Result<(), BackendError> {
        self.inner.publish(index, share).await?;
        let loser = self.annotations.borrow_mut().loser();
        if let Some(fault) = loser {
            let taken = self.shelf.get(Kind::Immutable, index, share);
            let bytes = taken.map_or(0, |taken| taken.content.len() as u64);
            self.shelf.remove(Kind::Immutable, index, share);
            self.annotations.borrow_mut().lost.insert((index, share));
            self.recorder.bite(fault, 1, bytes);
        } else if self.shelf.get(Kind::Immutable, index, share).is_some() {
            self.annotations.borrow_mut().lost.remove(&(index, share));
        }
        Ok(())
    }

    async fn discard(&self, index: StorageIndex, share: ShareNum) -> Result<(), BackendError> {
        self.inner.discard(index, share).await
    }

    async fn discard_incomplete(&self) -> Result<(), BackendError> {
        self.inner.discard_incomplete().await
    }

    async fn add_or_renew_lease(&self, index: StorageIndex, lease: Lease) -> Result<(), BackendError> {
        self.inner.add_or_renew_lease(index, lease).await
    }

    async fn leases(&self, index: StorageIndex) -> Result<Vec<Lease>, BackendError> {
        self.inner.leases(index).await
    }

    async fn record_corruption(&self, report: CorruptionReport) -> Result<(), BackendError> {
        self.inner.record_corruption(report).await
    }

    async fn free_space(&self) -> Result<u64, BackendError> {
        if self.is_full() {
            return Ok(0);
        }
        self.inner.free_space().await
    }

    async fn staged_bytes(&self) -> Result<u64, BackendError> {
        self.inner.staged_bytes().await
    }

    async fn mutable_shares(&self, index: StorageIndex) -> Result<BTreeSet<ShareNum>, BackendError> {
        self.inner.mutable_shares(index).await
    }

    async fn mutable_slot(
        &self,
        index: StorageIndex,
    ) -> Result<BTreeMap<ShareNum, MutableHead>, BackendError> {
        self.inner.mutable_slot(index).await
    }

    async fn mutable_read(
        &self,
        index: StorageIndex,
        share: ShareNum,
        range: Range<u64>,
    ) -> Result<Option<Bytes>, BackendError> {
        self.inner.mutable_read(index, share, range).await
    }

    async fn mutable_store(
        &self,
        index: StorageIndex,
        changes: BTreeMap<ShareNum, Change>,
        lease: Option<Lease>,
    ) -> Result<(), BackendError> {
        if self.grows(index, &changes) && self.is_full() {
            return Err(BackendError::NoSpace);
        }
        let stored = |share| self.shelf.get(Kind::Mutable, index, share);
        let undo: Vec<_> = changes.keys().map(|&share| (share, stored(share))).collect();
        self.inner.mutable_store(index, changes, lease).await?;
        // What was there before is there again, as on a disk that did not write what it had taken.
        for (share, before) in undo {
            let taken = stored(share).map(|taken| taken.content);
            let loser = self.annotations.borrow_mut().loser();
            let Some(fault) = loser else {
                self.found(index, share);
                let annotations = &mut *self.annotations.borrow_mut();
                let before = before.map(|before| before.content);
                // Otherwise it is as it was, or was lost behind this server.
                if before != taken {
                    annotations.lost.remove(&(index, share));
                    annotations.replaced.insert((index, share), before);
                }
                continue;
            };
            let bytes = taken.map_or(0, |taken| taken.len() as u64);
            match before {
                Some(before) => self.shelf.put(index, share, before),
                None => self.shelf.remove(Kind::Mutable, index, share),
            }
            self.annotations.borrow_mut().lost.insert((index, share));
            self.recorder.bite(fault, 1, bytes);
        }
        Ok(())
    }
}
