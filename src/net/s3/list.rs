//! Listing keys, a page at a time.

use rusty_s3::Method;

use super::answer::{Judge, Want};
use super::object::{ETag, damaged};
use super::request::Ask;
use super::{Answered, Attempt, S3Client, S3Error, When, xml};
use crate::net::Dial;
use crate::net::range::decimal;

/// The most keys that are asked for, and believed, in one page.
pub const LISTED_MAX: usize = 1000;
/// The longest page, in bytes.
const PAGE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// One key of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The whole key.
    pub key: String,
    /// The state of its object, if the listing says.
    pub etag: Option<ETag>,
    /// The length of its object in bytes, if the listing says.
    pub size: Option<u64>,
}

/// A page of a listing, in the order of the keys.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// What there is.
    pub entries: Vec<Entry>,
    /// Where the next page begins; `None` after the last.
    pub next: Option<String>,
}

impl<D: Dial> S3Client<D> {
    /// Keys that begin with `prefix`, from where an earlier page said that the next one begins.
    pub async fn list(&self, prefix: &str, from: Option<&str>, when: &When) -> Attempt<Page> {
        let mut ask = Ask::new(Method::Get, None);
        ask.query.extend(from.map(|from| ("continuation-token", from.to_owned())));
        ask.query.push(("list-type", "2".to_owned()));
        ask.query.push(("max-keys", LISTED_MAX.to_string()));
        ask.query.push(("prefix", prefix.to_owned()));
        let judge = Judge::new(Want::Message { bytes_max: PAGE_BYTES_MAX });
        self.attempt(ask, judge, when, |answer| page(&answer, prefix)).await
    }
}

fn page(answer: &Answered, prefix: &str) -> Result<Page, S3Error> {
    let (mut page, mut key, mut etag, mut size) = (Page::default(), None, None, None);
    let (mut is_listing, mut truncated) = (false, None);
    let whole = xml::walk(&answer.body, |path, text| match path {
        ["ListBucketResult"] => is_listing = true,
        ["ListBucketResult", "IsTruncated"] => truncated = text.parse::<bool>().ok(),
        ["ListBucketResult", "NextContinuationToken"] => page.next = Some(text.to_owned()),
        ["ListBucketResult", "Contents", "Key"] => key = Some(text.to_owned()),
        ["ListBucketResult", "Contents", "ETag"] => etag = ETag::parse(text),
        ["ListBucketResult", "Contents", "Size"] => size = decimal(text).filter(|_| !text.is_empty()),
        ["ListBucketResult", "Contents"] => {
            let entry = |key| Entry { key, etag: etag.take(), size: size.take() };
            page.entries.extend(key.take().map(entry));
        }
        _ => {}
    });
    // Half a listing would make what is in the other half look absent.
    if whole.is_none() || !is_listing {
        return Err(damaged("not a whole listing", answer));
    }
    page.next = page.next.filter(|next| !next.is_empty() && truncated != Some(false));
    if truncated == Some(true) && page.next.is_none() {
        return Err(damaged("a listing that goes on nowhere", answer));
    }
    let within = page.entries.iter().all(|entry| entry.key.starts_with(prefix));
    if !within || page.entries.len() > LISTED_MAX {
        return Err(damaged("a listing of something else", answer));
    }
    Ok(page)
}
