//! Whole courses of events: every interleaving of small cases, random larger ones, with the invariants
//! checked after each event. Single decisions are not here.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

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
                let owes = |server| {
                    let mut owing = self.fetch.entries.iter().filter(|other| other.source.server == server);
                    owing.any(|other| matches!(&other.state, State::Asked(asked) if asked.late.is_some()))
                };
                let idle = |id: usize| {
                    let entry = &self.fetch.entries[id];
                    matches!(entry.state, State::Ready) && !owes(entry.source.server)
                };
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
