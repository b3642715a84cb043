//! The machine alone: single decisions. Whole courses of events are in `orders`.

use super::*;

mod orders;

const MS: Duration = Duration::from_millis(1);

fn at(ms: u32) -> Moment {
    Moment(MS * ms)
}

fn source(server: usize, share: u8, expected_ms: u32) -> Source {
    Source {
        server,
        share: ShareNum(share),
        open: true,
        expected_open: Some(MS * expected_ms),
        expected_block: Some(MS * expected_ms),
        suspect: false,
    }
}

/// A machine over `sources`, 1000-byte blocks, and what it did at 0 ms.
fn started(needed: usize, sources: &[Source]) -> (Fetch, Vec<Command>) {
    let mut fetch = Fetch::new(needed, 1000, 1, &Policy::default());
    for source in sources {
        fetch.add_source(*source);
    }
    let commands = at_time(&mut fetch, 0).1;
    (fetch, commands)
}

fn at_time(fetch: &mut Fetch, ms: u32) -> (Status, Vec<Command>) {
    let mut commands = Vec::new();
    let status = fetch.decide(at(ms), &mut commands);
    (status, commands)
}

fn ask(id: usize) -> Command {
    Command::Ask(SourceId(id))
}

fn cancel(id: usize) -> Command {
    Command::Cancel(SourceId(id))
}

#[test]
fn the_sources_expected_first_are_asked() {
    let (_, commands) = started(2, &[source(0, 0, 30), source(1, 1, 10), source(2, 2, 20)]);
    assert_eq!(commands, [ask(1), ask(2)]);
}

#[test]
fn suspects_are_asked_only_when_the_others_do_not_suffice() {
    let suspect = Source { suspect: true, ..source(0, 0, 1) };
    assert_eq!(started(2, &[suspect, source(1, 1, 9), source(2, 2, 9)]).1, [ask(1), ask(2)]);
    assert_eq!(started(2, &[suspect, source(1, 1, 9)]).1, [ask(1), ask(0)]);
}

#[test]
fn a_server_gives_a_second_share_only_when_no_other_server_can() {
    let all = [source(0, 0, 1), source(0, 1, 1), source(0, 2, 1), source(1, 3, 9), source(2, 4, 9)];
    assert_eq!(started(3, &all).1, [ask(0), ask(3), ask(4)]);
    assert_eq!(started(3, &all[..4]).1, [ask(0), ask(3), ask(1)]);
}

#[test]
fn a_second_share_waits_while_other_servers_may_still_answer() {
    let (mut fetch, mut commands) = (Fetch::new(2, 1000, 1, &Policy::default()), Vec::new());
    fetch.on_more_expected(true);
    fetch.add_source(source(0, 0, 1));
    fetch.add_source(source(0, 1, 1));
    assert_eq!(fetch.decide(at(0), &mut commands), Status::Pending);
    assert_eq!(commands, [ask(0)]);
    fetch.on_more_expected(false);
    assert_eq!(at_time(&mut fetch, 1).1, [ask(1)]);
}

#[test]
fn the_same_share_is_never_wanted_twice_but_replaces_a_corrupt_copy() {
    let (mut fetch, commands) = started(2, &[source(0, 0, 1), source(1, 0, 2), source(2, 1, 3)]);
    assert_eq!(commands, [ask(0), ask(2)]);
    fetch.on_bad(SourceId(0));
    assert_eq!(at_time(&mut fetch, 5).1, [ask(1)]);
}

#[test]
fn silence_of_three_times_the_longest_good_answer_calls_one_spare() {
    let (mut fetch, _) = started(2, &[source(0, 0, 10), source(1, 1, 10), source(2, 2, 10)]);
    fetch.on_block(SourceId(0), at(40));
    assert_eq!(at_time(&mut fetch, 40).1, []);
    assert_eq!(fetch.next_deadline(), Some(at(120)));
    assert_eq!(at_time(&mut fetch, 119).1, []);
    assert_eq!(at_time(&mut fetch, 120).1, [Command::Overdue(SourceId(1), 120 * MS), ask(2)]);
    fetch.on_block(SourceId(1), at(130));
    assert_eq!(at_time(&mut fetch, 130), (Status::Complete(vec![SourceId(0), SourceId(1)]), vec![cancel(2)]));
}

#[test]
fn a_spare_gives_its_slot_back_when_the_late_answer_comes() {
    let (mut fetch, _) = started(2, &[0, 1, 2, 3, 4].map(|n| source(usize::from(n), n, 10)));
    let _ = at_time(&mut fetch, 30);
    assert_eq!(fetch.overdue(), 2);
    fetch.on_block(SourceId(0), at(31));
    fetch.on_failed(SourceId(2), true, at(31));
    assert_eq!(at_time(&mut fetch, 31).1, [], "one block and one live request are enough");
}

#[test]
fn a_server_whose_bytes_keep_coming_and_do_not_crawl_is_never_overdue() {
    let (mut fetch, _) = started(1, &[source(0, 0, 10)]);
    for ms in (20..2000).step_by(20) {
        fetch.on_progress(SourceId(0), u64::from(ms) * 2, at(ms));
        assert_eq!(at_time(&mut fetch, ms).1, []);
    }
    assert_eq!(fetch.overdue(), 0);
}

#[test]
fn a_slow_server_is_hedged_within_the_budget_and_kept() {
    let sources = [source(0, 0, 10), source(1, 1, 10), source(2, 2, 10), source(3, 3, 10)];
    let (mut fetch, _) = started(2, &sources);
    fetch.on_block(SourceId(0), at(10));
    fetch.on_progress(SourceId(1), 100, at(25));
    assert_eq!(at_time(&mut fetch, 29).1, []);
    assert_eq!(at_time(&mut fetch, 30).1, [ask(2)]);
    fetch.on_progress(SourceId(1), 200, at(50));
    fetch.on_failed(SourceId(2), false, at(50));
    assert_eq!(at_time(&mut fetch, 500).1.len(), 2, "only silence is answered now: the budget is used up");
    assert_eq!((fetch.hedges(), fetch.overdue()), (1, 1));
}

#[test]
fn another_copy_of_the_slow_share_is_a_hedge_and_the_loser_is_cancelled() {
    let (mut fetch, _) = started(2, &[source(0, 0, 10), source(1, 1, 10), source(2, 1, 10)]);
    fetch.on_block(SourceId(0), at(10));
    fetch.on_progress(SourceId(1), 100, at(25));
    assert_eq!(at_time(&mut fetch, 30).1, [ask(2)]);
    fetch.on_block(SourceId(2), at(40));
    assert_eq!(at_time(&mut fetch, 40).1, [cancel(1)]);
}

#[test]
fn no_hedge_is_asked_that_would_be_later_than_the_slow_one() {
    let (mut fetch, _) = started(2, &[source(0, 0, 10), source(1, 1, 10), source(2, 2, 100)]);
    fetch.on_block(SourceId(0), at(10));
    fetch.on_progress(SourceId(1), 500, at(29));
    assert_eq!(at_time(&mut fetch, 30).1, []);
    assert!(fetch.next_deadline() > Some(at(30)));
}

#[test]
fn a_request_that_loses_its_partner_is_replaced_although_a_hedge_runs() {
    let sources = [0, 1, 2, 3, 4].map(|n| source(usize::from(n), n, 10));
    let (mut fetch, _) = started(3, &sources);
    fetch.on_block(SourceId(0), at(10));
    fetch.on_progress(SourceId(1), 1, at(29));
    fetch.on_progress(SourceId(2), 900, at(29));
    assert_eq!(at_time(&mut fetch, 30).1, [ask(3)]);
    fetch.on_failed(SourceId(2), true, at(31));
    assert_eq!(at_time(&mut fetch, 31).1, [ask(4)]);
}

#[test]
fn a_failure_that_may_pass_is_tried_again_when_nothing_else_is_left() {
    let (mut fetch, _) = started(1, &[source(0, 0, 10)]);
    let mut now = 0;
    for wait in [250, 500, 1000] {
        fetch.on_failed(SourceId(0), true, at(now));
        assert_eq!(at_time(&mut fetch, now), (Status::Pending, vec![]));
        now += wait;
        assert_eq!(fetch.next_deadline(), Some(at(now)));
        assert_eq!(at_time(&mut fetch, now).1, [ask(0)]);
    }
    fetch.on_failed(SourceId(0), true, at(now));
    let shortage = Shortage { good: 0, failing: 1, gone: 0 };
    assert_eq!(at_time(&mut fetch, now).0, Status::Exhausted(shortage));
}

#[test]
fn the_last_source_is_asked_anew_when_it_stays_silent() {
    let (mut fetch, _) = started(1, &[source(0, 0, 10)]);
    let mut again = Vec::new();
    for _ in 0..8 {
        let now = fetch.next_deadline().unwrap();
        let mut commands = Vec::new();
        assert_eq!(fetch.decide(now, &mut commands), Status::Pending);
        if commands == [cancel(0), ask(0)] {
            again.push(now.0);
        }
    }
    assert_eq!(again, [30 + 2000, 2060 + 4000, 6090 + 8000, 14120 + 16_000].map(|ms| ms * MS));
}

#[test]
fn a_server_that_owes_an_answer_is_not_asked_for_more_at_once() {
    let (mut fetch, _) = started(1, &[source(0, 0, 10), source(0, 1, 10)]);
    assert_eq!(at_time(&mut fetch, 30).1, [Command::Overdue(SourceId(0), 30 * MS)]);
    assert_eq!(fetch.next_deadline(), Some(at(2030)));
    assert_eq!(at_time(&mut fetch, 2030).1, [ask(1)]);
}

#[test]
fn a_server_that_owes_several_answers_is_tried_with_one_request_at_a_time() {
    let (mut fetch, commands) = started(2, &[source(0, 0, 10), source(0, 1, 10)]);
    assert_eq!(commands, [ask(0), ask(1)]);
    let _ = at_time(&mut fetch, 30);
    assert_eq!(at_time(&mut fetch, 2030).1, [cancel(0), ask(0)]);
    for ms in (2050..5000).step_by(20) {
        fetch.on_progress(SourceId(0), u64::from(ms) * 2, at(ms));
        assert_eq!(at_time(&mut fetch, ms).1, []);
    }
    fetch.on_block(SourceId(0), at(5000));
    assert_eq!(at_time(&mut fetch, 5000).1, [cancel(1), ask(1)], "it is back: no need to wait");
}

#[test]
fn a_hedge_takes_the_place_of_the_slow_request_that_fails() {
    let (mut fetch, _) = started(2, &[0, 1, 2, 3].map(|n| source(usize::from(n), n, 10)));
    fetch.on_block(SourceId(0), at(10));
    fetch.on_progress(SourceId(1), 100, at(25));
    assert_eq!(at_time(&mut fetch, 30).1, [ask(2)]);
    fetch.on_failed(SourceId(1), false, at(31));
    assert_eq!(at_time(&mut fetch, 31).1, []);
}

#[test]
fn a_late_request_whose_bytes_come_after_all_is_not_given_up() {
    let (mut fetch, _) = started(1, &[source(0, 0, 10)]);
    let _ = at_time(&mut fetch, 30);
    fetch.on_progress(SourceId(0), 100, at(2029));
    assert_eq!(at_time(&mut fetch, 2030).1, []);
    assert_eq!(fetch.next_deadline(), Some(at(4029)));
}

#[test]
fn an_answer_that_crawls_is_overdue_although_it_is_never_silent() {
    let (mut fetch, commands) = started(1, &[source(0, 0, 10), source(1, 1, 20)]);
    assert_eq!(commands, [ask(0)]);
    // Ten bytes a second, with a patience of 200 ms once the first ones are here.
    let mut asked = Vec::new();
    for tenth in 1..=20 {
        fetch.on_progress(SourceId(0), tenth, at(100 * u32::try_from(tenth).unwrap()));
        asked.extend(at_time(&mut fetch, 100 * u32::try_from(tenth).unwrap()).1);
    }
    assert!(asked.iter().any(|command| matches!(command, Command::Overdue(SourceId(0), _))), "{asked:?}");
    assert!(asked.contains(&ask(1)), "{asked:?}");
    assert!(!asked.contains(&cancel(0)), "it is still used when it comes: {asked:?}");
}

#[test]
fn an_answer_that_is_slow_and_does_not_crawl_is_not_overdue() {
    let (mut fetch, _) = started(1, &[source(0, 0, 100)]);
    for tenth in 1..=50u32 {
        fetch.on_progress(SourceId(0), u64::from(tenth) * 150, at(100 * tenth));
        let commands = at_time(&mut fetch, 100 * tenth).1;
        assert!(!commands.iter().any(|command| matches!(command, Command::Overdue(..))), "{commands:?}");
    }
}
