//! What can be done to hosts and connections from outside.
//!
//! Programs feel it at once; turmoil hears of it between two ticks, from the orders that are left here.

use std::io::ErrorKind;

use super::conn::Parting;
use super::wires::Order;
use super::{Inner, Network};
use crate::net::{HostId, NetEventKind as K, ways};

impl Network {
    /// From now on nothing arrives at `to` from `from`, silently, not even what is under way; and, turmoil's `hold`
    /// being what it is, nothing the other way either. Blocks count: each needs its own [`Network::unblock`].
    pub fn block(&self, from: HostId, to: HostId) {
        self.inner.wires.borrow_mut().block(from, to);
        self.inner.note(K::Blocked { from, to });
    }

    /// Takes one block away. When none is left either way, what was held arrives.
    pub fn unblock(&self, from: HostId, to: HostId) {
        if self.inner.wires.borrow_mut().unblock(from, to) {
            self.inner.note(K::Unblocked { from, to });
        }
    }

    /// Blocks a host from all others, the ways named.
    pub fn isolate(&self, host: HostId, inward: bool, outward: bool) {
        let hosts = self.inner.hosts.borrow().len();
        for (from, to) in ways(hosts, host, inward, outward) {
            self.block(from, to);
        }
    }

    /// Undoes one [`Network::isolate`] with the same arguments.
    pub fn rejoin(&self, host: HostId, inward: bool, outward: bool) {
        let hosts = self.inner.hosts.borrow().len();
        for (from, to) in ways(hosts, host, inward, outward) {
            self.unblock(from, to);
        }
    }

    /// Whether the machine is off.
    pub fn is_off(&self, host: HostId) -> bool {
        self.inner.host(host).off.get()
    }

    /// Whether the programs of the host are not being run.
    pub fn is_hung(&self, host: HostId) -> bool {
        self.inner.host(host).is_hung()
    }

    /// The programs of `host` are polled no more; its kernel goes on. Hangs count: each needs its own release.
    pub fn hang(&self, host: HostId) {
        let own = self.inner.host(host);
        own.hangs.set(own.hangs.get() + 1);
        if own.hangs.get() == 1 {
            self.inner.note(K::HostHung { host });
        }
    }

    /// Takes one hang away; after the last the programs that were woken meanwhile run.
    pub fn release(&self, host: HostId) {
        let own = self.inner.host(host);
        match own.hangs.get() {
            0 => {}
            1 => {
                own.hangs.set(0);
                self.inner.note(K::HostReleased { host });
                own.programs.resume(host);
            }
            more => own.hangs.set(more - 1),
        }
    }

    /// The programs of `host` die. Its kernel closes their connections, and refuses new ones until a new program
    /// listens. Hangs end.
    pub fn crash(&self, host: HostId) {
        self.inner.note(K::HostCrashed { host });
        self.inner.die(host, Parting::Orderly, ErrorKind::ConnectionAborted);
        self.inner.order(Order::Crash(host));
    }

    /// The machine goes dark: nothing more leaves it, nothing that arrives is heard. Unlike on a wire, what left it
    /// and is still under way is lost too.
    pub fn power_off(&self, host: HostId) {
        self.inner.note(K::PoweredOff { host });
        self.inner.host(host).off.set(true);
        self.inner.die(host, Parting::Dark, ErrorKind::NetworkDown);
        self.inner.order(Order::PowerOff(host));
    }

    /// The machine is on again and knows no connection. Programs have to be started.
    pub fn power_on(&self, host: HostId) {
        if self.inner.host(host).off.replace(false) {
            self.inner.order(Order::PowerOn(host));
        }
        self.inner.note(K::PoweredOn { host });
    }

    /// Whether `host` refuses new connections although a program listens.
    pub fn refuse(&self, host: HostId, on: bool) {
        let own = self.inner.host(host);
        own.refuse.set(on);
        own.programs.ready.wake_driver();
        self.inner.note(K::Refusing { host, on });
    }

    /// Resets all connections of `host` from its side: both programs see an error, the other one when turmoil has
    /// carried the news there. Answers how many.
    pub fn reset_connections(&self, host: HostId) -> usize {
        let ends = self.inner.ends_at(host);
        for (conn, side) in &ends {
            self.inner.close_end(conn, *side, Parting::Reset, Some(ErrorKind::ConnectionReset));
        }
        ends.len()
    }

    /// Closes all connections of `host` from its side: FIN after what is under way. Answers how many.
    pub fn close_connections(&self, host: HostId) -> usize {
        let ends = self.inner.ends_at(host);
        for (conn, side) in &ends {
            self.inner.close_end(conn, *side, Parting::Orderly, None);
        }
        ends.len()
    }
}

impl Inner {
    /// The programs of `host` are no more.
    fn die(&self, host: HostId, parting: Parting, error: ErrorKind) {
        let own = self.host(host);
        own.hangs.set(0);
        // Before the programs go: what they let go of on their way out is closed in this way already.
        self.close_listener(&own, None, parting);
        for (conn, side) in self.ends_at(host) {
            self.close_end(&conn, side, parting, Some(error));
        }
        own.programs.kill(None);
    }
}
