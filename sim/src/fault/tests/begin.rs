//! When faults begin, and on whom.

use super::*;

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
fn of_two_holders_the_first_to_reach_the_event_are_taken() {
    let on =
        Target::Holders { file: "movie".to_owned(), share: None, version: None, count: Some(2), draw: 0 };
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
