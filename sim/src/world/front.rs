//! The front door of a simulated server: the real handler, with every request and answer recorded.
//!
//! It looks at what passes and changes nothing, unless a fault at the door holds a request or spoils its answer, or
//! the container of a share is broken.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::ops::Range;
use std::rc::Rc;

use bytes::Bytes;
use http::{Method, StatusCode, header};
use http_body::Body as _;
use hyper::body::Incoming;
use lafs::format::{ShareNum, StorageIndex};
use lafs::net::range::parse_range;
use lafs::net::serve::{Handle, ResponseBody};
use lafs::server::backend::MemoryBackend;

use crate::fault::damage::Damage;
use crate::net::HostId;
use crate::oracle::truth::Blocks;
use crate::oracle::truth::sdmf::{CHECKSTRING_BYTES, Parts};
use crate::record::Recorder;
use crate::schedule::Spoil;
use crate::trace::{Request, ServerEvent};

use super::door::{self, Caller, Choice, Door, Spoilt, Visit};
use super::{spoil, told};

/// What the front door knows of the disk behind it, besides its bytes.
#[derive(Debug, Default)]
pub struct Annotations {
    /// Which stored bytes are damaged, and by which faults.
    pub damage: BTreeMap<(StorageIndex, ShareNum), Vec<Damage>>,
    /// Where the blocks of each uploaded file lie in its shares.
    pub blocks: BTreeMap<StorageIndex, Blocks>,
    /// The faults at the door itself.
    pub door: Door,
    /// Faults that lose shares, and which of those that become complete.
    pub losing: BTreeMap<usize, Choice>,
    /// Shares that were acknowledged and lost.
    pub lost: BTreeSet<(StorageIndex, ShareNum)>,
    /// Mutable shares that the disk has just replaced, and what they were before.
    pub replaced: BTreeMap<(StorageIndex, ShareNum), Option<Bytes>>,
    /// Whether what mutable shares were before is kept.
    pub keeps_history: bool,
    /// What they were, oldest first.
    pub history: BTreeMap<(StorageIndex, ShareNum), Vec<Bytes>>,
}

impl Annotations {
    /// A share is complete: the fault that loses it, if one does.
    pub fn loser(&mut self) -> Option<usize> {
        let losing =
            self.losing.iter_mut().filter_map(|(fault, choice)| choice.chooses_next().then_some(*fault));
        // All of them count it.
        losing.collect::<Vec<_>>().first().copied()
    }

    /// The fault that broke the container of a share.
    pub fn unreadable(&self, index: StorageIndex, share: ShareNum) -> Option<usize> {
        let damages = self.damage.get(&(index, share))?;
        damages.iter().find(|damage| damage.is_unreadable()).map(|damage| damage.fault)
    }
}

/// Records what a server is asked and what it answers.
pub struct Front<H> {
    inner: H,
    /// What is behind the handler.
    disk: MemoryBackend,
    host: HostId,
    recorder: Recorder,
    annotations: Rc<RefCell<Annotations>>,
}

impl<H> Front<H> {
    /// In front of `inner`.
    pub fn new(
        inner: H,
        disk: MemoryBackend,
        host: HostId,
        recorder: Recorder,
        annotations: Rc<RefCell<Annotations>>,
    ) -> Self {
        Self { inner, disk, host, recorder, annotations }
    }

    /// Waits until no fault holds the request, and says how its answer is to be spoilt.
    async fn pass(&self, kind: Request, path: &str) -> Option<Spoilt> {
        let mut visit = Visit::default();
        poll_fn(|cx| {
            let caller = Caller { kind: door::kind_of(kind), key: path, now: self.recorder.now() };
            let door = &mut self.annotations.borrow_mut().door;
            door.poll_pass(&mut visit, caller, cx, |fault| self.recorder.bite(fault, 1, 0))
        })
        .await
    }

    /// Whole blocks within `range` of a stored share.
    fn blocks_in(&self, index: StorageIndex, share: ShareNum, range: &Range<u64>) -> u64 {
        if let Some(blocks) = self.annotations.borrow().blocks.get(&index) {
            return blocks.within(range);
        }
        let held = self.disk.get_mutable(index, share);
        let parts = held.and_then(|held| Parts::of(&held.content));
        parts.is_some_and(|parts| parts.has_block_in(range)).into()
    }

    /// Mutable shares that the disk has just replaced are not damaged any more. Answers whether there are any: the
    /// server does nothing between the disk and its answer, so they are those of the request that is answered.
    fn renew(&self) -> bool {
        let annotations = &mut *self.annotations.borrow_mut();
        let replaced = std::mem::take(&mut annotations.replaced);
        let any = !replaced.is_empty();
        for (at, before) in replaced {
            annotations.damage.remove(&at);
            if let Some(before) = before.filter(|_| annotations.keeps_history) {
                annotations.history.entry(at).or_default().push(before);
            }
        }
        any
    }

    /// What a server answers that finds the container of a share broken.
    fn unreadable(&self, kind: Request, index: Option<StorageIndex>) -> Option<http::Response<ResponseBody>> {
        let annotations = self.annotations.borrow();
        let fault = match (kind, index) {
            (Request::Read(share), Some(index)) => annotations.unreadable(index, share),
            // All shares of a slot are looked at.
            (Request::TestWrite, Some(index)) => {
                let held = self.disk.list_mutable().into_iter().filter(|(at, _)| *at == index);
                held.into_iter().find_map(|(index, share)| annotations.unreadable(index, share))
            }
            _ => None,
        }?;
        self.recorder.bite(fault, 1, 0);
        let mut response = http::Response::new(ResponseBody::empty());
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        Some(response)
    }

    /// Damage that an answer shows is a bite. A share that is written anew is not damaged any more.
    fn look(&self, kind: Request, index: StorageIndex, range: &Range<u64>, status: StatusCode) {
        let mut annotations = self.annotations.borrow_mut();
        match kind {
            Request::Read(share) => {
                for damage in annotations.damage.get(&(index, share)).into_iter().flatten() {
                    let touched = damage.touched(range);
                    if touched > 0 {
                        self.recorder.bite(damage.fault, 1, touched);
                    }
                }
            }
            Request::Shares | Request::Allocate => {
                let all = (index, ShareNum(0))..=(index, ShareNum(u8::MAX));
                let damages = annotations.damage.range(all).flat_map(|(_, damages)| damages);
                for damage in damages.filter(|damage| damage.is_listed_wrongly()) {
                    self.recorder.bite(damage.fault, 1, 0);
                }
            }
            // Its answer shows how each share began.
            Request::TestWrite if status.is_success() => {
                let all = (index, ShareNum(0))..=(index, ShareNum(u8::MAX));
                for damage in annotations.damage.range(all).flat_map(|(_, damages)| damages) {
                    let touched = damage.touched(&(0..CHECKSTRING_BYTES as u64));
                    if touched > 0 {
                        self.recorder.bite(damage.fault, 1, touched);
                    }
                }
            }
            Request::Write(share) if status.is_success() => drop(annotations.damage.remove(&(index, share))),
            Request::Write(_)
            | Request::TestWrite
            | Request::Version
            | Request::Abort(_)
            | Request::Lease
            | Request::Corrupt(_)
            | Request::Object(_)
            | Request::Other => {}
        }
    }
}

impl<H: Handle> Handle for Front<H> {
    async fn handle(&self, request: http::Request<Incoming>) -> http::Response<ResponseBody> {
        let (kind, index) = classify(request.method(), request.uri().path());
        let range = request.headers().get(header::RANGE).and_then(|range| parse_range(range.as_bytes()));
        self.recorder.note_server(self.host, ServerEvent::Received(kind));
        let spoilt = self.pass(kind, request.uri().path()).await;
        // Whether it is the answer of the server itself, and shows what it has.
        let (response, own) = match spoilt.map(|spoilt| spoilt.how) {
            Some(how @ (Spoil::Status { .. } | Spoil::Reset { .. })) => {
                if how.applied() == Some(true) {
                    drop(self.inner.handle(request).await);
                } else {
                    spoil::drain(request.into_body()).await;
                }
                let status = if let Spoil::Status { status, .. } = how { status } else { 500 };
                (spoil::refusal(status), false)
            }
            _ => match self.unreadable(kind, index) {
                Some(response) => (response, false),
                None => (self.inner.handle(request).await, true),
            },
        };
        let spoilt = spoilt.filter(|spoilt| spoil::can(&response, spoilt.how));
        if let Some(Spoilt { fault, how, .. }) = spoilt {
            self.recorder.bite(fault, 1, 0);
            self.recorder.note_server(self.host, ServerEvent::Spoilt { request: kind, fault, how });
        }
        let status = response.status();
        if let Some(index) = index.filter(|_| own) {
            self.look(kind, index, &range.clone().unwrap_or(0..u64::MAX), status);
        }
        let wrote = kind == Request::TestWrite && self.renew();
        let bytes = response.body().size_hint().exact().unwrap_or(0);
        let blocks = match (kind, index) {
            (Request::Read(share), Some(index)) if status.is_success() => {
                let start = range.map_or(0, |range| range.start);
                self.blocks_in(index, share, &(start..start + bytes))
            }
            // What a test-and-write wrote counts like what is read: in blocks.
            (Request::TestWrite, _) if wrote => 1,
            _ => 0,
        };
        let (response, ends) = match spoilt {
            Some(spoilt) => (spoil::apply(response, spoilt), spoil::ends(spoilt.how)),
            None => (response, true),
        };
        if !ends {
            return response;
        }
        let event = ServerEvent::Answered { request: kind, status: status.as_u16(), bytes, blocks };
        told::tell(response, event, self.host, &self.recorder)
    }
}

fn classify(method: &Method, path: &str) -> (Request, Option<StorageIndex>) {
    let mut parts = path.strip_prefix("/storage/v1/").unwrap_or_default().split('/');
    let area = parts.next().unwrap_or_default();
    let index = parts.next().and_then(|text| text.parse().ok());
    let (item, action) = (parts.next(), parts.next());
    let share = item.and_then(|text| text.parse().ok()).map(ShareNum);
    let kind = match (method, area, item, share, action) {
        (&Method::GET, "version", ..) => Request::Version,
        (&Method::PUT, "lease", ..) => Request::Lease,
        (&Method::POST, "immutable", None, ..) => Request::Allocate,
        (&Method::GET, "immutable", Some("shares"), ..) => Request::Shares,
        (&Method::GET, "immutable", _, Some(share), None) => Request::Read(share),
        (&Method::PATCH, "immutable", _, Some(share), None) => Request::Write(share),
        (&Method::PUT, "immutable", _, Some(share), Some("abort")) => Request::Abort(share),
        (&Method::POST, "immutable", _, Some(share), Some("corrupt")) => Request::Corrupt(share),
        (&Method::GET, "mutable", Some("shares"), ..) => Request::Shares,
        (&Method::GET, "mutable", _, Some(share), None) => Request::Read(share),
        (&Method::POST, "mutable", Some("read-test-write"), ..) => Request::TestWrite,
        (&Method::POST, "mutable", _, Some(share), Some("corrupt")) => Request::Corrupt(share),
        _ => Request::Other,
    };
    (kind, index)
}
