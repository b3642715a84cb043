//! Asks every server for its shares of an immutable file, and reads those shares if wanted.
//!
//! Each server is waited for as long as an answer may take; the reading of a share has a limit that goes with its
//! length. A few shares are read at a time. Servers are told of shares that are corrupt.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt};
use tokio::time::{sleep, timeout, timeout_at};

use super::{Check, CheckOptions};
use crate::client::Client;
use crate::client::ask::is_hiccup;
use crate::client::download::{Answer, FileShape, Flaw, ReadError, ServerReport, ShareState, verify_share};
use crate::client::event::{Event, Question};
use crate::client::flight::Flight;
use crate::format::ShareNum;
use crate::format::cap::VerifyCap;
use crate::format::share::ChainError;
use crate::net::Dial;
use crate::net::client::{RequestError, StorageClient};
use crate::plan::Moment;

/// Shares read at a time.
const AT_A_TIME: usize = 4;

/// The inspection of one file.
struct Inspection<'a, D: Dial> {
    client: &'a Client<D>,
    cap: Arc<VerifyCap>,
    servers: Vec<Arc<StorageClient<D>>>,
    end: Moment,
    answers: BTreeMap<usize, Answer>,
    shares: BTreeMap<(usize, ShareNum), ShareState>,
}

impl<D: Dial + Clone> Client<D> {
    /// How well the file is stored. Every server is asked, and waited for as long as an answer may take.
    ///
    /// With `verify` every byte of every share is read, a few shares at a time and piece by piece; memory does not
    /// grow with the file. Servers are told of corrupt shares. Ends within `policy.download.deadline`; what was not
    /// read by then counts as silent.
    pub async fn check(&self, cap: &VerifyCap, options: &CheckOptions) -> Check {
        self.inspect(cap, options.verify).await.0
    }

    /// The same; with it, what a good share says of the file, if one was read.
    pub(super) async fn inspect(&self, cap: &VerifyCap, verify: bool) -> (Check, Option<Arc<FileShape>>) {
        let mut inspection = Inspection {
            client: self,
            cap: Arc::new(cap.clone()),
            servers: self.permuted(cap.storage_index),
            end: self.now() + self.policy().download.deadline,
            answers: BTreeMap::new(),
            shares: BTreeMap::new(),
        };
        inspection.find().await;
        let file = if verify { inspection.read_all().await } else { None };
        inspection.complain().await;
        (inspection.report(verify), file)
    }
}

impl<D: Dial + Clone> Inspection<'_, D> {
    async fn find(&mut self) {
        let client = self.client;
        let patience = client.policy().overdue.ceiling;
        let until = self.end.min(client.now() + patience);
        let mut flight = Flight::new();
        for (server, storage) in self.servers.iter().enumerate() {
            let (client, end, storage, index) = (client, self.end, storage.clone(), self.cap.storage_index);
            let ask = async move {
                let request = || storage.shares(index);
                ask_again(client, end, &storage, Question::Shares, Some(patience), request, |_| Some(0)).await
            };
            flight.send(server, Arc::default(), ask);
        }
        while !flight.is_empty() && client.now() < until {
            for (server, answer) in flight.wait(client.instant(until)).await.ended {
                self.note(server, answer);
            }
        }
        for server in 0..self.servers.len() {
            if let Entry::Vacant(vacant) = self.answers.entry(server) {
                vacant.insert(Answer::Silent);
                let id = self.servers[server].info().id.clone();
                client.health().overdue(&id, client.now());
                client.tell(Event::Overdue { server: id, question: Question::Shares, after: patience });
            }
        }
    }

    fn note(&mut self, server: usize, answer: Result<BTreeSet<ShareNum>, RequestError>) {
        let shares = match answer {
            Ok(shares) => shares,
            Err(error) => {
                self.answers.insert(server, Answer::Failed(error));
                return;
            }
        };
        self.answers.insert(server, Answer::Given);
        for share in shares {
            let id = self.servers[server].info().id.clone();
            self.client.tell(Event::ShareFound { server: id, share });
            let state = match usize::from(share.0) < self.cap.encoding.total() {
                true => ShareState::Good,
                false => ShareState::Corrupt(Flaw::Chain(ChainError::NoSuchShare(share))),
            };
            self.shares.insert((server, share), state);
        }
    }

    async fn read_all(&mut self) -> Option<Arc<FileShape>> {
        let (client, end) = (self.client, self.end);
        let policy = client.policy();
        let crawl = self.cap.size / self.cap.encoding.needed() as u64 / policy.overdue.crawl_rate.max(1);
        let limit = policy.transport.silence_max + Duration::from_secs(crawl);
        let found = self.shares.iter_mut().filter(|(_, state)| **state == ShareState::Good);
        let mut jobs = Vec::new();
        for ((server, share), state) in found {
            // Until it is read.
            *state = ShareState::Silent;
            let (server, share) = (*server, *share);
            let (storage, cap) = (Arc::clone(&self.servers[server]), Arc::clone(&self.cap));
            jobs.push(async move {
                let read = || async {
                    match verify_share(storage.clone(), cap.clone(), share, &policy.download).await {
                        Ok(file) => Ok(Ok(file)),
                        Err(ReadError::Corrupt(flaw)) => Ok(Err(flaw)),
                        Err(ReadError::Request(error)) => Err(error),
                    }
                };
                let question = Question::Metadata(share);
                let answer = ask_again(client, end, &storage, question, None, read, |_| None);
                (server, share, timeout(limit, answer).await)
            });
        }
        let mut file = None;
        let mut jobs = stream::iter(jobs).buffer_unordered(AT_A_TIME);
        while let Ok(Some((server, share, answer))) = timeout_at(client.instant(end), jobs.next()).await {
            let state = match answer {
                Ok(Ok(Ok(shape))) => {
                    file.get_or_insert(shape);
                    ShareState::Good
                }
                Ok(Ok(Err(flaw))) => ShareState::Corrupt(flaw),
                // It was listed, and is gone by now.
                Ok(Err(RequestError::Status(404))) => {
                    self.shares.remove(&(server, share));
                    continue;
                }
                Ok(Err(error)) => ShareState::Failed(error),
                Err(_) => continue,
            };
            self.shares.insert((server, share), state);
        }
        file
    }

    /// Tells servers of corrupt shares: a few of them, and not for long.
    async fn complain(&self) {
        let (client, policy) = (self.client, &self.client.policy().download);
        let corrupt = self.shares.iter().filter_map(|((server, share), state)| match state {
            ShareState::Corrupt(flaw) => Some((&self.servers[*server], *share, flaw.to_string())),
            ShareState::Good | ShareState::Silent | ShareState::Failed(_) => None,
        });
        let corrupt: Vec<_> = corrupt.collect();
        for (storage, share, reason) in &corrupt {
            let server = storage.info().id.clone();
            client.tell(Event::ShareCorrupt { server, share: *share, reason: reason.clone() });
        }
        let all = corrupt.iter().take(policy.reports_max).map(|(storage, share, reason)| {
            let report = storage.report_corrupt(self.cap.storage_index, *share, reason);
            let deadlines = client.deadlines(None, self.end.since(client.now()));
            client.ask(&storage.info().id, Question::ReportCorrupt(*share), deadlines, |()| None, report)
        });
        let until = self.end.min(client.now() + policy.report_max);
        timeout_at(client.instant(until), join_all(all)).await.ok();
    }

    fn report(&self, verified: bool) -> Check {
        let report = |(server, storage): (usize, &Arc<StorageClient<D>>)| ServerReport {
            server: storage.info().id.clone(),
            answer: self.answers.get(&server).cloned().unwrap_or(Answer::NotAsked),
            shares: self
                .shares
                .range((server, ShareNum(0))..=(server, ShareNum(u8::MAX)))
                .map(|((_, share), state)| (*share, state.clone()))
                .collect(),
        };
        let servers = self.servers.iter().enumerate().map(report).collect();
        Check { encoding: self.cap.encoding, verified, servers }
    }
}

/// Puts a question that changes nothing, and again, a little later each time, if it fails for a reason that may pass.
async fn ask_again<D: Dial + Clone, T, R: Future<Output = Result<T, RequestError>>>(
    client: &Client<D>,
    end: Moment,
    storage: &StorageClient<D>,
    question: Question,
    overdue_after: Option<Duration>,
    request: impl Fn() -> R,
    measure: impl Fn(&T) -> Option<u64>,
) -> Result<T, RequestError> {
    let policy = &client.policy().download;
    let mut retry = 0;
    loop {
        let deadlines = client.deadlines(overdue_after, end.since(client.now()));
        match client.ask(&storage.info().id, question, deadlines, &measure, request()).await {
            Err(error) if is_hiccup(&error) && retry < policy.retries_max => {
                sleep(client.pause(&error, policy.retry_after, retry)).await;
                retry += 1;
            }
            answer => return answer,
        }
    }
}
