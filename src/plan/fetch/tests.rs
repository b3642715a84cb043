//! The machine alone: single decisions, every interleaving of a small case, random larger ones.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

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
fn a_server_whose_bytes_keep_coming_is_never_overdue() {
    let (mut fetch, _) = started(1, &[source(0, 0, 10)]);
    for ms in (20..2000).step_by(20) {
        fetch.on_progress(SourceId(0), u64::from(ms / 20), at(ms));
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
    assert_eq!(again, [30 + 2000, 2060 + 4000, 6090 + 8000, 14120 + 10_000].map(|ms| ms * MS));
}

/// What the driver and the network do with one command stream; checks the economy after each step.
#[derive(Clone)]
struct World {
    fetch: Fetch,
    now: Moment,
    asked: BTreeSet<usize>,
    good: BTreeMap<usize, ShareNum>,
    bad: BTreeSet<usize>,
    trickled: BTreeSet<usize>,
    shares: Vec<ShareNum>,
    needed: usize,
}

impl World {
    fn new(needed: usize, sources: &[Source], hedges: usize, policy: &Policy) -> Self {
        let mut fetch = Fetch::new(needed, 1000, hedges, policy);
        let shares = sources.iter().map(|source| source.share).collect();
        for source in sources {
            fetch.add_source(*source);
        }
        let (asked, good, bad, trickled) = Default::default();
        Self { fetch, now: at(0), asked, good, bad, trickled, shares, needed }
    }

    fn useful(&self) -> usize {
        self.good.values().collect::<BTreeSet<_>>().len()
    }

    fn step(&mut self) -> Status {
        let mut commands = Vec::new();
        let status = self.fetch.decide(self.now, &mut commands);
        for command in commands {
            match command {
                Command::Ask(SourceId(id)) => {
                    assert!(self.asked.insert(id), "two requests to one source");
                    assert!(!self.bad.contains(&id), "a condemned source was asked");
                    assert!(!self.good.contains_key(&id), "a block was asked for twice");
                }
                Command::Cancel(SourceId(id)) => assert!(self.asked.remove(&id), "nothing to cancel"),
                Command::Overdue(SourceId(id), _) => assert!(self.asked.contains(&id)),
            }
        }
        let extra = self.fetch.overdue() + self.fetch.hedges();
        assert!(
            self.asked.len() + self.useful() <= self.needed + extra,
            "more requests than there is reason for"
        );
        assert!(self.fetch.slots_used() <= self.needed + self.fetch.overdue() + self.fetch.hedges());
        match &status {
            Status::Complete(sources) => {
                assert!(self.asked.is_empty(), "completion leaves a request behind");
                assert_eq!(sources.len(), self.needed);
                let shares: BTreeSet<_> = sources.iter().map(|id| self.good[&id.0]).collect();
                assert_eq!(shares.len(), self.needed, "shares are not distinct");
            }
            Status::Pending => {
                assert!(self.useful() < self.needed);
                let deadline = self.fetch.next_deadline();
                assert!(!self.asked.is_empty() || deadline.is_some(), "waits for nothing");
                assert!(deadline.is_none_or(|deadline| deadline > self.now), "a deadline in the past");
                assert!(self.asked.is_empty() || deadline.is_some(), "an unbounded wait");
                let covered = self.fetch.covered();
                let idle = |id: usize| matches!(self.fetch.entries[id].state, State::Ready);
                let missed = (0..self.shares.len()).any(|id| idle(id) && !covered.contains(&self.shares[id]));
                assert!(self.fetch.slots_used() >= self.needed || !missed, "an eligible source is left idle");
            }
            Status::Exhausted(shortage) => {
                assert!(self.asked.is_empty() && self.fetch.next_deadline().is_none());
                assert_eq!(shortage.good, self.useful());
            }
        }
        status
    }

    fn good(&mut self, id: usize) {
        self.asked.remove(&id);
        self.good.insert(id, self.shares[id]);
        self.fetch.on_block(SourceId(id), self.now);
    }

    fn bad(&mut self, id: usize) {
        self.asked.remove(&id);
        self.bad.insert(id);
        self.fetch.on_bad(SourceId(id));
    }

    fn fail(&mut self, id: usize, may_pass: bool) {
        self.asked.remove(&id);
        if !may_pass {
            self.bad.insert(id);
        }
        self.fetch.on_failed(SourceId(id), may_pass, self.now);
    }

    fn join(&mut self, source: Source) {
        self.shares.push(source.share);
        self.fetch.add_source(source);
    }
}

/// Follows every order of events from `world` on and returns how many ends there are.
fn explore(mut world: World, silences: u32, latecomer: Option<Source>) -> u32 {
    match world.step() {
        Status::Complete(_) => return 1,
        Status::Exhausted(_) if latecomer.is_none() => return 1,
        Status::Pending | Status::Exhausted(_) => {}
    }
    let mut ends = 0;
    world.now = world.now + MS;
    for id in world.asked.clone() {
        let next = || world.clone();
        let mut after = [next(), next(), next(), next()];
        after[0].good(id);
        after[1].bad(id);
        after[2].fail(id, false);
        after[3].fail(id, true);
        ends += after.into_iter().map(|after| explore(after, silences, latecomer)).sum::<u32>();
        let mut trickling = next();
        if silences > 0 && trickling.trickled.insert(id) {
            trickling.fetch.on_progress(SourceId(id), 100, world.now);
            ends += explore(trickling, silences - 1, latecomer);
        }
    }
    if let Some(source) = latecomer {
        let mut after = world.clone();
        after.join(source);
        ends += explore(after, silences, None);
    }
    match world.fetch.next_deadline() {
        Some(deadline) if silences > 0 => {
            world.now = world.now.max(deadline);
            ends + explore(world, silences - 1, latecomer)
        }
        Some(_) | None => ends.max(1),
    }
}

#[test]
fn every_order_of_events_in_a_small_case_keeps_the_invariants() {
    let mut policy = Policy::default();
    policy.download.retries_max = 0;
    let sources = [source(0, 0, 10), source(1, 1, 10), source(2, 1, 20)];
    let world = World::new(2, &sources, 1, &policy);
    let ends = explore(world, 2, Some(source(0, 2, 5)));
    assert!(ends > 50_000, "only {ends} orders");
    println!("{ends} orders");
}

#[test]
fn every_order_of_events_with_a_retry_keeps_the_invariants() {
    let mut policy = Policy::default();
    policy.download.retries_max = 1;
    let world = World::new(1, &[source(0, 0, 10), source(1, 0, 10)], 1, &policy);
    let ends = explore(world, 3, Some(source(1, 1, 5)));
    assert!(ends > 10_000, "only {ends} orders");
    println!("{ends} orders");
}

fn any_sources() -> impl Strategy<Value = Vec<Source>> {
    let one = (0usize..8, 0u8..10, 1u32..200, any::<bool>(), any::<bool>());
    prop::collection::vec(one, 1..16).prop_map(|all| {
        let mut all: Vec<Source> = all
            .into_iter()
            .map(|(server, share, ms, open, suspect)| Source { open, suspect, ..source(server, share, ms) })
            .collect();
        all.sort_by_key(|source| (source.server, source.share));
        all.dedup_by_key(|source| (source.server, source.share));
        all
    })
}

proptest! {
    #[test]
    fn larger_cases_keep_the_invariants_and_end(
        needed in 1usize..6,
        sources in any_sources(),
        events in prop::collection::vec((0u8..9, any::<prop::sample::Index>(), 1u32..50), 0..200),
    ) {
        let mut world = World::new(needed, &sources, 2, &Policy::default());
        for (event, pick, ms) in events {
            match world.step() {
                Status::Pending => {}
                Status::Complete(_) | Status::Exhausted(_) => return Ok(()),
            }
            world.now = world.now + MS * ms;
            let asked: Vec<usize> = world.asked.iter().copied().collect();
            if asked.is_empty() || event == 8 {
                world.now = world.now.max(world.fetch.next_deadline().unwrap());
                continue;
            }
            let id = *pick.get(&asked);
            match event {
                0 | 1 => world.good(id),
                2 => world.bad(id),
                3 => world.fail(id, true),
                4 => world.fail(id, false),
                5 => world.fetch.on_opened(SourceId(id), world.now),
                6 => world.fetch.on_progress(SourceId(id), u64::from(ms) * 20, world.now),
                _ => world.fetch.on_step(SourceId(id), world.now),
            }
        }
        // Whatever came before, good answers from here on complete it, unless sources run out.
        loop {
            match world.step() {
                Status::Complete(_) | Status::Exhausted(_) => break,
                Status::Pending => {}
            }
            match world.asked.first().copied() {
                Some(id) => world.good(id),
                None => world.now = world.fetch.next_deadline().unwrap(),
            }
        }
    }
}
