//! Every backend passes one suite.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod conformance;

use futures_util::FutureExt;
use lafs::server::backend::MemoryBackend;

/// Runs each claim on a store of its own, made by `$new` with room for so many bytes.
macro_rules! conforms {
    ($backend:ident, $new:expr, $($claim:ident),+ $(,)?) => {
        mod $backend {
            use futures_util::FutureExt as _;

            $(#[test]
            fn $claim() {
                super::conformance::$claim($new).now_or_never().expect("this backend never waits");
            })+
        }
    };
}

conforms!(
    memory,
    super::MemoryBackend::new,
    a_share_is_invisible_until_it_is_published,
    any_order_of_writes_gives_the_same_share,
    a_read_is_clipped_to_the_share,
    a_share_cannot_be_staged_twice,
    a_write_outside_the_share_is_refused,
    promised_space_is_gone_until_the_share_is_discarded,
    what_is_not_staged_cannot_be_written_or_published,
    discarding_leaves_complete_shares_alone,
    a_lease_is_renewed_by_its_secret_and_never_shortened,
    leases_are_bounded,
    leases_go_with_the_last_share,
);

#[test]
fn a_long_share_written_whole_is_not_copied() {
    use lafs::server::backend::Backend;
    let (backend, content) = (MemoryBackend::new(100_000), bytes::Bytes::from(vec![1; 100_000]));
    let (index, share) = (conformance::INDEX, conformance::SHARE);
    let work = async {
        backend.create(index, share, 100_000).await.unwrap();
        backend.write(index, share, 0, content.clone()).await.unwrap();
        backend.publish(index, share).await.unwrap();
        backend.read(index, share, 0..100_000).await.unwrap().unwrap()
    };
    assert_eq!(work.now_or_never().unwrap().as_ptr(), content.as_ptr());
}

#[test]
fn a_short_share_does_not_keep_the_buffer_it_came_in() {
    use lafs::server::backend::Backend;
    let (backend, received) = (MemoryBackend::new(1000), bytes::Bytes::from(vec![1; 100_000]));
    let (index, share) = (conformance::INDEX, conformance::SHARE);
    let work = async {
        backend.create(index, share, 100).await.unwrap();
        backend.write(index, share, 0, received.slice(500..600)).await.unwrap();
        backend.publish(index, share).await.unwrap();
    };
    work.now_or_never().unwrap();
    assert!(received.is_unique());
}

#[test]
fn corruption_reports_are_bounded_and_the_oldest_goes_first() {
    use lafs::server::backend::{Backend, CORRUPTION_REPORTS_MAX, CorruptionReport};
    let backend = MemoryBackend::new(0);
    for number in 0..=CORRUPTION_REPORTS_MAX {
        let (index, share) = (conformance::INDEX, conformance::SHARE);
        let report = CorruptionReport { index, share, reason: number.to_string() };
        backend.record_corruption(report).now_or_never().unwrap().unwrap();
    }
    let reports = backend.corruption_reports();
    assert_eq!((reports.len(), reports[0].reason.as_str()), (CORRUPTION_REPORTS_MAX, "1"));
}

#[test]
fn a_share_that_is_too_long_is_refused_whatever_room_there_is() {
    use lafs::format::ShareNum;
    use lafs::server::backend::{Backend, BackendError};
    let memory = MemoryBackend::new(10_000);
    memory.set_share_bytes_max(100);
    let create =
        |share, size| memory.create(conformance::INDEX, ShareNum(share), size).now_or_never().unwrap();
    assert_eq!(create(0, 101), Err(BackendError::NoSpace));
    assert_eq!(create(0, 100), Ok(()));
    assert_eq!(create(1, 100), Ok(()), "the bound is on each share, not on all");
}
