//! The headers that S3 keeps with an object and gives back with it: metadata of users, and what HTTP has for contents.
//!
//! They are kept as they came, in the order of their names: the maps of `s3s` have no order that could be repeated.

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderName, HeaderValue};

use super::{METADATA_BYTES_MAX, Refusal};

/// What the names of users' metadata begin with.
const META: &str = "x-amz-meta-";
const KEPT: [&str; 6] = [
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-type",
    "expires",
];
/// What S3 takes for the type of contents if nobody says.
const TYPE_DEFAULT: &str = "binary/octet-stream";
/// An encoding of the request, not of the object.
const CHUNKED: &str = "aws-chunked";

/// Header names, lowercase, and their values.
pub(super) type Headers = BTreeMap<String, String>;

/// What of a request's headers belongs to the object.
///
/// # Errors
///
/// More of users' metadata than S3 keeps, or a value that is not of visible ASCII.
pub(super) fn to_keep(headers: &HeaderMap) -> Result<Headers, Refusal> {
    let mut kept = Headers::new();
    let mut meta_bytes = 0;
    for (name, value) in headers {
        let name = name.as_str();
        let meta = name.strip_prefix(META);
        if meta.is_none() && !KEPT.contains(&name) {
            continue;
        }
        let value =
            value.to_str().map_err(|_| Refusal::InvalidArgument("Header value is not printable ASCII"))?;
        if let Some(meta) = meta {
            meta_bytes += meta.len() + value.len();
        }
        if meta_bytes > METADATA_BYTES_MAX {
            return Err(Refusal::MetadataTooLarge);
        }
        let value = if name == "content-encoding" { without_chunked(value) } else { value.to_owned() };
        if !value.is_empty() || meta.is_some() {
            kept.insert(name.to_owned(), value);
        }
    }
    kept.entry("content-type".to_owned()).or_insert_with(|| TYPE_DEFAULT.to_owned());
    Ok(kept)
}

fn without_chunked(value: &str) -> String {
    let rest: Vec<&str> = value.split(',').map(str::trim).filter(|coding| *coding != CHUNKED).collect();
    rest.join(", ")
}

/// Headers of an answer, in order.
pub(super) fn to_send<'a>(headers: impl IntoIterator<Item = (&'a str, &'a str)>) -> HeaderMap {
    let parsed = headers.into_iter().filter_map(|(name, value)| {
        // What was kept came as a header.
        Some((name.parse::<HeaderName>().ok()?, HeaderValue::from_str(value).ok()?))
    });
    parsed.collect()
}
