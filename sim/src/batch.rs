//! Many runs: scenario files times seeds, over several threads, with results in a fixed order.
//!
//! One run per thread and one runtime per run; nothing is shared between runs but the work list.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use thiserror::Error;

use crate::report;
use crate::run::{self, RunError, RunReport};
use crate::scenario::Scenario;
use crate::trace::Keep;
use crate::verdict::{ExitCode, Finding, Oracle};

/// A path cannot be searched for scenarios.
#[derive(Debug, Error)]
#[error("cannot read {}: {source}", path.display())]
pub struct FindError {
    path: PathBuf,
    source: io::Error,
}

/// The scenario files at and below `paths`, sorted within each folder.
pub fn find(paths: &[PathBuf]) -> Result<Vec<PathBuf>, FindError> {
    let mut files = Vec::new();
    for path in paths {
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

/// What became of one run.
#[derive(Debug)]
pub struct Outcome(Result<RunReport, RunError>);

impl Outcome {
    /// Its exit code.
    pub fn code(&self) -> ExitCode {
        self.0.as_ref().map_or(ExitCode::Internal, RunReport::code)
    }

    /// Everything a person needs to know about it.
    pub fn text(&self) -> String {
        match &self.0 {
            Ok(report) if report.code() == ExitCode::Passed => report::success(report),
            Ok(report) => report::failure(report),
            Err(error) => format!("error: {error}\n"),
        }
    }
}

/// Runs one seed of one scenario, twice where asked.
pub fn run_one(scenario: &Scenario, seed: u64, twice: bool) -> Outcome {
    let schedule = scenario.schedule(seed);
    if !twice {
        return Outcome(run::run(&schedule, Keep::Last(report::LAST_EVENTS)));
    }
    Outcome(run::run(&schedule, Keep::All).and_then(|mut first| {
        let second = run::run(&schedule, Keep::All)?;
        if first.fingerprint != second.fingerprint {
            first
                .findings
                .push(Finding { oracle: Oracle::Determinism, text: first_difference(&first, &second) });
        }
        let surplus = first.events.len().saturating_sub(report::LAST_EVENTS);
        first.events.drain(..surplus);
        Ok(first)
    }))
}

fn first_difference(first: &RunReport, second: &RunReport) -> String {
    let lines = first.events.iter().zip(&second.events).position(|(a, b)| a != b);
    match lines {
        Some(line) => format!(
            "two runs differ first at event {}:\n- {}\n+ {}",
            line + 1,
            first.events[line].trim(),
            second.events[line].trim()
        ),
        None => format!("two runs differ after event {}", first.events.len().min(second.events.len())),
    }
}

impl Batch {
    /// Runs everything; calls `done` once for each scenario, in order, with the outcomes of its seeds in order.
    pub fn run(&self, scenarios: &[Scenario], mut done: impl FnMut(&Scenario, Vec<Outcome>)) {
        let work: Vec<(usize, u64)> = scenarios
            .iter()
            .enumerate()
            .flat_map(|(index, scenario)| self.seeds_of(scenario).into_iter().map(move |seed| (index, seed)))
            .collect();
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let jobs = self.jobs.unwrap_or(cores).clamp(1, work.len().max(1));
        let next = AtomicUsize::new(0);
        let (sender, receiver) = mpsc::channel::<(usize, Outcome)>();
        std::thread::scope(|scope| {
            for _ in 0..jobs {
                let (next, work) = (&next, &work);
                let sender = sender.clone();
                scope.spawn(move || {
                    loop {
                        let position = next.fetch_add(1, Ordering::Relaxed);
                        let Some(&(index, seed)) = work.get(position) else { return };
                        let outcome = run_one(&scenarios[index], seed, self.twice);
                        if sender.send((position, outcome)).is_err() {
                            return;
                        }
                    }
                });
            }
            drop(sender);
            let mut early: BTreeMap<usize, Outcome> = BTreeMap::new();
            let mut ready = Vec::new();
            let mut expected = 0;
            for (position, outcome) in receiver {
                early.insert(position, outcome);
                while let Some(outcome) = early.remove(&expected) {
                    let (index, _) = work[expected];
                    ready.push(outcome);
                    expected += 1;
                    if work.get(expected).is_none_or(|(next, _)| *next != index) {
                        done(&scenarios[index], std::mem::take(&mut ready));
                    }
                }
            }
        });
    }

    fn seeds_of(&self, scenario: &Scenario) -> Vec<u64> {
        match &self.seeds {
            Some(range) => range.clone().collect(),
            None => scenario.seeds(),
        }
    }
}
