//! Operations on whole objects.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use s3s::dto::*;
use s3s::{Body, S3Request, S3Response};

use super::super::digest::CHECKSUM_HEADERS;
use super::super::headers::{self, to_send};
use super::super::store::State;
use super::super::{Object, PAGE_KEYS_MAX, Reality, Refusal, Wish};
use super::{Answer, etag, long, reality, source, timestamp, wish, with_headers};

/// The conditions under which an object is read, in the order in which HTTP has them.
struct Conditions<'a> {
    matches: Option<&'a ETagCondition>,
    none_matches: Option<&'a ETagCondition>,
    unmodified_since: Option<&'a Timestamp>,
    modified_since: Option<&'a Timestamp>,
}

impl Conditions<'_> {
    fn check(&self, object: &Object) -> Result<(), Refusal> {
        let modified = timestamp(object.modified);
        let is = |condition: &ETagCondition| match condition {
            ETagCondition::Any => true,
            ETagCondition::ETag(asked) => asked.value() == object.etag,
        };
        match (self.matches, self.unmodified_since) {
            (Some(condition), _) if !is(condition) => return Err(Refusal::PreconditionFailed),
            (None, Some(since)) if modified > *since => return Err(Refusal::PreconditionFailed),
            _ => {}
        }
        match (self.none_matches, self.modified_since) {
            (Some(condition), _) if is(condition) => Err(Refusal::NotModified),
            (None, Some(since)) if modified <= *since => Err(Refusal::NotModified),
            _ => Ok(()),
        }
    }
}

/// What of the object is asked for: its place, and whether it is a part only.
fn span(range: Option<&s3s::dto::Range>, object: &Object) -> Result<(Range<usize>, bool), Refusal> {
    let Some(range) = range else { return Ok((0..object.content.len(), false)) };
    let range = range.check(object.content.len() as u64).map_err(|_| Refusal::InvalidRange)?;
    let place = |at| usize::try_from(at).map_err(|_| Refusal::InvalidRange);
    Ok((place(range.start)?..place(range.end)?, true))
}

fn content_range(span: &Range<usize>, object: &Object) -> String {
    format!("bytes {}-{}/{}", span.start, span.end.saturating_sub(1), object.content.len())
}

/// The headers that are kept with the object, but for those the asker replaces. Checksums are of the whole.
fn kept(object: &Object, replaced: &[(&str, bool)], sums: bool) -> HeaderMap {
    let shown = object.headers.iter().filter(|(name, _)| {
        let replaced = replaced.iter().any(|(other, replaced)| *replaced && other == name);
        !replaced && (sums || !CHECKSUM_HEADERS.contains(&name.as_str()))
    });
    to_send(shown.map(|(name, value)| (name.as_str(), value.as_str())))
}

fn wants_sums(mode: Option<&ChecksumMode>) -> bool {
    mode.is_some_and(|mode| mode.as_str() == ChecksumMode::ENABLED)
}

pub(super) fn get(state: &State, request: &S3Request<GetObjectInput>) -> Answer<GetObjectOutput> {
    let input = &request.input;
    let object = state.get(&input.bucket, &input.key, reality(request))?;
    let conditions = Conditions {
        matches: input.if_match.as_ref(),
        none_matches: input.if_none_match.as_ref(),
        unmodified_since: input.if_unmodified_since.as_ref(),
        modified_since: input.if_modified_since.as_ref(),
    };
    conditions.check(&object)?;
    let (span, partial) = span(input.range.as_ref(), &object)?;
    let replaced = [
        ("cache-control", input.response_cache_control.is_some()),
        ("content-disposition", input.response_content_disposition.is_some()),
        ("content-encoding", input.response_content_encoding.is_some()),
        ("content-language", input.response_content_language.is_some()),
        ("content-type", input.response_content_type.is_some()),
        ("expires", input.response_expires.is_some()),
    ];
    let headers = kept(&object, &replaced, !partial && wants_sums(input.checksum_mode.as_ref()));
    let output = GetObjectOutput {
        accept_ranges: Some("bytes".to_owned()),
        content_length: Some(long(span.len())),
        content_range: partial.then(|| content_range(&span, &object)),
        e_tag: Some(etag(&object)),
        last_modified: Some(timestamp(object.modified)),
        body: Some(StreamingBlob::from(Body::from(object.content.slice(span)))),
        ..Default::default()
    };
    Ok(with_headers(output, headers))
}

pub(super) fn head(state: &State, request: &S3Request<HeadObjectInput>) -> Answer<HeadObjectOutput> {
    let input = &request.input;
    let object = state.get(&input.bucket, &input.key, reality(request))?;
    let conditions = Conditions {
        matches: input.if_match.as_ref(),
        none_matches: input.if_none_match.as_ref(),
        unmodified_since: input.if_unmodified_since.as_ref(),
        modified_since: input.if_modified_since.as_ref(),
    };
    conditions.check(&object)?;
    let (span, partial) = span(input.range.as_ref(), &object)?;
    let output = HeadObjectOutput {
        accept_ranges: Some("bytes".to_owned()),
        content_length: Some(long(span.len())),
        content_range: partial.then(|| content_range(&span, &object)),
        e_tag: Some(etag(&object)),
        last_modified: Some(timestamp(object.modified)),
        ..Default::default()
    };
    let headers = kept(&object, &[], !partial && wants_sums(input.checksum_mode.as_ref()));
    let mut response = with_headers(output, headers);
    if partial {
        response.status = Some(StatusCode::PARTIAL_CONTENT);
    }
    Ok(response)
}

pub(super) fn put(
    state: &mut State,
    request: &S3Request<PutObjectInput>,
    content: Bytes,
    sums: &[(&'static str, String)],
) -> Answer<PutObjectOutput> {
    let input = &request.input;
    let wish = wish(input.if_match.as_ref(), input.if_none_match.as_ref())?;
    let mut headers = headers::to_keep(&request.headers)?;
    headers.extend(sums.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    let object = Object::new(content, headers);
    let object = state.put(&input.bucket, &input.key, object, &wish, reality(request))?;
    let output = PutObjectOutput { e_tag: Some(etag(&object)), ..Default::default() };
    Ok(with_headers(output, to_send(sums.iter().map(|(name, value)| (*name, value.as_str())))))
}

pub(super) fn copy(state: &mut State, request: &S3Request<CopyObjectInput>) -> Answer<CopyObjectOutput> {
    let input = &request.input;
    let (bucket, key) = source(&input.copy_source)?;
    let from = state.get(bucket, key, Reality::Plain)?;
    let conditions = Conditions {
        matches: input.copy_source_if_match.as_ref(),
        none_matches: input.copy_source_if_none_match.as_ref(),
        unmodified_since: input.copy_source_if_unmodified_since.as_ref(),
        modified_since: input.copy_source_if_modified_since.as_ref(),
    };
    // There is nobody who has it already: a copy that is not to be made has failed.
    conditions.check(&from).map_err(|_| Refusal::PreconditionFailed)?;
    let replaces = input
        .metadata_directive
        .as_ref()
        .is_some_and(|directive| directive.as_str() == MetadataDirective::REPLACE);
    if !replaces && (bucket, key) == (&input.bucket, &input.key) {
        let why = "This copy request is illegal because it is trying to copy an object to itself without changing \
                   the object's metadata";
        return Err(Refusal::InvalidArgument(why).into());
    }
    let headers = if replaces { headers::to_keep(&request.headers)? } else { from.headers.clone() };
    // However many parts the source was made of, the copy is whole.
    let object = Object::new(from.content.clone(), headers);
    let object = state.put(&input.bucket, &input.key, object, &Wish::Always, reality(request))?;
    let copy_object_result = Some(CopyObjectResult {
        e_tag: Some(etag(&object)),
        last_modified: Some(timestamp(object.modified)),
        ..Default::default()
    });
    Ok(S3Response::new(CopyObjectOutput { copy_object_result, ..Default::default() }))
}

/// The object a part is copied from, and what of it.
pub(super) fn piece(
    state: &State,
    input: &UploadPartCopyInput,
) -> Result<(Arc<Object>, Range<usize>), Refusal> {
    let (bucket, key) = source(&input.copy_source)?;
    let from = state.get(bucket, key, Reality::Plain)?;
    let conditions = Conditions {
        matches: input.copy_source_if_match.as_ref(),
        none_matches: input.copy_source_if_none_match.as_ref(),
        unmodified_since: input.copy_source_if_unmodified_since.as_ref(),
        modified_since: input.copy_source_if_modified_since.as_ref(),
    };
    conditions.check(&from).map_err(|_| Refusal::PreconditionFailed)?;
    let range = input.copy_source_range.as_deref().map(s3s::dto::Range::parse).transpose();
    let range = range.map_err(|_| {
        Refusal::InvalidArgument("The x-amz-copy-source-range value must be of the form bytes=first-last")
    })?;
    let (span, _) = span(range.as_ref(), &from)?;
    Ok((from, span))
}

pub(super) fn delete_many(
    state: &mut State,
    request: &S3Request<DeleteObjectsInput>,
) -> Answer<DeleteObjectsOutput> {
    let Delete { objects, quiet } = &request.input.delete;
    if objects.is_empty() || objects.len() > PAGE_KEYS_MAX {
        return Err(Refusal::MalformedXml.into());
    }
    state.bucket(&request.input.bucket)?;
    let mut deleted = Vec::new();
    let mut errors = Vec::new();
    for wanted in objects {
        let wish = wanted.e_tag.as_ref().map(|etag| Wish::Matches(etag.value().to_owned()));
        let wish = wish.unwrap_or_default();
        match state.remove(&request.input.bucket, &wanted.key, &wish, reality(request)) {
            Ok(_) => {
                deleted.push(DeletedObject { key: Some(wanted.key.clone()), ..Default::default() });
            }
            Err(refusal) => errors.push(Error {
                key: Some(wanted.key.clone()),
                code: Some(refusal.code().as_str().to_owned()),
                message: Some(refusal.to_string()),
                ..Default::default()
            }),
        }
    }
    let deleted = (*quiet != Some(true)).then_some(deleted);
    Ok(S3Response::new(DeleteObjectsOutput { deleted, errors: Some(errors), ..Default::default() }))
}
