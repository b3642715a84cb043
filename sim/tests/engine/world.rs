//! A small world around an engine: runs a test under paused time with the driver beside it, and keeps every event.

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use squall::net::event::{Network, Stream};
use squall::net::{HostId, Limits, LinkSpec, NetEvent, NetEventKind};
use squall::seed::Seed;

pub(crate) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

pub(crate) fn fixed(millis: u64) -> LinkSpec {
    LinkSpec { latency_min: ms(millis), latency_max: ms(millis), bandwidth: None }
}

#[derive(Clone)]
pub(crate) struct World {
    pub(crate) net: Network,
    pub(crate) events: Rc<RefCell<Vec<NetEvent>>>,
}

impl World {
    pub(crate) fn new(seed: u64, defaults: LinkSpec, limits: Limits) -> Self {
        let events = Rc::new(RefCell::new(Vec::new()));
        let log = Rc::clone(&events);
        let observer = Rc::new(move |event: &NetEvent| log.borrow_mut().push(*event));
        Self { net: Network::new(&Seed::root(seed), defaults, limits, observer), events }
    }

    /// Hosts a and b with a fixed latency between them.
    pub(crate) fn pair(&self, latency_ms: u64) -> (HostId, HostId) {
        let (a, b) = (self.net.add_host("a"), self.net.add_host("b"));
        self.net.set_link(b, Some(fixed(latency_ms)));
        (a, b)
    }

    pub(crate) fn count(&self, wanted: impl Fn(&NetEventKind) -> bool) -> usize {
        self.events.borrow().iter().filter(|event| wanted(&event.kind)).count()
    }

    pub(crate) fn at(&self, wanted: impl Fn(&NetEventKind) -> bool) -> Option<Duration> {
        self.events.borrow().iter().find(|event| wanted(&event.kind)).map(|event| event.at)
    }

    pub(crate) fn encoded(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for event in self.events.borrow().iter() {
            event.encode(&mut out);
        }
        out
    }

    /// Both ends of a connection a -> b, established; takes 3 latencies.
    pub(crate) async fn connect(&self, a: HostId, b: HostId) -> (Stream, Stream) {
        use lafs::net::{Dial, Listen};
        let name = self.net.names()[b.index()].clone();
        let mut listener = self.net.listen(b).expect("no listener yet");
        let dialer = self.net.dialer(a);
        let (near, far) = futures_util::future::join(dialer.dial(&name), listener.accept()).await;
        (near.expect("dialled"), far.expect("accepted"))
    }
}

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("runtime")
}

/// Runs `test` beside the driver; a day of virtual time is the limit.
pub(crate) fn run<F: Future<Output = ()>>(test: impl FnOnce(World) -> F) {
    run_with(1, fixed(1), Limits::USUAL, test);
}

pub(crate) fn run_with<F: Future<Output = ()>>(
    seed: u64,
    defaults: LinkSpec,
    limits: Limits,
    test: impl FnOnce(World) -> F,
) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("runtime");
    runtime.block_on(async {
        let world = World::new(seed, defaults, limits);
        let net = world.net.clone();
        let test = std::pin::pin!(test(world));
        let driver = std::pin::pin!(net.run());
        let both = futures_util::future::select(test, driver);
        match tokio::time::timeout(secs(86_400), both).await.expect("the test hangs") {
            futures_util::future::Either::Left(_) => {}
            futures_util::future::Either::Right((livelock, _)) => panic!("{livelock}"),
        }
        net.shutdown();
    });
}
