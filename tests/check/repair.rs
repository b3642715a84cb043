//! What a repair restores: the very bytes, where they should be, and with little memory.

use lafs::client::Event;
use lafs::client::check::{Repair, RepairError, RepairOptions};

use super::*;

async fn repair(case: &Case) -> Result<Repair, RepairError> {
    case.client().repair(&case.cap, &RepairOptions { happy: 7 }).await
}

/// All shares there are, wherever.
fn contents(stored: &[BTreeMap<ShareNum, Bytes>]) -> BTreeMap<ShareNum, Bytes> {
    stored.iter().flatten().map(|(share, bytes)| (*share, bytes.clone())).collect()
}

async fn assert_reads(case: &Case) {
    let mut sink = Vec::new();
    case.client().download(&case.read, None, &mut sink).await.unwrap();
    assert!(sink == case.content);
}

#[test]
fn a_healthy_file_is_left_alone() {
    with_file(10, 1000, 100, async |case| {
        let before = case.stored();
        let writes = || -> usize {
            case.grid.nodes.iter().map(|node| node.count(Kind::Write) + node.count(Kind::Allocate)).sum()
        };
        let writes_before = writes();
        let repair = repair(case).await.unwrap();
        assert_eq!((repair.placed.len(), &repair.before), (0, &repair.after));
        assert!(case.stored() == before && writes() == writes_before);
    });
}

#[test]
fn deleted_shares_come_back_byte_for_byte_whatever_segments_the_client_would_make() {
    for (size, segment) in
        [(56, 1 << 20), (1000, 1 << 20), (10_000, 99), (300_000, 4096), (3_000_000, 1 << 20)]
    {
        with_file(10, size, segment, async |case| {
            let before = case.stored();
            (0..7).for_each(|place| case.forget(place));
            let repair = repair(case).await.unwrap();
            assert!(repair.after.is_healthy(), "{}", repair.after);
            assert_eq!(repair.placed.len(), 7);
            assert_eq!(repair.after, case.check(true).await, "what is claimed is not what is there");
            assert!(contents(&case.stored()) == contents(&before));
            assert!(case.stored().iter().all(|shares| shares.len() == 1));
            assert_reads(case).await;
        });
    }
}

#[test]
fn shares_move_off_servers_that_hang() {
    with_file(15, 10_000, 99, async |case| {
        let before = case.stored();
        (0..4).for_each(|place| case.node(place).hang());
        let repair = repair(case).await.unwrap();
        assert!(repair.after.is_healthy(), "{}", repair.after);
        assert_eq!((repair.after.happiness(), repair.placed.len()), (10, 4));
        assert!(contents(&case.stored()) == contents(&before));
        insta::assert_snapshot!(repair.before);
        insta::assert_snapshot!(repair.after);
    });
}

#[test]
fn good_copies_of_corrupt_shares_go_to_other_servers() {
    with_file(13, 10_000, 99, async |case| {
        let before = contents(&case.stored());
        case.damage(0, |layout| layout.data_offset() + 40 * 33);
        case.damage(1, |layout| layout.block_tree_offset() + 9 * 32);
        case.damage(2, |layout| layout.uri_extension_offset() + 100);
        let spoilt: Vec<_> = case.stored()[..3].to_vec();
        let repair = repair(case).await.unwrap();
        assert!(repair.after.is_healthy(), "{}", repair.after);
        assert_eq!((repair.after.happiness(), repair.placed.len()), (10, 3));
        let stored = case.stored();
        assert!(stored[..3] == spoilt);
        assert!(contents(&stored[3..]) == before);
        assert_eq!(repair.after, case.check(true).await);
    });
}

#[test]
fn with_no_other_server_left_good_copies_go_beside_other_shares() {
    with_file(10, 1000, 100, async |case| {
        let share = case.damage(0, |layout| layout.data_offset());
        let repair = repair(case).await.unwrap();
        assert!(repair.after.is_healthy(), "{}", repair.after);
        assert_eq!((repair.after.happiness(), repair.placed.len()), (9, 1));
        assert!(repair.placed.contains_key(&share));
    });
}

#[test]
fn what_cannot_be_placed_is_left_out_and_nothing_is_lost() {
    with_file(10, 1000, 100, async |case| {
        (0..3).for_each(|place| case.forget(place));
        case.grid.nodes.iter().for_each(grid::Node::fill);
        let before = case.stored();
        let repair = repair(case).await.unwrap();
        assert_eq!((repair.placed.len(), repair.after.good().len()), (0, 7));
        assert!(case.stored() == before);
        assert_eq!(case.grid.staged_bytes().await, 0);
    });
}

#[test]
fn servers_far_down_the_list_take_what_the_first_ones_have_no_room_for() {
    with_file(30, 1000, 100, async |case| {
        (0..6).for_each(|place| case.forget(place));
        (0..24).for_each(|place| case.node(place).fill());
        let repair = repair(case).await.unwrap();
        assert!(repair.after.is_healthy(), "{}", repair.after);
        assert_eq!(repair.after.happiness(), 10);
    });
}

#[test]
fn servers_that_fail_while_a_file_is_repaired_are_replaced() {
    with_file(14, 1_000_000, 4096, async |case| {
        let before = contents(&case.stored());
        (0..3).for_each(|place| case.forget(place));
        let writes = |act: Act, from: usize| {
            move |kind, count| if kind == Kind::Write && count >= from { act } else { Act::Serve }
        };
        let done = case.node(0).count(Kind::Write);
        case.node(0).obey(writes(Act::Hang, done + 20));
        case.node(1).obey(writes(Act::Fail(500), case.node(1).count(Kind::Write) + 40));
        case.node(4)
            .obey(|kind, count| if kind == Kind::Read && count > 30 { Act::Hang } else { Act::Serve });
        let repair = repair(case).await.unwrap();
        assert!(repair.after.is_healthy(), "{}", repair.after);
        assert_eq!(repair.lost.len(), 2, "{:?}", repair.lost);
        assert!(contents(&case.stored()) == before);
        assert_eq!(case.grid.staged_bytes().await, 0);
    });
}

#[test]
fn a_file_that_cannot_be_read_any_more_is_not_repaired() {
    with_file(10, 1000, 100, async |case| {
        (0..7).for_each(|place| case.forget(place));
        case.damage(8, |layout| layout.data_offset());
        let before = case.stored();
        let error = repair(case).await.unwrap_err();
        assert!(matches!(error, RepairError::NotEnoughShares(_)), "{error}");
        insta::assert_snapshot!(error);
        assert!(case.stored() == before);
    });
}

#[test]
fn a_file_whose_shares_vanish_during_the_repair_is_not_repaired_with_rubbish() {
    with_file(10, 1_000_000, 4096, async |case| {
        (0..7).for_each(|place| case.forget(place));
        for place in 7..10 {
            let read = case.node(place).count(Kind::Read);
            case.node(place).obey(move |kind, count| match kind {
                Kind::Read if count > read + 20 => Act::Fail(404),
                _ => Act::Serve,
            });
        }
        let before = case.stored();
        let error = repair(case).await.unwrap_err();
        assert!(matches!(error, RepairError::Download(_)), "{error}");
        assert!(case.stored() == before);
        assert_eq!(case.grid.staged_bytes().await, 0);
    });
}

#[test]
fn a_large_file_is_repaired_segment_by_segment() {
    const SEGMENT: usize = 32 << 10;
    with_file(12, 200 * SEGMENT, SEGMENT as u64, async |case| {
        (0..3).for_each(|place| case.forget(place));
        // So that what is read waits for what is written.
        for node in &case.grid.nodes {
            node.obey(|kind, _| match kind {
                Kind::Write => Act::Delay(std::time::Duration::from_millis(5)),
                _ => Act::Serve,
            });
        }
        let told = case.grid.recorder.events().len();
        let repair = repair(case).await.unwrap();
        assert!(repair.after.is_healthy(), "{}", repair.after);
        // Each segment is told of when it is read and when it is written.
        let (mut read, mut ahead_max) = (BTreeSet::new(), 0);
        for event in case.grid.recorder.events().into_iter().skip(told) {
            if let Event::SegmentDone { segment, .. } = event
                && !read.insert(segment)
            {
                read.remove(&segment);
            }
            ahead_max = ahead_max.max(read.len());
        }
        assert!(read.is_empty());
        assert!(ahead_max <= 256 * 1024 / SEGMENT + 2, "{ahead_max} segments in memory");
    });
}

#[test]
fn shares_of_another_encoding_and_impossible_wishes_are_refused() {
    with_file(10, 1000, 100, async |case| {
        let mut other = case.cap.clone();
        other.ueb_hash.0[0] ^= 1;
        let error = case.client().repair(&other, &RepairOptions { happy: 7 }).await.unwrap_err();
        assert!(matches!(error, RepairError::NotEnoughShares(_)), "shares of another encoding: {error}");
        let error = case.client().repair(&case.cap, &RepairOptions { happy: 11 }).await.unwrap_err();
        insta::assert_snapshot!(error, @"11 servers of happiness cannot be had of 10 shares");
    });
}
