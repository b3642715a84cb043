//! Faults: when they begin and end, whom they concern, and what they touched.
//!
//! The book only keeps the accounts. It hears every entry of the trace, says which faults are due, and writes
//! receipts; carrying a fault out is the business of the world.

mod blame;
mod count;
pub mod damage;
mod forge;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::net::HostId;
use crate::schedule::{Disconnect, Fault, FaultKind, Jump, Link, Subject, Target, Trigger};
use crate::seed::Seed;
use crate::trace::{Entry, StepEvent};
use crate::verdict::Receipt;
use count::{Counter, Fired, occurrences};

/// Something to be carried out now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// The fault begins on all its targets.
    BeginAll {
        /// Its index in the schedule.
        fault: usize,
    },
    /// The fault begins anew wherever it was before.
    BeginAgain {
        /// Its index in the schedule.
        fault: usize,
    },
    /// The fault begins on one host, if that is a target.
    Begin {
        /// Its index in the schedule.
        fault: usize,
        /// The host.
        host: HostId,
    },
    /// The fault ends.
    End {
        /// Its index in the schedule.
        fault: usize,
        /// On this host; none means wherever it is in force.
        host: Option<HostId>,
    },
}

/// A stretch of time in which a fault was in force on a host; no end means until the end of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval {
    /// The fault's index in the schedule.
    pub fault: usize,
    /// The host.
    pub host: HostId,
    /// When it began.
    pub from: Duration,
    /// When it ended.
    pub to: Option<Duration>,
}

/// The accounts of all faults of one run.
#[derive(Debug)]
pub struct Book {
    faults: Vec<Account>,
    hosts: Vec<String>,
    servers: usize,
    /// Numbers (from 1) of the steps that are under way.
    under_way: BTreeSet<u64>,
    due: Vec<Due>,
    intervals: Vec<Interval>,
}

#[derive(Debug)]
struct Account {
    fault: Fault,
    when: Counter,
    until: Option<Counter>,
    begun_all: bool,
    active: BTreeMap<HostId, Duration>,
    taken: BTreeSet<HostId>,
    /// When it began, the last time if it recurs.
    began_at: Option<Duration>,
    /// How often it was over and began anew.
    rounds: u64,
    /// It is over for now and will begin anew.
    rests: bool,
    over: bool,
    receipt: Receipt,
}

impl Book {
    /// Accounts for `faults` on `hosts` (names by number; the first `servers` of them are servers).
    pub fn new(faults: &[Fault], hosts: &[String], servers: usize, seed: &Seed) -> Self {
        let faults = faults
            .iter()
            .map(|fault| {
                let stream = seed.child(&format!("fault {}", fault.name));
                Account {
                    when: Counter::new(&fault.when, stream.child("when").rng()),
                    until: fault.until.as_ref().map(|until| Counter::new(until, stream.child("until").rng())),
                    begun_all: false,
                    active: BTreeMap::new(),
                    taken: BTreeSet::new(),
                    began_at: None,
                    rounds: 0,
                    rests: false,
                    over: false,
                    receipt: Receipt {
                        name: fault.name.clone(),
                        may_stay_inert: fault.may_stay_inert,
                        ..Receipt::default()
                    },
                    fault: fault.clone(),
                }
            })
            .collect();
        Self {
            faults,
            hosts: hosts.to_vec(),
            servers,
            under_way: BTreeSet::new(),
            due: Vec::new(),
            intervals: Vec::new(),
        }
    }

    /// Hears one entry of the trace. Afterwards [`Book::take_due`] may have something.
    pub fn hear(&mut self, entry: &Entry) {
        if let Entry::Step { step, event: StepEvent::Began(_) } = entry {
            self.under_way.insert(*step as u64 + 1);
        }
        for occurrence in occurrences(entry).into_iter().flatten() {
            for index in 0..self.faults.len() {
                self.count(index, occurrence);
            }
        }
        if let Entry::Step { step, event: StepEvent::Ended(_) } = entry {
            self.under_way.remove(&(*step as u64 + 1));
        }
    }

    fn count(&mut self, index: usize, occurrence: count::Occurrence) {
        let Self { faults, hosts, servers, under_way, due, .. } = self;
        let Some(account) = faults.get_mut(index) else { return };
        let named = |host: HostId, name: &str| hosts.get(host.index()).is_some_and(|known| known == name);
        let is_server = |host: HostId| host.index() < *servers;
        if !account.over && !account.begun_all {
            match account.when.count(occurrence, under_way, named, is_server) {
                Some(Fired::All) => due.push(Due::BeginAll { fault: index }),
                Some(Fired::Host(host)) => due.push(Due::Begin { fault: index, host }),
                None => {}
            }
        }
        if !account.over
            && account.began_at.is_some()
            && let Some(until) = &mut account.until
        {
            match until.count(occurrence, under_way, named, is_server) {
                Some(Fired::All) => due.push(Due::End { fault: index, host: None }),
                Some(Fired::Host(host)) if account.active.contains_key(&host) => {
                    due.push(Due::End { fault: index, host: Some(host) });
                }
                Some(Fired::Host(_)) | None => {}
            }
        }
    }

    /// What became due, oldest first.
    pub fn take_due(&mut self) -> Vec<Due> {
        std::mem::take(&mut self.due)
    }

    /// Whether anything is due.
    pub fn has_due(&self) -> bool {
        !self.due.is_empty()
    }

    /// Marks faults whose time has come as due.
    pub fn pass_time(&mut self, now: Duration) {
        for (index, account) in self.faults.iter_mut().enumerate() {
            if account.begins_at().is_some_and(|at| at <= now) {
                account.begun_all = true;
                self.due.push(Due::BeginAll { fault: index });
            }
            if account.ends_at().is_some_and(|at| at <= now) {
                account.rests = account.fault.every.is_some();
                account.over = !account.rests;
                self.due.push(Due::End { fault: index, host: None });
            }
            if let Some(at) = account.begins_again_at().filter(|at| *at <= now) {
                account.rests = false;
                account.rounds += 1;
                account.began_at = Some(at);
                self.due.push(Due::BeginAgain { fault: index });
            }
        }
    }

    /// The next moment at which [`Book::pass_time`] has something to do.
    pub fn next_time(&self) -> Option<Duration> {
        self.faults
            .iter()
            .flat_map(|account| [account.begins_at(), account.ends_at(), account.begins_again_at()])
            .flatten()
            .min()
    }

    /// Whether `host` may be the next target of `fault`: named by it, and not beyond the number it may take.
    /// `holds` tells whether the host holds what a holder selector asks for.
    pub fn admits(&self, fault: usize, host: HostId, holds: impl Fn(&Target, HostId) -> bool) -> bool {
        let Some(account) = self.faults.get(fault) else { return false };
        if account.over || account.active.contains_key(&host) || account.taken.contains(&host) {
            return false;
        }
        match &account.fault.on {
            Target::Hosts(names) => self.hosts.get(host.index()).is_some_and(|name| names.contains(name)),
            target @ Target::Holders { count, .. } => {
                count.is_none_or(|count| account.taken.len() < count) && holds(target, host)
            }
        }
    }

    /// Notes that `fault` is now in force on `host`, or has struck it, if it is of a kind that takes no time.
    pub fn began(&mut self, fault: usize, host: HostId, at: Duration) {
        let name = self.hosts.get(host.index()).cloned().unwrap_or_default();
        let Some(account) = self.faults.get_mut(fault) else { return };
        if matches!(
            account.fault.kind,
            FaultKind::Disconnect(Disconnect::Reset | Disconnect::Close) | FaultKind::Cancel(_)
        ) {
            self.intervals.push(Interval { fault, host, from: at, to: Some(at) });
        } else {
            account.active.insert(host, at);
        }
        account.taken.insert(host);
        account.began_at.get_or_insert(at);
        if account.rounds == 0 {
            account.receipt.began.push((at, name));
        }
        account.receipt.again = account.rounds;
        if !matches!(&account.fault.when, Trigger::Event { who: Subject::It, .. }) {
            account.begun_all = true;
        }
    }

    /// Notes that `fault` is over, on one host or wherever it is in force; returns these hosts.
    pub fn ended(&mut self, fault: usize, host: Option<HostId>, at: Duration) -> Vec<HostId> {
        let Some(account) = self.faults.get_mut(fault) else { return Vec::new() };
        let active = match host {
            Some(host) => account.active.remove_entry(&host).into_iter().collect(),
            None => {
                // It may have to begin anew at this very moment, and then it does not rest.
                account.over = account.fault.every.is_none();
                std::mem::take(&mut account.active)
            }
        };
        if account.active.is_empty() {
            account.receipt.ended = Some(at);
        }
        self.intervals.extend(active.iter().map(|(&host, &from)| Interval {
            fault,
            host,
            from,
            to: Some(at),
        }));
        active.into_keys().collect()
    }

    /// Notes that `fault` touched something. True the first time.
    pub fn bit(&mut self, fault: usize, at: Duration, times: u64, bytes: u64) -> bool {
        let Some(account) = self.faults.get_mut(fault) else { return false };
        // The network tells exact times, faults begin at whole milliseconds: nobody bites before it begins.
        let at = account.began_at.map_or(at, |began| at.max(began));
        account.receipt.touched += times;
        account.receipt.bytes += bytes;
        let first = account.receipt.bit.is_none();
        account.receipt.bit.get_or_insert(at);
        first
    }

    /// The faults now in force on `host` that satisfy `kind`.
    pub fn active_on(&self, host: HostId, kind: impl Fn(&FaultKind) -> bool) -> Option<usize> {
        self.faults.iter().position(|account| account.active.contains_key(&host) && kind(&account.fault.kind))
    }

    /// How many faults that satisfy `kind` are now in force on `host`.
    pub fn count_on(&self, host: HostId, kind: impl Fn(&FaultKind) -> bool) -> usize {
        self.faults
            .iter()
            .filter(|account| account.active.contains_key(&host) && kind(&account.fault.kind))
            .count()
    }

    /// The slowness of `host` that came last and is still in force, and the link it wants.
    pub fn slow_link(&self, host: HostId) -> Option<(usize, Link)> {
        let slow = self.faults.iter().enumerate().filter_map(|(fault, account)| {
            let FaultKind::Slow(link) = account.fault.kind else { return None };
            Some((*account.active.get(&host)?, (fault, link)))
        });
        slow.max_by_key(|(since, _)| *since).map(|(_, slow)| slow)
    }

    /// The hosts that `fault` has struck so far.
    pub fn targets(&self, fault: usize) -> Vec<HostId> {
        self.faults.get(fault).map(|account| account.taken.iter().copied().collect()).unwrap_or_default()
    }

    /// Whether `fault`, which recurs, is over for now: then `host` is a target from its next beginning on.
    pub fn joins_later(&mut self, fault: usize, host: HostId) -> bool {
        let Some(account) = self.faults.get_mut(fault).filter(|account| account.rests) else { return false };
        account.taken.insert(host)
    }

    /// How often `fault` was over and began anew.
    pub fn round(&self, fault: usize) -> u64 {
        self.faults.get(fault).map_or(0, |account| account.rounds)
    }

    /// The jumps of the wall clock of `host` that are in force, with their faults.
    pub fn jumps(&self, host: HostId) -> Vec<(usize, Jump)> {
        let jumps = self.faults.iter().enumerate().filter_map(|(fault, account)| match account.fault.kind {
            FaultKind::Clock(jump) if account.active.contains_key(&host) => Some((fault, jump)),
            _ => None,
        });
        jumps.collect()
    }

    /// Of the faults of this kind that were ever in force on `host`, the one that began last.
    fn last_on(&self, host: HostId, kind: impl Fn(&FaultKind) -> bool) -> Option<usize> {
        let ever = self.faults.iter().enumerate();
        let ever = ever.filter(|(_, account)| account.taken.contains(&host) && kind(&account.fault.kind));
        ever.max_by_key(|(_, account)| account.began_at).map(|(index, _)| index)
    }

    /// Names of all faults now in force on `host`.
    pub fn names_on(&self, host: HostId) -> Vec<&str> {
        self.faults
            .iter()
            .filter(|account| account.active.contains_key(&host))
            .map(|account| account.fault.name.as_str())
            .collect()
    }

    /// The receipts, in the order of the schedule.
    pub fn receipts(&self) -> Vec<Receipt> {
        self.faults.iter().map(|account| account.receipt.clone()).collect()
    }

    /// Every stretch of time in which a fault was in force, finished ones first.
    pub fn intervals(&self) -> Vec<Interval> {
        let open = self.faults.iter().enumerate().flat_map(|(fault, account)| {
            account.active.iter().map(move |(&host, &from)| Interval { fault, host, from, to: None })
        });
        self.intervals.iter().copied().chain(open).collect()
    }
}

impl Account {
    fn begins_at(&self) -> Option<Duration> {
        match self.fault.when {
            Trigger::At(at) if !self.begun_all && !self.over => Some(at),
            _ => None,
        }
    }

    fn ends_at(&self) -> Option<Duration> {
        let began = self.began_at?;
        match self.fault.until.as_ref()? {
            _ if self.over || self.rests => None,
            Trigger::At(at) => Some(*at),
            Trigger::After(span) => Some(began + *span),
            Trigger::Event { .. } => None,
        }
    }

    fn begins_again_at(&self) -> Option<Duration> {
        Some(self.began_at? + self.fault.every?).filter(|_| self.rests)
    }
}

#[cfg(test)]
mod tests;
