//! Reads that a backend cannot answer in one piece.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use bytes::Bytes;
use lafs::net::client::Progress;
use lafs::server::StorageServer;
use lafs::server::backend::MemoryBackend;
use lafs::server::clock::UnixTime;

use crate::a_client::{INDEX, SHARE, client};
use crate::disk_like::DiskLike;
use crate::in_memory::{SWISSNUM, Wire, paused, served};

#[test]
fn a_long_read_is_put_together_from_pieces() {
    paused().block_on(async {
        let (wire, backend) = (Wire::default(), MemoryBackend::new(1000));
        let content: Bytes = (0..100).collect();
        backend.put(INDEX, SHARE, content.clone());
        let clock = Arc::new(|| UnixTime(0));
        let server = StorageServer::start(DiskLike(backend), SWISSNUM, clock).await.unwrap();
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
