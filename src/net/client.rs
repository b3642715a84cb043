//! Requests to one storage server.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use bytes::Bytes;
use thiserror::Error;

use super::message::{Allocated, LeaseSecrets, UploadSecret, Version, Written};
use super::{Dial, ServerInfo};
use crate::format::{ShareNum, StorageIndex};
use crate::plan::policy::TransportPolicy;

/// Why a request got no usable answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RequestError {
    /// No connection.
    #[error("cannot connect: {0}")]
    Connect(std::io::ErrorKind),
    /// The connection ended or broke before the answer was complete.
    #[error("connection lost: {0}")]
    Lost(String),
    /// Nothing moved for too long.
    #[error("no answer for {} s", .0.as_secs_f32())]
    Silent(std::time::Duration),
    /// The server said no.
    #[error("the server answered {0}")]
    Status(u16),
    /// The answer does not follow the protocol.
    #[error("malformed answer: {0}")]
    Malformed(String),
}

/// Body bytes of one request that have moved so far, in its main direction. Shared with whoever watches.
pub type Progress = Arc<AtomicU64>;

/// Talks to one storage server, keeping connections for reuse.
pub struct StorageClient<D> {
    dial: D,
    info: ServerInfo,
    policy: TransportPolicy,
}

#[expect(clippy::todo, clippy::unused_async, unused_variables, reason = "signatures first")]
impl<D: Dial> StorageClient<D> {
    /// Nothing is dialled yet.
    pub fn new(dial: D, info: ServerInfo, policy: TransportPolicy) -> Self {
        Self { dial, info, policy }
    }

    /// `GET version`.
    pub async fn version(&self) -> Result<Version, RequestError> {
        todo!()
    }

    /// The complete shares held for `index`.
    pub async fn shares(&self, index: StorageIndex) -> Result<BTreeSet<ShareNum>, RequestError> {
        todo!()
    }

    /// Asks for room for `shares`, of `size` bytes each.
    pub async fn allocate(
        &self,
        index: StorageIndex,
        shares: &BTreeSet<ShareNum>,
        size: u64,
        leases: &LeaseSecrets,
        secret: &UploadSecret,
    ) -> Result<Allocated, RequestError> {
        todo!()
    }

    /// Stores `data` at `offset` of an allocated share. `progress` counts the bytes taken by the connection.
    pub async fn write(
        &self,
        index: StorageIndex,
        share: ShareNum,
        offset: u64,
        data: Bytes,
        secret: &UploadSecret,
        progress: &Progress,
    ) -> Result<Written, RequestError> {
        todo!()
    }

    /// Forgets an allocated share.
    pub async fn abort(
        &self,
        index: StorageIndex,
        share: ShareNum,
        secret: &UploadSecret,
    ) -> Result<(), RequestError> {
        todo!()
    }

    /// Bytes `range` of a complete share: fewer where the share ends earlier, none past its end.
    /// `progress` counts the body bytes received.
    pub async fn read(
        &self,
        index: StorageIndex,
        share: ShareNum,
        range: Range<u64>,
        progress: &Progress,
    ) -> Result<Bytes, RequestError> {
        todo!()
    }

    /// Adds or renews a lease on every share of `index`. False if the server has none.
    pub async fn add_lease(&self, index: StorageIndex, leases: &LeaseSecrets) -> Result<bool, RequestError> {
        todo!()
    }

    /// Tells the server that a share is corrupt.
    pub async fn report_corrupt(
        &self,
        index: StorageIndex,
        share: ShareNum,
        reason: &str,
    ) -> Result<(), RequestError> {
        todo!()
    }
}

impl<D> StorageClient<D> {
    /// The server this talks to.
    pub fn info(&self) -> &ServerInfo {
        &self.info
    }
}
