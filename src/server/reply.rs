//! Reading bodies of requests within bounds, and making responses.

use std::future::poll_fn;
use std::pin::Pin;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use http_body::Body;
use hyper::body::Incoming;

use super::backend::BackendError;
use crate::net::message::{MessageError, Trouble};
use crate::net::serve::ResponseBody;

/// At most this much of a refused request is still read, so that its client sees the answer.
const DRAIN_BYTES_MAX: usize = 4 * 1024 * 1024;
/// At most this much is reserved for a body before it arrives.
const RESERVE_BYTES_MAX: usize = 1024 * 1024;

const CBOR: HeaderValue = HeaderValue::from_static("application/cbor");

/// A request that is answered by an error status and, where what is behind the server failed, by what it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    status: StatusCode,
    trouble: Option<Box<Trouble>>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode) -> Self {
        Self { status, trouble: None }
    }

    #[cfg(test)]
    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    pub(super) fn response(self) -> Response<ResponseBody> {
        let Some(trouble) = self.trouble else { return empty(self.status) };
        let mut response = cbor(self.status, trouble.encode());
        if let Some(after) = trouble.retry_after {
            // Whole seconds, and rather more than fewer.
            let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl From<BackendError> for Refusal {
    fn from(error: BackendError) -> Self {
        let status = match &error {
            BackendError::NoSpace | BackendError::TooManyLeases => StatusCode::INSUFFICIENT_STORAGE,
            BackendError::NotStaged => StatusCode::NOT_FOUND,
            BackendError::Changed => StatusCode::SERVICE_UNAVAILABLE,
            BackendError::Medium(trouble) if trouble.may_pass => StatusCode::SERVICE_UNAVAILABLE,
            BackendError::Exists
            | BackendError::OutOfBounds
            | BackendError::Io(_)
            | BackendError::Medium(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let trouble = if let BackendError::Medium(trouble) = error { Some(trouble) } else { None };
        Self { status, trouble }
    }
}

impl From<MessageError> for Refusal {
    fn from(_: MessageError) -> Self {
        Self::new(StatusCode::BAD_REQUEST)
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
        Some(accept) if accept != CBOR => Err(Refusal::new(StatusCode::NOT_ACCEPTABLE)),
        _ => Ok(()),
    }
}

/// 415 if the body is said to be anything but CBOR.
pub(super) fn is_cbor(headers: &HeaderMap) -> Result<(), Refusal> {
    match headers.get(header::CONTENT_TYPE) {
        Some(kind) if kind != CBOR => Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE)),
        _ => Ok(()),
    }
}

/// The whole body; 413 if it is longer than `max` bytes.
pub(super) async fn whole(body: &mut Incoming, max: usize) -> Result<Bytes, Refusal> {
    if body.size_hint().lower() > u64::try_from(max).unwrap_or(u64::MAX) {
        return Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE));
    }
    // One more byte tells a body that fits from one that does not.
    let bytes = start(body, max + 1).await?;
    if bytes.len() > max { Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE)) } else { Ok(bytes) }
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
            Some(Err(_)) => return Err(Refusal::new(StatusCode::BAD_REQUEST)),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn trouble_behind_the_server_is_told_and_may_pass_or_not() {
        for (may_pass, status) in [(true, 503), (false, 500)] {
            let retry_after = Some(Duration::from_millis(1001));
            let trouble = Box::new(Trouble { may_pass, retry_after, ..Trouble::new("S3", "GET") });
            let response = Refusal::from(BackendError::Medium(trouble)).response();
            assert_eq!(response.status(), status);
            assert_eq!(response.headers()[header::RETRY_AFTER], "2");
            assert_eq!(response.headers()[header::CONTENT_TYPE], CBOR);
        }
        assert!(!Refusal::from(BackendError::Changed).response().headers().contains_key(header::RETRY_AFTER));
    }
}
