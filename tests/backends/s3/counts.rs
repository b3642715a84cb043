//! What a message of the storage protocol costs in requests to the service, when nothing fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use bytes::Bytes;
use lafs::format::ShareNum;
use lafs::net::client::{Progress, StorageClient};
use lafs::net::message::{ReadSpan, ReadTestWrite, Test, TestWrite, Write};
use lafs::server::StorageServer;
use lafs::server::backend::S3Backend;
use lafs::server::backend::s3::LEASE_SLACK_SECONDS;
use lafs::server::clock::{Clock, UnixTime};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::{Bucket, Trick, config};
use crate::a_client::{INDEX, LEASES, SECRET, SHARE, client};
use crate::in_memory::{SWISSNUM, Wire, served};

const ENABLER: [u8; 32] = [3; 32];
const CHECKSTRING: ReadSpan = ReadSpan { offset: 0, size: 41 };

/// A client of a server on a bucket, and the server's clock.
struct Grid<'a> {
    client: StorageClient<Wire>,
    bucket: &'a Bucket,
    seconds: Arc<AtomicU64>,
}

/// Does `work` once a first write has shown the server whether conditions are kept.
fn on_a_grid(work: impl AsyncFnOnce(Grid<'_>)) {
    let bucket = Bucket::new();
    bucket.run(async {
        let seconds = Arc::new(AtomicU64::new(1_790_000_000));
        let clock: Clock = {
            let seconds = Arc::clone(&seconds);
            Arc::new(move || UnixTime(seconds.load(Relaxed)))
        };
        let rng = ChaCha8Rng::seed_from_u64(3);
        let backend = S3Backend::new(bucket.wire.clone(), config("s0/", "ours"), Arc::clone(&clock), rng);
        let server = StorageServer::start(backend, SWISSNUM, clock).await.unwrap();
        assert_eq!(bucket.asked(), ["LIST", "LIST uploads"], "the sweep of a start");
        server.backend().keeps_conditions_now().await;
        let wire = Wire::default();
        let grid = Grid { client: client(&wire), bucket: &bucket, seconds };
        bucket.asked();
        served(&wire, &server, work(grid)).await;
    });
}

trait Learns {
    async fn keeps_conditions_now(&self);
}

impl Learns for S3Backend<Wire> {
    /// The first change of anything is when it finds out.
    async fn keeps_conditions_now(&self) {
        use lafs::server::backend::{Backend, Lease};
        let lease = Lease { renew: [9; 32], cancel: [9; 32], expires: UnixTime(1) };
        self.add_or_renew_lease(lafs::format::StorageIndex([99; 16]), lease).await.unwrap();
    }
}

impl Grid<'_> {
    async fn write(&self, test: Option<Test>, content: Bytes) {
        let wanted = TestWrite {
            test: test.into_iter().collect(),
            new_length: Some(content.len() as u64),
            write: vec![Write { offset: 0, data: content }],
        };
        let asked = ReadTestWrite { vectors: [(SHARE, wanted)].into(), read: vec![CHECKSTRING] };
        let written =
            self.client.read_test_write(INDEX, &asked, &ENABLER, &LEASES, &Progress::default()).await;
        assert!(written.unwrap().success);
    }

    async fn survey(&self) {
        let read = vec![ReadSpan { offset: 0, size: 4000 }];
        let asked = ReadTestWrite { vectors: [].into(), read };
        let read = self.client.read_test_write(INDEX, &asked, &ENABLER, &LEASES, &Progress::default()).await;
        assert_eq!(read.unwrap().data.len(), 1);
    }

    fn cost(&self) -> Vec<String> {
        self.bucket.asked()
    }
}

fn starts_with(content: &Bytes) -> Option<Test> {
    Some(Test { offset: 0, size: 41, specimen: content.slice(..41) })
}

#[test]
fn a_put_to_a_mutable_file_costs_five_requests() {
    on_a_grid(async |grid| {
        let (old, new) = (Bytes::from(vec![1; 1500]), Bytes::from(vec![2; 1600]));
        grid.write(Some(Test::absent()), old.clone()).await;
        assert_eq!(grid.cost(), ["LIST", "PUT", "PUT"], "nothing is there; the lease; the share");
        grid.survey().await;
        grid.write(starts_with(&old), new.clone()).await;
        assert_eq!(grid.cost(), ["LIST", "GET", "LIST", "GET", "PUT"]);
        let long = Bytes::from(vec![3; 300_000]);
        grid.write(starts_with(&new), long.clone()).await;
        grid.write(starts_with(&long), new).await;
        assert_eq!(grid.cost(), ["LIST", "GET", "PUT"].repeat(2), "however long");
    });
}

#[test]
fn a_read_of_a_mutable_share_costs_two_requests() {
    on_a_grid(async |grid| {
        grid.write(None, Bytes::from(vec![1; 5000])).await;
        grid.cost();
        assert_eq!(grid.client.mutable_shares(INDEX).await.unwrap().len(), 1);
        let read = grid.client.mutable_read(INDEX, SHARE, 0..10_000, &Progress::default()).await;
        assert_eq!(read.unwrap().len(), 5000);
        assert_eq!(grid.cost(), ["LIST", "GET"]);
    });
}

#[test]
fn an_immutable_share_costs_four_requests_and_a_read_one() {
    on_a_grid(async |grid| {
        assert!(grid.client.shares(INDEX).await.unwrap().is_empty());
        let wanted = [SHARE].into();
        let allocated = grid.client.allocate(INDEX, &wanted, 800, &LEASES, &SECRET).await.unwrap();
        assert_eq!(allocated.allocated, wanted);
        for (offset, length) in [(0, 500), (500, 300)] {
            let data = Bytes::from(vec![1; length]);
            let progress = Progress::default();
            grid.client.write(INDEX, SHARE, offset, data, &SECRET, &progress).await.unwrap();
        }
        assert_eq!(grid.cost(), ["LIST", "LIST", "PUT", "PUT"], "two listings; the lease; the share");
        let read = grid.client.read(INDEX, SHARE, 100..200, &Progress::default()).await.unwrap();
        assert_eq!((read.len(), grid.cost()), (100, vec!["GET".to_owned()]));
        let more = [ShareNum(0), ShareNum(1)].into();
        grid.client.allocate(INDEX, &more, 800, &LEASES, &SECRET).await.unwrap();
        assert_eq!(grid.cost(), ["LIST"], "the lease is there");
    });
}

#[test]
fn renewing_a_lease_within_a_day_costs_nothing() {
    on_a_grid(async |grid| {
        grid.write(None, Bytes::from(vec![1; 100])).await;
        grid.cost();
        grid.seconds.fetch_add(LEASE_SLACK_SECONDS, Relaxed);
        grid.write(None, Bytes::from(vec![2; 100])).await;
        assert_eq!(grid.cost(), ["LIST", "GET", "PUT"]);
        grid.seconds.fetch_add(1, Relaxed);
        grid.write(None, Bytes::from(vec![3; 100])).await;
        assert_eq!(grid.cost(), ["LIST", "GET", "PUT", "PUT"]);
        grid.seconds.fetch_add(LEASE_SLACK_SECONDS, Relaxed);
        grid.write(None, Bytes::from(vec![4; 100])).await;
        assert_eq!(grid.cost(), ["LIST", "GET", "PUT"]);
    });
}

#[test]
fn whether_conditions_are_kept_is_found_out_once() {
    let bucket = Bucket::new();
    bucket.run(async {
        let backend = bucket.backend("", "ours");
        backend.keeps_conditions_now().await;
        assert_eq!(
            bucket.asked(),
            ["PUT", "PUT", "PUT", "GET", "PUT"],
            "three to find out; leases before and after"
        );
        let again = bucket.backend("", "ours");
        crate::mutable::put(&again, SHARE, 10).await.unwrap();
        assert_eq!(bucket.asked(), ["LIST", "PUT", "PUT", "PUT"], "two, since the mark is there");
    });
}

#[test]
fn a_mark_that_is_taken_and_lost_does_not_hide_that_conditions_are_kept() {
    let bucket = Bucket::new();
    bucket.run(async {
        bucket.trick("PUT", Trick::Lose);
        let backend = bucket.backend("", "ours");
        crate::mutable::put(&backend, SHARE, 10).await.unwrap();
        assert_eq!(bucket.asked(), ["LIST", "PUT", "PUT", "PUT", "PUT", "PUT"]);
        crate::mutable::put(&backend, SHARE, 20).await.unwrap();
        assert_eq!(bucket.asked(), ["LIST", "GET", "PUT"], "no look before it");
    });
}
