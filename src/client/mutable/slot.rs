//! What every operation on one mutable file has at hand: its servers, and how they are asked.

use std::collections::BTreeSet;
use std::future::Future;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, sleep, timeout};

use crate::client::Client;
use crate::client::ask::is_hiccup;
use crate::client::event::{Event, Question};
use crate::format::secret::{cancel_secret, renew_secret};
use crate::format::{ServerId, ShareNum, StorageIndex};
use crate::net::Dial;
use crate::net::client::{Progress, RequestError, StorageClient};
use crate::net::message::LeaseSecrets;
use crate::plan::Moment;
use crate::plan::health::Standing;

/// One mutable file on its grid, for the length of an operation.
pub(super) struct Slot<'a, D: Dial> {
    pub(super) client: &'a Client<D>,
    pub(super) index: StorageIndex,
    /// In permuted order; everything below knows a server by its place here.
    pub(super) servers: Vec<Arc<StorageClient<D>>>,
    /// When the operation must have ended.
    pub(super) end: Moment,
}

/// A share that is not what it should be, for its server to know.
pub(super) struct Complaint {
    pub(super) server: usize,
    pub(super) share: ShareNum,
    pub(super) reason: String,
}

impl<'a, D: Dial + Clone> Slot<'a, D> {
    pub(super) fn new(client: &'a Client<D>, index: StorageIndex) -> Self {
        let end = client.now() + client.policy().mutable.deadline;
        Self { client, index, servers: client.permuted(index), end }
    }

    pub(super) fn id(&self, server: usize) -> &ServerId {
        &self.servers[server].info().id
    }

    /// When the operation must have ended, on tokio's scale.
    pub(super) fn end(&self) -> Instant {
        self.client.instant(self.end)
    }

    /// Whether it should have ended by now.
    pub(super) fn is_over(&self) -> bool {
        self.client.now() >= self.end
    }

    pub(super) fn is_suspect(&self, server: usize) -> bool {
        self.client.health().standing(self.id(server), self.client.now()) == Standing::Suspect
    }

    /// The secrets that `server` sees with a write.
    pub(super) fn leases(&self, server: usize) -> LeaseSecrets {
        let (secret, seed) = (&self.client.secrets().lease, &self.servers[server].info().lease_seed);
        LeaseSecrets {
            renew: renew_secret(secret, self.index, seed),
            cancel: cancel_secret(secret, self.index, seed),
        }
    }

    /// Puts one question to one server.
    pub(super) async fn ask<T>(
        &self,
        server: usize,
        question: Question,
        overdue_after: Option<Duration>,
        measure: impl FnOnce(&T) -> Option<u64>,
        request: impl Future<Output = Result<T, RequestError>>,
    ) -> Result<T, RequestError> {
        let deadlines = self.client.deadlines(overdue_after, self.end.since(self.client.now()));
        self.client.ask(self.id(server), question, deadlines, measure, request).await
    }

    /// Puts a question that changes nothing, and again, a little later each time, if it fails for a reason that may
    /// pass.
    pub(super) async fn ask_again<T, R: Future<Output = Result<T, RequestError>>>(
        &self,
        server: usize,
        question: Question,
        overdue_after: Option<Duration>,
        measure: impl Fn(&T) -> Option<u64>,
        request: impl Fn() -> R,
    ) -> Result<T, RequestError> {
        let policy = &self.client.policy().mutable;
        for retry in 0..policy.retries_max {
            // An answer that stays away may be lost, and its connection one that the server has forgotten.
            let patience = self.client.policy().overdue.again_after(Duration::ZERO, retry);
            match timeout(patience, self.ask(server, question, overdue_after, &measure, request())).await {
                Ok(Err(error)) if is_hiccup(&error) => {
                    sleep(self.client.pause(&error, policy.retry_after, retry)).await;
                }
                Ok(answer) => return answer,
                Err(_) => {}
            }
        }
        self.ask(server, question, overdue_after, measure, request()).await
    }

    /// Later operations do not wait for `server`.
    pub(super) fn note_overdue(&self, server: usize, question: Question, after: Duration) {
        self.client.health().overdue(self.id(server), self.client.now());
        self.client.tell(Event::Overdue { server: self.id(server).clone(), question, after });
    }

    /// Tells servers of shares that are not what they should be: a few of them, each once, and not for long. `told`
    /// are those that were told of before.
    pub(super) async fn complain(
        &self,
        told: &mut BTreeSet<(usize, ShareNum)>,
        mut complaints: Vec<Complaint>,
    ) {
        complaints.retain(|complaint| told.insert((complaint.server, complaint.share)));
        if complaints.is_empty() {
            return;
        }
        let policy = &self.client.policy().download;
        let all = complaints.iter().take(policy.reports_max).map(|Complaint { server, share, reason }| {
            let report = self.servers[*server].mutable_report_corrupt(self.index, *share, reason);
            self.ask(*server, Question::ReportCorrupt(*share), None, |()| None, report)
        });
        let until = self.client.instant(self.end.min(self.client.now() + policy.report_max));
        tokio::time::timeout_at(until, futures_util::future::join_all(all)).await.ok();
    }
}

/// Bytes of a share, all of one version.
pub(super) async fn read<D: Dial + Clone>(
    slot: &Slot<'_, D>,
    server: usize,
    share: ShareNum,
    range: Range<u64>,
    patience: Option<Duration>,
) -> Result<Bytes, RequestError> {
    let storage = &slot.servers[server];
    let progress = Progress::default();
    let request = || storage.mutable_read(slot.index, share, range.clone(), &progress);
    slot.ask_again(
        server,
        Question::Metadata(share),
        patience,
        |bytes: &Bytes| Some(bytes.len() as u64),
        request,
    )
    .await
}

/// `range` of `bytes`, if all of it is there.
pub(super) fn slice<'b>(bytes: &'b Bytes, range: &Range<u64>) -> Option<&'b [u8]> {
    bytes.get(usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?)
}
