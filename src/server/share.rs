//! What is asked of immutable and mutable shares alike: parts of them, and to note that one is corrupt.

use std::ops::Range;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use hyper::body::Incoming;

use super::backend::{Backend, CorruptionReport};
use super::reply::{self, Refusal};
use super::{CORRUPT_BYTES_MAX, StorageServer};
use crate::format::{ShareNum, StorageIndex};
use crate::net::message;
use crate::net::range;
use crate::net::serve::ResponseBody;

const OCTETS: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// The one range asked for, `None` if it is the whole share; 416 for anything else.
pub(super) fn asked(headers: &HeaderMap) -> Result<Option<Range<u64>>, Refusal> {
    let mut ranges = headers.get_all(header::RANGE).iter();
    match (ranges.next(), ranges.next()) {
        (None, _) => Some(None),
        (Some(one), None) => range::parse_range(one.as_bytes()).map(Some),
        (Some(_), Some(_)) => None,
    }
    .ok_or(Refusal::new(StatusCode::RANGE_NOT_SATISFIABLE))
}

/// The answer to whoever asked for that range, of which `body` has as many bytes as there are: `length`.
pub(super) fn piece(
    asked: Option<Range<u64>>,
    length: u64,
    body: ResponseBody,
) -> Result<Response<ResponseBody>, Refusal> {
    if asked.is_some() && length == 0 {
        return Ok(reply::empty(StatusCode::NO_CONTENT));
    }
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_TYPE, OCTETS);
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    if let Some(range) = asked {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        let last = range.start + length - 1;
        let value = HeaderValue::from_maybe_shared(Bytes::from(format!("bytes {}-{last}/*", range.start)))
            .map_err(|_| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR))?;
        response.headers_mut().insert(header::CONTENT_RANGE, value);
    }
    Ok(response)
}

impl<B: Backend> StorageServer<B> {
    /// Keeps a report; 404 unless the share `exists`.
    pub(super) async fn note_corrupt(
        &self,
        index: StorageIndex,
        share: ShareNum,
        exists: bool,
        head: &Parts,
        body: &mut Incoming,
    ) -> Result<Response<ResponseBody>, Refusal> {
        reply::is_cbor(&head.headers)?;
        if !exists {
            return Err(Refusal::new(StatusCode::NOT_FOUND));
        }
        let reason = message::decode_reason(&reply::whole(body, CORRUPT_BYTES_MAX).await?)?;
        self.backend.record_corruption(CorruptionReport { index, share, reason }).await?;
        Ok(reply::empty(StatusCode::OK))
    }
}
