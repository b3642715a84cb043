//! S3 as its users see it, in memory: buckets, objects, multipart uploads and the REST protocol on top.
//!
//! [`Store`] keeps the bytes, [`Service`] gives every operation its meaning, [`Handler`] answers requests of hyper. The
//! protocol itself (XML, headers, routes, signatures) is the crate `s3s`. Nothing here reads a clock, draws entropy or
//! opens a socket: time and randomness are handed in, and [`lafs::net::serve`] carries the bytes.
//!
//! Not here: versioned buckets, access rules, tags, encryption, buckets named in the host name. Nor the faults: whoever
//! wants some puts a handler of its own in front, and calls [`Handler::answer`] and [`Handler::refuse`]; [`front`] is one.

mod chunked;
mod digest;
mod error;
pub mod front;
mod handler;
mod headers;
mod list;
mod service;
mod store;
#[cfg(test)]
mod tests;

pub use error::Refusal;
pub use handler::{Complaint, Handler, KeyPair, words};
pub use list::{Item, Page, Query};
pub use service::Service;
pub use store::{Object, PendingUpload, Reality, Store, Wish};

/// The longest object, and the longest part of one: 1 GiB, where S3 has 5 GiB for one request, since all of it is kept
/// in memory.
pub const OBJECT_BYTES_MAX: usize = 1 << 30;
/// The longest key (S3's own limit).
pub const KEY_BYTES_MAX: usize = 1024;
/// Metadata of a user, names and values together (S3's own limit).
pub const METADATA_BYTES_MAX: usize = 2048;
/// Buckets of one store (S3's limit unless asked for more).
pub const BUCKETS_MAX: usize = 100;
/// Objects of one bucket. S3 has no limit.
pub const OBJECTS_MAX: usize = 10_000_000;
/// Objects that are gone and of which the store still knows what they were; the oldest are forgotten.
pub const GONE_MAX: usize = 10_000;
/// Multipart uploads under way, in one bucket. S3 has no limit.
pub const UPLOADS_MAX: usize = 10_000;
/// The highest number of a part (S3's own limit).
pub const PART_NUMBER_MAX: u16 = 10_000;
/// Every part but the last has at least this many bytes (S3's own limit).
pub const PART_BYTES_MIN: usize = 5 << 20;
/// Keys in one page of a listing, and in one request to delete (S3's own limit).
pub const PAGE_KEYS_MAX: usize = 1000;
