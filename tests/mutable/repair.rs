//! Repair of a mutable file: what it restores, what it refuses, and that it loses nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use lafs::client::mutable::{MutableRepair, RepairError, RepairOptions};
use lafs::format::cap::MutableFormat;
use lafs::format::mutable::Layout;
use lafs::server::backend::MutableShare;
use lafs::version::{NewVersion, encode_mdmf};
use tokio::time::Instant;

use super::check::{change, check, damage, forget};
use super::*;

const OPTIONS: RepairOptions = RepairOptions { happy: 7, force: false };

async fn repair(case: &Case, options: RepairOptions) -> Result<MutableRepair, RepairError> {
    case.stranger().repair_mutable(&case.cap(), &options).await
}

/// Every share there is, by server.
fn stored(case: &Case) -> Vec<BTreeMap<ShareNum, MutableShare>> {
    let layout = case.layout();
    let of = |(place, shares): (usize, &BTreeSet<ShareNum>)| {
        let backend = &case.node(place).backend;
        shares.iter().map(|share| (*share, backend.get_mutable(case.index(), *share).unwrap())).collect()
    };
    layout.iter().enumerate().map(of).collect()
}

fn writes(case: &Case) -> usize {
    case.grid.nodes.iter().map(|node| node.count(Kind::TestAndWrite)).sum()
}

/// The next writes are taken by these servers alone; the others fail.
fn only(case: &Case, taking: std::ops::Range<usize>) {
    for place in 0..case.grid.nodes.len() {
        let takes = taking.contains(&place);
        case.node(place).obey(move |kind, _| match kind {
            Kind::TestAndWrite if !takes => Act::Fail(500),
            _ => Act::Serve,
        });
    }
}

fn all_well(case: &Case) {
    case.grid.nodes.iter().for_each(|node| node.obey(|_, _| Act::Serve));
}

#[test]
fn a_healthy_file_is_left_alone() {
    with_file(10, 1000, async |case| {
        let (stored_before, writes_before) = (stored(case), writes(case));
        let repair = repair(case, OPTIONS).await.unwrap();
        assert_eq!((repair.written.len(), repair.before.is_healthy()), (0, true));
        assert_eq!(repair.before, repair.after);
        assert_eq!((stored(case), writes(case)), (stored_before, writes_before));
    });
}

#[test]
fn deleted_shares_come_back_byte_for_byte() {
    for size in [0, 1000, 20_000] {
        with_file(10, size, async |case| {
            let before = stored(case);
            (0..7).for_each(|place| forget(case, place));
            let repair = repair(case, OPTIONS).await.unwrap();
            assert_eq!(repair.version.seqnum, 1);
            assert_eq!((repair.before.is_healthy(), repair.after.is_healthy()), (false, true));
            assert_eq!(repair.written.len(), 7);
            assert_eq!(repair.after, check(case, true).await, "what is claimed is not what is there");
            let contents = |stored: Vec<BTreeMap<ShareNum, MutableShare>>| {
                let all = stored.into_iter().flatten();
                all.map(|(share, stored)| (share, stored.content)).collect::<BTreeMap<_, _>>()
            };
            assert!(contents(stored(case)) == contents(before));
            assert!(case.layout().iter().all(|shares| shares.len() == 1), "{:?}", case.layout());
        });
    }
}

#[test]
fn shares_move_off_servers_that_hang() {
    with_file(15, 1000, async |case| {
        (0..4).for_each(|place| case.node(place).hang());
        let repair = repair(case, OPTIONS).await.unwrap();
        assert!(repair.after.is_healthy(), "{}", repair.after);
        assert_eq!(repair.after.best().unwrap().happiness, 10);
        assert_eq!(repair.written.len(), 4);
        insta::assert_snapshot!(repair.before);
        insta::assert_snapshot!(repair.after);
    });
}

#[test]
fn shares_that_are_corrupt_are_replaced_where_they_are() {
    with_file(10, 20_000, async |case| {
        let before = stored(case);
        damage(case, 0, |layout| layout.block(0).unwrap());
        damage(case, 1, |layout| layout.signature().unwrap());
        damage(case, 2, |layout| layout.private_key().unwrap());
        damage(case, 3, |_| 9..10);
        damage(case, 4, |layout| layout.chain().unwrap());
        change(case, 5, |mut bytes| {
            bytes.truncate(60);
            bytes
        });
        let repair = repair(case, OPTIONS).await.unwrap();
        assert_eq!((repair.written.len(), repair.before.bad().count()), (6, 6));
        assert!(repair.after.is_healthy(), "{}", repair.after);
        assert!(stored(case) == before);
    });
}

#[test]
fn a_publish_that_stopped_half_way_is_rolled_forward() {
    with_file(10, 1000, async |case| {
        only(case, 0..3);
        case.stranger().overwrite(&case.cap(), &content(5000, 1), &options(7)).await.unwrap();
        all_well(case);
        let repair = repair(case, OPTIONS).await.unwrap();
        assert_eq!((repair.version.seqnum, repair.written.len()), (2, 7));
        assert!(repair.after.is_healthy(), "{}", repair.after);
        assert!(check(case, true).await.is_healthy());
        assert_eq!(read(&case.stranger(), &case.cap()).await.unwrap().0, content(5000, 1));
    });
}

/// Puts shares back where they were.
fn put_back(case: &Case, stored: &[BTreeMap<ShareNum, MutableShare>], places: std::ops::Range<usize>) {
    for place in places {
        for (share, stored) in &stored[place] {
            case.node(place).backend.put_mutable(case.index(), *share, stored.clone());
        }
    }
}

/// Two of ten servers have a second version, of which nobody else knows.
async fn newer_on_two(case: &Case) {
    let before = stored(case);
    case.stranger().overwrite(&case.cap(), &content(7, 1), &options(7)).await.unwrap();
    put_back(case, &before, 2..10);
}

#[test]
fn a_newer_version_that_cannot_be_read_is_not_given_up() {
    with_file(10, 1000, async |case| {
        newer_on_two(case).await;
        let before = stored(case);
        let error = repair(case, OPTIONS).await.unwrap_err();
        assert!(matches!(error, RepairError::Newer { shares: 2, needed: 3, .. }), "{error}");
        insta::assert_snapshot!(error);
        assert!(stored(case) == before);
    });
}

#[test]
fn by_force_the_version_that_can_be_read_is_published_above_all_others() {
    with_file(10, 1000, async |case| {
        newer_on_two(case).await;
        let repair = repair(case, RepairOptions { happy: 7, force: true }).await.unwrap();
        assert_eq!(repair.version.seqnum, 3);
        assert!(repair.after.is_healthy(), "{}", repair.after);
        assert!(check(case, true).await.is_healthy());
        assert_eq!(read(&case.stranger(), &case.cap()).await.unwrap().0, content(1000, 0));
    });
}

#[test]
fn a_version_that_this_client_knows_to_exist_is_not_given_up() {
    with_file(10, 1000, async |case| {
        let before = stored(case);
        let writer = case.stranger();
        writer.overwrite(&case.cap(), &content(7, 1), &options(7)).await.unwrap();
        put_back(case, &before, 0..10);
        let error = writer.repair_mutable(&case.cap(), &OPTIONS).await.unwrap_err();
        assert!(matches!(error, RepairError::Newer { shares: 0, .. }), "{error}");
    });
}

#[test]
fn two_versions_of_the_same_number_are_not_decided_between() {
    with_file(10, 1000, async |case| {
        let first = stored(case);
        case.stranger().overwrite(&case.cap(), &content(7, 1), &options(7)).await.unwrap();
        let ours = stored(case);
        put_back(case, &first, 0..10);
        let other = case.grid.client_with(9, Policy::default(), b"");
        other.overwrite(&case.cap(), &content(9, 2), &options(7)).await.unwrap();
        put_back(case, &ours, 0..5);
        let before = stored(case);
        let error = repair(case, OPTIONS).await.unwrap_err();
        assert!(matches!(error, RepairError::Merge { .. }), "{error}");
        assert!(stored(case) == before);
        insta::assert_snapshot!(check(case, false).await);
        let repair = repair(case, RepairOptions { happy: 7, force: true }).await.unwrap();
        assert_eq!(repair.version.seqnum, 3);
        assert!(check(case, true).await.is_healthy());
    });
}

#[test]
fn what_is_lost_is_not_repaired() {
    with_file(10, 1000, async |case| {
        (0..8).for_each(|place| forget(case, place));
        let before = stored(case);
        let error = repair(case, RepairOptions { happy: 7, force: true }).await.unwrap_err();
        assert!(matches!(error, RepairError::Unreadable(_)), "{error}");
        assert!(stored(case) == before);
        insta::assert_snapshot!(error);
    });
}

#[test]
fn a_file_of_many_segments_is_verified_and_repaired() {
    with_file(10, 1000, async |case| {
        let (plain, encoding) = (content(700_000, 0), Encoding::THREE_OF_TEN);
        let salts: Vec<[u8; 16]> = (0..6).map(|n| [n; 16]).collect();
        let new = NewVersion { key: &key(), seqnum: 2, salt: &salts[..], encoding, entropy: [1; 32] };
        let encoded = encode_mdmf(&new, &plain).unwrap();
        for (place, shares) in stored(case).iter().enumerate() {
            for (share, old) in shares {
                let content = encoded.shares[usize::from(share.0)].clone();
                let new = MutableShare { enabler: old.enabler.clone(), content };
                case.node(place).backend.put_mutable(case.index(), *share, new);
            }
        }
        let cap = WriteCap { format: MutableFormat::Mdmf, ..case.cap() };
        let before = stored(case);
        assert!(check(case, true).await.is_healthy());
        damage(case, 0, |layout| layout.block(3).unwrap());
        damage(case, 1, |layout| layout.block_tree().unwrap());
        damage(case, 2, |layout| layout.private_key().unwrap());
        (3..7).for_each(|place| forget(case, place));
        let found = check(case, true).await;
        assert_eq!((found.bad().count(), found.best().unwrap().shares.len()), (2, 4), "{found}");
        let repair = case.stranger().repair_mutable(&cap, &OPTIONS).await.unwrap();
        assert!(repair.after.is_healthy(), "{}", repair.after);
        assert_eq!((repair.version.seqnum, repair.written.len()), (2, 7));
        assert!(check(case, true).await.is_healthy());
        let contents = |stored: &[BTreeMap<ShareNum, MutableShare>]| {
            let all = stored.iter().flatten();
            all.map(|(share, stored)| (*share, stored.content.clone())).collect::<BTreeMap<_, _>>()
        };
        assert!(contents(&stored(case)) == contents(&before));
    });
}

#[test]
fn servers_that_fail_while_a_file_is_repaired_are_replaced() {
    with_file(14, 1000, async |case| {
        (0..3).for_each(|place| forget(case, place));
        case.node(0).obey(|kind, _| if kind == Kind::TestAndWrite { Act::Hang } else { Act::Serve });
        case.node(1).obey(|kind, _| if kind == Kind::TestAndWrite { Act::Fail(507) } else { Act::Serve });
        case.node(2).obey(|kind, count| match kind {
            Kind::TestAndWrite if count == 1 => Act::LoseAnswer,
            _ => Act::Serve,
        });
        let repair = repair(case, OPTIONS).await.unwrap();
        assert!(repair.after.is_healthy(), "{}", repair.after);
        assert_eq!(repair.after.best().unwrap().happiness, 10);
        assert_eq!(repair.lost.len(), 2, "{:?}", repair.lost);
        let found = check(case, true).await;
        assert!(found.is_healthy(), "{found}");
    });
}

#[test]
fn nothing_gets_worse_when_no_server_takes_anything() {
    with_file(10, 1000, async |case| {
        (0..3).for_each(|place| forget(case, place));
        only(case, 0..0);
        let before = stored(case);
        let repair = repair(case, OPTIONS).await.unwrap();
        assert_eq!((repair.written.len(), repair.after.best()), (0, repair.before.best()));
        assert!(stored(case) == before);
    });
}

#[test]
fn a_version_that_was_written_elsewhere_meanwhile_is_noticed() {
    with_file(14, 1000, async |case| {
        let begun = Instant::now();
        let after = |ms| begun + Duration::from_millis(ms);
        // It is given up by the repair, and back when the writer comes.
        let back = after(10_050);
        case.node(3).obey(move |_, _| if Instant::now() < back { Act::Hang } else { Act::Serve });
        case.node(10).obey(|kind, _| match kind {
            Kind::TestAndWrite => Act::Delay(Duration::from_millis(300)),
            _ => Act::Serve,
        });
        let write = async {
            tokio::time::sleep_until(after(10_100)).await;
            let writer = case.grid.client_with(3, Policy::default(), b"");
            writer.overwrite(&case.cap(), &content(7, 1), &options(7)).await.unwrap()
        };
        let (repair, written) = futures_util::future::join(repair(case, OPTIONS), write).await;
        let repair = repair.unwrap();
        assert_eq!((written.version.seqnum, written.collisions), (2, 0));
        assert_eq!((repair.version, repair.collisions), (written.version, 1));
        let found = check(case, true).await;
        assert!(found.is_healthy(), "{found}");
    });
}

#[test]
fn a_repair_beside_a_writer_undoes_nothing() {
    with_file(12, 1000, async |case| {
        (0..3).for_each(|place| forget(case, place));
        let writer = case.grid.client_with(3, Policy::default(), b"");
        let write = async {
            for round in 1..6 {
                let published =
                    writer.overwrite(&case.cap(), &content(1000, round), &options(7)).await.unwrap();
                assert!(published.degraded.is_none());
                forget(case, usize::from(round));
            }
        };
        let repairs = async {
            for seed in 20..24 {
                let client = case.grid.client_with(seed, Policy::default(), b"");
                match client.repair_mutable(&case.cap(), &OPTIONS).await {
                    Ok(_)
                    | Err(
                        RepairError::Uncoordinated(_) | RepairError::Newer { .. } | RepairError::Check(_),
                    ) => {}
                    Err(error) => panic!("{error}"),
                }
            }
        };
        futures_util::future::join(write, repairs).await;
        assert_eq!(read(&case.stranger(), &case.cap()).await.unwrap().0, content(1000, 5));
        let repair = repair(case, OPTIONS).await.unwrap();
        assert!(repair.after.is_healthy(), "{}", repair.after);
        assert_eq!(read(&case.stranger(), &case.cap()).await.unwrap().0, content(1000, 5));
        let headers = stored(case).into_iter().flat_map(BTreeMap::into_values);
        let headers: BTreeSet<_> =
            headers.map(|share| *Layout::parse(&share.content).unwrap().header()).collect();
        assert_eq!(headers.len(), 1, "an older version was left, or brought back");
    });
}
