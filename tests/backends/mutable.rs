//! What `Backend` promises of mutable shares, as claims about any backend.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use lafs::format::ShareNum;
use lafs::server::backend::{Backend, BackendError, Change, LEASES_MAX, MutableShare, Stamp};

use crate::conformance::{INDEX, OTHER, ROOM, SHARE, content, lease, store};

const SECOND: ShareNum = ShareNum(200);

fn share(content: Bytes) -> MutableShare {
    MutableShare { enabler: Bytes::from_static(b"enabler"), content }
}

async fn stamp(backend: &impl Backend, number: ShareNum) -> Option<Stamp> {
    backend.mutable_slot(INDEX).await.unwrap().get(&number).map(|head| head.stamp.clone())
}

/// From the state there is now to that content, or to nothing.
async fn change(backend: &impl Backend, number: ShareNum, after: Option<Bytes>) -> Change {
    Change { before: stamp(backend, number).await, after: after.map(share) }
}

async fn set(backend: &impl Backend, number: ShareNum, after: Option<Bytes>) -> Result<(), BackendError> {
    let change = change(backend, number, after).await;
    backend.mutable_store(INDEX, [(number, change)].into(), None).await
}

/// Gives a share that many bytes.
pub(crate) async fn put(backend: &impl Backend, number: ShareNum, bytes: u64) -> Result<(), BackendError> {
    set(backend, number, Some(content(bytes))).await
}

pub(crate) async fn get(backend: &impl Backend, number: ShareNum) -> Option<Bytes> {
    backend.mutable_read(INDEX, number, 0..u64::MAX).await.unwrap()
}

pub(crate) async fn a_share_is_what_was_stored_and_nothing_else_changes<B: Backend>(new: impl Fn(u64) -> B) {
    let backend = new(ROOM);
    assert!(backend.mutable_shares(INDEX).await.unwrap().is_empty());
    assert!(backend.mutable_slot(INDEX).await.unwrap().is_empty());
    put(&backend, SHARE, 100).await.unwrap();
    put(&backend, SECOND, 0).await.unwrap();
    let other = stamp(&backend, SECOND).await;
    put(&backend, SHARE, 7).await.unwrap();
    assert_eq!(backend.mutable_shares(INDEX).await.unwrap(), BTreeSet::from([SHARE, SECOND]));
    assert_eq!(get(&backend, SHARE).await, Some(content(7)));
    assert_eq!(get(&backend, SECOND).await, Some(Bytes::new()), "an empty share is a share");
    assert_eq!(stamp(&backend, SECOND).await, other);
    let slot = backend.mutable_slot(INDEX).await.unwrap();
    assert_eq!((slot[&SHARE].length, &slot[&SHARE].enabler[..]), (7, &b"enabler"[..]));
    assert!(backend.mutable_shares(OTHER).await.unwrap().is_empty());
    set(&backend, SHARE, None).await.unwrap();
    assert_eq!(backend.mutable_shares(INDEX).await.unwrap(), BTreeSet::from([SECOND]));
    assert_eq!(get(&backend, SHARE).await, None);
}

pub(crate) async fn a_read_is_clipped_and_of_one_state<B: Backend>(new: impl Fn(u64) -> B) {
    let backend = new(ROOM);
    put(&backend, SHARE, 100).await.unwrap();
    for (range, expected) in [(90..200, 90..100), (100..101, 0..0), (5000..6000, 0..0), (0..u64::MAX, 0..100)]
    {
        let read = backend.mutable_read(INDEX, SHARE, range.clone()).await.unwrap().unwrap();
        assert_eq!(read, content(100).slice(expected), "{range:?}");
    }
    let before = get(&backend, SHARE).await.unwrap();
    set(&backend, SHARE, Some(Bytes::from(vec![9; 100]))).await.unwrap();
    assert_eq!(before, content(100), "what was read stays what it was");
}

pub(crate) async fn a_share_that_changed_is_not_overwritten<B: Backend>(new: impl Fn(u64) -> B) {
    let backend = new(ROOM);
    put(&backend, SHARE, 10).await.unwrap();
    for late in [Some(content(5)), None] {
        let late = change(&backend, SHARE, late).await;
        put(&backend, SHARE, 20).await.unwrap();
        let stored = backend.mutable_store(INDEX, [(SHARE, late.clone())].into(), None).await;
        assert_eq!(stored, Err(BackendError::Changed));
        assert_eq!(get(&backend, SHARE).await, Some(content(20)));
    }
    let late = change(&backend, SHARE, Some(content(5))).await;
    set(&backend, SHARE, None).await.unwrap();
    let stored = backend.mutable_store(INDEX, [(SHARE, late)].into(), None).await;
    assert_eq!(stored, Err(BackendError::Changed));
    assert_eq!(get(&backend, SHARE).await, None);
}

pub(crate) async fn a_share_that_must_not_exist_is_not_overwritten<B: Backend>(new: impl Fn(u64) -> B) {
    let backend = new(ROOM);
    put(&backend, SHARE, 0).await.unwrap();
    for after in [Some(share(content(5))), None] {
        let change = Change { before: None, after };
        let stored = backend.mutable_store(INDEX, [(SHARE, change)].into(), None).await;
        assert_eq!(stored, Err(BackendError::Changed));
    }
    assert_eq!(get(&backend, SHARE).await, Some(Bytes::new()));
}

pub(crate) async fn the_same_bytes_again_are_another_state<B: Backend>(new: impl Fn(u64) -> B) {
    let backend = new(ROOM);
    let mut seen = Vec::new();
    for bytes in [10, 20, 10, 10] {
        put(&backend, SHARE, bytes).await.unwrap();
        let stamp = stamp(&backend, SHARE).await;
        assert!(!seen.contains(&stamp));
        seen.push(stamp);
    }
}

pub(crate) async fn a_share_deleted_and_made_again_is_in_another_state<B: Backend>(new: impl Fn(u64) -> B) {
    let backend = new(ROOM);
    put(&backend, SHARE, 10).await.unwrap();
    let late = change(&backend, SHARE, Some(content(5))).await;
    set(&backend, SHARE, None).await.unwrap();
    put(&backend, SHARE, 10).await.unwrap();
    let stored = backend.mutable_store(INDEX, [(SHARE, late)].into(), None).await;
    assert_eq!(stored, Err(BackendError::Changed));
}

pub(crate) async fn of_several_changes_all_happen_or_none<B: Backend>(new: impl Fn(u64) -> B) {
    let backend = new(ROOM);
    put(&backend, SECOND, 10).await.unwrap();
    let mut changes = BTreeMap::from([
        (SHARE, change(&backend, SHARE, Some(content(30))).await),
        (SECOND, change(&backend, SECOND, None).await),
    ]);
    put(&backend, SECOND, 11).await.unwrap();
    let stored = backend.mutable_store(INDEX, changes.clone(), Some(lease(1, 1))).await;
    assert_eq!(stored, Err(BackendError::Changed));
    assert_eq!((get(&backend, SHARE).await, get(&backend, SECOND).await), (None, Some(content(11))));
    assert!(backend.leases(INDEX).await.unwrap().is_empty());
    changes.insert(SECOND, change(&backend, SECOND, None).await);
    backend.mutable_store(INDEX, changes, None).await.unwrap();
    assert_eq!((get(&backend, SHARE).await, get(&backend, SECOND).await), (Some(content(30)), None));
}

pub(crate) async fn growth_needs_room_and_shrinking_makes_some<B: Backend>(new: impl Fn(u64) -> B) {
    let backend = new(1000);
    put(&backend, SHARE, 600).await.unwrap();
    assert_eq!(backend.free_space().await.unwrap(), 400);
    assert_eq!(put(&backend, SECOND, 401).await, Err(BackendError::NoSpace));
    assert_eq!(put(&backend, SHARE, 1001).await, Err(BackendError::NoSpace));
    assert_eq!(get(&backend, SHARE).await, Some(content(600)));
    backend.create(OTHER, SHARE, 400).await.unwrap();
    put(&backend, SHARE, 600).await.unwrap();
    let swap = BTreeMap::from([
        (SHARE, change(&backend, SHARE, Some(content(200))).await),
        (SECOND, change(&backend, SECOND, Some(content(400))).await),
    ]);
    backend.mutable_store(INDEX, swap, None).await.unwrap();
    set(&backend, SECOND, None).await.unwrap();
    assert_eq!(backend.free_space().await.unwrap(), 400);
}

pub(crate) async fn immutable_and_mutable_shares_of_one_index_do_not_meet<B: Backend>(
    new: impl Fn(u64) -> B,
) {
    let backend = new(ROOM);
    store(&backend, SHARE, content(10)).await;
    assert!(backend.mutable_shares(INDEX).await.unwrap().is_empty());
    put(&backend, SHARE, 20).await.unwrap();
    put(&backend, SECOND, 20).await.unwrap();
    assert_eq!(backend.shares(INDEX).await.unwrap(), BTreeSet::from([SHARE]));
    assert_eq!(backend.read(INDEX, SHARE, 0..100).await.unwrap(), Some(content(10)));
    backend.discard_incomplete().await.unwrap();
    assert_eq!(get(&backend, SHARE).await, Some(content(20)));
}

pub(crate) async fn a_lease_comes_with_the_change_or_the_change_does_not_come<B: Backend>(
    new: impl Fn(u64) -> B,
) {
    let backend = new(ROOM);
    let made = [(SHARE, change(&backend, SHARE, Some(content(10))).await)];
    backend.mutable_store(INDEX, made.into(), Some(lease(1, 100))).await.unwrap();
    backend.mutable_store(INDEX, BTreeMap::new(), Some(lease(1, 50))).await.unwrap();
    assert_eq!(backend.leases(INDEX).await.unwrap(), [lease(1, 100)]);
    for number in 1..u64::try_from(LEASES_MAX).unwrap() {
        let mut lease = lease(0, 1);
        lease.renew[..8].copy_from_slice(&number.to_be_bytes());
        backend.add_or_renew_lease(INDEX, lease).await.unwrap();
    }
    let late = [(SHARE, change(&backend, SHARE, Some(content(20))).await)];
    let stored = backend.mutable_store(INDEX, late.into(), Some(lease(2, 100))).await;
    assert_eq!(stored, Err(BackendError::TooManyLeases));
    assert_eq!(get(&backend, SHARE).await, Some(content(10)));
}

pub(crate) async fn leases_stay_until_the_last_share_of_either_kind_is_gone<B: Backend>(
    new: impl Fn(u64) -> B,
) {
    let backend = new(ROOM);
    put(&backend, SHARE, 10).await.unwrap();
    put(&backend, SECOND, 10).await.unwrap();
    backend.create(INDEX, SHARE, 10).await.unwrap();
    backend.add_or_renew_lease(INDEX, lease(1, 100)).await.unwrap();
    set(&backend, SHARE, None).await.unwrap();
    backend.discard(INDEX, SHARE).await.unwrap();
    assert_eq!(backend.leases(INDEX).await.unwrap(), [lease(1, 100)]);
    set(&backend, SECOND, None).await.unwrap();
    assert!(backend.leases(INDEX).await.unwrap().is_empty());
}
