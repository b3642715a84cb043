//! The event engine: a network whose cost is its messages, never its idle time.
//!
//! Everything that will happen is in one queue ordered by exact virtual time; [`Network::run`] sleeps until
//! the earliest is due, handles it, and polls the programs it wakes. One thread, no detached tasks. What TCP
//! does is modelled as programs can see it (order, windows, FIN, RST, retransmission, patience), not segment by
//! segment: no congestion control, no Nagle, no keepalive. `sim/tests/linux/` holds the model against Linux: kinds of
//! errors, their order and the bytes before them are the same, except that [`Network::reset_connections`] loses what is
//! under way, which a program's own reset does not: it stands for whatever cuts connections between two hosts, too.
//! Durations are those of an untuned kernel and not compared. A fault limited to one kind of request is not here:
//! the engine does not look into bytes.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Sleep;

use self::conn::{EndKey, Phase};
use self::core::Core;
use self::state::State;
use super::programs::Programs;
use super::{
    ConnId, EndInfo, HostId, Limits, LinkSpec, Livelock, NetEventKind, Observer, Program, Stats, Touch, ways,
};
use crate::seed::Seed;

pub use self::stream::{Dialer, Listener, Stream};

mod close;
mod conn;
mod connect;
mod core;
mod hosts;
mod link;
mod state;
mod stream;
mod transfer;

/// The virtual network of one run, and the programs of its hosts. Clones are handles to the same network.
///
/// Dropping the last handle drops the programs. A program or an observer that owns a handle keeps the network
/// alive until it ends or [`Network::shutdown`] is called.
#[derive(Clone)]
pub struct Network {
    core: Rc<Core>,
    programs: Rc<Programs>,
    /// How often programs were polled at the instant of the last poll.
    polls: Rc<Cell<(u64, u64)>>,
}

impl Network {
    /// A network without hosts, whose time starts now. Call it inside a runtime with paused time. `defaults` is the
    /// link between two hosts neither of which has one of its own. `observer` is told of every event in order.
    pub fn new(seed: &Seed, defaults: LinkSpec, limits: Limits, observer: Observer) -> Self {
        let state = State::new(seed.clone(), defaults, limits);
        Self {
            core: Rc::new(Core::new(state, observer)),
            programs: Rc::new(Programs::new()),
            polls: Rc::default(),
        }
    }

    /// Adds a machine that is on and runs nothing. Names are addresses: the first of two equal ones is dialled.
    pub fn add_host(&self, name: &str) -> HostId {
        self.core.with(|state| state.host_new(name))
    }

    /// The host called `name`.
    pub fn host(&self, name: &str) -> Option<HostId> {
        self.core.host(name)
    }

    /// The names of all hosts by [`HostId::index`].
    pub fn names(&self) -> Vec<String> {
        self.core.state.borrow().hosts.iter().map(|host| host.name.to_string()).collect()
    }

    /// Virtual time since the start, exact. Tokio's clock is up to a millisecond ahead of it.
    pub fn now(&self) -> Duration {
        self.core.now()
    }

    /// The link between `host` and everybody, for messages that leave from now on; none means no link of its own.
    /// Between two hosts with links of their own lie both in series: latencies add up, the lower bandwidth counts.
    pub fn set_link(&self, host: HostId, spec: Option<LinkSpec>) {
        self.core.with(|state| state.set_link(host, spec));
    }

    /// The link from one host to another, one way, instead of what follows from the links of the two.
    pub fn set_pair_link(&self, from: HostId, to: HostId, spec: Option<LinkSpec>) {
        self.core.with(|state| state.set_pair(from, to, spec));
    }

    /// From now on nothing arrives at `to` from `from`, silently, not even what is under way. Blocks count: each
    /// needs its own [`Network::unblock`].
    pub fn block(&self, from: HostId, to: HostId) {
        self.core.with(|state| state.block(from, to));
    }

    /// Takes one block away. Held messages arrive after the sender's next retransmission.
    pub fn unblock(&self, from: HostId, to: HostId) {
        self.core.with(|state| state.unblock(from, to));
    }

    /// Blocks a host from all others, the ways named.
    pub fn isolate(&self, host: HostId, inward: bool, outward: bool) {
        let hosts = self.core.state.borrow().hosts.len();
        for (from, to) in ways(hosts, host, inward, outward) {
            self.block(from, to);
        }
    }

    /// Undoes one [`Network::isolate`] with the same arguments.
    pub fn rejoin(&self, host: HostId, inward: bool, outward: bool) {
        let hosts = self.core.state.borrow().hosts.len();
        for (from, to) in ways(hosts, host, inward, outward) {
            self.unblock(from, to);
        }
    }

    /// Dials from `host`.
    pub fn dialer(&self, host: HostId) -> Dialer {
        Dialer { core: Rc::clone(&self.core), host }
    }

    /// Listens at `host`. `AddrInUse` if it has a listener, `NetworkDown` if it is off.
    pub fn listen(&self, host: HostId) -> io::Result<Listener> {
        self.core.with(|state| {
            if state.host(host).off {
                return Err(ErrorKind::NetworkDown.into());
            }
            let serial = state.listen(host).ok_or(ErrorKind::AddrInUse)?;
            Ok(Listener { core: Rc::clone(&self.core), host, serial })
        })
    }

    /// Starts a program at `host`; [`Network::run`] polls it. It dies with its host. At a host that is off it
    /// never starts.
    pub fn spawn<T: 'static>(&self, host: HostId, program: impl Future<Output = T> + 'static) -> Program<T> {
        let (outcome, task) = Program::split(program);
        if !self.is_off(host) {
            self.programs.add(host, task);
        }
        outcome
    }

    /// Programs at `host` that have not ended.
    pub fn programs(&self, host: HostId) -> usize {
        self.programs.count(host)
    }

    /// Whether the machine is off.
    pub fn is_off(&self, host: HostId) -> bool {
        self.core.state.borrow().hosts[host.index()].off
    }

    /// Whether the programs of the host are not being run.
    pub fn is_hung(&self, host: HostId) -> bool {
        self.core.state.borrow().hosts[host.index()].hangs > 0
    }

    /// The programs of `host` are polled no more; its kernel goes on. Hangs count: each needs its own release.
    pub fn hang(&self, host: HostId) {
        self.core.with(|state| state.hang(host));
    }

    /// Takes one hang away; after the last the programs that were woken meanwhile run.
    pub fn release(&self, host: HostId) {
        if self.core.with(|state| state.release(host)) {
            self.programs.resume(host);
        }
    }

    /// The programs of `host` die. Its kernel closes their connections, and refuses new ones until a new program
    /// listens. Hangs end.
    pub fn crash(&self, host: HostId) {
        self.core.with(|state| state.note(NetEventKind::HostCrashed { host }));
        self.programs.kill(Some(host));
        self.core.with(|state| state.process_dies(host));
    }

    /// The machine goes dark: nothing more leaves it, nothing that arrives is heard.
    pub fn power_off(&self, host: HostId) {
        self.core.with(|state| {
            state.note(NetEventKind::PoweredOff { host });
            state.machine_dies(host);
        });
        self.programs.kill(Some(host));
    }

    /// The machine is on again and knows no connection. Programs have to be started.
    pub fn power_on(&self, host: HostId) {
        self.core.with(|state| {
            state.host(host).off = false;
            state.note(NetEventKind::PoweredOn { host });
        });
    }

    /// Whether `host` refuses new connections although a program listens.
    pub fn refuse(&self, host: HostId, on: bool) {
        self.core.with(|state| state.refuse(host, on));
    }

    /// Whether the accept queue of `host` counts as full: SYNs vanish, and connections that exist go on.
    pub fn fill_queue(&self, host: HostId, on: bool) {
        self.core.with(|state| state.fill_queue(host, on));
    }

    /// Resets all connections of `host` from its side: what it has under way is lost, both programs see an error.
    /// Answers how many.
    pub fn reset_connections(&self, host: HostId) -> usize {
        self.core.with(|state| {
            let ends = state.ends_of(host);
            ends.into_iter().filter(|end| state.fault_reset(*end)).count()
        })
    }

    /// Closes all connections of `host` from its side: FIN after what is under way. Answers how many.
    pub fn close_connections(&self, host: HostId) -> usize {
        self.core.with(|state| {
            let ends = state.ends_of(host);
            ends.into_iter().filter(|end| state.fault_close(*end)).count()
        })
    }

    /// Like [`Network::reset_connections`] for one connection. False if `host` has it no more.
    pub fn reset_connection(&self, host: HostId, conn: ConnId) -> bool {
        self.core.with(|state| {
            let end = state.ends_of(host).into_iter().find(|end| State::id(end.key) == conn);
            end.is_some_and(|end| state.fault_reset(end))
        })
    }

    /// Like [`Network::close_connections`] for one connection. False if `host` has it no more.
    pub fn close_connection(&self, host: HostId, conn: ConnId) -> bool {
        self.core.with(|state| {
            let end = state.ends_of(host).into_iter().find(|end| State::id(end.key) == conn);
            end.is_some_and(|end| state.fault_close(end))
        })
    }

    /// Totals so far.
    pub fn stats(&self) -> Stats {
        self.core.state.borrow().stats
    }

    /// Connections some kernel still knows, whoever holds them.
    pub fn open_connections(&self) -> usize {
        self.core.state.borrow().open_connections()
    }

    /// Ends of connections at `host` that its programs hold or its listener queues, oldest first.
    pub fn connections(&self, host: HostId) -> Vec<EndInfo> {
        let state = self.core.state.borrow();
        let held = |end: &EndKey| {
            let own = &state.conns[end.key.slot as usize].ends[usize::from(end.side)];
            own.held && own.phase != Phase::Gone
        };
        state.ends_of(host).into_iter().filter(held).map(|end| state.describe(end)).collect()
    }

    /// Drops all programs.
    pub fn shutdown(&self) {
        self.programs.kill(None);
    }

    /// Drives the network and the programs. Ends only when the run cannot make progress.
    pub async fn run(&self) -> Livelock {
        let mut sleep = Box::pin(tokio::time::sleep(Duration::ZERO));
        self.core.state.borrow_mut().armed = u64::MAX;
        // A budget would make every timer of every program look unready in the middle of one long poll.
        let driver = tokio::task::unconstrained(poll_fn(|cx| self.drive(cx, sleep.as_mut())));
        driver.await
    }

    fn drive(&self, cx: &mut Context<'_>, sleep: Pin<&mut Sleep>) -> Poll<Livelock> {
        let (core, programs) = (&*self.core, &*self.programs);
        core.driving.set(true);
        programs.ready.set_driver(None);
        let result = self.work();
        core.driving.set(false);
        programs.ready.set_driver(Some(cx.waker().clone()));
        let mut state = core.state.borrow_mut();
        state.driver = Some(cx.waker().clone());
        if let Some(livelock) = result {
            return Poll::Ready(livelock);
        }
        let Some(at) = state.earliest() else {
            state.armed = u64::MAX;
            return Poll::Pending;
        };
        let stale = state.armed != at;
        state.armed = at;
        drop(state);
        let mut sleep = sleep;
        if stale {
            sleep.as_mut().reset(core.start + Duration::from_nanos(at));
        }
        if sleep.poll(cx).is_ready() {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }

    /// Handles everything due by now, in order, each followed by the programs it wakes.
    fn work(&self) -> Option<Livelock> {
        let (core, programs) = (&*self.core, &*self.programs);
        let until = core.elapsed();
        if self.polls.get().0 != until {
            self.polls.set((until, 0));
        }
        let mut brought_back = false;
        let limits = core.state.borrow().limits;
        let hung = |host: HostId| core.state.borrow().hosts[host.index()].hangs > 0;
        let touched = |host| {
            core.with(|state| state.note(NetEventKind::HungHostTouched { host, by: Touch::Wake }));
        };
        programs.set_aside();
        loop {
            while programs.poll_one(hung, touched) {
                let (at, polls) = self.polls.get();
                self.polls.set((at, polls + 1));
                if polls >= limits.polls_at_once_max {
                    return Some(Livelock::Polls(limits.polls_at_once_max));
                }
            }
            if core.with(|state| state.step(until)) {
                if let Some(livelock) = core.state.borrow().livelock {
                    return Some(livelock);
                }
                continue;
            }
            {
                let mut state = core.state.borrow_mut();
                state.now = state.now.max(until);
            }
            if brought_back {
                return None;
            }
            brought_back = true;
            programs.bring_back();
        }
    }
}
