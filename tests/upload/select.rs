//! Where shares go: good, full, broken and silent servers before the first byte is sent.

use super::*;

#[test]
fn every_server_gets_one_share_and_one_allocation() {
    let case = Case::new(50, (25, 30, 50));
    assert_eq!(case.succeed().0.happiness, 50);
    assert_eq!(case.spread(), BTreeMap::from([(1, 50)]));
    assert!(case.grid.nodes.iter().all(|node| node.count(Kind::Allocate) == 1));
}

#[test]
fn shares_are_spread_evenly() {
    for (servers, encoding, spread) in [
        (50, (50, 50, 100), vec![(2, 50)]),
        (50, (24, 41, 51), vec![(1, 49), (2, 1)]),
        (50, (100, 50, 200), vec![(4, 50)]),
        (3, (3, 3, 10), vec![(3, 2), (4, 1)]),
    ] {
        let case = Case::new(servers, encoding);
        case.succeed();
        assert_eq!(case.spread(), spread.into_iter().collect());
    }
}

#[test]
fn the_earliest_servers_get_the_lowest_shares() {
    let case = Case::new(12, (3, 7, 10));
    case.succeed();
    for place in 0..10 {
        let share = ShareNum(u8::try_from(place).unwrap());
        assert!(case.node(place).backend.get(Case::index(), share).is_some());
    }
    assert_eq!(case.spread(), BTreeMap::from([(0, 2), (1, 10)]));
}

#[test]
fn no_more_than_twice_n_servers_are_asked() {
    let case = Case::new(40, (3, 7, 10));
    case.succeed();
    let asked = |node: &&grid::Node| node.count(Kind::Shares) > 0;
    assert_eq!(case.grid.nodes.iter().filter(asked).count(), 20);
}

#[test]
fn servers_beyond_twice_n_are_used_when_the_first_are_full() {
    let case = Case::new(16, (1, 4, 4));
    (0..9).for_each(|place| case.node(place).fill());
    let (uploaded, _) = case.succeed();
    assert_eq!(uploaded.happiness, 4);
    assert_eq!(case.grid.nodes.iter().map(|node| node.count(Kind::Shares)).sum::<usize>(), 16);
}

#[test]
fn too_few_servers_are_not_happy_and_keep_nothing() {
    let case = Case::new(2, (3, 5, 10));
    let (error, _) = case.fail();
    assert_eq!((error.happiness, error.happy, error.placed, error.holders()), (2, 5, 10, 2));
    assert_eq!(case.staged_bytes(), 0);
    assert_eq!(case.spread(), BTreeMap::from([(0, 2)]));
    Case::new(7, (3, 5, 10)).succeed();
}

#[test]
fn full_servers_are_told_apart_from_broken_ones() {
    let case = Case::new(5, (3, 7, 10));
    (0..5).for_each(|place| case.node(place).fill());
    let (error, _) = case.fail();
    assert_eq!((error.full(), error.failed(), error.placed), (5, 0, 0));
    assert!(error.is_full());

    let case = Case::new(5, (3, 7, 10));
    (0..4).for_each(|place| case.node(place).fill());
    case.node(4).obey(unlucky(Kind::Shares, Act::Fail(500)));
    let (error, _) = case.fail();
    assert_eq!((error.full(), error.failed()), (4, 1));
    assert!(error.to_string().contains("the server answered 500"), "{error}");
}

#[test]
fn a_share_too_large_for_a_server_is_not_offered_to_it() {
    let case = Case::new(20, (3, 5, 10));
    (0..20).step_by(2).for_each(|place| case.node(place).backend.set_space_bytes(10));
    case.succeed();
    for place in 0..20 {
        let wanted = usize::from(place % 2 == 1);
        assert_eq!(case.node(place).count(Kind::Allocate), wanted);
        assert_eq!(case.node(place).backend.list().len(), wanted);
    }
}

#[test]
fn a_failing_allocation_goes_to_another_server() {
    let case = Case::new(10, (25, 1, 50));
    (1..10).for_each(|place| case.node(place).obey(unlucky(Kind::Allocate, Act::Fail(500))));
    let (uploaded, _) = case.succeed();
    assert_eq!((uploaded.happiness, uploaded.placed.len()), (1, 50));

    let case = Case::new(10, (3, 7, 10));
    (0..5).for_each(|place| case.node(place).obey(unlucky(Kind::Allocate, Act::Fail(500))));
    assert_eq!(case.fail().0.happiness, 5);
    assert_eq!(case.staged_bytes(), 0);
}

#[test]
fn a_lost_answer_to_an_allocation_leaves_nothing_behind() {
    let case = Case::new(12, (3, 7, 10));
    case.node(2).obey(unlucky(Kind::Allocate, Act::LoseAnswer));
    assert_eq!(case.succeed().0.happiness, 10);
    assert_eq!(case.staged_bytes(), 0);
    assert_eq!(case.spread(), BTreeMap::from([(0, 2), (1, 10)]));
}

#[test]
fn a_server_that_hangs_from_the_start_costs_a_moment() {
    let case = Case::new(10, (3, 7, 10));
    case.node(0).hang();
    let (uploaded, took) = case.succeed();
    assert_eq!((uploaded.happiness, uploaded.placed.len()), (9, 10));
    assert!(took <= Duration::from_millis(200), "{took:?}");
    assert_eq!(case.node(0).count(Kind::Allocate), 0);
    let overdue = |event: &Event| matches!(event, Event::Overdue { question: Question::Shares, .. });
    assert_eq!(case.grid.recorder.events().iter().filter(|event| overdue(event)).count(), 1);
}

#[test]
fn the_next_upload_does_not_wait_for_the_same_server_again() {
    let case = Case::new(10, (3, 7, 10));
    case.node(0).hang();
    let took = paused().block_on(async {
        let client = case.grid.client(case.policy.clone(), b"");
        let options = UploadOptions { encoding: case.encoding, happy: 7, key: KeyChoice::Random };
        let uploads = case.grid.run(async {
            client.upload(&mut Cursor::new(&case.content), &options).await.unwrap();
            let begun = Instant::now();
            client.upload(&mut Cursor::new(&case.content), &options).await.unwrap();
            begun.elapsed()
        });
        uploads.await
    });
    assert!(took <= Duration::from_millis(2), "{took:?}");
}

#[test]
fn a_server_that_hangs_is_not_missed_where_there_are_enough() {
    let case = Case::new(11, (3, 7, 10));
    case.node(4).hang();
    let (uploaded, took) = case.succeed();
    assert_eq!((uploaded.happiness, took), (10, Duration::ZERO));
}

#[test]
fn a_server_that_hangs_at_allocation_is_replaced() {
    let case = Case::new(11, (3, 7, 10));
    case.node(0).obey(unlucky(Kind::Allocate, Act::Hang));
    let (uploaded, took) = case.succeed();
    assert_eq!(uploaded.happiness, 10);
    assert!(took <= Duration::from_millis(200), "{took:?}");
    assert_eq!(case.node(0).count(Kind::Allocate), 1);
}

#[test]
fn a_late_allocation_is_undone() {
    let mut case = Case::new(11, (3, 7, 10)).of_many_segments();
    case.policy.upload.abort_max = Duration::from_secs(60);
    case.node(0).obey(|kind, _| match kind {
        Kind::Allocate => Act::Delay(Duration::from_secs(1)),
        _ => Act::Serve,
    });
    // Long enough for the late answer to come while shares are written.
    case.node(1).obey(|kind, nth| match (kind, nth) {
        (Kind::Write, 3) => Act::Delay(Duration::from_millis(1500)),
        _ => Act::Serve,
    });
    assert_eq!(case.succeed().0.happiness, 10);
    assert_eq!(case.staged_bytes(), 0);
    assert_eq!(case.spread(), BTreeMap::from([(0, 1), (1, 10)]));
}

#[test]
fn if_all_servers_hang_the_upload_ends_with_an_error() {
    let case = Case::new(10, (3, 1, 10));
    (0..10).for_each(|place| case.node(place).hang());
    let (error, took) = case.fail();
    assert_eq!((error.failed(), error.placed), (10, 0));
    assert!(took <= case.policy.transport.silence_max + case.policy.upload.abort_max, "{took:?}");
}

#[test]
fn the_deadline_ends_an_upload() {
    let mut case = Case::new(10, (3, 1, 10));
    (0..10).for_each(|place| case.node(place).obey(unlucky(Kind::Write, Act::Hang)));
    case.policy.upload.deadline = Duration::from_secs(7);
    let (result, took) = case.run();
    assert!(matches!(result, Err(UploadError::Deadline(_))), "{result:?}");
    assert_eq!(took, Duration::from_secs(2));
    assert_eq!(case.staged_bytes(), 0);
}

#[test]
fn shares_found_on_servers_are_not_written_again() {
    let case = Case::new(4, (3, 4, 10));
    case.hold(0, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    let (uploaded, _) = case.succeed();
    assert_eq!(uploaded.placed.keys().copied().collect::<Vec<_>>(), [1, 2, 3].map(ShareNum));
    assert_eq!(uploaded.existing.len(), 10);
    assert_eq!(case.grid.nodes.iter().map(|node| node.count(Kind::Write)).sum::<usize>(), 3);
}

#[test]
fn a_file_that_is_there_already_is_not_written_at_all() {
    let case = Case::new(10, (3, 7, 10));
    let first = case.succeed().0;
    let writes = || case.grid.nodes.iter().map(|node| node.count(Kind::Write)).sum::<usize>();
    let before = writes();
    let second = case.succeed().0;
    assert_eq!((writes(), second.cap, second.happiness), (before, first.cap, 10));
    assert_eq!(second.existing, first.placed);
}

#[test]
fn badly_spread_shares_on_full_servers_do_not_suffice() {
    let case = Case::new(4, (3, 4, 10));
    case.hold(0, &[1, 2, 3, 4, 5, 6, 7, 8, 9]);
    (1..4).for_each(|place| {
        case.hold(place, &[0]);
        case.node(place).fill();
    });
    let (error, _) = case.fail();
    assert!(error.to_string().contains("not spread out evenly enough"), "{error}");

    let case = Case::new(4, (3, 4, 10));
    case.hold(0, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    [1, 3].into_iter().for_each(|place| {
        case.hold(place, &[0]);
        case.node(place).fill();
    });
    let (error, _) = case.fail();
    assert_eq!(error.happiness, 3);
    assert!(error.to_string().starts_with("only 3 servers could"), "{error}");
}

#[test]
fn shares_on_full_servers_count() {
    let case = Case::new(4, (3, 4, 10));
    for (place, shares) in [(0, &[4][..]), (1, &[3]), (2, &[1]), (3, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9])] {
        case.hold(place, shares);
        case.node(place).fill();
    }
    let (uploaded, _) = case.succeed();
    assert_eq!((uploaded.happiness, uploaded.placed.len()), (4, 0));

    let case = Case::new(4, (3, 4, 10));
    for (place, share) in [0, 1, 2, 3].into_iter().enumerate() {
        case.hold(place, &[share]);
        case.node(place).fill();
    }
    assert_eq!(case.succeed().0.happiness, 4, "six homeless shares do no harm");
}

#[test]
fn a_question_that_fails_once_is_put_again() {
    for act in [Act::Fail(500), Act::LoseAnswer] {
        for kind in [Kind::Shares, Kind::Version] {
            let case = Case::new(1, (1, 1, 1));
            case.node(0).obey(move |this, nth| if this == kind && nth == 0 { act } else { Act::Serve });
            case.succeed();
            case.node(0).obey(move |this, nth| if this == kind && nth > 1 { act } else { Act::Serve });
            let (error, _) = case.fail();
            assert_eq!((error.failed(), error.offers.made), (1, 0));
            assert!(case.node(0).count(kind) >= 4, "twice for each upload");
        }
    }
}
