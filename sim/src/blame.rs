//! Who is to blame: runs a failing run again with faults taken out, and says which of them it takes.
//!
//! The seed tree gives every fault streams of its own, so without one the others draw what they drew. Nothing here knows
//! what a fault does. Searches for sets of faults end at a limit and then say that a smaller set may exist.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use thiserror::Error;

use crate::batch;
use crate::run::{self, RunError, RunReport};
use crate::schedule::Schedule;
use crate::trace::Keep;
use crate::verdict::{Finding, Oracle, Receipt};

mod search;
mod text;

pub use text::text;

/// Runs that each search for a set of faults may make, besides one without each fault.
pub const SEARCH_RUNS_MAX: u64 = 300;

/// Nobody can be blamed.
#[derive(Debug, Error)]
pub enum BlameError {
    /// The run passes.
    #[error("the run of seed {0} does not fail: nobody is to blame")]
    DoesNotFail(u64),
    /// The harness could not run it.
    #[error(transparent)]
    NotRun(#[from] RunError),
}

/// How a run fails: the first line of each objection, under its gist without figures.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Failure(BTreeMap<String, String>);

/// What a run is like without one fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Without {
    /// It passes: the fault is necessary.
    Passes,
    /// It fails as it did: the fault makes no difference.
    FailsAlike,
    /// It fails in another way.
    FailsOtherwise(Failure),
}

/// Some of the faults, by their index in the schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Set {
    /// Which.
    pub faults: BTreeSet<usize>,
    /// Whether every smaller set was tried in vain. Otherwise the search ended at its limit.
    pub smallest: bool,
}

/// Who is to blame for a failing run.
#[derive(Debug, Clone)]
pub struct Blame {
    /// How it fails.
    pub failure: Failure,
    /// What becomes of it without each fault, in the order of the schedule.
    pub without: Vec<Without>,
    /// What becomes of it without any.
    pub without_all: Without,
    /// If no single fault is necessary: faults without all of which it passes.
    pub cure: Option<Set>,
    /// Faults that alone give the same failure, if it takes any.
    pub enough: Option<Set>,
    /// Runs that were made.
    pub runs: u64,
}

/// Finds out who is to blame for the failure of `schedule`, whatever failure the file wants. `hear` is told of every
/// run that was made, by its number.
///
/// # Errors
/// If the run does not fail, or cannot be made.
pub fn blame(schedule: &Schedule, hear: impl FnMut(u64)) -> Result<Blame, BlameError> {
    let mut court = Court { schedule: schedule.clone(), known: BTreeMap::new(), runs: 0, hear };
    (court.schedule.must_fail, court.schedule.known_bug) = (None, None);
    let (failure, receipts) = court.play(&court.schedule.clone())?;
    if failure.0.is_empty() {
        return Err(BlameError::DoesNotFail(schedule.seed));
    }
    // What a fault waits for may be the work of one that is taken out. That proves nothing against the rest.
    for (fault, receipt) in court.schedule.faults.iter_mut().zip(&receipts) {
        fault.may_stay_inert |= !receipt.is_inert();
    }
    let all: BTreeSet<usize> = (0..schedule.faults.len()).collect();
    court.known.insert(all.clone(), failure.clone());
    let but = |out: &BTreeSet<usize>| -> BTreeSet<usize> { all.difference(out).copied().collect() };
    let mut without = Vec::new();
    for fault in &all {
        without.push(failure.compared_to(court.with_only(&but(&BTreeSet::from([*fault])))?));
    }
    let without_all = failure.compared_to(court.with_only(&BTreeSet::new())?);
    let limit = court.runs + SEARCH_RUNS_MAX;
    let mut cure = None;
    if without_all == Without::Passes && !without.contains(&Without::Passes) {
        let passes = |out: &_| Ok(court.within(limit, &but(out))?.map(|left| left.0.is_empty()));
        cure = Some(search::smallest::<RunError>(&all, passes)?);
    }
    let limit = court.runs + SEARCH_RUNS_MAX;
    let mut enough = None;
    if without_all != Without::FailsAlike {
        let fails = |kept: &_| Ok(court.within(limit, kept)?.map(|left| left.is_like(&failure)));
        enough = Some(search::smallest::<RunError>(&all, fails)?);
    }
    Ok(Blame { failure, without, without_all, cure, enough, runs: court.runs })
}

/// The runs that were made, and what came of them.
struct Court<H> {
    schedule: Schedule,
    known: BTreeMap<BTreeSet<usize>, Failure>,
    runs: u64,
    hear: H,
}

impl<H: FnMut(u64)> Court<H> {
    /// How the run fails with these faults and no others.
    fn with_only(&mut self, kept: &BTreeSet<usize>) -> Result<Failure, RunError> {
        if let Some(failure) = self.known.get(kept) {
            return Ok(failure.clone());
        }
        let mut schedule = self.schedule.clone();
        let mut index = 0..;
        schedule.faults.retain(|_| index.next().is_some_and(|index| kept.contains(&index)));
        let (failure, _) = self.play(&schedule)?;
        self.known.insert(kept.clone(), failure.clone());
        Ok(failure)
    }

    /// The same; none if that would take more than `limit` runs in all.
    fn within(&mut self, limit: u64, kept: &BTreeSet<usize>) -> Result<Option<Failure>, RunError> {
        if self.runs >= limit && !self.known.contains_key(kept) {
            return Ok(None);
        }
        self.with_only(kept).map(Some)
    }

    fn play(&mut self, schedule: &Schedule) -> Result<(Failure, Vec<Receipt>), RunError> {
        self.runs += 1;
        let done = catch_unwind(AssertUnwindSafe(|| run::run(schedule, Keep::Last(0))));
        (self.hear)(self.runs);
        match done {
            Ok(report) => report.map(|report| (Failure::of(&report), report.receipts)),
            Err(payload) => Ok((Failure::of_panic(&*payload), Vec::new())),
        }
    }
}

impl Failure {
    fn of(report: &RunReport) -> Self {
        let told = |finding: &Finding| {
            let line = format!("{}: {}", finding.oracle, finding.text.lines().next().unwrap_or_default());
            (format!("{}: {}", finding.oracle, blanked(&gist(finding))), line)
        };
        Self(report.findings.iter().map(told).collect())
    }

    fn of_panic(payload: &(dyn Any + Send)) -> Self {
        Self::of_panic_told(&batch::told(payload))
    }

    /// The lines and columns of a place in the source are no figures: another place is another panic.
    fn of_panic_told(told: &str) -> Self {
        let mut lines = told.lines();
        let first = lines.next().unwrap_or_default();
        let (place, reason) = match first.starts_with("panicked at ") {
            true => (format!("{first} "), lines.next().unwrap_or_default()),
            false => (String::new(), first),
        };
        Self([(format!("internal: {place}{}", blanked(reason)), format!("internal: {place}{reason}"))].into())
    }

    /// Whether both object to the same, whatever the figures.
    fn is_like(&self, other: &Self) -> bool {
        self.0.keys().eq(other.0.keys())
    }

    fn compared_to(&self, other: Self) -> Without {
        match other {
            other if other.0.is_empty() => Without::Passes,
            other if other.is_like(self) => Without::FailsAlike,
            other => Without::FailsOtherwise(other),
        }
    }

    /// What is objected to, one line each.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.0.values().map(String::as_str)
    }
}

/// What an objection says whatever other faults are about: without the lists and margins that each of them changes.
fn gist(finding: &Finding) -> String {
    let mut lines = finding.text.lines();
    let first = lines.next().unwrap_or_default();
    let until = |text: &str, end: &[&str]| {
        let ends = end.iter().filter_map(|end| text.find(end));
        ends.min().and_then(|end| text.get(..end)).unwrap_or(text).to_owned()
    };
    match finding.oracle {
        Oracle::Availability => {
            let how = until(lines.next().unwrap_or_default(), &[":", ","]);
            format!("{}, {how}", until(first, &[": "]))
        }
        Oracle::Economy => until(first, &[" left behind"]),
        Oracle::Hang => until(first, &[";"]),
        Oracle::Safety | Oracle::Expectation | Oracle::Invalid | Oracle::Determinism => first.to_owned(),
    }
}

/// A line without its figures, which change with every fault that is taken out: times, counts, numbers of servers.
fn blanked(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    for word in line.split_inclusive(' ') {
        let step = out.ends_with("step ");
        let mut inside = false;
        for c in word.chars() {
            let figure = !step && (c.is_ascii_digit() || (inside && c == '.'));
            if !figure {
                out.push(c);
            } else if !inside {
                out.push('#');
            }
            inside = figure;
        }
    }
    out
}

#[cfg(test)]
mod tests;
