//! Whole operations: upload, download.
//!
//! Thin and asynchronous: the decisions are in `plan`, the bytes in `format`, the requests in `net`.
//! No task is spawned here; an operation is one future, and dropping it ends all it started.

pub mod download;
pub mod event;
pub mod grid;
mod remains;
pub mod upload;

pub use event::{Deadlines, Event, Observe};
pub use grid::Client;
