//! Requests as they go out: signed, with a path below the bucket. `rusty-s3` signs them; what they ask is not known here.

use std::fmt;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method};
use rusty_s3::{Bucket, Credentials, UrlStyle};

use super::{S3Error, What};
use crate::net::Dial;
use crate::net::http::{Call, Pool, Replay, TransportPolicy};

/// How long a signature is good, in seconds: S3 bears clocks that are as much off.
const SIGNED_SECONDS: u64 = 15 * 60;

/// Where a bucket is, and who may use it.
#[derive(Clone)]
pub struct Endpoint {
    /// What [`Dial`] understands: `host:port` on TCP.
    pub address: String,
    /// The name it goes by in HTTP, with a port unless it is 80.
    pub host: String,
    /// The bucket, named in the path of requests.
    pub bucket: String,
    /// The region that signatures name.
    pub region: String,
    /// Names who asks.
    pub access_key: String,
    /// Proves it.
    pub secret_key: String,
}

// Neither key has any business in logs.
impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("address", &self.address)
            .field("host", &self.host)
            .field("bucket", &self.bucket)
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}

/// Asks one bucket, keeping connections for reuse.
pub struct S3Client<D: Dial> {
    pub(super) pool: Pool<D>,
    /// `None` if host and bucket make no URL.
    bucket: Option<Bucket>,
    credentials: Credentials,
    host: HeaderValue,
}

impl<D: Dial> fmt::Debug for S3Client<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Client").field("host", &self.host).finish_non_exhaustive()
    }
}

/// A request before it is signed.
pub(super) struct Ask<'a> {
    pub(super) method: rusty_s3::Method,
    /// `None` asks the bucket as a whole.
    pub(super) key: Option<&'a str>,
    /// Sorted by name.
    pub(super) query: Vec<(&'static str, String)>,
    /// `x-amz-` headers, which are signed. Sorted by name.
    pub(super) signed: Vec<(&'a str, String)>,
    /// Other headers.
    pub(super) headers: Vec<(HeaderName, String)>,
    pub(super) body: Bytes,
    pub(super) replay: Replay,
}

impl<'a> Ask<'a> {
    /// Without query, headers and body; may happen twice.
    pub(super) fn new(method: rusty_s3::Method, key: Option<&'a str>) -> Self {
        let (query, signed, headers) = (Vec::new(), Vec::new(), Vec::new());
        Self { method, key, query, signed, headers, body: Bytes::new(), replay: Replay::UnlessAnswered }
    }
}

impl<D: Dial> S3Client<D> {
    /// Nothing is dialled yet. If host and bucket make no URL, every request fails with [`What::Unusable`].
    pub fn new(dial: D, endpoint: &Endpoint, transport: TransportPolicy) -> Self {
        let url = format!("http://{}/", endpoint.host).parse().ok();
        let named =
            |url| Bucket::new(url, UrlStyle::Path, endpoint.bucket.clone(), endpoint.region.clone()).ok();
        let bucket = url.and_then(named).filter(|_| !endpoint.bucket.is_empty());
        let host = bucket.as_ref().and_then(|bucket| {
            let url = bucket.base_url();
            let port = url.port().map_or(String::new(), |port| format!(":{port}"));
            HeaderValue::try_from(format!("{}{port}", url.host_str()?)).ok()
        });
        Self {
            pool: Pool::new(dial, endpoint.address.clone(), transport),
            bucket,
            credentials: Credentials::new(endpoint.access_key.clone(), endpoint.secret_key.clone()),
            host: host.unwrap_or(HeaderValue::from_static("")),
        }
    }

    /// The name of the bucket.
    pub(super) fn bucket(&self) -> &str {
        self.bucket.as_ref().map_or("", Bucket::name)
    }

    pub(super) fn sign(&self, ask: Ask<'_>, now: u64) -> Result<Call<'static>, S3Error> {
        let unusable = |why| S3Error::new(What::Unusable(why));
        let bucket = self.bucket.as_ref().ok_or(unusable("host and bucket make no url"))?;
        let now = i64::try_from(now).ok().and_then(|now| jiff::Timestamp::from_second(now).ok());
        let now = now.ok_or(unusable("the clock is out of range"))?;
        let url = match ask.key {
            Some(key) if is_key(key) => bucket.object_url(key),
            Some(_) => return Err(unusable("not a key that a url can carry")),
            None => bucket.base_url().clone(),
        };
        let url = rusty_s3::signing::sign(
            &now,
            ask.method,
            url,
            self.credentials.key(),
            self.credentials.secret(),
            self.credentials.token(),
            bucket.region(),
            SIGNED_SECONDS,
            ask.query.iter().map(|(name, value)| (*name, value.as_str())),
            ask.signed.iter().map(|(name, value)| (*name, value.as_str())),
        );
        let method = match ask.method {
            rusty_s3::Method::Head => Method::HEAD,
            rusty_s3::Method::Get => Method::GET,
            rusty_s3::Method::Post => Method::POST,
            rusty_s3::Method::Put => Method::PUT,
            rusty_s3::Method::Delete => Method::DELETE,
        };
        let mut call = Call::new(method, format!("{}?{}", url.path(), url.query().unwrap_or_default()));
        call.header(http::header::HOST, self.host.clone());
        let signed = ask.signed.into_iter().map(|(name, value)| (HeaderName::try_from(name), value));
        let headers = ask.headers.into_iter().map(|(name, value)| (Ok(name), value));
        for (name, value) in signed.chain(headers) {
            let value = HeaderValue::try_from(value).map_err(|_| unusable("not a header"))?;
            call.header(name.map_err(|_| unusable("not a header"))?, value);
        }
        // Also of nothing: without it a PUT without a body is refused.
        if matches!(ask.method, rusty_s3::Method::Put | rusty_s3::Method::Post) {
            call.header(http::header::CONTENT_LENGTH, HeaderValue::from(ask.body.len()));
        }
        call.body = ask.body;
        call.replay = ask.replay;
        Ok(call)
    }
}

/// Whether a key means the same in a URL, in a header and in XML as it does here.
fn is_key(key: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    key.split('/').all(|part| !matches!(part, "" | "." | "..") && part.bytes().all(plain))
}
