//! Where the storage servers of a grid keep their shares, as plain data.

use lafs::server::backend::s3::RetryPolicy;

use super::Link;

/// The host that keeps the shares of all servers, where they are kept in S3. No server or client is called so then.
pub const BUCKET: &str = "bucket";

/// How servers repeat requests to S3 that fail, by name.
pub const RETRY_POLICIES: [&str; 4] = RetryPolicy::NAMES;

/// Where servers keep their shares.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Storage {
    /// Each on a disk of its own.
    #[default]
    Memory,
    /// All in one bucket, each below a prefix of its own.
    S3(S3Params),
}

/// A bucket, and how servers treat it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3Params {
    /// The link between the bucket and everybody else.
    pub link: Link,
    /// How servers repeat requests that fail: the name of a policy.
    pub retry: String,
}

impl Storage {
    /// The bucket, if there is one.
    pub fn s3(&self) -> Option<&S3Params> {
        match self {
            Self::Memory => None,
            Self::S3(params) => Some(params),
        }
    }
}
