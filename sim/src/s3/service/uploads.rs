//! Operations on multipart uploads.

use std::ops::Bound;

use bytes::Bytes;
use http::StatusCode;
use s3s::dto::*;
use s3s::{S3Request, S3Response};

use super::super::headers::{self, to_send};
use super::super::store::{ClaimedPart, State};
use super::super::{PAGE_KEYS_MAX, PART_NUMBER_MAX, Refusal};
use super::{Answer, etag, long, objects, page_size, reality, small, timestamp, wish, with_headers};

pub(super) fn create(
    state: &mut State,
    request: &S3Request<CreateMultipartUploadInput>,
) -> Answer<CreateMultipartUploadOutput> {
    let input = &request.input;
    let id = state.begin_upload(&input.bucket, &input.key, headers::to_keep(&request.headers)?)?;
    let output = CreateMultipartUploadOutput {
        bucket: Some(input.bucket.clone()),
        key: Some(input.key.clone()),
        upload_id: Some(id),
        ..Default::default()
    };
    Ok(S3Response::new(output))
}

pub(super) fn put(
    state: &mut State,
    request: &S3Request<UploadPartInput>,
    content: Bytes,
    sums: &[(&'static str, String)],
) -> Answer<UploadPartOutput> {
    let input = &request.input;
    let (bucket, key, id) = (&input.bucket, &input.key, &input.upload_id);
    let part = state.put_part(bucket, key, id, input.part_number, content, reality(request))?;
    let output = UploadPartOutput { e_tag: Some(ETag::Strong(part.etag())), ..Default::default() };
    Ok(with_headers(output, to_send(sums.iter().map(|(name, value)| (*name, value.as_str())))))
}

pub(super) fn copy(
    state: &mut State,
    request: &S3Request<UploadPartCopyInput>,
) -> Answer<UploadPartCopyOutput> {
    let input = &request.input;
    let (from, span) = objects::piece(state, input)?;
    let content = from.content.slice(span);
    let (bucket, key, id) = (&input.bucket, &input.key, &input.upload_id);
    let part = state.put_part(bucket, key, id, input.part_number, content, reality(request))?;
    let copy_part_result = Some(CopyPartResult {
        e_tag: Some(ETag::Strong(part.etag())),
        last_modified: Some(timestamp(part.modified)),
        ..Default::default()
    });
    Ok(S3Response::new(UploadPartCopyOutput { copy_part_result, ..Default::default() }))
}

pub(super) fn complete(
    state: &mut State,
    request: &S3Request<CompleteMultipartUploadInput>,
) -> Answer<CompleteMultipartUploadOutput> {
    let input = &request.input;
    let wish = wish(input.if_match.as_ref(), input.if_none_match.as_ref())?;
    let named =
        input.multipart_upload.as_ref().and_then(|upload| upload.parts.as_deref()).unwrap_or_default();
    if named.len() > usize::from(PART_NUMBER_MAX) {
        return Err(Refusal::MalformedXml.into());
    }
    let claimed = named.iter().map(|part| {
        let number = part.part_number.and_then(|number| u16::try_from(number).ok());
        Some((number?, part.e_tag.as_ref()?.value().to_owned()))
    });
    let claimed: Vec<ClaimedPart> = claimed.collect::<Option<_>>().ok_or(Refusal::MalformedXml)?;
    let (bucket, key, id) = (&input.bucket, &input.key, &input.upload_id);
    let object = state.complete_upload(bucket, key, id, &claimed, &wish, reality(request))?;
    let output = CompleteMultipartUploadOutput {
        location: Some(format!("/{bucket}/{key}")),
        bucket: Some(bucket.clone()),
        key: Some(key.clone()),
        e_tag: Some(etag(&object)),
        ..Default::default()
    };
    Ok(S3Response::new(output))
}

pub(super) fn abort(
    state: &mut State,
    request: &S3Request<AbortMultipartUploadInput>,
) -> Answer<AbortMultipartUploadOutput> {
    let input = &request.input;
    state.abort_upload(&input.bucket, &input.key, &input.upload_id, reality(request))?;
    let mut response = S3Response::new(AbortMultipartUploadOutput::default());
    response.status = Some(StatusCode::NO_CONTENT);
    Ok(response)
}

pub(super) fn list(state: &State, request: &S3Request<ListPartsInput>) -> Answer<ListPartsOutput> {
    let input = &request.input;
    let max = page_size(input.max_parts, PAGE_KEYS_MAX)?;
    let after = u16::try_from(input.part_number_marker.unwrap_or(0).max(0)).unwrap_or(u16::MAX);
    let upload = state.upload(&input.bucket, &input.key, &input.upload_id)?;
    let rest = upload.parts.range((Bound::Excluded(after), Bound::Unbounded));
    let truncated = rest.clone().count() > max;
    let parts: Vec<Part> = rest
        .take(max)
        .map(|(number, part)| Part {
            part_number: Some((*number).into()),
            e_tag: Some(ETag::Strong(part.etag())),
            last_modified: Some(timestamp(part.modified)),
            size: Some(long(part.content.len())),
            ..Default::default()
        })
        .collect();
    let last = parts.last().filter(|_| truncated).and_then(|part| part.part_number);
    let output = ListPartsOutput {
        bucket: Some(input.bucket.clone()),
        key: Some(input.key.clone()),
        upload_id: Some(input.upload_id.clone()),
        max_parts: Some(small(max)),
        part_number_marker: input.part_number_marker,
        next_part_number_marker: last,
        is_truncated: Some(truncated),
        parts: Some(parts),
        storage_class: Some(StorageClass::from_static(StorageClass::STANDARD)),
        ..Default::default()
    };
    Ok(S3Response::new(output))
}
