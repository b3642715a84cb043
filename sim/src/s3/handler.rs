//! Answers S3's requests as they come over HTTP: reads them whole, lets `s3s` and the service answer, and puts S3's
//! identifiers on every answer.
//!
//! No faults. A handler in front of this one reads a request with [`Handler::receive`], and answers with
//! [`Handler::answer`], perhaps in another [`Reality`], or with [`Handler::refuse`].

use std::cell::RefCell;
use std::fmt;
use std::future::poll_fn;
use std::pin::pin;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use data_encoding::BASE64;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body::Body as _;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use lafs::net::serve::{Handle, ResponseBody};
use rand_core::Rng;
use s3s::auth::{S3Auth, SecretKey};
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{S3Result, s3_error};

use super::{OBJECT_BYTES_MAX, Reality, Refusal, Service, Store, chunked};

/// How much is allocated for a body before any of it has come.
const BODY_BYTES_FIRST: usize = 1 << 20;
const REQUEST_ID: &str = "x-amz-request-id";
const HOST_ID: &str = "x-amz-id-2";
/// What the second identifier is made of.
const HOST_ID_BYTES: usize = 24;
/// S3 chunks a request's body a little larger than it is; more than this is no body of S3.
const CHUNKS_BYTES_MAX: usize = 64 << 20;

/// What requests are signed with.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyPair {
    /// Says who signs.
    pub access_key: String,
    /// Proves it.
    pub secret_key: String,
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyPair").field("access_key", &self.access_key).finish_non_exhaustive()
    }
}

#[async_trait]
impl S3Auth for KeyPair {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        if access_key != self.access_key {
            return Err(s3_error!(InvalidAccessKeyId));
        }
        Ok(SecretKey::from(self.secret_key.as_str()))
    }
}

/// An answer that says that something is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Complaint<'a> {
    /// The status: not always one that the code has in S3's documentation.
    pub status: StatusCode,
    /// S3's code, such as `SlowDown`.
    pub code: &'a str,
    /// What it says. Empty: what S3 says with this code.
    pub message: &'a str,
    /// What was asked for: the path of the request.
    pub resource: &'a str,
}

/// Answers the requests of everybody who connects.
pub struct Handler {
    service: S3Service,
    store: Store,
    ids: RefCell<Box<dyn Rng>>,
    checks_signatures: bool,
}

impl fmt::Debug for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handler").field("checks_signatures", &self.checks_signatures).finish_non_exhaustive()
    }
}

impl Handler {
    /// Answers everybody; signatures are not looked at. Identifiers of requests are drawn from `ids`.
    pub fn new(store: Store, ids: impl Rng + 'static) -> Self {
        let service = S3ServiceBuilder::new(Service::new(&store)).build();
        Self { service, store, ids: RefCell::new(Box::new(ids)), checks_signatures: false }
    }

    /// Answers whoever signs with `keys`. `s3s` compares the date of a signature with the clock of this machine, so
    /// this is for real sockets: in a simulated run it would make the outcome depend on when it runs.
    pub fn signed(store: Store, ids: impl Rng + 'static, keys: &KeyPair) -> Self {
        let mut builder = S3ServiceBuilder::new(Service::new(&store));
        builder.set_auth(keys.clone());
        Self { service: builder.build(), store, ids: RefCell::new(Box::new(ids)), checks_signatures: true }
    }

    /// What it serves.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Reads a request whole.
    ///
    /// # Errors
    ///
    /// Its body is too long, or ends too early.
    pub async fn receive(&self, request: Request<Incoming>) -> Result<Request<Bytes>, Refusal> {
        let bytes_max = OBJECT_BYTES_MAX + CHUNKS_BYTES_MAX;
        let (parts, mut body) = request.into_parts();
        let claimed = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
        if claimed > bytes_max {
            return Err(Refusal::EntityTooLarge);
        }
        let mut first = Bytes::new();
        let mut all = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let Ok(piece) = frame.map_err(|_| Refusal::IncompleteBody)?.into_data() else { continue };
            if first.len().max(all.len()) + piece.len() > bytes_max {
                return Err(Refusal::EntityTooLarge);
            }
            if first.is_empty() {
                first = piece;
                continue;
            }
            if all.is_empty() {
                all.reserve(
                    claimed.clamp(first.len() + piece.len(), BODY_BYTES_FIRST.max(first.len() + piece.len())),
                );
                all.extend_from_slice(&first);
            }
            all.extend_from_slice(&piece);
        }
        Ok(Request::from_parts(parts, if all.is_empty() { first } else { all.freeze() }))
    }

    /// Answers a request that was read whole.
    pub async fn answer(&self, request: Request<Bytes>, reality: Reality) -> Response<Bytes> {
        let method = request.method().clone();
        let resource = request.uri().path().to_owned();
        let request = if self.checks_signatures { Ok(request) } else { chunked::unsigned(request) };
        let mut request = match request {
            Ok(request) => request.map(s3s::Body::from),
            Err(refusal) => return self.refuse_as(refusal, &resource),
        };
        request.extensions_mut().insert(reality);
        let mut call = pin!(self.service.call(request));
        let answered = poll_fn(|context| {
            let answered = call.as_mut().poll(context);
            self.store.tell();
            answered
        });
        let internal = Complaint {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            code: "InternalError",
            message: "",
            resource: &resource,
        };
        let Ok(response) = answered.await else { return self.refuse(&internal) };
        let (parts, mut body) = response.into_parts();
        // It is all there: this does not wait.
        let Ok(body) = body.store_all_limited(usize::MAX).await else { return self.refuse(&internal) };
        let mut response = Response::from_parts(parts, body);
        let status = response.status();
        if status.is_client_error() || status.is_server_error() || status == StatusCode::NOT_MODIFIED {
            let id = self.identify(&mut response);
            if method == Method::HEAD || status == StatusCode::NOT_MODIFIED {
                response.headers_mut().remove(CONTENT_TYPE);
                *response.body_mut() = Bytes::new();
            } else {
                let body = explained(response.body(), &resource, &id);
                *response.body_mut() = body;
            }
        } else {
            self.identify(&mut response);
        }
        response
    }

    /// S3's answer to what cannot be done.
    pub fn refuse(&self, complaint: &Complaint<'_>) -> Response<Bytes> {
        let Complaint { status, code, message, resource } = *complaint;
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
        let id = self.identify(&mut response);
        let message = if message.is_empty() { words(code) } else { message };
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{}</Code><Message>{}</Message></Error>",
            escaped(code),
            escaped(message)
        );
        *response.body_mut() = explained(body.as_bytes(), resource, &id);
        response
    }

    fn refuse_as(&self, refusal: Refusal, resource: &str) -> Response<Bytes> {
        let code = refusal.code();
        let status = code.status_code().unwrap_or(StatusCode::BAD_REQUEST);
        let message = refusal.to_string();
        self.refuse(&Complaint { status, code: code.as_str(), message: &message, resource })
    }

    /// Puts new identifiers on an answer, which are answered.
    fn identify(&self, response: &mut Response<Bytes>) -> Identity {
        let mut ids = self.ids.borrow_mut();
        let mut host = [0; HOST_ID_BYTES];
        let request = format!("{:016X}", ids.next_u64());
        ids.fill_bytes(&mut host);
        let identity = Identity { request, host: BASE64.encode(&host) };
        for (name, value) in [(REQUEST_ID, &identity.request), (HOST_ID, &identity.host)] {
            if let Ok(value) = HeaderValue::from_str(value) {
                response.headers_mut().insert(name, value);
            }
        }
        identity
    }
}

impl Handle for Handler {
    async fn handle(&self, request: Request<Incoming>) -> Response<ResponseBody> {
        let path = request.uri().path().to_owned();
        let response = match self.receive(request).await {
            Ok(request) => self.answer(request, Reality::Plain).await,
            Err(refusal) => self.refuse_as(refusal, &path),
        };
        response.map(ResponseBody::full)
    }
}

struct Identity {
    request: String,
    host: String,
}

/// A document of S3's errors with what every one of them has.
fn explained(body: &[u8], resource: &str, id: &Identity) -> Bytes {
    const END: &str = "</Error>";
    let text = String::from_utf8_lossy(body);
    let Some(text) = text.strip_suffix(END) else { return Bytes::copy_from_slice(body) };
    let mut out = text.to_owned();
    if !out.contains("<Message>") {
        let code = out.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>"));
        let message = words(code.map_or("", |(code, _)| code));
        out.push_str(&format!("<Message>{}</Message>", escaped(message)));
    }
    let Identity { request, host } = id;
    let resource = escaped(resource);
    out.push_str(&format!(
        "<Resource>{resource}</Resource><RequestId>{request}</RequestId><HostId>{host}</HostId>{END}"
    ));
    out.into()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// What S3 says with some codes.
pub fn words(code: &str) -> &'static str {
    match code {
        "AccessDenied" => "Access Denied",
        "InternalError" => "We encountered an internal error. Please try again.",
        "InvalidAccessKeyId" => "The AWS Access Key Id you provided does not exist in our records.",
        "InvalidBucketName" => "The specified bucket is not valid.",
        "InvalidURI" => "Couldn't parse the specified URI.",
        "KeyTooLongError" => "Your key is too long",
        "MalformedXML" => {
            "The XML you provided was not well-formed or did not validate against our published schema"
        }
        "MethodNotAllowed" => "The specified method is not allowed against this resource.",
        "NoSuchBucket" => "The specified bucket does not exist",
        "NoSuchKey" => "The specified key does not exist.",
        "NotImplemented" => "A header you provided implies functionality that is not implemented",
        "OperationAborted" => {
            "A conflicting conditional operation is currently in progress against this resource. Please try again."
        }
        "PreconditionFailed" => "At least one of the pre-conditions you specified did not hold",
        "RequestTimeTooSkewed" => {
            "The difference between the request time and the current time is too large."
        }
        "RequestTimeout" => {
            "Your socket connection to the server was not read from or written to within the timeout period."
        }
        "ServiceUnavailable" | "SlowDown" => "Please reduce your request rate.",
        "SignatureDoesNotMatch" => {
            "The request signature we calculated does not match the signature you provided. Check your key and \
             signing method."
        }
        _ => "The request could not be carried out.",
    }
}
