//! Decisions about mutable files: which servers are asked what they hold, which version is the best, which server
//! is to hold which share of a new one, and what counts as written.
//!
//! Pure, like all of `plan`: answers are recorded as facts, and what to do follows from all of them.

pub mod spread;
pub mod survey;

pub use spread::Spread;
pub use survey::{Mode, Survey};
