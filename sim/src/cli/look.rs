//! `squall check` and `squall explain`: what files say, without running them.

use std::path::{Path, PathBuf};

use super::load::{load, load_one};
use super::out::{Done, Out};
use crate::report;
use crate::report::json::{Event, Explained, Summary};
use crate::scenario;
use crate::verdict::ExitCode;

/// `squall check`.
pub(super) fn check(out: Out, paths: &[PathBuf]) -> Done {
    let (scenarios, code) = load(out, paths)?;
    let files = || report::plural(scenarios.len() as u64, "scenario file");
    let _ = out.text(|| format!("{} without mistakes\n", files()));
    Ok(Summary { scenarios: scenarios.len(), ..out.summary(code) })
}

/// `squall explain`.
pub(super) fn explain(out: Out, file: &Path, seed: u64) -> Done {
    let scenario = load_one(out, file)?;
    let text = scenario::explain(&scenario, seed);
    let _ = out.text(|| text.clone());
    // What is explained is a scenario file itself, so that it can be read.
    let explained = text.parse().map_err(|_| ExitCode::Internal)?;
    let _ = out.event(&Event::Explained(Explained { scenario: scenario.path(), seed, explained }));
    Ok(Summary { scenarios: 1, ..out.summary(ExitCode::Passed) })
}
