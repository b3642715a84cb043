//! The set of requests under way: sending, cancelling, waiting, and watching their bytes come.
//!
//! What an answer means is decided in `operation`.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::{AbortHandle, Aborted, abortable};
use futures_util::stream::StreamExt;

use super::operation::{Current, Operation, Outcome};
use super::share::Watch;
use crate::client::event::{Deadlines, Event, Question};
use crate::net::Dial;
use crate::plan::Moment;

pub(super) type Job<'a> = Pin<Box<dyn Future<Output = (u64, Result<Outcome, Aborted>)> + 'a>>;

/// A request under way.
pub(super) struct Pending {
    /// An index into the servers.
    pub(super) server: usize,
    /// An index into the shares, for requests about one.
    pub(super) share: Option<usize>,
    pub(super) question: Question,
    /// When its present step was sent.
    pub(super) sent: Moment,
    /// When its last byte came.
    pub(super) heard: Moment,
    pub(super) watch: Arc<Watch>,
    pub(super) steps: u64,
    pub(super) done_bytes: u64,
    bytes: u64,
    abort: AbortHandle,
}

impl<'a, D: Dial + Clone> Operation<'a, D> {
    pub(super) fn send(
        &mut self,
        server: usize,
        share: Option<usize>,
        question: Question,
        overdue_after: Option<Duration>,
        watch: Arc<Watch>,
        request: impl Future<Output = Outcome> + 'a,
    ) -> u64 {
        let job = self.next_job;
        self.next_job += 1;
        let (request, abort) = abortable(request);
        self.jobs.push(Box::pin(async move { (job, request.await) }));
        let now = self.client.now();
        let (steps, done_bytes, bytes) = (0, 0, 0);
        let pending = Pending {
            server,
            share,
            question,
            sent: now,
            heard: now,
            watch,
            steps,
            done_bytes,
            bytes,
            abort,
        };
        self.pending.insert(job, pending);
        if let Some(server) = self.id(server) {
            let policy = self.client.policy();
            let deadlines = Deadlines {
                silence_max: Some(policy.transport.silence_max),
                overdue_after,
                stall_max: Some(policy.download.stall_max),
                operation_left: Some(self.deadline.since(now)),
            };
            self.client.tell(Event::Asked { server, question, deadlines });
        }
        job
    }

    pub(super) fn cancel(&mut self, job: u64) {
        let Some(pending) = self.pending.remove(&job) else { return };
        pending.abort.abort();
        let Some(server) = self.id(pending.server) else { return };
        if matches!(pending.question, Question::Metadata(_) | Question::Block { .. }) {
            self.done.reads += pending.steps + 1;
            self.done.bytes_read += pending.watch.done_bytes.load(Relaxed);
            let (bytes, took) = (pending.watch.current.load(Relaxed), self.client.now().since(pending.sent));
            self.client.health().partial(&server, bytes, took);
        }
        self.client.tell(Event::Cancelled { server, question: pending.question });
    }

    /// Waits until requests end, or until `deadline`.
    pub(super) async fn wait(&mut self, deadline: Moment, current: &mut Current) -> Vec<(u64, Outcome)> {
        let mut sleep = pin!(tokio::time::sleep_until(self.client.instant(deadline)));
        poll_fn(|context| {
            let ended = self.poll_jobs(context);
            self.watch(current);
            if ended.is_empty() && sleep.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            Poll::Ready(ended)
        })
        .await
    }

    fn poll_jobs(&mut self, context: &mut Context<'_>) -> Vec<(u64, Outcome)> {
        let mut ended = Vec::new();
        while let Poll::Ready(Some((job, outcome))) = self.jobs.poll_next_unpin(context) {
            if let Ok(outcome) = outcome {
                ended.push((job, outcome));
            }
        }
        ended
    }

    /// Notes which requests have come further. Called whenever anything moved, so the times are exact.
    fn watch(&mut self, current: &mut Current) {
        for pending in self.pending.values_mut() {
            let Some(share) = pending.share else { continue };
            let steps = pending.watch.steps.load(Relaxed);
            let bytes = pending.watch.current.load(Relaxed);
            if steps == pending.steps && bytes <= pending.bytes {
                continue;
            }
            let now = self.client.now();
            let source = current.source_of(share);
            if steps > pending.steps {
                let done_bytes = pending.watch.done_bytes.load(Relaxed);
                if let Some(server) = self.servers.get(pending.server) {
                    let (bytes, took) = (done_bytes - pending.done_bytes, now.since(pending.sent));
                    self.client.health().success(&server.info().id, bytes, took);
                }
                (pending.steps, pending.done_bytes, pending.bytes) = (steps, done_bytes, 0);
                pending.sent = now;
                source.into_iter().for_each(|id| current.fetch.on_step(id, now));
            }
            if bytes > pending.bytes {
                pending.bytes = bytes;
                source.into_iter().for_each(|id| current.fetch.on_progress(id, bytes, now));
            }
            pending.heard = now;
            self.useful = now;
        }
    }

    /// The operation did something else for a while: no silence in that time counts.
    pub(super) fn excuse(&mut self) {
        let now = self.client.now();
        self.useful = now;
        self.finder.excuse(now);
        self.pending.values_mut().for_each(|pending| pending.heard = now);
    }
}
