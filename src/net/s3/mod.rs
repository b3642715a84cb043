//! S3 over any byte stream: one attempt of one request, and what became of it.
//!
//! Requests are signed here and answers judged, both strictly and within bounds. Nothing is tried a second time but what
//! died on a connection that had been closed meanwhile; when to try again is for whoever asks.

use std::time::Duration;

use bytes::Bytes;
use http::header;
use tokio::time::Instant;

mod answer;
mod error;
mod list;
mod multipart;
mod object;
mod request;
mod xml;

pub use error::{CODE_CHARS_MAX, REQUEST_ID_CHARS_MAX, RETRY_AFTER_MAX, S3Error, What};
pub use list::{Entry, LISTED_MAX, Page};
pub use multipart::{Unfinished, UploadPage};
pub use object::{Condition, ETag, Object, ObjectHead, Put};
pub use request::{Endpoint, S3Client};

use self::answer::Judge;
use self::request::Ask;
use super::Dial;

/// How long one attempt may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// However little is to be moved.
    pub floor: Duration,
    /// Every byte of a body, sent or received, gives the attempt this much more.
    pub bytes_per_second: u64,
    /// However much is to be sent. An answer whose head says how long it is may take longer.
    pub most: Duration,
}

impl Limit {
    fn bytes(&self, bytes: u64) -> Duration {
        Duration::from_millis(bytes.saturating_mul(1000) / self.bytes_per_second.max(1))
    }
}

/// The wall clock, in seconds since 1970, and the limit of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct When {
    /// What the signature is dated.
    pub now: u64,
    /// See [`Limit`].
    pub limit: Limit,
}

/// What became of one attempt.
#[derive(Debug)]
pub struct Attempt<T> {
    /// How long it took.
    pub took: Duration,
    /// The answer.
    pub result: Result<T, S3Error>,
}

/// An accepted answer.
struct Answered {
    status: http::StatusCode,
    headers: http::HeaderMap,
    body: Bytes,
}

impl<D: Dial> S3Client<D> {
    /// Sends one request and has its answer judged.
    async fn attempt<T>(
        &self,
        ask: Ask<'_>,
        judge: Judge,
        when: &When,
        read: impl FnOnce(Answered) -> Result<T, S3Error>,
    ) -> Attempt<T> {
        let began = Instant::now();
        let result = self.exchange(ask, judge, when).await.and_then(read);
        Attempt { took: began.elapsed(), result }
    }

    async fn exchange(&self, ask: Ask<'_>, judge: Judge, when: &When) -> Result<Answered, S3Error> {
        let sent = u64::try_from(ask.body.len()).unwrap_or(u64::MAX);
        let call = self.sign(ask, when.now)?;
        let limit = &when.limit;
        let first = limit.most.min(limit.floor.saturating_add(limit.bytes(sent)));
        let mut answer = std::pin::pin!(self.pool.call(&call, &judge));
        let answer = match tokio::time::timeout(first, &mut answer).await {
            Ok(answer) => answer,
            // An answer has begun, and how long it is nobody knew before.
            Err(_) if judge.announced() > 0 => {
                let more = limit.bytes(judge.announced());
                let late = |_| S3Error::new(What::TimedOut);
                tokio::time::timeout(more, answer).await.map_err(late)?
            }
            Err(_) => return Err(S3Error::new(What::TimedOut)),
        }?;
        if !judge.accepts(answer.status) {
            return Err(S3Error::refused(answer.status, &answer.headers, &answer.body));
        }
        if let Some(why) = judge.objection(&answer.headers) {
            // The document of an error may come under a status of success, in place of anything.
            return Err(if error::is_document(&answer.body) {
                S3Error::refused(answer.status, &answer.headers, &answer.body)
            } else {
                S3Error::damaged(why, answer.status, &answer.headers)
            });
        }
        if judge.is_message() && error::is_document(&answer.body) {
            return Err(S3Error::refused(answer.status, &answer.headers, &answer.body));
        }
        Ok(Answered { status: answer.status, headers: answer.headers, body: answer.body })
    }
}

/// The text of a header, empty if there is none.
fn text<'a>(headers: &'a http::HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// The announced length of a body.
fn content_length(headers: &http::HeaderMap) -> Option<u64> {
    super::range::decimal(text(headers, header::CONTENT_LENGTH.as_str()))
        .filter(|_| headers.contains_key(header::CONTENT_LENGTH))
}
