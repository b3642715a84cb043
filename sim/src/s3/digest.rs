//! Entity tags and checksums, as S3 makes them. No signatures.

use data_encoding::{BASE64, HEXLOWER};
use http::HeaderMap;
use md5::{Digest, Md5};
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum, Crc32, Crc32c, Crc64Nvme, Sha1, Sha256};

use super::Refusal;

/// The checksums that a request can bring along, by their headers.
pub(super) const CHECKSUM_HEADERS: [&str; 5] = [
    "x-amz-checksum-crc32",
    "x-amz-checksum-crc32c",
    "x-amz-checksum-crc64nvme",
    "x-amz-checksum-sha1",
    "x-amz-checksum-sha256",
];

/// The MD5 of some bytes.
pub(super) fn md5(bytes: &[u8]) -> [u8; 16] {
    Md5::digest(bytes).into()
}

/// The entity tag, without quotes, of what was written by one request.
pub(super) fn whole_etag(md5: [u8; 16]) -> String {
    HEXLOWER.encode(&md5)
}

/// The entity tag of what was put together of parts: the MD5 of their MD5s, and their number.
pub(super) fn joined_etag(parts: &[[u8; 16]]) -> String {
    let count = parts.len();
    format!("{}-{count}", HEXLOWER.encode(&md5(parts.as_flattened())))
}

/// Compares with the header `Content-MD5`.
///
/// # Errors
///
/// A header that is not the base64 of 16 bytes, or of others.
pub(super) fn check_md5(header: Option<&str>, found: [u8; 16]) -> Result<(), Refusal> {
    let Some(header) = header else { return Ok(()) };
    let claimed = BASE64.decode(header.as_bytes()).ok().filter(|claimed| claimed.len() == found.len());
    if claimed.ok_or(Refusal::InvalidDigest)? == found { Ok(()) } else { Err(Refusal::BadDigest) }
}

/// Compares with every checksum that the headers bring, and answers them.
///
/// # Errors
///
/// One of them is of other bytes.
pub(super) fn check_sums(
    headers: &HeaderMap,
    content: &[u8],
) -> Result<Vec<(&'static str, String)>, Refusal> {
    let mut claimed = Vec::new();
    for name in CHECKSUM_HEADERS {
        if let Some(value) = headers.get(name) {
            claimed.push((name, value.to_str().map_err(|_| Refusal::BadChecksum)?.to_owned()));
        }
    }
    if claimed.is_empty() {
        return Ok(claimed);
    }
    let wants = |name: &str| claimed.iter().any(|(claimed, _)| *claimed == name);
    let mut hasher = ChecksumHasher {
        crc32: wants("x-amz-checksum-crc32").then(Crc32::new),
        crc32c: wants("x-amz-checksum-crc32c").then(Crc32c::new),
        crc64nvme: wants("x-amz-checksum-crc64nvme").then(Crc64Nvme::new),
        sha1: wants("x-amz-checksum-sha1").then(Sha1::new),
        sha256: wants("x-amz-checksum-sha256").then(Sha256::new),
    };
    hasher.update(content);
    let found = hasher.finalize();
    let found = [
        found.checksum_crc32,
        found.checksum_crc32c,
        found.checksum_crc64nvme,
        found.checksum_sha1,
        found.checksum_sha256,
    ];
    for (name, found) in CHECKSUM_HEADERS.into_iter().zip(found) {
        if let Some((_, claimed)) = claimed.iter().find(|(claimed, _)| *claimed == name)
            && found.as_ref() != Some(claimed)
        {
            return Err(Refusal::BadChecksum);
        }
    }
    Ok(claimed)
}
