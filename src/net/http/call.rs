//! A request before it is put on a connection. It can be put on another one again.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use http_body_util::Full;

use super::connection::Counts;
use super::error::RequestError;
use super::pool::Replay;

/// A request that can be sent any number of times.
pub(crate) struct Call<'a> {
    pub(crate) method: Method,
    /// Path and query.
    pub(crate) path: Bytes,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) replay: Replay,
    pub(crate) progress: Counts<'a>,
}

impl Call<'_> {
    /// Without headers and body; repeated on its own as long as there was no answer.
    pub(crate) fn new(method: Method, path: String) -> Self {
        Self {
            method,
            path: Bytes::from(path),
            headers: HeaderMap::with_capacity(8),
            body: Bytes::new(),
            replay: Replay::UnlessAnswered,
            progress: Counts::Nothing,
        }
    }

    /// One more header.
    pub(crate) fn header(&mut self, name: HeaderName, value: HeaderValue) {
        self.headers.append(name, value);
    }

    pub(super) fn request(&self) -> Result<Request<Full<Bytes>>, RequestError> {
        let mut request = Request::new(Full::new(self.body.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = http::Uri::from_maybe_shared(self.path.clone())
            .map_err(|error| RequestError::Malformed(error.to_string()))?;
        *request.headers_mut() = self.headers.clone();
        Ok(request)
    }

    /// The length of the head as hyper writes it.
    pub(super) fn head_bytes(&self) -> u64 {
        let line = self.method.as_str().len() + self.path.len() + "  HTTP/1.1\r\n\r\n".len();
        let headers =
            self.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len());
        u64::try_from(line + headers.sum::<usize>()).unwrap_or(u64::MAX)
    }
}
