//! Experiments: the variants of a file as arms that are compared with each other and with the closed form.
//!
//! `conditions` reads from a variant what the closed form needs; `arm` adds up what runs show; `form` is the closed form;
//! `answer`, `table`, `spreadsheet` and `plot` show what came of it. Runs are made by `batch`; only what an operation needs
//! when nothing is wrong is tried here.

mod answer;
mod arm;
mod conditions;
pub mod form;
mod plot;
mod spreadsheet;
mod table;

use thiserror::Error;

pub use self::answer::answer;
pub use self::arm::{Arm, Backups, CONFIDENCE};
pub use self::conditions::{Conditions, NoForm};
pub use self::plot::{PlotError, plot};
pub use self::spreadsheet::spreadsheet;
pub use self::table::table;
use crate::batch::Outcome;
use crate::run::{self, RunError};
use crate::scenario::{Counted, Experiment, Scenario};
use crate::schedule::{Action, MutableAct, Schedule};
use crate::trace::Keep;
use crate::verdict::ExitCode;

/// So often a step repeats itself in a run that only tells what one repetition needs.
const TIMES_TRIED_MAX: u32 = 10;

/// A question, its arms, and what they have shown so far.
#[derive(Debug)]
pub struct Trials {
    /// The question.
    pub experiment: Experiment,
    /// One for each variant, in the order of the file.
    pub arms: Vec<Arm>,
}

/// Why a file is no experiment that can be made.
#[derive(Debug, Error)]
pub enum NotTried {
    /// It says nothing of it.
    #[error("{0} is not an experiment: it has no table [experiment]")]
    NoExperiment(String),
    /// The closed form does not speak of it.
    #[error("the closed form does not hold in {0}: {1}")]
    NoForm(String, NoForm),
    /// The file is mistaken about what an operation needs.
    #[error(
        "{file} says that each of its {what} needs {said} requests; in an undisturbed run they needed {found:.2}"
    )]
    OtherRequests {
        /// The file.
        file: String,
        /// What is counted.
        what: &'static str,
        /// What it says.
        said: u64,
        /// What is so.
        found: f64,
    },
    /// Nothing was counted in an undisturbed run.
    #[error("in an undisturbed run of {0} nothing was counted")]
    Nothing(String),
    /// A run without faults could not be made.
    #[error("an undisturbed run of {0} failed: {1}")]
    NotUndisturbed(String, String),
    /// A run could not be made.
    #[error(transparent)]
    NotRun(#[from] RunError),
}

impl Trials {
    /// Reads the arms, and tries what an operation needs when nothing is wrong.
    ///
    /// # Errors
    /// The file is no experiment, or not one that the closed form speaks of.
    pub fn begin(variants: &[Scenario]) -> Result<Self, NotTried> {
        let none = || NotTried::NoExperiment(variants.first().map_or("", Scenario::path).to_owned());
        let experiment = variants.first().and_then(Scenario::experiment).ok_or_else(none)?.clone();
        let mut known: Vec<(Schedule, f64)> = Vec::new();
        let mut arms = Vec::with_capacity(variants.len());
        for scenario in variants {
            let schedule = scenario.schedule(0);
            let calm = undisturbed(&schedule);
            let tried = known.iter().find(|(known, _)| *known == calm).map(|(_, requests)| *requests);
            let found = match tried {
                Some(requests) => requests,
                None => needed(scenario, &calm, experiment.counts)?,
            };
            known.push((calm, found));
            let requests = match scenario.experiment().and_then(|experiment| experiment.requests) {
                Some(said) if (found.round() - said as f64).abs() > 0.5 => {
                    let (file, what) = (scenario.name(), experiment.counts.word());
                    return Err(NotTried::OtherRequests { file, what, said, found });
                }
                Some(said) => said as f64,
                None => found,
            };
            let conditions =
                Conditions::of(&schedule).map_err(|why| NotTried::NoForm(scenario.name(), why))?;
            arms.push(Arm::new(scenario, &schedule, experiment.counts, conditions, requests));
        }
        Ok(Self { experiment, arms })
    }

    /// Counts a run. The order of the calls does not matter.
    pub fn count(&mut self, outcome: &Outcome) {
        let arm = self.arms.iter_mut().find(|arm| arm.variant.as_deref() == outcome.variant());
        if let Some(arm) = arm {
            arm.count(outcome, self.experiment.counts);
        }
    }

    /// The exit code: whether every arm agrees with the closed form, and every run passed. An arm in which nothing was
    /// counted proves nothing.
    pub fn code(&self) -> ExitCode {
        let of = |arm: &Arm| match (arm.operations, arm.agrees() && arm.read_back.missing == 0) {
            (0, _) => arm.code.worse(ExitCode::Invalid),
            (_, true) => arm.code,
            (_, false) => arm.code.worse(ExitCode::Failed),
        };
        self.arms.iter().map(of).fold(ExitCode::Passed, ExitCode::worse)
    }
}

/// The same run without faults, and without repetitions that would only repeat what it tells.
fn undisturbed(schedule: &Schedule) -> Schedule {
    let mut schedule =
        Schedule { faults: Vec::new(), variant: None, must_fail: None, known_bug: None, ..schedule.clone() };
    for step in &mut schedule.steps {
        if let Action::Mutable { times, act, .. } = &mut step.action {
            *times = (*times).min(TIMES_TRIED_MAX);
            if let MutableAct::Append { read_back, .. } = act {
                *read_back = false;
            }
        }
    }
    schedule
}

/// How many requests an operation needs in this run, which nothing disturbs.
fn needed(scenario: &Scenario, calm: &Schedule, counts: Counted) -> Result<f64, NotTried> {
    let name = || scenario.name();
    let report = run::run(calm, Keep::Last(0))?;
    if let Some(finding) = report.findings.first() {
        return Err(NotTried::NotUndisturbed(name(), finding.text.clone()));
    }
    let mut arm = Arm::new(scenario, calm, counts, Conditions::undisturbed(), 0.0);
    arm.count_report(&report, counts);
    let requests = arm.requests_made();
    if arm.operations == 0 || requests == 0 {
        return Err(NotTried::Nothing(name()));
    }
    Ok(requests as f64 / arm.operations as f64)
}

#[cfg(test)]
mod tests;
