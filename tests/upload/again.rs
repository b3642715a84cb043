//! What an upload finds that an earlier one of the same client left behind.

use super::*;

impl Case {
    /// Uploads until `after` and gives up, does `between`, uploads again; nothing hangs and every question ends.
    fn twice(&self, after: Duration, between: impl Fn()) -> (Result<Uploaded, UploadError>, Duration) {
        paused().block_on(async {
            let client = self.grid.client(self.policy.clone(), b"");
            let options =
                UploadOptions { encoding: self.encoding, happy: self.happy, key: KeyChoice::Given(KEY) };
            self.grid
                .run(async {
                    let mut source = Cursor::new(&self.content);
                    let first = tokio::time::timeout(after, client.upload(&mut source, &options)).await;
                    assert!(first.is_err(), "given up too late: {first:?}");
                    assert_ne!(self.grid.staged_bytes().await, 0);
                    between();
                    let begun = Instant::now();
                    let second = client.upload(&mut Cursor::new(&self.content), &options).await;
                    self.grid.recorder.check_questions();
                    (second, begun.elapsed())
                })
                .await
        })
    }
}

#[test]
fn what_a_dropped_upload_left_is_no_obstacle_to_the_next() {
    for shares in [5, 10, 40] {
        let case = Case::new(5, (3, 5, shares)).of_many_segments();
        let slow = |kind, nth| match kind {
            Kind::Write if nth >= 4 => Act::Delay(Duration::from_secs(1)),
            _ => Act::Serve,
        };
        (0..5).for_each(|place| case.node(place).obey(slow));
        let recover = || case.grid.nodes.iter().for_each(|node| node.obey(|_, _| Act::Serve));
        let (uploaded, _) = case.twice(Duration::from_millis(500), recover);
        let uploaded = uploaded.unwrap();
        assert_eq!((uploaded.placed.len(), uploaded.happiness), (usize::try_from(shares).unwrap(), 5));
        assert_eq!(case.staged_bytes(), 0);
    }
}

#[test]
fn an_allocation_that_nobody_waited_for_is_no_obstacle_to_the_next_upload() {
    let case = Case::new(10, (3, 10, 10));
    (0..10).for_each(|place| case.node(place).obey(unlucky(Kind::Allocate, Act::HangAnswer)));
    let recover = || case.grid.nodes.iter().for_each(|node| node.obey(|_, _| Act::Serve));
    let (uploaded, _) = case.twice(Duration::from_millis(500), recover);
    assert_eq!(uploaded.unwrap().happiness, 10);
    assert_eq!(case.staged_bytes(), 0);
}

#[test]
fn a_hung_server_among_those_left_behind_is_passed_over() {
    let case = Case::new(10, (3, 7, 10)).of_many_segments();
    (0..10).for_each(|place| case.node(place).obey(unlucky(Kind::Write, Act::Hang)));
    let recover = || {
        case.grid.nodes.iter().for_each(|node| node.obey(|_, _| Act::Serve));
        case.node(3).hang();
    };
    let (uploaded, took) = case.twice(Duration::from_millis(500), recover);
    let uploaded = uploaded.unwrap();
    assert_eq!((uploaded.happiness, uploaded.placed.len()), (9, 10));
    assert!(took <= Duration::from_secs(3), "{took:?}");
    // What the hung one keeps of the first upload.
    assert_eq!(case.staged_bytes(), case.staged_on(3));
}

#[test]
fn another_file_does_not_wait_for_what_was_left_behind() {
    let case = Case::new(10, (3, 10, 10)).of_many_segments();
    (0..10).for_each(|place| case.node(place).obey(unlucky(Kind::Write, Act::Hang)));
    paused().block_on(async {
        let client = case.grid.client(case.policy.clone(), b"");
        let options = |key| UploadOptions { encoding: case.encoding, happy: case.happy, key };
        let (given, other) = (options(KeyChoice::Given(KEY)), options(KeyChoice::Given(Key([4; 16]))));
        case.grid
            .run(async {
                let mut source = Cursor::new(&case.content);
                let first = client.upload(&mut source, &given);
                assert!(tokio::time::timeout(Duration::from_millis(500), first).await.is_err());
                case.grid.nodes.iter().for_each(|node| node.obey(unlucky(Kind::Abort, Act::Hang)));
                client.upload(&mut Cursor::new(&case.content), &other).await.unwrap();
            })
            .await;
    });
    assert!(case.grid.nodes.iter().all(|node| node.count(Kind::Abort) == 0));
}

/// The first requests of `kind` meet `act`.
fn first(kind: Kind, count: usize, act: Act) -> impl Fn(Kind, usize) -> Act {
    move |this, nth| if this == kind && nth < count { act } else { Act::Serve }
}

#[test]
fn an_allocation_that_fails_once_or_twice_everywhere_is_made_again() {
    for act in [Act::Fail(500), Act::Fail(503), Act::LoseAnswer] {
        for (servers, count) in [(10, 1), (10, 2), (3, 1), (3, 2)] {
            let case = Case::new(servers, (3, servers, 10));
            (0..servers).for_each(|place| case.node(place).obey(first(Kind::Allocate, count, act)));
            let (uploaded, took) = case.succeed();
            assert_eq!((uploaded.happiness, uploaded.placed.len()), (servers, 10), "{act:?} {count}");
            assert_eq!(case.staged_bytes(), 0, "{act:?}");
            assert!(took <= Duration::from_millis(150), "{act:?} {took:?}");
        }
    }
}

#[test]
fn an_allocation_that_no_repetition_helps_is_not_made_for_ever() {
    let case = Case::new(10, (3, 7, 10));
    (0..10).for_each(|place| case.node(place).obey(unlucky(Kind::Allocate, Act::Fail(500))));
    let (error, took) = case.fail();
    assert_eq!(error.last_failure.unwrap().reason, "the server answered 500");
    assert!(case.grid.nodes.iter().all(|node| node.count(Kind::Allocate) == 3));
    assert!(took <= Duration::from_millis(150), "{took:?}");
}

#[test]
fn an_allocation_that_finds_no_room_is_not_made_again() {
    let case = Case::new(10, (3, 7, 10));
    (0..3).for_each(|place| case.node(place).obey(unlucky(Kind::Allocate, Act::Fail(507))));
    case.succeed();
    assert!((0..3).all(|place| case.node(place).count(Kind::Allocate) == 1));
}
