//! Reads that a backend cannot answer in one piece.

use std::collections::BTreeSet;
use std::future::Future;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use bytes::Bytes;
use lafs::format::{ShareNum, StorageIndex};
use lafs::net::client::Progress;
use lafs::server::StorageServer;
use lafs::server::backend::{Backend, BackendError, CorruptionReport, Lease, MemoryBackend};
use lafs::server::clock::UnixTime;

use crate::a_client::{INDEX, SHARE, client};
use crate::in_memory::{SWISSNUM, Wire, paused, served};

/// A backend that reads a few bytes at a time, as one on a disk would.
struct Piecewise(MemoryBackend);

macro_rules! forward {
    ($($name:ident($($arg:ident: $type:ty),*) -> $ok:ty;)+) => {
        $(fn $name(&self, $($arg: $type),*) -> impl Future<Output = Result<$ok, BackendError>> {
            self.0.$name($($arg),*)
        })+
    };
}

impl Backend for Piecewise {
    forward! {
        shares(index: StorageIndex) -> BTreeSet<ShareNum>;
        share_len(index: StorageIndex, share: ShareNum) -> Option<u64>;
        create(index: StorageIndex, share: ShareNum, size: u64) -> ();
        write(index: StorageIndex, share: ShareNum, offset: u64, data: Bytes) -> ();
        read_staged(index: StorageIndex, share: ShareNum, range: Range<u64>) -> Bytes;
        publish(index: StorageIndex, share: ShareNum) -> ();
        discard(index: StorageIndex, share: ShareNum) -> ();
        discard_incomplete() -> ();
        add_or_renew_lease(index: StorageIndex, lease: Lease) -> ();
        leases(index: StorageIndex) -> Vec<Lease>;
        record_corruption(report: CorruptionReport) -> ();
        free_space() -> u64;
        staged_bytes() -> u64;
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
}

#[test]
fn a_long_read_is_put_together_from_pieces() {
    paused().block_on(async {
        let (wire, backend) = (Wire::default(), MemoryBackend::new(1000));
        let content: Bytes = (0..100).collect();
        backend.put(INDEX, SHARE, content.clone());
        let clock = Arc::new(|| UnixTime(0));
        let server = StorageServer::start(Piecewise(backend), SWISSNUM, clock).await.unwrap();
        let client = client(&wire);
        served(&wire, &server, async {
            let progress = Progress::default();
            for range in [0..100, 3..10, 3..11, 50..1000, 99..100, 100..200, 93..100] {
                let read = client.read(INDEX, SHARE, range.clone(), &progress).await.unwrap();
                let end = range.end.min(100);
                let expected = usize::try_from(range.start.min(end)).unwrap()..usize::try_from(end).unwrap();
                assert_eq!(read, content.slice(expected), "{range:?}");
            }
        })
        .await;
        assert_eq!(wire.dialled.load(Relaxed), 1);
    });
}
