//! The accounts of faults: when they begin and end, on whom, and which event of the network is their work.

use std::time::Duration;

use lafs::client::Event;
use lafs::format::{ServerId, ShareNum};

use super::*;
use crate::net::{ConnId, NetEvent, NetEventKind as K, Touch, Why};
use crate::schedule::{Direction, Disconnect, Happening, Link, ShareField, ShareTarget, Substitute};
use crate::trace::{Request, ServerEvent};

const S0: HostId = HostId(0);
const S1: HostId = HostId(1);
const S2: HostId = HostId(2);
const CLIENT: HostId = HostId(3);
const LINK: Link = Link { latency_min: Duration::ZERO, latency_max: Duration::ZERO, bandwidth: None };

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn hosts(names: &[&str]) -> Target {
    Target::Hosts(names.iter().map(|name| (*name).to_owned()).collect())
}

fn fault(kind: FaultKind, on: Target, when: Trigger) -> Fault {
    Fault { name: "fault".to_owned(), kind, on, when, until: None, every: None, may_stay_inert: false }
}

fn book(faults: &[Fault]) -> Book {
    let hosts = ["s0", "s1", "s2", "client"].map(str::to_owned);
    Book::new(faults, &hosts, 3, &Seed::root(7))
}

/// A book of one hang of s0 to s2, begun by `when`.
fn hang(when: Trigger) -> Book {
    book(&[fault(FaultKind::Hang, hosts(&["s0", "s1", "s2"]), when)])
}

fn event(who: Subject, count: u64) -> Trigger {
    Trigger::Event { who, what: Happening::BlockServed, count, probability: 1.0, during: None }
}

fn serves(host: HostId, blocks: u64) -> Entry {
    let request = Request::Read(ShareNum(0));
    Entry::Server { host, event: ServerEvent::Answered { request, status: 206, bytes: 10 * blocks, blocks } }
}

fn ended(step: usize) -> Entry {
    Entry::Step { step, event: StepEvent::Ended(String::new()) }
}

fn step(step: usize) -> Entry {
    Entry::Step { step, event: StepEvent::Began(String::new()) }
}

/// How many of these entries it takes until something is due, and what.
fn first_due(book: &mut Book, entries: impl IntoIterator<Item = Entry>) -> Option<(usize, Vec<Due>)> {
    (1..).zip(entries).find_map(|(number, entry)| {
        book.hear(&entry);
        book.has_due().then(|| (number, book.take_due()))
    })
}

const ALL: Due = Due::BeginAll { fault: 0 };

#[test]
fn a_time_is_due_when_it_has_come_and_only_once() {
    let mut book = hang(Trigger::At(seconds(5)));
    assert_eq!(book.next_time(), Some(seconds(5)));
    book.pass_time(seconds(4));
    assert!(!book.has_due());
    book.pass_time(seconds(5));
    assert_eq!(book.take_due(), [ALL]);
    book.pass_time(seconds(6));
    assert!(!book.has_due());
    assert_eq!(book.next_time(), None);
}

#[test]
fn any_server_counts_all_servers_together_and_blocks_one_by_one() {
    let mut book = hang(event(Subject::AnyServer, 4));
    let entries = [serves(S0, 1), serves(S1, 0), serves(S1, 2), serves(CLIENT, 9), serves(S2, 1)];
    assert_eq!(first_due(&mut book, entries), Some((5, vec![ALL])));
}

#[test]
fn it_counts_each_host_for_itself_and_begins_there_only() {
    let mut book = hang(event(Subject::It, 2));
    let entries = [serves(S0, 1), serves(S1, 1), serves(S2, 1), serves(S1, 1)];
    assert_eq!(first_due(&mut book, entries), Some((4, vec![Due::Begin { fault: 0, host: S1 }])));
    book.began(0, S1, seconds(1));
    assert_eq!(first_due(&mut book, [serves(S0, 1)]), Some((1, vec![Due::Begin { fault: 0, host: S0 }])));
}

#[test]
fn a_named_host_counts_alone_and_begins_everywhere() {
    let mut book = hang(event(Subject::Host("s1".to_owned()), 2));
    let entries = [serves(S0, 5), serves(S1, 1), serves(S2, 5), serves(S1, 1)];
    assert_eq!(first_due(&mut book, entries), Some((4, vec![ALL])));
}

#[test]
fn any_client_counts_what_clients_learn() {
    let when = Trigger::Event {
        who: Subject::AnyClient,
        what: Happening::ShareFound,
        count: 2,
        probability: 1.0,
        during: None,
    };
    let found = |host| Entry::Client {
        step: 0,
        host,
        event: Event::ShareFound { server: ServerId::new("s0"), share: ShareNum(1) },
    };
    assert_eq!(first_due(&mut hang(when), [found(CLIENT), found(S0), found(CLIENT)]), Some((3, vec![ALL])));
}

#[test]
fn in_a_step_counts_nothing_that_happens_outside_of_it() {
    let when = Trigger::Event {
        who: Subject::AnyServer,
        what: Happening::BlockServed,
        count: 2,
        probability: 1.0,
        during: Some(2),
    };
    let before = [step(0), serves(S0, 9), ended(0)];
    let entries = before.into_iter().chain([step(1), serves(S0, 1), ended(1), step(2), serves(S0, 9)]);
    assert_eq!(first_due(&mut hang(when.clone()), entries), None);
    let entries = [step(1), serves(S0, 1), serves(S1, 1)];
    assert_eq!(first_due(&mut hang(when), entries), Some((3, vec![ALL])));
}

#[test]
fn of_two_steps_under_way_each_counts_what_its_own_client_learns_and_both_what_servers_do() {
    let event = |what, during| Trigger::Event {
        who: Subject::AnyServer,
        what,
        count: 1,
        probability: 1.0,
        during: Some(during),
    };
    let both = || [step(0), step(1), serves(S0, 1)];
    for during in [1, 2] {
        let due = first_due(&mut hang(event(Happening::BlockServed, during)), both());
        assert_eq!(due, Some((3, vec![ALL])), "{during}");
    }
    let learns =
        Entry::Client { host: CLIENT, step: 1, event: Event::SegmentDone { segment: 0, segments: 9 } };
    let done = |during| Trigger::Event {
        who: Subject::AnyClient,
        what: Happening::SegmentDone,
        count: 1,
        probability: 1.0,
        during: Some(during),
    };
    assert_eq!(first_due(&mut hang(done(1)), [step(0), step(1), learns.clone()]), None);
    assert_eq!(first_due(&mut hang(done(2)), [step(0), step(1), learns]), Some((3, vec![ALL])));
}

#[test]
fn the_start_of_a_step_is_an_event_of_nobody() {
    let when = Trigger::Event {
        who: Subject::AnyServer,
        what: Happening::StepStarted(2),
        count: 1,
        probability: 1.0,
        during: None,
    };
    assert_eq!(first_due(&mut hang(when), [step(0), step(1)]), Some((2, vec![ALL])));
}

#[test]
fn a_chance_holds_over_many_seeds_from_the_count_on() {
    let when = Trigger::Event {
        who: Subject::AnyServer,
        what: Happening::BlockServed,
        count: 3,
        probability: 0.25,
        during: None,
    };
    let plan = [fault(FaultKind::Hang, hosts(&["s0"]), when)];
    let mut at_once = 0;
    for seed in 0..2000 {
        let mut book = Book::new(&plan, &["s0".to_owned()], 1, &Seed::root(seed));
        let (number, _) = first_due(&mut book, std::iter::repeat_n(serves(S0, 1), 200)).unwrap();
        assert!(number >= 3);
        at_once += u32::from(number == 3);
    }
    assert!((430..570).contains(&at_once), "{at_once} of 2000 at the third block");
}

#[test]
fn a_length_counts_from_the_beginning_and_a_time_does_not() {
    for (until, end) in [(Trigger::After(seconds(3)), 5), (Trigger::At(seconds(3)), 3)] {
        let mut plan = fault(FaultKind::Hang, hosts(&["s0", "s1"]), Trigger::At(seconds(2)));
        plan.until = Some(until);
        let mut book = book(&[plan]);
        book.pass_time(seconds(2));
        assert_eq!(book.take_due(), [ALL]);
        book.began(0, S0, seconds(2));
        book.began(0, S1, seconds(2));
        assert_eq!(book.next_time(), Some(seconds(end)));
        book.pass_time(seconds(end));
        assert_eq!(book.take_due(), [Due::End { fault: 0, host: None }]);
        assert_eq!(book.ended(0, None, seconds(end)), [S0, S1]);
        assert_eq!(book.next_time(), None);
        assert!(!book.admits(0, S2, |_, _| true), "what is over does not begin again");
        let interval = |host| Interval { fault: 0, host, from: seconds(2), to: Some(seconds(end)) };
        assert_eq!(book.intervals(), [interval(S0), interval(S1)]);
    }
}

#[test]
fn an_end_by_an_event_counts_only_from_the_beginning() {
    let mut plan = fault(FaultKind::Hang, hosts(&["s0"]), Trigger::At(seconds(1)));
    plan.until = Some(event(Subject::AnyServer, 2));
    let mut book = book(&[plan]);
    assert_eq!(first_due(&mut book, [serves(S1, 5)]), None);
    book.began(0, S0, seconds(1));
    let end = Some((2, vec![Due::End { fault: 0, host: None }]));
    assert_eq!(first_due(&mut book, [serves(S1, 1), serves(S1, 1)]), end);
}

#[test]
fn an_end_of_it_comes_to_each_target_by_itself_and_others_do_not_count() {
    let mut plan = fault(FaultKind::Slow(LINK), hosts(&["s0", "s1"]), Trigger::At(seconds(1)));
    plan.until = Some(event(Subject::It, 2));
    let mut book = book(&[plan]);
    book.began(0, S0, seconds(1));
    book.began(0, S1, seconds(1));
    let end = |host| Some((1, vec![Due::End { fault: 0, host: Some(host) }]));
    assert_eq!(first_due(&mut book, [serves(S2, 9)]), None);
    assert_eq!(first_due(&mut book, [serves(S1, 2)]), end(S1));
    assert_eq!(book.ended(0, Some(S1), seconds(2)), [S1]);
    assert_eq!(book.receipts()[0].ended, None);
    assert_eq!(book.names_on(S0), ["fault"]);
    assert_eq!(first_due(&mut book, [serves(S1, 2), serves(S0, 2)]), Some((2, end(S0).unwrap().1)));
    assert_eq!(book.ended(0, Some(S0), seconds(3)), [S0]);
    assert_eq!(book.receipts()[0].ended, Some(seconds(3)));
}

#[test]
fn a_reset_strikes_and_is_not_in_force_afterwards() {
    let mut book =
        book(&[fault(FaultKind::Disconnect(Disconnect::Reset), hosts(&["s0"]), Trigger::At(seconds(1)))]);
    book.began(0, S0, seconds(1));
    assert!(book.names_on(S0).is_empty());
    let struck = Interval { fault: 0, host: S0, from: seconds(1), to: Some(seconds(1)) };
    assert_eq!(book.intervals(), [struck]);
    assert!(!book.admits(0, S0, |_, _| true), "once is all");
}

#[test]
fn without_an_end_a_fault_lasts() {
    let mut book = hang(Trigger::At(seconds(1)));
    book.pass_time(seconds(1));
    book.began(0, S0, seconds(1));
    assert_eq!(book.next_time(), None);
    assert_eq!(book.intervals(), [Interval { fault: 0, host: S0, from: seconds(1), to: None }]);
    assert_eq!(book.names_on(S0), ["fault"]);
}

#[test]
fn of_two_holders_the_first_to_reach_the_event_are_taken() {
    let on = Target::Holders { file: "movie".to_owned(), share: None, count: Some(2), draw: 0 };
    let mut book = book(&[fault(FaultKind::Hang, on, event(Subject::It, 1))]);
    let holds = |_: &Target, host: HostId| host != S1;
    assert!(!book.admits(0, S1, holds), "no holder");
    assert!(book.admits(0, S2, holds));
    book.began(0, S2, seconds(1));
    assert!(!book.admits(0, S2, holds), "already there");
    assert!(book.admits(0, S0, holds));
    book.began(0, S0, seconds(2));
    assert!(!book.admits(0, CLIENT, |_, _| true), "two are taken");
}

/// The fault blamed for `kind` when one fault of each of `kinds` is in force, on s0 where `on` says so.
fn blamed(kinds: &[FaultKind], kind: K) -> Option<(usize, u64)> {
    let faults: Vec<Fault> =
        kinds.iter().map(|kind| fault(kind.clone(), hosts(&["s0"]), Trigger::At(Duration::ZERO))).collect();
    let mut book = book(&faults);
    for index in 0..faults.len() {
        book.began(index, S0, Duration::ZERO);
    }
    book.blame(&NetEvent { at: seconds(1), kind })
}

fn every_kind() -> Vec<FaultKind> {
    let share = ShareTarget { file: "movie".to_owned(), share: None, on: None };
    vec![
        FaultKind::Hang,
        FaultKind::Partition(Direction::Both),
        FaultKind::Disconnect(Disconnect::Reset),
        FaultKind::Disconnect(Disconnect::Close),
        FaultKind::Disconnect(Disconnect::Refuse),
        FaultKind::Crash,
        FaultKind::PowerLoss,
        FaultKind::Slow(LINK),
        FaultKind::Corrupt { share: share.clone(), field: ShareField::Data },
        FaultKind::Replace { share, by: Substitute::Percent(50) },
        FaultKind::Restore { step: 1 },
    ]
}

#[test]
fn each_event_is_the_work_of_the_fault_that_can_cause_it_and_of_no_other() {
    let conn = ConnId(1);
    let (from, to) = (CLIENT, S0);
    let held = |why| K::Held { conn, from, to, bytes: 9, why };
    let cases: Vec<(K, &[usize])> = vec![
        (K::HungHostTouched { host: S0, by: Touch::Bytes(9) }, &[0]),
        (held(Why::Blocked), &[1]),
        (held(Why::PowerOff), &[6]),
        (held(Why::Unknown), &[6]),
        (held(Why::Order), &[]),
        (held(Why::Backlog), &[]),
        (K::Dropped { conn, from, to, bytes: 9, why: Why::Abandoned }, &[]),
        (K::Dropped { conn, from, to, bytes: 9, why: Why::PowerOff }, &[6]),
        (K::Refused { conn, from, to }, &[4, 5]),
        (K::FinDelivered { conn, from: S0, to: CLIENT }, &[5]),
        (K::RstDelivered { conn, from: S0, to: CLIENT }, &[5]),
        (K::RstDelivered { conn, from: CLIENT, to: S0 }, &[]),
        (K::Delivered { conn, from, to, bytes: 9 }, &[7]),
        (K::Delivered { conn, from: S0, to: CLIENT, bytes: 9 }, &[7]),
        (K::Delivered { conn, from: S1, to: CLIENT, bytes: 9 }, &[]),
        (held(Why::Blocked), &[1]),
        (K::Held { conn, from: CLIENT, to: S1, bytes: 9, why: Why::Blocked }, &[]),
        (K::HungHostTouched { host: S1, by: Touch::Wake }, &[]),
        (K::ConnectSent { conn, from, to }, &[7]),
        (K::TimedOut { conn, host: CLIENT }, &[]),
        (K::HostHung { host: S0 }, &[]),
    ];
    for (event, guilty) in cases {
        for (index, kind) in every_kind().into_iter().enumerate() {
            let blame = blamed(std::slice::from_ref(&kind), event);
            assert_eq!(blame.is_some(), guilty.contains(&index), "{event:?} and {kind:?}");
        }
        let together = blamed(&every_kind(), event).map(|(index, _)| index);
        assert_eq!(together, guilty.first().copied(), "{event:?}");
    }
}

#[test]
fn of_two_power_losses_each_gets_the_receipt_for_its_own_work() {
    let power_loss = || fault(FaultKind::PowerLoss, hosts(&["s0"]), Trigger::At(Duration::ZERO));
    let mut book = book(&[power_loss(), power_loss()]);
    let blames = |book: &Book, why| {
        let kind = K::Held { conn: ConnId(1), from: CLIENT, to: S0, bytes: 9, why };
        book.blame(&NetEvent { at: seconds(9), kind })
    };
    book.began(0, S0, seconds(1));
    assert_eq!(blames(&book, Why::PowerOff), Some((0, 9)));
    book.ended(0, None, seconds(2));
    assert_eq!(blames(&book, Why::Unknown), Some((0, 9)), "what it knew before is forgotten");
    book.began(1, S0, seconds(3));
    assert_eq!(blames(&book, Why::PowerOff), Some((1, 9)));
    book.ended(1, None, seconds(4));
    assert_eq!(blames(&book, Why::Unknown), Some((1, 9)));
}

#[test]
fn of_two_slownesses_the_one_whose_link_it_is_gets_the_receipt() {
    let slow = || fault(FaultKind::Slow(LINK), hosts(&["s0"]), Trigger::At(Duration::ZERO));
    let mut book = book(&[slow(), slow()]);
    let blames = |book: &Book| {
        let kind = K::Delivered { conn: ConnId(1), from: CLIENT, to: S0, bytes: 9 };
        book.blame(&NetEvent { at: seconds(9), kind })
    };
    book.began(0, S0, seconds(1));
    assert_eq!(blames(&book), Some((0, 9)));
    book.began(1, S0, seconds(2));
    assert_eq!(blames(&book), Some((1, 9)));
    book.ended(1, None, seconds(3));
    assert_eq!(blames(&book), Some((0, 9)));
}

#[test]
fn a_partition_is_blamed_for_its_own_direction_only() {
    let conn = ConnId(1);
    let inward = K::Held { conn, from: CLIENT, to: S0, bytes: 9, why: Why::Blocked };
    let outward = K::Held { conn, from: S0, to: CLIENT, bytes: 9, why: Why::Blocked };
    let blames = |direction, event| blamed(&[FaultKind::Partition(direction)], event);
    assert_eq!(blames(Direction::To, inward), Some((0, 9)));
    assert_eq!(blames(Direction::To, outward), None);
    assert_eq!(blames(Direction::From, inward), None);
    assert_eq!(blames(Direction::From, outward), Some((0, 9)));
}

#[test]
fn groups_are_blamed_for_what_is_lost_between_them_and_for_nothing_else() {
    let conn = ConnId(1);
    let lost = |from, to| K::Held { conn, from, to, bytes: 9, why: Why::Blocked };
    let group = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let groups = FaultKind::Groups(vec![group(&["s0", "s1"]), group(&["client"])]);
    let blames = |from| blamed(std::slice::from_ref(&groups), lost(S0, from));
    assert_eq!(blames(CLIENT), Some((0, 9)));
    assert_eq!(blames(S1), None, "of the same group");
    assert_eq!(blames(S2), None, "of no group");
    assert_eq!(blamed(&[groups], K::Held { conn, from: S0, to: CLIENT, bytes: 9, why: Why::Order }), None);
}

#[test]
fn a_fault_is_inert_until_it_touches_something() {
    let mut book = hang(Trigger::At(Duration::ZERO));
    book.began(0, S0, seconds(1));
    assert!(book.receipts()[0].is_inert());
    assert!(book.bit(0, seconds(2), 1, 5));
    assert!(!book.bit(0, seconds(3), 2, 7), "only the first bite is the first");
    let receipt = &book.receipts()[0];
    assert!(!receipt.is_inert());
    assert_eq!((receipt.bit, receipt.touched, receipt.bytes), (Some(seconds(2)), 3, 12));
    assert_eq!(receipt.began, [(seconds(1), "s0".to_owned())]);
}

#[test]
fn a_fault_that_recurs_rests_in_between_and_has_the_same_targets_and_later_ones() {
    let when = Trigger::Event {
        who: Subject::It,
        what: Happening::RequestReceived,
        count: 1,
        probability: 1.0,
        during: None,
    };
    let plan = Fault {
        until: Some(Trigger::After(seconds(2))),
        every: Some(seconds(10)),
        ..fault(FaultKind::Full, hosts(&["s0", "s1"]), when)
    };
    let mut book = book(&[plan]);
    let begin = |book: &mut Book, host, at| {
        assert!(book.admits(0, host, |_, _| false));
        if !book.joins_later(0, host) {
            book.began(0, host, seconds(at));
        }
    };
    begin(&mut book, S0, 5);
    assert_eq!(book.next_time(), Some(seconds(7)));
    book.pass_time(seconds(7));
    assert_eq!(book.take_due(), [Due::End { fault: 0, host: None }]);
    assert_eq!(book.ended(0, None, seconds(7)), [S0]);
    begin(&mut book, S1, 8);
    assert!(book.names_on(S1).is_empty(), "it rests");
    assert_eq!(book.next_time(), Some(seconds(15)));
    book.pass_time(seconds(15));
    assert_eq!(book.take_due(), [Due::BeginAgain { fault: 0 }]);
    assert_eq!((book.targets(0), book.round(0)), (vec![S0, S1], 1));
    book.targets(0).into_iter().for_each(|host| book.began(0, host, seconds(15)));
    assert_eq!(book.next_time(), Some(seconds(17)));
    let receipt = &book.receipts()[0];
    assert_eq!((receipt.began.len(), receipt.again), (1, 1));
}

#[test]
fn a_fault_that_begins_anew_in_the_moment_of_its_end_goes_on_recurring() {
    let plan = Fault {
        until: Some(Trigger::After(seconds(2))),
        every: Some(seconds(3)),
        ..fault(FaultKind::Full, hosts(&["s0"]), Trigger::At(seconds(1)))
    };
    let mut book = book(&[plan]);
    book.began(0, S0, seconds(1));
    for (round, at) in [(1, 5), (2, 8), (3, 11)] {
        book.pass_time(seconds(at));
        assert_eq!(book.take_due(), [Due::End { fault: 0, host: None }, Due::BeginAgain { fault: 0 }]);
        assert_eq!(book.ended(0, None, seconds(at)), [S0]);
        book.began(0, S0, seconds(at));
        assert_eq!((book.round(0), book.next_time().is_some()), (round, true));
    }
}
