//! A bucket in memory behind the real protocol, for the suite and for what only an object store promises.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use lafs::net::http::TransportPolicy;
use lafs::net::serve::{Handle, ResponseBody};
use lafs::server::backend::s3::RetryPolicy;
use lafs::server::backend::{S3Backend, S3Config};
use lafs::server::clock::{Clock, UnixTime};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use squall::s3::{Handler, KeyPair, Reality, Store};

use crate::in_memory::{Wire, paused, served};

mod counts;
mod damage;
mod faults;
mod long;
mod mutable;
mod signed;
mod sweep;

pub(crate) const BUCKET: &str = "shares";
const ACCESS: &str = "AKIAIOSFODNN7EXAMPLE";
/// What nobody may find in an error or a log.
pub(crate) const SECRET: &str = "TheSecretThatNobodyMaySee";

/// A service with one bucket, and the way to it.
pub(crate) struct Bucket {
    pub(crate) store: Store,
    pub(crate) wire: Wire,
    pub(crate) door: Door,
    clock: Clock,
}

type Always = Box<dyn Fn(&str) -> Option<Trick>>;

/// Notes what is asked, and does to it what the test wants.
pub(crate) struct Door {
    handler: Handler,
    asked: RefCell<Vec<String>>,
    tricks: RefCell<VecDeque<(&'static str, Trick)>>,
    /// Does something to every request.
    always: RefCell<Option<Always>>,
    /// Whether `If-Match` and `If-None-Match` are looked at.
    keeps_conditions: Cell<bool>,
}

/// What is done to a request, or to its answer.
#[derive(Debug, Clone)]
pub(crate) enum Trick {
    /// Answered in the service's place, after it did what was asked, or in place of that.
    Answer { status: u16, body: Bytes, applied: bool, retry_after: Option<u64> },
    /// Never answered; it may have been done.
    Hang { applied: bool },
    /// The connection breaks within the answer; it may have been done.
    Break { applied: bool },
    /// Acknowledged and not done.
    Lose,
    /// The answer is that of what was there before.
    Stale,
    /// A byte of the body is another.
    Flip,
    /// A header is another.
    Header(&'static str, &'static str),
}

impl Trick {
    /// An error of S3, before anything was done.
    pub(crate) fn error(status: u16, code: &str) -> Self {
        let body = format!(
            "<?xml version=\"1.0\"?>\n<Error><Code>{code}</Code><Message>Words.</Message><RequestId>4442587FB7D0A2F9</RequestId></Error>"
        );
        Self::Answer { status, body: body.into(), applied: false, retry_after: None }
    }

    /// The same, after it was done.
    pub(crate) fn after(status: u16, code: &str) -> Self {
        match Self::error(status, code) {
            Self::Answer { status, body, retry_after, .. } => {
                Self::Answer { status, body, applied: true, retry_after }
            }
            other => other,
        }
    }
}

impl Bucket {
    pub(crate) fn new() -> Self {
        Self::made(clock(), |store| Handler::new(store, ChaCha8Rng::seed_from_u64(1)))
    }

    /// One that wants requests signed with this secret, now.
    pub(crate) fn signed(secret: &str) -> Self {
        #[expect(clippy::disallowed_methods, reason = "signatures are checked against this machine's clock")]
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        let keys = KeyPair { access_key: ACCESS.to_owned(), secret_key: secret.to_owned() };
        let clock: Clock = Arc::new(move || UnixTime(now));
        Self::made(clock, |store| Handler::signed(store, ChaCha8Rng::seed_from_u64(1), &keys))
    }

    fn made(clock: Clock, handler: impl FnOnce(Store) -> Handler) -> Self {
        let store = Store::new(Arc::clone(&clock));
        store.create_bucket(BUCKET).unwrap();
        let handler = handler(store.clone());
        let door = Door {
            handler,
            asked: RefCell::default(),
            tricks: RefCell::default(),
            always: RefCell::default(),
            keeps_conditions: Cell::new(true),
        };
        Self { store, wire: Wire::default(), door, clock }
    }

    /// A backend on it, with a prefix and a policy.
    pub(crate) fn backend(&self, prefix: &str, policy: &str) -> S3Backend<Wire> {
        self.bounded(prefix, policy, None)
    }

    pub(crate) fn bounded(&self, prefix: &str, policy: &str, capacity: Option<u64>) -> S3Backend<Wire> {
        let config = S3Config { capacity_bytes: capacity, ..config(prefix, policy) };
        S3Backend::new(self.wire.clone(), config, Arc::clone(&self.clock), ChaCha8Rng::seed_from_u64(2))
    }

    /// Runs `work` while the service answers.
    pub(crate) fn run<T>(&self, work: impl Future<Output = T>) -> T {
        paused().block_on(served(&self.wire, &self.door, work))
    }

    /// What was asked since the last time, such as "PUT".
    pub(crate) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.door.asked.borrow_mut())
    }

    /// The next request of this kind that has no trick yet gets this one.
    pub(crate) fn trick(&self, kind: &'static str, trick: Trick) {
        self.door.tricks.borrow_mut().push_back((kind, trick));
    }

    /// From now on every request gets what this says.
    pub(crate) fn always(&self, trick: impl Fn(&str) -> Option<Trick> + 'static) {
        *self.door.always.borrow_mut() = Some(Box::new(trick));
    }

    /// No more tricks.
    pub(crate) fn heal(&self) {
        *self.door.always.borrow_mut() = None;
        self.door.tricks.borrow_mut().clear();
    }
}

pub(crate) fn config(prefix: &str, policy: &str) -> S3Config {
    S3Config {
        address: "bucket".to_owned(),
        host: "bucket".to_owned(),
        bucket: BUCKET.to_owned(),
        region: "us-east-1".to_owned(),
        prefix: prefix.to_owned(),
        access_key: ACCESS.to_owned(),
        secret_key: SECRET.to_owned(),
        retry: RetryPolicy::named(policy).unwrap(),
        transport: TransportPolicy {
            connect_max: Duration::from_secs(3),
            silence_max: Duration::from_secs(15),
            idle_connections_max: 4,
            idle_age_max: Duration::from_secs(60),
            message_bytes_max: 65536,
            retry_after_max: Duration::from_secs(5),
        },
        capacity_bytes: None,
    }
}

fn clock() -> Clock {
    Arc::new(|| UnixTime(1_790_000_000))
}

/// Runs a claim of the suite on a new bucket. Each store has a prefix of its own in it.
pub(crate) fn on_s3<F: Future>(claim: impl FnOnce(Box<dyn Fn(u64) -> S3Backend<Wire>>) -> F) -> F::Output {
    conform(claim, true)
}

/// The same where conditions are accepted and not looked at.
pub(crate) fn on_s3_without_conditions<F: Future>(
    claim: impl FnOnce(Box<dyn Fn(u64) -> S3Backend<Wire>>) -> F,
) -> F::Output {
    conform(claim, false)
}

fn conform<F: Future>(
    claim: impl FnOnce(Box<dyn Fn(u64) -> S3Backend<Wire>>) -> F,
    keeps_conditions: bool,
) -> F::Output {
    let bucket = std::rc::Rc::new(Bucket::new());
    bucket.door.keeps_conditions.set(keeps_conditions);
    let (made, count) = (std::rc::Rc::clone(&bucket), Cell::new(0));
    let new = move |capacity| {
        count.set(count.get() + 1);
        made.bounded(&format!("s{}/", count.get()), "ours", Some(capacity))
    };
    bucket.run(claim(Box::new(new)))
}

impl Handle for Door {
    async fn handle(&self, request: Request<Incoming>) -> Response<ResponseBody> {
        let Ok(mut request) = self.handler.receive(request).await else { return status(400) };
        let kind = kind(&request);
        self.asked.borrow_mut().push(kind.to_owned());
        if !self.keeps_conditions.get() {
            request.headers_mut().remove("if-match");
            request.headers_mut().remove("if-none-match");
        }
        let trick = {
            let mut tricks = self.tricks.borrow_mut();
            let place = tricks.iter().position(|(wanted, _)| *wanted == kind);
            place.and_then(|place| tricks.remove(place)).map(|(_, trick)| trick)
        };
        let trick = trick.or_else(|| self.always.borrow().as_ref().and_then(|always| always(kind)));
        let reality = match &trick {
            Some(Trick::Lose) => Reality::Lost,
            Some(Trick::Stale) => Reality::Stale,
            _ => Reality::Plain,
        };
        let done = !matches!(
            trick,
            Some(
                Trick::Answer { applied: false, .. }
                    | Trick::Hang { applied: false }
                    | Trick::Break { applied: false }
            )
        );
        let mut answer = match done {
            true => self.handler.answer(request, reality).await.map(Some),
            false => Response::new(None),
        };
        match trick {
            None | Some(Trick::Lose | Trick::Stale) => {}
            Some(Trick::Answer { status, body, retry_after, .. }) => {
                answer = Response::new(Some(body));
                *answer.status_mut() = StatusCode::from_u16(status).unwrap();
                if let Some(seconds) = retry_after {
                    answer.headers_mut().insert("retry-after", seconds.into());
                }
            }
            Some(Trick::Hang { .. }) => std::future::pending().await,
            Some(Trick::Break { .. }) => return Response::new(ResponseBody::boxed(Broken)),
            Some(Trick::Flip) => {
                let mut body = answer.body().as_ref().unwrap().to_vec();
                body[0] ^= 1;
                *answer.body_mut() = Some(body.into());
            }
            Some(Trick::Header(name, value)) => {
                answer.headers_mut().insert(name, value.parse().unwrap());
            }
        }
        answer.map(|body| ResponseBody::full(body.unwrap_or_default()))
    }
}

fn status(status: u16) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::empty());
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
}

/// What a request asks for.
fn kind(request: &Request<Bytes>) -> &'static str {
    let query = request.uri().query().unwrap_or_default();
    let has = |name: &str| query.split('&').any(|pair| pair.split('=').next() == Some(name));
    match *request.method() {
        Method::GET if has("list-type") => "LIST",
        Method::GET if has("uploads") => "LIST uploads",
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::PUT if has("partNumber") && request.headers().contains_key("x-amz-copy-source") => {
            "COPY part"
        }
        Method::PUT if has("partNumber") => "PUT part",
        Method::PUT => "PUT",
        Method::POST if has("uploads") => "BEGIN upload",
        Method::POST => "COMPLETE upload",
        Method::DELETE if has("uploadId") => "ABORT upload",
        Method::DELETE => "DELETE",
        _ => "?",
    }
}

/// Announces a body and breaks.
struct Broken;

impl Body for Broken {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into())))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(100)
    }
}
