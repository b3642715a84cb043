//! Requests about one object: getting, asking after, putting and deleting it.

use std::collections::BTreeMap;
use std::ops::Range;

use bytes::Bytes;
use data_encoding::{BASE64, HEXLOWER_PERMISSIVE};
use http::{HeaderMap, HeaderName, StatusCode, header};
use md5::{Digest, Md5};
use rusty_s3::Method;

use super::answer::{Judge, Want};
use super::request::Ask;
use super::{Answered, Attempt, S3Client, S3Error, When, content_length, text};
use crate::net::Dial;
use crate::net::http::Replay;
use crate::net::range;

const METADATA: &str = "x-amz-meta-";
/// The longest entity tag that is believed, in bytes.
const ETAG_BYTES_MAX: usize = 256;

/// Names one state of one object, as the server writes it, quotes included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ETag(String);

impl ETag {
    /// As it came, or as it was kept.
    pub fn parse(text: &str) -> Option<Self> {
        let plain =
            !text.is_empty() && text.len() <= ETAG_BYTES_MAX && text.bytes().all(|b| b.is_ascii_graphic());
        plain.then(|| Self(text.to_owned()))
    }

    /// A tag that no object has: it would be the checksum of bytes that nobody knows.
    pub fn of_nothing() -> Self {
        Self(format!("\"{:032}\"", 0))
    }

    /// As it is sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The checksum it looks like. It is none if the object is encrypted, or was uploaded in parts.
    pub fn md5(&self) -> Option<[u8; 16]> {
        let hex = self.0.strip_prefix('"')?.strip_suffix('"')?;
        HEXLOWER_PERMISSIVE.decode(hex.as_bytes()).ok()?.try_into().ok()
    }
}

/// What there is to know of an object but its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectHead {
    /// Its state.
    pub etag: ETag,
    /// In bytes.
    pub length: u64,
    /// What was stored beside it: names in small letters, without `x-amz-meta-`.
    pub metadata: BTreeMap<String, String>,
    /// Whether the entity tag is the checksum of the bytes, should it look like one.
    pub is_plain: bool,
}

impl ObjectHead {
    fn read(headers: &HeaderMap, length: u64) -> Option<Self> {
        let metadata = headers.iter().filter_map(|(name, value)| {
            Some((name.as_str().strip_prefix(METADATA)?.to_owned(), value.to_str().ok()?.to_owned()))
        });
        Some(Self {
            etag: ETag::parse(text(headers, header::ETAG.as_str()))?,
            length,
            metadata: metadata.collect(),
            is_plain: is_plain(headers),
        })
    }

    /// Whether the bytes have this checksum; `None` if the server does not say.
    pub fn has_md5(&self, md5: [u8; 16]) -> Option<bool> {
        self.etag.md5().filter(|_| self.is_plain).map(|said| said == md5)
    }
}

/// Encrypted with a key of one's own, or of the key service, an object has a tag that is no checksum.
fn is_plain(headers: &HeaderMap) -> bool {
    !headers.contains_key("x-amz-server-side-encryption-customer-algorithm")
        && !text(headers, "x-amz-server-side-encryption").starts_with("aws:kms")
}

/// What a range of an object turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Object {
    /// There is no such object.
    Absent,
    /// There is one, and it ends before the range begins.
    PastEnd,
    /// The bytes of the range that there are, at least one.
    Piece {
        /// Of the object as a whole.
        head: ObjectHead,
        /// All of one state.
        data: Bytes,
    },
}

/// When an object is put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// Always.
    Always,
    /// Unless there is one.
    IfNoneMatch,
    /// If it is in this state.
    IfMatch(ETag),
}

/// An object to be stored.
#[derive(Debug, Clone)]
pub struct Put {
    /// Where.
    pub key: String,
    /// What.
    pub body: Bytes,
    /// Under what condition.
    pub condition: Condition,
    /// Stored beside it: names in small letters, sorted, with `x-amz-meta-`.
    pub metadata: Vec<(&'static str, String)>,
    md5: [u8; 16],
}

impl Put {
    /// Always, with nothing beside it.
    pub fn new(key: String, body: Bytes) -> Self {
        let md5 = md5(&body);
        Self { key, body, condition: Condition::Always, metadata: Vec::new(), md5 }
    }

    /// The checksum of the body.
    pub fn md5(&self) -> [u8; 16] {
        self.md5
    }
}

pub(super) fn md5(bytes: &[u8]) -> [u8; 16] {
    Md5::digest(bytes).into()
}

impl Condition {
    pub(super) fn header(&self) -> Option<(HeaderName, String)> {
        match self {
            Self::Always => None,
            Self::IfNoneMatch => Some((header::IF_NONE_MATCH, "*".to_owned())),
            Self::IfMatch(etag) => Some((header::IF_MATCH, etag.as_str().to_owned())),
        }
    }
}

impl<D: Dial> S3Client<D> {
    /// Bytes `range` of an object, clipped to its end; more than `bytes_max` of them are an error. The range is not empty.
    ///
    /// The length is verified, and the checksum where the whole object came and its tag is one.
    pub async fn get(&self, key: &str, range: Range<u64>, bytes_max: u64, when: &When) -> Attempt<Object> {
        let mut ask = Ask::new(Method::Get, Some(key));
        let last = range.end.checked_sub(1).filter(|_| range.end != u64::MAX);
        let last = last.map_or(String::new(), |last| last.to_string());
        ask.headers.push((header::RANGE, format!("bytes={}-{last}", range.start)));
        let start = range.start;
        let judge = Judge::new(Want::Piece { range, bytes_max });
        let Attempt { took, result } = self.attempt(ask, judge, when, |answer| piece(start, answer)).await;
        let result = result.or_else(|error| {
            if error.is(StatusCode::NOT_FOUND) && error.has_code("NoSuchKey") {
                Ok(Object::Absent)
            } else if error.is(StatusCode::RANGE_NOT_SATISFIABLE) {
                Ok(Object::PastEnd)
            } else {
                Err(error)
            }
        });
        Attempt { took, result }
    }

    /// What there is to know of an object but its bytes; `None` if there is none.
    pub async fn head(&self, key: &str, when: &When) -> Attempt<Option<ObjectHead>> {
        let ask = Ask::new(Method::Head, Some(key));
        let read = |answer: Answered| {
            let length = content_length(&answer.headers);
            let head = length.and_then(|length| ObjectHead::read(&answer.headers, length));
            head.map(Some).ok_or_else(|| damaged("no length or no entity tag", &answer))
        };
        let Attempt { took, result } = self.attempt(ask, Judge::new(Want::Head), when, read).await;
        // An answer to HEAD has no document that could name a code.
        let absent = |error: &S3Error| error.is(StatusCode::NOT_FOUND);
        Attempt { took, result: result.or_else(|error| if absent(&error) { Ok(None) } else { Err(error) }) }
    }

    /// Stores an object in one piece, and says in what state it is now.
    pub async fn put(&self, put: &Put, when: &When) -> Attempt<ETag> {
        let mut ask = Ask::new(Method::Put, Some(&put.key));
        ask.signed.extend(put.metadata.iter().map(|(name, value)| (*name, value.clone())));
        ask.headers.push((HeaderName::from_static("content-md5"), BASE64.encode(&put.md5)));
        if let Some(condition) = put.condition.header() {
            ask.headers.push(condition);
            // A second time the condition would be refused for the sake of the first.
            ask.replay = Replay::UnlessSent;
        }
        ask.body = put.body.clone();
        self.attempt(ask, Judge::new(Want::Done), when, |answer| stored(&answer, put.md5)).await
    }

    /// Deletes an object. It is no error if there is none.
    pub async fn delete(&self, key: &str, when: &When) -> Attempt<()> {
        let ask = Ask::new(Method::Delete, Some(key));
        self.attempt(ask, Judge::new(Want::Done), when, |_| Ok(())).await
    }
}

/// The tag of what was just stored.
pub(super) fn stored(answer: &Answered, md5: [u8; 16]) -> Result<ETag, S3Error> {
    let etag = ETag::parse(text(&answer.headers, header::ETAG.as_str()));
    let etag = etag.ok_or_else(|| damaged("no entity tag", answer))?;
    match etag.md5().filter(|_| is_plain(&answer.headers)) {
        Some(said) if said != md5 => Err(damaged("the checksum of other bytes than were sent", answer)),
        _ => Ok(etag),
    }
}

fn piece(start: u64, answer: Answered) -> Result<Object, S3Error> {
    let total = range::parse_content_range(text(&answer.headers, header::CONTENT_RANGE.as_str()).as_bytes())
        .and_then(|said| said.total)
        .ok_or_else(|| damaged("no valid content-range", &answer))?;
    let head = ObjectHead::read(&answer.headers, total).ok_or_else(|| damaged("no entity tag", &answer))?;
    let whole = start == 0 && u64::try_from(answer.body.len()) == Ok(total);
    if whole && head.has_md5(md5(&answer.body)) == Some(false) {
        return Err(damaged("bytes of another checksum than announced", &answer));
    }
    Ok(Object::Piece { head, data: answer.body })
}

pub(super) fn damaged(why: &'static str, answer: &Answered) -> S3Error {
    S3Error::damaged(why, answer.status, &answer.headers)
}
