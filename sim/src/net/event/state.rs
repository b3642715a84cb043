//! Hosts, links, connections and the queue of what is due: everything the engine knows, as plain data.
//!
//! The handlers that change it are in `connect`, `transfer`, `close` and `hosts`. Nothing here polls a program.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, VecDeque};
use std::task::Waker;
use std::time::Duration;

use super::conn::{Conn, End, EndKey, Key, Phase};
use super::link::{Wire, series};
use crate::net::{ConnId, HostId, Limits, LinkSpec, Livelock, NetEvent, NetEventKind, Stats, Why};
use crate::seed::Seed;

pub(super) struct Backlog {
    pub(super) serial: u32,
    pub(super) queue: VecDeque<Key>,
    /// Handshakes under way.
    pub(super) embryos: usize,
    pub(super) waker: Option<Waker>,
}

pub(super) struct Host {
    pub(super) name: Box<str>,
    pub(super) link: Option<LinkSpec>,
    /// Where in `State::wires` the links to other hosts are, by host number; made when first used.
    pub(super) wires: Vec<Option<u32>>,
    pub(super) backlog: Option<Backlog>,
    pub(super) refuse: bool,
    /// The accept queue counts as full.
    pub(super) queue_full: bool,
    pub(super) off: bool,
    pub(super) hangs: u32,
}

/// What is due.
#[derive(Debug, Clone, Copy)]
pub(super) enum Due {
    /// The message of this end with the event's ticket arrives.
    Deliver(EndKey),
    /// This end sends lost messages again, or gives up.
    Retry(EndKey),
    /// A RST arrives at this end.
    Rst(EndKey),
    Syn(Key),
    SynAck(Key),
    Refusal(Key),
    /// The dialler sends its SYN again, or gives up.
    SynTick(Key),
    /// A link can take the next message.
    LinkFree(HostId, HostId),
}

struct Entry {
    at: u64,
    seq: u64,
    due: Due,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.seq) == (other.at, other.seq)
    }
}
impl Eq for Entry {}
impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Entry {
    /// Reversed: the heap of the standard library gives the greatest first, the engine wants the earliest.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.seq).cmp(&(self.at, self.seq))
    }
}

pub(super) struct State {
    /// Virtual nanoseconds since the start.
    pub(super) now: u64,
    pub(super) limits: Limits,
    pub(super) hosts: Vec<Host>,
    pub(super) conns: Vec<Conn>,
    wires: Vec<Wire>,
    pub(super) stats: Stats,
    pub(super) livelock: Option<Livelock>,
    /// What the observer has not seen yet.
    pub(super) notices: Vec<NetEvent>,
    /// What the driver sleeps for, and how to tell it of something earlier.
    pub(super) armed: u64,
    pub(super) driver: Option<Waker>,
    pub(super) listeners: u32,
    free: Vec<u32>,
    serial: u32,
    heap: BinaryHeap<Entry>,
    seq: u64,
    seed: Seed,
    defaults: LinkSpec,
}

impl State {
    pub(super) fn new(seed: Seed, defaults: LinkSpec, limits: Limits) -> Self {
        Self {
            now: 0,
            limits,
            hosts: Vec::new(),
            conns: Vec::new(),
            wires: Vec::new(),
            stats: Stats::default(),
            livelock: None,
            notices: Vec::new(),
            armed: u64::MAX,
            driver: None,
            listeners: 0,
            free: Vec::new(),
            serial: 0,
            heap: BinaryHeap::new(),
            seq: 0,
            seed,
            defaults,
        }
    }

    pub(super) fn note(&mut self, kind: NetEventKind) {
        self.notices.push(NetEvent { at: Duration::from_nanos(self.now), kind });
    }

    /// Queues `due`; the answer is its ticket, never 0.
    pub(super) fn schedule(&mut self, at: u64, due: Due) -> u64 {
        self.seq += 1;
        self.heap.push(Entry { at, seq: self.seq, due });
        self.seq
    }

    pub(super) fn earliest(&self) -> Option<u64> {
        self.heap.peek().map(|entry| entry.at)
    }

    /// Handles the earliest event if it is due by `until`. False if there is none.
    pub(super) fn step(&mut self, until: u64) -> bool {
        if self.earliest().is_none_or(|at| at > until) {
            return false;
        }
        let Some(Entry { at, seq, due }) = self.heap.pop() else { return false };
        self.now = self.now.max(at);
        match due {
            Due::Deliver(end) => self.on_deliver(end, seq),
            Due::Retry(end) => self.on_retry(end, seq),
            Due::Rst(end) => self.on_rst(end),
            Due::Syn(key) => self.on_syn(key),
            Due::SynAck(key) => self.on_syn_ack(key),
            Due::Refusal(key) => self.on_refusal(key),
            Due::SynTick(key) => self.on_syn_tick(key),
            Due::LinkFree(from, to) => self.on_link_free(from, to),
        }
        true
    }

    pub(super) fn count_message(&mut self) {
        self.stats.messages += 1;
        if self.stats.messages > self.limits.messages_max {
            self.livelock = Some(Livelock::Messages(self.limits.messages_max));
        }
    }

    pub(super) fn host(&mut self, host: HostId) -> &mut Host {
        &mut self.hosts[host.index()]
    }

    pub(super) fn conn(&mut self, key: Key) -> Option<&mut Conn> {
        self.conns.get_mut(key.slot as usize).filter(|conn| conn.serial == key.serial)
    }

    pub(super) fn end(&mut self, end: EndKey) -> Option<&mut End> {
        self.conn(end.key).map(|conn| &mut conn.ends[usize::from(end.side)])
    }

    /// The hosts a message of this end travels between.
    pub(super) fn route(&mut self, end: EndKey) -> Option<(HostId, HostId)> {
        let conn = self.conn(end.key)?;
        Some((conn.ends[usize::from(end.side)].host, conn.ends[usize::from(1 - end.side)].host))
    }

    pub(super) fn conn_new(&mut self, from: HostId, to: HostId) -> Key {
        self.serial += 1;
        let serial = self.serial;
        let slot = match self.free.pop() {
            Some(slot) => {
                let conn = &mut self.conns[slot as usize];
                conn.serial = serial;
                conn.ends[0].reset(from);
                conn.ends[1].reset(to);
                slot
            }
            None => {
                self.conns.push(Conn { serial, ends: [End::new(from), End::new(to)], dialled_at: 0 });
                (self.conns.len() - 1) as u32
            }
        };
        self.conns[slot as usize].dialled_at = self.now;
        Key { slot, serial }
    }

    /// Forgets the connection if nobody holds it and nothing of it can matter any more.
    pub(super) fn reap(&mut self, key: Key) {
        let Some(conn) = self.conn(key) else { return };
        let over = |end: &End| match end.phase {
            Phase::Gone => true,
            Phase::Orphan => end.out.is_empty(),
            Phase::SynSent | Phase::Embryo | Phase::Live => false,
        };
        if conn.ends.iter().all(|end| !end.held && over(end)) {
            conn.serial = 0;
            for end in &mut conn.ends {
                end.out.clear();
                end.inbox.clear();
                (end.reader, end.writer) = (None, None);
            }
            self.free.push(key.slot);
        }
    }

    pub(super) fn open_connections(&self) -> usize {
        self.conns.len() - self.free.len()
    }

    /// Both ends of live connections that belong to `host`, in the order of their slots.
    pub(super) fn ends_of(&self, host: HostId) -> Vec<EndKey> {
        let mut found = Vec::new();
        for (slot, conn) in self.conns.iter().enumerate() {
            for side in 0..2u8 {
                if conn.serial != 0 && conn.ends[usize::from(side)].host == host {
                    let key = Key { slot: slot as u32, serial: conn.serial };
                    found.push(EndKey { key, side });
                }
            }
        }
        found.sort_by_key(|end| (end.key.serial, end.side));
        found
    }

    /// The link from one host to another, made when first asked for.
    pub(super) fn wire(&mut self, from: HostId, to: HostId) -> &mut Wire {
        let (f, t) = (from.index(), to.index());
        let index = match self.hosts[f].wires.get(t) {
            Some(&Some(index)) => index,
            Some(None) | None => {
                let row = &mut self.hosts[f].wires;
                row.resize(row.len().max(t + 1), None);
                let index = self.wires.len() as u32;
                row[t] = Some(index);
                let name = format!("link {}>{}", self.hosts[f].name, self.hosts[t].name);
                let spec = combined(&self.hosts, &self.defaults, f, t);
                self.wires.push(Wire::new(spec, self.seed.child(&name).rng()));
                index
            }
        };
        &mut self.wires[index as usize]
    }

    /// Works the links of a host into the wires that exist already.
    pub(super) fn refresh_wires(&mut self) {
        for f in 0..self.hosts.len() {
            for t in 0..self.hosts[f].wires.len() {
                if let Some(index) = self.hosts[f].wires[t] {
                    let spec = combined(&self.hosts, &self.defaults, f, t);
                    let wire = &mut self.wires[index as usize];
                    wire.spec = wire.own.unwrap_or(spec);
                }
            }
        }
    }

    /// Why nothing arrives at `to` from `from` right now.
    pub(super) fn obstacle(&mut self, from: HostId, to: HostId) -> Option<Why> {
        if self.wire(from, to).blocks > 0 {
            Some(Why::Blocked)
        } else if self.host(to).off {
            Some(Why::PowerOff)
        } else {
            None
        }
    }

    pub(super) fn id(key: Key) -> ConnId {
        ConnId(key.serial)
    }
}

/// What lies between two hosts: the links of both in series, or the default if neither has one.
fn combined(hosts: &[Host], defaults: &LinkSpec, from: usize, to: usize) -> LinkSpec {
    match (&hosts[from].link, &hosts[to].link) {
        (Some(a), Some(b)) => series(a, b),
        (Some(one), None) | (None, Some(one)) => *one,
        (None, None) => *defaults,
    }
}
