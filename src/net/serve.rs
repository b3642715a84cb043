//! A server on any byte stream: accepts connections and answers HTTP/1.1 requests through a [`Handle`].
//!
//! One future polls the listener and all connections; dropping it closes them. What a request means is
//! the handler's business, and a handler can be wrapped in another one that sees, changes or replaces
//! requests, responses and [`ResponseBody`]s. No TLS: that belongs into the [`Listen`]er.

use std::cell::Cell;
use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::{self, FuturesUnordered};
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use tokio::io::{AsyncRead, AsyncWrite};

use super::Listen;
use super::counted::{Counted, Silence};

/// How long accepting pauses after it failed, so that a lasting failure does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
const HEADERS_MAX: usize = 64;
const READ_BUFFER_BYTES_MAX: usize = 128 * 1024;

/// Answers requests. Dropping the future means that the client is gone.
pub trait Handle {
    /// The answer to one request. A handler that does not read the whole body of the request costs
    /// the client its connection.
    fn handle(&self, request: Request<Incoming>) -> impl Future<Output = Response<ResponseBody>>;
}

/// What clients may cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServeLimits {
    /// Connections at a time; more wait in the listener.
    pub connections_max: usize,
    /// A connection is closed when this long no byte moved, be it within a request or between two. The
    /// head of a request has to arrive as a whole within this time.
    pub silence_max: Duration,
    /// The longest head of a request, in bytes.
    pub head_bytes_max: usize,
}

impl Default for ServeLimits {
    /// Tahoe's client keeps idle connections for 240 s, so a server should wait longer.
    fn default() -> Self {
        Self { connections_max: 1024, silence_max: Duration::from_secs(300), head_bytes_max: 16 * 1024 }
    }
}

/// The body of a response: nothing, bytes at hand, or any other body.
pub struct ResponseBody(Content);

enum Content {
    Bytes(Bytes),
    Boxed(Pin<Box<dyn Body<Data = Bytes, Error = io::Error>>>),
}

impl ResponseBody {
    /// No body.
    pub fn empty() -> Self {
        Self(Content::Bytes(Bytes::new()))
    }

    /// Bytes that are sent without a copy.
    pub fn full(bytes: Bytes) -> Self {
        Self(Content::Bytes(bytes))
    }

    /// Any body. If it ends with an error, or earlier than its exact size hint said, the
    /// connection is closed.
    pub fn boxed(body: impl Body<Data = Bytes, Error = io::Error> + 'static) -> Self {
        Self(Content::Boxed(Box::pin(body)))
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match &mut self.get_mut().0 {
            Content::Bytes(bytes) if bytes.is_empty() => Poll::Ready(None),
            Content::Bytes(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Content::Boxed(body) => body.as_mut().poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Content::Bytes(bytes) => bytes.is_empty(),
            Content::Boxed(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Content::Bytes(bytes) => SizeHint::with_exact(u64::try_from(bytes.len()).unwrap_or(u64::MAX)),
            Content::Boxed(body) => body.size_hint(),
        }
    }
}

/// Accepts and serves until it is dropped.
pub async fn serve<L: Listen, H: Handle>(listen: L, handler: &H, limits: &ServeLimits) -> Infallible {
    let mut http = http1::Builder::new();
    http.auto_date_header(false)
        .max_headers(HEADERS_MAX)
        .max_header_size(limits.head_bytes_max)
        .max_buf_size(READ_BUFFER_BYTES_MAX.max(limits.head_bytes_max))
        .header_read_timeout(None);
    let mut accepted = pin!(stream::unfold(listen, |mut listen| async {
        let conn = loop {
            match listen.accept().await {
                Ok(conn) => break conn,
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            }
        };
        Some((conn, listen))
    }));
    let mut connections = FuturesUnordered::new();
    poll_fn(|context| {
        loop {
            while let Poll::Ready(Some(())) = connections.poll_next_unpin(context) {}
            if connections.len() >= limits.connections_max {
                return Poll::Pending;
            }
            match accepted.poll_next_unpin(context) {
                Poll::Ready(Some(conn)) => connections.push(connection(conn, handler, &http, limits)),
                Poll::Ready(None) | Poll::Pending => return Poll::Pending,
            }
        }
    })
    .await
}

async fn connection<C, H>(conn: C, handler: &H, http: &http1::Builder, limits: &ServeLimits)
where
    C: AsyncRead + AsyncWrite + Unpin,
    H: Handle,
{
    let (conn, moved) = Counted::wrap(conn);
    let begun = Cell::new(0u64);
    let ended = Cell::new(0u64);
    let service = service_fn(|request| async {
        begun.set(begun.get() + 1);
        let response = handler.handle(request).await;
        ended.set(ended.get() + 1);
        Ok::<_, Infallible>(response)
    });
    let mut driver = pin!(http.serve_connection(conn, service));
    let mut silence = pin!(Silence::new(limits.silence_max, 0));
    poll_fn(|context| {
        // However it ends, the connection is over: there is nobody to tell.
        if driver.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        // Outside a request, received bytes are no progress until they make a whole head.
        let received = if begun.get() > ended.get() { moved.read() } else { 0 };
        let progress = moved.written().wrapping_add(begun.get()).wrapping_add(received);
        silence.as_mut().poll(context, progress)
    })
    .await
}
