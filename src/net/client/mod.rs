//! Requests to one storage server.
//!
//! Says what is asked and what a proper answer is; `net::http` carries it.
//! Those about mutable shares are in `mutable`.

use std::collections::BTreeSet;
use std::ops::Range;

use bytes::Bytes;
use data_encoding::BASE64;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};

use super::http::{Answer, BodyLength, Call, Counts, Expect, Pool, Replay};
use super::message::{self, Allocate, Allocated, LeaseSecrets, Trouble, UploadSecret, Version, Written};
use super::{Dial, ServerInfo, range};
use crate::format::{ShareNum, StorageIndex};
use crate::plan::policy::TransportPolicy;

mod mutable;

pub use super::http::{Progress, RequestError};

const CBOR: HeaderValue = HeaderValue::from_static("application/cbor");
const SECRET: HeaderName = HeaderName::from_static("x-tahoe-authorization");

/// Talks to one storage server, keeping connections for reuse.
pub struct StorageClient<D: Dial> {
    info: ServerInfo,
    pool: Pool<D>,
    host: HeaderValue,
    authorization: HeaderValue,
}

impl<D: Dial> StorageClient<D> {
    /// Nothing is dialled yet.
    pub fn new(dial: D, info: ServerInfo, policy: TransportPolicy) -> Self {
        // Any host will do for a server that has no name HTTP can carry.
        let host = HeaderValue::from_str(&info.address).unwrap_or(HeaderValue::from_static("storage"));
        let authorization = base64_header("Tahoe-LAFS ", &info.swissnum);
        let pool = Pool::new(dial, info.address.clone(), policy);
        Self { info, pool, host, authorization }
    }

    /// The server this talks to.
    pub fn info(&self) -> &ServerInfo {
        &self.info
    }

    /// `GET version`.
    pub async fn version(&self) -> Result<Version, RequestError> {
        let answer = self.get("/storage/v1/version").await?;
        Ok(Version::decode(&answer.body)?)
    }

    /// The complete shares held for `index`.
    pub async fn shares(&self, index: StorageIndex) -> Result<BTreeSet<ShareNum>, RequestError> {
        self.list(Area::Immutable, index).await
    }

    /// Asks for room for `shares`, of `size` bytes each.
    ///
    /// Never repeated on its own: where the first answer was lost, the server has promised the shares
    /// and a second request gets none of them.
    pub async fn allocate(
        &self,
        index: StorageIndex,
        shares: &BTreeSet<ShareNum>,
        size: u64,
        leases: &LeaseSecrets,
        secret: &UploadSecret,
    ) -> Result<Allocated, RequestError> {
        let allocate = Allocate { share_numbers: shares.clone(), allocated_size: size };
        let mut call = Call::new(Method::POST, format!("/storage/v1/immutable/{index}"));
        call.leases(leases);
        call.secret("upload-secret ", &secret.0);
        call.cbor(allocate.encode());
        call.replay = Replay::UnlessSent;
        let answer =
            self.call(call, &Message { statuses: &SUCCESS, bytes_max: self.message_bytes_max() }).await?;
        Ok(Allocated::decode(&answer.body)?)
    }

    /// Stores `data`, which is not empty, at `offset` of an allocated share. `progress` counts the bytes
    /// taken by the connection.
    pub async fn write(
        &self,
        index: StorageIndex,
        share: ShareNum,
        offset: u64,
        data: Bytes,
        secret: &UploadSecret,
        progress: &Progress,
    ) -> Result<Written, RequestError> {
        let last = offset.saturating_add(length(&data)).saturating_sub(1);
        let mut call = Call::new(Method::PATCH, format!("/storage/v1/immutable/{index}/{share}"));
        call.secret("upload-secret ", &secret.0);
        call.header(header::CONTENT_RANGE, text_header(format!("bytes {offset}-{last}/*")));
        call.header(header::ACCEPT, CBOR);
        call.body = data;
        call.progress = Counts::Sent(progress);
        let statuses = [StatusCode::OK, StatusCode::CREATED];
        let answer =
            self.call(call, &Message { statuses: &statuses, bytes_max: self.message_bytes_max() }).await?;
        Ok(Written::decode(&answer.body, answer.status == StatusCode::CREATED)?)
    }

    /// Forgets an allocated share.
    pub async fn abort(
        &self,
        index: StorageIndex,
        share: ShareNum,
        secret: &UploadSecret,
    ) -> Result<(), RequestError> {
        let mut call = Call::new(Method::PUT, format!("/storage/v1/immutable/{index}/{share}/abort"));
        call.secret("upload-secret ", &secret.0);
        self.call(call, &Nothing { status: StatusCode::OK, bytes_max: self.message_bytes_max() }).await?;
        Ok(())
    }

    /// Bytes `range` of a complete share: fewer where the share ends earlier, none past its end.
    /// `progress` counts the body bytes received.
    pub async fn read(
        &self,
        index: StorageIndex,
        share: ShareNum,
        range: Range<u64>,
        progress: &Progress,
    ) -> Result<Bytes, RequestError> {
        self.piece(Area::Immutable, index, share, range, progress).await
    }

    /// Adds or renews a lease on every share of `index`. False if the server has none.
    pub async fn add_lease(&self, index: StorageIndex, leases: &LeaseSecrets) -> Result<bool, RequestError> {
        let mut call = Call::new(Method::PUT, format!("/storage/v1/lease/{index}"));
        call.leases(leases);
        let expect = Nothing { status: StatusCode::NO_CONTENT, bytes_max: self.message_bytes_max() };
        match self.call(call, &expect).await {
            Ok(_) => Ok(true),
            Err(RequestError::Status(404)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Tells the server that a share is corrupt. A long reason is cut.
    pub async fn report_corrupt(
        &self,
        index: StorageIndex,
        share: ShareNum,
        reason: &str,
    ) -> Result<(), RequestError> {
        self.report(Area::Immutable, index, share, reason).await
    }

    async fn list(&self, area: Area, index: StorageIndex) -> Result<BTreeSet<ShareNum>, RequestError> {
        let answer = self.get(&format!("/storage/v1/{}/{index}/shares", area.path())).await?;
        Ok(message::decode_shares(&answer.body)?)
    }

    async fn piece(
        &self,
        area: Area,
        index: StorageIndex,
        share: ShareNum,
        range: Range<u64>,
        progress: &Progress,
    ) -> Result<Bytes, RequestError> {
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        let mut call = Call::new(Method::GET, format!("/storage/v1/{}/{index}/{share}", area.path()));
        call.header(header::RANGE, text_header(format!("bytes={}-{}", range.start, range.end - 1)));
        call.progress = Counts::Received(progress);
        Ok(self.call(call, &Piece { range }).await?.body)
    }

    async fn report(
        &self,
        area: Area,
        index: StorageIndex,
        share: ShareNum,
        reason: &str,
    ) -> Result<(), RequestError> {
        let path = format!("/storage/v1/{}/{index}/{share}/corrupt", area.path());
        let mut call = Call::new(Method::POST, path);
        call.cbor(message::encode_reason(reason));
        self.call(call, &Nothing { status: StatusCode::OK, bytes_max: self.message_bytes_max() }).await?;
        Ok(())
    }

    async fn get(&self, path: &str) -> Result<Answer, RequestError> {
        let mut call = Call::new(Method::GET, path.to_owned());
        call.header(header::ACCEPT, CBOR);
        self.call(call, &Message { statuses: &[StatusCode::OK], bytes_max: self.message_bytes_max() }).await
    }

    async fn call(&self, mut call: Call<'_>, expect: &dyn Expect) -> Result<Answer, RequestError> {
        call.header(header::HOST, self.host.clone());
        call.header(header::AUTHORIZATION, self.authorization.clone());
        if !call.body.is_empty() {
            call.header(header::CONTENT_LENGTH, HeaderValue::from(call.body.len()));
        }
        self.pool.call(&call, expect).await
    }

    fn message_bytes_max(&self) -> usize {
        self.pool.policy().message_bytes_max
    }
}

/// The two kinds of shares, each below a path of its own.
#[derive(Debug, Clone, Copy)]
enum Area {
    Immutable,
    Mutable,
}

impl Area {
    fn path(self) -> &'static str {
        match self {
            Self::Immutable => "immutable",
            Self::Mutable => "mutable",
        }
    }
}

// What only the storage protocol has in its requests.
impl Call<'_> {
    fn secret(&mut self, kind: &str, secret: &[u8]) {
        self.header(SECRET, base64_header(kind, secret));
    }

    fn leases(&mut self, leases: &LeaseSecrets) {
        self.secret("lease-renew-secret ", &leases.renew);
        self.secret("lease-cancel-secret ", &leases.cancel);
    }

    fn cbor(&mut self, body: Vec<u8>) {
        self.header(header::CONTENT_TYPE, CBOR);
        self.header(header::ACCEPT, CBOR);
        self.body = Bytes::from(body);
    }
}

const SUCCESS: [StatusCode; 2] = [StatusCode::OK, StatusCode::CREATED];

/// A CBOR message comes with one of these statuses.
struct Message<'a> {
    statuses: &'a [StatusCode],
    bytes_max: usize,
}

impl Expect for Message<'_> {
    fn body(&self, status: StatusCode, headers: &HeaderMap) -> Result<BodyLength, RequestError> {
        if !self.statuses.contains(&status) {
            return Err(RequestError::Status(status.as_u16()));
        }
        content_type(headers, "application/cbor")?;
        Ok(BodyLength::AtMost(self.bytes_max))
    }

    fn refusal(&self, status: u16, body: &Bytes) -> RequestError {
        refusal(status, body)
    }
}

/// The status says it all.
struct Nothing {
    status: StatusCode,
    bytes_max: usize,
}

impl Expect for Nothing {
    fn body(&self, status: StatusCode, _headers: &HeaderMap) -> Result<BodyLength, RequestError> {
        if status == self.status {
            Ok(BodyLength::AtMost(self.bytes_max))
        } else {
            Err(RequestError::Status(status.as_u16()))
        }
    }

    fn refusal(&self, status: u16, body: &Bytes) -> RequestError {
        refusal(status, body)
    }
}

/// Share data: the start of this range at least, unless the share ends before it.
struct Piece {
    range: Range<u64>,
}

impl Expect for Piece {
    fn body(&self, status: StatusCode, headers: &HeaderMap) -> Result<BodyLength, RequestError> {
        match status {
            StatusCode::NO_CONTENT => Ok(BodyLength::Exactly(0)),
            StatusCode::PARTIAL_CONTENT => {
                content_type(headers, "application/octet-stream")?;
                let got = headers
                    .get(header::CONTENT_RANGE)
                    .and_then(|value| range::parse_content_range(value.as_bytes()))
                    .ok_or_else(|| RequestError::malformed("no valid content-range"))?;
                if got.range.start != self.range.start || got.range.end > self.range.end {
                    return Err(RequestError::malformed("another range than asked for"));
                }
                usize::try_from(got.range.end - got.range.start)
                    .map(BodyLength::Exactly)
                    .map_err(|_| RequestError::malformed("range too long"))
            }
            other => Err(RequestError::Status(other.as_u16())),
        }
    }

    fn refusal(&self, status: u16, body: &Bytes) -> RequestError {
        refusal(status, body)
    }
}

/// A server that knows why says so.
fn refusal(status: u16, body: &Bytes) -> RequestError {
    match Trouble::decode(body) {
        Ok(trouble) => RequestError::Trouble(Box::new(trouble)),
        Err(_) => RequestError::Status(status),
    }
}

fn content_type(headers: &HeaderMap, wanted: &'static str) -> Result<(), RequestError> {
    let said = headers.get(header::CONTENT_TYPE).map_or(&[][..], HeaderValue::as_bytes);
    let said = said.split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii();
    if said.eq_ignore_ascii_case(wanted.as_bytes()) {
        Ok(())
    } else {
        Err(RequestError::malformed("unexpected content-type"))
    }
}

fn base64_header(prefix: &str, bytes: &[u8]) -> HeaderValue {
    let mut text = String::with_capacity(prefix.len() + BASE64.encode_len(bytes.len()));
    text.push_str(prefix);
    BASE64.encode_append(bytes, &mut text);
    text_header(text)
}

/// `text` is made of ASCII we wrote ourselves.
fn text_header(text: String) -> HeaderValue {
    HeaderValue::from_maybe_shared(Bytes::from(text)).unwrap_or(HeaderValue::from_static(""))
}

fn length(bytes: &Bytes) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
