//! Stalls, open requests and counts of a step.

use super::*;

const CLIENT: HostId = HostId(9);
const DEADLINES: Deadlines = Deadlines {
    silence_max: Some(Duration::from_secs(30)),
    overdue_after: Some(Duration::from_secs(2)),
    stall_max: None,
    operation_left: None,
};

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

fn block(segment: u64) -> Question {
    Question::Block { share: ShareNum(0), segment }
}

fn asked(server: &str, question: Question) -> Event {
    Event::Asked { server: ServerId::new(server), question, deadlines: DEADLINES }
}

fn answered(server: &str, question: Question) -> Event {
    Event::Answered { server: ServerId::new(server), question }
}

fn done(segment: u64) -> Event {
    Event::SegmentDone { segment, segments: 9 }
}

/// A ledger that heard these events of one client, at these milliseconds.
fn heard(events: impl IntoIterator<Item = (u64, Event)>) -> Ledger {
    let mut ledger = Ledger::default();
    for (at, event) in events {
        ledger.hear(ms(at), &Entry::Client { host: CLIENT, step: 0, event });
    }
    ledger
}

#[test]
fn a_segment_that_takes_as_long_as_its_slowest_answer_has_no_stall() {
    let events = [(0, asked("a", block(0))), (70, answered("a", block(0))), (70, done(0))];
    let stall = heard(events).counts(0).worst_stall().unwrap();
    assert_eq!(stall, Stall { segment: 0, added: ms(0), slowest_good: ms(70) });
}

#[test]
fn the_worst_stall_is_the_worst_relative_to_the_answers_of_its_segment() {
    // Segment 0 lost 300 ms at answers of 100 ms, segment 1 lost 200 ms at answers of 10 ms.
    let events = [
        (0, asked("hung", block(0))),
        (300, asked("a", block(0))),
        (400, answered("a", block(0))),
        (400, done(0)),
        (400, asked("hung", block(1))),
        (600, asked("a", block(1))),
        (610, answered("a", block(1))),
        (610, done(1)),
    ];
    let stall = heard(events).counts(0).worst_stall().unwrap();
    assert_eq!(stall, Stall { segment: 1, added: ms(200), slowest_good: ms(10) });
    assert!((stall.multiple() - 20.0).abs() < 1e-9);
}

#[test]
fn a_segment_asked_for_ahead_of_its_turn_does_not_count_the_wait_for_its_turn() {
    let events = [
        (0, asked("a", block(0))),
        (0, asked("a", block(1))),
        (500, answered("a", block(0))),
        (500, done(0)),
        (520, answered("a", block(1))),
        (520, done(1)),
    ];
    assert_eq!(heard(events).counts(0).worst_stall().unwrap().added, ms(0));
}

#[test]
fn nothing_fetched_is_no_stall() {
    assert_eq!(heard([(0, asked("a", Question::Shares))]).counts(0).worst_stall(), None);
}

#[test]
fn a_request_is_open_until_it_is_answered_failed_or_given_up() {
    let (server, reason) = (ServerId::new("b"), "reset".to_owned());
    let mut ledger = heard([
        (1, asked("a", Question::Shares)),
        (2, asked("b", Question::Shares)),
        (3, asked("c", Question::Shares)),
        (4, asked("d", Question::Version)),
        (5, answered("a", Question::Shares)),
        (6, Event::Failed { server, question: Question::Shares, reason }),
        (7, Event::Cancelled { server: ServerId::new("c"), question: Question::Shares }),
        (8, answered("d", Question::Shares)),
    ]);
    let open: Vec<(Open, Waiting)> = ledger.open().clone().into_iter().collect();
    let waiting = Waiting { since: ms(4), deadlines: DEADLINES, overdue: None };
    assert_eq!(open, [((CLIENT, 0, ServerId::new("d"), Question::Version), waiting)]);
    assert_eq!(ledger.counts(0).requests, 4);
    ledger.forget(HostId(8));
    assert_eq!(ledger.open().len(), 1);
    ledger.forget(CLIENT);
    assert!(ledger.open().is_empty());
}

#[test]
fn an_open_request_that_is_overdue_is_known_to_be() {
    let server = ServerId::new("a");
    let late = Event::Overdue { server: server.clone(), question: Question::Shares, after: ms(2000) };
    let ledger = heard([(1, asked("a", Question::Shares)), (1, asked("b", Question::Shares)), (2001, late)]);
    let overdue: Vec<Option<Duration>> = ledger.open().values().map(|waiting| waiting.overdue).collect();
    assert_eq!(overdue, [Some(ms(2001)), None]);
}

#[test]
fn counts_begin_anew_with_each_step_and_open_requests_stay() {
    let mut ledger = heard([(0, asked("a", block(0)))]);
    let read = Request::Read(ShareNum(0));
    let answer = ServerEvent::Answered { request: read, status: 206, bytes: 100, blocks: 1 };
    ledger.hear(ms(1), &Entry::Server { host: HostId(0), event: answer });
    let report = ServerEvent::Received(Request::Corrupt(ShareNum(0)));
    ledger.hear(ms(1), &Entry::Server { host: HostId(0), event: report });
    let counts = ledger.counts(0);
    assert_eq!((counts.fetched_bytes, counts.corruption_reports, counts.requests), (100, 1, 1));
    assert!(counts.block_sources.contains(&ServerId::new("a")));
    ledger.hear(ms(2), &Entry::Step { step: 1, event: StepEvent::Began(String::new()) });
    assert_eq!(ledger.counts(1), Counts::default());
    assert_eq!(ledger.open().len(), 1);
}

#[test]
fn only_what_arrives_is_heard() {
    let mut ledger = Ledger::default();
    let (conn, server) = (crate::net::ConnId(1), HostId(0));
    let kind = NetEventKind::Delivered { conn, from: server, to: CLIENT, bytes: 5 };
    ledger.hear_net(&NetEvent { at: ms(7), kind });
    let kind = NetEventKind::ConnectSent { conn, from: server, to: CLIENT };
    ledger.hear_net(&NetEvent { at: ms(9), kind });
    assert_eq!(ledger.last_heard(server, CLIENT), Some(ms(7)));
    assert_eq!(ledger.last_heard(CLIENT, server), None);
}

#[test]
fn a_request_is_spare_if_it_was_cancelled_or_came_too_late_or_again() {
    let cancelled = |server: &str, question| Event::Cancelled { server: ServerId::new(server), question };
    let events = [
        (0, asked("a", block(0))),
        (0, asked("b", block(0))),
        (0, asked("c", Question::Shares)),
        (0, asked("d", Question::Block { share: ShareNum(1), segment: 0 })),
        (5, answered("a", block(0))),
        (6, answered("b", block(0))),
        (7, done(0)),
        (8, answered("d", Question::Block { share: ShareNum(1), segment: 0 })),
        (9, cancelled("c", Question::Shares)),
        (9, asked("a", block(1))),
        (12, answered("a", block(1))),
    ];
    assert_eq!(
        heard(events[..6].iter().cloned()).counts(0).spare_requests,
        1,
        "b's is the same block as a's"
    );
    assert_eq!(heard(events[..8].iter().cloned()).counts(0).spare_requests, 2, "d's came too late");
    assert_eq!(heard(events).counts(0).spare_requests, 3);
}

#[test]
fn traffic_is_counted_each_way_from_the_start_of_the_run() {
    let delivered = |at, from, to, bytes| NetEvent {
        at: ms(at),
        kind: NetEventKind::Delivered { conn: crate::net::ConnId(1), from, to, bytes },
    };
    let mut ledger = Ledger::default();
    ledger.hear_net(&delivered(1, HostId(0), CLIENT, 1000));
    assert_eq!(ledger.last_heard(HostId(0), CLIENT), Some(ms(1)));
    ledger.hear_net(&delivered(3, HostId(0), CLIENT, 20));
    ledger.hear_net(&delivered(4, HostId(1), CLIENT, 3));
    ledger.hear_net(&delivered(5, CLIENT, HostId(1), 7));
    let kind = NetEventKind::ConnectSent { conn: crate::net::ConnId(2), from: CLIENT, to: HostId(1) };
    ledger.hear_net(&NetEvent { at: ms(6), kind });
    assert_eq!(ledger.traffic(CLIENT), Traffic { received_bytes: 1023, sent_bytes: 7, dials: 1 });
}
