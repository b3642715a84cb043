//! What uploads that were never completed leave behind, and who removes it.

use bytes::Bytes;
use lafs::server::StorageServer;
use lafs::server::backend::Backend;
use lafs::server::backend::s3::PIECE_BYTES;
use squall::s3::Object;

use super::{BUCKET, Bucket, Trick, clock};
use crate::conformance::{INDEX, OTHER, SHARE, content, store};
use crate::in_memory::SWISSNUM;

/// Stages a share so long that pieces of it lie in the bucket, and has the upload fail in a way that it cannot clean up.
async fn interrupted(bucket: &Bucket) {
    let backend = bucket.backend("p/", "none");
    backend.create(INDEX, SHARE, 4 * PIECE_BYTES).await.unwrap();
    for piece in 0..4 {
        let data = Bytes::from(vec![1; usize::try_from(PIECE_BYTES).unwrap()]);
        backend.write(INDEX, SHARE, piece * PIECE_BYTES, data).await.unwrap();
    }
    let broken = ["COMPLETE upload", "ABORT upload"];
    bucket.always(move |kind| broken.contains(&kind).then(|| Trick::error(500, "InternalError")));
    assert!(backend.publish(INDEX, SHARE).await.is_err());
    bucket.heal();
    assert_eq!(bucket.store.uploads(BUCKET).len(), 1);
    assert_eq!(bucket.store.list(BUCKET, "p/staged/").len(), 2);
}

#[test]
fn a_start_removes_what_was_left_and_nothing_else() {
    let bucket = Bucket::new();
    bucket.run(async {
        interrupted(&bucket).await;
        let backend = bucket.backend("p/", "ours");
        store(&backend, SHARE, content(10)).await;
        crate::mutable::put(&backend, SHARE, 10).await.unwrap();
        bucket.store.put(BUCKET, "q/staged/x", Object::new("another server's".into(), [].into())).unwrap();
        StorageServer::start(bucket.backend("p/", "ours"), SWISSNUM, clock()).await.unwrap();
        assert!(bucket.store.uploads(BUCKET).is_empty());
        assert!(bucket.store.list(BUCKET, "p/staged/").is_empty());
        assert_eq!(bucket.store.list(BUCKET, "q/").len(), 1);
        assert_eq!(backend.read(INDEX, SHARE, 0..10).await.unwrap(), Some(content(10)));
        assert_eq!(crate::mutable::get(&backend, SHARE).await, Some(content(10)));
    });
}

#[test]
fn a_service_that_is_down_does_not_keep_a_server_from_starting() {
    for trick in
        [Trick::error(503, "SlowDown"), Trick::error(403, "AccessDenied"), Trick::Hang { applied: false }]
    {
        let bucket = Bucket::new();
        bucket.run(async {
            interrupted(&bucket).await;
            let now = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(1_790_000_000));
            let seconds = std::sync::Arc::clone(&now);
            let clock: lafs::server::clock::Clock = std::sync::Arc::new(move || {
                lafs::server::clock::UnixTime(seconds.load(std::sync::atomic::Ordering::Relaxed))
            });
            use rand_chacha::rand_core::SeedableRng;
            let backend = lafs::server::backend::S3Backend::new(
                bucket.wire.clone(),
                super::config("p/", "ours"),
                std::sync::Arc::clone(&clock),
                rand_chacha::ChaCha8Rng::seed_from_u64(5),
            );
            bucket.asked();
            bucket.always(move |_| Some(trick.clone()));
            let began = tokio::time::Instant::now();
            let server = StorageServer::start(backend, SWISSNUM, clock).await.unwrap();
            assert!(began.elapsed().as_secs() <= 5);
            assert_eq!(bucket.asked(), ["LIST"], "it is not worth a second try");
            bucket.heal();
            // Not at once, since the service may be down for long.
            server.backend().create(OTHER, SHARE, 10).await.unwrap();
            assert_eq!(bucket.asked(), ["HEAD"]);
            now.fetch_add(60, std::sync::atomic::Ordering::Relaxed);
            server.backend().create(OTHER, lafs::format::ShareNum(1), 10).await.unwrap();
            assert!(bucket.store.uploads(BUCKET).is_empty());
            assert!(bucket.store.list(BUCKET, "p/staged/").is_empty());
        });
    }
}

#[test]
fn what_is_being_written_is_not_swept_away() {
    let bucket = Bucket::new();
    bucket.run(async {
        let backend = bucket.backend("p/", "ours");
        interrupted(&bucket).await;
        backend.create(OTHER, SHARE, 4 * PIECE_BYTES).await.unwrap();
        for piece in 0..4 {
            let data = Bytes::from(vec![2; usize::try_from(PIECE_BYTES).unwrap()]);
            backend.write(OTHER, SHARE, piece * PIECE_BYTES, data).await.unwrap();
        }
        // Pieces of a share that is given up while the service does not delete.
        bucket.always(|kind| (kind == "DELETE").then(|| Trick::error(500, "InternalError")));
        backend.create(INDEX, SHARE, 4 * PIECE_BYTES).await.unwrap();
        for piece in 0..4 {
            let data = Bytes::from(vec![3; usize::try_from(PIECE_BYTES).unwrap()]);
            backend.write(INDEX, SHARE, piece * PIECE_BYTES, data).await.unwrap();
        }
        backend.discard(INDEX, SHARE).await.unwrap();
        bucket.heal();
        assert_eq!(bucket.store.list(BUCKET, "p/staged/").len(), 6);
        backend.create(INDEX, lafs::format::ShareNum(1), 10).await.unwrap();
        assert_eq!(bucket.store.list(BUCKET, "p/staged/").len(), 2, "those of the share that is written");
        backend.publish(OTHER, SHARE).await.unwrap();
        assert_eq!(backend.share_len(OTHER, SHARE).await.unwrap(), Some(4 * PIECE_BYTES));
    });
}
