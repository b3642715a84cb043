//! The second engine: the hosts of a run as hosts of the `turmoil` crate, an implementation that owes nothing to the
//! event engine.
//!
//! Turmoil lets every host live through one tick after the other, so a run costs its virtual time and messages arrive
//! at ticks. Packets, their order, latency, FIN and RST are turmoil's; what it has no word for (a hang, a reset by an
//! outsider, refusing, a window in bytes, what tells receipts) is put around its streams. A partition is turmoil's
//! `hold`: its `partition` loses packets for good and refuses connects at once. What cannot be had at all
//! (bandwidth, one-way partitions) is refused before a run begins, not here.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::io::{self, ErrorKind};
use std::rc::Rc;
use std::time::Duration;

use futures_util::FutureExt;
use thiserror::Error;

use self::conn::Conn;
use self::host::Host;
use self::wires::{Order, Wires};
use super::{
    Clock, ConnId, HostId, Limits, LinkSpec, Livelock, NetEvent, NetEventKind as K, Observer, Program, Stats,
};
use crate::seed::Seed;

pub use self::stream::{Dialer, Listener, Stream};
pub use super::clock::Ticks;

mod conn;
mod connections;
mod faults;
mod host;
mod play;
mod stream;
mod wires;

/// Where every program listens.
const PORT: u16 = 1;

/// Why a run came to no end of its own.
#[derive(Debug, Error)]
pub enum Stopped {
    /// It can make no progress.
    #[error(transparent)]
    Livelock(#[from] Livelock),
    /// Turmoil gave up, in its own words.
    #[error("turmoil gave up: {0}")]
    Turmoil(String),
    /// The host of the main program died under it.
    #[error("the host that everything runs from died")]
    Died,
}

/// The virtual network of one run, and the programs of its hosts. Clones are handles to the same network.
///
/// Faults strike programs at once, and the network at the end of the tick.
#[derive(Clone)]
pub struct Network {
    inner: Rc<Inner>,
}

struct Inner {
    ticks: Ticks,
    observer: Observer,
    limits: Limits,
    seed: Seed,
    hosts: RefCell<Vec<Rc<Host>>>,
    conns: RefCell<Vec<Rc<Conn>>>,
    /// Dials that nobody has accepted yet, oldest first.
    dials: RefCell<Vec<Dial>>,
    dialled: Cell<u32>,
    listeners: Cell<u32>,
    wires: RefCell<Wires>,
    orders: RefCell<Vec<Order>>,
    stats: Cell<Stats>,
    livelock: Cell<Option<Livelock>>,
    /// How often programs were polled at the instant of the last poll.
    polls: Cell<(Duration, u64)>,
}

/// A connect under way. Turmoil does not tell its local address before it is over, so of several between the same two
/// hosts the oldest is taken to be the one accepted.
#[derive(Clone, Copy)]
struct Dial {
    conn: ConnId,
    from: HostId,
    to: HostId,
}

impl Network {
    /// A network without hosts, whose time starts now; and what tells the time. `defaults` is the link between two
    /// hosts neither of which has one of its own. `observer` is told of every event in order.
    pub fn new(seed: &Seed, clock: &Ticks, defaults: LinkSpec, limits: Limits, observer: Observer) -> Self {
        Self {
            inner: Rc::new(Inner {
                ticks: clock.clone(),
                observer,
                limits,
                seed: seed.clone(),
                hosts: RefCell::default(),
                conns: RefCell::default(),
                dials: RefCell::default(),
                dialled: Cell::new(0),
                listeners: Cell::new(0),
                wires: RefCell::new(Wires::new(defaults)),
                orders: RefCell::default(),
                stats: Cell::default(),
                livelock: Cell::new(None),
                polls: Cell::default(),
            }),
        }
    }

    /// Adds a machine that is on and runs nothing. Names are addresses: the first of two equal ones is dialled.
    pub fn add_host(&self, name: &str) -> HostId {
        let mut hosts = self.inner.hosts.borrow_mut();
        let id = HostId(hosts.len() as u32);
        hosts.push(Rc::new(Host::new(id, name)));
        id
    }

    /// The host called `name`.
    pub fn host(&self, name: &str) -> Option<HostId> {
        self.inner.host_called(name).map(|host| host.id)
    }

    /// Virtual time since the start.
    pub fn now(&self) -> Duration {
        self.inner.now()
    }

    /// The link between `host` and everybody, for messages that leave after this tick; none means no link of its own.
    /// Its bandwidth is not looked at.
    pub fn set_link(&self, host: HostId, spec: Option<LinkSpec>) {
        self.inner.host(host).link.set(spec);
        self.inner.wires.borrow_mut().relink(host);
        self.inner.note(K::LinkChanged { host });
    }

    /// Dials from `host`, for its programs.
    pub fn dialer(&self, host: HostId) -> Dialer {
        Dialer { net: Rc::clone(&self.inner), host: self.inner.host(host) }
    }

    /// Listens at `host`. `AddrInUse` if it has a listener, `NetworkDown` if it is off.
    pub fn listen(&self, host: HostId) -> io::Result<Listener> {
        let host = self.inner.host(host);
        if host.off.get() {
            return Err(ErrorKind::NetworkDown.into());
        }
        let serial = self.inner.listen(&host).ok_or(ErrorKind::AddrInUse)?;
        Ok(Listener { net: Rc::clone(&self.inner), host, serial })
    }

    /// Starts a program at `host`. It dies with its host. At a host that is off it never starts.
    pub fn spawn<T: 'static>(&self, host: HostId, program: impl Future<Output = T> + 'static) -> Program<T> {
        let (outcome, task) = Program::split(program);
        let host = self.inner.host(host);
        if !host.off.get() {
            host.programs.add(host.id, task);
        }
        outcome
    }

    /// Totals so far. Messages are what programs wrote, in pieces.
    pub fn stats(&self) -> Stats {
        self.inner.stats.get()
    }

    /// Programs at `host` that have not ended.
    pub fn programs(&self, host: HostId) -> usize {
        self.inner.hosts.borrow().get(host.index()).map_or(0, |at| at.programs.count(host))
    }

    /// Open connections at `host` that its programs hold or its listener queues.
    pub fn connections(&self, host: HostId) -> usize {
        self.inner.ends_at(host).len()
    }

    /// Drops all programs.
    pub fn shutdown(&self) {
        let hosts = self.inner.hosts.borrow().clone();
        hosts.iter().for_each(|host| host.programs.kill(None));
    }

    /// Runs `main` as a program of `host` and everything beside it, until `main` has ended. Not to be called inside a
    /// runtime: turmoil brings its own, one for each host.
    ///
    /// # Errors
    /// If the run cannot make progress.
    ///
    /// # Panics
    /// If a program does.
    pub fn play<T: 'static>(
        &self,
        host: HostId,
        main: impl Future<Output = T> + 'static,
    ) -> Result<T, Stopped> {
        let mut outcome = self.spawn(host, main);
        play::until(&self.inner, || outcome.is_over())?;
        (&mut outcome).now_or_never().flatten().ok_or(Stopped::Died)
    }
}

impl Inner {
    fn now(&self) -> Duration {
        Clock::Turmoil(self.ticks.clone()).now()
    }

    /// Tells the observer. No cell may be borrowed: it may call back.
    fn note(&self, kind: K) {
        (self.observer)(&NetEvent { at: self.now(), kind });
    }

    fn host(&self, host: HostId) -> Rc<Host> {
        Rc::clone(&self.hosts.borrow()[host.index()])
    }

    fn host_called(&self, name: &str) -> Option<Rc<Host>> {
        self.hosts.borrow().iter().find(|host| &*host.name == name).cloned()
    }

    fn order(&self, order: Order) {
        self.orders.borrow_mut().push(order);
    }

    /// Counts a poll of a program; true if there were too many at one instant.
    fn count_poll(&self) -> bool {
        let now = self.now();
        let (at, polls) = self.polls.get();
        let polls = if at == now { polls + 1 } else { 1 };
        self.polls.set((now, polls));
        polls > self.limits.polls_at_once_max
    }

    fn count(&self, count: impl FnOnce(&mut Stats)) {
        let mut stats = self.stats.get();
        count(&mut stats);
        if stats.messages > self.limits.messages_max {
            self.livelock.set(Some(Livelock::Messages(self.limits.messages_max)));
        }
        self.stats.set(stats);
    }
}
