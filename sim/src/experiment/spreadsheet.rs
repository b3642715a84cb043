//! An experiment as CSV: one row for each arm. Times are virtual, in microseconds.

use super::Trials;
use super::table::failed_in;
use crate::workload::Phase;

/// The text, with a line of headings.
///
/// # Errors
/// None of these rows gives any.
pub fn spreadsheet(trials: &Trials) -> Result<String, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(HEADINGS)?;
    for (number, arm) in (1_u64..).zip(&trials.arms) {
        let (interval, objects) = (arm.interval(), &arm.received.objects);
        let of = |word: &str| objects.get(word).copied().unwrap_or_default();
        let known = ["lists", "gets", "heads", "puts", "deletes", "multipart"].map(of);
        let again = arm.conditions.burst.map_or(String::new(), |again| again.to_string());
        let text = [
            number.to_string(),
            arm.variant.clone().unwrap_or_default(),
            arm.conditions.policy.clone(),
            again,
        ];
        let chances = [arm.conditions.rate, arm.requests, arm.expected(), interval.low, interval.high];
        let counts = [
            arm.conditions.soon.len() as u64,
            arm.runs,
            arm.failed_runs,
            arm.operations,
            arm.operations - arm.failed,
            arm.failed,
            u64::from(arm.agrees()),
            failed_in(arm, Phase::Reading),
            failed_in(arm, Phase::Writing),
            arm.read_back.read,
            arm.read_back.unread,
            arm.read_back.lines,
            arm.read_back.unacknowledged,
            arm.read_back.missing,
            arm.files.uploaded,
            arm.files.literal,
            arm.files.reused,
            arm.files.skipped,
            arm.backups.complete,
            arm.backups.partial,
            arm.backups.failed,
        ];
        let rest = [
            arm.faults.values().sum(),
            arm.retries(),
            arm.received.messages(),
            u64::try_from(arm.busy.as_micros()).unwrap_or(u64::MAX),
        ];
        let numbers = counts.iter().chain(&known).chain(&rest).map(u64::to_string);
        writer.write_record(text.into_iter().chain(chances.iter().map(f64::to_string)).chain(numbers))?;
    }
    let bytes = writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

const HEADINGS: [&str; 40] = [
    "arm",
    "variant",
    "policy",
    "again",
    "rate",
    "requests_each",
    "expected",
    "interval_low",
    "interval_high",
    "retries_allowed",
    "runs",
    "runs_failed",
    "operations",
    "succeeded",
    "failed",
    "agrees",
    "failed_reading",
    "failed_writing",
    "read_back",
    "not_read_back",
    "lines",
    "lines_unacknowledged",
    "lines_missing",
    "files_uploaded",
    "files_literal",
    "files_reused",
    "files_skipped",
    "backups_complete",
    "backups_partial",
    "backups_failed",
    "lists",
    "gets",
    "heads",
    "puts",
    "deletes",
    "multipart",
    "faults",
    "retries",
    "messages",
    "busy_us",
];
