//! A service that looks at signatures.

use bytes::Bytes;
use lafs::server::backend::s3::PIECE_BYTES;
use lafs::server::backend::{Backend, BackendError};

use super::{BUCKET, Bucket, SECRET};
use crate::conformance::{INDEX, SHARE, content, store};
use crate::mutable::{get, put};

#[test]
fn every_kind_of_request_is_signed_well() {
    let bucket = Bucket::signed(SECRET);
    bucket.run(async {
        let backend = bucket.backend("some-prefix/", "none");
        backend.discard_incomplete().await.unwrap();
        put(&backend, SHARE, 10).await.unwrap();
        put(&backend, SHARE, 20).await.unwrap();
        assert_eq!(get(&backend, SHARE).await, Some(content(20)));
        store(&backend, SHARE, content(10)).await;
        assert_eq!(backend.share_len(INDEX, SHARE).await.unwrap(), Some(10));
        let long = lafs::format::ShareNum(1);
        backend.create(INDEX, long, 4 * PIECE_BYTES).await.unwrap();
        for piece in 0..4 {
            let data = Bytes::from(vec![1; usize::try_from(PIECE_BYTES).unwrap()]);
            backend.write(INDEX, long, piece * PIECE_BYTES, data).await.unwrap();
        }
        backend.publish(INDEX, long).await.unwrap();
        assert_eq!(backend.share_len(INDEX, long).await.unwrap(), Some(4 * PIECE_BYTES));
        assert!(bucket.store.list(BUCKET, "some-prefix/staged/").is_empty());
        assert_eq!(backend.tally().passing, 0);
    });
}

#[test]
fn wrong_credentials_are_said_at_once_and_are_not_absence() {
    let bucket = Bucket::signed("another secret");
    bucket.run(async {
        let backend = bucket.backend("", "ours");
        let outcomes = [
            backend.mutable_slot(INDEX).await.map(drop),
            backend.shares(INDEX).await.map(drop),
            backend.share_len(INDEX, SHARE).await.map(drop),
            backend.read(INDEX, SHARE, 0..10).await.map(drop),
            backend.add_or_renew_lease(INDEX, crate::conformance::lease(1, 1)).await,
        ];
        assert_eq!(bucket.asked().len(), outcomes.len());
        for outcome in outcomes {
            let said = format!("{outcome:?}");
            assert!(!said.contains(SECRET) && !said.contains("AKIA"), "{said}");
            let Err(BackendError::Medium(trouble)) = outcome else { panic!("{outcome:?}") };
            assert_eq!((trouble.status, trouble.may_pass, trouble.attempts), (Some(403), false, 1));
        }
    });
}
