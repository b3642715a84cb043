//! Virtual time since the start of a run, whichever engine makes it pass.
//!
//! Under the event engine it is that of the one runtime. Under turmoil every host has a runtime of its own, whose
//! instants mean nothing to the others; time is then what turmoil says it is for the host at hand. Nothing here makes
//! time pass.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// What tells the time of a run. Clones tell the same time.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The paused clock of the runtime the run began in, which started here.
    Tokio(Instant),
    /// Turmoil's.
    Turmoil(Ticks),
}

impl Clock {
    /// A clock that follows the paused clock of the current runtime from now on.
    pub fn of_runtime() -> Self {
        Self::Tokio(Instant::now())
    }

    /// Virtual time since the start of the run.
    pub fn now(&self) -> Duration {
        match self {
            Self::Tokio(origin) => origin.elapsed(),
            Self::Turmoil(ticks) => ticks.now(),
        }
    }

    /// A moment of the run on the scale of the current runtime.
    pub fn instant(&self, at: Duration) -> Instant {
        match self {
            Self::Tokio(origin) => *origin + at,
            Self::Turmoil(ticks) => Instant::now() + at.saturating_sub(ticks.of_host()),
        }
    }
}

/// The time of a turmoil run. Within a tick turmoil lets one host after another live through it, so that a host may be
/// ahead of the next one by up to a tick; what is told here never goes backwards.
#[derive(Debug, Clone)]
pub struct Ticks(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    tick: Duration,
    /// The latest time told, in nanoseconds.
    last: AtomicU64,
    /// Whether a program of some host is being polled, so that turmoil knows whose time it is.
    inside: AtomicBool,
}

impl Ticks {
    /// A time that passes in steps of `tick`, whole milliseconds.
    pub fn new(tick: Duration) -> Self {
        Self(Arc::new(Shared { tick, last: AtomicU64::new(0), inside: AtomicBool::new(false) }))
    }

    /// How much of it every host lives through in its turn.
    pub fn tick(&self) -> Duration {
        self.0.tick
    }

    fn now(&self) -> Duration {
        let now = nanos(self.of_host());
        Duration::from_nanos(self.0.last.fetch_max(now, Ordering::Relaxed).max(now))
    }

    /// Time as the host at hand has it; between ticks the latest time told.
    fn of_host(&self) -> Duration {
        let inside = self.0.inside.load(Ordering::Relaxed);
        let of_host = inside.then(::turmoil::sim_elapsed).flatten();
        of_host.unwrap_or_else(|| Duration::from_nanos(self.0.last.load(Ordering::Relaxed)))
    }

    /// A tick is over.
    pub(super) fn reach(&self, at: Duration) {
        self.0.last.fetch_max(nanos(at), Ordering::Relaxed);
    }

    /// Runs `poll`, which polls the programs of one host inside turmoil.
    pub(super) fn inside<T>(&self, poll: impl FnOnce() -> T) -> T {
        self.0.inside.store(true, Ordering::Relaxed);
        let result = poll();
        self.0.inside.store(false, Ordering::Relaxed);
        result
    }
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}
