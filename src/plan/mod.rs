//! Decisions: where shares go, which share is asked next, how long is too long.
//!
//! Pure functions and one state machine. Nothing here performs I/O, reads a clock or knows tokio:
//! time is a [`Moment`] handed in, randomness a generator handed in.

use std::ops::{Add, Sub};
use std::time::Duration;

pub mod fetch;
pub mod health;
pub mod mutable;
pub mod permute;
pub mod place;
pub mod policy;

pub use policy::Policy;

/// A point in time, as the span since an origin the caller chose (and keeps for all its moments).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Moment(pub Duration);

impl Moment {
    /// The span from `earlier` to this moment; zero if `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

/// `span`, doubled so many times; saturates.
pub fn doubled(span: Duration, times: u32) -> Duration {
    span.saturating_mul(1u32.checked_shl(times).unwrap_or(u32::MAX))
}

impl Add<Duration> for Moment {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(span))
    }
}

impl Sub<Duration> for Moment {
    type Output = Self;

    fn sub(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(span))
    }
}
