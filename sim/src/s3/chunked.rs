//! Requests as they are without signatures: what a client signed is taken for granted and taken away.
//!
//! `s3s` refuses signed requests that it has no key for. With a key it does all of this itself.

use bytes::{Bytes, BytesMut};
use http::header::{AUTHORIZATION, CONTENT_LENGTH};
use http::uri::PathAndQuery;
use http::{HeaderName, HeaderValue, Request, Uri};

use super::Refusal;

/// The longest line between two chunks.
const LINE_BYTES_MAX: usize = 4096;
/// Headers behind the last chunk.
const TRAILERS_MAX: usize = 16;
const CONTENT_SHA256: &str = "x-amz-content-sha256";

/// The same request, unsigned and in one piece.
///
/// # Errors
///
/// Its body says that it comes in chunks, and does not.
pub(super) fn unsigned(mut request: Request<Bytes>) -> Result<Request<Bytes>, Refusal> {
    request.headers_mut().remove(AUTHORIZATION);
    if let Some(uri) = without_signature(request.uri()) {
        *request.uri_mut() = uri;
    }
    let hash = request.headers_mut().remove(CONTENT_SHA256);
    if hash.is_some_and(|hash| hash.as_bytes().starts_with(b"STREAMING-")) {
        let (content, trailers) = decode(request.body())?;
        let headers = request.headers_mut();
        for name in ["x-amz-decoded-content-length", "x-amz-trailer"] {
            headers.remove(name);
        }
        headers.extend(trailers);
        headers.insert(CONTENT_LENGTH, HeaderValue::from(content.len()));
        *request.body_mut() = content;
    }
    Ok(request)
}

/// A URL that was signed, without what makes it so.
fn without_signature(uri: &Uri) -> Option<Uri> {
    let signs = |pair: &&str| {
        let name = pair.split('=').next().unwrap_or_default();
        name.starts_with("X-Amz-") || ["Signature", "AWSAccessKeyId", "Expires"].contains(&name)
    };
    let query = uri.query()?;
    if !query.split('&').any(|pair| signs(&pair)) {
        return None;
    }
    let rest: Vec<&str> = query.split('&').filter(|pair| !signs(pair)).collect();
    let path_and_query = PathAndQuery::try_from(format!("{}?{}", uri.path(), rest.join("&"))).ok()?;
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(path_and_query);
    Uri::from_parts(parts).ok()
}

type Trailers = Vec<(HeaderName, HeaderValue)>;

/// Takes the chunks of `aws-chunked` together. Signatures of chunks are not looked at.
fn decode(body: &Bytes) -> Result<(Bytes, Trailers), Refusal> {
    let mut rest = body.clone();
    let mut content = BytesMut::new();
    loop {
        let head = line(&mut rest)?;
        let digits = head.split(|byte| *byte == b';').next().unwrap_or_default();
        let digits = std::str::from_utf8(digits).map_err(|_| Refusal::IncompleteBody)?;
        let bytes = usize::from_str_radix(digits.trim(), 16).map_err(|_| Refusal::IncompleteBody)?;
        if bytes == 0 {
            break;
        }
        if bytes > rest.len() {
            return Err(Refusal::IncompleteBody);
        }
        content.extend_from_slice(&rest.split_to(bytes));
        if !line(&mut rest)?.is_empty() {
            return Err(Refusal::IncompleteBody);
        }
    }
    let mut trailers = Vec::new();
    while !rest.is_empty() {
        let line = line(&mut rest)?;
        if line.is_empty() {
            break;
        }
        if trailers.len() == TRAILERS_MAX {
            return Err(Refusal::IncompleteBody);
        }
        let at = line.iter().position(|byte| *byte == b':').ok_or(Refusal::IncompleteBody)?;
        let (name, value) = (&line[..at], line[at + 1..].trim_ascii());
        let name = HeaderName::from_bytes(name).map_err(|_| Refusal::IncompleteBody)?;
        let value = HeaderValue::from_bytes(value).map_err(|_| Refusal::IncompleteBody)?;
        // Nothing else may come so late.
        if name.as_str().starts_with("x-amz-checksum-") {
            trailers.push((name, value));
        }
    }
    Ok((content.freeze(), trailers))
}

/// Takes a line off, without its end.
fn line(rest: &mut Bytes) -> Result<Bytes, Refusal> {
    let window = &rest[..rest.len().min(LINE_BYTES_MAX)];
    let end = window.windows(2).position(|pair| pair == b"\r\n").ok_or(Refusal::IncompleteBody)?;
    let line = rest.split_to(end);
    drop(rest.split_to(2));
    Ok(line)
}
