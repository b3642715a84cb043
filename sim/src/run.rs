//! One run: builds the world of a schedule, lets it play, and has the oracles judge it.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use thiserror::Error;

use crate::engine::{Engine, Reason, unsupported};
use crate::net::turmoil::Stopped;
use crate::net::{Fabric, Livelock, turmoil};
use crate::oracle;
use crate::schedule::{Failure, Schedule};
use crate::trace::{Entry, Keep};
use crate::verdict::{ExitCode, Finding, Oracle, Receipt};
use crate::workload::{self, StepReport};
use crate::world::{Setup, World};

mod omniscient;

/// The harness could not run a schedule.
#[derive(Debug, Error)]
pub enum RunError {
    /// No runtime.
    #[error("cannot start a runtime: {0}")]
    Runtime(#[from] std::io::Error),
    /// The engine cannot express the schedule.
    #[error("{0}")]
    NotExpressible(Reason),
    /// The engine stopped.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// What a run came to.
#[derive(Debug, Clone)]
pub struct RunReport {
    /// The scenario file.
    pub path: String,
    /// Which variant of it, if it has a matrix.
    pub variant: Option<String>,
    /// Its purpose.
    pub about: String,
    /// The seed.
    pub seed: u64,
    /// What carried it.
    pub engine: Engine,
    /// What is wrong; nothing if the run passed. For a scenario that must fail: what was wrong, as it should be.
    pub findings: Vec<Finding>,
    /// The failure this scenario must show.
    pub must_fail: Option<Failure>,
    /// The failure of a bug that is known and not mended yet.
    pub known_bug: Option<Failure>,
    /// What each fault did.
    pub receipts: Vec<Receipt>,
    /// How each step went, as far as they came.
    pub steps: Vec<StepReport>,
    /// What the step was doing that had not ended, if the run was cut off.
    pub unfinished: Option<String>,
    /// Virtual time at the end.
    pub ended_at: Duration,
    /// Trace entries in all.
    pub entries: u64,
    /// The entries kept, as lines.
    pub events: Vec<String>,
    /// SHA-256 of the trace.
    pub fingerprint: String,
}

impl RunReport {
    /// The exit code of this run. A scenario that must fail passes by failing in exactly the way it says.
    pub fn code(&self) -> ExitCode {
        let found = ExitCode::of(&self.findings);
        match &self.must_fail {
            Some(wanted) if self.failed_as(wanted) => ExitCode::Passed,
            Some(_) => found.worse(ExitCode::Failed),
            None if self.shows_known_bug() => ExitCode::Passed,
            None => found,
        }
    }

    /// Whether it failed, in exactly the way of the known bug.
    pub fn shows_known_bug(&self) -> bool {
        self.known_bug.as_ref().is_some_and(|bug| self.failed_as(bug))
    }

    /// For a scenario that must fail: what is missing of that failure.
    pub fn missing(&self) -> Option<String> {
        let wanted = self.must_fail.as_ref().filter(|wanted| !self.failed_as(wanted))?;
        let Failure { verdict, says } = wanted;
        let only = self.findings.iter().all(|finding| finding.oracle == *verdict);
        Some(match (self.findings.is_empty(), only) {
            (true, _) => {
                format!("the file says it must fail as {verdict} with \"{says}\", but nothing was wrong")
            }
            (false, true) => {
                format!("the file says it must fail as {verdict} with \"{says}\", but nothing says that")
            }
            (false, false) => format!("the file says it must fail as {verdict} and nothing else"),
        })
    }

    fn failed_as(&self, wanted: &Failure) -> bool {
        !self.findings.is_empty()
            && self.findings.iter().all(|finding| finding.oracle == wanted.verdict)
            && self.findings.iter().any(|finding| finding.text.contains(&wanted.says))
    }
}

/// How the run loop ended.
enum End {
    Complete,
    Deadline,
    Livelock(Livelock),
}

/// Plays `schedule` to its end on the event engine.
///
/// # Errors
/// Only if no runtime can be had; whatever goes wrong inside the run is a finding.
pub fn run(schedule: &Schedule, keep: Keep) -> Result<RunReport, RunError> {
    run_on(Engine::Event, schedule, keep)
}

/// Plays `schedule` to its end.
///
/// # Errors
/// Those of [`run`], and what the engine cannot express.
pub fn run_on(engine: Engine, schedule: &Schedule, keep: Keep) -> Result<RunReport, RunError> {
    run_as(schedule, keep, Setup { engine, ..Setup::default() })
}

/// Like [`run_on`], and measures also what costs further runs and no step asks for.
///
/// # Errors
/// As [`run_on`].
pub fn run_in_full(engine: Engine, schedule: &Schedule, keep: Keep) -> Result<RunReport, RunError> {
    run_as(schedule, keep, Setup { engine, in_full: true, omniscient: None })
}

fn run_as(schedule: &Schedule, keep: Keep, setup: Setup) -> Result<RunReport, RunError> {
    let engine = setup.engine;
    if let Some(reason) = unsupported(engine, schedule) {
        return Err(RunError::NotExpressible(reason));
    }
    let conclude = |world: &Rc<World>, steps: &Steps, end: &End| conclude(engine, world, steps, end);
    let mut report = played(schedule, keep, setup, conclude)?;
    report.findings.extend(omniscient::compare(engine, schedule, &mut report.steps)?);
    Ok(report)
}

/// Plays a schedule, and has `conclude` say what came of it while everything is still there.
fn played<T>(
    schedule: &Schedule,
    keep: Keep,
    setup: Setup,
    conclude: impl FnOnce(&Rc<World>, &Steps, &End) -> T,
) -> Result<T, RunError> {
    if setup.engine == Engine::Event {
        // Time stands still while anything can be done.
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
        return Ok(runtime.block_on(async {
            let world = World::with(schedule, keep, setup);
            let steps = Rc::default();
            let end = drive(&world, &steps).await;
            conclude(&world, &steps, &end)
        }));
    }
    let world = World::with(schedule, keep, setup);
    let steps = Rc::default();
    let end = match world.net() {
        Fabric::Turmoil(net) => play(net, &world, &steps)?,
        Fabric::Event(_) => End::Complete,
    };
    Ok(conclude(&world, &steps, &end))
}

fn conclude(engine: Engine, world: &Rc<World>, steps: &Steps, end: &End) -> RunReport {
    let schedule = world.schedule();
    let mut findings = Vec::new();
    match end {
        End::Complete => {}
        End::Deadline => {
            let step = first_unfinished(&steps.borrow()).unwrap_or(0);
            findings.push(oracle::hang::diagnose(world, step));
        }
        End::Livelock(livelock) => {
            findings.push(Finding { oracle: Oracle::Hang, text: livelock.to_string() })
        }
    }
    let mut steps = std::mem::take(&mut *steps.borrow_mut());
    steps.sort_by_key(|report: &StepReport| report.step);
    let unfinished =
        first_unfinished(&steps).and_then(|step| schedule.steps.get(step)).map(workload::describe);
    let records = world.recorder().records();
    let receipts = records.book.receipts();
    // Programs run at whole milliseconds, after messages of the same millisecond that are noted later: people read
    // by time. What causes what keeps its order, since nothing is caused before its time.
    let mut kept: Vec<&(Duration, Entry)> = records.trace.kept().collect();
    kept.sort_by_key(|(at, _)| *at);
    let events = kept.into_iter().map(|(at, entry)| world.names().line(*at, entry)).collect();
    let (fingerprint, entries) = (records.trace.fingerprint(), records.trace.entries());
    drop(records);
    let ended_at = world.recorder().now();
    findings.extend(steps.iter().flat_map(|step: &StepReport| step.findings.iter().cloned()));
    findings.extend(match end {
        End::Complete => oracle::judge_end(world, &receipts),
        End::Deadline | End::Livelock(_) => oracle::judge_cut_off(world, &receipts),
    });
    world.net().shutdown();
    RunReport {
        path: schedule.path.clone(),
        variant: schedule.variant.clone(),
        about: schedule.about.clone(),
        seed: schedule.seed,
        engine,
        findings,
        must_fail: schedule.must_fail.clone(),
        known_bug: schedule.known_bug.clone(),
        receipts,
        steps,
        unfinished,
        ended_at,
        entries,
        events,
        fingerprint,
    }
}

/// The first step, by its index, of which there is no report.
pub(crate) fn first_unfinished(reports: &[StepReport]) -> Option<usize> {
    (0..).find(|step| reports.iter().all(|report| report.step != *step))
}

/// The reports of the steps, as far as they came.
type Steps = Rc<RefCell<Vec<StepReport>>>;

/// Plays beside the event engine, in its runtime.
async fn drive(world: &Rc<World>, steps: &Steps) -> End {
    world.settle_faults();
    world.spawn_storm();
    let work = work(world, steps);
    let deadline = tokio::time::sleep_until(world.recorder().instant(world.schedule().deadline));
    tokio::select! {
        biased;
        livelock = world.net().run() => End::Livelock(livelock),
        () = work => End::Complete,
        () = deadline => End::Deadline,
    }
}

/// Plays on turmoil, as a program on the host of the storm.
fn play(net: &turmoil::Network, world: &Rc<World>, steps: &Steps) -> Result<End, RunError> {
    world.settle_faults();
    let host = world.spawn_storm();
    let (all, work) = (Rc::clone(world), work(world, steps));
    let main = async move {
        let deadline = tokio::time::sleep_until(all.recorder().instant(all.schedule().deadline));
        tokio::select! {
            biased;
            () = work => End::Complete,
            () = deadline => End::Deadline,
        }
    };
    match net.play(host, main) {
        Ok(end) => Ok(end),
        Err(Stopped::Livelock(livelock)) => Ok(End::Livelock(livelock)),
        Err(stopped) => Err(stopped.into()),
    }
}

fn work(world: &Rc<World>, steps: &Steps) -> impl Future<Output = ()> + use<> {
    let (world, reports) = (Rc::clone(world), Rc::clone(steps));
    async move {
        workload::run(&world, &world.schedule().steps, |report| reports.borrow_mut().push(report)).await;
    }
}
