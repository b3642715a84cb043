//! How far a batch has come, for whoever watches a terminal. Says nothing where nobody watches.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A batch that ends sooner shows no progress.
const QUIET: Duration = Duration::from_secs(2);

/// A bar on stderr that appears when a batch takes long.
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    shown: bool,
    failed: u64,
}

impl Progress {
    /// Shows nothing yet, and never anything if stderr is not a terminal.
    pub(super) fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(ProgressBar::hidden);
        Self { bar, shown: false, failed: 0 }
    }

    /// One more run of `of` has ended.
    pub(super) fn advance(&mut self, of: u64, failed: bool) {
        let Some(bar) = &self.bar else { return };
        self.failed += u64::from(failed);
        bar.inc(1);
        if failed || !self.shown {
            bar.set_message(self.failed.to_string());
        }
        if !self.shown && bar.elapsed() > QUIET {
            self.shown = true;
            bar.set_length(of);
            if let Ok(style) = ProgressStyle::with_template("{pos} of {len} runs, {msg} failed, {eta} left") {
                bar.set_style(style);
            }
            bar.set_draw_target(ProgressDrawTarget::stderr());
        }
    }

    /// Does something that prints, with the bar out of its way.
    pub(super) fn aside<T>(&self, print: impl FnOnce() -> T) -> T {
        match &self.bar {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }

    /// Takes the bar away.
    pub(super) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
