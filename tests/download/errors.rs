//! Downloads that cannot succeed: what they say, and how soon.

use std::time::Duration;

use lafs::client::download::DownloadError;
use lafs::crypto::Cipher;
use lafs::erasure::Segmentation;
use lafs::format::cap::{Cap, LiteralCap};
use lafs::format::share::{Layout, ShareHashes};
use lafs::format::{Encoding, ShareNum};
use tokio::time::Instant;

use crate::case::{Case, LATENCY, MS, answer_slowly};
use crate::grid::{Act, Node, paused};

#[test]
fn a_download_that_cannot_succeed_gives_up_when_nothing_happens() {
    let case = Case::new(10, 1000, 1 << 20);
    (0..8).for_each(|place| case.node(place).hang());
    let (error, took) = case.error();
    assert!(matches!(&error, DownloadError::Unreachable(shortage) if shortage.found == 2), "{error}");
    assert!(took <= case.policy.download.stall_max + Duration::from_secs(1), "{took:?}");
}

#[test]
fn asking_one_server_at_a_time_ends_too() {
    for answer in [Act::Hang, Act::Fail(500), Act::Delay(Duration::from_secs(3))] {
        let mut case = Case::new(10, 1000, 1 << 20);
        case.policy.download.queries_max = 1;
        (0..8).for_each(|place| case.node(place).obey(move |_, _| answer));
        let took = case.run().took;
        assert!(took <= case.policy.download.stall_max + Duration::from_secs(30), "{answer:?}: {took:?}");
    }
}

#[test]
fn errors_name_every_server_and_what_it_said() {
    let case = Case::unplaced(4, (2, 3), 1000, 1 << 20);
    insta::assert_snapshot!(case.error().0, @"
    no server has a share of this file: 0 found, 2 needed (2-of-3)
      s3: has no share
      s1: has no share
      s2: has no share
      s0: has no share
    ");
    case.damage(0, 0, 3);
    case.place(1, 1, &case.shares[1]);
    insta::assert_snapshot!(case.error().0, @"
    not enough good shares: 1 found, 2 needed (2-of-3)
      s3: share 0 corrupt (header: share version 0)
      s1: share 1 good
      s2: has no share
      s0: has no share
    ");
    case.node(2).obey(|_, _| Act::Fail(503));
    case.node(3).hang();
    insta::assert_snapshot!(case.error().0, @"
    not enough shares within reach: 1 found, 2 needed (2-of-3)
      s3: share 0 corrupt (header: share version 0)
      s1: share 1 good
      s2: the server answered 503
      s0: did not answer
    ");
}

#[test]
fn failing_at_once_takes_no_longer_than_the_retries() {
    let case = Case::new(10, 1000, 1 << 20);
    (2..10).for_each(|place| case.node(place).obey(|_, _| Act::Fail(500)));
    let (error, took) = case.error();
    assert!(matches!(error, DownloadError::Unreachable(_)), "{error}");
    assert!(took < Duration::from_secs(3), "{took:?}");
    case.grid.nodes.iter().for_each(answer_slowly);
    (2..10).for_each(|place| {
        case.node(place).backend.remove(case.index(), ShareNum(u8::try_from(place).unwrap()));
    });
    let (error, took) = case.error();
    assert!(matches!(error, DownloadError::NotEnoughShares(_)), "{error}");
    assert!(took < 5 * LATENCY, "{took:?}");
}

#[test]
fn the_deadline_holds_whatever_happens() {
    let mut case = Case::new(10, 1000, 1 << 20);
    case.policy.download.deadline = Duration::from_secs(5);
    case.grid.nodes.iter().for_each(Node::hang);
    let (error, took) = case.error();
    assert!(matches!(error, DownloadError::Deadline(_)), "{error}");
    assert!(took <= Duration::from_secs(5) + MS, "{took:?}");
}

#[test]
fn the_deadline_holds_for_a_sink_that_never_accepts() {
    let mut case = Case::new(10, 1000, 1 << 20);
    case.policy.download.deadline = Duration::from_secs(5);
    let literal = Cap::Literal(LiteralCap { data: vec![7; 10] });
    for cap in [Cap::Chk(case.cap.clone()), literal] {
        let work = async {
            // Holds one byte, and nobody reads it.
            let (mut sink, _other_end) = tokio::io::duplex(1);
            let client = case.grid.client(case.policy.clone(), b"");
            let begun = Instant::now();
            let result = client.download(&cap, None, &mut sink).await;
            (result.map(|_| ()), begun.elapsed())
        };
        let (result, took) = paused().block_on(case.grid.run(work));
        assert!(matches!(result, Err(DownloadError::Deadline(_) | DownloadError::Sink(_))), "{result:?}");
        assert!(took <= Duration::from_secs(5) + MS, "{took:?}");
    }
}

#[test]
fn shares_that_contradict_the_hash_of_the_ciphertext_are_called_inconsistent() {
    let mut case = Case::unplaced(3, (1, 2), 1000, 1 << 20);
    let cut = Segmentation::new(1000, Encoding::new(1, 2).unwrap(), 1 << 20).unwrap();
    let (layout, mut hashes) = (Layout::for_upload(cut), ShareHashes::new(cut));
    let mut block = case.content.clone();
    Cipher::new(&case.cap.key, 0).apply(&mut block);
    hashes.segment(b"something else");
    for num in [0, 1] {
        hashes.block(ShareNum(num), &block).unwrap();
    }
    let trailers = hashes.finish(layout).unwrap();
    case.cap.ueb_hash = trailers.ueb_hash();
    let mut share = [layout.header(), block].concat();
    trailers.parts(ShareNum(0)).unwrap().iter().for_each(|part| share.extend_from_slice(part));
    case.place(0, 0, &share);
    let (error, took) = case.error();
    assert!(matches!(error, DownloadError::Inconsistent { segment: 0 }), "{error}");
    assert_eq!(took, 2 * LATENCY);
}
