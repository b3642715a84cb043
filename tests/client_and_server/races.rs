//! Requests for the same share at once, and requests dropped in the middle, on a backend that takes its time.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join;
use lafs::format::{ShareNum, StorageIndex};
use lafs::net::client::RequestError;
use lafs::net::message::UploadSecret;
use lafs::server::UPLOAD_SECONDS;
use tokio::time::timeout;

use crate::a_client::{INDEX, LEASES};
use crate::disk_like::DiskLike;
use crate::{Pair, with_server_on};

const OTHER: StorageIndex = StorageIndex([8; 16]);

fn with_slow_server(work: impl AsyncFnOnce(Pair)) {
    with_server_on(|backend| DiskLike(backend.clone()), 1000, work);
}

#[test]
fn an_abort_that_waited_for_the_last_write_finds_the_share_complete() {
    with_slow_server(async |pair| {
        pair.allocate([0], 4, 1).await;
        let aborting = async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            pair.client.abort(INDEX, ShareNum(0), &UploadSecret([1; 20])).await
        };
        let (written, aborted) = join(pair.write(0, 0, b"abcd", 1), aborting).await;
        assert!(written.unwrap().complete);
        assert_eq!(aborted, Err(RequestError::Status(405)));
        assert_eq!(pair.backend.get(INDEX, ShareNum(0)), Some(Bytes::from_static(b"abcd")));
    });
}

#[test]
fn an_abort_ends_the_upload_it_was_meant_for_and_no_later_one() {
    with_slow_server(async |pair| {
        pair.allocate([0], 4, 1).await;
        let secret = UploadSecret([1; 20]);
        let again = async {
            pair.client.abort(INDEX, ShareNum(0), &secret).await.unwrap();
            pair.allocate([0], 4, 1).await
        };
        let (allocated, late) = join(again, pair.client.abort(INDEX, ShareNum(0), &secret)).await;
        assert_eq!((allocated, late), (vec![0], Err(RequestError::Status(404))));
        assert!(pair.write(0, 0, b"abcd", 1).await.unwrap().complete);
    });
}

#[test]
fn of_two_writes_at_once_that_disagree_one_is_refused() {
    with_slow_server(async |pair| {
        pair.allocate([0], 6, 1).await;
        let (one, other) = join(pair.write(0, 0, b"abcd", 1), pair.write(0, 2, b"CDEF", 1)).await;
        assert_eq!(one.unwrap().required, vec![4..6]);
        assert_eq!(other, Err(RequestError::Status(409)));
    });
}

#[test]
fn an_allocation_dropped_in_the_middle_is_forgotten_in_time() {
    with_slow_server(async |pair| {
        let dropped = timeout(Duration::from_millis(2500), pair.allocate([0, 1, 2, 3], 10, 1)).await;
        assert!(dropped.is_err());
        assert_eq!(pair.staged_bytes().await, 30);
        pair.now.fetch_add(UPLOAD_SECONDS, Relaxed);
        assert_eq!(pair.allocate([3], 10, 2).await, [3]);
        assert_eq!(pair.staged_bytes().await, 10);
    });
}

#[test]
fn a_dropped_request_that_was_forgetting_uploads_leaves_the_rest_to_the_next() {
    with_slow_server(async |pair| {
        pair.allocate([0, 1, 2], 10, 1).await;
        pair.now.fetch_add(UPLOAD_SECONDS, Relaxed);
        let nothing = BTreeSet::new();
        let secret = UploadSecret([2; 20]);
        let asking = pair.client.allocate(OTHER, &nothing, 10, &LEASES, &secret);
        assert!(timeout(Duration::from_millis(1500), asking).await.is_err());
        assert_eq!(pair.staged_bytes().await, 10);
        pair.client.allocate(OTHER, &nothing, 10, &LEASES, &secret).await.unwrap();
        assert_eq!(pair.staged_bytes().await, 0);
    });
}
