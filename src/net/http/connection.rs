//! One HTTP/1.1 connection to a server: sends a request and collects its answer in one future.
//!
//! hyper's connection driver is polled by the request that uses the connection and by nobody else, so an idle
//! connection costs nothing and a dropped request closes its connection. No pool, no retries here.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Request, StatusCode};
use http_body::Body;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use super::{Progress, RequestError, TransportPolicy};
use hyper_util::rt::TokioIo;

use crate::net::counted::{Counted, Moved, Silence};

/// The longest head of an answer, in bytes.
const HEAD_BYTES_MAX: usize = 16 * 1024;
const READ_BUFFER_BYTES_MAX: usize = 128 * 1024;
/// What may arrive without making up an answer's head. More than one read buffer, since the head may
/// come with the start of its body.
const HEADLESS_BYTES_MAX: u64 = 256 * 1024;
/// At most this much is reserved for a body of which only the server says how long it is.
const RESERVE_BYTES_MAX: usize = 1024 * 1024;
/// The longest body of an error answer that is read so that its connection can be used again.
const ERROR_BODY_BYTES_MAX: usize = 16 * 1024;

/// What to ask, apart from the method, the path and the headers within `request`.
pub(super) struct Question<'a> {
    pub(super) request: Request<Full<Bytes>>,
    /// Length of the request's head on the wire.
    pub(super) head_bytes: u64,
    /// Length of its body.
    pub(super) body_bytes: u64,
    pub(super) expect: &'a dyn Expect,
    pub(super) progress: Counts<'a>,
}

/// Which bytes a caller watches.
#[derive(Clone, Copy)]
pub(crate) enum Counts<'a> {
    Nothing,
    Sent(&'a Progress),
    Received(&'a Progress),
}

/// Judges the head of an answer.
pub(crate) trait Expect: Sync {
    /// The length of the body if it is known, and the longest allowed.
    fn body(&self, status: StatusCode, headers: &HeaderMap) -> Result<BodyLength, RequestError>;

    /// What an answer with the status of an error and this body means.
    fn refusal(&self, status: u16, _body: &Bytes) -> RequestError {
        RequestError::Status(status)
    }
}

/// How long a body may or must be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum BodyLength {
    Exactly(usize),
    AtMost(usize),
    /// The first so many bytes, or fewer if it breaks off; the connection of a body that was not read to its end is
    /// given up. Enough of an error's text.
    Start(usize),
}

/// An accepted answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// How an exchange went.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) result: Result<Answer, RequestError>,
    /// The connection can take another request.
    pub(super) reusable: bool,
    /// Some byte of the request had been taken by the connection.
    pub(super) sent: bool,
    /// The head of an answer had arrived.
    pub(super) headed: bool,
}

/// An open connection.
pub(super) struct Connection<C>
where
    C: AsyncRead + AsyncWrite + Unpin,
{
    sender: http1::SendRequest<Full<Bytes>>,
    driver: http1::Connection<TokioIo<Counted<C>>, Full<Bytes>>,
    moved: Arc<Moved>,
    pub(super) idle_since: Instant,
}

impl<C: AsyncRead + AsyncWrite + Unpin> Connection<C> {
    /// HTTP on a fresh byte stream.
    pub(super) async fn new(conn: C) -> Result<Self, RequestError> {
        let (conn, moved) = Counted::wrap(conn);
        let (sender, driver) = http1::Builder::new()
            .max_header_size(HEAD_BYTES_MAX)
            .max_buf_size(READ_BUFFER_BYTES_MAX)
            .handshake(conn)
            .await?;
        Ok(Self { sender, driver, moved, idle_since: Instant::now() })
    }

    /// Whether an idle connection can take a request. Looks at the stream once, so that a close or
    /// unasked-for bytes that came in the meantime are noticed.
    pub(super) fn poll_usable(&mut self, context: &mut Context<'_>) -> bool {
        Pin::new(&mut self.driver).poll(context).is_pending() && self.sender.is_ready()
    }

    /// Sends a question and collects the answer.
    pub(super) async fn ask(&mut self, question: Question<'_>, policy: &TransportPolicy) -> Outcome {
        let written = self.moved.written();
        let mut headed = false;
        let request_bytes = question.head_bytes + question.body_bytes;
        let (result, ended) = match self.exchange(question, policy, &mut headed).await {
            Ok((answer, whole)) => (Ok(answer), whole),
            Err(Ended::Refused(error)) => (Err(error), true),
            Err(Ended::RefusedUnread(status)) => (Err(RequestError::Status(status)), false),
            Err(Ended::Failed(error)) => (Err(error), false),
        };
        let sent = self.moved.written() - written;
        Outcome {
            result,
            // An answer that came before its request was all sent leaves the rest in the way.
            reusable: ended && sent >= request_bytes,
            sent: sent > 0,
            headed,
        }
    }

    /// The answer, and whether all of its body was read.
    async fn exchange(
        &mut self,
        question: Question<'_>,
        policy: &TransportPolicy,
        headed: &mut bool,
    ) -> Result<(Answer, bool), Ended> {
        let Self { sender, driver, moved, .. } = self;
        let Question { request, head_bytes, body_bytes, expect, progress } = question;
        let (read, written) = (moved.read(), moved.written());
        let mut silence = pin!(Silence::new(policy.silence_max, read.wrapping_add(written)));
        let mut watch = |context: &mut Context<'_>| {
            if let Counts::Sent(sent) = progress {
                let taken = (moved.written() - written).saturating_sub(head_bytes);
                sent.store(taken.min(body_bytes), Relaxed);
            }
            silence.as_mut().poll(context, moved.read().wrapping_add(moved.written()))
        };
        // Its error, if any, also comes out of the response or the body.
        let mut over = false;
        let mut drive = |context: &mut Context<'_>| {
            over = over || Pin::new(&mut *driver).poll(context).is_ready();
        };

        let mut response = pin!(sender.send_request(request));
        let response = poll_fn(|context| {
            drive(context);
            if let Poll::Ready(response) = response.as_mut().poll(context) {
                return Poll::Ready(response.map_err(RequestError::from));
            }
            if moved.read() - read > HEADLESS_BYTES_MAX {
                return Poll::Ready(Err(RequestError::malformed("no end of headers")));
            }
            watch(context).map(|()| Err(RequestError::Silent(policy.silence_max)))
        })
        .await?;

        *headed = true;
        let (head, body) = response.into_parts();
        let mut collect = match expect.body(head.status, &head.headers) {
            Ok(length) => Collect::new(body, length)?,
            Err(RequestError::Status(status)) => {
                let drain = Collect::new(body, BodyLength::AtMost(ERROR_BODY_BYTES_MAX));
                let Ok(mut drain) = drain else { return Err(Ended::RefusedUnread(status)) };
                let drained = poll_fn(|context| {
                    drive(context);
                    if let Poll::Ready(drained) = drain.poll(context, Counts::Nothing) {
                        return Poll::Ready(drained.ok());
                    }
                    watch(context).map(|()| None)
                })
                .await;
                return Err(match drained {
                    Some(body) => Ended::Refused(expect.refusal(status, &body)),
                    None => Ended::RefusedUnread(status),
                });
            }
            Err(error) => return Err(error.into()),
        };
        let body = poll_fn(|context| {
            loop {
                drive(context);
                let before = collect.bytes;
                if let Poll::Ready(body) = collect.poll(context, progress) {
                    return Poll::Ready(body);
                }
                // Taking a piece makes room for the next, which may be there already.
                if collect.bytes == before {
                    break;
                }
            }
            watch(context).map(|()| Err(RequestError::Silent(policy.silence_max)))
        })
        .await?;
        Ok((Answer { status: head.status, headers: head.headers, body }, !collect.cut))
    }
}

enum Ended {
    Failed(RequestError),
    /// The status was an error; the body has been read.
    Refused(RequestError),
    /// The status was an error; the body was not read to its end.
    RefusedUnread(u16),
}

impl From<RequestError> for Ended {
    fn from(error: RequestError) -> Self {
        Self::Failed(error)
    }
}

/// Collects a body of bounded length.
struct Collect {
    body: Incoming,
    length: BodyLength,
    bytes: usize,
    first: Bytes,
    buffer: BytesMut,
    /// Its end was not read.
    cut: bool,
}

impl Collect {
    fn new(body: Incoming, length: BodyLength) -> Result<Self, RequestError> {
        let said = body.size_hint().exact();
        let fits = match (said, length) {
            (Some(said), BodyLength::Exactly(wanted)) => usize::try_from(said) == Ok(wanted),
            (Some(said), BodyLength::AtMost(max)) => usize::try_from(said).is_ok_and(|said| said <= max),
            (Some(_), BodyLength::Start(_)) | (None, _) => true,
        };
        if !fits {
            return Err(RequestError::malformed("body of the wrong length"));
        }
        Ok(Self { body, length, bytes: 0, first: Bytes::new(), buffer: BytesMut::new(), cut: false })
    }

    fn poll(&mut self, context: &mut Context<'_>, progress: Counts<'_>) -> Poll<Result<Bytes, RequestError>> {
        while let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            let Some(frame) = frame else { return Poll::Ready(self.finish()) };
            let frame = match frame {
                Err(_) if matches!(self.length, BodyLength::Start(_)) => {
                    self.cut = true;
                    return Poll::Ready(self.finish());
                }
                frame => frame?,
            };
            // Trailers mean nothing in this protocol.
            let Ok(data) = frame.into_data() else { continue };
            self.take(data)?;
            if let Counts::Received(received) = progress {
                received.store(u64::try_from(self.bytes).unwrap_or(u64::MAX), Relaxed);
            }
            if self.cut || self.body.is_end_stream() {
                return Poll::Ready(self.finish());
            }
        }
        Poll::Pending
    }

    fn take(&mut self, mut data: Bytes) -> Result<(), RequestError> {
        let (BodyLength::Exactly(max) | BodyLength::AtMost(max) | BodyLength::Start(max)) = self.length;
        if data.len() > max - self.bytes {
            if !matches!(self.length, BodyLength::Start(_)) {
                return Err(RequestError::malformed("body too long"));
            }
            data.truncate(max - self.bytes);
            self.cut = true;
        }
        self.bytes += data.len();
        if self.bytes == data.len() {
            self.first = data;
            return Ok(());
        }
        if !self.first.is_empty() {
            let expected = match self.length {
                BodyLength::Exactly(length) => length,
                BodyLength::AtMost(max) | BodyLength::Start(max) => self
                    .body
                    .size_hint()
                    .exact()
                    .and_then(|rest| usize::try_from(rest).ok())
                    .map_or(0, |rest| self.bytes.saturating_add(rest).min(max).min(RESERVE_BYTES_MAX)),
            };
            self.buffer.reserve(expected.max(self.bytes));
            self.buffer.extend_from_slice(&std::mem::take(&mut self.first));
        }
        self.buffer.extend_from_slice(&data);
        Ok(())
    }

    fn finish(&mut self) -> Result<Bytes, RequestError> {
        match self.length {
            BodyLength::Exactly(wanted) if self.bytes != wanted => {
                Err(RequestError::malformed("body too short"))
            }
            _ if self.buffer.is_empty() => Ok(std::mem::take(&mut self.first)),
            _ => Ok(std::mem::take(&mut self.buffer).freeze()),
        }
    }
}
