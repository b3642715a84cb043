//! Scenario files times seeds, over several threads, so that the result does not depend on how many.
//!
//! One run per thread at a time and one runtime per run; nothing is shared between runs but the number of the next one.

use std::collections::BTreeMap;
use std::ops::{ControlFlow, Range};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, mpsc};

use super::{Outcome, Tally, run_one_on};
use crate::engine::Engine;
use crate::scenario::Scenario;

/// Outcomes on their way to the tally.
const UNDERWAY_MAX: usize = 64;
/// Runs begun ahead of the last one that was counted, where they are counted in order.
const AHEAD_MAX: u64 = 1024;

/// How to run a list of scenarios.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// Seeds to run instead of those the files ask for.
    pub seeds: Option<Range<u64>>,
    /// Also run the variants of experiments that the tests leave out.
    pub all_arms: bool,
    /// Threads; none means one per core.
    pub jobs: Option<usize>,
    /// Run each seed twice and compare.
    pub twice: bool,
    /// End with the run that is the so many-th to fail, in the order of the scenarios and their seeds. Later ones may
    /// have begun by then; they are not told of.
    pub stop_after: Option<u64>,
    /// A thread begins its next run only when all has been told of its last one, so that never more than `jobs` runs
    /// have begun and not ended for those who listen. Costs a little time.
    pub in_step: bool,
    /// What carries the runs.
    pub engine: Engine,
}

/// What a batch tells while it runs.
#[derive(Debug)]
pub enum News<'a> {
    /// One more run is over, in no particular order, and whether it counts or not.
    Over {
        /// Its scenario.
        scenario: &'a Scenario,
        /// Its seed.
        seed: u64,
        /// So many runs there will be in all.
        of: u64,
        /// Whether it failed.
        failed: bool,
    },
    /// What became of a run that counts: in no particular order, or in that of the list if the batch may stop early.
    Run(&'a Outcome),
    /// All runs of a scenario have ended; scenarios come in the order of the list.
    Scenario(&'a Scenario, Box<Tally>),
    /// So many runs were not done or do not count, because enough have failed. Comes last.
    Stopped(u64),
}

/// The seeds of one scenario, and where they stand among the runs of the whole batch.
struct Share<'a> {
    scenario: &'a Scenario,
    seeds: Seeds,
    start: u64,
}

enum Seeds {
    Range(Range<u64>),
    List(Vec<u64>),
}

impl Seeds {
    fn len(&self) -> u64 {
        match self {
            Self::Range(range) => range.end.saturating_sub(range.start),
            Self::List(list) => list.len() as u64,
        }
    }

    fn get(&self, at: u64) -> Option<u64> {
        match self {
            Self::Range(range) => range.start.checked_add(at).filter(|seed| range.contains(seed)),
            Self::List(list) => list.get(usize::try_from(at).ok()?).copied(),
        }
    }
}

/// One run of the batch.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// Among all runs.
    position: u64,
    /// Of its scenario.
    index: usize,
    /// Among the seeds of its scenario.
    at: u64,
    seed: u64,
}

/// The scenario, the place among its seeds and the seed of the run at `position`.
fn place(shares: &[Share<'_>], position: u64) -> Option<Place> {
    let index = shares.partition_point(|share| share.start <= position).checked_sub(1)?;
    let share = shares.get(index)?;
    let at = position - share.start;
    Some(Place { position, index, at, seed: share.seeds.get(at)? })
}

/// Who runs what next.
#[derive(Debug, Default)]
struct Queue {
    turn: Mutex<Turn>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Turn {
    next: u64,
    /// So many are over, and all has been told of them.
    heard: u64,
    /// All runs before this one have been counted.
    counted: u64,
    over: bool,
}

impl Queue {
    fn turn(&self) -> MutexGuard<'_, Turn> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the next run, and has `begin` tell of it before anybody takes another. Waits as long as `unheard_max` runs
    /// have begun that nobody heard the end of, or `uncounted_max` since the last one counted.
    fn take(
        &self,
        unheard_max: u64,
        uncounted_max: u64,
        begin: impl FnOnce(u64) -> Option<Place>,
    ) -> Option<Place> {
        let mut turn = self.turn();
        let early =
            |turn: &Turn| turn.next - turn.heard >= unheard_max || turn.next - turn.counted >= uncounted_max;
        while !turn.over && early(&turn) {
            turn = self.changed.wait(turn).unwrap_or_else(PoisonError::into_inner);
        }
        if turn.over {
            return None;
        }
        let place = begin(turn.next);
        turn.next += 1;
        turn.over = place.is_none();
        place
    }

    fn heard(&self, counted: u64) {
        let mut turn = self.turn();
        turn.heard += 1;
        turn.counted = counted;
        drop(turn);
        self.changed.notify_all();
    }
}

/// Ends the queue when it goes, so that nobody waits for a turn that does not come.
struct Closing<'a>(&'a Queue);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.turn().over = true;
        self.0.changed.notify_all();
    }
}

impl Batch {
    /// Runs everything and tells `hear` of it, until that breaks off.
    pub fn run(&self, scenarios: &[Scenario], hear: impl FnMut(News<'_>) -> ControlFlow<()>) {
        self.run_announced(scenarios, |_, _| ControlFlow::Continue(()), hear);
    }

    /// As `run`. `begin` hears of each run before it begins, in the order of the list, from the thread that will do it.
    pub fn run_announced(
        &self,
        scenarios: &[Scenario],
        begin: impl Fn(&Scenario, u64) -> ControlFlow<()> + Sync,
        mut hear: impl FnMut(News<'_>) -> ControlFlow<()>,
    ) {
        let (shares, all) = self.shares(scenarios);
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let jobs = self.jobs.unwrap_or(cores).clamp(1, usize::try_from(all.max(1)).unwrap_or(usize::MAX));
        let unheard_max = if self.in_step { jobs as u64 } else { u64::MAX };
        let uncounted_max = if self.stop_after.is_some() { AHEAD_MAX } else { u64::MAX };
        let queue = Queue::default();
        let (sender, receiver) = mpsc::sync_channel::<(Place, Outcome)>(UNDERWAY_MAX);
        std::thread::scope(|scope| {
            for _ in 0..jobs {
                let (queue, shares, begin, sender) = (&queue, &shares, &begin, sender.clone());
                scope.spawn(move || {
                    let announced = |position| {
                        let place = place(shares, position)?;
                        let go = begin(shares[place.index].scenario, place.seed);
                        go.is_continue().then_some(place)
                    };
                    while let Some(place) = queue.take(unheard_max, uncounted_max, announced) {
                        let outcome =
                            run_one_on(self.engine, shares[place.index].scenario, place.seed, self.twice);
                        if sender.send((place, outcome)).is_err() {
                            return;
                        }
                    }
                });
            }
            drop(sender);
            let _closing = Closing(&queue);
            let count = Count { shares: &shares, tallies: BTreeMap::new(), told: 0 };
            // What `hear` says is over when it breaks off: the receiver goes with this call, and the threads with it.
            let _ = self.collect(count, all, &queue, receiver, &mut hear);
        });
    }

    fn collect(
        &self,
        mut count: Count<'_>,
        all: u64,
        queue: &Queue,
        receiver: mpsc::Receiver<(Place, Outcome)>,
        hear: &mut impl FnMut(News<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let mut failures_left = self.stop_after;
        let mut early: BTreeMap<u64, (Place, Outcome)> = BTreeMap::new();
        let mut counted = 0;
        count.tell_complete(hear)?;
        while let Ok((place, outcome)) = receiver.recv() {
            let scenario = count.shares[place.index].scenario;
            let failed = outcome.failed();
            hear(News::Over { scenario, seed: place.seed, of: all, failed })?;
            let Some(failures_left) = &mut failures_left else {
                count.count(place, outcome, hear)?;
                queue.heard(0);
                continue;
            };
            early.insert(place.position, (place, outcome));
            while let Some((place, outcome)) = early.remove(&counted) {
                counted += 1;
                *failures_left = failures_left.saturating_sub(u64::from(outcome.failed()));
                count.count(place, outcome, hear)?;
                if *failures_left == 0 {
                    count.tell_cut_short(hear)?;
                    return hear(News::Stopped(all - counted));
                }
            }
            queue.heard(counted);
        }
        ControlFlow::Continue(())
    }

    fn shares<'a>(&self, scenarios: &'a [Scenario]) -> (Vec<Share<'a>>, u64) {
        let mut start = 0_u64;
        let mut shares = Vec::with_capacity(scenarios.len());
        for scenario in scenarios {
            let seeds = match &self.seeds {
                Some(range) => Seeds::Range(range.clone()),
                None if self.all_arms => Seeds::List(scenario.all_seeds()),
                None => Seeds::List(scenario.seeds()),
            };
            let len = seeds.len();
            shares.push(Share { scenario, seeds, start });
            start = start.saturating_add(len);
        }
        (shares, start)
    }
}

/// The tallies of the scenarios that are not complete yet.
struct Count<'a> {
    shares: &'a [Share<'a>],
    tallies: BTreeMap<usize, Tally>,
    /// So many scenarios have been told of.
    told: usize,
}

impl Count<'_> {
    fn count(
        &mut self,
        place: Place,
        outcome: Outcome,
        hear: &mut impl FnMut(News<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        hear(News::Run(&outcome))?;
        let scenario = self.shares[place.index].scenario;
        self.tallies.entry(place.index).or_insert_with(|| Tally::of(scenario)).count(place.at, outcome);
        self.tell_complete(hear)
    }

    /// Tells of the scenarios that are complete, in the order of the list.
    fn tell_complete(&mut self, hear: &mut impl FnMut(News<'_>) -> ControlFlow<()>) -> ControlFlow<()> {
        while let Some(share) = self.shares.get(self.told) {
            let done = self.tallies.get(&self.told).map_or(0, |tally| tally.runs + tally.not_run);
            if done < share.seeds.len() {
                break;
            }
            let mut tally = self.tallies.remove(&self.told).unwrap_or_else(|| Tally::of(share.scenario));
            tally.first = tally.first.map(|first| first.in_full(share.scenario));
            self.told += 1;
            hear(News::Scenario(share.scenario, Box::new(tally)))?;
        }
        ControlFlow::Continue(())
    }

    /// Tells of the scenario in the middle of which the batch ends.
    fn tell_cut_short(&mut self, hear: &mut impl FnMut(News<'_>) -> ControlFlow<()>) -> ControlFlow<()> {
        let (Some(share), Some(mut tally)) = (self.shares.get(self.told), self.tallies.remove(&self.told))
        else {
            return ControlFlow::Continue(());
        };
        tally.cut_short = true;
        tally.overall.cut_short();
        tally.first = tally.first.map(|first| first.in_full(share.scenario));
        hear(News::Scenario(share.scenario, Box::new(tally)))
    }
}
