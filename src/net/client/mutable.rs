//! Requests about mutable shares. What is in them, and what became of a write whose answer was lost, is the caller's affair.

use std::collections::BTreeSet;
use std::ops::Range;

use bytes::Bytes;
use http::{Method, StatusCode};

use super::{Area, Message, Progress, RequestError, StorageClient};
use crate::format::{ShareNum, StorageIndex};
use crate::net::Dial;
use crate::net::http::{Call, Counts, Replay};
use crate::net::message::{
    LeaseSecrets, READ_BYTES_MAX, ReadSpan, ReadTestWrite, SHARE_NUMBERS_MAX, TestWritten,
};

/// At least what a share, and one piece of it, takes in an answer besides the data.
const OVERHEAD_BYTES: usize = 16;

impl<D: Dial> StorageClient<D> {
    /// The mutable shares held for `index`.
    pub async fn mutable_shares(&self, index: StorageIndex) -> Result<BTreeSet<ShareNum>, RequestError> {
        self.list(Area::Mutable, index).await
    }

    /// Bytes `range` of a mutable share, all of one version: fewer where the share ends earlier, none past its end.
    /// `RequestError::Status(404)` if there is no such share. `progress` counts the body bytes received.
    pub async fn mutable_read(
        &self,
        index: StorageIndex,
        share: ShareNum,
        range: Range<u64>,
        progress: &Progress,
    ) -> Result<Bytes, RequestError> {
        self.piece(Area::Mutable, index, share, range, progress).await
    }

    /// Tests, reads and writes the shares of `index` in one step. `progress` counts the bytes taken by the connection.
    ///
    /// `RequestError::Status`: 401 if the enabler is not that of every share there, 413 if a share would become
    /// too long or more is to be read than a server gives at once, 507 if there is no room, 503 if another writer was faster
    /// again and again. Nothing was written then. Sent again on its own only if nothing of it was sent before:
    /// after any other error it may have happened or not, and its tests need not hold a second time.
    pub async fn read_test_write(
        &self,
        index: StorageIndex,
        asked: &ReadTestWrite,
        write_enabler: &[u8; 32],
        leases: &LeaseSecrets,
        progress: &Progress,
    ) -> Result<TestWritten, RequestError> {
        let mut call = Call::new(Method::POST, format!("/storage/v1/mutable/{index}/read-test-write"));
        call.leases(leases);
        call.secret("write-enabler ", write_enabler);
        call.cbor(asked.encode());
        call.replay = Replay::UnlessSent;
        call.progress = Counts::Sent(progress);
        let expect = Message { statuses: &[StatusCode::OK], bytes_max: answer_bytes_max(&asked.read) };
        let answer = TestWritten::decode(&self.call(call, &expect).await?.body)?;
        let fits = |pieces: &Vec<Bytes>| {
            let within = |(piece, span): (&Bytes, &ReadSpan)| super::length(piece) <= span.size;
            pieces.len() == asked.read.len() && pieces.iter().zip(&asked.read).all(within)
        };
        if answer.data.values().all(fits) {
            Ok(answer)
        } else {
            Err(RequestError::malformed("other reads than asked for"))
        }
    }

    /// Tells the server that a mutable share is corrupt. A long reason is cut.
    pub async fn mutable_report_corrupt(
        &self,
        index: StorageIndex,
        share: ShareNum,
        reason: &str,
    ) -> Result<(), RequestError> {
        self.report(Area::Mutable, index, share, reason).await
    }
}

/// The longest answer that these reads can give.
fn answer_bytes_max(read: &[ReadSpan]) -> usize {
    let asked = read.iter().fold(0, |sum: u64, span| sum.saturating_add(span.size));
    let data = asked.saturating_mul(SHARE_NUMBERS_MAX as u64).min(READ_BYTES_MAX);
    let overhead = OVERHEAD_BYTES * (SHARE_NUMBERS_MAX * (1 + read.len()) + 4);
    usize::try_from(data).unwrap_or(usize::MAX).saturating_add(overhead)
}
