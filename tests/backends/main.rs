//! Every backend passes one suite.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

#[path = "../in_memory/client.rs"]
mod a_client;
mod conformance;
#[path = "../in_memory/mod.rs"]
mod in_memory;
mod mutable;
mod s3;

use futures_util::FutureExt;
use lafs::server::backend::MemoryBackend;

/// Runs each claim on stores of its own, made with room for so many bytes, under a name for each way to make them.
macro_rules! conforms {
    ($($backend:ident: $on:path),+; $claims:ident, $list:tt) => {
        $(conforms!(@one $backend, $on, $claims, $list);)+
    };
    (@one $backend:ident, $on:path, $claims:ident, [$($claim:ident),+ $(,)?]) => {
        mod $backend {
            $(#[test]
            fn $claim() {
                $on(|new| super::$claims::$claim(new));
            })+
        }
    };
}

fn on_memory<F: Future>(claim: impl FnOnce(fn(u64) -> MemoryBackend) -> F) -> F::Output {
    claim(MemoryBackend::new).now_or_never().expect("this backend never waits")
}

conforms!(
    memory: crate::on_memory,
    s3_immutable: crate::s3::on_s3,
    s3_immutable_without_conditions: crate::s3::on_s3_without_conditions;
    conformance,
    [
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
    ]
);

conforms!(
    memory_mutable: crate::on_memory,
    s3_mutable: crate::s3::on_s3,
    s3_mutable_without_conditions: crate::s3::on_s3_without_conditions;
    mutable,
    [
        a_share_is_what_was_stored_and_nothing_else_changes,
        a_read_is_clipped_and_of_one_state,
        a_share_that_changed_is_not_overwritten,
        a_share_that_must_not_exist_is_not_overwritten,
        the_same_bytes_again_are_another_state,
        a_share_deleted_and_made_again_is_in_another_state,
        of_several_changes_all_happen_or_none,
        growth_needs_room_and_shrinking_makes_some,
        immutable_and_mutable_shares_of_one_index_do_not_meet,
        a_lease_comes_with_the_change_or_the_change_does_not_come,
        leases_stay_until_the_last_share_of_either_kind_is_gone,
    ]
);

#[test]
fn what_is_put_and_taken_by_hand_counts() {
    use lafs::server::backend::{Backend, MutableShare};
    let memory = MemoryBackend::new(100);
    let (index, share) = (conformance::INDEX, conformance::SHARE);
    let free = || memory.free_space().now_or_never().unwrap().unwrap();
    let content = |bytes| MutableShare { enabler: "e".into(), content: vec![0; bytes].into() };
    memory.put_mutable(index, share, content(30));
    memory.put_mutable(index, share, content(60));
    assert_eq!((free(), memory.list_mutable()), (40, vec![(index, share)]));
    assert_eq!(memory.get_mutable(index, share), Some(content(60)));
    assert_eq!(memory.remove_mutable(index, share), Some(content(60)));
    assert_eq!((free(), memory.list_mutable()), (100, Vec::new()));
}

#[test]
fn a_mutable_share_that_is_too_long_is_refused_whatever_room_there_is() {
    use lafs::server::backend::BackendError;
    let memory = MemoryBackend::new(10_000);
    memory.set_share_bytes_max(100);
    let put = |bytes| mutable::put(&memory, conformance::SHARE, bytes).now_or_never().unwrap();
    assert_eq!(put(101), Err(BackendError::NoSpace));
    assert_eq!(put(100), Ok(()));
}

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
