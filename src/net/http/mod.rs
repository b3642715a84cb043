//! HTTP/1.1 requests over any byte stream: what is sent, one connection, and the idle ones kept for reuse.
//!
//! Knows neither the storage protocol nor S3, whose clients both stand on this. No retries but the one that a stale
//! connection is worth.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

mod call;
mod connection;
mod error;
mod pool;

pub(crate) use call::Call;
pub(crate) use connection::{Answer, BodyLength, Counts, Expect};
pub use error::RequestError;
pub(crate) use pool::{Pool, Replay};

pub use crate::plan::policy::TransportPolicy;

/// Body bytes of one request that have moved so far, in its main direction. Shared with whoever watches.
pub type Progress = Arc<AtomicU64>;
