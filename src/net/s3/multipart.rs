//! Uploads in parts, for objects that are too long to be held in memory.

use bytes::Bytes;
use http::header;
use rusty_s3::Method;

use super::answer::{Judge, Want};
use super::object::{ETag, damaged, md5, stored};
use super::request::Ask;
use super::{Answered, Attempt, Condition, S3Client, S3Error, When, xml};
use crate::net::Dial;
use crate::net::http::Replay;

/// The longest document about uploads, in bytes: a page of a thousand of them.
const MESSAGE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// An upload that was begun, and neither completed nor aborted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfinished {
    /// Where its object would be.
    pub key: String,
    /// Its name.
    pub upload: String,
}

/// A page of a listing of uploads.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UploadPage {
    /// What there is.
    pub uploads: Vec<Unfinished>,
    /// Whether there is more.
    pub is_truncated: bool,
}

impl<D: Dial> S3Client<D> {
    /// Begins an upload in parts, and says what it is called.
    pub async fn create_upload(&self, key: &str, when: &When) -> Attempt<String> {
        let mut ask = Ask::new(Method::Post, Some(key));
        ask.query.push(("uploads", String::new()));
        self.message(ask, when, |answer| {
            let id = find(answer, &["InitiateMultipartUploadResult", "UploadId"]);
            id.ok_or_else(|| damaged("no name of an upload", answer))
        })
        .await
    }

    /// Uploads one part, counted from 1: at least 5 MiB, unless it is the last.
    pub async fn upload_part(
        &self,
        key: &str,
        upload: &str,
        part: usize,
        body: Bytes,
        when: &When,
    ) -> Attempt<ETag> {
        let mut ask = Ask::new(Method::Put, Some(key));
        ask.query.push(("partNumber", part.to_string()));
        ask.query.push(("uploadId", upload.to_owned()));
        let sum = md5(&body);
        let name = http::HeaderName::from_static("content-md5");
        ask.headers.push((name, data_encoding::BASE64.encode(&sum)));
        ask.body = body;
        self.attempt(ask, Judge::new(Want::Done), when, |answer| stored(&answer, sum)).await
    }

    /// Makes one part of an object that is there already.
    pub async fn copy_part(
        &self,
        key: &str,
        upload: &str,
        part: usize,
        source: &str,
        when: &When,
    ) -> Attempt<ETag> {
        let mut ask = Ask::new(Method::Put, Some(key));
        ask.query.push(("partNumber", part.to_string()));
        ask.query.push(("uploadId", upload.to_owned()));
        ask.signed.push(("x-amz-copy-source", format!("{}/{source}", self.bucket())));
        self.message(ask, when, |answer| {
            let etag = find(answer, &["CopyPartResult", "ETag"]).and_then(|text| ETag::parse(&text));
            etag.ok_or_else(|| damaged("no entity tag of a part", answer))
        })
        .await
    }

    /// Makes the parts, in this order, one object.
    pub async fn complete_upload(
        &self,
        key: &str,
        upload: &str,
        parts: &[ETag],
        condition: &Condition,
        when: &When,
    ) -> Attempt<()> {
        let mut ask = Ask::new(Method::Post, Some(key));
        ask.query.push(("uploadId", upload.to_owned()));
        ask.headers.push((header::CONTENT_TYPE, "application/xml".to_owned()));
        ask.headers.extend(condition.header());
        ask.body = Bytes::from(complete(parts));
        ask.replay = Replay::UnlessSent;
        self.message(ask, when, |answer| {
            let done = find(answer, &["CompleteMultipartUploadResult"]);
            done.map(drop).ok_or_else(|| damaged("not the end of an upload", answer))
        })
        .await
    }

    /// Forgets an upload and its parts.
    pub async fn abort_upload(&self, key: &str, upload: &str, when: &When) -> Attempt<()> {
        let mut ask = Ask::new(Method::Delete, Some(key));
        ask.query.push(("uploadId", upload.to_owned()));
        self.attempt(ask, Judge::new(Want::Done), when, |_| Ok(())).await
    }

    /// Unfinished uploads to keys that begin with `prefix`: the first page of them.
    pub async fn list_uploads(&self, prefix: &str, when: &When) -> Attempt<UploadPage> {
        let mut ask = Ask::new(Method::Get, None);
        ask.query.push(("prefix", prefix.to_owned()));
        ask.query.push(("uploads", String::new()));
        self.message(ask, when, |answer| uploads(answer, prefix)).await
    }

    async fn message<T>(
        &self,
        ask: Ask<'_>,
        when: &When,
        read: impl FnOnce(&Answered) -> Result<T, S3Error>,
    ) -> Attempt<T> {
        let judge = Judge::new(Want::Message { bytes_max: MESSAGE_BYTES_MAX });
        self.attempt(ask, judge, when, |answer| read(&answer)).await
    }
}

fn uploads(answer: &Answered, prefix: &str) -> Result<UploadPage, S3Error> {
    let (mut page, mut key, mut upload, mut is_listing) = (UploadPage::default(), None, None, false);
    let whole = xml::walk(&answer.body, |path, text| match path {
        ["ListMultipartUploadsResult"] => is_listing = true,
        ["ListMultipartUploadsResult", "IsTruncated"] => page.is_truncated = text == "true",
        ["ListMultipartUploadsResult", "Upload", "Key"] => key = Some(text.to_owned()),
        ["ListMultipartUploadsResult", "Upload", "UploadId"] => upload = Some(text.to_owned()),
        ["ListMultipartUploadsResult", "Upload"] => {
            let named = key.take().zip(upload.take());
            page.uploads.extend(named.map(|(key, upload)| Unfinished { key, upload }));
        }
        _ => {}
    });
    let within = page.uploads.iter().all(|upload| upload.key.starts_with(prefix));
    if whole.is_none() || !is_listing || !within {
        return Err(damaged("not a whole listing of uploads", answer));
    }
    Ok(page)
}

/// The text of the element with this path, in a whole document.
fn find(answer: &Answered, wanted: &[&str]) -> Option<String> {
    let mut found = None;
    let whole = xml::walk(&answer.body, |path, text| {
        if path == wanted {
            found = Some(text.to_owned());
        }
    });
    whole.and(found)
}

/// Names the parts of an upload. Tags came as text without markup characters but quotes and, perhaps, ampersands.
fn complete(parts: &[ETag]) -> String {
    let mut document = "<CompleteMultipartUpload>".to_owned();
    for (number, etag) in (1..).zip(parts) {
        let etag = quick_xml::escape::escape(etag.as_str());
        document.push_str(&format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"));
    }
    document.push_str("</CompleteMultipartUpload>");
    document
}
