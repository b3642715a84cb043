//! Where a storage server keeps shares and leases, behind one trait.
//!
//! No protocol, no secrets and no clock: who may write what, and until when, is the server's affair.
//! [`MemoryBackend`] is here; a disk and an object store fit the same promises.

use std::collections::BTreeSet;
use std::future::Future;
use std::ops::Range;

use bytes::Bytes;
use thiserror::Error;

use crate::format::{ShareNum, StorageIndex};
use crate::server::clock::UnixTime;

mod memory;

pub use memory::MemoryBackend;

/// How many leases one storage index can have.
pub const LEASES_MAX: usize = 1024;
/// How many corruption reports are kept; the oldest goes first.
pub const CORRUPTION_REPORTS_MAX: usize = 256;

/// Why a backend did not do what it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BackendError {
    /// What is stored and promised leaves too little room.
    #[error("no space left")]
    NoSpace,
    /// The share is already staged or complete.
    #[error("share already exists")]
    Exists,
    /// The share is not staged.
    #[error("share is not staged")]
    NotStaged,
    /// The bytes are outside the size the share was staged with.
    #[error("write outside the share")]
    OutOfBounds,
    /// The storage index has [`LEASES_MAX`] leases.
    #[error("too many leases")]
    TooManyLeases,
    /// The medium failed.
    #[error("storage failed: {0}")]
    Io(std::io::ErrorKind),
}

/// A promise to keep the shares of a storage index for some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// Names the lease and renews it.
    pub renew: [u8; 32],
    /// Would cancel it; recorded, though no request of the protocol does.
    pub cancel: [u8; 32],
    /// When it ends.
    pub expires: UnixTime,
}

/// Somebody says that a share is corrupt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CorruptionReport {
    /// Of which storage index.
    pub index: StorageIndex,
    /// Which share.
    pub share: ShareNum,
    /// In the reporter's words.
    pub reason: String,
}

/// A store of immutable shares.
///
/// A share is *staged* (being written, invisible to every reading method) or *complete* (readable,
/// never changed again). The two are told apart by the backend alone, across restarts.
///
/// **What "returned Ok" promises.** After [`publish`](Self::publish) the whole share is as durable as
/// the medium can make it and visible to every later call; before that, a crash loses the staged share
/// and leaves nothing half visible. The same durability holds for
/// [`add_or_renew_lease`](Self::add_or_renew_lease).
/// [`create`](Self::create) and [`write`](Self::write) promise only until the program ends, so
/// an object store may collect the bytes anywhere and upload one object when publishing. A
/// call that is dropped before it returned may have happened or not; it never happened in part, except
/// that a dropped write may have stored any part of its bytes.
///
/// The server calls the writing methods of one share one at a time; everything else at any time.
pub trait Backend {
    /// The complete shares of `index`.
    fn shares(&self, index: StorageIndex) -> impl Future<Output = Result<BTreeSet<ShareNum>, BackendError>>;

    /// The length of a complete share in bytes, `None` if there is none.
    fn share_len(
        &self,
        index: StorageIndex,
        share: ShareNum,
    ) -> impl Future<Output = Result<Option<u64>, BackendError>>;

    /// Bytes `range` of a complete share, clipped to its end (empty from there on); `None` if there is no
    /// such share. The caller asks for at most [`read_bytes_max`](Self::read_bytes_max) at a time.
    fn read(
        &self,
        index: StorageIndex,
        share: ShareNum,
        range: Range<u64>,
    ) -> impl Future<Output = Result<Option<Bytes>, BackendError>>;

    /// The longest range worth reading in one piece: what a read costs in memory. A backend
    /// whose reads share stored memory says `u64::MAX`.
    fn read_bytes_max(&self) -> u64;

    /// The longest share it takes, in bytes, whatever room there is: a file system or an object store
    /// may bound its files. `u64::MAX` where nothing does.
    fn share_bytes_max(&self) -> u64;

    /// Stages a share of exactly `size` bytes and promises room for them.
    /// [`BackendError::NoSpace`] if there is none or the share is too long, [`BackendError::Exists`] if it is staged or complete.
    fn create(
        &self,
        index: StorageIndex,
        share: ShareNum,
        size: u64,
    ) -> impl Future<Output = Result<(), BackendError>>;

    /// Puts `data` at `offset` of a staged share, over whatever was there.
    fn write(
        &self,
        index: StorageIndex,
        share: ShareNum,
        offset: u64,
        data: Bytes,
    ) -> impl Future<Output = Result<(), BackendError>>;

    /// Bytes `range` of a staged share, all of which have been written.
    fn read_staged(
        &self,
        index: StorageIndex,
        share: ShareNum,
        range: Range<u64>,
    ) -> impl Future<Output = Result<Bytes, BackendError>>;

    /// Makes a staged share, all of which has been written, complete.
    fn publish(&self, index: StorageIndex, share: ShareNum)
    -> impl Future<Output = Result<(), BackendError>>;

    /// Forgets a staged share and its promised space. Nothing happens if it is not staged.
    fn discard(&self, index: StorageIndex, share: ShareNum)
    -> impl Future<Output = Result<(), BackendError>>;

    /// Forgets every staged share: called once, before a server starts.
    fn discard_incomplete(&self) -> impl Future<Output = Result<(), BackendError>>;

    /// Gives every share of `index` this lease. If it has one with the same renew secret, that one
    /// ends at the later of both expirations; otherwise it is added.
    fn add_or_renew_lease(
        &self,
        index: StorageIndex,
        lease: Lease,
    ) -> impl Future<Output = Result<(), BackendError>>;

    /// The leases of `index`, in the order in which they were added.
    fn leases(&self, index: StorageIndex) -> impl Future<Output = Result<Vec<Lease>, BackendError>>;

    /// Keeps a corruption report for the operator: the last [`CORRUPTION_REPORTS_MAX`].
    fn record_corruption(&self, report: CorruptionReport) -> impl Future<Output = Result<(), BackendError>>;

    /// Bytes that can still be promised: what staged shares were promised is already taken off.
    fn free_space(&self) -> impl Future<Output = Result<u64, BackendError>>;

    /// Bytes promised to staged shares.
    fn staged_bytes(&self) -> impl Future<Output = Result<u64, BackendError>>;
}
