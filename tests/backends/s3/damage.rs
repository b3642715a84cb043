//! Answers that look well and are not.

use lafs::server::backend::{Backend, BackendError};

use super::{Bucket, Trick};
use crate::conformance::{INDEX, SHARE, content, store};

/// A backend that asks once, on a bucket with an immutable share of a hundred bytes.
fn with_a_share(work: impl AsyncFnOnce(&Bucket, &dyn AsyncRead)) {
    let bucket = Bucket::new();
    bucket.run(async {
        let backend = bucket.backend("", "none");
        store(&backend, SHARE, content(100)).await;
        work(&bucket, &backend).await;
    });
}

trait AsyncRead {
    fn read(
        &self,
        range: std::ops::Range<u64>,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<Option<bytes::Bytes>, BackendError>> + '_>>;
}

impl<B: Backend> AsyncRead for B {
    fn read(
        &self,
        range: std::ops::Range<u64>,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<Option<bytes::Bytes>, BackendError>> + '_>> {
        Box::pin(Backend::read(self, INDEX, SHARE, range))
    }
}

#[test]
fn bytes_of_another_checksum_are_not_believed() {
    with_a_share(async |bucket, share| {
        bucket.trick("GET", Trick::Flip);
        assert!(matches!(share.read(0..100).await, Err(BackendError::Medium(trouble)) if trouble.may_pass));
        assert_eq!(share.read(0..100).await.unwrap(), Some(content(100)));
    });
}

#[test]
fn another_range_or_length_is_not_believed() {
    for said in ["bytes 0-9/100", "bytes 10-20/100", "bytes 10-19/*", "bytes 10-19/15", "", "10-19/100"] {
        with_a_share(async |bucket, share| {
            bucket.trick("GET", Trick::Header("content-range", said));
            assert!(matches!(share.read(10..20).await, Err(BackendError::Medium(_))), "{said}");
            assert_eq!(share.read(10..20).await.unwrap(), Some(content(100).slice(10..20)));
        });
    }
}

#[test]
fn a_whole_object_in_place_of_a_range_is_not_believed() {
    with_a_share(async |bucket, share| {
        let body = content(100);
        bucket.trick("GET", Trick::Answer { status: 200, body, applied: false, retry_after: None });
        assert!(matches!(share.read(0..100).await, Err(BackendError::Medium(_))));
    });
}

#[test]
fn a_put_acknowledged_with_the_checksum_of_something_else_is_looked_up() {
    let bucket = Bucket::new();
    bucket.run(async {
        let backend = bucket.backend("", "none");
        backend.create(INDEX, SHARE, 100).await.unwrap();
        backend.write(INDEX, SHARE, 0, content(100)).await.unwrap();
        bucket.asked();
        bucket.trick("PUT", Trick::Header("etag", "\"00000000000000000000000000000000\""));
        backend.publish(INDEX, SHARE).await.unwrap();
        assert_eq!(bucket.asked(), ["PUT", "HEAD"]);
    });
}

#[test]
fn encrypted_objects_have_tags_that_are_no_checksums() {
    with_a_share(async |bucket, share| {
        bucket.always(|kind| {
            (kind == "GET").then_some(Trick::Header("x-amz-server-side-encryption", "aws:kms"))
        });
        assert_eq!(share.read(0..100).await.unwrap(), Some(content(100)));
    });
}
