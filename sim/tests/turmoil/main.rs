//! The turmoil engine by itself: what small programs see of its connections, and of what is done to their hosts.
//!
//! Whether whole runs come to the same verdicts as on the event engine is tested with the scenarios.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod connect;
mod faults;
mod world;
