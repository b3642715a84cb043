//! `squall run` and `squall replay`: has scenarios run and prints what comes of them.

use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::load::{files, load, load_one};
use super::out::{Done, NOT_RUN, Out, complain, painted};
use super::progress::Progress;
use super::variant;
use crate::batch::{self, Batch, News, Outcome, Tally};
use crate::engine::Engine;
use crate::report::json::{Event, RunEnded, RunStarted, ScenarioEnded, Summary, Timeline};
use crate::report::{self, Run};
use crate::scenario::Scenario;
use crate::verdict::ExitCode;

/// `squall run`; `announce` has each run told of on stderr before it begins and when it has ended.
pub(super) fn run(out: Out, paths: &[PathBuf], which: Option<&str>, batch: &Batch, announce: bool) -> Done {
    let (scenarios, code) = load(out, paths)?;
    if scenarios.is_empty() {
        return Err(code);
    }
    let mut scenarios = variant::some(out, scenarios, which)?;
    if batch.seeds.is_none() && which.is_none() {
        // Of experiments only those that the tests run; whoever wants more names it, or the seeds.
        scenarios.retain(|scenario| scenario.experiment().is_none() || !scenario.seeds().is_empty());
    }
    let progress = Progress::new(out.is_json() || announce);
    let teller = Teller { out, announce, progress, engine: batch.engine };
    let mut summary = Summary { scenarios: files(&scenarios), ..out.summary(code) };
    let mut failed_lines = String::new();
    teller.progress.during(|| {
        batch.run_announced(
            &scenarios,
            |scenario, seed| go_on(teller.begins(scenario, seed)),
            |news| match news {
                News::Over { scenario, seed, of, failed } => {
                    teller.progress.over(teller.named(scenario, seed), of, failed);
                    ControlFlow::Continue(())
                }
                News::Run(outcome) => go_on(teller.ended(outcome)),
                News::Scenario(scenario, tally) => {
                    summary.runs += tally.runs;
                    summary.not_run += tally.not_run;
                    summary.failed += tally.failures();
                    summary.code = summary.code.worse(tally.code());
                    if tally.code() != ExitCode::Passed {
                        failed_lines += &line(scenario, &tally);
                    }
                    go_on(teller.scenario(scenario, &tally))
                }
                News::Stopped(left_out) => {
                    summary.left_out = left_out;
                    ControlFlow::Break(())
                }
            },
        );
    });
    if summary.runs == 0 && summary.not_run > 0 {
        summary.code = summary.code.worse(ExitCode::Usage);
    }
    if scenarios.len() == 1 {
        failed_lines.clear();
    }
    let _ = out.text(|| {
        let stopped = if summary.left_out > 0 {
            report::stopped(summary.failed, summary.left_out)
        } else {
            String::new()
        };
        let told =
            report::summary(summary.scenarios, summary.runs, summary.not_run, summary.failed, summary.code);
        format!("{failed_lines}{told}{stopped}\n")
    });
    Ok(summary)
}

/// `squall replay`.
pub(super) fn replay(out: Out, engine: Engine, file: &Path, which: Option<&str>, seed: u64) -> Done {
    let scenario = variant::one(out, load_one(out, file)?, which)?;
    let progress = Progress::new(out.is_json());
    let teller = Teller { out, announce: false, progress, engine };
    let _ = teller.begins(&scenario, seed);
    let outcome = teller.progress.during(|| batch::replay(engine, &scenario, seed));
    let _ = out.text(|| outcome.text());
    let _ = out.event(&Event::RunEnded(RunEnded::of(&outcome, Timeline::Kept)));
    let not_run = u64::from(outcome.not_expressible().is_some());
    let failed = u64::from(outcome.failed());
    Ok(Summary { scenarios: 1, runs: 1 - not_run, not_run, failed, ..out.summary(outcome.code()) })
}

/// Tells of runs and scenarios as they begin and end.
struct Teller {
    out: Out,
    announce: bool,
    progress: Progress,
    engine: Engine,
}

impl Teller {
    fn named<'a>(&self, scenario: &'a Scenario, seed: u64) -> Run<'a> {
        Run { path: scenario.path(), variant: scenario.variant(), seed, engine: self.engine }
    }

    /// Before the run begins, so that it is known should the process not survive it.
    fn begins(&self, scenario: &Scenario, seed: u64) -> io::Result<()> {
        let run = self.named(scenario, seed);
        self.progress.begins(run);
        if !self.announce && !self.out.is_json() {
            return Ok(());
        }
        self.announce(Event::RunStarted(RunStarted::of(run)))
    }

    fn ended(&self, outcome: &Outcome) -> io::Result<()> {
        if !self.announce && !self.out.is_json() {
            return Ok(());
        }
        self.announce(Event::RunEnded(RunEnded::of(outcome, Timeline::OfFailures)))
    }

    fn announce(&self, event: Event<'_>) -> io::Result<()> {
        if self.announce {
            complain(&event.line()?);
        }
        self.out.event(&event)
    }

    fn scenario(&self, scenario: &Scenario, tally: &Tally) -> io::Result<()> {
        self.progress.aside(|| {
            self.out.text(|| match &tally.first {
                Some(first) => format!("{}\n{}\n", line(scenario, tally), first.text()),
                None => line(scenario, tally),
            })
        })?;
        self.out.event(&Event::ScenarioEnded(ScenarioEnded::of(scenario, tally)))
    }
}

fn line(scenario: &Scenario, tally: &Tally) -> String {
    let word = if tally.runs == 0 && tally.not_run > 0 { NOT_RUN } else { painted(tally.code()) };
    format!("{word} {}\n", report::tally(&scenario.name(), tally))
}

/// Where nobody reads on, there is no point in running on.
fn go_on(printed: io::Result<()>) -> ControlFlow<()> {
    printed.map_or(ControlFlow::Break(()), ControlFlow::Continue)
}
