//! One client, several operations at once, each with its own observer.

use std::sync::Arc;

use futures_util::future::join;

use super::*;
use grid::Recorder;

#[test]
fn each_of_two_operations_at_once_is_told_to_its_own_observer() {
    let case = Case::new(10, (3, 7, 10)).of_many_segments();
    let other: Vec<u8> = case.content.iter().rev().take(350).copied().collect();
    let observers = [Arc::new(Recorder::default()), Arc::new(Recorder::default())];
    paused().block_on(async {
        let client = case.grid.client(case.policy.clone(), b"");
        let options = UploadOptions { encoding: case.encoding, happy: 7, key: KeyChoice::Random };
        let [one, two] = observers.clone().map(|observer| client.watched_by(observer));
        let (mut long, mut short) = (Cursor::new(&case.content), Cursor::new(&other));
        let both = join(one.upload(&mut long, &options), two.upload(&mut short, &options));
        let (long, short) = case.grid.run(both).await;
        assert_ne!(long.unwrap().cap, short.unwrap().cap);
    });
    assert_eq!(case.grid.recorder.events(), []);
    for (observer, segments) in observers.iter().zip([10, 4]) {
        observer.check_questions();
        let events = observer.events();
        let done = |event: &&Event| matches!(event, Event::SegmentDone { .. });
        assert_eq!(events.iter().filter(done).count(), segments);
        let placed = |event: &&Event| matches!(event, Event::SharePlaced { .. });
        assert_eq!(events.iter().filter(placed).count(), 10);
    }
}

#[test]
fn what_one_operation_learns_of_a_server_the_others_know() {
    let case = Case::new(10, (3, 7, 10));
    case.node(0).hang();
    paused().block_on(case.grid.run(async {
        let client = case.grid.client(case.policy.clone(), b"");
        let options = UploadOptions { encoding: case.encoding, happy: 7, key: KeyChoice::Random };
        let watched = client.watched_by(Arc::new(Recorder::default()));
        watched.upload(&mut Cursor::new(&case.content), &options).await.unwrap();
        let begun = Instant::now();
        client.clone().upload(&mut Cursor::new(&case.content), &options).await.unwrap();
        assert!(begun.elapsed() <= Duration::from_millis(2), "{:?}", begun.elapsed());
    }));
    assert!(!case.grid.recorder.events().is_empty(), "a copy keeps its observer");
}
