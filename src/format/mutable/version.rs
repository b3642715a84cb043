//! What tells one version of a mutable file from another.

use std::fmt;

use super::header::Header;
use crate::format::hash::Digest;

/// One version of a mutable file. Ordered as readers prefer them: the highest sequence number, then the
/// highest root hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct VersionId {
    /// From 1; each publish takes one more than the highest it knows of.
    pub seqnum: u64,
    /// The root of its share hash tree.
    pub root_hash: Digest,
}

impl fmt::Display for VersionId {
    /// As `seq5-3f2a`: enough of the hash to tell versions apart by eye.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, ..] = self.root_hash.0;
        write!(f, "seq{}-{a:02x}{b:02x}", self.seqnum)
    }
}

impl From<&Header> for VersionId {
    fn from(header: &Header) -> Self {
        Self { seqnum: header.seqnum(), root_hash: header.root_hash() }
    }
}
