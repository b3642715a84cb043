//! A grid of storage servers in memory, for tests of whole operations.
//!
//! The servers are polled beside the operation, in one future; nothing is spawned. Every server obeys a rule
//! that looks at each request before the real server does, and may fail it, delay it or leave it unanswered.
#![allow(dead_code, reason = "every test binary uses another part of it")]

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::future::{Future, pending};
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{Either, join_all, select};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Incoming;
use lafs::client::grid::Secrets;
use lafs::client::{Client, Event, Observe};
use lafs::format::{ServerId, ShareNum, StorageIndex};
use lafs::net::serve::{Handle, ResponseBody, ServeLimits, serve};
use lafs::net::{Dial, ServerInfo};
use lafs::plan::Policy;
use lafs::server::StorageServer;
use lafs::server::backend::{Backend, MemoryBackend};
use lafs::server::clock::UnixTime;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use tokio::io::DuplexStream;
use tokio::time::Instant;

#[path = "../in_memory/mod.rs"]
mod in_memory;

use in_memory::{SWISSNUM, Wire};

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Version,
    Shares,
    Allocate,
    Write,
    Abort,
    Read,
    TestAndWrite,
    Other,
}

/// What a server does with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    /// Answers it.
    Serve,
    /// Answers it after this long.
    Delay(Duration),
    /// Never answers, and does nothing.
    Hang,
    /// Answers with this status, and does nothing.
    Fail(u16),
    /// Does it, then breaks the connection within the answer.
    LoseAnswer,
    /// Does it, and never answers.
    HangAnswer,
    /// Answers in pieces of so many bytes, one each time this long has passed; only the first so many.
    Trickle(usize, Duration, usize),
}

/// Decides by the kind of a request and how many of that kind the server had before.
pub(crate) type Rule = Rc<dyn Fn(Kind, usize) -> Act>;

/// One server.
pub(crate) struct Node {
    pub(crate) backend: MemoryBackend,
    rule: RefCell<Rule>,
    /// How many requests of each kind it had.
    pub(crate) seen: RefCell<BTreeMap<Kind, usize>>,
}

impl Node {
    /// From now on the server obeys `rule`.
    pub(crate) fn obey(&self, rule: impl Fn(Kind, usize) -> Act + 'static) {
        *self.rule.borrow_mut() = Rc::new(rule);
    }

    /// It does not answer anything any more.
    pub(crate) fn hang(&self) {
        self.obey(|_, _| Act::Hang);
    }

    /// It has no room for a share.
    pub(crate) fn fill(&self) {
        self.backend.set_space_bytes(0);
    }

    /// How many requests of `kind` it had.
    pub(crate) fn count(&self, kind: Kind) -> usize {
        self.seen.borrow().get(&kind).copied().unwrap_or(0)
    }
}

/// A server behind its rule.
struct Ruled<'a> {
    node: &'a Node,
    server: StorageServer<MemoryBackend>,
}

impl Handle for Ruled<'_> {
    async fn handle(&self, request: Request<Incoming>) -> Response<ResponseBody> {
        let kind = kind_of(request.method(), request.uri().path());
        let act = {
            let mut seen = self.node.seen.borrow_mut();
            let count = seen.entry(kind).or_default();
            let rule = self.node.rule.borrow().clone();
            let act = rule(kind, *count);
            *count += 1;
            act
        };
        match act {
            Act::Serve => self.server.handle(request).await,
            Act::Delay(span) => {
                tokio::time::sleep(span).await;
                self.server.handle(request).await
            }
            Act::Hang => pending().await,
            Act::Fail(status) => {
                let mut response = Response::new(ResponseBody::empty());
                *response.status_mut() = StatusCode::from_u16(status).unwrap();
                response
            }
            Act::LoseAnswer => {
                self.server.handle(request).await;
                Response::new(ResponseBody::boxed(Broken))
            }
            Act::Trickle(bytes, pause, pieces) => {
                let (head, body) = self.server.handle(request).await.into_parts();
                let body = body.collect().await.unwrap().to_bytes();
                Response::from_parts(head, ResponseBody::boxed(trickle(body, bytes, pause, pieces)))
            }
            Act::HangAnswer => {
                self.server.handle(request).await;
                pending().await
            }
        }
    }
}

/// `body` in pieces of `bytes`, each after a `pause`; after so many pieces, silence.
fn trickle(
    body: Bytes,
    bytes: usize,
    pause: Duration,
    pieces: usize,
) -> impl http_body::Body<Data = Bytes, Error = io::Error> {
    let pieces = futures_util::stream::unfold((body, pieces), move |(mut rest, pieces)| async move {
        if rest.is_empty() {
            return None;
        }
        if pieces == 0 {
            pending::<()>().await;
        }
        tokio::time::sleep(pause).await;
        let piece = rest.split_to(bytes.min(rest.len()));
        Some((Ok(http_body::Frame::data(piece)), (rest, pieces - 1)))
    });
    StreamBody::new(Box::pin(pieces))
}

/// A body that breaks.
struct Broken;

impl http_body::Body for Broken {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _context: &mut std::task::Context<'_>,
    ) -> Poll<Option<io::Result<http_body::Frame<Bytes>>>> {
        Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into())))
    }
}

fn kind_of(method: &Method, path: &str) -> Kind {
    let last = path.rsplit('/').next().unwrap_or_default();
    match (method.as_str(), last) {
        ("GET", "version") => Kind::Version,
        ("GET", "shares") => Kind::Shares,
        ("GET", _) => Kind::Read,
        ("PATCH", _) => Kind::Write,
        ("PUT", "abort") => Kind::Abort,
        ("POST", "read-test-write") => Kind::TestAndWrite,
        ("POST", last) if last != "corrupt" => Kind::Allocate,
        _ => Kind::Other,
    }
}

/// The way to every server, by address.
#[derive(Clone)]
pub(crate) struct Wires(Arc<BTreeMap<String, Wire>>);

impl Dial for Wires {
    type Conn = DuplexStream;

    async fn dial(&self, address: &str) -> io::Result<DuplexStream> {
        let wire = self.0.get(address).ok_or(io::ErrorKind::ConnectionRefused)?;
        wire.dial(address).await
    }
}

/// Keeps every event.
#[derive(Debug, Default)]
pub(crate) struct Recorder(Mutex<Vec<(Instant, Event)>>);

impl Observe for Recorder {
    fn on_event(&self, event: &Event) {
        self.0.lock().unwrap().push((Instant::now(), event.clone()));
    }
}

impl Recorder {
    /// Everything told so far.
    pub(crate) fn events(&self) -> Vec<Event> {
        self.timed().into_iter().map(|(_, event)| event).collect()
    }

    /// The same, with the times.
    pub(crate) fn timed(&self) -> Vec<(Instant, Event)> {
        self.0.lock().unwrap().clone()
    }

    /// Every question that was asked must have ended exactly once.
    pub(crate) fn check_questions(&self) {
        let mut open = BTreeMap::<_, i64>::new();
        for event in self.events() {
            let (key, change) = match event {
                Event::Asked { server, question, .. } => ((server, question), 1),
                Event::Answered { server, question }
                | Event::Failed { server, question, .. }
                | Event::Cancelled { server, question } => ((server, question), -1),
                _ => continue,
            };
            let count = open.entry(key.clone()).or_default();
            *count += change;
            assert!(*count >= 0, "an end without a beginning: {key:?}");
        }
        assert!(open.values().all(|count| *count == 0), "unended: {open:?}");
    }
}

/// A grid and its client's observer.
pub(crate) struct Grid {
    pub(crate) nodes: Vec<Node>,
    wires: Wires,
    pub(crate) recorder: Arc<Recorder>,
}

impl Grid {
    /// `count` good servers with room for 1 GiB each.
    pub(crate) fn new(count: usize) -> Self {
        let node = |_| Node {
            backend: MemoryBackend::new(1 << 30),
            rule: RefCell::new(Rc::new(|_, _| Act::Serve)),
            seen: RefCell::default(),
        };
        let nodes: Vec<_> = (0..count).map(node).collect();
        let wires = (0..count).map(|n| (address(n), Wire::default())).collect();
        Self { nodes, wires: Wires(Arc::new(wires)), recorder: Arc::default() }
    }

    /// A client of all servers; its randomness is the same every time.
    pub(crate) fn client(&self, policy: Policy, convergence: &[u8]) -> Client<Wires> {
        self.client_with(1, policy, convergence)
    }

    /// The same, with another randomness.
    pub(crate) fn client_with(&self, seed: u64, policy: Policy, convergence: &[u8]) -> Client<Wires> {
        let secrets = Secrets { lease: [5; 32], convergence: convergence.to_vec() };
        let servers = (0..self.nodes.len()).map(|n| ServerInfo {
            id: id(n),
            address: address(n),
            swissnum: SWISSNUM.to_vec(),
            permutation_seed: id(n).as_str().as_bytes().to_vec(),
            lease_seed: [u8::try_from(n % 256).unwrap(); 20],
        });
        let rng = Box::new(ChaCha20Rng::seed_from_u64(seed));
        Client::new(&self.wires, servers.collect(), policy, secrets, rng, self.recorder.clone())
    }

    /// Runs `work` while the servers run.
    pub(crate) async fn run<T>(&self, work: impl Future<Output = T>) -> T {
        let limits = ServeLimits::default();
        let mut ruled = Vec::new();
        for node in &self.nodes {
            let server =
                StorageServer::start(node.backend.clone(), SWISSNUM, Arc::new(|| UnixTime(1_000_000_000)));
            ruled.push(Ruled { node, server: server.await.unwrap() });
        }
        let serving = ruled.iter().enumerate().map(|(n, ruled)| {
            let wire = self.wires.0[&address(n)].clone();
            serve(wire, ruled, &limits)
        });
        match select(pin!(work), pin!(join_all(serving))).await {
            Either::Left((result, _)) => result,
            Either::Right(_) => unreachable!("servers run until they are dropped"),
        }
    }

    /// The servers in the order in which they are asked for `index`.
    pub(crate) fn order(&self, client: &Client<Wires>, index: StorageIndex) -> Vec<usize> {
        let position = |wanted: &ServerId| (0..self.nodes.len()).find(|n| id(*n) == *wanted).unwrap();
        client.permuted(index).iter().map(|server| position(&server.info().id)).collect()
    }

    /// The complete shares of `index`, by server.
    pub(crate) fn layout(&self, index: StorageIndex) -> Vec<BTreeSet<ShareNum>> {
        let shares = |node: &Node| {
            node.backend.list().into_iter().filter(|(at, _)| *at == index).map(|(_, share)| share).collect()
        };
        self.nodes.iter().map(shares).collect()
    }

    /// Bytes promised to incomplete shares, everywhere.
    pub(crate) async fn staged_bytes(&self) -> u64 {
        let mut sum = 0;
        for node in &self.nodes {
            sum += node.backend.staged_bytes().await.unwrap();
        }
        sum
    }
}

/// The name of server `n`.
pub(crate) fn id(n: usize) -> ServerId {
    ServerId::new(&format!("s{n}"))
}

fn address(n: usize) -> String {
    format!("s{n}.test:1")
}

/// A runtime whose clock jumps whenever nothing is left to do.
pub(crate) fn paused() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
}
