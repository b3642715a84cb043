//! Reading bodies of requests within bounds, and making responses.

use std::future::poll_fn;
use std::pin::Pin;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use http_body::Body;
use hyper::body::Incoming;

use super::backend::BackendError;
use crate::net::message::MessageError;
use crate::net::serve::ResponseBody;

/// At most this much of a refused request is still read, so that its client sees the answer.
const DRAIN_BYTES_MAX: usize = 4 * 1024 * 1024;
/// At most this much is reserved for a body before it arrives.
const RESERVE_BYTES_MAX: usize = 1024 * 1024;

const CBOR: HeaderValue = HeaderValue::from_static("application/cbor");

/// A request that is answered by an error status and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refusal(StatusCode);

impl Refusal {
    pub(super) fn new(status: StatusCode) -> Self {
        Self(status)
    }

    #[cfg(test)]
    pub(super) fn status(self) -> StatusCode {
        self.0
    }

    pub(super) fn response(self) -> Response<ResponseBody> {
        empty(self.0)
    }
}

impl From<BackendError> for Refusal {
    fn from(error: BackendError) -> Self {
        Self(match error {
            BackendError::NoSpace | BackendError::TooManyLeases => StatusCode::INSUFFICIENT_STORAGE,
            BackendError::NotStaged => StatusCode::NOT_FOUND,
            BackendError::Changed => StatusCode::SERVICE_UNAVAILABLE,
            BackendError::Exists | BackendError::OutOfBounds | BackendError::Io(_) => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        })
    }
}

impl From<MessageError> for Refusal {
    fn from(_: MessageError) -> Self {
        Self(StatusCode::BAD_REQUEST)
    }
}

/// A response without a body.
pub(super) fn empty(status: StatusCode) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::empty());
    *response.status_mut() = status;
    response
}

/// A CBOR message.
pub(super) fn cbor(status: StatusCode, message: Vec<u8>) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::full(Bytes::from(message)));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, CBOR);
    response
}

/// 406 if the client says that it does not take CBOR.
pub(super) fn accepts_cbor(headers: &HeaderMap) -> Result<(), Refusal> {
    match headers.get(header::ACCEPT) {
        Some(accept) if accept != CBOR => Err(Refusal(StatusCode::NOT_ACCEPTABLE)),
        _ => Ok(()),
    }
}

/// 415 if the body is said to be anything but CBOR.
pub(super) fn is_cbor(headers: &HeaderMap) -> Result<(), Refusal> {
    match headers.get(header::CONTENT_TYPE) {
        Some(kind) if kind != CBOR => Err(Refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE)),
        _ => Ok(()),
    }
}

/// The whole body; 413 if it is longer than `max` bytes.
pub(super) async fn whole(body: &mut Incoming, max: usize) -> Result<Bytes, Refusal> {
    if body.size_hint().lower() > u64::try_from(max).unwrap_or(u64::MAX) {
        return Err(Refusal(StatusCode::PAYLOAD_TOO_LARGE));
    }
    // One more byte tells a body that fits from one that does not.
    let bytes = start(body, max + 1).await?;
    if bytes.len() > max { Err(Refusal(StatusCode::PAYLOAD_TOO_LARGE)) } else { Ok(bytes) }
}

/// The first `max` bytes of the body, or fewer if it is shorter.
pub(super) async fn start(body: &mut Incoming, max: usize) -> Result<Bytes, Refusal> {
    let mut first = Bytes::new();
    let mut joined = BytesMut::new();
    while first.len() + joined.len() < max {
        let Some(mut data) = piece(body).await? else { break };
        data.truncate(max - first.len() - joined.len());
        if first.is_empty() && joined.is_empty() {
            first = data;
            continue;
        }
        if joined.is_empty() {
            joined.reserve(max.min(RESERVE_BYTES_MAX).max(first.len() + data.len()));
            joined.extend_from_slice(&std::mem::take(&mut first));
        }
        joined.extend_from_slice(&data);
    }
    Ok(if joined.is_empty() { first } else { joined.freeze() })
}

/// Reads what is left of a body, within reason.
pub(super) async fn drain(body: &mut Incoming) {
    let mut drained = 0;
    while drained <= DRAIN_BYTES_MAX {
        match piece(body).await {
            Ok(Some(data)) => drained += data.len(),
            Ok(None) | Err(_) => break,
        }
    }
}

async fn piece(body: &mut Incoming) -> Result<Option<Bytes>, Refusal> {
    loop {
        match poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await {
            None => return Ok(None),
            Some(Err(_)) => return Err(Refusal(StatusCode::BAD_REQUEST)),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}
