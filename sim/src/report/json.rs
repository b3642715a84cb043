//! What the program tells to other programs: one JSON object per line, of a documented shape (`sim/JSON.md`).
//!
//! Only the shape. A field keeps its name and meaning as long as [`FORMAT`] stays; fields and events may be added. Times
//! are virtual, in microseconds from the start of the run.

use std::io;
use std::time::Duration;

use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};

mod experiment;
mod files;

pub use self::experiment::{ExperimentArm, ExperimentEnded};
pub use self::files::{Explained, Listed, Mistake};

use super::{Run, replay_command};
use crate::batch::{Outcome, Tally};
use crate::run::RunReport;
use crate::scenario::{Scenario, error_words};
use crate::verdict::{ExitCode, Receipt};
use crate::workload::{Ending, StepReport};

/// The version of the shape.
pub const FORMAT: u32 = 1;

/// One line.
#[derive(Debug, Serialize)]
struct Line<'a> {
    format: u32,
    #[serde(flatten)]
    event: &'a Event<'a>,
}

/// What a line tells of.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event<'a> {
    /// A run begins.
    RunStarted(RunStarted<'a>),
    /// A run has ended.
    RunEnded(RunEnded<'a>),
    /// All runs of a scenario have ended.
    ScenarioEnded(ScenarioEnded<'a>),
    /// What the runs of one arm of an experiment show.
    ExperimentArm(ExperimentArm<'a>),
    /// An experiment has ended.
    ExperimentEnded(ExperimentEnded<'a>),
    /// A scenario file, as it is listed.
    Scenario(Listed<'a>),
    /// A scenario with nothing left to choose.
    Explained(Explained<'a>),
    /// A mistake in a scenario file.
    Mistake(Mistake<'a>),
    /// Why a command could not do its work.
    Error(Problem<'a>),
    /// What the command comes to; the last line.
    Summary(Summary),
}

impl Event<'_> {
    /// The line, with its end.
    ///
    /// # Errors
    /// None of these shapes gives any.
    pub fn line(&self) -> io::Result<String> {
        let mut line = serde_json::to_string(&Line { format: FORMAT, event: self })?;
        line.push('\n');
        Ok(line)
    }
}

/// A run begins.
#[derive(Debug, Serialize)]
pub struct RunStarted<'a> {
    scenario: &'a str,
    /// Which variant of the file, if it has a matrix.
    variant: Option<&'a str>,
    seed: u64,
    replay: String,
}

impl<'a> RunStarted<'a> {
    /// The run of this name.
    pub fn of(run: Run<'a>) -> Self {
        Self { scenario: run.path, variant: run.variant, seed: run.seed, replay: replay_command(run) }
    }
}

/// A run has ended.
#[derive(Debug, Serialize)]
pub struct RunEnded<'a> {
    scenario: &'a str,
    /// Which variant of the file, if it has a matrix.
    variant: Option<&'a str>,
    seed: u64,
    #[serde(flatten, serialize_with = "verdict")]
    code: ExitCode,
    /// Why there is no report, if the harness or lafs broke.
    problem: Option<String>,
    /// What is missing of the failure that the file says must come.
    missing: Option<String>,
    shows_known_bug: bool,
    findings: Vec<Found<'a>>,
    steps: Vec<Step<'a>>,
    /// The step that had not ended, if the run was cut off.
    unfinished: Option<&'a str>,
    receipts: Vec<Fault<'a>>,
    ended_at_us: u64,
    events: u64,
    /// The last events of a run that failed, all of a replay.
    timeline: &'a [String],
    fingerprint: Option<&'a str>,
    replay: String,
}

/// How many of the events of a run are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timeline {
    /// The last ones, if it failed.
    OfFailures,
    /// All that were kept.
    Kept,
}

impl<'a> RunEnded<'a> {
    /// What became of a run.
    pub fn of(outcome: &'a Outcome, timeline: Timeline) -> Self {
        let code = outcome.code();
        let report: Result<&RunReport, String> = outcome.report();
        let problem = report.as_ref().err().cloned();
        let report = report.ok();
        let told = report.filter(|_| timeline == Timeline::Kept || code != ExitCode::Passed);
        Self {
            scenario: outcome.path(),
            variant: outcome.variant(),
            seed: outcome.seed(),
            code,
            problem,
            missing: report.and_then(RunReport::missing),
            shows_known_bug: report.is_some_and(RunReport::shows_known_bug),
            findings: report.map_or(Vec::new(), |report| report.findings.iter().map(Found::of).collect()),
            steps: report.map_or(Vec::new(), |report| report.steps.iter().map(Step::of).collect()),
            unfinished: report.and_then(|report| report.unfinished.as_deref()),
            receipts: report.map_or(Vec::new(), |report| report.receipts.iter().map(Fault::of).collect()),
            ended_at_us: report.map_or(0, |report| micros(report.ended_at)),
            events: report.map_or(0, |report| report.entries),
            timeline: told.map_or(&[], |report| &report.events),
            fingerprint: report.map(|report| report.fingerprint.as_str()),
            replay: replay_command(outcome.run()),
        }
    }
}

#[derive(Debug, Serialize)]
struct Found<'a> {
    oracle: String,
    text: &'a str,
}

impl<'a> Found<'a> {
    fn of(finding: &'a crate::verdict::Finding) -> Self {
        Self { oracle: finding.oracle.to_string(), text: &finding.text }
    }
}

#[derive(Debug, Serialize)]
struct Step<'a> {
    /// From 1, as in the file.
    step: usize,
    what: &'a str,
    /// `success`, `error`, `cancelled`, or `done` for a step that does not use the grid.
    ended: &'static str,
    /// The error, in the words of `expect`, if it is one that scenarios can expect.
    error: Option<&'static str>,
    outcome: &'a str,
    began_us: u64,
    took_us: u64,
    requests: u64,
    spare_requests: u64,
    received_bytes: u64,
    sent_bytes: u64,
    connections_opened: u64,
    /// How many more servers could have been lost; negative if too many were.
    margin: Option<i64>,
}

impl<'a> Step<'a> {
    fn of(report: &'a StepReport) -> Self {
        let (ended, error) = match &report.ending {
            Ending::Uploaded(_)
            | Ending::Downloaded { .. }
            | Ending::Wrote(_)
            | Ending::Read(_)
            | Ending::Kept(_)
            | Ending::BackedUp(_)
            | Ending::Restored { .. } => ("success", None),
            Ending::Failed { kind, .. } => ("error", kind.map(error_words)),
            Ending::Cancelled { .. } => ("cancelled", None),
            Ending::Done => ("done", None),
        };
        Self {
            step: report.step + 1,
            what: &report.what,
            ended,
            error,
            outcome: &report.outcome,
            began_us: micros(report.began),
            took_us: micros(report.took),
            requests: report.counts.requests,
            spare_requests: report.counts.spare_requests,
            received_bytes: report.usage.received_bytes,
            sent_bytes: report.usage.sent_bytes,
            connections_opened: report.usage.connections_opened,
            margin: report.margin.map(|margin| margin.losses),
        }
    }
}

#[derive(Debug, Serialize)]
struct Fault<'a> {
    fault: &'a str,
    began: Vec<Began<'a>>,
    again: u64,
    bit_us: Option<u64>,
    touched: u64,
    bytes: u64,
    ended_us: Option<u64>,
    may_stay_inert: bool,
    inert: bool,
}

#[derive(Debug, Serialize)]
struct Began<'a> {
    at_us: u64,
    host: &'a str,
}

impl<'a> Fault<'a> {
    fn of(receipt: &'a Receipt) -> Self {
        let began = receipt.began.iter().map(|(at, host)| Began { at_us: micros(*at), host });
        Self {
            fault: &receipt.name,
            began: began.collect(),
            again: receipt.again,
            bit_us: receipt.bit.map(micros),
            touched: receipt.touched,
            bytes: receipt.bytes,
            ended_us: receipt.ended.map(micros),
            may_stay_inert: receipt.may_stay_inert,
            inert: receipt.is_inert(),
        }
    }
}

/// All runs of a scenario have ended.
#[derive(Debug, Serialize)]
pub struct ScenarioEnded<'a> {
    scenario: &'a str,
    /// Which variant of the file, if it has a matrix.
    variant: Option<&'a str>,
    about: &'a str,
    #[serde(flatten, serialize_with = "verdict")]
    code: ExitCode,
    runs: u64,
    failed: u64,
    not_run: u64,
    cut_short: bool,
    failures: Vec<Failures>,
    known_bug_shown: u64,
    known_bug_is_gone: bool,
    over_all_seeds: Vec<Promise<'a>>,
}

/// What came of a promise about all seeds.
#[derive(Debug, Serialize)]
struct Promise<'a> {
    promise: &'a str,
    kept: Option<bool>,
    operations: u64,
    failed: u64,
    late: u64,
    longest_us: u64,
}

/// Runs that failed in one way.
#[derive(Debug, Serialize)]
struct Failures {
    verdict: &'static str,
    count: u64,
    /// The first ones.
    seeds: Vec<u64>,
}

impl<'a> ScenarioEnded<'a> {
    /// What they came to.
    pub fn of(scenario: &'a Scenario, tally: &'a Tally) -> Self {
        let failures = tally.failed.iter().map(|(code, failed)| Failures {
            verdict: code.noun(),
            count: failed.count,
            seeds: failed.seeds.values().copied().collect(),
        });
        let promises = tally.overall.promises().map(|(promise, count, kept)| Promise {
            promise,
            kept,
            operations: count.ended,
            failed: count.failed,
            late: count.late,
            longest_us: micros(count.longest),
        });
        Self {
            scenario: scenario.path(),
            variant: scenario.variant(),
            about: scenario.about(),
            code: tally.code(),
            runs: tally.runs,
            failed: tally.failures(),
            not_run: tally.not_run,
            cut_short: tally.cut_short,
            failures: failures.collect(),
            known_bug_shown: tally.known_bug_shown,
            known_bug_is_gone: tally.bug_is_gone(),
            over_all_seeds: promises.collect(),
        }
    }
}

/// Why a command could not do its work.
#[derive(Debug, Serialize)]
pub struct Problem<'a> {
    /// In one line.
    pub message: &'a str,
}

/// What a command comes to.
#[derive(Debug, Serialize)]
pub struct Summary {
    /// The command.
    pub command: &'static str,
    /// Scenario files without mistakes.
    pub scenarios: usize,
    /// Runs that count.
    pub runs: u64,
    /// Those that failed.
    pub failed: u64,
    /// Runs that their engine cannot express.
    pub not_run: u64,
    /// Runs that were not done or do not count, because enough had failed.
    pub left_out: u64,
    /// The code with which the program ends.
    #[serde(flatten, serialize_with = "verdict")]
    pub code: ExitCode,
}

impl Summary {
    /// A command that ends with this code and ran nothing.
    pub fn of(command: &'static str, code: ExitCode) -> Self {
        Self { command, scenarios: 0, runs: 0, failed: 0, not_run: 0, left_out: 0, code }
    }
}

/// An exit code as `verdict` and `exit_code`.
fn verdict<S: Serializer>(code: &ExitCode, serializer: S) -> Result<S::Ok, S::Error> {
    let mut fields = serializer.serialize_struct("Verdict", 2)?;
    fields.serialize_field("verdict", code.noun())?;
    fields.serialize_field("exit_code", &(*code as u8))?;
    fields.end()
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}
