//! What lies between hosts: links, blocks, and what they come to in turmoil.
//!
//! Turmoil's own world is out of reach while a host has its turn, so changes are carried out between two ticks.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use ::turmoil::{Protocol, Segment, Sim};

use super::Inner;
use super::host::Host;
use crate::net::{ConnId, HostId, LinkSpec, NetEventKind as K, Why};

/// Something turmoil does to a host between two ticks.
#[derive(Debug, Clone, Copy)]
pub(super) enum Order {
    Crash(HostId),
    PowerOff(HostId),
    PowerOn(HostId),
}

/// Two hosts, the lower number first.
type Pair = (HostId, HostId);

fn pair(a: HostId, b: HostId) -> Pair {
    (a.min(b), a.max(b))
}

/// What lies between hosts.
pub(super) struct Wires {
    defaults: LinkSpec,
    /// Blocks by direction.
    blocks: BTreeMap<(HostId, HostId), u32>,
    /// Pairs between which turmoil holds everything.
    held: BTreeSet<Pair>,
    /// Hosts whose links turmoil does not know yet.
    relinked: BTreeSet<HostId>,
    /// Whether `held` may be out of date.
    stirred: bool,
}

impl Wires {
    pub(super) fn new(defaults: LinkSpec) -> Self {
        Self {
            defaults,
            blocks: BTreeMap::new(),
            held: BTreeSet::new(),
            relinked: BTreeSet::new(),
            stirred: false,
        }
    }

    pub(super) fn relink(&mut self, host: HostId) {
        self.relinked.insert(host);
    }

    pub(super) fn block(&mut self, from: HostId, to: HostId) {
        *self.blocks.entry((from, to)).or_default() += 1;
        self.stirred = true;
    }

    /// False if there was no block.
    pub(super) fn unblock(&mut self, from: HostId, to: HostId) -> bool {
        let Some(blocks) = self.blocks.get_mut(&(from, to)) else { return false };
        *blocks -= 1;
        if *blocks == 0 {
            self.blocks.remove(&(from, to));
        }
        self.stirred = true;
        true
    }

    pub(super) fn is_blocked(&self, from: HostId, to: HostId) -> bool {
        self.blocks.contains_key(&(from, to)) || self.blocks.contains_key(&(to, from))
    }
}

impl Inner {
    /// Brings turmoil's world up to date.
    pub(super) fn carry_out(&self, sim: &mut Sim<'_>) {
        let orders = std::mem::take(&mut *self.orders.borrow_mut());
        let mut caught = BTreeSet::new();
        for order in orders {
            match order {
                Order::Crash(host) => {
                    let host = self.host(host);
                    sim.crash(host.ip());
                    if !host.off.get() {
                        sim.bounce(host.ip());
                    }
                }
                Order::PowerOff(host) => caught.extend(self.cut_off(sim, &self.host(host))),
                Order::PowerOn(host) => {
                    sim.bounce(self.host(host).ip());
                    self.wires.borrow_mut().stirred = true;
                }
            }
        }
        self.relink(sim);
        caught.extend(self.hold(sim));
        if !caught.is_empty() {
            self.tell_of_caught(sim, &caught);
        }
    }

    /// Its sockets close into the void, and then everything to and from it is held until it is back. Answers between
    /// whom nothing was held before.
    fn cut_off(&self, sim: &mut Sim<'_>, host: &Host) -> BTreeSet<Pair> {
        let others: Vec<Rc<Host>> =
            self.hosts.borrow().iter().filter(|other| other.id != host.id).cloned().collect();
        for other in &others {
            sim.partition_oneway(host.ip(), other.ip());
        }
        sim.crash(host.ip());
        for other in &others {
            sim.hold(host.ip(), other.ip());
        }
        let mut wires = self.wires.borrow_mut();
        wires.stirred = true;
        let pairs = others.iter().map(|other| pair(host.id, other.id));
        pairs.filter(|pair| wires.held.insert(*pair)).collect()
    }

    fn relink(&self, sim: &Sim<'_>) {
        let relinked = std::mem::take(&mut self.wires.borrow_mut().relinked);
        if relinked.is_empty() {
            return;
        }
        let defaults = self.wires.borrow().defaults;
        for (a, b) in self.pairs().filter(|(a, b)| relinked.contains(&a.id) || relinked.contains(&b.id)) {
            let (min, max) = match (a.link.get(), b.link.get()) {
                (Some(one), Some(two)) => (
                    one.latency_min.saturating_add(two.latency_min),
                    one.latency_max.saturating_add(two.latency_max),
                ),
                (one, two) => {
                    let link = one.or(two).unwrap_or(defaults);
                    (link.latency_min, link.latency_max)
                }
            };
            sim.set_link_latency(a.ip(), b.ip(), min);
            sim.set_link_max_message_latency(a.ip(), b.ip(), max.max(min));
        }
    }

    /// Holds and releases what has to be. Answers between whom everything is held from now on.
    fn hold(&self, sim: &Sim<'_>) -> BTreeSet<Pair> {
        let mut caught = BTreeSet::new();
        let mut wires = self.wires.borrow_mut();
        if !std::mem::take(&mut wires.stirred) {
            return caught;
        }
        for (a, b) in self.pairs() {
            let pair = pair(a.id, b.id);
            let wanted = wires.is_blocked(a.id, b.id) || a.off.get() || b.off.get();
            if wanted && wires.held.insert(pair) {
                sim.hold(a.ip(), b.ip());
                caught.insert(pair);
            } else if !wanted && wires.held.remove(&pair) {
                sim.release(a.ip(), b.ip());
            }
        }
        caught
    }

    /// Tells of what was under way between two hosts when it was caught.
    fn tell_of_caught(&self, sim: &Sim<'_>, caught: &BTreeSet<Pair>) {
        let mut found = Vec::new();
        sim.links(|links| {
            for sent in links.flatten() {
                let (src, dst) = sent.pair();
                let (Some(from), Some(to)) = (Host::of_ip(src.ip()), Host::of_ip(dst.ip())) else { continue };
                let bytes = match sent.protocol() {
                    Protocol::Tcp(Segment::Data(_, data)) => data.len() as u64,
                    Protocol::Tcp(Segment::Syn(_) | Segment::Fin(_) | Segment::Rst) | Protocol::Udp(_) => 0,
                };
                if caught.contains(&pair(from, to)) {
                    found.push((from, to, self.between(from, to), bytes));
                }
            }
        });
        for (from, to, conn, bytes) in found {
            let why = if self.wires.borrow().is_blocked(from, to) { Why::Blocked } else { Why::PowerOff };
            if let Some(conn) = conn {
                self.note(K::Held { conn, from, to, bytes, why });
            }
        }
    }

    /// The oldest connection or dial between two hosts.
    fn between(&self, a: HostId, b: HostId) -> Option<ConnId> {
        let of = |one: HostId, two: HostId| pair(one, two) == pair(a, b);
        let conns = self.conns.borrow();
        let conn = conns.iter().find(|conn| of(conn.host(0), conn.host(1))).map(|conn| conn.id);
        let dials = self.dials.borrow();
        conn.or_else(|| dials.iter().find(|dial| of(dial.from, dial.to)).map(|dial| dial.conn))
    }

    fn pairs(&self) -> impl Iterator<Item = (Rc<Host>, Rc<Host>)> + use<> {
        let hosts = self.hosts.borrow().clone();
        (0..hosts.len()).flat_map(move |a| {
            let hosts = hosts.clone();
            (a + 1..hosts.len()).map(move |b| (Rc::clone(&hosts[a]), Rc::clone(&hosts[b])))
        })
    }
}
