//! The requests an upload makes of one server. Which requests are made, and when, is not known here.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use tokio::time::{sleep, timeout};

use super::restore::Holdings;
use crate::client::Client;
use crate::client::ask::{is_hiccup, may_pass};
use crate::client::event::Question;
use crate::format::{ServerId, ShareNum, StorageIndex};
use crate::net::Dial;
use crate::net::client::{Progress, RequestError, StorageClient};
use crate::net::message::{Allocated, LeaseSecrets, UploadSecret};
use crate::plan::Moment;

/// The most bytes in one write: servers bound what they take at once.
const WRITE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// What all requests of one upload have in common.
pub(super) struct Job<'a, D: Dial> {
    pub(super) client: &'a Client<D>,
    /// In the order of preference; everything below knows a server by its place here.
    pub(super) servers: Vec<Peer<D>>,
    pub(super) index: StorageIndex,
    pub(super) secret: UploadSecret,
    /// Bytes of every share.
    pub(super) share_size: u64,
    /// When the upload must have ended, cleaning up included.
    pub(super) end: Moment,
    /// What is known of the shares of a file that exists. Otherwise servers are believed.
    pub(super) holdings: Option<&'a Holdings>,
}

/// One server and the secrets that are for it.
pub(super) struct Peer<D: Dial> {
    pub(super) storage: Arc<StorageClient<D>>,
    pub(super) leases: LeaseSecrets,
}

impl<D: Dial> Peer<D> {
    pub(super) fn id(&self) -> &ServerId {
        &self.storage.info().id
    }
}

/// Bytes for one share.
pub(super) struct Piece {
    pub(super) share: ShareNum,
    pub(super) offset: u64,
    pub(super) data: Bytes,
}

impl<D: Dial + Clone> Job<'_, D> {
    /// Those of `shares`, which `server` says it has, that count.
    pub(super) fn admit(&self, server: usize, mut shares: BTreeSet<ShareNum>) -> BTreeSet<ShareNum> {
        if let Some(holdings) = self.holdings {
            shares.retain(|share| holdings.has_good(self.servers[server].id(), *share));
        }
        shares
    }

    /// Whether `server` is not to be given any share.
    pub(super) fn is_barred(&self, server: usize) -> bool {
        self.holdings.is_some_and(|holdings| holdings.is_barred(self.servers[server].id()))
    }

    /// Runs `request` and tells of it.
    pub(super) async fn ask<T>(
        &self,
        server: usize,
        question: Question,
        overdue_after: Option<Duration>,
        request: impl Future<Output = Result<T, RequestError>>,
    ) -> Result<T, RequestError> {
        let client = self.client;
        let deadlines = client.deadlines(overdue_after, self.end.since(client.now()));
        // How long bytes take upward says nothing about answers.
        let measure = |_: &T| (!matches!(question, Question::Write(_))).then_some(0);
        client.ask(self.servers[server].id(), question, deadlines, measure, request).await
    }

    /// Puts a question that changes nothing, and again if it fails for a reason that may have passed.
    pub(super) async fn ask_again<T, R: Future<Output = Result<T, RequestError>>>(
        &self,
        server: usize,
        question: Question,
        overdue_after: Duration,
        request: impl Fn() -> R,
    ) -> Result<T, RequestError> {
        let mut answer = self.ask(server, question, Some(overdue_after), request()).await;
        for _ in 0..self.client.policy().upload.retries_max {
            if !answer.as_ref().err().is_some_and(is_hiccup) {
                break;
            }
            answer = self.ask(server, question, Some(overdue_after), request()).await;
        }
        answer
    }

    /// Later operations do not wait for `server` again.
    pub(super) fn note_overdue(&self, server: usize) {
        let (id, now) = (self.servers[server].id(), self.client.now());
        self.client.health().overdue(id, now);
    }

    pub(super) async fn room(&self, server: usize, overdue_after: Duration) -> Result<u64, RequestError> {
        let storage = &self.servers[server].storage;
        let version = self.ask_again(server, Question::Version, overdue_after, || storage.version()).await?;
        let room = version.maximum_immutable_share_size;
        self.client.note_room(self.servers[server].id(), room);
        Ok(room)
    }

    pub(super) async fn allocate(
        &self,
        server: usize,
        shares: &BTreeSet<ShareNum>,
        overdue_after: Duration,
    ) -> Result<Allocated, RequestError> {
        let Peer { storage, leases } = &self.servers[server];
        let request = storage.allocate(self.index, shares, self.share_size, leases, &self.secret);
        self.ask(server, Question::Allocate, Some(overdue_after), request).await
    }

    /// In as many requests as the length takes, one after the other.
    pub(super) async fn write(
        &self,
        server: usize,
        piece: Piece,
        progress: &Progress,
        overdue_after: Duration,
    ) -> Result<bool, RequestError> {
        let Piece { share, mut offset, mut data } = piece;
        loop {
            let part = data.split_to(data.len().min(WRITE_BYTES_MAX));
            let len = part.len() as u64;
            let complete =
                self.write_part(server, Piece { share, offset, data: part }, progress, overdue_after).await?;
            if data.is_empty() {
                return Ok(complete);
            }
            offset += len;
        }
    }

    /// A write that failed for a reason that may pass is repeated: bytes that are there already may be
    /// written again.
    async fn write_part(
        &self,
        server: usize,
        piece: Piece,
        progress: &Progress,
        overdue_after: Duration,
    ) -> Result<bool, RequestError> {
        let Piece { share, offset, data } = piece;
        let storage = &self.servers[server].storage;
        let write = || {
            let request = storage.write(self.index, share, offset, data.clone(), &self.secret, progress);
            self.ask(server, Question::Write(share), Some(overdue_after), request)
        };
        let policy = &self.client.policy().upload;
        let mut written = write().await;
        for retry in 0..policy.write_retries_max {
            let Err(error) = &written else { break };
            if !may_pass(error) {
                break;
            }
            let usual = if retry == 0 { Duration::ZERO } else { policy.write_retry_after };
            sleep(self.client.pause(error, usual, retry.saturating_sub(1))).await;
            written = write().await;
        }
        match written {
            Ok(written) => Ok(written.complete),
            // A share is not in progress any more once it is complete: the write may have arrived, and
            // only its answer was lost.
            Err(RequestError::Status(404)) => {
                let shares = self.ask(server, Question::Shares, None, storage.shares(self.index)).await?;
                if shares.contains(&share) { Ok(true) } else { Err(RequestError::Status(404)) }
            }
            Err(error) => Err(error),
        }
    }

    /// One after the other; a server that cannot be reached is not tried again.
    pub(super) async fn abort(&self, server: usize, shares: BTreeSet<ShareNum>) -> BTreeSet<ShareNum> {
        let mut gone = BTreeSet::new();
        for share in shares {
            let request = self.servers[server].storage.abort(self.index, share, &self.secret);
            match self.ask(server, Question::Abort(share), None, request).await {
                // Whatever it says against it, there is nothing left to abort.
                Ok(()) | Err(RequestError::Status(_)) => gone.insert(share),
                Err(
                    RequestError::Connect(_)
                    | RequestError::Lost(_)
                    | RequestError::Silent(_)
                    | RequestError::Trouble(_)
                    | RequestError::Malformed(_),
                ) => break,
            };
        }
        gone
    }

    /// Aborts what earlier uploads of this file left on `server`, several at a time. What cannot be aborted, or
    /// not within what cleaning up may take, stays noted.
    pub(super) async fn clear(&self, server: usize) {
        let Peer { storage, .. } = &self.servers[server];
        let remains = self.client.remains().of(self.servers[server].id(), self.index);
        if remains.is_empty() {
            return;
        }
        let aborts = remains.into_iter().map(|remain| async move {
            let request = storage.abort(remain.index, remain.share, &remain.secret);
            match self.ask(server, Question::Abort(remain.share), None, request).await {
                // It was complete, or is gone already.
                Ok(()) | Err(RequestError::Status(..500)) => self.client.remains().forget(&remain),
                Err(_) => {}
            }
        });
        let policy = self.client.policy();
        let aborts = stream::iter(aborts).buffer_unordered(policy.transport.idle_connections_max.max(1));
        // Those who wait for `server` do not wait longer than for others.
        timeout(policy.upload.abort_max, aborts.collect::<()>()).await.ok();
    }
}
