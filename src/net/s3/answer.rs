//! What the head of an answer must say before its body is believed.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use http::{HeaderMap, StatusCode, header};

use super::text;
use crate::net::http::{BodyLength, Expect, RequestError};
use crate::net::range;

/// Of an error's body no more than this is read, in bytes.
const ERROR_BYTES_MAX: usize = 16 * 1024;

/// What a good answer is.
#[derive(Debug)]
pub(super) enum Want {
    /// The start of this range of an object at least, of at most so many bytes.
    Piece { range: Range<u64>, bytes_max: u64 },
    /// Headers.
    Head,
    /// A status of success.
    Done,
    /// A document of at most so many bytes.
    Message { bytes_max: usize },
}

/// Judges the head of an answer, and remembers how long its body is.
#[derive(Debug)]
pub(super) struct Judge {
    want: Want,
    announced: AtomicU64,
}

impl Judge {
    pub(super) fn new(want: Want) -> Self {
        Self { want, announced: AtomicU64::new(0) }
    }

    /// The length of the body of a good answer whose head has come.
    pub(super) fn announced(&self) -> u64 {
        self.announced.load(Relaxed)
    }

    /// Whether a status is one of success.
    pub(super) fn accepts(&self, status: StatusCode) -> bool {
        status.is_success()
    }

    /// Whether the body is a document, or nothing.
    pub(super) fn is_message(&self) -> bool {
        matches!(self.want, Want::Message { .. } | Want::Done)
    }

    /// What is wrong with an answer of success.
    pub(super) fn objection(&self, headers: &HeaderMap) -> Option<&'static str> {
        self.length(headers).err()
    }

    fn length(&self, headers: &HeaderMap) -> Result<BodyLength, &'static str> {
        match &self.want {
            Want::Piece { range, bytes_max } => {
                let said =
                    range::parse_content_range(text(headers, header::CONTENT_RANGE.as_str()).as_bytes());
                let said = said.ok_or("no valid content-range")?;
                let total = said.total.ok_or("an object without a length")?;
                if said.range.start != range.start || said.range.end != range.end.min(total) {
                    return Err("another range than asked for");
                }
                let length = said.range.end - said.range.start;
                if length > *bytes_max {
                    return Err("longer than anything that is kept here");
                }
                usize::try_from(length).map(BodyLength::Exactly).map_err(|_| "longer than memory")
            }
            Want::Head => Ok(BodyLength::AtMost(0)),
            Want::Done => Ok(BodyLength::Start(ERROR_BYTES_MAX)),
            Want::Message { bytes_max } => Ok(BodyLength::AtMost(*bytes_max)),
        }
    }
}

impl Expect for Judge {
    fn body(&self, status: StatusCode, headers: &HeaderMap) -> Result<BodyLength, RequestError> {
        let length = if status.is_success() { self.length(headers).ok() } else { None };
        if let Some(BodyLength::Exactly(length)) = length {
            self.announced.store(u64::try_from(length).unwrap_or(u64::MAX), Relaxed);
        }
        Ok(length.unwrap_or(BodyLength::Start(ERROR_BYTES_MAX)))
    }
}
