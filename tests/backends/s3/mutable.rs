//! Mutable shares on a service that lies or is shared.

use lafs::server::backend::{Backend, BackendError, Change, MutableShare};

use super::{Bucket, Trick};
use crate::conformance::{INDEX, SHARE, content};
use crate::mutable::{get, put};

async fn change(backend: &impl Backend, bytes: u64) -> Change {
    let slot = backend.mutable_slot(INDEX).await.unwrap();
    let head = slot.get(&SHARE);
    let enabler = head.map_or("enabler".into(), |head| head.enabler.clone());
    let after = Some(MutableShare { enabler, content: content(bytes) });
    Change { before: head.map(|head| head.stamp.clone()), after }
}

#[test]
fn two_servers_do_not_undo_each_other() {
    let bucket = Bucket::new();
    bucket.run(async {
        let (one, other) = (bucket.backend("", "ours"), bucket.backend("", "ours"));
        let (first, second) = (change(&one, 10).await, change(&other, 20).await);
        one.mutable_store(INDEX, [(SHARE, first)].into(), None).await.unwrap();
        let late = other.mutable_store(INDEX, [(SHARE, second)].into(), None).await;
        assert_eq!(late, Err(BackendError::Changed));
        // Back to what it was, by way of something else: it is another state all the same.
        let late = change(&other, 5).await;
        put(&one, SHARE, 20).await.unwrap();
        put(&one, SHARE, 10).await.unwrap();
        let late = other.mutable_store(INDEX, [(SHARE, late)].into(), None).await;
        assert_eq!(late, Err(BackendError::Changed));
        assert_eq!(get(&other, SHARE).await, Some(content(10)));
    });
}

#[test]
fn a_share_whose_old_state_was_shown_is_not_overwritten() {
    let bucket = Bucket::new();
    bucket.run(async {
        let backend = bucket.backend("", "ours");
        put(&backend, SHARE, 10).await.unwrap();
        put(&backend, SHARE, 20).await.unwrap();
        bucket.trick("GET", Trick::Stale);
        let stale = change(&backend, 30).await;
        let stored = backend.mutable_store(INDEX, [(SHARE, stale)].into(), None).await;
        assert_eq!(stored, Err(BackendError::Changed));
        assert_eq!(get(&backend, SHARE).await, Some(content(20)));
    });
}

#[test]
fn what_came_along_is_the_start_of_the_share() {
    let bucket = Bucket::new();
    bucket.run(async {
        let backend = bucket.backend("", "ours");
        for bytes in [0, 10, 4079, 4080, 4081, 4090, 4096, 4097, 10_000] {
            put(&backend, SHARE, bytes).await.unwrap();
            let slot = backend.mutable_slot(INDEX).await.unwrap();
            let head = &slot[&SHARE];
            let opening = usize::try_from(bytes.min(4096)).unwrap();
            assert_eq!((head.length, &head.opening), (bytes, &content(bytes).slice(..opening)));
        }
    });
}

#[test]
fn an_object_that_is_no_share_is_an_error_and_an_empty_one_is_a_share() {
    use squall::s3::Object;
    let bucket = Bucket::new();
    bucket.run(async {
        let backend = bucket.backend("", "ours");
        let key = format!("mutable/{INDEX}/{SHARE}");
        bucket.store.put(super::BUCKET, &key, Object::new("stray".into(), [].into())).unwrap();
        assert!(matches!(backend.mutable_slot(INDEX).await, Err(BackendError::Medium(_))));
        let enabler = [("x-amz-meta-write-enabler".to_owned(), "AAAA".to_owned())];
        bucket.store.put(super::BUCKET, &key, Object::new("".into(), enabler.into())).unwrap();
        let slot = backend.mutable_slot(INDEX).await.unwrap();
        assert_eq!((slot[&SHARE].length, slot[&SHARE].opening.len()), (0, 0));
        assert_eq!(get(&backend, SHARE).await, Some("".into()));
    });
}
