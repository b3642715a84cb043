//! Why one attempt of one S3 request came to nothing. Whether to try again is for others to say.

use std::fmt;
use std::io;
use std::time::Duration;

use http::{HeaderMap, StatusCode};

use super::xml;
use crate::net::http::RequestError;
use crate::net::range::decimal;

/// The longest error code that is kept, in characters. S3's own have up to 40.
pub const CODE_CHARS_MAX: usize = 64;
/// The longest request id that is kept, in characters. Amazon's have 16.
pub const REQUEST_ID_CHARS_MAX: usize = 64;
/// The longest wait that a server may ask for; what is longer counts as this.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(3600);

/// Why one attempt came to nothing. What came from the server is cut and made of printable ASCII.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3Error {
    /// What kind of failure it was.
    pub what: What,
    /// The status of the answer, if there was one.
    pub status: Option<u16>,
    /// The code in the error document, if there was one.
    pub code: Option<String>,
    /// The name the server gave the request.
    pub request_id: Option<String>,
    /// How long the server asked to wait.
    pub retry_after: Option<Duration>,
}

/// Kinds of failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// S3, or something before it, answered that it did not do it.
    Refused,
    /// No connection. The request was not sent.
    Connect(io::ErrorKind),
    /// The connection ended or broke before the answer was complete.
    Lost,
    /// No complete answer in time.
    TimedOut,
    /// There was an answer, and it cannot be the right one.
    Damaged(&'static str),
    /// Nothing was sent: no request can be made of what the client was given.
    Unusable(&'static str),
}

impl S3Error {
    /// A failure without an answer.
    pub fn new(what: What) -> Self {
        Self { what, status: None, code: None, request_id: None, retry_after: None }
    }

    /// Whether the status is this one.
    pub fn is(&self, status: StatusCode) -> bool {
        self.what == What::Refused && self.status == Some(status.as_u16())
    }

    /// Whether the error document has this code.
    pub fn has_code(&self, code: &str) -> bool {
        self.code.as_deref() == Some(code)
    }

    /// Whether the request may have been carried out all the same.
    pub fn is_ambiguous(&self) -> bool {
        match self.what {
            What::Connect(_) | What::Unusable(_) => false,
            What::Lost | What::TimedOut | What::Damaged(_) => true,
            // A document under 200 says that it began.
            What::Refused => self.status.is_none_or(|status| !(400..500).contains(&status)),
        }
    }

    /// What an answer with an error status, or an error document under another, says.
    pub(super) fn refused(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Self {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let said = document(body).unwrap_or_default();
        let id = header("x-amz-request-id").map(str::to_owned).or(said.request_id);
        let seconds = header("retry-after").and_then(|text| decimal(text.trim())).map(Duration::from_secs);
        let millis = header("x-amz-retry-after").and_then(|text| decimal(text.trim()));
        Self {
            what: What::Refused,
            status: Some(status.as_u16()),
            code: said.code.and_then(|code| cut(&code, CODE_CHARS_MAX, is_code)),
            request_id: id.and_then(|id| cut(&id, REQUEST_ID_CHARS_MAX, |c| c.is_ascii_graphic())),
            retry_after: seconds.or(millis.map(Duration::from_millis)).map(|wait| wait.min(RETRY_AFTER_MAX)),
        }
    }

    /// An answer that cannot be the right one.
    pub(super) fn damaged(why: &'static str, status: StatusCode, headers: &HeaderMap) -> Self {
        Self { what: What::Damaged(why), ..Self::refused(status, headers, &[]) }
    }
}

impl From<RequestError> for S3Error {
    fn from(error: RequestError) -> Self {
        Self::new(match error {
            RequestError::Connect(kind) => What::Connect(kind),
            RequestError::Lost(_) => What::Lost,
            RequestError::Silent(_) => What::TimedOut,
            RequestError::Malformed(_) => What::Damaged("not an answer of S3"),
            RequestError::Status(_) | RequestError::Trouble(_) => What::Refused,
        })
    }
}

impl fmt::Display for S3Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.what {
            What::Refused => f.write_str("refused")?,
            What::Connect(kind) => write!(f, "cannot connect: {kind}")?,
            What::Lost => f.write_str("connection lost")?,
            What::TimedOut => f.write_str("no answer in time")?,
            What::Damaged(why) => write!(f, "an answer that cannot be right: {why}")?,
            What::Unusable(why) => write!(f, "not sent: {why}")?,
        }
        if let Some(status) = self.status {
            write!(f, ", status {status}")?;
        }
        if let Some(code) = &self.code {
            write!(f, " {code}")?;
        }
        if let Some(id) = &self.request_id {
            write!(f, ", request {id}")?;
        }
        Ok(())
    }
}

impl std::error::Error for S3Error {}

/// What an error document says.
#[derive(Debug, Default)]
struct Said {
    code: Option<String>,
    request_id: Option<String>,
}

/// Reads an error document as far as it goes; `None` if it is something else.
fn document(body: &[u8]) -> Option<Said> {
    let mut said = Said::default();
    let mut is_error = false;
    xml::walk(body, |path, text| {
        is_error |= path[0] == "Error";
        match path {
            ["Error", "Code"] => said.code = Some(text.to_owned()),
            ["Error", "RequestId"] => said.request_id = Some(text.to_owned()),
            _ => {}
        }
    });
    is_error.then_some(said)
}

/// Whether this is an error document.
pub(super) fn is_document(body: &[u8]) -> bool {
    document(body).is_some()
}

/// Codes are names; whatever else a server may put there stays there.
fn is_code(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')
}

fn cut(text: &str, chars_max: usize, keep: impl Fn(char) -> bool) -> Option<String> {
    let text: String = text.chars().filter(|&c| keep(c)).take(chars_max).collect();
    (!text.is_empty()).then_some(text)
}
