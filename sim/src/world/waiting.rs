//! Those who wait for something to change, each once however often it is polled.
//!
//! Knows nothing of what they wait for: who is woken looks again.

use std::task::{Context, Waker};

/// Tasks to wake.
#[derive(Debug, Default)]
pub(super) struct Waiting(Vec<Waker>);

impl Waiting {
    /// Whoever polls with `cx` waits from now on.
    pub(super) fn join(&mut self, cx: &Context<'_>) {
        if !self.0.iter().any(|waker| waker.will_wake(cx.waker())) {
            self.0.push(cx.waker().clone());
        }
    }

    /// Wakes all; nobody waits any more.
    pub(super) fn wake_all(&mut self) {
        std::mem::take(&mut self.0).into_iter().for_each(Waker::wake);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_polled_again_and_again_waits_once() {
        let waker = Waker::noop();
        let mut waiting = Waiting::default();
        (0..100).for_each(|_| waiting.join(&Context::from_waker(waker)));
        assert_eq!(waiting.0.len(), 1);
        waiting.wake_all();
        assert!(waiting.0.is_empty());
    }
}
