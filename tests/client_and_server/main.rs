//! The storage client against the storage server, over byte streams in memory.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

#[path = "../in_memory/client.rs"]
mod a_client;
mod disk_like;
#[path = "../in_memory/mod.rs"]
mod in_memory;
mod long_reads;
mod mutable;
mod races;

use std::collections::BTreeSet;

use a_client::{INDEX, LEASES, SECRET, SHARE, client};
use std::cell::Cell;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{Either, join, join_all, select};
use http::{Request, Response};
use hyper::body::Incoming;
use in_memory::{SWISSNUM, Wire, paused, served, server};
use lafs::format::ShareNum;
use lafs::net::client::{Progress, RequestError, StorageClient};
use lafs::net::message::{LeaseSecrets, UploadSecret, Written};
use lafs::net::serve::{Handle, ResponseBody, ServeLimits, serve};
use lafs::server::backend::{Backend, LEASES_MAX, Lease, MemoryBackend};
use lafs::server::clock::UnixTime;
use lafs::server::{LEASE_SECONDS, SPANS_MAX, StorageServer, UPLOAD_SECONDS, WRITE_BYTES_MAX};

#[test]
fn a_share_goes_up_and_comes_down() {
    paused().block_on(async {
        let (wire, backend) = (Wire::default(), MemoryBackend::new(1 << 30));
        let server = server(backend.clone()).await;
        let client = client(&wire);
        served(&wire, &server, async {
            let version = client.version().await.unwrap();
            assert_eq!(version.available_space, 1 << 30);
            assert!(client.shares(INDEX).await.unwrap().is_empty());
            assert!(!client.add_lease(INDEX, &LEASES).await.unwrap());

            let shares = BTreeSet::from([SHARE, ShareNum(4)]);
            let size = 300_000;
            let allocated = client.allocate(INDEX, &shares, size, &LEASES, &SECRET).await.unwrap();
            assert_eq!(allocated.allocated, shares);
            let content: Bytes = (0..size).map(|byte| u8::try_from(byte % 251).unwrap()).collect();
            let progress = Progress::default();
            let first = content.slice(..100_000);
            let written = client.write(INDEX, SHARE, 0, first, &SECRET, &progress).await.unwrap();
            assert_eq!(written.required, vec![100_000..size]);
            assert_eq!(progress.load(Relaxed), 100_000);
            let rest = content.slice(100_000..);
            let written = client.write(INDEX, SHARE, 100_000, rest, &SECRET, &progress).await.unwrap();
            assert!(written.complete);

            let read = client.read(INDEX, SHARE, 5..size + 10, &progress).await.unwrap();
            assert_eq!(read, content.slice(5..));
            assert_eq!(progress.load(Relaxed), size - 5);
            assert!(client.read(INDEX, SHARE, size..size + 1, &progress).await.unwrap().is_empty());
            let missing = client.read(INDEX, ShareNum(4), 0..1, &progress).await;
            assert_eq!(missing, Err(RequestError::Status(404)));
            assert_eq!(client.shares(INDEX).await.unwrap(), BTreeSet::from([SHARE]));

            client.abort(INDEX, ShareNum(4), &SECRET).await.unwrap();
            assert_eq!(backend.staged_bytes().await.unwrap(), 0);
            assert!(client.add_lease(INDEX, &LEASES).await.unwrap());
            client.report_corrupt(INDEX, SHARE, "hash mismatch").await.unwrap();
            assert_eq!(backend.corruption_reports()[0].reason, "hash mismatch");
        })
        .await;
        assert_eq!(wire.dialled.load(Relaxed), 1, "one connection serves all");
    });
}

/// A grid of one: a client, its server, and the clock of that server.
struct Pair {
    client: StorageClient<Wire>,
    backend: MemoryBackend,
    now: Arc<AtomicU64>,
}

impl Pair {
    async fn allocate(&self, shares: impl IntoIterator<Item = u8>, size: u64, secret: u8) -> Vec<u8> {
        let shares = shares.into_iter().map(ShareNum).collect();
        let secret = UploadSecret([secret; 20]);
        let allocated = self.client.allocate(INDEX, &shares, size, &LEASES, &secret).await.unwrap();
        allocated.allocated.into_iter().map(|share| share.0).collect()
    }

    async fn write(&self, share: u8, offset: u64, data: &[u8], secret: u8) -> Result<Written, RequestError> {
        let (data, secret) = (Bytes::copy_from_slice(data), UploadSecret([secret; 20]));
        self.client.write(INDEX, ShareNum(share), offset, data, &secret, &Progress::default()).await
    }

    async fn staged_bytes(&self) -> u64 {
        self.backend.staged_bytes().await.unwrap()
    }
}

fn with_server(space_bytes: u64, work: impl AsyncFnOnce(Pair)) {
    with_server_on(MemoryBackend::clone, space_bytes, work);
}

/// The server keeps its shares in what `wrap` makes of the backend.
fn with_server_on<B: Backend + 'static>(
    wrap: impl Fn(&MemoryBackend) -> B,
    space_bytes: u64,
    work: impl AsyncFnOnce(Pair),
) {
    paused().block_on(async {
        let (wire, backend) = (Wire::default(), MemoryBackend::new(space_bytes));
        let now = Arc::new(AtomicU64::new(1_000));
        let clock = Arc::clone(&now);
        let clock = Arc::new(move || UnixTime(clock.load(Relaxed)));
        let server = StorageServer::start(wrap(&backend), SWISSNUM, clock).await.unwrap();
        let pair = Pair { client: client(&wire), backend, now };
        served(&wire, &server, work(pair)).await;
    });
}

#[test]
fn a_conflicting_write_changes_nothing() {
    with_server(1000, async |pair| {
        pair.allocate([0], 10, 1).await;
        pair.write(0, 2, b"cd", 1).await.unwrap();
        assert_eq!(pair.write(0, 0, b"abXdef", 1).await, Err(RequestError::Status(409)));
        let written = pair.write(0, 0, b"abcd", 1).await.unwrap();
        assert_eq!(written.required, vec![4..10], "nothing of the conflicting write was kept");
    });
}

#[test]
fn a_secret_opens_only_its_own_shares() {
    with_server(1000, async |pair| {
        assert_eq!(pair.allocate([0, 1], 4, 1).await, [0, 1]);
        assert_eq!(pair.allocate([1, 2], 4, 2).await, [2]);
        assert_eq!(pair.write(1, 0, b"abcd", 2).await, Err(RequestError::Status(401)));
        assert!(pair.write(2, 0, b"abcd", 2).await.unwrap().complete);
    });
}

#[test]
fn an_upload_is_forgotten_thirty_minutes_after_its_last_write() {
    with_server(1000, async |pair| {
        pair.allocate([0, 1], 10, 1).await;
        pair.now.fetch_add(UPLOAD_SECONDS - 1, Relaxed);
        pair.write(0, 0, b"a", 1).await.unwrap();
        pair.now.fetch_add(1, Relaxed);
        assert_eq!(pair.allocate([0, 1], 10, 2).await, [1], "only the one that was not written to");
        pair.now.fetch_add(UPLOAD_SECONDS - 1, Relaxed);
        assert_eq!(pair.write(0, 1, b"b", 1).await, Err(RequestError::Status(404)));
        assert_eq!(pair.staged_bytes().await, 10);
    });
}

#[test]
fn promised_space_counts_and_a_share_without_room_is_left_out() {
    with_server(25, async |pair| {
        assert_eq!(pair.allocate([0, 1, 2], 10, 1).await, [0, 1]);
        assert_eq!(pair.client.version().await.unwrap().available_space, 5);
        pair.client.abort(INDEX, ShareNum(0), &UploadSecret([1; 20])).await.unwrap();
        assert_eq!(pair.allocate([2], 10, 1).await, [2]);
    });
}

#[test]
fn a_restarted_server_has_the_complete_shares_and_no_others() {
    let backend = MemoryBackend::new(1000);
    for restarted in [false, true] {
        paused().block_on(async {
            let wire = Wire::default();
            let server = server(backend.clone()).await;
            let client = client(&wire);
            let work = async {
                let shares = BTreeSet::from([ShareNum(0), ShareNum(1)]);
                let allocated = client.allocate(INDEX, &shares, 4, &LEASES, &SECRET).await.unwrap();
                let progress = Progress::default();
                let data = Bytes::from_static(b"abcd");
                if restarted {
                    assert_eq!(allocated.already_have, BTreeSet::from([ShareNum(0)]));
                    assert_eq!(allocated.allocated, BTreeSet::from([ShareNum(1)]));
                } else {
                    client.write(INDEX, ShareNum(0), 0, data.clone(), &SECRET, &progress).await.unwrap();
                    client.write(INDEX, ShareNum(1), 0, data.slice(..2), &SECRET, &progress).await.unwrap();
                }
            };
            served(&wire, &server, work).await;
        });
    }
}

#[test]
fn leases_start_at_allocation_and_are_renewed() {
    with_server(1000, async |pair| {
        pair.allocate([0], 4, 1).await;
        pair.write(0, 0, b"abcd", 1).await.unwrap();
        pair.now.fetch_add(500, Relaxed);
        let other = LeaseSecrets { renew: [5; 32], cancel: [6; 32] };
        for leases in [&LEASES, &other] {
            assert!(pair.client.add_lease(INDEX, leases).await.unwrap());
        }
        let expires = UnixTime(1_500 + LEASE_SECONDS);
        let lease = |secrets: &LeaseSecrets| Lease { renew: secrets.renew, cancel: secrets.cancel, expires };
        assert_eq!(pair.backend.leases(INDEX).await.unwrap(), [lease(&LEASES), lease(&other)]);
    });
}

#[test]
fn an_allocation_without_room_for_its_lease_promises_nothing() {
    with_server(1000, async |pair| {
        pair.allocate([0], 10, 1).await;
        for number in 1..LEASES_MAX {
            let mut renew = [0; 32];
            renew[..8].copy_from_slice(&number.to_be_bytes());
            let lease = Lease { renew, cancel: [0; 32], expires: UnixTime(0) };
            pair.backend.add_or_renew_lease(INDEX, lease).await.unwrap();
        }
        let other = LeaseSecrets { renew: [5; 32], cancel: [6; 32] };
        let refused = pair.client.allocate(INDEX, &[ShareNum(1)].into(), 10, &other, &SECRET).await;
        assert_eq!(refused, Err(RequestError::Status(507)));
        assert_eq!(pair.staged_bytes().await, 10);
        assert_eq!(pair.allocate([1], 10, 1).await, [1]);
    });
}

#[test]
fn a_lease_needs_a_complete_share() {
    with_server(1000, async |pair| {
        pair.allocate([0], 4, 1).await;
        assert!(!pair.client.add_lease(INDEX, &LEASES).await.unwrap());
    });
}

#[test]
fn a_share_in_too_many_pieces_is_refused_and_the_message_stays_short() {
    with_server(1 << 20, async |pair| {
        pair.allocate([0], 1 << 20, 1).await;
        let spans_max = u64::try_from(SPANS_MAX).unwrap();
        for piece in 0..spans_max {
            pair.write(0, 3 * piece, b"a", 1).await.unwrap();
        }
        assert_eq!(pair.write(0, 3 * spans_max, b"a", 1).await, Err(RequestError::Status(413)));
        let filled = pair.write(0, 1, b"aa", 1).await.unwrap();
        assert_eq!(filled.required.len(), SPANS_MAX - 1);
    });
}

#[test]
fn a_write_past_the_share_or_the_bound_is_refused() {
    with_server(u64::MAX, async |pair| {
        pair.allocate([0], 2 * WRITE_BYTES_MAX, 1).await;
        assert_eq!(pair.write(0, 2 * WRITE_BYTES_MAX - 1, b"ab", 1).await, Err(RequestError::Status(416)));
        let long = vec![0; usize::try_from(WRITE_BYTES_MAX).unwrap() + 1];
        assert!(pair.write(0, 0, &long, 1).await.is_err());
    });
}

#[test]
fn a_wrong_swissnum_is_refused() {
    paused().block_on(async {
        let wire = Wire::default();
        let server = server(MemoryBackend::new(0)).await;
        let mut info = a_client::info();
        info.swissnum = b"swissnun".to_vec();
        let client = StorageClient::new(wire.clone(), info, a_client::transport());
        served(&wire, &server, async {
            assert_eq!(client.version().await, Err(RequestError::Status(401)));
            assert_eq!(client.version().await, Err(RequestError::Status(401)));
        })
        .await;
        assert_eq!(wire.dialled.load(Relaxed), 1, "a refusal leaves the connection usable");
    });
}

#[test]
fn requests_at_once_use_connections_of_their_own_and_few_are_kept() {
    paused().block_on(async {
        let wire = Wire::default();
        let server = server(MemoryBackend::new(0)).await;
        let client = client(&wire);
        served(&wire, &server, async {
            for expected in [10, 16] {
                join_all((0..10).map(|_| client.version())).await;
                assert_eq!(wire.dialled.load(Relaxed), expected, "4 of 10 are kept");
            }
            tokio::time::sleep(a_client::transport().idle_age_max + Duration::from_secs(1)).await;
            client.version().await.unwrap();
            assert_eq!(wire.dialled.load(Relaxed), 17, "too old to be used again");
        })
        .await;
    });
}

#[test]
fn a_refused_upload_is_read_to_its_end_so_that_the_connection_lives_on() {
    paused().block_on(async {
        let wire = Wire::default();
        let server = server(MemoryBackend::new(0)).await;
        let client = client(&wire);
        served(&wire, &server, async {
            let (data, progress) = (Bytes::from(vec![0; 1_000_000]), Progress::default());
            let refused = client.write(INDEX, SHARE, 0, data, &SECRET, &progress).await;
            assert_eq!(refused, Err(RequestError::Status(404)));
            client.version().await.unwrap();
        })
        .await;
        assert_eq!(wire.dialled.load(Relaxed), 1);
    });
}

/// A handler in front of another: it holds requests back and looks at the bodies that go out.
struct Delayed<'a, H> {
    inner: &'a H,
    running: &'a Cell<usize>,
}

struct Running<'a>(&'a Cell<usize>);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

impl<H: Handle> Handle for Delayed<'_, H> {
    async fn handle(&self, request: Request<Incoming>) -> Response<ResponseBody> {
        self.running.set(self.running.get() + 1);
        let _running = Running(self.running);
        tokio::time::sleep(Duration::from_secs(1)).await;
        self.inner.handle(request).await.map(ResponseBody::boxed)
    }
}

#[test]
fn a_handler_can_be_wrapped_and_ends_with_the_request_it_serves() {
    paused().block_on(async {
        let wire = Wire::default();
        let server = server(MemoryBackend::new(7)).await;
        let running = Cell::new(0);
        let delayed = Delayed { inner: &server, running: &running };
        let client = client(&wire);
        served(&wire, &delayed, async {
            assert_eq!(client.version().await.unwrap().available_space, 7);
            let impatient = tokio::time::timeout(Duration::from_millis(500), client.version());
            let watching = async {
                tokio::time::sleep(Duration::from_millis(400)).await;
                running.get()
            };
            let (result, during) = join(impatient, watching).await;
            assert!(result.is_err());
            tokio::time::sleep(Duration::from_millis(1)).await;
            assert_eq!((during, running.get()), (1, 0));
        })
        .await;
    });
}

#[test]
fn connections_beyond_the_bound_wait_for_their_turn() {
    paused().block_on(async {
        let wire = Wire::default();
        let server = server(MemoryBackend::new(7)).await;
        let limits = ServeLimits { connections_max: 1, ..ServeLimits::default() };
        let (first, second) = (client(&wire), client(&wire));
        let work = async {
            first.version().await.unwrap();
            let mut waiting = Box::pin(second.version());
            assert!(tokio::time::timeout(Duration::from_secs(5), waiting.as_mut()).await.is_err());
            drop(first);
            waiting.await.unwrap();
        };
        let serving = pin!(serve(wire.clone(), &server, &limits));
        assert!(matches!(select(pin!(work), serving).await, Either::Left(_)));
    });
}
