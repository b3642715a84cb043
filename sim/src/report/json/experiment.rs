//! The shapes of what an experiment tells: its arms, and the answer.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{micros, verdict};
use crate::experiment::{Arm, Trials, answer};
use crate::verdict::ExitCode;

/// One arm of an experiment.
#[derive(Debug, Serialize)]
pub struct ExperimentArm<'a> {
    /// From 1.
    arm: usize,
    variant: Option<&'a str>,
    policy: &'a str,
    /// The chance that a request fails.
    rate: f64,
    /// The chance that a retry fails in a burst.
    again: Option<f64>,
    /// Requests of an operation when nothing is wrong.
    requests_each: f64,
    runs: u64,
    failed_runs: u64,
    operations: u64,
    succeeded: u64,
    failed: u64,
    of_1000: f64,
    /// The chances that explain what was seen, at 95 %.
    interval: [f64; 2],
    /// The chance by the closed form.
    expected: f64,
    agrees: bool,
    failures: Vec<Failed>,
    read_back: Seen,
    files: Files,
    backups: Backups,
    objects: &'a BTreeMap<&'static str, u64>,
    messages: &'a BTreeMap<&'static str, u64>,
    faults: &'a BTreeMap<String, u64>,
    retries: u64,
    busy_us: u64,
}

#[derive(Debug, Serialize)]
struct Failed {
    phase: &'static str,
    error: &'static str,
    count: u64,
}

#[derive(Debug, Serialize)]
struct Seen {
    read: u64,
    unread: u64,
    lines: u64,
    unacknowledged: u64,
    missing: u64,
}

#[derive(Debug, Serialize)]
struct Files {
    uploaded: u64,
    literal: u64,
    reused: u64,
    skipped: u64,
}

#[derive(Debug, Serialize)]
struct Backups {
    complete: u64,
    partial: u64,
    failed: u64,
}

impl<'a> ExperimentArm<'a> {
    /// All arms, in the order of the file.
    pub fn all(trials: &'a Trials) -> impl Iterator<Item = Self> {
        trials.arms.iter().enumerate().map(|(number, arm)| Self::of(number + 1, arm))
    }

    fn of(number: usize, arm: &'a Arm) -> Self {
        let (interval, seen, files, backups) = (arm.interval(), arm.read_back, arm.files, arm.backups);
        let failures = arm.failures.iter().map(|(failure, count)| Failed {
            phase: failure.phase.word(),
            error: failure.kind,
            count: *count,
        });
        Self {
            arm: number,
            variant: arm.variant.as_deref(),
            policy: &arm.conditions.policy,
            rate: arm.conditions.rate,
            again: arm.conditions.burst,
            requests_each: arm.requests,
            runs: arm.runs,
            failed_runs: arm.failed_runs,
            operations: arm.operations,
            succeeded: arm.operations - arm.failed,
            failed: arm.failed,
            of_1000: arm.of_1000(),
            interval: [interval.low, interval.high],
            expected: arm.expected(),
            agrees: arm.agrees(),
            failures: failures.collect(),
            read_back: Seen {
                read: seen.read,
                unread: seen.unread,
                lines: seen.lines,
                unacknowledged: seen.unacknowledged,
                missing: seen.missing,
            },
            files: Files {
                uploaded: files.uploaded,
                literal: files.literal,
                reused: files.reused,
                skipped: files.skipped,
            },
            backups: Backups { complete: backups.complete, partial: backups.partial, failed: backups.failed },
            objects: &arm.received.objects,
            messages: &arm.received.messages,
            faults: &arm.faults,
            retries: arm.retries(),
            busy_us: micros(arm.busy),
        }
    }
}

/// What an experiment comes to.
#[derive(Debug, Serialize)]
pub struct ExperimentEnded<'a> {
    scenario: &'a str,
    question: &'a str,
    /// What is an operation.
    counts: &'static str,
    answer: Vec<String>,
    #[serde(flatten, serialize_with = "verdict")]
    code: ExitCode,
}

impl<'a> ExperimentEnded<'a> {
    /// Of the file of this path.
    pub fn of(scenario: &'a str, trials: &'a Trials) -> Self {
        Self {
            scenario,
            question: &trials.experiment.question,
            counts: trials.experiment.counts.word(),
            answer: answer(trials),
            code: trials.code(),
        }
    }
}
