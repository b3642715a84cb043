//! Listings of objects and of uploads, page by page.

use s3s::dto::*;
use s3s::{S3Request, S3Response};

use super::super::store::State;
use super::super::{Item, PAGE_KEYS_MAX, Query, Refusal};
use super::{Answer, after_token, etag, long, page_size, reality, small, timestamp, token};

/// How names are written down: as they are, or for those who cannot read all of them in XML, like a part of a URL.
fn written(name: &str, encoding: Option<&EncodingType>) -> String {
    if encoding.is_none_or(|encoding| encoding.as_str() != EncodingType::URL) {
        return name.to_owned();
    }
    let mut out = String::with_capacity(name.len());
    for &byte in name.as_bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' | b'*' => {
                out.push(byte.into())
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

fn split(items: &[Item], encoding: Option<&EncodingType>) -> (Vec<Object>, Vec<CommonPrefix>) {
    let mut contents = Vec::new();
    let mut prefixes = Vec::new();
    for item in items {
        match item {
            Item::Object(key, object) => contents.push(Object {
                key: Some(written(key, encoding)),
                e_tag: Some(etag(object)),
                last_modified: Some(timestamp(object.modified)),
                size: Some(long(object.content.len())),
                storage_class: Some(ObjectStorageClass::from_static(ObjectStorageClass::STANDARD)),
                ..Default::default()
            }),
            Item::Common(prefix) => prefixes.push(CommonPrefix { prefix: Some(written(prefix, encoding)) }),
        }
    }
    (contents, prefixes)
}

pub(super) fn by_token(
    state: &State,
    request: &S3Request<ListObjectsV2Input>,
) -> Answer<ListObjectsV2Output> {
    let input = &request.input;
    let continued = input.continuation_token.as_deref().map(after_token).transpose()?;
    let query = Query {
        prefix: input.prefix.as_deref().unwrap_or_default(),
        delimiter: input.delimiter.as_deref().unwrap_or_default(),
        after: continued.as_deref().or(input.start_after.as_deref()).unwrap_or_default(),
        items_max: page_size(input.max_keys, PAGE_KEYS_MAX)?,
    };
    let page = state.list(&input.bucket, query, reality(request))?;
    let encoding = input.encoding_type.as_ref();
    let (contents, prefixes) = split(&page.items, encoding);
    let output = ListObjectsV2Output {
        name: Some(input.bucket.clone()),
        prefix: Some(written(query.prefix, encoding)),
        delimiter: input.delimiter.as_deref().map(|delimiter| written(delimiter, encoding)),
        start_after: input.start_after.as_deref().map(|after| written(after, encoding)),
        encoding_type: input.encoding_type.clone(),
        continuation_token: input.continuation_token.clone(),
        max_keys: Some(small(query.items_max)),
        key_count: Some(small(page.items.len())),
        is_truncated: Some(page.truncated),
        next_continuation_token: page.next().map(token),
        contents: Some(contents),
        common_prefixes: Some(prefixes),
        ..Default::default()
    };
    Ok(S3Response::new(output))
}

pub(super) fn by_marker(state: &State, request: &S3Request<ListObjectsInput>) -> Answer<ListObjectsOutput> {
    let input = &request.input;
    let query = Query {
        prefix: input.prefix.as_deref().unwrap_or_default(),
        delimiter: input.delimiter.as_deref().unwrap_or_default(),
        after: input.marker.as_deref().unwrap_or_default(),
        items_max: page_size(input.max_keys, PAGE_KEYS_MAX)?,
    };
    let page = state.list(&input.bucket, query, reality(request))?;
    let encoding = input.encoding_type.as_ref();
    let (contents, prefixes) = split(&page.items, encoding);
    // Without a delimiter S3 leaves it to the client, which takes the last key.
    let next_marker = page.next().filter(|_| input.delimiter.is_some()).map(|next| written(next, encoding));
    let output = ListObjectsOutput {
        name: Some(input.bucket.clone()),
        prefix: Some(written(query.prefix, encoding)),
        delimiter: input.delimiter.as_deref().map(|delimiter| written(delimiter, encoding)),
        marker: Some(written(query.after, encoding)),
        encoding_type: input.encoding_type.clone(),
        max_keys: Some(small(query.items_max)),
        is_truncated: Some(page.truncated),
        next_marker,
        contents: Some(contents),
        common_prefixes: Some(prefixes),
        ..Default::default()
    };
    Ok(S3Response::new(output))
}

pub(super) fn uploads(
    state: &State,
    request: &S3Request<ListMultipartUploadsInput>,
) -> Answer<ListMultipartUploadsOutput> {
    let input = &request.input;
    if input.delimiter.as_ref().is_some_and(|delimiter| !delimiter.is_empty()) {
        return Err(Refusal::NotImplemented("Uploads are not rolled up by a delimiter").into());
    }
    let max = page_size(input.max_uploads, PAGE_KEYS_MAX)?;
    let prefix = input.prefix.as_deref().unwrap_or_default();
    let (key_marker, id_marker) = (input.key_marker.as_deref(), input.upload_id_marker.as_deref());
    let encoding = input.encoding_type.as_ref();
    let mut pending = state.pending(&input.bucket)?;
    pending.retain(|upload| {
        let after = match (key_marker, id_marker) {
            (None, _) => true,
            (Some(key), None) => upload.key.as_str() > key,
            (Some(key), Some(id)) => (upload.key.as_str(), upload.id.as_str()) > (key, id),
        };
        after && upload.key.starts_with(prefix)
    });
    let truncated = pending.len() > max;
    pending.truncate(max);
    let last = pending.last().filter(|_| truncated);
    let output = ListMultipartUploadsOutput {
        bucket: Some(input.bucket.clone()),
        prefix: Some(written(prefix, encoding)),
        key_marker: key_marker.map(|key| written(key, encoding)),
        upload_id_marker: input.upload_id_marker.clone(),
        next_key_marker: last.map(|upload| written(&upload.key, encoding)),
        next_upload_id_marker: last.map(|upload| upload.id.clone()),
        encoding_type: input.encoding_type.clone(),
        max_uploads: Some(small(max)),
        is_truncated: Some(truncated),
        uploads: Some(
            pending
                .iter()
                .map(|upload| MultipartUpload {
                    key: Some(written(&upload.key, encoding)),
                    upload_id: Some(upload.id.clone()),
                    initiated: Some(timestamp(upload.begun)),
                    storage_class: Some(StorageClass::from_static(StorageClass::STANDARD)),
                    ..Default::default()
                })
                .collect(),
        ),
        ..Default::default()
    };
    Ok(S3Response::new(output))
}
