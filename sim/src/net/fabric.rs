//! The virtual network as the world sees it, whichever engine weaves it.
//!
//! Only what a world needs: hosts, links, faults, programs. Driving is the engines' own business, because one runs
//! beside other futures and the other brings runtimes of its own. Nothing is decided here.

use std::future::{Future, pending};
use std::io;
use std::time::Duration;

use super::{
    Clock, Dialer, EndInfo, HostId, Limits, LinkSpec, Listener, Livelock, Observer, Program, Stats, event,
    turmoil,
};
use crate::engine::Engine;
use crate::seed::Seed;

/// The virtual network of one run. Clones are handles to the same network.
#[derive(Clone)]
pub enum Fabric {
    /// Woven by the event engine.
    Event(event::Network),
    /// Woven by turmoil.
    Turmoil(turmoil::Network),
}

/// Hands a call on to whichever engine there is.
macro_rules! both {
    ($fabric:expr, $net:ident => $call:expr) => {
        match $fabric {
            Self::Event($net) => $call,
            Self::Turmoil($net) => $call,
        }
    };
}

impl Fabric {
    /// What tells the time of a run on `engine` that starts now; on turmoil it passes in steps of `tick`.
    pub fn clock(engine: Engine, tick: Duration) -> Clock {
        match engine {
            Engine::Event => Clock::of_runtime(),
            Engine::Turmoil => Clock::Turmoil(turmoil::Ticks::new(tick)),
        }
    }

    /// A network without hosts, whose time is told by `clock` and which is woven by the engine of that clock; see the
    /// engines. A clock of tokio's is to be made in the same runtime.
    pub fn new(clock: &Clock, seed: &Seed, defaults: LinkSpec, limits: Limits, observer: Observer) -> Self {
        match clock {
            Clock::Tokio(_) => Self::Event(event::Network::new(seed, defaults, limits, observer)),
            Clock::Turmoil(ticks) => {
                Self::Turmoil(turmoil::Network::new(seed, ticks, defaults, limits, observer))
            }
        }
    }

    /// Adds a machine that is on and runs nothing. Names are addresses: the first of two equal ones is dialled.
    pub fn add_host(&self, name: &str) -> HostId {
        both!(self, net => net.add_host(name))
    }

    /// The host called `name`.
    pub fn host(&self, name: &str) -> Option<HostId> {
        both!(self, net => net.host(name))
    }

    /// Virtual time since the start.
    pub fn now(&self) -> Duration {
        both!(self, net => net.now())
    }

    /// The link between `host` and everybody; none means no link of its own. Between two hosts with links of their own
    /// lie both in series.
    pub fn set_link(&self, host: HostId, spec: Option<LinkSpec>) {
        both!(self, net => net.set_link(host, spec));
    }

    /// From now on nothing arrives at `to` from `from`, silently. Blocks count: each needs its own
    /// [`Fabric::unblock`]. Turmoil blocks the other way too.
    pub fn block(&self, from: HostId, to: HostId) {
        both!(self, net => net.block(from, to));
    }

    /// Takes one block away.
    pub fn unblock(&self, from: HostId, to: HostId) {
        both!(self, net => net.unblock(from, to));
    }

    /// Blocks a host from all others, the ways named.
    pub fn isolate(&self, host: HostId, inward: bool, outward: bool) {
        both!(self, net => net.isolate(host, inward, outward));
    }

    /// Undoes one [`Fabric::isolate`] with the same arguments.
    pub fn rejoin(&self, host: HostId, inward: bool, outward: bool) {
        both!(self, net => net.rejoin(host, inward, outward));
    }

    /// Dials from `host`.
    pub fn dialer(&self, host: HostId) -> Dialer {
        match self {
            Self::Event(net) => Dialer::Event(net.dialer(host)),
            Self::Turmoil(net) => Dialer::Turmoil(net.dialer(host)),
        }
    }

    /// Listens at `host`. `AddrInUse` if it has a listener, `NetworkDown` if it is off.
    pub fn listen(&self, host: HostId) -> io::Result<Listener> {
        Ok(match self {
            Self::Event(net) => Listener::Event(net.listen(host)?),
            Self::Turmoil(net) => Listener::Turmoil(net.listen(host)?),
        })
    }

    /// Starts a program at `host`. It dies with its host. At a host that is off it never starts.
    pub fn spawn<T: 'static>(&self, host: HostId, program: impl Future<Output = T> + 'static) -> Program<T> {
        both!(self, net => net.spawn(host, program))
    }

    /// Whether the machine is off.
    pub fn is_off(&self, host: HostId) -> bool {
        both!(self, net => net.is_off(host))
    }

    /// Whether the programs of the host are not being run.
    pub fn is_hung(&self, host: HostId) -> bool {
        both!(self, net => net.is_hung(host))
    }

    /// The programs of `host` are polled no more; its kernel goes on. Hangs count: each needs its own release.
    pub fn hang(&self, host: HostId) {
        both!(self, net => net.hang(host));
    }

    /// Takes one hang away; after the last the programs that were woken meanwhile run.
    pub fn release(&self, host: HostId) {
        both!(self, net => net.release(host));
    }

    /// The programs of `host` die. Its kernel closes their connections, and refuses new ones until a new program
    /// listens. Hangs end.
    pub fn crash(&self, host: HostId) {
        both!(self, net => net.crash(host));
    }

    /// The machine goes dark: nothing more leaves it, nothing that arrives is heard.
    pub fn power_off(&self, host: HostId) {
        both!(self, net => net.power_off(host));
    }

    /// The machine is on again and knows no connection. Programs have to be started.
    pub fn power_on(&self, host: HostId) {
        both!(self, net => net.power_on(host));
    }

    /// Whether `host` refuses new connections although a program listens.
    pub fn refuse(&self, host: HostId, on: bool) {
        both!(self, net => net.refuse(host, on));
    }

    /// Resets all connections of `host` from its side. Answers how many.
    pub fn reset_connections(&self, host: HostId) -> usize {
        both!(self, net => net.reset_connections(host))
    }

    /// Closes all connections of `host` from its side. Answers how many.
    pub fn close_connections(&self, host: HostId) -> usize {
        both!(self, net => net.close_connections(host))
    }

    /// A SYN to `host` finds its accept queue full from now on, or no longer. Nothing happens on turmoil, whose full
    /// queue ends the simulation.
    pub fn fill_queue(&self, host: HostId, on: bool) {
        match self {
            Self::Event(net) => net.fill_queue(host, on),
            Self::Turmoil(_) => {}
        }
    }

    /// Programs at `host` that have not ended.
    pub fn programs(&self, host: HostId) -> usize {
        both!(self, net => net.programs(host))
    }

    /// Ends of connections at `host`, in detail; turmoil does not tell.
    pub fn ends(&self, host: HostId) -> Vec<EndInfo> {
        match self {
            Self::Event(net) => net.connections(host),
            Self::Turmoil(_) => Vec::new(),
        }
    }

    /// How many connections the programs of `host` hold or its listener queues.
    pub fn connections(&self, host: HostId) -> usize {
        match self {
            Self::Event(net) => net.connections(host).len(),
            Self::Turmoil(net) => net.connections(host),
        }
    }

    /// Totals so far.
    pub fn stats(&self) -> Stats {
        both!(self, net => net.stats())
    }

    /// Drops all programs.
    pub fn shutdown(&self) {
        both!(self, net => net.shutdown());
    }

    /// Drives the event engine beside whatever else its runtime does. Ends only when the run cannot make progress.
    /// Turmoil is not driven like this but by [`turmoil::Network::play`]; for it this waits for ever.
    pub async fn run(&self) -> Livelock {
        match self {
            Self::Event(net) => net.run().await,
            Self::Turmoil(_) => pending().await,
        }
    }
}
