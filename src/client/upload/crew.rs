//! The requests of one upload that are under way, and what they may have left on servers.
//!
//! Shares that a server still keeps when the crew is dropped are noted for the next upload of the file.
//! Nothing is decided here, and what a request consists of is in `job`.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{AbortHandle, LocalBoxFuture, abortable, join};
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::time::{Instant, sleep, timeout_at};

use super::job::{Job, Piece};
use crate::client::event::Question;
use crate::client::remains::Remain;
use crate::format::ShareNum;
use crate::net::Dial;
use crate::net::client::{Progress, RequestError};
use crate::net::message::Allocated;

/// What came of a request; the first field is the server.
pub(super) enum Done {
    /// The longest share it takes.
    Room(usize, Result<u64, RequestError>),
    Shares(usize, Result<BTreeSet<ShareNum>, RequestError>),
    Granted(usize, BTreeSet<ShareNum>, Result<Allocated, RequestError>),
    /// Whether the share is complete.
    Wrote(usize, ShareNum, Result<bool, RequestError>),
    /// Those that are gone for certain.
    Aborted(usize, BTreeSet<ShareNum>),
}

/// The requests under way.
pub(super) struct Crew<'a, D: Dial> {
    pub(super) job: &'a Job<'a, D>,
    tasks: FuturesUnordered<LocalBoxFuture<'a, Option<Done>>>,
    /// Incomplete shares that servers keep, or might keep, for this upload.
    claims: BTreeMap<usize, BTreeSet<ShareNum>>,
    /// Servers that did not answer in time, and have not answered anything since.
    silent: BTreeSet<usize>,
}

impl<'a, D: Dial + Clone> Crew<'a, D> {
    pub(super) fn new(job: &'a Job<'a, D>) -> Self {
        Self { job, tasks: FuturesUnordered::new(), claims: BTreeMap::new(), silent: BTreeSet::new() }
    }

    /// What comes of a request next; none when `until` is reached first or nothing is under way.
    pub(super) async fn next(&mut self, until: Option<Instant>) -> Option<Done> {
        loop {
            let next = match until {
                Some(until) => timeout_at(until, self.tasks.next()).await.ok()?,
                None => self.tasks.next().await,
            };
            let Some(done) = next? else { continue };
            match &done {
                Done::Aborted(server, gone) if self.release(*server, gone) => {
                    self.silent.insert(*server);
                }
                Done::Room(server, _)
                | Done::Shares(server, _)
                | Done::Granted(server, ..)
                | Done::Wrote(server, ..)
                | Done::Aborted(server, _) => {
                    self.silent.remove(server);
                }
            }
            return Some(done);
        }
    }

    /// What has come of a request already.
    pub(super) fn next_ready(&mut self) -> Option<Done> {
        self.next(None).now_or_never().flatten()
    }

    fn start(&mut self, task: impl Future<Output = Done> + 'a) -> AbortHandle {
        let (task, handle) = abortable(task);
        self.tasks.push(Box::pin(async { task.await.ok() }));
        handle
    }

    pub(super) fn ask_room(&mut self, server: usize, overdue_after: Duration) -> AbortHandle {
        let job = self.job;
        self.start(async move { Done::Room(server, job.room(server, overdue_after).await) })
    }

    /// Meanwhile, what earlier uploads of the file left on `server` is aborted.
    pub(super) fn ask_shares(&mut self, server: usize, overdue_after: Duration) -> AbortHandle {
        let job = self.job;
        self.start(async move {
            let request = || job.servers[server].storage.shares(job.index);
            let question = job.ask_again(server, Question::Shares, overdue_after, request);
            Done::Shares(server, join(question, job.clear(server)).await.0)
        })
    }

    pub(super) fn allocate(&mut self, server: usize, shares: BTreeSet<ShareNum>, overdue_after: Duration) {
        self.claims.entry(server).or_default().extend(&shares);
        let job = self.job;
        self.start(async move {
            // Nothing is left if it said what it holds before.
            job.clear(server).await;
            let result = job.allocate(server, &shares, overdue_after).await;
            Done::Granted(server, shares, result)
        });
    }

    /// The same once more, after `pause`, and after the server has forgotten `undo`.
    pub(super) fn allocate_again(
        &mut self,
        server: usize,
        shares: BTreeSet<ShareNum>,
        overdue_after: Duration,
        pause: Duration,
        undo: BTreeSet<ShareNum>,
    ) {
        let job = self.job;
        self.start(async move {
            sleep(pause).await;
            job.abort(server, undo).await;
            let result = job.allocate(server, &shares, overdue_after).await;
            Done::Granted(server, shares, result)
        });
    }

    pub(super) fn write(
        &mut self,
        server: usize,
        piece: Piece,
        progress: Progress,
        overdue_after: Duration,
    ) -> AbortHandle {
        let job = self.job;
        self.start(async move {
            let share = piece.share;
            Done::Wrote(server, share, job.write(server, piece, &progress, overdue_after).await)
        })
    }

    /// Starts to make `server` forget incomplete shares. They stay claimed until it has.
    pub(super) fn abort(&mut self, server: usize, shares: BTreeSet<ShareNum>) {
        if !shares.is_empty() {
            let job = self.job;
            self.start(async move { Done::Aborted(server, job.abort(server, shares).await) });
        }
    }

    /// `shares` are complete on `server`, or not there at all. Whether it keeps others.
    pub(super) fn release(&mut self, server: usize, shares: &BTreeSet<ShareNum>) -> bool {
        let Some(claimed) = self.claims.get_mut(&server) else { return false };
        claimed.retain(|share| !shares.contains(share));
        !claimed.is_empty()
    }

    /// The shares claimed on `server`.
    pub(super) fn claimed(&self, server: usize) -> BTreeSet<ShareNum> {
        self.claims.get(&server).cloned().unwrap_or_default()
    }

    /// `server` has been silent for too long; it is hardly waited for until it has forgotten anything.
    pub(super) fn note_silent(&mut self, server: usize) {
        self.job.note_overdue(server);
        self.silent.insert(server);
    }

    /// What to do with an answer that nobody waits for any more: undoes an allocation.
    pub(super) fn undo(&mut self, done: Done) {
        if let Done::Granted(server, asked, answer) = done {
            let unused = match answer {
                Ok(Allocated { allocated, .. }) => &asked & &allocated,
                Err(_) => asked,
            };
            self.claims.entry(server).or_default().extend(&unused);
            self.abort(server, unused);
        }
    }

    /// Waits until servers have forgotten what is still claimed, or until `until`; for those that are
    /// silent only until `silent_until`. What is under way then is dropped.
    pub(super) async fn finish(&mut self, until: Instant, silent_until: Instant) {
        loop {
            let mut claiming = self.claims.iter().filter(|(_, claimed)| !claimed.is_empty()).peekable();
            if claiming.peek().is_none() {
                break;
            }
            let until = match claiming.all(|(server, _)| self.silent.contains(server)) {
                true => silent_until.min(until),
                false => until,
            };
            match self.next(Some(until)).await {
                Some(done) => self.undo(done),
                None => break,
            }
        }
        self.tasks.clear();
    }

    /// Drops every request under way and makes all servers forget what they keep for this upload, until
    /// that is done or `until` is reached.
    pub(super) async fn clean(&mut self, until: Instant) {
        self.tasks.clear();
        for (server, shares) in self.claims.clone() {
            self.abort(server, shares);
        }
        while self.next(Some(until)).await.is_some() {}
        self.tasks.clear();
    }
}

impl<D: Dial> Drop for Crew<'_, D> {
    fn drop(&mut self) {
        for (server, shares) in std::mem::take(&mut self.claims) {
            for share in shares {
                let Job { index, secret, .. } = *self.job;
                let server = self.job.servers[server].id().clone();
                self.job.client.remains().note(Remain { server, index, share, secret });
            }
        }
    }
}
