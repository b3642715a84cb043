//! A client and a server joined by in-memory byte streams, for tests and measurements.
#![allow(dead_code, reason = "every binary uses another part of it")]
#![allow(clippy::unwrap_used, reason = "what goes wrong here ends the test or measurement")]

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

use futures_util::future::{Either, select};
use lafs::net::serve::{Handle, ServeLimits, serve};
use lafs::net::{Dial, Listen};
use lafs::server::StorageServer;
use lafs::server::backend::MemoryBackend;
use lafs::server::clock::UnixTime;
use tokio::io::DuplexStream;

pub(crate) const SWISSNUM: &[u8] = b"swissnum";

/// A listener and the way to it. `dialled` counts the connections ever opened.
#[derive(Clone, Default)]
pub(crate) struct Wire {
    waiting: Arc<Mutex<(VecDeque<DuplexStream>, Option<Waker>)>>,
    pub(crate) dialled: Arc<AtomicUsize>,
}

impl Dial for Wire {
    type Conn = DuplexStream;

    async fn dial(&self, _address: &str) -> io::Result<DuplexStream> {
        let (near, far) = tokio::io::duplex(64 * 1024);
        self.dialled.fetch_add(1, Ordering::Relaxed);
        let mut waiting = self.waiting.lock().unwrap();
        waiting.0.push_back(far);
        if let Some(waker) = waiting.1.take() {
            waker.wake();
        }
        Ok(near)
    }
}

impl Listen for Wire {
    type Conn = DuplexStream;

    async fn accept(&mut self) -> io::Result<DuplexStream> {
        poll_fn(|context| {
            let mut waiting = self.waiting.lock().unwrap();
            match waiting.0.pop_front() {
                Some(conn) => Poll::Ready(Ok(conn)),
                None => {
                    waiting.1 = Some(context.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }
}

pub(crate) async fn server(backend: MemoryBackend) -> StorageServer<MemoryBackend> {
    StorageServer::start(backend, SWISSNUM, Arc::new(|| UnixTime(1_000_000_000))).await.unwrap()
}

/// Runs `work` while `handler` serves `wire`.
pub(crate) async fn served<T>(wire: &Wire, handler: &impl Handle, work: impl Future<Output = T>) -> T {
    let limits = ServeLimits::default();
    let serving = std::pin::pin!(serve(wire.clone(), handler, &limits));
    match select(std::pin::pin!(work), serving).await {
        Either::Left((result, _)) => result,
        Either::Right((never, _)) => match never {},
    }
}

pub(crate) fn paused() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
}
