//! The command `blame`.

use std::io::IsTerminal;
use std::path::Path;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::load::load_one;
use super::out::{Done, Out, complain, say, usage};
use super::variant;
use crate::blame::{self, BlameError};
use crate::verdict::ExitCode;

pub(super) const EXAMPLES: &str = "\
Example:
  squall blame my-scenario.toml --seed 7

Each fault is taken out in turn, while all the others do what they did. A fault is necessary if the
run passes without it; if no single one is, the smallest set is looked for without which it passes.
`enough` are the faults that alone give the same failure.

Exit codes: 0 if it could answer; 2 if the run does not fail, so that nobody is to blame, or if the
file has mistakes; 70 if the harness failed.";

/// A search that takes no longer shows no progress.
const QUIET: Duration = Duration::from_secs(2);

/// Prints who is to blame for the failure of one run.
pub(super) fn blame(out: Out, file: &Path, which: Option<&str>, seed: u64) -> Done {
    let schedule = variant::one(out, load_one(out, file)?, which)?.schedule(seed);
    let mut progress: Option<ProgressBar> = None;
    let begun = ProgressBar::hidden();
    let result = blame::blame(&schedule, |runs| {
        if progress.is_none() && begun.elapsed() > QUIET {
            progress = Some(bar());
        }
        if let Some(bar) = &progress {
            bar.set_position(runs);
        }
    });
    if let Some(bar) = progress {
        bar.finish_and_clear();
    }
    match result {
        Ok(found) => {
            let _ = say(&blame::text(&found, &schedule));
            Ok(out.summary(ExitCode::Passed))
        }
        Err(error @ BlameError::DoesNotFail(_)) => Err(usage(&error.to_string())),
        Err(error @ BlameError::NotRun(_)) => {
            complain(&format!("error: {error}\n"));
            Err(ExitCode::Internal)
        }
    }
}

/// On stderr, if that is a terminal.
fn bar() -> ProgressBar {
    let bar = ProgressBar::hidden();
    if let Ok(style) = ProgressStyle::with_template("{pos} runs made, {elapsed} so far") {
        bar.set_style(style);
    }
    if std::io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::stderr());
    }
    bar
}
