//! A backend in memory that behaves like one on a disk: it reads a few bytes at a time, and whatever changes
//! something takes a second to come back, by which time it has happened.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use lafs::format::{ShareNum, StorageIndex};
use lafs::server::backend::{
    Backend, BackendError, Change, CorruptionReport, Lease, MemoryBackend, MutableHead,
};

/// How old what it says of mutable shares is by the time it is said.
pub(crate) const MUTABLE_PAUSE: Duration = Duration::from_millis(100);

pub(crate) struct DiskLike(pub(crate) MemoryBackend);

macro_rules! forward {
    ($pause:expr; $($name:ident($($arg:ident: $type:ty),*) -> $ok:ty;)+) => {
        $(fn $name(&self, $($arg: $type),*) -> impl Future<Output = Result<$ok, BackendError>> {
            async move {
                let result = self.0.$name($($arg),*).await;
                tokio::time::sleep($pause).await;
                result
            }
        })+
    };
}

impl Backend for DiskLike {
    forward! {
        Duration::ZERO;
        shares(index: StorageIndex) -> BTreeSet<ShareNum>;
        share_len(index: StorageIndex, share: ShareNum) -> Option<u64>;
        read_staged(index: StorageIndex, share: ShareNum, range: Range<u64>) -> Bytes;
        discard_incomplete() -> ();
        leases(index: StorageIndex) -> Vec<Lease>;
        free_space() -> u64;
        staged_bytes() -> u64;
        mutable_shares(index: StorageIndex) -> BTreeSet<ShareNum>;
    }

    forward! {
        MUTABLE_PAUSE;
        mutable_slot(index: StorageIndex) -> BTreeMap<ShareNum, MutableHead>;
        mutable_read(index: StorageIndex, share: ShareNum, range: Range<u64>) -> Option<Bytes>;
    }

    forward! {
        Duration::from_secs(1);
        create(index: StorageIndex, share: ShareNum, size: u64) -> ();
        write(index: StorageIndex, share: ShareNum, offset: u64, data: Bytes) -> ();
        publish(index: StorageIndex, share: ShareNum) -> ();
        discard(index: StorageIndex, share: ShareNum) -> ();
        add_or_renew_lease(index: StorageIndex, lease: Lease) -> ();
        record_corruption(report: CorruptionReport) -> ();
        mutable_store(index: StorageIndex, changes: BTreeMap<ShareNum, Change>, lease: Option<Lease>) -> ();
    }

    async fn read(
        &self,
        index: StorageIndex,
        share: ShareNum,
        range: Range<u64>,
    ) -> Result<Option<Bytes>, BackendError> {
        assert!(range.end - range.start <= self.read_bytes_max());
        self.0.read(index, share, range).await
    }

    fn read_bytes_max(&self) -> u64 {
        7
    }

    fn share_bytes_max(&self) -> u64 {
        self.0.share_bytes_max()
    }
}
