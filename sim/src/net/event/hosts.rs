//! What can be done to hosts and links from outside: partitions, hangs, refusals, link changes.
//!
//! Crash and power loss are in `close`, because they are about how connections end.

use std::collections::VecDeque;
use std::time::Duration;

use super::conn::{EndKey, Phase};
use super::link::nanos;
use super::state::{Backlog, Host, State};
use crate::net::{EndInfo, HostId, LinkSpec, NetEventKind as K};

impl State {
    pub(super) fn host_new(&mut self, name: &str) -> HostId {
        self.hosts.push(Host {
            name: name.into(),
            link: None,
            wires: Vec::new(),
            backlog: None,
            refuse: false,
            queue_full: false,
            off: false,
            hangs: 0,
        });
        HostId((self.hosts.len() - 1) as u32)
    }

    pub(super) fn set_link(&mut self, host: HostId, spec: Option<LinkSpec>) {
        self.host(host).link = spec;
        self.refresh_wires();
        self.note(K::LinkChanged { host });
    }

    pub(super) fn set_pair(&mut self, from: HostId, to: HostId, spec: Option<LinkSpec>) {
        self.wire(from, to).own = spec;
        self.refresh_wires();
        self.note(K::PairChanged { from, to });
    }

    pub(super) fn block(&mut self, from: HostId, to: HostId) {
        let wire = self.wire(from, to);
        wire.blocks += 1;
        let first = wire.blocks == 1;
        let in_flight = nanos(wire.spec.latency_min);
        self.note(K::Blocked { from, to });
        if first {
            self.catch_acknowledgements(from, to, in_flight);
            self.probe_all(from, Some(to));
        }
    }

    /// Acknowledgements are not messages of the engine: those that would still be under way `from` -> `to` are
    /// found by what arrived at `from` within the last latency.
    fn catch_acknowledgements(&mut self, from: HostId, to: HostId, in_flight: u64) {
        let now = self.now;
        for end in self.ends_of(to) {
            let Some(peer) = self.end(end.other()) else { continue };
            let fresh = peer.arrived_at.is_some_and(|at| at.saturating_add(in_flight) > now);
            if peer.host == from && fresh && self.end(end).is_some_and(|own| own.phase == Phase::Live) {
                self.unacknowledged(end);
            }
        }
    }

    pub(super) fn unblock(&mut self, from: HostId, to: HostId) {
        let wire = self.wire(from, to);
        if wire.blocks > 0 {
            wire.blocks -= 1;
            self.note(K::Unblocked { from, to });
        }
    }

    pub(super) fn hang(&mut self, host: HostId) {
        let own = self.host(host);
        own.hangs += 1;
        if own.hangs == 1 {
            self.note(K::HostHung { host });
        }
    }

    /// True if the host runs from now on.
    pub(super) fn release(&mut self, host: HostId) -> bool {
        let own = self.host(host);
        if own.hangs == 0 {
            return false;
        }
        own.hangs -= 1;
        if own.hangs > 0 {
            return false;
        }
        self.note(K::HostReleased { host });
        true
    }

    pub(super) fn fill_queue(&mut self, host: HostId, on: bool) {
        self.host(host).queue_full = on;
        self.note(K::QueueFull { host, on });
    }

    pub(super) fn refuse(&mut self, host: HostId, on: bool) {
        self.host(host).refuse = on;
        self.note(K::Refusing { host, on });
    }

    /// The serial of the new listener; none if the host has one already.
    pub(super) fn listen(&mut self, host: HostId) -> Option<u32> {
        self.listeners += 1;
        let serial = self.listeners;
        let own = self.host(host);
        if own.backlog.is_some() {
            return None;
        }
        own.backlog = Some(Backlog { serial, queue: VecDeque::new(), embryos: 0, waker: None });
        Some(serial)
    }

    pub(super) fn describe(&self, end: EndKey) -> EndInfo {
        let conn = &self.conns[end.key.slot as usize];
        let (own, peer) = (&conn.ends[usize::from(end.side)], &conn.ends[usize::from(1 - end.side)]);
        EndInfo {
            conn: Self::id(end.key),
            peer: peer.host,
            dialled: end.side == 0,
            established: own.phase == Phase::Live,
            sent_bytes: own.sent,
            in_flight_bytes: own.out_bytes(),
            received_bytes: own.arrived,
            unread_bytes: own.unread,
            sent_last: own.sent_at.map(Duration::from_nanos),
            received_last: own.arrived_at.map(Duration::from_nanos),
            lost_since: own.lost_since.map(Duration::from_nanos),
        }
    }
}
