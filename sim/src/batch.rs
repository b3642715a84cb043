//! Many runs: scenario files times seeds, over several threads, tallied so that the result does not depend on how many.
//!
//! One run per thread and one runtime per run; nothing is shared between runs but the number of the next one. What
//! is remembered does not grow with the number of seeds. Prints nothing.

use std::any::Any;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::ops::{ControlFlow, Range};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;

use thiserror::Error;

use crate::report;
use crate::run::{self, RunError, RunReport};
use crate::scenario::Scenario;
use crate::trace::Keep;
use crate::verdict::{ExitCode, Finding, Oracle};

mod in_full;

/// Failing seeds that are remembered for each exit code of a scenario: the first ones.
pub const FAILED_SEEDS_MAX: usize = 1000;
/// Outcomes on their way to the tally.
const UNDERWAY_MAX: usize = 64;

/// A path cannot be searched for scenarios.
#[derive(Debug, Error)]
#[error("cannot read {}: {source}", path.display())]
pub struct FindError {
    path: PathBuf,
    source: io::Error,
}

/// The scenario files at and below `paths`, sorted within each folder.
///
/// # Errors
/// A path that does not exist, or a folder that cannot be read.
pub fn find(paths: &[PathBuf]) -> Result<Vec<PathBuf>, FindError> {
    let mut files = Vec::new();
    for path in paths {
        std::fs::metadata(path).map_err(|source| FindError { path: path.clone(), source })?;
        collect(path, &mut files, true)?;
    }
    Ok(files)
}

fn collect(path: &Path, files: &mut Vec<PathBuf>, named: bool) -> Result<(), FindError> {
    let error = |source| FindError { path: path.to_owned(), source };
    if !path.is_dir() {
        if named || path.extension().is_some_and(|extension| extension == "toml") {
            files.push(path.to_owned());
        }
        return Ok(());
    }
    let mut entries: Vec<PathBuf> = std::fs::read_dir(path)
        .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect())
        .map_err(error)?;
    entries.sort();
    entries.iter().try_for_each(|entry| collect(entry, files, false))
}

/// What became of one run.
#[derive(Debug)]
pub struct Outcome {
    path: String,
    about: String,
    seed: u64,
    result: Result<Box<RunReport>, NoReport>,
}

/// Why there is no report of a run.
#[derive(Debug, Error)]
enum NoReport {
    #[error(transparent)]
    NotRun(#[from] RunError),
    #[error("a panic in the code under test or in the harness\n{0}")]
    Panicked(String),
}

impl Outcome {
    /// Its exit code.
    pub fn code(&self) -> ExitCode {
        self.result.as_ref().map_or(ExitCode::Internal, |report| report.code())
    }

    /// Everything a person needs to know about it.
    pub fn text(&self) -> String {
        match &self.result {
            Ok(report) if report.code() == ExitCode::Passed => report::success(report),
            Ok(report) => report::failure(report),
            Err(error) => report::no_report(&self.path, &self.about, self.seed, &error.to_string()),
        }
    }
}

/// Runs one seed of one scenario, twice where asked. A panic inside the run is an outcome like any other.
pub fn run_one(scenario: &Scenario, seed: u64, twice: bool) -> Outcome {
    outcome(scenario, seed, |scenario, seed| match twice {
        true => run_twice(scenario, seed),
        false => once(scenario, seed, Keep::Last(report::LAST_EVENTS)),
    })
}

/// Runs one seed of one scenario and keeps its whole timeline.
pub fn replay(scenario: &Scenario, seed: u64) -> Outcome {
    outcome(scenario, seed, |scenario, seed| run::run_in_full(&scenario.schedule(seed), Keep::All))
}

fn outcome(
    scenario: &Scenario,
    seed: u64,
    play: impl FnOnce(&Scenario, u64) -> Result<RunReport, RunError>,
) -> Outcome {
    let result = match catch_unwind(AssertUnwindSafe(|| play(scenario, seed))) {
        Ok(result) => result.map(Box::new).map_err(NoReport::NotRun),
        Err(payload) => Err(NoReport::Panicked(told(&*payload))),
    };
    Outcome { path: scenario.path().to_owned(), about: scenario.about().to_owned(), seed, result }
}

fn once(scenario: &Scenario, seed: u64, keep: Keep) -> Result<RunReport, RunError> {
    run::run(&scenario.schedule(seed), keep)
}

fn run_twice(scenario: &Scenario, seed: u64) -> Result<RunReport, RunError> {
    let mut first = once(scenario, seed, Keep::All)?;
    let second = once(scenario, seed, Keep::All)?;
    first.findings.extend(compare(&first, &second));
    let surplus = first.events.len().saturating_sub(report::LAST_EVENTS);
    first.events.drain(..surplus);
    Ok(first)
}

/// What is wrong if two runs of the same seed differ.
pub fn compare(first: &RunReport, second: &RunReport) -> Option<Finding> {
    if first.fingerprint == second.fingerprint {
        return None;
    }
    let differ = first.events.iter().zip(&second.events).enumerate().find(|(_, (a, b))| a != b);
    let text = match differ {
        Some((number, (a, b))) => {
            format!("two runs of this seed differ first at event {}:\n- {a}\n+ {b}", number + 1)
        }
        None if first.events.len() == second.events.len() => {
            "two runs of this seed differ in something that their timelines do not show".to_owned()
        }
        None => {
            let (a, b) = (first.events.len(), second.events.len());
            format!("two runs of this seed are alike for {} events; one has {a}, the other {b}", a.min(b))
        }
    };
    Some(Finding { oracle: Oracle::Determinism, text })
}

thread_local! {
    /// Where and why this thread panicked last, from the hook.
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Keeps panics of runs off the terminal: their outcomes tell of them, with place and reason. For programs.
pub fn hold_panics() {
    std::panic::set_hook(Box::new(|info| {
        let backtrace = std::backtrace::Backtrace::capture();
        let mut text = info.to_string();
        if backtrace.status() == std::backtrace::BacktraceStatus::Captured {
            text += &format!("\n{backtrace}");
        }
        PANIC.with(|panic| panic.replace(Some(text)));
    }));
}

/// Why a run panicked.
pub(crate) fn told(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("no reason given");
    PANIC.with(RefCell::take).unwrap_or_else(|| text.to_owned())
}

/// How to run a list of scenarios.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// Seeds to run instead of those the files ask for.
    pub seeds: Option<Range<u64>>,
    /// Threads; none means one per core.
    pub jobs: Option<usize>,
    /// Run each seed twice and compare.
    pub twice: bool,
}

/// What all runs of one scenario came to.
#[derive(Debug, Default)]
pub struct Tally {
    /// How many there were.
    pub runs: u64,
    /// The failed ones, by exit code.
    pub failed: BTreeMap<ExitCode, FailedSeeds>,
    /// The failed run that comes first in the order of the seeds.
    pub first: Option<Outcome>,
    first_at: u64,
    /// Runs that failed in exactly the way of the file's known bug, which counts as passed.
    pub known_bug_shown: u64,
    /// The file names a known bug.
    pub known_bug: bool,
}

/// The seeds that failed with one exit code.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct FailedSeeds {
    /// How many there are.
    pub count: u64,
    /// By their place in the order of the seeds; the first [`FAILED_SEEDS_MAX`] of them.
    pub seeds: BTreeMap<u64, u64>,
}

impl Tally {
    /// The exit code that speaks for all runs.
    pub fn code(&self) -> ExitCode {
        let gone = if self.bug_is_gone() { ExitCode::Failed } else { ExitCode::Passed };
        self.failed.keys().copied().fold(gone, ExitCode::worse)
    }

    /// Whether the file names a known bug that no run showed.
    pub fn bug_is_gone(&self) -> bool {
        self.known_bug && self.runs > 0 && self.known_bug_shown == 0
    }

    /// How many runs failed.
    pub fn failures(&self) -> u64 {
        self.failed.values().map(|failed| failed.count).sum()
    }

    /// Counts a run. The order of the calls does not matter.
    fn count(&mut self, at: u64, outcome: Outcome) {
        self.runs += 1;
        if let Ok(report) = &outcome.result {
            self.known_bug |= report.known_bug.is_some();
            self.known_bug_shown += u64::from(report.shows_known_bug());
        }
        let code = outcome.code();
        if code == ExitCode::Passed {
            return;
        }
        let failed = self.failed.entry(code).or_default();
        failed.count += 1;
        failed.seeds.insert(at, outcome.seed);
        if failed.seeds.len() > FAILED_SEEDS_MAX {
            failed.seeds.pop_last();
        }
        if self.first.is_none() || at < self.first_at {
            (self.first, self.first_at) = (Some(outcome), at);
        }
    }
}

/// What a batch tells while it runs.
#[derive(Debug)]
pub enum News<'a> {
    /// One more run has ended, in no particular order.
    Run {
        /// So many runs there will be in all.
        of: u64,
        /// Whether it failed.
        failed: bool,
    },
    /// All runs of a scenario have ended; scenarios come in the order of the list.
    Scenario(&'a Scenario, Tally),
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

/// Runs all seeds of one scenario, one after another.
pub fn run_all(scenario: &Scenario) -> Tally {
    let mut tally = Tally::default();
    for (at, seed) in scenario.seeds().into_iter().enumerate() {
        tally.count(at as u64, run_one(scenario, seed, false));
    }
    tally.first = tally.first.map(|first| first.in_full(scenario));
    tally
}

impl Batch {
    /// Runs everything and tells `hear` of it, until that breaks off.
    pub fn run(&self, scenarios: &[Scenario], mut hear: impl FnMut(News<'_>) -> ControlFlow<()>) {
        let (shares, all) = self.shares(scenarios);
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let jobs = self.jobs.unwrap_or(cores).clamp(1, usize::try_from(all.max(1)).unwrap_or(usize::MAX));
        let next = AtomicU64::new(0);
        let (sender, receiver) = mpsc::sync_channel::<(usize, u64, Outcome)>(UNDERWAY_MAX);
        std::thread::scope(|scope| {
            for _ in 0..jobs {
                let (next, shares, sender) = (&next, &shares, sender.clone());
                scope.spawn(move || {
                    loop {
                        let position = next.fetch_add(1, Ordering::Relaxed);
                        let Some((index, at, seed)) = place(shares, position) else { return };
                        let outcome = run_one(shares[index].scenario, seed, self.twice);
                        if sender.send((index, at, outcome)).is_err() {
                            return;
                        }
                    }
                });
            }
            drop(sender);
            // Ends the threads when it is dropped, also when `hear` breaks off.
            let receiver = receiver;
            let mut tallies: BTreeMap<usize, Tally> = BTreeMap::new();
            let mut expected = 0;
            loop {
                while let Some(share) = shares.get(expected) {
                    let done = tallies.get(&expected).map_or(0, |tally| tally.runs);
                    if done < share.seeds.len() {
                        break;
                    }
                    let mut tally = tallies.remove(&expected).unwrap_or_default();
                    tally.first = tally.first.map(|first| first.in_full(share.scenario));
                    expected += 1;
                    if hear(News::Scenario(share.scenario, tally)).is_break() {
                        return;
                    }
                }
                let Ok((index, at, outcome)) = receiver.recv() else { return };
                let failed = outcome.code() != ExitCode::Passed;
                tallies.entry(index).or_default().count(at, outcome);
                if hear(News::Run { of: all, failed }).is_break() {
                    return;
                }
            }
        });
    }

    fn shares<'a>(&self, scenarios: &'a [Scenario]) -> (Vec<Share<'a>>, u64) {
        let mut start = 0_u64;
        let mut shares = Vec::with_capacity(scenarios.len());
        for scenario in scenarios {
            let seeds = match &self.seeds {
                Some(range) => Seeds::Range(range.clone()),
                None => Seeds::List(scenario.seeds()),
            };
            let len = seeds.len();
            shares.push(Share { scenario, seeds, start });
            start = start.saturating_add(len);
        }
        (shares, start)
    }
}

/// The scenario, the place among its seeds and the seed of the run at `position`.
fn place(shares: &[Share<'_>], position: u64) -> Option<(usize, u64, u64)> {
    let index = shares.partition_point(|share| share.start <= position).checked_sub(1)?;
    let share = shares.get(index)?;
    let at = position - share.start;
    Some((index, at, share.seeds.get(at)?))
}

#[cfg(test)]
mod tests;
