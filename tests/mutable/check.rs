//! What a check of a mutable file finds, with and without reading every byte.

use std::ops::Range;

use lafs::client::check::CheckOptions;
use lafs::client::mutable::{CheckedShare, Holding, MutableCheck};
use lafs::format::mutable::Layout;
use lafs::server::backend::MutableShare;

use super::*;

/// Changes the only share of a server.
pub(super) fn change(case: &Case, place: usize, change: impl FnOnce(Vec<u8>) -> Vec<u8>) -> ShareNum {
    let share = *case.layout()[place].first().unwrap();
    let backend = &case.node(place).backend;
    let MutableShare { enabler, content } = backend.get_mutable(case.index(), share).unwrap();
    let content = change(content.to_vec()).into();
    backend.put_mutable(case.index(), share, MutableShare { enabler, content });
    share
}

/// Flips a bit of the first byte of a part.
pub(super) fn damage(case: &Case, place: usize, part: impl FnOnce(&Layout) -> Range<u64>) -> ShareNum {
    change(case, place, |mut bytes| {
        let at = part(&Layout::parse(&bytes).unwrap()).start;
        bytes[usize::try_from(at).unwrap()] ^= 1;
        bytes
    })
}

/// Every share of a server is gone.
pub(super) fn forget(case: &Case, place: usize) {
    for share in &case.layout()[place] {
        case.node(place).backend.remove_mutable(case.index(), *share).unwrap();
    }
}

pub(super) async fn check(case: &Case, verify: bool) -> MutableCheck {
    let cap = case.cap().read_cap().verify_cap();
    case.stranger().check_mutable(&cap, &CheckOptions { verify }).await.unwrap()
}

#[test]
fn a_file_as_it_was_published_is_healthy() {
    for size in [0, 1000, 20_000] {
        with_file(12, size, async |case| {
            for verify in [false, true] {
                let check = check(case, verify).await;
                assert!(check.is_healthy(), "{check}");
                let best = check.best().unwrap();
                assert_eq!((best.shares.len(), best.happiness, check.servers.len()), (10, 10, 12));
            }
        });
    }
}

#[test]
fn shares_that_are_missing_are_counted() {
    with_file(10, 1000, async |case| {
        (0..3).for_each(|place| forget(case, place));
        let check = check(case, false).await;
        assert!(!check.is_healthy());
        let best = check.best().unwrap();
        assert_eq!((best.shares.len(), best.happiness), (7, 7));
        insta::assert_snapshot!(check);
    });
}

#[test]
fn a_file_of_which_too_little_is_left_is_not_recoverable() {
    with_file(10, 1000, async |case| {
        (2..10).for_each(|place| forget(case, place));
        let check = check(case, true).await;
        assert_eq!((check.best(), check.unrecoverable().count()), (None, 1));
        insta::assert_snapshot!(check);
    });
}

#[test]
fn servers_that_are_silent_or_fail_are_named() {
    with_file(10, 1000, async |case| {
        case.node(1).hang();
        case.node(4).obey(|_, _| Act::Fail(500));
        let check = check(case, false).await;
        let of = |place: usize| &check.servers[place].holding;
        assert_eq!(*of(1), Holding::Silent);
        assert!(matches!(of(4), Holding::Failed(_)));
        assert_eq!(check.best().unwrap().shares.len(), 8);
        insta::assert_snapshot!(check);
    });
}

/// What is damaged, and whether it is noticed without reading every byte.
type Damage = (&'static str, fn(&Layout) -> Range<u64>, bool);

const DAMAGES: [Damage; 7] = [
    ("header", |_| 9..10, true),
    ("public key", |layout| layout.public_key().unwrap(), true),
    ("signature", |layout| layout.signature().unwrap(), true),
    ("share hash chain", |layout| layout.chain().unwrap(), false),
    ("block hash tree", |layout| layout.block_tree().unwrap(), false),
    ("block", |layout| layout.block(0).unwrap(), false),
    ("offset of the data", |_| 87..88, false),
];

#[test]
fn every_kind_of_damage_is_found_by_reading_everything() {
    for (what, part, plain) in DAMAGES {
        for size in [1000, 20_000] {
            with_file(10, size, async |case| {
                let share = damage(case, 3, part);
                let found = check(case, false).await;
                assert_eq!(found.bad().next().is_some(), plain, "{what}: {found}");
                let found = check(case, true).await;
                let bad: Vec<_> = found.bad().map(|(server, share, _)| (server.clone(), share)).collect();
                let place = case.grid.order(&case.client, case.index())[3];
                assert_eq!(bad, [(grid::id(place), share)], "{what}: {found}");
                assert!(!found.is_healthy());
                assert_eq!(found.best().unwrap().shares.len(), 9);
                let reports = case.node(3).backend.corruption_reports();
                assert!(reports.iter().all(|report| report.share == share), "{what}");
                assert!(!reports.is_empty(), "{what} was not reported");
            });
        }
    }
}

#[test]
fn only_those_who_can_write_see_that_a_private_key_is_damaged() {
    with_file(10, 1000, async |case| {
        damage(case, 3, |layout| layout.private_key().unwrap());
        assert!(check(case, true).await.is_healthy());
    });
}

#[test]
fn a_share_that_ends_too_early_is_bad_and_one_that_cannot_be_read_is_not_called_so() {
    with_file(10, 20_000, async |case| {
        change(case, 3, |mut bytes| {
            bytes.truncate(5000);
            bytes
        });
        case.node(5).obey(|kind, count| match kind {
            Kind::Read if count > 0 => Act::Fail(500),
            _ => Act::Serve,
        });
        let check = check(case, true).await;
        assert_eq!(check.bad().count(), 1);
        assert!(matches!(check.servers[5].shares[0].1, CheckedShare::Unread(_)));
        assert_eq!(check.best().unwrap().shares.len(), 8);
        assert!(case.node(5).backend.corruption_reports().is_empty());
        insta::assert_snapshot!(check);
    });
}

#[test]
fn what_is_left_of_an_older_version_is_seen() {
    with_file(10, 1000, async |case| {
        (0..2).for_each(|place| {
            case.node(place).obey(|kind, _| match kind {
                Kind::TestAndWrite => Act::Fail(500),
                _ => Act::Serve,
            });
        });
        case.stranger().overwrite(&case.cap(), &content(7, 1), &options(7)).await.unwrap();
        let check = check(case, false).await;
        assert!(!check.is_healthy());
        assert_eq!(check.versions.iter().map(|version| version.id.seqnum).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(check.best().unwrap().id.seqnum, 2);
        insta::assert_snapshot!(check);
    });
}

#[test]
fn a_check_beside_a_writer_calls_nothing_corrupt() {
    with_file(10, 20_000, async |case| {
        let writer = case.grid.client_with(3, Policy::default(), b"");
        let write = async {
            for round in 1..8 {
                writer.overwrite(&case.cap(), &content(20_000, round), &options(7)).await.unwrap();
            }
        };
        let checks = async {
            for _ in 0..6 {
                assert_eq!(check(case, true).await.bad().count(), 0);
            }
        };
        futures_util::future::join(write, checks).await;
        assert!(case.grid.nodes.iter().all(|node| node.backend.corruption_reports().is_empty()));
    });
}
