//! When faults end, and how they recur.

use super::*;

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
