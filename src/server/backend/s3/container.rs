//! How a mutable share lies in its object, and what of that is not the share.
//!
//! The share comes first, at offset 0. Behind it are [`NONCE_BYTES`] random bytes, new for each time that it is stored: the
//! entity tag of an object is the checksum of its bytes, and without them a share that is put back to what it was would
//! be in the state that it was in, so that a change that was meant for that state, and comes late, would be made. How many
//! there are is said by the metadata [`NONCE`]; an object without it, put there by somebody else, is all share.
//! The write enabler is metadata too, [`WRITE_ENABLER`]. Immutable shares are their objects and nothing else.

use std::collections::BTreeMap;

use bytes::Bytes;
use data_encoding::BASE64;

use crate::net::range::decimal;
use crate::server::WRITE_ENABLER_BYTES_MAX;
use crate::server::backend::MutableShare;

/// How many bytes follow the share.
pub const NONCE_BYTES: usize = 16;
/// The metadata that says how many bytes follow the share.
pub const NONCE: &str = "nonce-bytes";
/// The metadata that has the write enabler, in base64.
pub const WRITE_ENABLER: &str = "write-enabler";

/// The bytes of an object.
pub fn seal(content: &[u8], nonce: &[u8; NONCE_BYTES]) -> Bytes {
    let mut body = Vec::with_capacity(content.len() + NONCE_BYTES);
    body.extend_from_slice(content);
    body.extend_from_slice(nonce);
    Bytes::from(body)
}

/// The metadata of an object, as headers.
pub fn headers(enabler: &[u8]) -> Vec<(&'static str, String)> {
    vec![
        ("x-amz-meta-nonce-bytes", NONCE_BYTES.to_string()),
        ("x-amz-meta-write-enabler", BASE64.encode(enabler)),
    ]
}

/// How many of the bytes of an object are the share; `None` if its metadata make no sense.
pub fn content_bytes(metadata: &BTreeMap<String, String>, object_bytes: u64) -> Option<u64> {
    match metadata.get(NONCE) {
        Some(said) => object_bytes.checked_sub(decimal(said).filter(|_| !said.is_empty())?),
        None => Some(object_bytes),
    }
}

/// What whoever writes the share must show; `None` if there is none that makes sense.
pub fn enabler(metadata: &BTreeMap<String, String>) -> Option<Bytes> {
    let enabler = BASE64.decode(metadata.get(WRITE_ENABLER)?.as_bytes()).ok()?;
    (enabler.len() <= WRITE_ENABLER_BYTES_MAX).then(|| Bytes::from(enabler))
}

/// The share in an object, for whoever looks into a bucket from outside.
pub fn open(metadata: &BTreeMap<String, String>, body: &Bytes) -> Option<MutableShare> {
    let content = content_bytes(metadata, u64::try_from(body.len()).ok()?)?;
    let content = body.slice(..usize::try_from(content).ok()?);
    Some(MutableShare { enabler: enabler(metadata)?, content })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn what_was_sealed_is_opened() {
        let headers = headers(b"enabler");
        let bare =
            headers.iter().map(|(name, value)| (name.trim_start_matches("x-amz-meta-"), value.as_str()));
        let metadata = metadata(&bare.collect::<Vec<_>>());
        for content in ["", "content"] {
            let share = open(&metadata, &seal(content.as_bytes(), &[7; 16])).unwrap();
            assert_eq!((&share.enabler[..], &share.content[..]), (&b"enabler"[..], content.as_bytes()));
        }
    }

    #[test]
    fn what_somebody_else_put_there_is_all_share() {
        let share = open(&metadata(&[(WRITE_ENABLER, "AAAA")]), &Bytes::from_static(b"content")).unwrap();
        assert_eq!(&share.content[..], b"content");
    }

    #[test]
    fn metadata_without_sense_are_refused() {
        let body = Bytes::from_static(b"content");
        for nonce in ["8", "-1", "", "x", "99999999999999999999"] {
            assert_eq!(open(&metadata(&[(WRITE_ENABLER, "AAAA"), (NONCE, nonce)]), &body), None, "{nonce}");
        }
        assert_eq!(open(&metadata(&[]), &body), None);
        assert_eq!(open(&metadata(&[(WRITE_ENABLER, "?")]), &body), None);
        assert_eq!(open(&metadata(&[(WRITE_ENABLER, &"AAAA".repeat(100))]), &body), None);
    }
}
