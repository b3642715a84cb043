//! The command `experiment`: has all variants of a file run, and tells what they come to together.

use std::ops::ControlFlow;
use std::path::Path;

use super::arguments::{Format, Told};
use super::load::load_one;
use super::out::{Done, Out, complain, say};
use super::progress::Progress;
use super::variant;
use crate::batch::{Batch, News};
use crate::experiment::{self, NotTried, Trials};
use crate::report::Run;
use crate::report::json::{Event, ExperimentArm, ExperimentEnded, Summary};
use crate::scenario::Scenario;
use crate::verdict::ExitCode;

pub(super) const EXAMPLES: &str = "\
Examples:
  squall experiment scenarios/s3/experiment-three.toml              every arm, over the seeds of the file
  squall experiment scenarios/s3/experiment-three.toml --seeds 0..20
  squall experiment my-experiment.toml --variant retry=once         some of its arms only
  squall experiment my-experiment.toml --plot failures.svg          and a plot
  squall experiment my-experiment.toml --format csv > arms.csv      a row for each arm

A file is an experiment if it has a table [experiment]; `squall reference` tells of its keys. For each arm it is
said how many of 1000 operations failed, with the 95 % interval of the chance behind that, and how many fail by the
closed form 1 - (1 - p^(m+1))^r: each of r requests fails with chance p, and is made again m times.

Columns of the second table: operations that failed while reading what was there and while writing (410 and 500 in
2012); lines that were acknowledged and lost; lines that are there although nobody acknowledged them; reads in
between that failed; requests at the bucket by kind; faults that struck; requests beyond those that operations need;
storage messages; virtual seconds that the operations took.

Exit codes: 0 if every arm agrees with the closed form at the 99 % level, nothing acknowledged was lost and no oracle
objects; 1 otherwise; 2 if the command line or the file is wrong; 3, 4, 5, 70 as for `run`.";

/// `squall experiment`.
pub(super) fn experiment(
    out: Out,
    file: &Path,
    which: Option<&str>,
    batch: &Batch,
    told: Told,
    plot: Option<&Path>,
) -> Done {
    let arms = variant::some(out, load_one(out, file)?, which)?;
    let mut trials = Trials::begin(&arms).map_err(|error| match error {
        NotTried::NotRun(_) | NotTried::NotUndisturbed(..) => {
            complain(&format!("error: {error}\n"));
            ExitCode::Internal
        }
        NotTried::NoExperiment(_)
        | NotTried::NoForm(..)
        | NotTried::OtherRequests { .. }
        | NotTried::Nothing(_) => out.usage(&error.to_string()),
    })?;
    let progress = Progress::of_long_runs(told != Told::Text);
    let (mut runs, mut failed) = (0, 0);
    progress.during(|| {
        batch.run_announced(
            &arms,
            |scenario, seed| {
                progress.begins(named(batch, scenario, seed));
                ControlFlow::Continue(())
            },
            |news| {
                match news {
                    News::Over { scenario, seed, of, failed } => {
                        progress.over(named(batch, scenario, seed), of, failed);
                    }
                    News::Run(outcome) => {
                        trials.count(outcome);
                        runs += 1;
                        failed += u64::from(outcome.failed());
                    }
                    News::Scenario(..) | News::Stopped(_) => {}
                }
                ControlFlow::Continue(())
            },
        );
    });
    let shown = show(out, &arms, &trials, told);
    let drawn = plot.map_or(Ok(()), |path| draw(out, &trials, path));
    shown.and(drawn)?;
    Ok(Summary { scenarios: 1, runs, failed, ..out.summary(trials.code()) })
}

fn named<'a>(batch: &Batch, scenario: &'a Scenario, seed: u64) -> Run<'a> {
    Run { path: scenario.path(), variant: scenario.variant(), seed, engine: batch.engine }
}

fn show(out: Out, arms: &[Scenario], trials: &Trials, told: Told) -> Result<(), ExitCode> {
    match told {
        Told::Text => drop(out.text(|| experiment::table(trials))),
        Told::Csv => {
            let rows = experiment::spreadsheet(trials).map_err(|error| {
                complain(&format!("error: {error}\n"));
                ExitCode::Internal
            })?;
            // Nobody reads on: the rest is of no use.
            let _ = say(&rows);
        }
        Told::Json => {
            let path = arms.first().map_or("", Scenario::path);
            let mut all = ExperimentArm::all(trials).map(Event::ExperimentArm);
            let _ = all.try_for_each(|arm| out.event(&arm));
            let _ = out.event(&Event::ExperimentEnded(ExperimentEnded::of(path, trials)));
        }
    }
    Ok(())
}

fn draw(out: Out, trials: &Trials, path: &Path) -> Result<(), ExitCode> {
    let svg = experiment::plot(trials).map_err(|error| out.usage(&error.to_string()))?;
    std::fs::write(path, svg).map_err(|error| out.usage(&format!("cannot write {}: {error}", path.display())))
}

impl From<Told> for Format {
    fn from(told: Told) -> Self {
        match told {
            Told::Text | Told::Csv => Self::Text,
            Told::Json => Self::Json,
        }
    }
}
