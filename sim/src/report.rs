//! What a run looks like to a person: one line when all is well, everything that helps when it is not.
//!
//! Plain text without colour codes; the command line adds colour where a terminal is.

use std::fmt::Write as _;

use crate::run::RunReport;
use crate::verdict::{ExitCode, seconds};

/// Events printed below a failing run.
pub const LAST_EVENTS: usize = 40;

/// The one command that repeats a run exactly.
pub fn replay_command(path: &str, seed: u64) -> String {
    format!("cargo squall replay {path} --seed {seed}")
}

/// Everything about a failing run.
pub fn failure(report: &RunReport) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "FAIL     {}  seed {}", report.path, report.seed);
    let _ = writeln!(out, "about    {}", report.about);
    for finding in &report.findings {
        let mut lines = finding.text.lines();
        let _ = writeln!(
            out,
            "{:<8} {}",
            "verdict",
            format_args!("{}: {}", finding.oracle, lines.next().unwrap_or(""))
        );
        for line in lines {
            let _ = writeln!(out, "         {line}");
        }
    }
    body(&mut out, report);
    out
}

/// A passing run in full, for `replay`.
pub fn success(report: &RunReport) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "PASS     {}  seed {}", report.path, report.seed);
    let _ = writeln!(out, "about    {}", report.about);
    for finding in &report.findings {
        let _ = writeln!(
            out,
            "{:<8} {}: {}",
            "expected",
            finding.oracle,
            finding.text.lines().next().unwrap_or("")
        );
    }
    body(&mut out, report);
    out
}

fn body(out: &mut String, report: &RunReport) {
    for (number, step) in report.steps.iter().enumerate() {
        let _ =
            writeln!(out, "step {:<3} {}: {}, {}", number + 1, step.what, step.outcome, seconds(step.took));
    }
    for receipt in &report.receipts {
        let _ = writeln!(out, "fault    {receipt}");
    }
    if !report.events.is_empty() {
        let _ = writeln!(
            out,
            "events   {} in {} of virtual time; the last {}:",
            report.entries,
            seconds(report.ended_at),
            report.events.len()
        );
        for event in &report.events {
            let _ = writeln!(out, "  {event}");
        }
    }
    let _ = writeln!(out, "trace    {}", report.fingerprint);
    let _ = writeln!(out, "replay   {}", replay_command(&report.path, report.seed));
}

/// What a whole invocation comes to, in one line.
pub fn summary(scenarios: usize, runs: usize, failed: usize, code: ExitCode) -> String {
    let verdict = match code {
        ExitCode::Passed => "all passed",
        ExitCode::Failed => "a property failed",
        ExitCode::Usage => "some scenario files have mistakes",
        ExitCode::Hang => "an operation hung",
        ExitCode::Invalid => "a run proved nothing",
        ExitCode::NotDeterministic => "a run was not deterministic",
        ExitCode::Internal => "the harness itself failed",
    };
    format!("{scenarios} scenarios, {runs} runs, {failed} failed: {verdict}")
}
