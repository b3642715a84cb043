//! Finding homes for the shares of one upload: whom to ask next, whom to wait for, when to stop.
//!
//! The caller asks and listens; here every answer is recorded as a fact and the next moves follow from
//! all facts together. Servers are known by their place in the order of preference. A server that is
//! overdue is never asked for anything more, and is not counted on until it answers after all.
//! Nothing here is asynchronous, and what became of a share after it was allocated is not known here.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Candidate, Failure, Offers, Outcome, UnhappyError, happiness, place};
use crate::format::{Encoding, ServerId, ShareNum};
use crate::plan::Moment;
use crate::plan::policy::OverduePolicy;

mod again;
mod less;
#[cfg(test)]
mod tests;

/// What one server is to be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Move {
    /// Which shares it holds, and how much it takes.
    Find(usize),
    /// To take these shares, or to renew the lease of those of them that it holds.
    Allocate(usize, BTreeSet<ShareNum>),
}

/// What to do now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Ask these; they count as asked from now on.
    Ask(Vec<Move>),
    /// Decide again after the next answer, and not later than at the moment given.
    Wait(Option<Moment>),
    /// Homes are found. For each server, the granted shares to write; other grants are of no use.
    Settled(Vec<BTreeSet<ShareNum>>),
    /// There is nobody left to ask or to wait for.
    Unhappy,
}

/// A request whose answer has not come.
#[derive(Debug)]
struct Pending {
    since: Moment,
    overdue: bool,
}

impl Pending {
    fn from(now: Moment) -> Option<Self> {
        Some(Self { since: now, overdue: false })
    }
}

/// What is known about one server.
#[derive(Debug, Default)]
struct Facts {
    finding: Option<Pending>,
    allocating: Option<(BTreeSet<ShareNum>, Pending)>,
    /// It was overdue or failed in an earlier operation.
    suspect: bool,
    /// It said what it holds.
    known: bool,
    writable: bool,
    /// It failed; it is asked for nothing any more.
    failed: Option<String>,
    existing: BTreeSet<ShareNum>,
    granted: BTreeSet<ShareNum>,
    /// Shares among `existing` whose lease was renewed.
    renewed: BTreeSet<ShareNum>,
}

impl Facts {
    fn overdue(&self) -> Option<&Pending> {
        self.finding.iter().chain(self.allocating.iter().map(|(_, p)| p)).find(|pending| pending.overdue)
    }

    fn held(&self) -> BTreeSet<ShareNum> {
        &self.existing | &self.granted
    }
}

/// The search for homes of one upload.
#[derive(Debug)]
pub struct Selection {
    encoding: Encoding,
    happy: usize,
    policy: OverduePolicy,
    servers: Vec<Facts>,
    /// How many servers were asked what they hold, from the first on.
    asked: usize,
    /// Whether allocating has begun.
    open: bool,
    longest_find: Option<Duration>,
    longest_allocate: Option<Duration>,
    offers: Offers,
    failed_last: Option<usize>,
}

impl Selection {
    /// Nothing is asked yet of any of the `servers` servers. `policy` is for answers as short as these.
    pub fn new(servers: usize, encoding: Encoding, happy: usize, policy: OverduePolicy) -> Self {
        let servers = std::iter::repeat_with(Facts::default).take(servers).collect();
        Self {
            encoding,
            happy,
            policy,
            servers,
            asked: 0,
            open: false,
            longest_find: None,
            longest_allocate: None,
            offers: Offers::default(),
            failed_last: None,
        }
    }

    /// `server` was overdue or failed not long ago: it is not waited for longer than the others took.
    pub fn suspect(&mut self, server: usize) {
        self.servers[server].suspect = true;
    }

    /// `server` holds `existing`. `writable`: a share of this file is not larger than it takes.
    pub fn found(&mut self, server: usize, now: Moment, existing: BTreeSet<ShareNum>, writable: bool) {
        let existing = self.of_this_encoding(existing);
        let facts = &mut self.servers[server];
        if let Some(pending) = facts.finding.take() {
            note(&mut self.longest_find, &pending, now);
        }
        facts.known = true;
        facts.existing = existing;
        facts.writable = writable;
    }

    /// `server` answered the allocation: it has `already` and will take `granted`.
    pub fn granted(
        &mut self,
        server: usize,
        now: Moment,
        already: BTreeSet<ShareNum>,
        granted: &BTreeSet<ShareNum>,
    ) {
        let already = self.of_this_encoding(already);
        let facts = &mut self.servers[server];
        let Some((asked, pending)) = facts.allocating.take() else { return };
        note(&mut self.longest_allocate, &pending, now);
        match asked.iter().any(|share| already.contains(share) || granted.contains(share)) {
            true => self.offers.taken += 1,
            false => self.offers.full += 1,
        }
        // One that did not take a share it was asked to take is full.
        facts.writable &= asked.iter().all(|share| already.contains(share) || granted.contains(share));
        facts.granted.extend(asked.intersection(granted));
        facts.renewed = already.clone();
        facts.existing = already;
    }

    /// `server` answered its last question with an error. `gone`: not even that; it cannot be reached,
    /// and what it holds does not count.
    pub fn failed(&mut self, server: usize, reason: String, gone: bool) {
        let facts = &mut self.servers[server];
        facts.finding = None;
        self.offers.failed += usize::from(facts.allocating.take().is_some());
        self.failed_last = Some(server);
        facts.writable = false;
        facts.failed = Some(reason);
        if gone {
            facts.existing.clear();
            facts.granted.clear();
        }
    }

    /// Requests that have become overdue since this was last asked: server, whether it is an
    /// allocation, and how long it has been.
    pub fn expire(&mut self, now: Moment) -> Vec<(usize, bool, Duration)> {
        let (find, allocate) = (self.limit(self.longest_find), self.limit(self.longest_allocate));
        let usual = self.usual_find().unwrap_or(find);
        let mut expired = Vec::new();
        for (server, facts) in self.servers.iter_mut().enumerate() {
            let find = if facts.suspect { usual } else { find };
            let pending = facts.finding.iter_mut().map(|pending| (false, find, pending));
            let allocating = facts.allocating.iter_mut().map(|(_, pending)| (true, allocate, pending));
            for (is_allocation, limit, pending) in pending.chain(allocating) {
                let after = now.since(pending.since);
                if !pending.overdue && after >= limit {
                    pending.overdue = true;
                    expired.push((server, is_allocation, after));
                }
            }
        }
        expired
    }

    /// What to do now. Call [`expire`](Self::expire) before.
    pub fn decide(&mut self, now: Moment) -> Decision {
        let moves = self.moves(now);
        if !moves.is_empty() {
            return Decision::Ask(moves);
        }
        let allocating = self.pending(|facts| facts.allocating.as_ref().map(|(_, pending)| pending));
        if self.open && allocating == 0 && self.happiness() >= self.happy {
            return Decision::Settled(self.homes());
        }
        if self.servers.iter().all(|facts| facts.finding.is_none() && facts.allocating.is_none()) {
            return Decision::Unhappy;
        }
        let dispensable = self.next_dispensable().filter(|at| !self.open && *at > now);
        Decision::Wait(self.next_overdue().into_iter().chain(dispensable).min())
    }

    fn moves(&mut self, now: Moment) -> Vec<Move> {
        let finding = self.pending(|facts| facts.finding.as_ref());
        if !self.open && self.asked > 0 {
            let reachable = place(&self.candidates(false), self.encoding).happiness;
            let is_best =
                reachable == self.encoding.total() && self.next_dispensable().is_none_or(|at| at <= now);
            self.open = is_best || (finding == 0 && reachable >= self.happy);
        }
        let mut moves = Vec::new();
        if self.open {
            let placement = place(&self.candidates(false), self.encoding);
            for (server, assigned) in placement.assigned.iter().enumerate() {
                let facts = &mut self.servers[server];
                let wanted: BTreeSet<_> = assigned
                    .iter()
                    .filter(|share| !facts.granted.contains(share) && !facts.renewed.contains(share))
                    .copied()
                    .collect();
                if !wanted.is_empty() && facts.allocating.is_none() && facts.failed.is_none() {
                    facts.allocating = Pending::from(now).map(|pending| (wanted.clone(), pending));
                    self.offers.made += 1;
                    moves.push(Move::Allocate(server, wanted));
                }
            }
        }
        // Those who have not answered yet may turn out to be empty and willing; if even then it does
        // not suffice, further servers are asked.
        let hoped = place(&self.candidates(true), self.encoding).happiness;
        if self.asked < self.servers.len() && (self.asked == 0 || hoped < self.happy) {
            let more = if self.asked == 0 { 2 * self.encoding.total() } else { self.encoding.total() };
            let until = self.servers.len().min(self.asked + more);
            for server in self.asked..until {
                self.servers[server].finding = Pending::from(now);
                moves.push(Move::Find(server));
            }
            self.asked = until;
        }
        moves
    }

    /// The servers as the placement sees them. What was asked for and is not overdue counts as held;
    /// with `hoping`, whoever was asked what it holds and is not overdue counts as empty.
    fn candidates(&self, hoping: bool) -> Vec<Candidate> {
        let candidate = |facts: &Facts| {
            if facts.overdue().is_some() {
                return Candidate::default();
            }
            let mut existing = facts.held();
            existing.extend(facts.allocating.iter().flat_map(|(asked, _)| asked));
            let writable = facts.writable || (hoping && facts.finding.is_some());
            Candidate { existing, writable }
        };
        self.servers.iter().map(candidate).collect()
    }

    /// The happiness of what servers said they hold or will take.
    fn happiness(&self) -> usize {
        let counted = self.servers.iter().filter(|facts| facts.overdue().is_none());
        happiness(&counted.map(Facts::held).collect::<Vec<_>>())
    }

    fn homes(&self) -> Vec<BTreeSet<ShareNum>> {
        let assigned = place(&self.candidates(false), self.encoding).assigned;
        assigned.iter().zip(&self.servers).map(|(assigned, facts)| assigned & &facts.granted).collect()
    }

    /// The shares `server` holds and can be counted on for.
    pub fn existing(&self, server: usize) -> BTreeSet<ShareNum> {
        let facts = &self.servers[server];
        if facts.overdue().is_some() { BTreeSet::new() } else { facts.existing.clone() }
    }

    /// How long `server` may take to say what it holds before it is overdue, or, if `is_allocation`, to take
    /// shares, as things stand.
    pub fn patience(&self, server: usize, is_allocation: bool) -> Duration {
        match is_allocation {
            true => self.limit(self.longest_allocate),
            false => self.find_limit(&self.servers[server]),
        }
    }

    fn find_limit(&self, facts: &Facts) -> Duration {
        let find = self.limit(self.longest_find);
        if facts.suspect { self.usual_find().unwrap_or(find) } else { find }
    }

    /// Whether an allocation of `server` has not been answered.
    pub fn is_allocating(&self, server: usize) -> bool {
        self.servers[server].allocating.is_some()
    }

    /// What became of every server that was asked.
    pub fn outcomes(&self, now: Moment) -> Vec<Outcome> {
        let assigned = place(&self.candidates(false), self.encoding).assigned;
        let outcome =
            |(facts, assigned): (&Facts, &BTreeSet<ShareNum>)| match (&facts.failed, facts.overdue()) {
                (Some(reason), _) => Outcome::Failed(reason.clone()),
                (None, Some(pending)) => Outcome::Silent(now.since(pending.since)),
                (None, None) if !assigned.is_empty() || !facts.held().is_empty() => {
                    Outcome::Holds((&facts.held() | assigned).len())
                }
                (None, None) if facts.known && !facts.writable => Outcome::Full,
                (None, None) => Outcome::Spare,
            };
        self.servers.iter().zip(&assigned).take(self.asked).map(outcome).collect()
    }

    /// Why it is not enough, even counting what servers would take that were not asked to, for it would
    /// have been of no use. `ids` names the servers in the same order.
    pub fn unhappy(&self, now: Moment, ids: &[ServerId]) -> UnhappyError {
        let placement = place(&self.candidates(false), self.encoding);
        UnhappyError {
            happiness: placement.happiness,
            happy: self.happy,
            needed: self.encoding.needed(),
            total: self.encoding.total(),
            placed: self.encoding.total() - placement.homeless.len(),
            servers: ids.iter().cloned().zip(self.outcomes(now)).collect(),
            offers: self.offers,
            last_failure: self
                .last_failure()
                .and_then(|(server, reason)| Some((ids.get(server)?.clone(), reason.to_owned())))
                .map(|(server, reason)| Box::new(Failure { server, reason })),
        }
    }

    /// Requests for room made so far.
    pub fn offers(&self) -> Offers {
        self.offers
    }

    /// The server that failed last, and why.
    pub fn last_failure(&self) -> Option<(usize, &str)> {
        let server = self.failed_last?;
        Some((server, self.servers[server].failed.as_deref()?))
    }

    fn of_this_encoding(&self, mut shares: BTreeSet<ShareNum>) -> BTreeSet<ShareNum> {
        shares.retain(|share| usize::from(share.0) < self.encoding.total());
        shares
    }

    fn limit(&self, longest: Option<Duration>) -> Duration {
        let OverduePolicy { multiple, floor, ceiling, first, .. } = self.policy;
        longest.map_or(first, |longest| longest.saturating_mul(multiple).clamp(floor, ceiling.max(floor)))
    }

    /// How many requests of one kind are under way and not overdue.
    fn pending(&self, of: impl Fn(&Facts) -> Option<&Pending>) -> usize {
        self.servers.iter().filter_map(of).filter(|pending| !pending.overdue).count()
    }

    /// When servers that have not said what they hold are passed over because there are enough others.
    /// Earlier than they are overdue, and yet not at once: they may have shares that need not be written
    /// again, and shares on the first servers are found sooner.
    fn next_dispensable(&self) -> Option<Moment> {
        let usual = self.usual_find()?;
        let finding = self.servers.iter().filter_map(|facts| facts.finding.as_ref());
        finding.filter(|pending| !pending.overdue).map(|pending| pending.since + usual).max()
    }

    /// The multiple of what others took to say what they hold, however little that is.
    fn usual_find(&self) -> Option<Duration> {
        let multiple = self.longest_find?.saturating_mul(self.policy.multiple);
        Some(multiple.min(self.limit(self.longest_find)))
    }

    fn next_overdue(&self) -> Option<Moment> {
        let allocate = self.limit(self.longest_allocate);
        let finding =
            self.servers.iter().filter_map(|facts| Some((facts.finding.as_ref()?, self.find_limit(facts))));
        let allocating =
            self.servers.iter().filter_map(|facts| Some((&facts.allocating.as_ref()?.1, allocate)));
        finding.chain(allocating).filter(|(p, _)| !p.overdue).map(|(p, limit)| p.since + limit).min()
    }
}

/// An answer that came after it was overdue does not make the others less so.
fn note(longest: &mut Option<Duration>, answered: &Pending, now: Moment) {
    if !answered.overdue {
        *longest = Some(longest.unwrap_or_default().max(now.since(answered.since)));
    }
}
