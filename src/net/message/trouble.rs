//! Why what is behind a server failed: an error that crosses the wire as data.
//!
//! Every text in it is short and printable, whoever made it, and it holds nothing that was stored or is secret. A client
//! that does not know this message sees the status that it comes with.

use std::fmt;
use std::time::Duration;

use ciborium::value::Value;

use super::{MAP, MessageError, UINT, fields, head, item, text, uint};

/// The longest such message, in bytes.
pub const TROUBLE_BYTES_MAX: usize = 2048;
/// The longest of its texts, in bytes.
pub const TROUBLE_TEXT_BYTES_MAX: usize = 160;

const KEYS: [&str; 9] = [
    "service",
    "operation",
    "status",
    "code",
    "request-id",
    "attempts",
    "may-pass",
    "retry-after-ms",
    "detail",
];
const FALSE: u8 = 0xf4;
const TRUE: u8 = 0xf5;

/// What failed behind a server, and whether it may pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// What is behind the server: "S3".
    pub service: String,
    /// What was asked of it: "PUT".
    pub operation: String,
    /// The status it answered with, if it answered.
    pub status: Option<u16>,
    /// Its own name for what went wrong: "InternalError".
    pub code: Option<String>,
    /// Its own name for the request that failed, for whoever operates it.
    pub request_id: Option<String>,
    /// How often the server asked before it gave up.
    pub attempts: u32,
    /// Whether the same request may succeed later.
    pub may_pass: bool,
    /// When it asked to be asked again.
    pub retry_after: Option<Duration>,
    /// What else is known, in a few words.
    pub detail: Option<String>,
}

impl Trouble {
    /// Trouble of a service with an operation, asked once, of which nothing else is known.
    pub fn new(service: &str, operation: &str) -> Self {
        Self {
            service: clean(service),
            operation: clean(operation),
            status: None,
            code: None,
            request_id: None,
            attempts: 1,
            may_pass: false,
            retry_after: None,
            detail: None,
        }
    }

    /// To CBOR, at most [`TROUBLE_BYTES_MAX`]: texts are cut, and what is not printable is left out.
    pub fn encode(&self) -> Vec<u8> {
        let numbers = [
            ("status", self.status.map(u64::from)),
            ("attempts", Some(u64::from(self.attempts))),
            (
                "retry-after-ms",
                self.retry_after.map(|after| u64::try_from(after.as_millis()).unwrap_or(u64::MAX)),
            ),
        ];
        let texts = [
            ("service", Some(&self.service)),
            ("operation", Some(&self.operation)),
            ("code", self.code.as_ref()),
            ("request-id", self.request_id.as_ref()),
            ("detail", self.detail.as_ref()),
        ];
        let count = numbers.iter().filter(|(_, number)| number.is_some()).count()
            + texts.iter().filter(|(_, text)| text.is_some()).count();
        let mut out = Vec::with_capacity(256);
        head(&mut out, MAP, 1 + super::count(count));
        for (key, number) in numbers.into_iter().filter_map(|(key, number)| Some((key, number?))) {
            text(&mut out, key);
            head(&mut out, UINT, number);
        }
        for (key, value) in texts.into_iter().filter_map(|(key, value)| Some((key, value?))) {
            text(&mut out, key);
            text(&mut out, &clean(value));
        }
        text(&mut out, "may-pass");
        out.push(if self.may_pass { TRUE } else { FALSE });
        out
    }

    /// From CBOR. Only `service`, `operation`, `attempts` and `may-pass` must be there; texts are made short and printable.
    pub fn decode(message: &[u8]) -> Result<Self, MessageError> {
        if message.len() > TROUBLE_BYTES_MAX {
            return Err(MessageError::Bound("trouble"));
        }
        let found = fields(item(message)?, KEYS.map(Value::from))?;
        let [service, operation, status, code, request_id, attempts, may_pass, retry_after, detail] = found;
        let words = |value: Option<Value>, name| match value {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(clean(&text))),
            Some(_) => Err(MessageError::Field(name)),
        };
        let status = status.map(|status| uint(Some(status), "status")).transpose()?;
        let status = status.map(|status| u16::try_from(status).map_err(|_| MessageError::Bound("status")));
        let millis = retry_after.map(|after| uint(Some(after), "retry-after-ms")).transpose()?;
        let Some(Value::Bool(may_pass)) = may_pass else { return Err(MessageError::Field("may-pass")) };
        Ok(Self {
            service: words(service, "service")?.ok_or(MessageError::Field("service"))?,
            operation: words(operation, "operation")?.ok_or(MessageError::Field("operation"))?,
            status: status.transpose()?,
            code: words(code, "code")?,
            request_id: words(request_id, "request-id")?,
            attempts: u32::try_from(uint(attempts, "attempts")?).unwrap_or(u32::MAX),
            may_pass,
            retry_after: millis.map(Duration::from_millis),
            detail: words(detail, "detail")?,
        })
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { service, operation, status, code, request_id, attempts, may_pass, detail, .. } = self;
        match status {
            Some(status) => write!(f, "{service} answered {operation} with {status}")?,
            None => write!(f, "{service} did not answer {operation}")?,
        }
        if let Some(code) = code {
            write!(f, " {code}")?;
        }
        if let Some(detail) = detail {
            write!(f, ": {detail}")?;
        }
        match attempts {
            0 | 1 => {}
            attempts => write!(f, ", asked {attempts} times")?,
        }
        if let Some(request_id) = request_id {
            write!(f, " (request {request_id})")?;
        }
        f.write_str(if *may_pass { "; trying again may help" } else { "; trying again does not help" })
    }
}

/// A text that is fit for a log and an error: printable ASCII, at most [`TROUBLE_TEXT_BYTES_MAX`].
pub fn clean(text: &str) -> String {
    let printable = text.chars().filter(|letter| letter.is_ascii_graphic() || *letter == ' ');
    printable.take(TROUBLE_TEXT_BYTES_MAX).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn slow_down() -> Trouble {
        Trouble {
            status: Some(503),
            code: Some("SlowDown".to_owned()),
            request_id: Some("4442587FB7D0A2F9".to_owned()),
            attempts: 6,
            may_pass: true,
            retry_after: Some(Duration::from_millis(1500)),
            ..Trouble::new("S3", "PUT")
        }
    }

    #[test]
    fn trouble_is_told_in_one_line() {
        let silent = Trouble {
            attempts: 2,
            may_pass: true,
            detail: Some("no answer for 5 s".to_owned()),
            ..Trouble::new("S3", "GET")
        };
        let denied = Trouble {
            status: Some(403),
            code: Some("AccessDenied".to_owned()),
            ..Trouble::new("S3", "LIST")
        };
        insta::assert_snapshot!(
            [slow_down(), silent, denied].map(|trouble| trouble.to_string()).join("\n"),
            @r"
        S3 answered PUT with 503 SlowDown, asked 6 times (request 4442587FB7D0A2F9); trying again may help
        S3 did not answer GET: no answer for 5 s, asked 2 times; trying again may help
        S3 answered LIST with 403 AccessDenied; trying again does not help
        "
        );
    }

    #[test]
    fn what_is_long_or_not_printable_does_not_cross_the_wire() {
        let ugly = Trouble { detail: Some(format!("a\u{1b}[31m\nb{}", "c".repeat(5000))), ..slow_down() };
        let encoded = ugly.encode();
        assert!(encoded.len() <= TROUBLE_BYTES_MAX);
        let detail = Trouble::decode(&encoded).unwrap().detail.unwrap();
        assert_eq!((detail.len(), &detail[..7]), (TROUBLE_TEXT_BYTES_MAX, "a[31mbc"));
    }

    #[test]
    fn a_message_that_says_too_little_or_something_else_is_refused() {
        assert_eq!(Trouble::decode(&[0xa0]), Err(MessageError::Field("may-pass")));
        assert_eq!(Trouble::decode(b""), Err(MessageError::Cbor));
        assert_eq!(Trouble::decode(&vec![0; TROUBLE_BYTES_MAX + 1]), Err(MessageError::Bound("trouble")));
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(
            (status, code, id) in (any::<Option<u16>>(), "[ -~]{0,160}", prop::option::of("[0-9A-F]{16}")),
            (attempts, may_pass, millis) in (any::<u32>(), any::<bool>(), any::<Option<u64>>()),
        ) {
            let trouble = Trouble {
                status,
                code: Some(code),
                request_id: id,
                attempts,
                may_pass,
                retry_after: millis.map(Duration::from_millis),
                ..Trouble::new("S3", "HEAD")
            };
            prop_assert_eq!(Trouble::decode(&trouble.encode()), Ok(trouble));
        }

        #[test]
        fn any_bytes_are_trouble_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            drop(Trouble::decode(&bytes));
        }
    }
}
