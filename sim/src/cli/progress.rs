//! How far a batch has come and which run takes long, for people: a bar where a terminal is, and a line for each run
//! that is not over after a while, so that it is known should the process not survive it.
//!
//! Everything goes to stderr. Where programs listen, which hear of every run, nothing is said.

use std::io::IsTerminal;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::out::complain;
use crate::engine::Engine;
use crate::report::{Run, replay_command};

/// How often it is looked.
const TICK: Duration = Duration::from_millis(500);
/// A batch that ends sooner shows no bar, and a run that ends sooner is not told of: 2 s.
const TICKS_QUIET: u32 = 4;

/// What a batch is doing. All of it can be called from any thread.
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    silent: bool,
    /// Runs are named that are not over after a while.
    names: bool,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// In the order in which they began.
    underway: Vec<Underway>,
    failed: u64,
    of: u64,
    ticks: u32,
    shown: bool,
    over: bool,
}

struct Underway {
    path: String,
    variant: Option<String>,
    engine: Engine,
    seed: u64,
    ticks: u32,
}

impl Underway {
    fn named(&self) -> Run<'_> {
        Run { path: &self.path, variant: self.variant.as_deref(), seed: self.seed, engine: self.engine }
    }
}

impl Progress {
    /// Shows nothing yet; nothing ever if it has to be `silent`, and no bar if stderr is not a terminal.
    pub(super) fn new(silent: bool) -> Self {
        let bar = (!silent && std::io::stderr().is_terminal()).then(ProgressBar::hidden);
        Self { bar, silent, names: true, state: Mutex::default(), changed: Condvar::new() }
    }

    /// For runs that are long by design: none is named.
    pub(super) fn of_long_runs(silent: bool) -> Self {
        Self { names: false, ..Self::new(silent) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A run begins.
    pub(super) fn begins(&self, run: Run<'_>) {
        if !self.silent {
            let (path, variant) = (run.path.to_owned(), run.variant.map(str::to_owned));
            self.state().underway.push(Underway {
                path,
                variant,
                engine: run.engine,
                seed: run.seed,
                ticks: 0,
            });
        }
    }

    /// A run is over, one of `of` in all.
    pub(super) fn over(&self, run: Run<'_>, of: u64, failed: bool) {
        let mut state = self.state();
        let ended = state.underway.iter().position(|underway| underway.named() == run);
        ended.map(|at| state.underway.remove(at));
        state.of = of;
        state.failed += u64::from(failed);
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
    }

    /// Does `work` and looks at it from time to time.
    pub(super) fn during<T>(&self, work: impl FnOnce() -> T) -> T {
        if self.silent {
            return work();
        }
        std::thread::scope(|scope| {
            let _ending = Ending(self);
            scope.spawn(|| self.watch());
            work()
        })
    }

    fn watch(&self) {
        let mut state = self.state();
        while !state.over {
            let waited = self.changed.wait_timeout(state, TICK).unwrap_or_else(PoisonError::into_inner);
            state = waited.0;
            if waited.1.timed_out() {
                self.tick(&mut state);
            }
        }
    }

    fn tick(&self, state: &mut State) {
        for run in &mut state.underway {
            run.ticks += 1;
            if run.ticks == TICKS_QUIET && self.names {
                let (waited, replay) = (TICK * TICKS_QUIET, replay_command(run.named()));
                let text = format!(
                    "still running after {} s: {}, seed {}; to repeat it: {replay}\n",
                    waited.as_secs(),
                    run.path,
                    run.seed
                );
                self.aside(|| complain(&text));
            }
        }
        state.ticks += 1;
        // Before the first run is over nobody knows how many there are.
        let Some(bar) = self.bar.as_ref().filter(|_| state.of > 0) else { return };
        if !state.shown && state.ticks >= TICKS_QUIET {
            state.shown = true;
            bar.set_length(state.of);
            let template = "{pos} of {len} runs, {prefix} failed, {eta} left; {wide_msg}";
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        bar.set_prefix(state.failed.to_string());
        if let Some(oldest) = state.underway.first() {
            bar.set_message(format!("at {}, seed {}", oldest.path, oldest.seed));
        }
    }

    /// Does something that prints, with the bar out of its way.
    pub(super) fn aside<T>(&self, print: impl FnOnce() -> T) -> T {
        match &self.bar {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }
}

/// Ends the watch and takes the bar away when it goes.
struct Ending<'a>(&'a Progress);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.state().over = true;
        self.0.changed.notify_all();
        if let Some(bar) = &self.0.bar {
            bar.finish_and_clear();
        }
    }
}
