//! Shares that are lost in mid-upload and placed anew.

use std::io::{self, SeekFrom};
use std::pin::Pin;
use std::task::{Context, Poll};

use lafs::plan::policy::UploadPolicy;
use tokio::io::{AsyncRead, AsyncSeek, ReadBuf};

use super::*;

/// Does this to every write from the fourth on.
fn from_the_fourth_write(act: Act) -> impl Fn(Kind, usize) -> Act {
    move |kind, nth| if kind == Kind::Write && nth >= 3 { act } else { Act::Serve }
}

const LOSSES: [Act; 4] = [Act::Fail(500), Act::LoseAnswer, Act::Hang, Act::HangAnswer];

/// The shares as a grid without faults gets them.
fn undisturbed(case: &Case) -> BTreeMap<ShareNum, bytes::Bytes> {
    let good = Case::new(10, (3, 7, 10)).of_many_segments();
    assert_eq!((&good.content, good.encoding), (&case.content, case.encoding));
    good.succeed();
    let shares =
        good.grid.nodes.iter().flat_map(|node| node.backend.list().into_iter().map(move |at| (node, at)));
    shares.map(|(node, (index, share))| (share, node.backend.get(index, share).unwrap())).collect()
}

/// Every complete share, wherever it is, must be the right one.
fn check_shares(case: &Case) {
    let right = undisturbed(case);
    for node in &case.grid.nodes {
        for (index, share) in node.backend.list() {
            assert_eq!(node.backend.get(index, share).unwrap(), right[&share], "share {share}");
        }
    }
    assert_eq!(case.staged_bytes(), 0);
}

#[test]
fn a_lost_share_moves_to_the_next_server_without_one() {
    for act in LOSSES {
        let case = Case::new(12, (3, 7, 10)).of_many_segments();
        case.node(4).obey(from_the_fourth_write(act));
        let (uploaded, took) = case.succeed();
        assert_eq!((uploaded.happiness, uploaded.placed.len()), (10, 10), "{act:?}");
        let [(from, share, _)] = &uploaded.moved[..] else { panic!("{act:?} {:?}", uploaded.moved) };
        assert_eq!((from, *share), (&case.id(4), ShareNum(4)));
        assert_eq!(uploaded.placed[share], BTreeSet::from([case.id(10)]));
        assert_eq!(uploaded.lost, []);
        assert!(took <= Duration::from_secs(3), "{act:?} {took:?}");
        assert_eq!(case.node(11).count(Kind::Allocate), 0);
        let others = (0..4).chain(5..10).map(|place| case.node(place).count(Kind::Write));
        assert!(others.into_iter().all(|writes| writes == 10), "the others are written once");
        check_shares(&case);
    }
}

#[test]
fn servers_that_were_not_asked_at_first_are_asked_then() {
    let case = Case::new(9, (1, 4, 4)).of_many_segments();
    case.node(0).obey(from_the_fourth_write(Act::Fail(500)));
    (4..8).for_each(|place| case.node(place).fill());
    let (uploaded, _) = case.succeed();
    assert_eq!((uploaded.happiness, uploaded.moved.len()), (4, 1));
    assert_eq!(uploaded.placed[&ShareNum(0)], BTreeSet::from([case.id(8)]));
    assert_eq!(case.node(8).count(Kind::Shares), 0, "beyond twice N");
}

#[test]
fn a_server_that_does_not_take_it_is_passed_over() {
    let acts = [Act::Fail(500), Act::LoseAnswer, Act::Hang, Act::HangAnswer];
    for act in acts {
        let case = Case::new(12, (3, 7, 10)).of_many_segments();
        case.node(4).obey(from_the_fourth_write(Act::Fail(500)));
        case.node(10).obey(unlucky(Kind::Allocate, act));
        let (uploaded, took) = case.succeed();
        assert_eq!(uploaded.placed[&ShareNum(4)], BTreeSet::from([case.id(11)]), "{act:?}");
        assert!(took <= Duration::from_secs(3), "{act:?} {took:?}");
        check_shares(&case);
    }
}

#[test]
fn a_new_home_that_is_lost_too_is_replaced_once_and_no_further() {
    for act in LOSSES {
        let case = Case::new(14, (3, 7, 10)).of_many_segments();
        [4, 10].into_iter().for_each(|place| case.node(place).obey(from_the_fourth_write(act)));
        let (uploaded, took) = case.succeed();
        assert_eq!(uploaded.placed[&ShareNum(4)], BTreeSet::from([case.id(11)]), "{act:?}");
        assert_eq!((uploaded.moved.len(), uploaded.lost.len()), (2, 0));
        assert!(took <= Duration::from_secs(6), "{act:?} {took:?}");
        check_shares(&case);

        let case = Case::new(14, (3, 7, 10)).of_many_segments();
        [4, 10, 11].into_iter().for_each(|place| case.node(place).obey(from_the_fourth_write(act)));
        let (uploaded, took) = case.succeed();
        assert_eq!((uploaded.happiness, uploaded.moved.len(), uploaded.lost.len()), (9, 0, 3), "{act:?}");
        assert_eq!(case.node(12).count(Kind::Allocate), 0, "two rounds are enough");
        assert!(took <= Duration::from_secs(8), "{act:?} {took:?}");
        check_shares(&case);
    }
}

#[test]
fn where_every_other_server_has_a_share_it_stays_lost_unless_the_policy_says_otherwise() {
    let mut case = Case::new(10, (3, 7, 10)).of_many_segments();
    case.node(4).obey(from_the_fourth_write(Act::Fail(500)));
    let (uploaded, _) = case.succeed();
    assert_eq!((uploaded.happiness, uploaded.lost.len(), uploaded.moved.len()), (9, 1, 0));
    assert!(case.grid.nodes.iter().all(|node| node.count(Kind::Allocate) == 1));
    check_shares(&case);

    case = Case::new(10, (3, 7, 10)).of_many_segments();
    case.policy.upload.anew_beside_another = true;
    case.node(4).obey(from_the_fourth_write(Act::Fail(500)));
    let (uploaded, _) = case.succeed();
    assert_eq!((uploaded.happiness, uploaded.lost.len(), uploaded.moved.len()), (9, 0, 1));
    assert_eq!(uploaded.placed[&ShareNum(4)], BTreeSet::from([case.id(0)]));
    check_shares(&case);
}

#[test]
fn with_no_rounds_in_the_policy_nothing_moves() {
    let mut case = Case::new(12, (3, 7, 10)).of_many_segments();
    case.policy.upload.anew_rounds_max = 0;
    case.node(4).obey(from_the_fourth_write(Act::Fail(500)));
    let (uploaded, _) = case.succeed();
    assert_eq!((uploaded.happiness, uploaded.lost.len()), (9, 1));
}

#[test]
fn a_server_that_turns_out_to_have_the_share_keeps_it_and_one_that_has_another_gets_none() {
    let case = Case::new(10, (1, 4, 4)).of_many_segments();
    case.node(0).obey(from_the_fourth_write(Act::Fail(500)));
    (4..8).for_each(|place| case.node(place).fill());
    case.hold(8, &[2]);
    case.hold(9, &[0]);
    let (uploaded, _) = case.succeed();
    assert_eq!(uploaded.existing[&ShareNum(0)], BTreeSet::from([case.id(9)]));
    assert_eq!((uploaded.placed.len(), uploaded.lost.len(), uploaded.moved.len()), (3, 0, 1));
    assert_eq!((case.node(8).count(Kind::Write), case.node(9).count(Kind::Write)), (0, 0));
    assert_eq!(case.staged_bytes(), 0);
}

#[test]
fn happiness_that_was_lost_on_the_way_is_restored() {
    for act in LOSSES {
        let case = Case::new(14, (3, 7, 10)).of_many_segments();
        (0..4).for_each(|place| case.node(place).obey(from_the_fourth_write(act)));
        let (uploaded, took) = case.succeed();
        assert_eq!((uploaded.happiness, uploaded.moved.len()), (10, 4), "{act:?}");
        let others = (4..10).map(|place| case.node(place).count(Kind::Write));
        assert!(others.into_iter().all(|writes| writes == 10), "the others are written once");
        assert!(took <= Duration::from_secs(40), "{act:?} {took:?}");
        check_shares(&case);
    }
}

#[test]
fn where_it_cannot_be_restored_no_share_was_completed() {
    for act in LOSSES {
        let case = Case::new(12, (3, 9, 10)).of_many_segments();
        (0..3).for_each(|place| case.node(place).obey(from_the_fourth_write(act)));
        // It looks well until it is offered a share.
        case.node(11).obey(unlucky(Kind::Allocate, Act::Fail(500)));
        let (error, _) = case.fail();
        assert_eq!((error.happiness, error.failed()), (8, 4), "{act:?}");
        assert!(case.grid.layout(Case::index()).iter().all(BTreeSet::is_empty), "{act:?}");
        assert_eq!(case.staged_bytes(), 0, "{act:?}");
    }
}

#[test]
fn where_there_are_not_enough_servers_to_restore_it_the_upload_ends_at_once() {
    let case = Case::new(11, (3, 9, 10)).of_many_segments();
    (0..3).for_each(|place| case.node(place).obey(from_the_fourth_write(Act::Fail(500))));
    let (error, _) = case.fail();
    assert_eq!(error.happiness, 7);
    // Three that went well, the one that failed and what it was repeated; others are that far.
    assert!((0..11).all(|place| case.node(place).count(Kind::Write) <= 7));
    assert_eq!(case.staged_bytes(), 0);
}

#[test]
fn a_file_of_one_segment_moves_too() {
    for act in LOSSES {
        let case = Case::new(14, (3, 7, 10));
        (0..4).for_each(|place| case.node(place).obey(unlucky(Kind::Write, act)));
        // A server that did all but say so has the share.
        let (uploaded, _) = case.succeed();
        assert_eq!((uploaded.happiness, uploaded.lost.len()), (10, 0), "{act:?}");
    }
}

/// What becomes of an upload whose lost share goes to a server that is too slow for `limit`.
fn placed_too_slowly(limit: impl FnOnce(&mut UploadPolicy)) -> (Uploaded, Duration) {
    let mut case = Case::new(12, (3, 7, 10)).of_many_segments();
    limit(&mut case.policy.upload);
    case.node(4).obey(from_the_fourth_write(Act::Fail(500)));
    // Never silent for as long as would make it lost.
    case.node(10).obey(|kind, _| match kind {
        Kind::Write => Act::Delay(Duration::from_millis(1900)),
        _ => Act::Serve,
    });
    let (uploaded, took) = case.succeed();
    assert_eq!((uploaded.happiness, uploaded.lost.len()), (9, 2));
    check_shares(&case);
    (uploaded, took)
}

#[test]
fn placing_anew_has_its_time() {
    let (uploaded, took) = placed_too_slowly(|policy| policy.anew_max = Duration::from_secs(5));
    assert_eq!(uploaded.lost[1].2, "not placed anew in time");
    assert!(took <= Duration::from_secs(6), "{took:?}");
}

#[test]
fn the_deadline_of_the_upload_takes_nothing_away_that_is_complete() {
    let (_, took) = placed_too_slowly(|policy| policy.deadline = Duration::from_secs(10));
    assert!(took <= Duration::from_secs(10), "{took:?}");
}

/// A source that is another one each time it is read from its start.
struct Fickle {
    versions: Vec<Result<Vec<u8>, io::ErrorKind>>,
    reads: usize,
    at: usize,
}

impl Fickle {
    fn version(&self) -> &Result<Vec<u8>, io::ErrorKind> {
        &self.versions[(self.reads.max(1) - 1).min(self.versions.len() - 1)]
    }
}

impl AsyncRead for Fickle {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.reads += usize::from(this.at == 0);
        let content = match this.version() {
            Ok(content) => content,
            Err(kind) => return Poll::Ready(Err((*kind).into())),
        };
        let end = content.len().min(this.at + buf.remaining());
        buf.put_slice(&content[this.at..end]);
        this.at = end;
        Poll::Ready(Ok(()))
    }
}

impl AsyncSeek for Fickle {
    fn start_seek(self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
        let this = self.get_mut();
        this.at = match position {
            SeekFrom::Start(at) => usize::try_from(at).unwrap(),
            SeekFrom::End(_) => this.versions[0].as_ref().unwrap().len(),
            SeekFrom::Current(_) => this.at,
        };
        Ok(())
    }

    fn poll_complete(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<u64>> {
        Poll::Ready(Ok(self.at as u64))
    }
}

#[test]
fn of_a_source_that_changed_no_share_is_completed() {
    let original = Case::new(1, (3, 7, 10)).content;
    let mut flipped = original.clone();
    flipped[999] ^= 1;
    let mut first_flipped = original.clone();
    first_flipped[0] ^= 1;
    let changes = [
        (Ok(flipped), "the source changed while it was read: other bytes the second time"),
        (Ok(first_flipped), "the source changed while it was read: other bytes the second time"),
        (
            Ok(original[..700].to_vec()),
            "the source changed while it was read: 1000 bytes at first, then fewer",
        ),
        (
            Ok([&original[..], &[0]].concat()),
            "the source changed while it was read: 1000 bytes at first, then more",
        ),
        (Err(io::ErrorKind::PermissionDenied), "cannot read the source"),
    ];
    for (second, why) in changes {
        // Nine of ten are complete; and happiness was lost, so that none is.
        for lost in [1, 4] {
            let case = Case::new(14, (3, 7, 10)).of_many_segments();
            (0..lost).for_each(|place| case.node(place).obey(from_the_fourth_write(Act::Fail(500))));
            let versions = vec![Ok(original.clone()), second.clone()];
            let mut source = Fickle { versions, reads: 0, at: 0 };
            let (result, reads) = paused().block_on(async {
                let client = case.grid.client(case.policy.clone(), b"");
                let options = UploadOptions { encoding: case.encoding, happy: 7, key: KeyChoice::Given(KEY) };
                (case.grid.run(client.upload(&mut source, &options)).await, source.reads)
            });
            case.grid.recorder.check_questions();
            assert!(reads >= 2);
            match (lost, result) {
                (1, Ok(uploaded)) => {
                    assert_eq!((uploaded.happiness, uploaded.moved.len()), (9, 0), "{why}");
                    assert_eq!(uploaded.lost.last().unwrap().2, why);
                }
                (4, Err(error)) => {
                    assert_eq!(error.to_string(), why);
                    assert!(case.grid.layout(Case::index()).iter().all(BTreeSet::is_empty), "{why}");
                }
                (_, other) => panic!("{other:?}"),
            }
            check_shares(&case);
        }
    }
}

#[test]
fn segments_are_told_once() {
    for lost in [1, 4] {
        let case = Case::new(14, (3, 7, 10)).of_many_segments();
        (0..lost).for_each(|place| case.node(place).obey(from_the_fourth_write(Act::Fail(500))));
        case.succeed();
        let events = case.grid.recorder.events();
        let done = events.iter().filter_map(|event| match event {
            Event::SegmentDone { segment, segments: 10 } => Some(*segment),
            _ => None,
        });
        assert_eq!(done.collect::<Vec<_>>(), (0..10).collect::<Vec<_>>());
    }
}
