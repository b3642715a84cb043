//! What every operation of S3 means, over the store. The protocol around it is that of `s3s`.
//!
//! Each operation reads its body first and then does what it does in one step, so that whoever drops a request leaves
//! nothing half done.

mod listing;
mod objects;
mod uploads;

use async_trait::async_trait;
use bytes::Bytes;
use data_encoding::BASE64URL_NOPAD;
use futures_util::TryStreamExt;
use http::HeaderMap;
use lafs::server::clock::UnixTime;
use s3s::dto::*;
use s3s::{S3, S3Request, S3Response, S3Result};

use super::store::{Shared, State, Store, lock};
use super::{OBJECT_BYTES_MAX, Object, Reality, Refusal, Wish, digest};

/// Where all buckets are.
const REGION: &str = "us-east-1";

/// The operations of S3 on a [`Store`]. A request with a [`Reality`] among its extensions finds things so.
///
/// Observers of the store hear of changes when somebody calls [`Store::tell`].
#[derive(Clone)]
pub struct Service {
    shared: Shared,
}

impl Service {
    /// The operations on `store`.
    pub fn new(store: &Store) -> Self {
        Self { shared: store.shared.clone() }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        lock(&self.shared)
    }
}

fn reality<T>(request: &S3Request<T>) -> Reality {
    request.extensions.get::<Reality>().copied().unwrap_or_default()
}

/// A body, as far as it may be long, and what came behind it.
async fn read(body: Option<StreamingBlob>) -> Result<Bytes, Refusal> {
    let Some(mut body) = body else { return Ok(Bytes::new()) };
    let mut first = Bytes::new();
    let mut rest = Vec::new();
    while let Some(piece) = body.try_next().await.map_err(|_| Refusal::IncompleteBody)? {
        if first.len() + rest.len() + piece.len() > OBJECT_BYTES_MAX {
            return Err(Refusal::EntityTooLarge);
        }
        if first.is_empty() {
            first = piece;
        } else {
            rest.extend_from_slice(&piece);
        }
    }
    Ok(if rest.is_empty() { first } else { [&first[..], &rest].concat().into() })
}

/// Reads what a request wants to store and compares it with its digests, which are answered.
async fn receive<T>(
    request: &mut S3Request<T>,
    body: Option<StreamingBlob>,
) -> Result<(Bytes, Vec<(&'static str, String)>), Refusal> {
    let content = read(body).await?;
    // Checksums may come behind the body.
    if let Some(trailers) = request.trailing_headers.as_ref().and_then(|trailers| trailers.take()) {
        request.headers.extend(trailers);
    }
    let claimed = request.headers.get("content-md5").map(|value| value.to_str().unwrap_or_default());
    if claimed.is_some() {
        digest::check_md5(claimed, digest::md5(&content))?;
    }
    let sums = digest::check_sums(&request.headers, &content)?;
    Ok((content, sums))
}

/// Under which condition a request writes.
fn wish(if_match: Option<&ETagCondition>, if_none_match: Option<&ETagCondition>) -> Result<Wish, Refusal> {
    match (if_match, if_none_match) {
        (None, None) => Ok(Wish::Always),
        (Some(ETagCondition::Any), None) => Ok(Wish::Present),
        (Some(ETagCondition::ETag(etag)), None) => Ok(Wish::Matches(etag.value().to_owned())),
        (None, Some(ETagCondition::Any)) => Ok(Wish::Absent),
        (_, Some(_)) => Err(Refusal::NotImplemented(
            "A header you provided implies functionality that is not implemented",
        )),
    }
}

fn etag(object: &Object) -> ETag {
    ETag::Strong(object.etag.clone())
}

/// A moment as `s3s` has it; the end of time if it is later than that.
fn timestamp(time: UnixTime) -> Timestamp {
    // The year 9999 is the last that HTTP can say.
    const LAST: u64 = 253_402_300_799;
    (std::time::UNIX_EPOCH + std::time::Duration::from_secs(time.0.min(LAST))).into()
}

fn with_headers<T>(output: T, headers: HeaderMap) -> S3Response<T> {
    S3Response::with_headers(output, headers)
}

/// Where the source of a copy is.
fn source(source: &CopySource) -> Result<(&str, &str), Refusal> {
    match source {
        CopySource::Bucket { bucket, key, version_id: None } => Ok((bucket, key)),
        CopySource::Bucket { .. } => Err(Refusal::NotImplemented("Versions are not implemented")),
        CopySource::AccessPoint { .. } | CopySource::Outpost { .. } => {
            Err(Refusal::NotImplemented("Access points are not implemented"))
        }
    }
}

fn page_size(asked: Option<i32>, max: usize) -> Result<usize, Refusal> {
    match asked {
        None => Ok(max),
        Some(asked) => usize::try_from(asked).map(|asked| asked.min(max)).map_err(|_| {
            Refusal::InvalidArgument("Provided max-keys not an integer or within integer range")
        }),
    }
}

fn token(after: &str) -> String {
    BASE64URL_NOPAD.encode(after.as_bytes())
}

fn after_token(token: &str) -> Result<String, Refusal> {
    let bytes = BASE64URL_NOPAD.decode(token.as_bytes()).ok();
    let after = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    after.ok_or(Refusal::InvalidArgument("The continuation token provided is incorrect"))
}

fn small(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

fn long(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

type Answer<T> = S3Result<S3Response<T>>;

#[async_trait]
impl S3 for Service {
    async fn create_bucket(&self, request: S3Request<CreateBucketInput>) -> Answer<CreateBucketOutput> {
        self.state().create_bucket(&request.input.bucket)?;
        let location = Some(format!("/{}", request.input.bucket));
        Ok(S3Response::new(CreateBucketOutput { location }))
    }

    async fn delete_bucket(&self, request: S3Request<DeleteBucketInput>) -> Answer<DeleteBucketOutput> {
        self.state().delete_bucket(&request.input.bucket)?;
        let mut response = S3Response::new(DeleteBucketOutput::default());
        response.status = Some(http::StatusCode::NO_CONTENT);
        Ok(response)
    }

    async fn head_bucket(&self, request: S3Request<HeadBucketInput>) -> Answer<HeadBucketOutput> {
        self.state().bucket(&request.input.bucket)?;
        let bucket_region = Some(REGION.to_owned());
        Ok(S3Response::new(HeadBucketOutput { bucket_region, ..Default::default() }))
    }

    async fn get_bucket_location(
        &self,
        request: S3Request<GetBucketLocationInput>,
    ) -> Answer<GetBucketLocationOutput> {
        self.state().bucket(&request.input.bucket)?;
        // The first region has no name.
        Ok(S3Response::new(GetBucketLocationOutput::default()))
    }

    async fn list_buckets(&self, _: S3Request<ListBucketsInput>) -> Answer<ListBucketsOutput> {
        let state = self.state();
        let buckets = state.buckets().map(|(name, bucket)| Bucket {
            name: Some(name.to_string()),
            creation_date: Some(timestamp(bucket.created)),
            ..Default::default()
        });
        Ok(S3Response::new(ListBucketsOutput { buckets: Some(buckets.collect()), ..Default::default() }))
    }

    async fn get_object(&self, request: S3Request<GetObjectInput>) -> Answer<GetObjectOutput> {
        objects::get(&self.state(), &request)
    }

    async fn head_object(&self, request: S3Request<HeadObjectInput>) -> Answer<HeadObjectOutput> {
        objects::head(&self.state(), &request)
    }

    async fn put_object(&self, mut request: S3Request<PutObjectInput>) -> Answer<PutObjectOutput> {
        let body = request.input.body.take();
        let (content, sums) = receive(&mut request, body).await?;
        objects::put(&mut self.state(), &request, content, &sums)
    }

    async fn copy_object(&self, request: S3Request<CopyObjectInput>) -> Answer<CopyObjectOutput> {
        objects::copy(&mut self.state(), &request)
    }

    async fn delete_object(&self, request: S3Request<DeleteObjectInput>) -> Answer<DeleteObjectOutput> {
        let reality = reality(&request);
        let wish = wish(request.input.if_match.as_ref(), None)?;
        self.state().remove(&request.input.bucket, &request.input.key, &wish, reality)?;
        let mut response = S3Response::new(DeleteObjectOutput::default());
        response.status = Some(http::StatusCode::NO_CONTENT);
        Ok(response)
    }

    async fn delete_objects(&self, request: S3Request<DeleteObjectsInput>) -> Answer<DeleteObjectsOutput> {
        objects::delete_many(&mut self.state(), &request)
    }

    async fn list_objects(&self, request: S3Request<ListObjectsInput>) -> Answer<ListObjectsOutput> {
        listing::by_marker(&self.state(), &request)
    }

    async fn list_objects_v2(&self, request: S3Request<ListObjectsV2Input>) -> Answer<ListObjectsV2Output> {
        listing::by_token(&self.state(), &request)
    }

    async fn create_multipart_upload(
        &self,
        request: S3Request<CreateMultipartUploadInput>,
    ) -> Answer<CreateMultipartUploadOutput> {
        uploads::create(&mut self.state(), &request)
    }

    async fn upload_part(&self, mut request: S3Request<UploadPartInput>) -> Answer<UploadPartOutput> {
        let body = request.input.body.take();
        let (content, sums) = receive(&mut request, body).await?;
        uploads::put(&mut self.state(), &request, content, &sums)
    }

    async fn upload_part_copy(
        &self,
        request: S3Request<UploadPartCopyInput>,
    ) -> Answer<UploadPartCopyOutput> {
        uploads::copy(&mut self.state(), &request)
    }

    async fn complete_multipart_upload(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> Answer<CompleteMultipartUploadOutput> {
        uploads::complete(&mut self.state(), &request)
    }

    async fn abort_multipart_upload(
        &self,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> Answer<AbortMultipartUploadOutput> {
        uploads::abort(&mut self.state(), &request)
    }

    async fn list_multipart_uploads(
        &self,
        request: S3Request<ListMultipartUploadsInput>,
    ) -> Answer<ListMultipartUploadsOutput> {
        listing::uploads(&self.state(), &request)
    }

    async fn list_parts(&self, request: S3Request<ListPartsInput>) -> Answer<ListPartsOutput> {
        uploads::list(&self.state(), &request)
    }
}
