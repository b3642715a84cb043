//! The disk of a simulated server as its program sees it: the real backend, unless a fault says that it is full or
//! that it loses what it has taken.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::Range;
use std::rc::Rc;

use bytes::Bytes;
use lafs::format::{ShareNum, StorageIndex};
use lafs::server::backend::{Backend, BackendError, CorruptionReport, Lease, MemoryBackend};

use super::front::Annotations;
use crate::net::HostId;
use crate::record::Recorder;
use crate::schedule::FaultKind;

/// A backend that faults can reach.
pub(super) struct Disk {
    inner: MemoryBackend,
    host: HostId,
    recorder: Recorder,
    annotations: Rc<RefCell<Annotations>>,
}

impl Disk {
    /// What is stored in `inner`.
    pub(super) fn new(
        inner: MemoryBackend,
        host: HostId,
        recorder: Recorder,
        annotations: Rc<RefCell<Annotations>>,
    ) -> Self {
        Self { inner, host, recorder, annotations }
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
}

impl Backend for Disk {
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
        self.inner.share_bytes_max()
    }

    async fn create(&self, index: StorageIndex, share: ShareNum, size: u64) -> Result<(), BackendError> {
        if self.is_full() {
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
            let bytes = self.inner.remove(index, share).map_or(0, |content| content.len() as u64);
            self.annotations.borrow_mut().lost.insert((index, share));
            self.recorder.bite(fault, 1, bytes);
        } else {
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
}
