//! Reads a file, or a range of it, from any k of its shares.
//!
//! Shares are looked for and blocks fetched side by side: the first k shares found are used, further ones are
//! kept as spares, and nothing waits for a server that is not needed. Every byte is checked against the
//! capability before it is passed on. One decoded segment is in memory at a time.
//!
//! Nothing is cached between downloads except what was learned about the servers.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::time::timeout_at;

use self::operation::Operation;
use super::Client;
use crate::crypto::Key;
use crate::format::cap::{Cap, VerifyCap};
use crate::format::{ServerId, ShareNum};
use crate::net::Dial;

mod error;
mod find;
mod jobs;
mod learn;
mod operation;
mod pages;
mod segment;
mod share;
mod whole;

pub use error::{Answer, DownloadError, ServerReport, ShareState, Shortage};
pub use share::Flaw;
pub(in crate::client) use share::{FileShape, ReadError};
pub(in crate::client) use whole::verify_share;

/// What a download did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Downloaded {
    /// Bytes written to the sink.
    pub bytes: u64,
    /// The shares used, and the servers whose blocks of them were used.
    pub used: BTreeMap<ShareNum, BTreeSet<ServerId>>,
    /// Shares that turned out corrupt, in the order in which they were found out.
    pub corrupt: Vec<CorruptShare>,
    /// Requests for parts of shares.
    pub reads: u64,
    /// Bytes of shares that arrived, in answers to those that ended.
    pub bytes_read: u64,
    /// Requests made because a spare might be faster.
    pub hedges: usize,
    /// Requests for parts of shares that became overdue.
    pub overdue: usize,
}

/// A share that is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CorruptShare {
    /// Who served it.
    pub server: ServerId,
    /// Which.
    pub share: ShareNum,
    /// What is wrong with it.
    pub flaw: Flaw,
}

impl<D: Dial + Clone> Client<D> {
    /// Writes the bytes `range` of the file (all of them if `None`) to `sink` and flushes it. The range is clipped
    /// to the file. A verify capability gives the ciphertext. After an error, the sink has got a correct beginning.
    ///
    /// Ends within `DownloadPolicy::deadline`; dropping the future ends all requests.
    pub async fn download<W: AsyncWrite + Unpin>(
        &self,
        cap: &Cap,
        range: Option<Range<u64>>,
        sink: &mut W,
    ) -> Result<Downloaded, DownloadError> {
        let size = cap.size();
        let range = clip(range, size)?;
        let (verify, key): (VerifyCap, Option<Key>) = match cap {
            Cap::Literal(literal) => {
                let bytes = usize::try_from(range.start).ok().zip(usize::try_from(range.end).ok());
                let bytes = bytes.and_then(|(start, end)| literal.data.get(start..end)).unwrap_or_default();
                return self.pass_on(sink, bytes).await;
            }
            Cap::Chk(read) => (read.verify_cap(), Some(read.key)),
            Cap::Verify(verify) => (verify.clone(), None),
        };
        if range.is_empty() {
            return self.pass_on(sink, &[]).await;
        }
        Operation::new(self, Arc::new(verify), key).run(range, sink).await
    }

    /// Bytes for which no server is needed. A sink that does not take them in time has timed out.
    async fn pass_on<W: AsyncWrite + Unpin>(
        &self,
        sink: &mut W,
        bytes: &[u8],
    ) -> Result<Downloaded, DownloadError> {
        let deadline = self.instant(self.now() + self.policy().download.deadline);
        let write = async {
            sink.write_all(bytes).await?;
            sink.flush().await
        };
        timeout_at(deadline, write).await.map_err(std::io::Error::from)??;
        Ok(Downloaded { bytes: bytes.len() as u64, ..Downloaded::default() })
    }
}

/// The part of `range` that lies in a file of `size` bytes.
fn clip(range: Option<Range<u64>>, size: u64) -> Result<Range<u64>, DownloadError> {
    let Some(Range { start, end }) = range else { return Ok(0..size) };
    if start > size || end < start {
        return Err(DownloadError::BadRange { start, end, size });
    }
    Ok(start..end.min(size))
}
