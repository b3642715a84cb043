//! One arm of an experiment: what it is made to bear, what its runs have shown, and what the closed form says of it.
//!
//! Adds up; keeps no run. The order in which runs are counted does not matter.

use std::collections::BTreeMap;
use std::time::Duration;

use super::conditions::Conditions;
use super::form::{self, Range};
use crate::batch::Outcome;
use crate::ledger::Received;
use crate::run::RunReport;
use crate::scenario::{Counted, Scenario};
use crate::schedule::{Action, Schedule, Upkeep};
use crate::verdict::ExitCode;
use crate::workload::{Ending, Failure, FileCounts, ReadBacks, StepReport};

/// How sure one must be that an arm disagrees with the closed form before it is said.
pub const CONFIDENCE: f64 = 0.99;
/// The intervals that are shown.
const SHOWN: f64 = 0.95;

/// One arm.
#[derive(Debug)]
pub struct Arm {
    /// The name of the variant; none if the file has one only.
    pub variant: Option<String>,
    /// What the matrix varies besides what the conditions tell, as `key=value`.
    pub besides: String,
    /// The steps that are counted.
    steps: Vec<usize>,
    /// What it bears.
    pub conditions: Conditions,
    /// Requests that an operation needs when nothing is wrong.
    pub requests: f64,
    /// Runs.
    pub runs: u64,
    /// Those in which an oracle objected to something.
    pub failed_runs: u64,
    /// The worst exit code of a run.
    pub code: ExitCode,
    /// What is counted.
    pub operations: u64,
    /// Those that failed.
    pub failed: u64,
    /// How changes of mutable files failed.
    pub failures: BTreeMap<Failure, u64>,
    /// What was there after changes, summed; `lines` and `unacknowledged` at the end of the runs.
    pub read_back: ReadBacks,
    /// What became of files of backups.
    pub files: FileCounts,
    /// What became of backups.
    pub backups: Backups,
    /// What arrived at doors while operations were under way.
    pub received: Received,
    /// What each fault touched.
    pub faults: BTreeMap<String, u64>,
    /// Virtual time that the operations took.
    pub busy: Duration,
}

/// What became of backups.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Backups {
    /// Nothing is missing.
    pub complete: u64,
    /// Made, with something left out.
    pub partial: u64,
    /// Not made.
    pub failed: u64,
}

impl Backups {
    fn count(&mut self, ending: &Ending) {
        *match ending {
            Ending::BackedUp(_) if is_complete(ending) => &mut self.complete,
            Ending::BackedUp(_) => &mut self.partial,
            _ => &mut self.failed,
        } += 1;
    }
}

fn is_complete(ending: &Ending) -> bool {
    matches!(ending, Ending::BackedUp(backup) if backup.complete)
}

/// Which steps of a run are counted.
fn counted(schedule: &Schedule, counts: Counted) -> Vec<usize> {
    let steps = schedule.steps.iter().enumerate().filter(|(_, step)| match (&step.action, counts) {
        (Action::Mutable { act, .. }, Counted::Puts) => act.changes(),
        (Action::Upkeep(Upkeep::Backup { .. }), Counted::Files | Counted::Backups) => true,
        _ => false,
    });
    steps.map(|(number, _)| number).collect()
}

/// The dimensions of a matrix that conditions tell of.
const TOLD: [&str; 4] = ["which", "again", "again_within", "retry"];

impl Arm {
    /// Nothing counted yet.
    pub(super) fn new(
        scenario: &Scenario,
        schedule: &Schedule,
        counts: Counted,
        conditions: Conditions,
        requests: f64,
    ) -> Self {
        let told = |label: &str| TOLD.contains(&label.rsplit('.').next().unwrap_or(label));
        let besides = scenario.varied().iter().filter(|(label, _)| !told(label));
        let besides: Vec<String> = besides.map(|(label, value)| format!("{label}={value}")).collect();
        Self {
            variant: scenario.variant().map(str::to_owned),
            besides: besides.join(" "),
            steps: counted(schedule, counts),
            conditions,
            requests,
            runs: 0,
            failed_runs: 0,
            code: ExitCode::Passed,
            operations: 0,
            failed: 0,
            failures: BTreeMap::new(),
            read_back: ReadBacks::default(),
            files: FileCounts::default(),
            backups: Backups::default(),
            received: Received::default(),
            faults: BTreeMap::new(),
            busy: Duration::ZERO,
        }
    }

    /// Counts a run.
    pub(super) fn count(&mut self, outcome: &Outcome, counts: Counted) {
        self.runs += 1;
        self.failed_runs += u64::from(outcome.failed());
        self.code = self.code.worse(outcome.code());
        if let Ok(report) = outcome.report() {
            self.count_report(report, counts);
        }
    }

    /// Counts what a run shows, whether it passed or not.
    pub(super) fn count_report(&mut self, report: &RunReport, counts: Counted) {
        for receipt in &report.receipts {
            *self.faults.entry(receipt.name.clone()).or_default() += receipt.touched;
        }
        for step in &report.steps {
            if !self.steps.contains(&step.step) {
                continue;
            }
            let files = step.tally.files;
            let (operations, failed) = match counts {
                Counted::Puts => (step.tally.operations, step.tally.failures()),
                Counted::Files => (files.uploaded + files.skipped, files.skipped),
                Counted::Backups => (1, u64::from(!is_complete(&step.ending))),
            };
            self.operations += operations;
            self.failed += failed;
            if counts != Counted::Puts {
                self.files.add(files);
                self.backups.count(&step.ending);
            }
            self.take(step);
        }
    }

    /// What every operation that is counted leaves behind.
    fn take(&mut self, step: &StepReport) {
        let tally = &step.tally;
        for (failure, count) in &tally.failed {
            *self.failures.entry(*failure).or_default() += count;
        }
        let ReadBacks { read, unread, missing, lines, unacknowledged } = tally.read_back;
        self.read_back.read += read;
        self.read_back.unread += unread;
        self.read_back.missing += missing;
        self.read_back.lines += lines;
        self.read_back.unacknowledged += unacknowledged;
        self.received.add(&tally.received);
        self.busy += tally.busy;
    }

    /// Requests that arrived where the faults are, while operations were under way.
    pub fn requests_made(&self) -> u64 {
        match self.received.objects() {
            0 => self.received.messages(),
            objects => objects,
        }
    }

    /// Requests beyond those that the operations need when nothing is wrong.
    pub fn retries(&self) -> u64 {
        let needed = self.requests * self.operations as f64;
        (self.requests_made() as f64 - needed).max(0.0).round() as u64
    }

    /// How many of a thousand operations failed.
    pub fn of_1000(&self) -> f64 {
        if self.operations == 0 { 0.0 } else { 1000.0 * self.failed as f64 / self.operations as f64 }
    }

    /// The chances of failure that explain what was seen, at 95 %.
    pub fn interval(&self) -> Range {
        form::exact_interval(self.failed, self.operations, SHOWN)
    }

    /// The chance that an operation fails, by the closed form.
    pub fn expected(&self) -> f64 {
        self.conditions.chances().operation_fails(self.requests)
    }

    /// Whether what was seen is what the closed form leads one to expect. Of nothing, nothing was seen.
    pub fn agrees(&self) -> bool {
        self.operations > 0 && self.as_expected()
    }

    fn as_expected(&self) -> bool {
        form::agrees(self.failed, self.operations, self.expected(), CONFIDENCE)
    }
}
