//! `squall check` and `squall explain`: what files say, without running them.

use std::path::{Path, PathBuf};

use super::load::{files, load, load_one};
use super::out::{Done, Out};
use super::variant;
use crate::report;
use crate::report::json::{Event, Explained, Summary};
use crate::scenario;
use crate::verdict::ExitCode;

/// `squall check`.
pub(super) fn check(out: Out, paths: &[PathBuf]) -> Done {
    let (scenarios, code) = load(out, paths)?;
    let count = || report::plural(files(&scenarios) as u64, "scenario file");
    let _ = out.text(|| format!("{} without mistakes\n", count()));
    Ok(Summary { scenarios: files(&scenarios), ..out.summary(code) })
}

/// `squall explain`.
pub(super) fn explain(out: Out, file: &Path, which: Option<&str>, seed: u64) -> Done {
    let scenario = variant::one(out, load_one(out, file)?, which)?;
    let text = scenario::explain(&scenario, seed);
    let _ = out.text(|| text.clone());
    // What is explained is a scenario file itself, so that it can be read.
    let explained = text.parse().map_err(|_| ExitCode::Internal)?;
    let _ = out.event(&Event::Explained(Explained {
        scenario: scenario.path(),
        variant: scenario.variant(),
        seed,
        explained,
    }));
    Ok(Summary { scenarios: 1, ..out.summary(ExitCode::Passed) })
}

/// `squall pin`.
pub(super) fn pin(out: Out, file: &Path, which: Option<&str>, seed: u64) -> Done {
    let scenario = variant::one(out, load_one(out, file)?, which)?;
    print(out, scenario::pin(&scenario, seed))
}

/// Prints a text.
pub(super) fn print(out: Out, text: String) -> Done {
    let _ = out.text(|| text);
    Ok(out.summary(ExitCode::Passed))
}
