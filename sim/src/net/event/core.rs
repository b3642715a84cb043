//! The engine's state behind a cell, virtual time, and the observer.
//!
//! Every change goes through [`Core::with`], which brings the time up to date before and tells the observer after,
//! when the state is free again: an observer may call back into the network.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use tokio::time::Instant;

use super::link::nanos;
use super::state::State;
use crate::net::{HostId, Observer};

pub(super) struct Core {
    pub(super) state: RefCell<State>,
    pub(super) start: Instant,
    /// Set while the driver works: time is then the time of the event at hand, not that of tokio's clock.
    pub(super) driving: Cell<bool>,
    observer: Observer,
    telling: Cell<bool>,
}

impl Core {
    pub(super) fn new(state: State, observer: Observer) -> Self {
        Self {
            state: RefCell::new(state),
            start: Instant::now(),
            driving: Cell::new(false),
            observer,
            telling: Cell::new(false),
        }
    }

    /// Virtual time by tokio's clock, which the driver follows.
    pub(super) fn elapsed(&self) -> u64 {
        nanos(self.start.elapsed())
    }

    pub(super) fn now(&self) -> Duration {
        let state = self.state.borrow();
        Duration::from_nanos(if self.driving.get() { state.now } else { self.time_outside(&state) })
    }

    /// The time at which something done now by others than the driver counts as done. Tokio rounds timers up to
    /// milliseconds; what is due within the last of them comes first, at its own time.
    fn time_outside(&self, state: &State) -> u64 {
        let elapsed = self.elapsed();
        state.now.max(state.earliest().map_or(elapsed, |at| at.min(elapsed)))
    }

    pub(super) fn with<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        let mut state = self.state.borrow_mut();
        if !self.driving.get() {
            state.now = self.time_outside(&state);
        }
        let result = change(&mut state);
        let sooner = !self.driving.get() && state.earliest().is_some_and(|at| at < state.armed);
        let driver = if sooner { state.driver.take() } else { None };
        let news = !state.notices.is_empty();
        drop(state);
        if let Some(driver) = driver {
            driver.wake();
        }
        if news {
            self.tell();
        }
        result
    }

    /// Hands all news to the observer. What the observer causes meanwhile follows in order.
    pub(super) fn tell(&self) {
        if self.telling.replace(true) {
            return;
        }
        let mut news = Vec::new();
        loop {
            std::mem::swap(&mut news, &mut self.state.borrow_mut().notices);
            if news.is_empty() {
                break;
            }
            for event in news.drain(..) {
                (self.observer)(&event);
            }
        }
        self.telling.set(false);
    }

    /// The host called `name`.
    pub(super) fn host(&self, name: &str) -> Option<HostId> {
        let state = self.state.borrow();
        state.hosts.iter().position(|host| &*host.name == name).map(|index| HostId(index as u32))
    }
}
