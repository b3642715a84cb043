//! Many runs: finding scenario files, one run and what became of it, and the tally of many.
//!
//! `pool` spreads runs over threads. What is remembered does not grow with the number of seeds. Prints nothing, except
//! when the process is about to end.

mod pool;

mod find;
mod overall;

use std::any::Any;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use thiserror::Error;

pub use self::find::{FindError, find};
use self::overall::Overall;
pub use self::pool::{Batch, News};

use crate::engine::{Engine, Reason};
use crate::report::{self, Run};
use crate::run::{self, RunError, RunReport};
use crate::scenario::Scenario;
use crate::trace::Keep;
use crate::verdict::{ExitCode, Finding, Oracle};

mod in_full;

/// Failing seeds that are remembered for each exit code of a scenario: the first ones.
pub const FAILED_SEEDS_MAX: usize = 1000;

/// What became of one run.
#[derive(Debug)]
pub struct Outcome {
    path: String,
    variant: Option<String>,
    about: String,
    seed: u64,
    engine: Engine,
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
        match &self.result {
            Ok(report) => report.code(),
            Err(_) if self.not_expressible().is_some() => ExitCode::Usage,
            Err(_) => ExitCode::Internal,
        }
    }

    /// Whether it was run and failed.
    pub fn failed(&self) -> bool {
        self.code() != ExitCode::Passed && self.not_expressible().is_none()
    }

    /// Why its engine could not run it at all, if so.
    pub fn not_expressible(&self) -> Option<&Reason> {
        match &self.result {
            Err(NoReport::NotRun(RunError::NotExpressible(reason))) => Some(reason),
            Ok(_) | Err(_) => None,
        }
    }

    /// The scenario file.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Which variant of the file, if it has a matrix.
    pub fn variant(&self) -> Option<&str> {
        self.variant.as_deref()
    }

    /// What names the run.
    pub fn run(&self) -> Run<'_> {
        Run { path: &self.path, variant: self.variant(), seed: self.seed, engine: self.engine }
    }

    /// Its purpose.
    pub fn about(&self) -> &str {
        &self.about
    }

    /// The seed.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// What the run came to, or why there is no report of it.
    pub fn report(&self) -> Result<&RunReport, String> {
        self.result.as_deref().map_err(NoReport::to_string)
    }

    /// Everything a person needs to know about it.
    pub fn text(&self) -> String {
        match &self.result {
            Ok(report) if report.code() == ExitCode::Passed => report::success(report),
            Ok(report) => report::failure(report),
            Err(error) => match self.not_expressible() {
                Some(reason) => report::not_run(self.run(), &self.about, reason),
                None => report::no_report(self.run(), &self.about, &error.to_string()),
            },
        }
    }
}

/// Runs one seed of one scenario on the event engine, twice where asked. A panic inside the run is an outcome like any
/// other.
pub fn run_one(scenario: &Scenario, seed: u64, twice: bool) -> Outcome {
    run_one_on(Engine::Event, scenario, seed, twice)
}

/// Like [`run_one`] on any engine.
pub fn run_one_on(engine: Engine, scenario: &Scenario, seed: u64, twice: bool) -> Outcome {
    outcome(engine, scenario, seed, || match twice {
        true => run_twice(engine, scenario, seed),
        false => once(engine, scenario, seed, Keep::Last(report::LAST_EVENTS)),
    })
}

/// Runs one seed of one scenario and keeps its whole timeline. In a thread of its own, so that the stack is as large as
/// it is in a batch: a run that overflowed it there does so here.
pub fn replay(engine: Engine, scenario: &Scenario, seed: u64) -> Outcome {
    let play =
        || outcome(engine, scenario, seed, || run::run_in_full(engine, &scenario.schedule(seed), Keep::All));
    let done = std::thread::scope(|scope| scope.spawn(play).join());
    done.unwrap_or_else(|payload| outcome(engine, scenario, seed, || std::panic::resume_unwind(payload)))
}

fn outcome(
    engine: Engine,
    scenario: &Scenario,
    seed: u64,
    play: impl FnOnce() -> Result<RunReport, RunError>,
) -> Outcome {
    let run = Run { path: scenario.path(), variant: scenario.variant(), seed, engine };
    RUNNING.with(|running| running.replace(Some(report::replay_command(run))));
    let result = match catch_unwind(AssertUnwindSafe(play)) {
        Ok(result) => result.map(Box::new).map_err(NoReport::NotRun),
        Err(payload) => Err(NoReport::Panicked(told(&*payload))),
    };
    let variant = scenario.variant().map(str::to_owned);
    let (path, about) = (scenario.path().to_owned(), scenario.about().to_owned());
    Outcome { path, variant, about, seed, engine, result }
}

fn once(engine: Engine, scenario: &Scenario, seed: u64, keep: Keep) -> Result<RunReport, RunError> {
    run::run_on(engine, &scenario.schedule(seed), keep)
}

fn run_twice(engine: Engine, scenario: &Scenario, seed: u64) -> Result<RunReport, RunError> {
    let mut first = once(engine, scenario, seed, Keep::All)?;
    let second = once(engine, scenario, seed, Keep::All)?;
    first.findings.extend(compare(&first, &second));
    let surplus = first.events.len().saturating_sub(report::LAST_EVENTS);
    first.events.drain(..surplus);
    Ok(first)
}

/// What is wrong if two runs of the same seed differ.
pub fn compare(first: &RunReport, second: &RunReport) -> Option<Finding> {
    if first.fingerprint == second.fingerprint {
        let judged = first.findings == second.findings && first.receipts == second.receipts;
        let text = "two runs of this seed have the same events and are judged differently".to_owned();
        return (!judged).then_some(Finding { oracle: Oracle::Determinism, text });
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
    /// The command that repeats the run that this thread began last.
    static RUNNING: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Keeps panics of runs off the terminal: their outcomes tell of them, with place and reason. For programs.
pub fn hold_panics() {
    std::panic::set_hook(Box::new(|info| {
        // A panic during a panic ends the process: there will be no outcome.
        if PANIC.with_borrow(Option::is_some) {
            let replay =
                RUNNING.with_borrow(|replay| replay.as_ref().map(|replay| format!("; replay {replay}")));
            eprintln!("{info}\nwhile another panic was under way{}", replay.unwrap_or_default());
        }
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

/// What all runs of one scenario came to.
#[derive(Debug, Default)]
pub struct Tally {
    /// How many there were.
    pub runs: u64,
    /// Seeds that the engine could not run.
    pub not_run: u64,
    /// Why it could not, in the first case that was counted.
    pub why_not: Option<Reason>,
    /// The failed ones, by exit code.
    pub failed: BTreeMap<ExitCode, FailedSeeds>,
    /// The failed run that comes first in the order of the seeds.
    pub first: Option<Outcome>,
    first_at: u64,
    /// The batch ended before all its runs were done.
    pub cut_short: bool,
    /// Runs that failed in exactly the way of the file's known bug, which counts as passed.
    pub known_bug_shown: u64,
    /// The file names a known bug.
    pub known_bug: bool,
    /// What the file promises of all seeds together.
    pub overall: Box<Overall>,
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
    fn of(scenario: &Scenario) -> Self {
        Self { overall: Box::new(Overall::of(scenario)), ..Self::default() }
    }

    /// The exit code that speaks for all runs.
    pub fn code(&self) -> ExitCode {
        let wrong = self.bug_is_gone() || self.overall.is_broken();
        let gone = if wrong { ExitCode::Failed } else { ExitCode::Passed };
        self.failed.keys().copied().fold(gone, ExitCode::worse)
    }

    /// Whether the file names a known bug that no run showed.
    pub fn bug_is_gone(&self) -> bool {
        self.known_bug && self.runs > 0 && self.known_bug_shown == 0 && !self.cut_short
    }

    /// How many runs failed.
    pub fn failures(&self) -> u64 {
        self.failed.values().map(|failed| failed.count).sum()
    }

    /// Counts a run. The order of the calls does not matter.
    fn count(&mut self, at: u64, outcome: Outcome) {
        if let Some(reason) = outcome.not_expressible() {
            self.not_run += 1;
            self.why_not.get_or_insert_with(|| reason.clone());
            return;
        }
        self.runs += 1;
        if let Ok(report) = &outcome.result {
            self.known_bug |= report.known_bug.is_some();
            self.known_bug_shown += u64::from(report.shows_known_bug());
            self.overall.count(report);
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

/// Runs all seeds of one scenario, one after another.
pub fn run_all(scenario: &Scenario) -> Tally {
    let mut tally = Tally::of(scenario);
    for (at, seed) in scenario.seeds().into_iter().enumerate() {
        tally.count(at as u64, run_one(scenario, seed, false));
    }
    tally.first = tally.first.map(|first| first.in_full(scenario));
    tally
}

#[cfg(test)]
mod tests;
