//! The layer between a byte stream and hyper: counts what moves, and notices when nothing does.
//!
//! No HTTP. One timer per watched connection, set anew only when it fires.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use pin_project_lite::pin_project;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// Pieces that together are no longer than this are joined when a stream cannot take several at once.
const JOIN_BYTES_MAX: usize = 2 * 1024;

/// Bytes that have moved over one connection since it was opened.
#[derive(Debug, Default)]
pub(super) struct Moved {
    read: AtomicU64,
    written: AtomicU64,
}

impl Moved {
    /// Bytes received.
    pub(super) fn read(&self) -> u64 {
        self.read.load(Relaxed)
    }

    /// Bytes the stream has taken.
    pub(super) fn written(&self) -> u64 {
        self.written.load(Relaxed)
    }
}

/// A byte stream, counted.
#[derive(Debug)]
pub(super) struct Counted<C> {
    conn: C,
    moved: Arc<Moved>,
}

impl<C> Counted<C> {
    /// Counts what moves over `conn`, and makes of it what hyper wants.
    pub(super) fn wrap(conn: C) -> (TokioIo<Self>, Arc<Moved>) {
        let moved = Arc::new(Moved::default());
        (TokioIo::new(Self { conn, moved: Arc::clone(&moved) }), moved)
    }

    fn wrote(&self, result: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(count)) = result {
            add(&self.moved.written, count);
        }
        result
    }
}

fn add(counter: &AtomicU64, count: usize) {
    counter.fetch_add(u64::try_from(count).unwrap_or(u64::MAX), Relaxed);
}

impl<C: AsyncRead + Unpin> AsyncRead for Counted<C> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.conn).poll_read(context, buffer))?;
        add(&this.moved.read, buffer.filled().len() - before);
        Poll::Ready(Ok(()))
    }
}

impl<C: AsyncWrite + Unpin> AsyncWrite for Counted<C> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.conn).poll_write(context, bytes);
        this.wrote(result)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().conn).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().conn).poll_shutdown(context)
    }

    // Always true, so that hyper queues bodies instead of copying them behind the head.
    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let conn = Pin::new(&mut this.conn);
        let total: usize = pieces.iter().map(|piece| piece.len()).sum();
        let result = if conn.is_write_vectored() {
            conn.poll_write_vectored(context, pieces)
        } else if pieces.len() > 1 && total <= JOIN_BYTES_MAX {
            let mut joined = [0; JOIN_BYTES_MAX];
            let mut length = 0;
            for piece in pieces {
                joined[length..length + piece.len()].copy_from_slice(piece);
                length += piece.len();
            }
            conn.poll_write(context, &joined[..length])
        } else {
            let first = pieces.iter().find(|piece| !piece.is_empty());
            conn.poll_write(context, first.map_or(&[], |piece| &**piece))
        };
        this.wrote(result)
    }
}

pin_project! {
    /// Ends when a quantity has not changed for a given time.
    pub(super) struct Silence {
        #[pin]
        sleep: Sleep,
        seen: u64,
        since: Instant,
        max: Duration,
    }
}

impl Silence {
    /// Nothing is watched before the first poll. `seen` is the quantity now.
    pub(super) fn new(max: Duration, seen: u64) -> Self {
        let since = Instant::now();
        Self { sleep: tokio::time::sleep_until(since + max), seen, since, max }
    }

    /// Ready once `quantity` has been the same for the whole time.
    pub(super) fn poll(self: Pin<&mut Self>, context: &mut Context<'_>, quantity: u64) -> Poll<()> {
        let mut this = self.project();
        if quantity != *this.seen {
            *this.seen = quantity;
            *this.since = Instant::now();
        }
        while this.sleep.as_mut().poll(context).is_ready() {
            let deadline = *this.since + *this.max;
            if deadline <= Instant::now() {
                return Poll::Ready(());
            }
            this.sleep.as_mut().reset(deadline);
        }
        Poll::Pending
    }
}
