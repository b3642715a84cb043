//! What a check finds, with and without reading every byte.

use lafs::client::download::{Answer, ShareState};

use super::*;

#[test]
fn a_file_as_it_was_uploaded_is_healthy() {
    for (size, segment) in [(56, 1 << 20), (1000, 1 << 20), (10_000, 99), (300_000, 128 << 10), (70_000, 30)]
    {
        with_file(12, size, segment, async |case| {
            for verify in [false, true] {
                let check = case.check(verify).await;
                assert!(check.is_healthy(), "{size} in {segment}: {check}");
                assert_eq!((check.good().len(), check.happiness(), check.servers.len()), (10, 10, 12));
            }
        });
    }
}

#[test]
fn shares_that_are_missing_are_counted() {
    with_file(10, 1000, 100, async |case| {
        (0..3).for_each(|place| case.forget(place));
        let check = case.check(false).await;
        assert_eq!((check.is_healthy(), check.is_recoverable(), check.good().len()), (false, true, 7));
        insta::assert_snapshot!(check);
        (3..8).for_each(|place| case.forget(place));
        let check = case.check(true).await;
        assert!(!check.is_recoverable());
        insta::assert_snapshot!(check);
    });
}

#[test]
fn servers_that_are_silent_or_fail_are_named() {
    with_file(10, 1000, 100, async |case| {
        case.node(1).hang();
        case.node(4).obey(|_, _| Act::Fail(500));
        case.node(6).obey(|kind, _| if kind == Kind::Read { Act::Hang } else { Act::Serve });
        let check = case.check(true).await;
        assert_eq!(check.servers[1].answer, Answer::Silent);
        assert!(matches!(check.servers[4].answer, Answer::Failed(_)));
        assert!(matches!(check.servers[6].shares[0].1, ShareState::Silent | ShareState::Failed(_)));
        assert_eq!(check.good().len(), 7);
        insta::assert_snapshot!(check);
    });
}

#[test]
fn every_kind_of_damage_is_found_by_reading_everything() {
    type Damage = (&'static str, fn(&Layout) -> u64);
    let damages: [Damage; 9] = [
        ("header", |_| 3),
        ("block of the first segment", |layout| layout.data_offset()),
        ("block of a later segment", |layout| layout.data_offset() + 40 * 33),
        ("root of the crypttext hash tree", |layout| layout.crypttext_tree_offset()),
        ("inner node of the crypttext hash tree", |layout| layout.crypttext_tree_offset() + 5 * 32),
        ("inner node of the block hash tree", |layout| layout.block_tree_offset() + 9 * 32),
        ("added leaf of the block hash tree", |layout| layout.chain_range().start - 1),
        ("share hash chain", |layout| layout.chain_range().start + 2),
        ("URI extension", |layout| layout.uri_extension_offset() + 100),
    ];
    for (what, at) in damages {
        for (size, segment) in [(10_000, 99), (450_000, 99)] {
            with_file(10, size, segment, async |case| {
                let share = case.damage(3, at);
                assert!(case.check(false).await.is_healthy(), "{what}: servers are believed");
                let check = case.check(true).await;
                assert!(
                    matches!(check.servers[3].shares[..], [(num, ShareState::Corrupt(_))] if num == share),
                    "{what}: {check}"
                );
                assert_eq!(check.good().len(), 9, "{what}: {check}");
                let reports = case.node(3).backend.corruption_reports();
                assert_eq!(reports.iter().map(|report| report.share).collect::<Vec<_>>(), [share], "{what}");
            });
        }
    }
}

#[test]
fn shares_that_end_too_early_or_are_of_another_file_are_corrupt() {
    with_file(10, 10_000, 99, async |case| {
        case.change(3, |mut bytes| {
            bytes.truncate(2000);
            bytes
        });
        let other = case.stored()[5].values().next().unwrap().clone();
        case.change(4, |_| other.to_vec());
        case.node(6).backend.put(case.cap.storage_index, ShareNum(200), "junk".into());
        let check = case.check(true).await;
        assert_eq!(check.good().len(), 8);
        insta::assert_snapshot!(check);
    });
}
