//! Requests under way, each under a key: sent, waited for together, given up one by one.
//!
//! All live in one set that is polled by its owner alone, so dropping the set ends them. What is asked, and what
//! the answers mean, is for the operations to say.

use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll};

use futures_util::future::{AbortHandle, Aborted, abortable};
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::time::Instant;

use crate::net::client::Progress;

type Job<'a, K, T> = Pin<Box<dyn Future<Output = (K, Result<T, Aborted>)> + 'a>>;

/// Requests under way.
pub(crate) struct Flight<'a, K, T> {
    jobs: FuturesUnordered<Job<'a, K, T>>,
    under_way: BTreeMap<K, UnderWay>,
}

struct UnderWay {
    abort: AbortHandle,
    progress: Progress,
    bytes: u64,
}

/// What happened while they were waited for.
pub(crate) struct Landed<K, T> {
    /// Requests that ended, and with what.
    pub(crate) ended: Vec<(K, T)>,
    /// Requests of which bytes moved, and how many have by now.
    pub(crate) moved: Vec<(K, u64)>,
}

impl<'a, K: Copy + Ord + 'a, T: 'a> Flight<'a, K, T> {
    pub(crate) fn new() -> Self {
        Self { jobs: FuturesUnordered::new(), under_way: BTreeMap::new() }
    }

    /// Sends one. Another one under the same key is given up.
    pub(crate) fn send(&mut self, key: K, progress: Progress, request: impl Future<Output = T> + 'a) {
        self.cancel(key);
        let (request, abort) = abortable(request);
        self.jobs.push(Box::pin(async move { (key, request.await) }));
        self.under_way.insert(key, UnderWay { abort, progress, bytes: 0 });
    }

    /// Gives one up, if it is under way.
    pub(crate) fn cancel(&mut self, key: K) {
        if let Some(under_way) = self.under_way.remove(&key) {
            under_way.abort.abort();
        }
    }

    /// Whether there is nothing to wait for.
    pub(crate) fn is_empty(&self) -> bool {
        self.under_way.is_empty()
    }

    /// Waits until something ends or moves, or until `until`.
    pub(crate) async fn wait(&mut self, until: Instant) -> Landed<K, T> {
        let mut sleep = pin!(tokio::time::sleep_until(until));
        poll_fn(|context| {
            let landed = self.poll(context);
            let idle = landed.ended.is_empty() && landed.moved.is_empty();
            if idle && sleep.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            Poll::Ready(landed)
        })
        .await
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Landed<K, T> {
        let mut ended = Vec::new();
        while let Poll::Ready(Some((key, outcome))) = self.jobs.poll_next_unpin(context) {
            if let Ok(outcome) = outcome {
                self.under_way.remove(&key);
                ended.push((key, outcome));
            }
        }
        let mut moved = Vec::new();
        for (key, under_way) in &mut self.under_way {
            let bytes = under_way.progress.load(Relaxed);
            if bytes > under_way.bytes {
                under_way.bytes = bytes;
                moved.push((*key, bytes));
            }
        }
        Landed { ended, moved }
    }
}
