//! Spoilt answers: how a good answer of a server becomes the one that a fault wants.
//!
//! What HTTP cannot say is only marked here; `wire` does it to the bytes of the connection.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use lafs::net::serve::ResponseBody;
use tokio::time::Sleep;

use super::door::Spoilt;
use super::wire::{GARBAGE, Tamper};
use crate::schedule::Spoil;

/// The ETag of nothing that anybody stores.
const WRONG_TAG: &str = "\"0123456789abcdef0123456789abcdef\"";

/// Dripping bodies come in pieces of at least this much time.
const DRIP: Duration = Duration::from_millis(100);

/// Reads a request that nobody carries out: an answer that comes before its end would cost the connection.
pub(super) async fn drain(mut body: Incoming) {
    while let Some(Ok(_)) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {}
}

/// An answer with this status and a few words.
pub(crate) fn refusal(status: u16) -> Response<ResponseBody> {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let words = format!("{} (this is a fault)\n", status.canonical_reason().unwrap_or("error"));
    let mut response = Response::new(ResponseBody::full(Bytes::from(words)));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    response
}

/// Whether an answer can be spoilt in this way: a body that is not there cannot be cut.
pub(crate) fn can(response: &Response<ResponseBody>, how: Spoil) -> bool {
    let bytes = response.body().size_hint().exact().unwrap_or(0);
    match how {
        Spoil::Status { .. } | Spoil::S3 { .. } | Spoil::Garbage | Spoil::Reset { .. } => true,
        Spoil::WrongTag => response.status().is_success() && response.headers().contains_key(header::ETAG),
        Spoil::Stale | Spoil::Lost => response.status() != StatusCode::NOT_MODIFIED,
        Spoil::Stops | Spoil::Drips { .. } | Spoil::Truncated => bytes > 0,
        // It has no body by definition, whatever its head says.
        Spoil::TooLong | Spoil::WrongLength => response.status() != StatusCode::NO_CONTENT,
    }
}

/// Whether the last byte of an answer that is spoilt in this way ever goes out.
pub(crate) fn ends(how: Spoil) -> bool {
    !matches!(how, Spoil::Stops | Spoil::Truncated | Spoil::Reset { .. })
}

/// Spoils the body of an answer, or marks the answer for `wire`.
pub(crate) fn apply(mut response: Response<ResponseBody>, spoilt: Spoilt) -> Response<ResponseBody> {
    let bytes = response.body().size_hint().exact().unwrap_or(0);
    match spoilt.how {
        // They were spoilt before they came.
        Spoil::Status { .. } | Spoil::S3 { .. } | Spoil::Stale | Spoil::Lost => response,
        Spoil::WrongTag => {
            response.headers_mut().insert(header::ETAG, HeaderValue::from_static(WRONG_TAG));
            response
        }
        Spoil::Reset { .. } => marked(response, Tamper::Reset),
        Spoil::Stops => response.map(|body| ResponseBody::boxed(Stops { body, left: bytes / 2, bytes })),
        Spoil::Drips { rate } => response.map(|body| {
            ResponseBody::boxed(Drips {
                body,
                rate: rate.max(1),
                piece: Bytes::new(),
                sleep: None,
                left: bytes,
            })
        }),
        Spoil::TooLong => {
            lengthen(response.headers_mut(), bytes);
            response.map(|body| ResponseBody::boxed(TooLong { body, more: Some(GARBAGE), left: bytes }))
        }
        Spoil::Truncated => marked(response, Tamper::Cut),
        Spoil::Garbage => marked(response, Tamper::Garbage),
        Spoil::WrongLength if spoilt.coin && bytes > 0 => marked(response, Tamper::Length(bytes / 2)),
        Spoil::WrongLength => marked(response, Tamper::Length(bytes + GARBAGE.len() as u64)),
    }
}

fn marked(mut response: Response<ResponseBody>, tamper: Tamper) -> Response<ResponseBody> {
    tamper.mark(response.headers_mut());
    response
}

/// Makes the head announce a body, and a range of a share, that is longer by the garbage.
fn lengthen(headers: &mut HeaderMap, bytes: u64) {
    let more = GARBAGE.len() as u64;
    if headers.contains_key(header::CONTENT_LENGTH) {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes + more));
    }
    let range = headers.get(header::CONTENT_RANGE).and_then(|range| range.to_str().ok());
    let longer = range.and_then(|range| {
        let (first, rest) = range.strip_prefix("bytes ")?.split_once('-')?;
        let (last, total) = rest.split_once('/')?;
        HeaderValue::try_from(format!("bytes {first}-{}/{total}", last.parse::<u64>().ok()? + more)).ok()
    });
    if let Some(longer) = longer {
        headers.insert(header::CONTENT_RANGE, longer);
    }
}

/// Half of a body, and then nothing.
struct Stops {
    body: ResponseBody,
    left: u64,
    bytes: u64,
}

impl Body for Stops {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.left == 0 {
            return Poll::Pending;
        }
        let Some(mut piece) = ready!(next_piece(&mut self.body, cx))? else { return Poll::Pending };
        piece.truncate(usize::try_from(self.left).unwrap_or(usize::MAX));
        self.left -= piece.len() as u64;
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes)
    }
}

/// A body that trickles.
struct Drips {
    body: ResponseBody,
    /// Bytes per second.
    rate: u64,
    piece: Bytes,
    sleep: Option<Pin<Box<Sleep>>>,
    left: u64,
}

impl Body for Drips {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.piece.is_empty() {
            match ready!(next_piece(&mut self.body, cx))? {
                Some(piece) => self.piece = piece,
                None => return Poll::Ready(None),
            }
        }
        let drop = (self.rate * DRIP.as_millis() as u64 / 1000).clamp(1, self.piece.len() as u64);
        let pause = Duration::from_micros(drop * 1_000_000 / self.rate);
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep(pause)));
        ready!(sleep.as_mut().poll(cx));
        self.sleep = None;
        self.left = self.left.saturating_sub(drop);
        let drop = usize::try_from(drop).unwrap_or(usize::MAX);
        Poll::Ready(Some(Ok(Frame::data(self.piece.split_to(drop)))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// A body and more.
struct TooLong {
    body: ResponseBody,
    more: Option<&'static [u8]>,
    left: u64,
}

impl Body for TooLong {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if let Some(piece) = ready!(next_piece(&mut self.body, cx))? {
            self.left = self.left.saturating_sub(piece.len() as u64);
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
        Poll::Ready(self.more.take().map(|more| Ok(Frame::data(Bytes::from_static(more)))))
    }

    fn is_end_stream(&self) -> bool {
        self.more.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left + self.more.map_or(0, |more| more.len() as u64))
    }
}

/// The next bytes of a body, which are not none; `None` at its end.
fn next_piece(body: &mut ResponseBody, cx: &mut Context<'_>) -> Poll<io::Result<Option<Bytes>>> {
    loop {
        let Some(frame) = ready!(Pin::new(&mut *body).poll_frame(cx)) else { return Poll::Ready(Ok(None)) };
        match frame?.into_data() {
            Ok(piece) if !piece.is_empty() => return Poll::Ready(Ok(Some(piece))),
            Ok(_) | Err(_) => {}
        }
    }
}
