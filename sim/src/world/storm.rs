//! Carries faults out: selects their targets, does what they say to hosts, links and disks, and undoes it.

use std::rc::Rc;

use lafs::format::ShareNum;
use rand_chacha::ChaCha8Rng;
use rand_core::Rng;

use super::World;
use super::door::{Choice, Door, Effect};
use crate::fault::Due;
use crate::net::HostId;
use crate::schedule::{Answer, Direction, Disconnect, FaultKind, Target};
use crate::trace::{Entry, FaultEvent};

impl World {
    /// Starts carrying out faults as they become due. The storm is a program of the network like any other, on a
    /// host of its own, so that its turn comes right after the program whose doing made a fault due; on turmoil, where
    /// hosts take turns, after all others in the same tick. Answers that host.
    pub fn spawn_storm(self: &Rc<Self>) -> HostId {
        let host = self.net.add_host("the storm");
        let world = Rc::clone(self);
        drop(self.net.spawn(host, async move {
            loop {
                world.recorder.due().await;
                world.settle_faults();
            }
        }));
        host
    }

    /// Carries out everything that is due now.
    pub fn settle_faults(&self) {
        let now = self.recorder.now();
        self.recorder.records().book.pass_time(now);
        loop {
            let due = self.recorder.records().book.take_due();
            if due.is_empty() {
                return;
            }
            self.recorder.stir();
            for item in due {
                match item {
                    Due::BeginAll { fault } => {
                        let Some(plan) = self.schedule.faults.get(fault) else { continue };
                        for host in self.select(&plan.on) {
                            self.begin(fault, host);
                        }
                    }
                    Due::BeginAgain { fault } => {
                        let hosts = self.recorder.records().book.targets(fault);
                        hosts.into_iter().for_each(|host| self.begin_on(fault, host));
                    }
                    Due::Begin { fault, host } => self.begin(fault, host),
                    Due::End { fault, host } => self.end(fault, host),
                }
            }
        }
    }

    /// The hosts a target stands for now, in the order of the file.
    pub fn select(&self, target: &Target) -> Vec<HostId> {
        match target {
            Target::Hosts(names) => names.iter().filter_map(|name| self.host(name)).collect(),
            Target::Holders { count, draw, .. } => {
                let hosts = self.servers.iter().map(|server| server.host);
                let mut holders: Vec<HostId> = hosts.filter(|host| self.holds(target, *host)).collect();
                if let Some(count) = count {
                    let mut rng = self.seed.child(&format!("holders {draw}")).rng();
                    while holders.len() > *count {
                        let victim = rng.next_u64() % holders.len() as u64;
                        holders.remove(usize::try_from(victim).unwrap_or(0));
                    }
                }
                holders
            }
        }
    }

    /// Whether a host holds what a holder selector asks for.
    fn holds(&self, target: &Target, host: HostId) -> bool {
        let Target::Holders { file, share, version, .. } = target else { return false };
        let Some((index, kind)) = self.storage_index(file) else { return false };
        let Some(server) = self.server_on(host) else { return false };
        let of_version = |held: &ShareNum| {
            version.is_none_or(|wanted| {
                server.held(kind, index, *held).and_then(|held| held.version()) == Some(wanted)
            })
        };
        let mut held = Self::shares_on(server, index, kind).into_iter();
        held.any(|held| share.is_none_or(|number| number == held.0) && of_version(&held))
    }

    /// Whether an omniscient client's servers are not to suffer this.
    fn is_spared(&self, fault: usize, host: HostId) -> bool {
        let kind = self.schedule.faults.get(fault).map(|fault| &fault.kind);
        let comes_anyway = matches!(kind, Some(FaultKind::Slow(_) | FaultKind::Corrupt { .. }));
        let stores = self.server_on(host).is_some() || self.is_bucket(host);
        self.spared.get() && stores && !comes_anyway
    }

    fn begin(&self, fault: usize, host: HostId) {
        if self.is_spared(fault, host) {
            return;
        }
        let admitted = {
            let records = self.recorder.records();
            records.book.admits(fault, host, |target, host| self.holds(target, host))
        };
        if admitted && !self.recorder.records().book.joins_later(fault, host) {
            self.begin_on(fault, host);
        }
    }

    fn begin_on(&self, fault: usize, host: HostId) {
        let Some(plan) = self.schedule.faults.get(fault) else { return };
        let now = self.recorder.now();
        self.recorder.records().book.began(fault, host, now);
        self.recorder.note(Entry::Fault { fault, host: Some(host), event: FaultEvent::Began });
        match &plan.kind {
            FaultKind::Hang => self.net.hang(host),
            FaultKind::HangOnly(aim) => self.at_door(fault, host, |door, rng| {
                door.begin(fault, Effect::Hold, aim, rng);
            }),
            FaultKind::Answer(Answer { how, aim }) => self.at_door(fault, host, |door, rng| {
                door.begin(fault, Effect::Spoil(*how), aim, rng);
            }),
            FaultKind::Throttle(throttle) => {
                self.at_door(fault, host, |door, rng| door.limit(fault, throttle, rng));
            }
            FaultKind::Lose(which) => {
                if let (Some(server), Some(rng)) = (self.server_on(host), self.chooser(fault, host)) {
                    server.annotations.borrow_mut().losing.insert(fault, Choice::new(*which, rng));
                }
            }
            FaultKind::QueueFull => self.net.fill_queue(host, true),
            // The disk and the clock look for themselves.
            FaultKind::Full | FaultKind::Clock(_) => {}
            FaultKind::Partition(direction) => {
                let (inward, outward) = ways(*direction);
                self.net.isolate(host, inward, outward);
            }
            FaultKind::Groups(groups) => {
                self.strangers(groups, host).for_each(|other| self.net.block(host, other));
            }
            FaultKind::Disconnect(Disconnect::Reset) => {
                let broken = self.net.reset_connections(host);
                self.note_broken(fault, broken);
            }
            FaultKind::Disconnect(Disconnect::Close) => {
                let broken = self.net.close_connections(host);
                self.note_broken(fault, broken);
            }
            FaultKind::Disconnect(Disconnect::Refuse) => {
                self.net.refuse(host, true);
                let broken = self.net.reset_connections(host);
                self.note_broken(fault, broken);
            }
            FaultKind::Crash => {
                // Counted now: the other ends may hear of it when the fault is over already.
                let broken = self.net.connections(host);
                self.lose_client(host);
                self.net.crash(host);
                self.note_broken(fault, broken);
            }
            FaultKind::PowerLoss => {
                self.lose_client(host);
                self.net.power_off(host);
            }
            FaultKind::Slow(link) => self.net.set_link(host, Some(*link)),
            FaultKind::Corrupt { share, field } => self.rot(fault, host, share, *field),
            FaultKind::Cancel(step) => self.control(*step).cancel(fault),
            FaultKind::Pause(step) => self.control(*step).pause(fault),
            FaultKind::Replace { share, by } => self.substitute(fault, host, share, by),
            FaultKind::Restore { step } => self.restore(fault, host, *step),
        }
    }

    /// Ends a fault on one host, or on all. What another fault still wants of a host stays as that one wants it.
    fn end(&self, fault: usize, host: Option<HostId>) {
        let Some(plan) = self.schedule.faults.get(fault) else { return };
        let now = self.recorder.now();
        let hosts = self.recorder.records().book.ended(fault, host, now);
        for host in hosts {
            self.recorder.note(Entry::Fault { fault, host: Some(host), event: FaultEvent::Ended });
            match &plan.kind {
                FaultKind::Hang => self.net.release(host),
                FaultKind::HangOnly(_) | FaultKind::Answer(_) | FaultKind::Throttle(_) => {
                    self.at_door(fault, host, |door, _| door.end(fault));
                }
                FaultKind::Lose(_) => {
                    if let Some(server) = self.server_on(host) {
                        server.annotations.borrow_mut().losing.remove(&fault);
                    }
                }
                FaultKind::QueueFull => {
                    let full = self.suffers(host, |kind| matches!(kind, FaultKind::QueueFull));
                    self.net.fill_queue(host, full);
                }
                FaultKind::Full | FaultKind::Clock(_) => {}
                FaultKind::Partition(direction) => {
                    let (inward, outward) = ways(*direction);
                    self.net.rejoin(host, inward, outward);
                }
                FaultKind::Groups(groups) => {
                    self.strangers(groups, host).for_each(|other| self.net.unblock(host, other));
                }
                FaultKind::Disconnect(Disconnect::Refuse) => {
                    let refuse = |kind: &FaultKind| matches!(kind, FaultKind::Disconnect(Disconnect::Refuse));
                    self.net.refuse(host, self.suffers(host, refuse));
                }
                FaultKind::Disconnect(Disconnect::Reset | Disconnect::Close)
                | FaultKind::Corrupt { .. }
                | FaultKind::Replace { .. }
                | FaultKind::Restore { .. }
                | FaultKind::Cancel(_) => {}
                FaultKind::Pause(step) => self.control(*step).resume(fault),
                FaultKind::Crash => self.restart(host),
                FaultKind::PowerLoss => {
                    if !self.suffers(host, |kind| matches!(kind, FaultKind::PowerLoss)) {
                        self.net.power_on(host);
                    }
                    self.restart(host);
                }
                FaultKind::Slow(_) => {
                    let own = self.own_link(host);
                    let slow = self.recorder.records().book.slow_link(host);
                    self.net.set_link(host, slow.map(|(_, link)| link).or(own));
                }
            }
        }
    }

    /// The hosts of all groups but that of `host`. Each host cuts what it sends, so together they cut everything.
    fn strangers(&self, groups: &[Vec<String>], host: HostId) -> impl Iterator<Item = HostId> {
        let own = self.names.host(host);
        let others = groups.iter().filter(move |group| !group.iter().any(|name| name == own));
        others.flatten().filter_map(|name| self.host(name))
    }

    /// Changes the door of a host, if it has one. What the fault chooses at this door is drawn from the generator.
    fn at_door(&self, fault: usize, host: HostId, change: impl FnOnce(&mut Door, ChaCha8Rng)) {
        let Some(rng) = self.chooser(fault, host) else { return };
        if let Some(server) = self.server_on(host) {
            change(&mut server.annotations.borrow_mut().door, rng);
        } else if let Some(bucket) = self.bucket.as_ref().filter(|_| self.is_bucket(host)) {
            change(&mut bucket.door.borrow_mut(), rng);
        }
    }

    /// What chooses among the requests that a fault could strike on a host. A fault that recurs draws anew each time.
    fn chooser(&self, fault: usize, host: HostId) -> Option<ChaCha8Rng> {
        let plan = self.schedule.faults.get(fault)?;
        let round = self.recorder.records().book.round(fault);
        let stream = self.seed.child(&format!("fault {}", plan.name)).child("which");
        Some(stream.child(self.names.host(host)).child(&round.to_string()).rng())
    }

    /// Starts the program of a host again, unless another fault keeps it down. It hangs like the one before if what
    /// hung that one is not over.
    fn restart(&self, host: HostId) {
        if self.is_down(host) {
            return;
        }
        while self.net.is_hung(host) {
            self.net.release(host);
        }
        let hangs = self.recorder.records().book.count_on(host, |kind| matches!(kind, FaultKind::Hang));
        (0..hangs).for_each(|_| self.net.hang(host));
        if let Some(server) = self.server_on(host) {
            self.start_server(server);
        }
        if self.is_bucket(host) {
            self.start_bucket();
        }
    }

    /// Whether a fault keeps the programs of `host` from existing.
    pub(super) fn is_down(&self, host: HostId) -> bool {
        self.suffers(host, |kind| matches!(kind, FaultKind::Crash | FaultKind::PowerLoss))
    }

    fn suffers(&self, host: HostId, kind: impl Fn(&FaultKind) -> bool) -> bool {
        self.recorder.records().book.active_on(host, kind).is_some()
    }

    /// A client whose host dies has to start anew; its open requests die with it.
    fn lose_client(&self, host: HostId) {
        let name = self.names.host(host).to_owned();
        if host.index() >= self.servers.len() {
            self.forget_client(&name);
        }
    }

    fn note_broken(&self, fault: usize, connections: usize) {
        if connections > 0 {
            self.recorder.bite(fault, connections as u64, 0);
        }
    }
}

/// Whether messages to and from the targets are cut.
fn ways(direction: Direction) -> (bool, bool) {
    match direction {
        Direction::Both => (true, true),
        Direction::To => (true, false),
        Direction::From => (false, true),
    }
}
