//! The door of a simulated bucket: every request and answer is recorded, and faults hold the one or spoil the other.
//!
//! What faults strike is decided by the same [`Door`] that storage servers have, and what is wrong with bodies and bytes
//! is done by the same code. What S3 says when all is well is the business of the handler behind it.

mod ask;
mod served;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body::Body as _;
use hyper::body::Incoming;
use lafs::net::serve::{Handle, ResponseBody};

use super::{Complaint, Handler, Reality, Refusal};
use crate::net::HostId;
use crate::record::Recorder;
use crate::schedule::{RequestKind, S3Code, Spoil};
use crate::trace::ServerEvent;
use crate::world::door::{Caller, Door, Spoilt, Visit};
use crate::world::{spoil, told, wire};

use ask::Ask;
pub use served::{Served, Unservable};

/// What a proxy says that stands before S3 and does not reach it.
const PROXY_PAGE: &str =
    "<html><head><title>Error</title></head><body><h1>The server is not available</h1></body></html>\n";

/// Hears of a key.
type OnLoss = Box<dyn Fn(&str)>;

/// Before a [`Handler`].
pub struct BucketFront {
    inner: Handler,
    host: HostId,
    recorder: Recorder,
    door: Rc<RefCell<Door>>,
    /// The connections follow what they carry.
    tampers: bool,
    /// Hears of keys that were acknowledged and not stored.
    on_loss: Option<OnLoss>,
}

impl BucketFront {
    /// In front of `inner`, on `host`, with the faults at `door`. `tampers` says whether its connections are
    /// [`wire::Tampering`]: faults that only those can carry out are not to come otherwise.
    pub fn new(
        inner: Handler,
        host: HostId,
        recorder: Recorder,
        door: Rc<RefCell<Door>>,
        tampers: bool,
    ) -> Self {
        Self { inner, host, recorder, door, tampers, on_loss: None }
    }

    /// Tells `on_loss` of each key whose object is acknowledged and not stored.
    #[must_use]
    pub fn telling_losses(self, on_loss: impl Fn(&str) + 'static) -> Self {
        Self { on_loss: Some(Box::new(on_loss)), ..self }
    }

    /// Waits until no fault holds the request, and says how its answer is to be spoilt.
    async fn pass(&self, ask: &Ask) -> Option<Spoilt> {
        let mut visit = Visit::default();
        poll_fn(|cx| {
            let caller = Caller { kind: ask.kind, key: &ask.key, now: self.recorder.now() };
            let mut door = self.door.borrow_mut();
            door.poll_pass(&mut visit, caller, cx, |fault| self.recorder.bite(fault, 1, 0))
        })
        .await
    }

    /// The answer, and whether it is as `how` says.
    async fn answer(&self, request: Request<Bytes>, how: Option<Spoil>) -> (Response<Bytes>, bool) {
        let resource = request.uri().path().to_owned();
        let is_head = request.method() == Method::HEAD;
        match how {
            Some(Spoil::Stale) => {
                let plain = self.inner.answer(copy(&request), Reality::Plain).await;
                let stale = self.inner.answer(request, Reality::Stale).await;
                let differs = shown(&plain) != shown(&stale);
                (stale, differs)
            }
            Some(Spoil::Lost) => {
                let answer = self.inner.answer(request, Reality::Lost).await;
                let acknowledged = answer.status().is_success();
                (answer, acknowledged)
            }
            Some(Spoil::S3 { status, code, applied, retry_after }) => {
                if applied {
                    self.inner.answer(request, Reality::Plain).await;
                }
                let mut answer = self.complain(status, code, &resource, is_head);
                if let Some(after) = retry_after {
                    answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(after.as_secs()));
                }
                (answer, true)
            }
            Some(Spoil::Status { status, applied }) => {
                if applied {
                    self.inner.answer(request, Reality::Plain).await;
                }
                (self.complain(status, S3Code::usual(status), &resource, is_head), true)
            }
            Some(Spoil::Reset { applied: false }) => {
                (self.complain(500, S3Code::usual(500), &resource, is_head), true)
            }
            Some(
                Spoil::Reset { applied: true }
                | Spoil::Stops
                | Spoil::Drips { .. }
                | Spoil::Truncated
                | Spoil::TooLong
                | Spoil::Garbage
                | Spoil::WrongLength
                | Spoil::WrongTag,
            )
            | None => (self.inner.answer(request, Reality::Plain).await, true),
        }
    }

    /// An error as S3 words it, or as a proxy does that stands before it.
    fn complain(&self, status: u16, code: Option<S3Code>, resource: &str, is_head: bool) -> Response<Bytes> {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let Some(code) = code else {
            let page = if is_head { Bytes::new() } else { Bytes::from_static(PROXY_PAGE.as_bytes()) };
            let mut answer = Response::new(page);
            *answer.status_mut() = status;
            answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
            return answer;
        };
        let complaint = Complaint { status, code: code.name(), message: code.message(), resource };
        let mut answer = self.inner.refuse(&complaint);
        if is_head {
            *answer.body_mut() = Bytes::new();
        }
        answer
    }

    fn refuse(&self, refusal: Refusal, resource: &str) -> Response<Bytes> {
        let code = refusal.code();
        let status = code.status_code().unwrap_or(StatusCode::BAD_REQUEST);
        let message = refusal.to_string();
        self.inner.refuse(&Complaint { status, code: code.as_str(), message: &message, resource })
    }
}

/// A request with everything that the handler reads.
fn copy(request: &Request<Bytes>) -> Request<Bytes> {
    let mut copy = Request::new(request.body().clone());
    request.method().clone_into(copy.method_mut());
    request.uri().clone_into(copy.uri_mut());
    request.headers().clone_into(copy.headers_mut());
    copy
}

/// What an answer shows of the bucket. Errors bear identifiers that are never the same.
fn shown(answer: &Response<Bytes>) -> (StatusCode, Option<&HeaderValue>, &[u8]) {
    let body: &[u8] = if answer.status().is_success() { answer.body() } else { &[] };
    (answer.status(), answer.headers().get(header::ETAG), body)
}

impl Handle for BucketFront {
    async fn handle(&self, request: Request<Incoming>) -> Response<ResponseBody> {
        let ask = Ask::of(&request);
        let kind = ask.request();
        let is_head = request.method() == Method::HEAD;
        self.recorder.note_server(self.host, ServerEvent::Received(kind));
        let spoilt = self.pass(&ask).await;
        let path = request.uri().path().to_owned();
        let (answer, is_so) = match self.inner.receive(request).await {
            Ok(request) => self.answer(request, spoilt.map(|spoilt| spoilt.how)).await,
            Err(refusal) => (self.refuse(refusal, &path), false),
        };
        let mut answer = answer.map(ResponseBody::full);
        let spoilt = spoilt.filter(|spoilt| is_so && spoil::can(&answer, spoilt.how));
        if let Some(Spoilt { fault, how, .. }) = spoilt {
            self.recorder.bite(fault, 1, 0);
            self.recorder.note_server(self.host, ServerEvent::Spoilt { request: kind, fault, how });
            let is_loss = how == Spoil::Lost && ask.kind == Some(RequestKind::Put);
            if let Some(on_loss) = self.on_loss.as_ref().filter(|_| is_loss) {
                on_loss(&ask.key);
            }
        }
        if is_head && self.tampers {
            wire::mark_bodiless(answer.headers_mut());
        }
        let bytes = answer.body().size_hint().exact().unwrap_or(0);
        let event =
            ServerEvent::Answered { request: kind, status: answer.status().as_u16(), bytes, blocks: 0 };
        let (answer, ends) = match spoilt {
            Some(spoilt) => (spoil::apply(answer, spoilt), spoil::ends(spoilt.how)),
            None => (answer, true),
        };
        if ends { told::tell(answer, event, self.host, &self.recorder) } else { answer }
    }
}
