//! Shares that are too long to be kept in memory.

use bytes::Bytes;
use lafs::server::backend::s3::{PIECE_BYTES, PIECES_HELD_MAX};
use lafs::server::backend::{Backend, BackendError};

use super::{BUCKET, Bucket, Trick};
use crate::conformance::{INDEX, SHARE};

const MIB: u64 = 1 << 20;

/// Bytes that are others in each piece.
fn piece(offset: u64, bytes: u64) -> Bytes {
    (offset..offset + bytes).map(|byte| u8::try_from((byte ^ (byte >> 11)) % 251).unwrap()).collect()
}

async fn write(backend: &impl Backend, size: u64, step: u64) {
    for offset in (0..size).step_by(usize::try_from(step).unwrap()) {
        let data = piece(offset, step.min(size - offset));
        backend.write(INDEX, SHARE, offset, data).await.unwrap();
    }
}

async fn is_there(backend: &impl Backend, size: u64) {
    assert_eq!(backend.share_len(INDEX, SHARE).await.unwrap(), Some(size));
    for offset in (0..size).step_by(usize::try_from(4 * MIB).unwrap()) {
        let range = offset..(offset + 4 * MIB).min(size);
        let read = backend.read(INDEX, SHARE, range.clone()).await.unwrap().unwrap();
        assert!(read == piece(offset, range.end - offset), "{range:?}");
    }
}

#[test]
fn a_share_of_some_pieces_needs_no_staging() {
    let bucket = Bucket::new();
    bucket.run(async {
        let (backend, size) = (bucket.backend("", "ours"), 2 * PIECE_BYTES - 1);
        backend.create(INDEX, SHARE, size).await.unwrap();
        bucket.asked();
        write(&backend, size, 3 * MIB).await;
        assert!(bucket.asked().is_empty());
        backend.publish(INDEX, SHARE).await.unwrap();
        let asked = bucket.asked();
        assert_eq!(asked, ["BEGIN upload", "PUT part", "PUT part", "COMPLETE upload"]);
        is_there(&backend, size).await;
    });
}

#[test]
fn a_long_share_is_put_away_piece_by_piece_and_read_back() {
    for (step, backwards) in [(3 * MIB, false), (PIECE_BYTES, false), (20 * MIB, false), (5 * MIB, true)] {
        let bucket = Bucket::new();
        bucket.run(async {
            let (backend, size) = (bucket.backend("p/", "ours"), 5 * PIECE_BYTES + 7);
            backend.create(INDEX, SHARE, size).await.unwrap();
            let mut offsets: Vec<u64> = (0..size).step_by(usize::try_from(step).unwrap()).collect();
            if backwards {
                offsets.reverse();
            }
            for offset in offsets {
                let data = piece(offset, step.min(size - offset));
                backend.write(INDEX, SHARE, offset, data.clone()).await.unwrap();
                let back = offset..offset + data.len() as u64;
                assert!(backend.read_staged(INDEX, SHARE, back).await.unwrap() == data);
            }
            let staged = bucket.store.list(BUCKET, "p/staged/");
            assert_eq!(staged.len(), 6 - PIECES_HELD_MAX);
            assert_eq!(bucket.store.list(BUCKET, "p/immutable/"), Vec::<String>::new());
            // Over what has been put away.
            backend.write(INDEX, SHARE, PIECE_BYTES - 5, piece(PIECE_BYTES - 5, 10)).await.unwrap();
            let across = PIECE_BYTES - 50..PIECE_BYTES + 50;
            let back = backend.read_staged(INDEX, SHARE, across).await.unwrap();
            assert!(back == piece(PIECE_BYTES - 50, 100));
            bucket.asked();
            backend.publish(INDEX, SHARE).await.unwrap();
            let copied = bucket.asked().iter().filter(|kind| *kind == "COPY part").count();
            assert_eq!(copied, 6 - PIECES_HELD_MAX);
            assert_eq!(bucket.store.list(BUCKET, "p/staged/"), Vec::<String>::new());
            is_there(&backend, size).await;
        });
    }
}

#[test]
fn parts_that_cannot_be_copied_are_sent() {
    let bucket = Bucket::new();
    bucket.run(async {
        let (backend, size) = (bucket.backend("", "ours"), 4 * PIECE_BYTES);
        backend.create(INDEX, SHARE, size).await.unwrap();
        write(&backend, size, PIECE_BYTES).await;
        bucket.always(|kind| (kind == "COPY part").then(|| Trick::error(501, "NotImplemented")));
        backend.publish(INDEX, SHARE).await.unwrap();
        is_there(&backend, size).await;
    });
}

#[test]
fn every_step_of_an_upload_in_parts_survives_doubt() {
    for kind in ["BEGIN upload", "PUT part", "COPY part", "COMPLETE upload"] {
        for applied in [false, true] {
            for trick in [
                Trick::Break { applied },
                Trick::Hang { applied },
                if applied { Trick::after(500, "InternalError") } else { Trick::error(500, "InternalError") },
                if applied { Trick::after(200, "InternalError") } else { Trick::error(200, "InternalError") },
            ] {
                let bucket = Bucket::new();
                bucket.run(async {
                    let (backend, size) = (bucket.backend("", "ours"), 3 * PIECE_BYTES);
                    backend.create(INDEX, SHARE, size).await.unwrap();
                    write(&backend, size, PIECE_BYTES).await;
                    bucket.trick(kind, trick.clone());
                    let published = backend.publish(INDEX, SHARE).await;
                    assert_eq!(published, Ok(()), "{kind} {trick:?}");
                    assert_eq!(backend.share_len(INDEX, SHARE).await.unwrap(), Some(size));
                });
            }
        }
    }
}

#[test]
fn an_upload_that_fails_leaves_nothing_visible_and_can_be_published_again() {
    let bucket = Bucket::new();
    bucket.run(async {
        let (backend, size) = (bucket.backend("", "none"), 3 * PIECE_BYTES);
        backend.create(INDEX, SHARE, size).await.unwrap();
        write(&backend, size, PIECE_BYTES).await;
        for kind in ["BEGIN upload", "PUT part", "COPY part", "COMPLETE upload"] {
            bucket.trick(kind, Trick::error(500, "InternalError"));
            assert!(matches!(backend.publish(INDEX, SHARE).await, Err(BackendError::Medium(_))), "{kind}");
            assert_eq!(backend.share_len(INDEX, SHARE).await.unwrap(), None, "{kind}");
            assert!(bucket.store.uploads(BUCKET).is_empty(), "{kind}: aborted");
        }
        backend.publish(INDEX, SHARE).await.unwrap();
        is_there(&backend, size).await;
    });
}

#[test]
fn what_cannot_be_put_away_stays_in_memory_as_long_as_there_is_some() {
    let bucket = Bucket::new();
    bucket.run(async {
        let (backend, size) = (bucket.backend("", "none"), 4 * PIECE_BYTES);
        backend.create(INDEX, SHARE, size).await.unwrap();
        bucket.always(|kind| (kind == "PUT").then(|| Trick::error(503, "SlowDown")));
        write(&backend, size, PIECE_BYTES).await;
        bucket.heal();
        backend.publish(INDEX, SHARE).await.unwrap();
        is_there(&backend, size).await;
    });
}

#[test]
fn many_shares_together_stay_within_the_memory() {
    use lafs::format::ShareNum;
    let bucket = Bucket::new();
    bucket.run(async {
        let backend = bucket.backend("", "ours");
        // Of each a little less than a piece, so that none is complete.
        let size = PIECE_BYTES;
        for share in 0..18 {
            backend.create(INDEX, ShareNum(share), size).await.unwrap();
            backend.write(INDEX, ShareNum(share), 0, piece(0, size - 10)).await.unwrap();
        }
        assert!(!bucket.store.list(BUCKET, "staged/").is_empty());
        for share in 0..18 {
            backend.write(INDEX, ShareNum(share), size - 10, piece(size - 10, 10)).await.unwrap();
            backend.publish(INDEX, ShareNum(share)).await.unwrap();
            assert_eq!(backend.share_len(INDEX, ShareNum(share)).await.unwrap(), Some(size));
        }
        assert!(bucket.store.list(BUCKET, "staged/").is_empty());
    });
}
