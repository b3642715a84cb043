//! Which event of the network is the work of which fault, and what is then on its receipt.

use super::*;

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
