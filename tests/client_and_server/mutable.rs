//! Mutable shares: what a client writes and tests, and what it finds; on a backend that takes its time, too.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{join, join_all};
use lafs::format::ShareNum;
use lafs::net::client::{Progress, RequestError};
use lafs::net::message::{
    LeaseSecrets, READ_BYTES_MAX, ReadSpan, ReadTestWrite, Test, TestWrite, TestWritten, Write,
};
use lafs::server::backend::Backend;
use lafs::server::{CHANGED_BYTES_MAX, LEASE_SECONDS, MUTABLE_SHARE_BYTES_MAX};
use tokio::time::timeout;

use crate::a_client::{INDEX, LEASES, SHARE};
use crate::disk_like::{DiskLike, MUTABLE_PAUSE};
use crate::{Pair, with_server, with_server_on};

const ENABLER: [u8; 32] = [3; 32];
const WHOLE: ReadSpan = ReadSpan { offset: 0, size: 1000 };

/// What to do with a share.
fn share(test: Vec<Test>, write: &[(u64, &'static str)], new_length: Option<u64>) -> TestWrite {
    let write = write.iter().map(|&(offset, data)| Write { offset, data: Bytes::from(data) }).collect();
    TestWrite { test, write, new_length }
}

fn writes(write: &[(u64, &'static str)], new_length: Option<u64>) -> TestWrite {
    share(Vec::new(), write, new_length)
}

fn is(offset: u64, specimen: &'static str) -> Test {
    Test { offset, size: u64::try_from(specimen.len()).unwrap(), specimen: Bytes::from(specimen) }
}

impl Pair {
    async fn ask(
        &self,
        shares: impl IntoIterator<Item = (u8, TestWrite)>,
        read: &[ReadSpan],
    ) -> Result<TestWritten, RequestError> {
        let vectors = shares.into_iter().map(|(share, wanted)| (ShareNum(share), wanted)).collect();
        let asked = ReadTestWrite { vectors, read: read.to_vec() };
        self.client.read_test_write(INDEX, &asked, &ENABLER, &LEASES, &Progress::default()).await
    }

    /// Does as told to share 3 and says what the share is then.
    async fn after(&self, wanted: TestWrite) -> Option<String> {
        assert!(self.ask([(SHARE.0, wanted)], &[]).await.unwrap().success);
        let stored = self.backend.get_mutable(INDEX, SHARE)?;
        Some(String::from_utf8(stored.content.to_vec()).unwrap())
    }
}

fn with_slow_server(work: impl AsyncFnOnce(Pair)) {
    with_server_on(|backend| DiskLike(backend.clone()), 1000, work);
}

#[test]
fn a_slot_is_written_listed_read_reported_and_deleted() {
    with_server(1 << 30, async |pair| {
        let client = &pair.client;
        assert!(client.mutable_shares(INDEX).await.unwrap().is_empty());
        let content: Bytes = (0u32..300_000).map(|byte| u8::try_from(byte % 251).unwrap()).collect();
        let write = Write { offset: 0, data: content.clone() };
        let made = TestWrite { test: vec![Test::absent()], write: vec![write], new_length: None };
        let asked = ReadTestWrite { vectors: [(SHARE, made)].into(), read: vec![WHOLE] };
        let progress = Progress::default();
        let written = client.read_test_write(INDEX, &asked, &ENABLER, &LEASES, &progress).await.unwrap();
        assert_eq!(written, TestWritten { success: true, ..TestWritten::default() });
        assert_eq!(progress.load(Relaxed), u64::try_from(asked.encode().len()).unwrap());

        let again = client.read_test_write(INDEX, &asked, &ENABLER, &LEASES, &progress).await.unwrap();
        let found = [(SHARE, vec![content.slice(..1000)])].into();
        assert_eq!(again, TestWritten { success: false, data: found });

        assert_eq!(client.mutable_shares(INDEX).await.unwrap(), BTreeSet::from([SHARE]));
        assert!(client.shares(INDEX).await.unwrap().is_empty());
        let read = client.mutable_read(INDEX, SHARE, 5..300_010, &progress).await.unwrap();
        assert_eq!((read, progress.load(Relaxed)), (content.slice(5..), 299_995));
        assert!(client.mutable_read(INDEX, SHARE, 300_000..300_001, &progress).await.unwrap().is_empty());
        let missing = client.mutable_read(INDEX, ShareNum(4), 0..1, &progress).await;
        assert_eq!(missing, Err(RequestError::Status(404)));

        client.mutable_report_corrupt(INDEX, SHARE, "bad signature").await.unwrap();
        assert_eq!(pair.backend.corruption_reports()[0].reason, "bad signature");
        let missing = client.mutable_report_corrupt(INDEX, ShareNum(4), "bad signature").await;
        assert_eq!(missing, Err(RequestError::Status(404)));
        assert!(client.add_lease(INDEX, &LEASES).await.unwrap());
        assert_eq!(pair.after(writes(&[], Some(0))).await, None);
        assert!(!client.add_lease(INDEX, &LEASES).await.unwrap());
        assert_eq!(client.version().await.unwrap().available_space, 1 << 30);
    });
}

#[test]
fn writes_are_done_in_order_gaps_are_zeros_and_the_new_length_only_cuts() {
    with_server(1000, async |pair| {
        let after = async |write: &[(u64, &'static str)], new_length| {
            pair.after(writes(write, new_length)).await.unwrap()
        };
        assert_eq!(after(&[(2, "ab"), (3, "cd")], None).await, "\0\0acd");
        assert_eq!(after(&[(7, "x")], None).await, "\0\0acd\0\0x");
        assert_eq!(after(&[], Some(20)).await, "\0\0acd\0\0x");
        assert_eq!(after(&[], Some(4)).await, "\0\0ac");
        assert_eq!(after(&[(1, "late"), (0, "over")], Some(5)).await, "overe");
        assert_eq!(after(&[(0, "whole"), (1, "H")], None).await, "wHole");
        assert_eq!(after(&[(0, "short")], Some(3)).await, "sho");
        assert_eq!(after(&[(8, "far")], Some(6)).await, "sho\0\0\0");
        assert_eq!(after(&[(0, "longer than")], None).await, "longer than");
        assert_eq!(pair.after(writes(&[(0, "never")], Some(0))).await, None);
        assert_eq!(after(&[], None).await, "", "whoever is named exists");
    });
}

#[test]
fn one_failed_test_stops_the_writes_of_every_share() {
    with_server(1000, async |pair| {
        pair.ask([(1, writes(&[(0, "one")], None)), (2, writes(&[(0, "two")], None))], &[]).await.unwrap();
        let mixed = [
            (1, share(vec![is(0, "one")], &[(0, "ONE")], None)),
            (2, share(vec![is(0, "two"), is(1, "X")], &[], Some(0))),
            (5, share(vec![Test::absent()], &[(0, "five")], None)),
        ];
        let answer = pair.ask(mixed, &[ReadSpan { offset: 1, size: 9 }]).await.unwrap();
        let found = [(ShareNum(1), vec!["ne".into()]), (ShareNum(2), vec!["wo".into()])].into();
        assert_eq!(answer, TestWritten { success: false, data: found });
        assert_eq!(pair.backend.list_mutable().len(), 2);
        assert_eq!(pair.backend.get_mutable(INDEX, ShareNum(1)).unwrap().content, "one");
    });
}

#[test]
fn tests_are_clipped_to_the_share() {
    with_server(1000, async |pair| {
        pair.after(writes(&[(0, "abc")], None)).await;
        let long = |offset, size, specimen: &'static str| Test { offset, size, specimen: specimen.into() };
        let far = u64::MAX;
        for (test, expected) in [
            (long(0, 3, "abc"), true),
            (long(0, 100, "abc"), true),
            (long(1, far, "bc"), true),
            (long(3, 5, ""), true),
            (long(far, far, ""), true),
            (long(0, 0, ""), true),
            (long(0, 2, "abc"), false),
            (long(0, 100, "abc\0"), false),
            (Test::absent(), false),
        ] {
            let answer = pair.ask([(SHARE.0, share(vec![test.clone()], &[], None))], &[]).await.unwrap();
            assert_eq!(answer.success, expected, "{test:?}");
        }
    });
}

#[test]
fn a_wrong_enabler_of_any_share_stops_everything() {
    with_server(1000, async |pair| {
        pair.ask([(1, writes(&[(0, "one")], None))], &[]).await.unwrap();
        let mut foreign = pair.backend.get_mutable(INDEX, ShareNum(1)).unwrap();
        foreign.enabler = Bytes::from_static(b"another");
        pair.backend.put_mutable(INDEX, ShareNum(9), foreign);
        let refused = Err(RequestError::Status(401));
        assert_eq!(pair.ask([(1, writes(&[(0, "ONE")], None))], &[]).await, refused);
        assert_eq!(pair.ask([], &[WHOLE]).await, refused, "nor does it read");
        assert_eq!(pair.backend.get_mutable(INDEX, ShareNum(1)).unwrap().content, "one");
        pair.backend.remove_mutable(INDEX, ShareNum(9));
        assert!(pair.ask([(1, writes(&[(0, "ONE")], None))], &[]).await.unwrap().success);
    });
}

#[test]
fn whoever_remains_of_those_named_gets_a_lease() {
    with_server(1000, async |pair| {
        let expires = |leases: Vec<lafs::server::backend::Lease>| -> Vec<u64> {
            leases.iter().map(|lease| lease.expires.0).collect()
        };
        pair.after(writes(&[(0, "abc")], None)).await;
        pair.now.fetch_add(500, Relaxed);
        pair.ask([], &[WHOLE]).await.unwrap();
        pair.ask([(SHARE.0, share(vec![Test::absent()], &[], None))], &[]).await.unwrap();
        let first = 1_000 + LEASE_SECONDS;
        assert_eq!(expires(pair.backend.leases(INDEX).await.unwrap()), [first]);
        pair.after(writes(&[], None)).await;
        assert_eq!(expires(pair.backend.leases(INDEX).await.unwrap()), [first + 500]);
        let other = LeaseSecrets { renew: [5; 32], cancel: [6; 32] };
        assert!(pair.client.add_lease(INDEX, &other).await.unwrap());
        assert_eq!(expires(pair.backend.leases(INDEX).await.unwrap()), [first + 500; 2]);
    });
}

#[test]
fn what_is_too_much_is_refused_and_applies_nothing() {
    with_server(1 << 40, async |pair| {
        assert_eq!(pair.after(writes(&[(0, "abc")], None)).await.unwrap(), "abc");
        let far = |offset| writes(&[(0, "X"), (offset, "x")], None);
        let refused = Err(RequestError::Status(413));
        assert_eq!(pair.ask([(SHARE.0, far(MUTABLE_SHARE_BYTES_MAX))], &[]).await, refused);
        assert_eq!(pair.ask([(SHARE.0, far(u64::MAX))], &[]).await, refused);
        let many = u8::try_from(CHANGED_BYTES_MAX / MUTABLE_SHARE_BYTES_MAX).unwrap();
        let shares = (SHARE.0..=SHARE.0 + many).map(|share| (share, far(MUTABLE_SHARE_BYTES_MAX - 1)));
        assert_eq!(pair.ask(shares, &[]).await, refused);
        assert_eq!(pair.backend.get_mutable(INDEX, SHARE).unwrap().content, "abc");
        let version = pair.client.version().await.unwrap();
        assert_eq!(version.maximum_mutable_share_size, MUTABLE_SHARE_BYTES_MAX);

        pair.ask([(SHARE.0, far(READ_BYTES_MAX))], &[]).await.unwrap();
        let all = ReadSpan { offset: 0, size: u64::MAX };
        assert_eq!(pair.ask([(SHARE.0, writes(&[(0, "Y")], None))], &[all]).await, refused);
        assert!(pair.backend.get_mutable(INDEX, SHARE).unwrap().content.starts_with(b"X"));
    });
    with_server(10, async |pair| {
        assert_eq!(pair.after(writes(&[(0, "0123456789")], None)).await.unwrap(), "0123456789");
        let grown = [(SHARE.0, writes(&[(0, "X")], Some(5))), (4, writes(&[(0, "123456")], None))];
        assert_eq!(pair.ask(grown, &[]).await, Err(RequestError::Status(507)));
        assert_eq!(pair.backend.get_mutable(INDEX, SHARE).unwrap().content, "0123456789");
    });
}

#[test]
fn of_writers_at_once_who_tested_the_same_one_wins() {
    with_slow_server(async |pair| {
        pair.after(writes(&[(0, "0")], None)).await;
        let texts = ["a", "b", "c", "d", "e", "f"];
        let racing =
            texts.map(|text| pair.ask([(SHARE.0, share(vec![is(0, "0")], &[(0, text)], None))], &[WHOLE]));
        let answers: Vec<_> = join_all(racing).await.into_iter().map(Result::unwrap).collect();
        let winners: Vec<usize> = (0..texts.len()).filter(|&racer| answers[racer].success).collect();
        assert_eq!(winners.len(), 1);
        let stored = pair.backend.get_mutable(INDEX, SHARE).unwrap().content;
        assert_eq!(stored, texts[winners[0]]);
        for answer in answers.iter().filter(|answer| !answer.success) {
            assert_eq!(answer.data[&SHARE], std::slice::from_ref(&stored), "the others see who won");
        }
    });
}

#[test]
fn a_test_holds_until_the_writes_are_done() {
    with_slow_server(async |pair| {
        pair.ask([(1, writes(&[(0, "one")], None))], &[]).await.unwrap();
        // Each would make the test of the other fail.
        let first =
            pair.ask([(1, share(vec![is(0, "one")], &[], None)), (2, writes(&[(0, "x")], None))], &[]);
        let second =
            pair.ask([(2, share(vec![Test::absent()], &[], Some(0))), (1, writes(&[(0, "y")], None))], &[]);
        let (first, second) = join(first, second).await;
        assert!(first.unwrap().success != second.unwrap().success);
    });
}

#[test]
fn what_changes_behind_the_servers_back_is_not_overwritten() {
    with_slow_server(async |pair| {
        pair.after(writes(&[(0, "old")], None)).await;
        let mine = pair.ask([(SHARE.0, share(vec![is(0, "old")], &[(0, "mine")], None))], &[WHOLE]);
        let behind = async {
            tokio::time::sleep(MUTABLE_PAUSE + MUTABLE_PAUSE / 2).await;
            let mut share = pair.backend.get_mutable(INDEX, SHARE).unwrap();
            share.content = "theirs".into();
            pair.backend.put_mutable(INDEX, SHARE, share);
        };
        let (answer, ()) = join(mine, behind).await;
        let found = [(SHARE, vec!["theirs".into()])].into();
        assert_eq!(answer, Ok(TestWritten { success: false, data: found }));
        assert_eq!(pair.backend.get_mutable(INDEX, SHARE).unwrap().content, "theirs");
    });
}

#[test]
fn a_write_whose_client_is_gone_happened_whole_or_not() {
    with_slow_server(async |pair| {
        let both = |text| [(1, writes(&[(0, text)], None)), (2, writes(&[(0, text)], None))];
        pair.ask(both("old"), &[]).await.unwrap();
        let dropped = timeout(Duration::from_millis(500), pair.ask(both("new"), &[])).await;
        assert!(dropped.is_err());
        let answer = pair.ask([], &[WHOLE]).await.unwrap();
        assert_eq!(answer.data[&ShareNum(1)], answer.data[&ShareNum(2)]);
        assert!(pair.ask(both("end"), &[]).await.unwrap().success, "and left no lock behind");
    });
}

#[test]
fn a_read_during_writes_is_of_one_version() {
    with_slow_server(async |pair| {
        let versions = ["aaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbb", "cccccccccccccccccccc"];
        pair.after(writes(&[(0, versions[0])], None)).await;
        let writing = async {
            for version in versions {
                pair.after(writes(&[(0, version)], None)).await;
            }
        };
        let reading = async {
            let mut seen = BTreeSet::new();
            for _ in 0..30 {
                let read = pair.client.mutable_read(INDEX, SHARE, 0..100, &Progress::default()).await;
                seen.insert(String::from_utf8(read.unwrap().to_vec()).unwrap());
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            seen
        };
        let (seen, ()) = join(reading, writing).await;
        assert_eq!(seen, versions.map(str::to_owned).into());
    });
}
