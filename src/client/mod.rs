//! Whole operations: upload, download, mutable files, directories, backup.
//!
//! Thin and asynchronous: the decisions are in `plan`, the bytes in `format`, the requests in `net`.
//! No task is spawned here; an operation is one future, and dropping it ends all it started.

pub(crate) mod ask;
pub mod backup;
pub mod brief;
pub mod check;
pub mod directory;
pub mod download;
pub mod event;
pub(crate) mod flight;
pub mod grid;
mod known;
pub mod mutable;
mod remains;
pub mod upload;

pub use event::{Deadlines, Event, Observe};
pub use grid::Client;
