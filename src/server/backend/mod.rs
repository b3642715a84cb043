//! Where a storage server keeps shares and leases, behind one trait.
//!
//! No protocol, no secrets and no clock: who may write what, and until when, is the server's affair.
//! [`MemoryBackend`] and [`S3Backend`] are here; a disk fits the same promises.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::ops::Range;

use bytes::Bytes;
use thiserror::Error;

use crate::format::{ShareNum, StorageIndex};
use crate::net::message::Trouble;
use crate::server::clock::UnixTime;

mod memory;
pub mod s3;
mod slots;

pub use memory::MemoryBackend;
pub use s3::{S3Backend, S3Config};

/// How many leases one storage index can have.
pub const LEASES_MAX: usize = 1024;
/// How many corruption reports are kept; the oldest goes first.
pub const CORRUPTION_REPORTS_MAX: usize = 256;

/// Why a backend did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
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
    /// A mutable share is not as it was when its stamp was taken. Nothing was stored.
    #[error("share has changed in the meantime")]
    Changed,
    /// The storage index has [`LEASES_MAX`] leases.
    #[error("too many leases")]
    TooManyLeases,
    /// The medium failed.
    #[error("storage failed: {0}")]
    Io(std::io::ErrorKind),
    /// The medium is a service of its own, and said or did something wrong.
    #[error("storage failed: {0}")]
    Medium(Box<Trouble>),
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

/// Names one state of one mutable share. It is another one after every change, even to bytes that were there
/// before: an object store has such a thing as the tag of an object, others can count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp(pub Bytes);

/// What there is to know of a mutable share but its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MutableHead {
    /// What whoever writes to it must show.
    pub enabler: Bytes,
    /// In bytes.
    pub length: u64,
    /// Which state this is.
    pub stamp: Stamp,
    /// As many of its first bytes, in this state, as came along. May be none.
    pub opening: Bytes,
}

/// A mutable share as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MutableShare {
    /// What whoever writes to it must show: recorded when it was first written.
    pub enabler: Bytes,
    /// Its bytes.
    pub content: Bytes,
}

/// What a mutable share was, and what it is to become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The state it was in; `None` if it did not exist.
    pub before: Option<Stamp>,
    /// What takes its place; `None` deletes it.
    pub after: Option<MutableShare>,
}

/// A store of immutable and of mutable shares. The two do not know of each other, but have their leases in common.
///
/// An immutable share is *staged* (being written, invisible to every reading method) or *complete* (readable,
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
///
/// **Mutable shares** are only ever replaced as a whole, by [`mutable_store`](Self::mutable_store), and only if they are
/// still in the state that the caller has seen. What a test is, and what bytes come of writes, the server works out for
/// every backend alike, from [`mutable_slot`](Self::mutable_slot) and the ranges it needs. So a backend needs no more than a
/// put under a condition: a rename under a lock on a disk, one object for each share with `If-Match` or `If-None-Match`
/// in an object store. The stamps, not the server's locks, are what keeps a call that was dropped and happens
/// late, or another server on the same medium, from undoing what came in between.
///
/// **Unreadable is never absent.** A share that exists, and of which the medium does not say what is asked, is an error:
/// were it left out of [`mutable_slot`](Self::mutable_slot), a writer whose test says that there is no such share would
/// overwrite it.
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

    /// The mutable shares of `index`, without opening them: one that cannot be read is among them.
    fn mutable_shares(
        &self,
        index: StorageIndex,
    ) -> impl Future<Output = Result<BTreeSet<ShareNum>, BackendError>>;

    /// All there is to know of the mutable shares of `index` but their contents; an error if that cannot be said of one
    /// of them.
    fn mutable_slot(
        &self,
        index: StorageIndex,
    ) -> impl Future<Output = Result<BTreeMap<ShareNum, MutableHead>, BackendError>>;

    /// Bytes `range` of a mutable share, clipped to its end (empty from there on); `None` if there is no such share.
    /// All of them are of one state, whatever is stored meanwhile, and a range of any length is read in one piece.
    fn mutable_read(
        &self,
        index: StorageIndex,
        share: ShareNum,
        range: Range<u64>,
    ) -> impl Future<Output = Result<Option<Bytes>, BackendError>>;

    /// Makes all these changes to shares of `index`, and gives the index `lease` as
    /// [`add_or_renew_lease`](Self::add_or_renew_lease) does.
    ///
    /// Ok promises that every share named is what it was to become, as durable as the medium can make it, and visible
    /// to every later call. Each share changes in one step, for readers and across a crash. An error promises that nothing changed:
    /// [`BackendError::Changed`] if a share was not in the state named, [`BackendError::NoSpace`] if they grow by
    /// more than there is room for or one is longer than [`share_bytes_max`](Self::share_bytes_max),
    /// [`BackendError::TooManyLeases`]. Only after [`BackendError::Io`], [`BackendError::Medium`] or a crash, may some of several shares be changed and
    /// others not; where servers share a medium that cannot do better, also if another one changed a share at
    /// this very moment.
    fn mutable_store(
        &self,
        index: StorageIndex,
        changes: BTreeMap<ShareNum, Change>,
        lease: Option<Lease>,
    ) -> impl Future<Output = Result<(), BackendError>>;
}
