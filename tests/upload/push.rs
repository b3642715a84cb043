//! What becomes of shares on their way, and what is told about it.

use super::*;

#[test]
fn a_server_lost_in_the_middle_is_given_up_while_the_rest_suffices() {
    for act in [Act::Fail(500), Act::LoseAnswer, Act::Hang, Act::HangAnswer] {
        let case = Case::new(5, (3, 4, 10)).of_many_segments();
        let bad = move |kind, nth| if kind == Kind::Write && nth >= 4 { act } else { Act::Serve };
        case.node(2).obey(bad);
        let (uploaded, took) = case.succeed();
        assert_eq!((uploaded.happiness, uploaded.lost.len()), (4, 2), "{act:?}");
        assert_eq!(case.staged_bytes(), 0, "{act:?}");
        assert!(took <= Duration::from_secs(3), "{act:?} {took:?}");
    }
}

#[test]
fn too_many_servers_lost_in_the_middle_end_the_upload_and_nothing_stays() {
    for act in [Act::Fail(500), Act::LoseAnswer, Act::Hang] {
        let case = Case::new(5, (3, 4, 10)).of_many_segments();
        let bad = move |kind, nth| if kind == Kind::Write && nth >= 4 { act } else { Act::Serve };
        [1, 3].into_iter().for_each(|place| case.node(place).obey(bad));
        let (error, took) = case.fail();
        assert_eq!(error.happiness, 3, "{act:?}");
        assert_eq!(error.failed(), 2, "{act:?}");
        assert!(took <= Duration::from_secs(40), "{act:?} {took:?}");
        assert_eq!(case.staged_bytes(), 0, "{act:?}");
    }
}

#[test]
fn a_write_that_fails_once_is_repeated() {
    for act in [Act::Fail(503), Act::LoseAnswer] {
        let case = Case::new(10, (3, 10, 10)).of_many_segments();
        // The last write is the one after which the share is complete and not in progress any more.
        for unlucky in [3, 9] {
            let once = move |kind, nth| match (kind, nth) {
                (Kind::Write, nth) if nth == unlucky => act,
                _ => Act::Serve,
            };
            case.node(unlucky).obey(once);
        }
        let (uploaded, _) = case.succeed();
        assert_eq!((uploaded.happiness, uploaded.lost), (10, vec![]), "{act:?}");
    }
}

#[test]
fn a_slow_server_without_which_there_is_no_happiness_is_waited_for() {
    let case = Case::new(4, (1, 4, 4)).of_many_segments();
    case.node(1).obey(|kind, nth| match (kind, nth) {
        (Kind::Write, 2) => Act::Delay(Duration::from_secs(20)),
        _ => Act::Serve,
    });
    let (uploaded, took) = case.succeed();
    assert_eq!((uploaded.happiness, took), (4, Duration::from_secs(20)));
}

#[test]
fn a_small_file_costs_one_write_for_each_share() {
    let case = Case::new(10, (3, 7, 10));
    case.succeed();
    assert!(case.grid.nodes.iter().all(|node| node.count(Kind::Write) == 1));
}

#[test]
fn a_second_upload_does_not_ask_for_the_version_again() {
    let case = Case::new(3, (1, 3, 3));
    paused().block_on(async {
        let client = case.grid.client(case.policy.clone(), b"");
        let options = UploadOptions { encoding: case.encoding, happy: 3, key: KeyChoice::Random };
        let caps = case.grid.run(async {
            let first = client.upload(&mut Cursor::new(&case.content), &options).await.unwrap();
            (first.cap, client.upload(&mut Cursor::new(&case.content), &options).await.unwrap().cap)
        });
        let (first, second) = caps.await;
        assert_ne!(first, second, "random keys differ");
    });
    assert!(case.grid.nodes.iter().all(|node| node.count(Kind::Version) == 1));
}

#[test]
fn events_tell_where_every_share_went_and_how_far_it_is() {
    let case = Case::new(5, (3, 4, 5)).of_many_segments();
    case.node(2).obey(|kind, nth| match (kind, nth) {
        (Kind::Write, 5..) => Act::Fail(409),
        _ => Act::Serve,
    });
    let (uploaded, _) = case.succeed();
    let events = case.grid.recorder.events();
    let placed = events.iter().filter(|event| matches!(event, Event::SharePlaced { .. })).count();
    assert_eq!(placed, 5);
    let lost: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::ShareLost { server, share, reason } => Some((server.clone(), *share, reason.clone())),
            _ => None,
        })
        .collect();
    assert_eq!(lost, uploaded.lost);
    assert_eq!(lost[0].2, "the server answered 409");
    let done: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::SegmentDone { segment, segments: 10 } => Some(*segment),
            _ => None,
        })
        .collect();
    assert_eq!(done, (0..10).collect::<Vec<_>>());
}

#[test]
fn a_dropped_upload_ends_all_its_questions() {
    let case = Case::new(10, (3, 7, 10));
    (0..10).for_each(|place| case.node(place).obey(unlucky(Kind::Write, Act::Hang)));
    paused().block_on(async {
        let client = case.grid.client(case.policy.clone(), b"");
        let options = UploadOptions { encoding: case.encoding, happy: 7, key: KeyChoice::Convergent };
        let mut source = Cursor::new(&case.content);
        let work = tokio::time::timeout(Duration::from_millis(500), client.upload(&mut source, &options));
        assert!(case.grid.run(work).await.is_err());
    });
    case.grid.recorder.check_questions();
}

#[test]
fn impossible_happiness_is_refused_at_once() {
    for happy in [0, 11] {
        let case = Case::new(10, (3, happy, 10));
        assert!(matches!(case.run().0, Err(UploadError::Happy { total: 10, .. })));
        assert_eq!(case.grid.recorder.events(), []);
    }
}

#[test]
fn a_share_given_up_at_the_very_end_is_forgotten_too() {
    let case = Case::new(5, (3, 4, 10));
    case.node(2).obey(unlucky(Kind::Write, Act::Hang));
    assert_eq!(case.succeed().0.lost.len(), 2);
    assert_eq!(case.staged_bytes(), 0);
}

#[test]
fn every_request_of_an_upload_says_what_ends_the_waiting_for_it() {
    let case = Case::new(5, (3, 4, 10)).of_many_segments();
    case.node(2).obey(|kind, nth| if kind == Kind::Write && nth >= 4 { Act::Hang } else { Act::Serve });
    case.succeed();
    let (mut begun, mut patience) = (None, Vec::new());
    for (at, event) in case.grid.recorder.timed() {
        match event {
            Event::Asked { question, deadlines, .. } => {
                let since = at - *begun.get_or_insert(at);
                assert_eq!(deadlines.silence_max, Some(case.policy.transport.silence_max));
                assert_eq!(deadlines.operation_left, Some(case.policy.upload.deadline - since));
                assert_eq!(deadlines.stall_max, None);
                let forgets = matches!(question, Question::Abort(_));
                assert_eq!(deadlines.overdue_after.is_none(), forgets, "{question:?}");
                if let Question::Write(_) = question {
                    patience.extend(deadlines.overdue_after);
                }
            }
            Event::ShareLost { .. } => assert_eq!(at - begun.unwrap(), *patience.last().unwrap()),
            _ => {}
        }
    }
    assert_eq!(patience.last(), Some(&case.policy.upload.write_floor));
}
