//! What `Backend` promises of immutable shares, as claims about any backend. Each gets a way to make an empty store with
//! so many bytes of room.

use std::collections::BTreeSet;

use bytes::Bytes;
use lafs::format::{ShareNum, StorageIndex};
use lafs::server::backend::{Backend, BackendError, LEASES_MAX, Lease};
use lafs::server::clock::UnixTime;

pub(crate) const INDEX: StorageIndex = StorageIndex([1; 16]);
pub(crate) const OTHER: StorageIndex = StorageIndex([2; 16]);
pub(crate) const SHARE: ShareNum = ShareNum(0);
pub(crate) const ROOM: u64 = 10_000;

pub(crate) fn content(size: u64) -> Bytes {
    (0..size).map(|byte| u8::try_from(byte % 251).unwrap()).collect()
}

pub(crate) async fn store(backend: &impl Backend, share: ShareNum, content: Bytes) {
    backend.create(INDEX, share, u64::try_from(content.len()).unwrap()).await.unwrap();
    backend.write(INDEX, share, 0, content).await.unwrap();
    backend.publish(INDEX, share).await.unwrap();
}

pub(crate) fn lease(renew: u8, expires: u64) -> Lease {
    Lease { renew: [renew; 32], cancel: [0; 32], expires: UnixTime(expires) }
}

pub(crate) async fn a_share_is_invisible_until_it_is_published<B: Backend>(new: impl Fn(u64) -> B) {
    let backend = new(ROOM);
    backend.create(INDEX, SHARE, 100).await.unwrap();
    backend.write(INDEX, SHARE, 0, content(100)).await.unwrap();
    assert!(backend.shares(INDEX).await.unwrap().is_empty());
    assert_eq!(backend.share_len(INDEX, SHARE).await.unwrap(), None);
    assert_eq!(backend.read(INDEX, SHARE, 0..10).await.unwrap(), None);
    assert_eq!(backend.read_staged(INDEX, SHARE, 10..20).await.unwrap(), content(100).slice(10..20));
    backend.publish(INDEX, SHARE).await.unwrap();
    assert_eq!(backend.shares(INDEX).await.unwrap(), BTreeSet::from([SHARE]));
    assert!(backend.shares(OTHER).await.unwrap().is_empty());
    assert_eq!(backend.share_len(INDEX, SHARE).await.unwrap(), Some(100));
    assert_eq!(backend.read(INDEX, SHARE, 0..100).await.unwrap(), Some(content(100)));
}

pub(crate) async fn any_order_of_writes_gives_the_same_share<B: Backend>(new: impl Fn(u64) -> B) {
    let backend = new(ROOM);
    let whole = content(90);
    let orders: [&[std::ops::Range<usize>]; 5] = [
        &[0..30, 30..60, 60..90],
        &[60..90, 0..30, 30..60],
        &[30..60, 60..90, 0..30],
        &[0..50, 40..90],
        &[0..90, 10..20],
    ];
    for (number, order) in (0..).map(ShareNum).zip(orders) {
        backend.create(INDEX, number, 90).await.unwrap();
        for piece in order {
            let offset = u64::try_from(piece.start).unwrap();
            backend.write(INDEX, number, offset, whole.slice(piece.clone())).await.unwrap();
        }
        backend.publish(INDEX, number).await.unwrap();
        assert_eq!(backend.read(INDEX, number, 0..90).await.unwrap().as_ref(), Some(&whole), "{order:?}");
    }
}

pub(crate) async fn a_read_is_clipped_to_the_share<B: Backend>(new: impl Fn(u64) -> B) {
    let backend = new(ROOM);
    store(&backend, SHARE, content(100)).await;
    for (range, expected) in [(90..200, 90..100), (100..101, 0..0), (5000..6000, 0..0), (0..u64::MAX, 0..100)]
    {
        let read = backend.read(INDEX, SHARE, range.clone()).await.unwrap().unwrap();
        assert_eq!(read, content(100).slice(expected), "{range:?}");
    }
}

pub(crate) async fn a_share_cannot_be_staged_twice<B: Backend>(new: impl Fn(u64) -> B) {
    let backend = new(ROOM);
    backend.create(INDEX, SHARE, 100).await.unwrap();
    assert_eq!(backend.create(INDEX, SHARE, 50).await, Err(BackendError::Exists));
    backend.write(INDEX, SHARE, 0, content(100)).await.unwrap();
    backend.publish(INDEX, SHARE).await.unwrap();
    assert_eq!(backend.create(INDEX, SHARE, 100).await, Err(BackendError::Exists));
}

pub(crate) async fn a_write_outside_the_share_is_refused<B: Backend>(new: impl Fn(u64) -> B) {
    let backend = new(ROOM);
    backend.create(INDEX, SHARE, 100).await.unwrap();
    for offset in [1, 100, u64::MAX] {
        let written = backend.write(INDEX, SHARE, offset, content(100)).await;
        assert_eq!(written, Err(BackendError::OutOfBounds), "{offset}");
    }
}

pub(crate) async fn promised_space_is_gone_until_the_share_is_discarded<B: Backend>(new: impl Fn(u64) -> B) {
    let backend = new(1000);
    backend.create(INDEX, SHARE, 600).await.unwrap();
    assert_eq!(backend.free_space().await.unwrap(), 400);
    assert_eq!(backend.staged_bytes().await.unwrap(), 600);
    assert_eq!(backend.create(INDEX, ShareNum(1), 401).await, Err(BackendError::NoSpace));
    assert_eq!(backend.create(INDEX, ShareNum(1), u64::MAX).await, Err(BackendError::NoSpace));
    backend.discard(INDEX, SHARE).await.unwrap();
    assert_eq!(backend.staged_bytes().await.unwrap(), 0);
    store(&backend, SHARE, content(700)).await;
    assert_eq!(backend.free_space().await.unwrap(), 300);
}

pub(crate) async fn what_is_not_staged_cannot_be_written_or_published<B: Backend>(new: impl Fn(u64) -> B) {
    let backend = new(ROOM);
    assert_eq!(backend.write(INDEX, SHARE, 0, content(1)).await, Err(BackendError::NotStaged));
    assert_eq!(backend.publish(INDEX, SHARE).await, Err(BackendError::NotStaged));
    assert_eq!(backend.read_staged(INDEX, SHARE, 0..1).await, Err(BackendError::NotStaged));
    assert_eq!(backend.discard(INDEX, SHARE).await, Ok(()));
    store(&backend, SHARE, content(10)).await;
    assert_eq!(backend.write(INDEX, SHARE, 0, content(1)).await, Err(BackendError::NotStaged));
}

pub(crate) async fn discarding_leaves_complete_shares_alone<B: Backend>(new: impl Fn(u64) -> B) {
    let backend = new(ROOM);
    store(&backend, SHARE, content(10)).await;
    backend.create(INDEX, ShareNum(1), 20).await.unwrap();
    backend.create(OTHER, ShareNum(2), 20).await.unwrap();
    backend.discard(INDEX, SHARE).await.unwrap();
    backend.discard_incomplete().await.unwrap();
    assert_eq!(backend.read(INDEX, SHARE, 0..10).await.unwrap(), Some(content(10)));
    assert_eq!(backend.staged_bytes().await.unwrap(), 0);
    assert_eq!(backend.publish(INDEX, ShareNum(1)).await, Err(BackendError::NotStaged));
}

pub(crate) async fn a_lease_is_renewed_by_its_secret_and_never_shortened<B: Backend>(new: impl Fn(u64) -> B) {
    let backend = new(ROOM);
    store(&backend, SHARE, content(10)).await;
    for (renew, expires) in [(1, 100), (2, 50), (1, 200), (1, 150)] {
        backend.add_or_renew_lease(INDEX, lease(renew, expires)).await.unwrap();
    }
    assert_eq!(backend.leases(INDEX).await.unwrap(), [lease(1, 200), lease(2, 50)]);
    assert!(backend.leases(OTHER).await.unwrap().is_empty());
}

pub(crate) async fn leases_are_bounded<B: Backend>(new: impl Fn(u64) -> B) {
    let backend = new(ROOM);
    store(&backend, SHARE, content(10)).await;
    for number in 0..=u64::try_from(LEASES_MAX).unwrap() {
        let mut lease = lease(0, 1);
        lease.renew[..8].copy_from_slice(&number.to_be_bytes());
        let full = number == u64::try_from(LEASES_MAX).unwrap();
        let expected = if full { Err(BackendError::TooManyLeases) } else { Ok(()) };
        assert_eq!(backend.add_or_renew_lease(INDEX, lease).await, expected);
    }
    assert_eq!(backend.add_or_renew_lease(INDEX, lease(0, 5)).await, Ok(()), "renewing is always possible");
}

pub(crate) async fn leases_go_with_the_last_share<B: Backend>(new: impl Fn(u64) -> B) {
    let backend = new(ROOM);
    backend.create(INDEX, SHARE, 10).await.unwrap();
    backend.add_or_renew_lease(INDEX, lease(1, 100)).await.unwrap();
    backend.discard(INDEX, SHARE).await.unwrap();
    assert!(backend.leases(INDEX).await.unwrap().is_empty());
}
