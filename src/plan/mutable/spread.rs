//! Which server is to hold which share of a new version, and when enough of them do.
//!
//! Every share that is there already, of whatever version, is written over where it is; what has no home yet goes to
//! the next servers, as `plan::place` says. What a server does not take moves on. Nothing is sent here, and what the
//! versions contain does not matter.

use std::collections::{BTreeMap, BTreeSet};

use crate::format::mutable::VersionId;
use crate::format::{Encoding, ShareNum};
use crate::plan::place::{Candidate, happiness, place};

#[cfg(test)]
mod tests;

/// How one write of a share to a server stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Write {
    Pending,
    /// Under way for too long: not counted on, still welcome.
    Overdue,
    Written,
    Failed,
}

#[derive(Debug, Clone, Default)]
struct Facts {
    /// It may be asked to take shares.
    usable: bool,
    /// It answers, so readers will see what it holds.
    answers: bool,
    /// What it held before, as far as it is known.
    old: BTreeMap<ShareNum, Option<VersionId>>,
    writes: BTreeMap<ShareNum, Write>,
}

/// How a publish stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Different shares written.
    pub shares: usize,
    /// Servers of happiness among those who have them.
    pub happiness: usize,
    /// Servers of happiness wanted: as asked for, but not more than there are servers that can be used.
    pub wanted: usize,
    /// Different shares of one older version that are left on servers that answer.
    pub older_left: usize,
}

impl Standing {
    /// Whether readers get the new version from now on, and enough servers have it.
    pub fn is_good(&self, encoding: Encoding) -> bool {
        self.shares >= encoding.needed()
            && self.happiness >= self.wanted
            && self.older_left < encoding.needed()
    }
}

/// The spreading of one version over servers, which are known by their place in the order of preference.
#[derive(Debug, Clone)]
pub struct Spread {
    encoding: Encoding,
    happy: usize,
    servers: Vec<Facts>,
    begun: bool,
}

impl Spread {
    /// Over `servers` servers, all of which may be written to until something else is said.
    pub fn new(servers: usize, encoding: Encoding, happy: usize) -> Self {
        let fresh = Facts { usable: true, answers: true, ..Facts::default() };
        Self { encoding, happy, servers: vec![fresh; servers], begun: false }
    }

    /// `server` holds a share, of this version if it is a good one.
    pub fn on_old(&mut self, server: usize, share: ShareNum, version: Option<VersionId>) {
        self.servers[server].old.insert(share, version);
    }

    /// `server` has this share, and nobody knows what it is: it is not written over.
    pub fn on_sealed(&mut self, server: usize, share: ShareNum) {
        self.servers[server].writes.insert(share, Write::Failed);
    }

    /// `server` takes nothing; `answers` tells whether it can be read from.
    pub fn on_unusable(&mut self, server: usize, answers: bool) {
        let facts = &mut self.servers[server];
        (facts.usable, facts.answers) = (false, answers);
    }

    /// `server` has the share, maybe after all.
    pub fn on_written(&mut self, server: usize, share: ShareNum) {
        self.servers[server].writes.insert(share, Write::Written);
    }

    /// `server` did not take the share, and is not asked to take another one.
    pub fn on_failed(&mut self, server: usize, share: ShareNum, answers: bool) {
        self.servers[server].writes.insert(share, Write::Failed);
        self.on_unusable(server, answers);
    }

    /// `server` has been silent for too long over the share.
    pub fn on_overdue(&mut self, server: usize, share: ShareNum) {
        self.servers[server].writes.insert(share, Write::Overdue);
        self.on_unusable(server, false);
    }

    /// What to write now; it counts as under way from now on.
    pub fn to_write(&mut self) -> Vec<(usize, ShareNum)> {
        let numbers: BTreeSet<ShareNum> = self.encoding.shares().collect();
        let over = |facts: &Facts| -> BTreeSet<ShareNum> {
            let held = facts.old.keys().copied().filter(|_| !self.begun && facts.usable);
            held.filter(|share| numbers.contains(share)).collect()
        };
        let candidates: Vec<Candidate> = self
            .servers
            .iter()
            .map(|facts| Candidate { existing: &facts.homes() | &over(facts), writable: facts.usable })
            .collect();
        self.begun = true;
        let placement = place(&candidates, self.encoding);
        let mut pairs = Vec::new();
        let all = self.servers.iter_mut().zip(candidates).zip(placement.assigned).enumerate();
        for (server, ((facts, candidate), assigned)) in all {
            let homes = facts.homes();
            for share in (&candidate.existing | &assigned).difference(&homes) {
                if facts.takes(*share) {
                    facts.writes.insert(*share, Write::Pending);
                    pairs.push((server, *share));
                }
            }
        }
        pairs.extend(self.house());
        pairs
    }

    /// Shares that were to go where they cannot be written go where least is.
    fn house(&mut self) -> Vec<(usize, ShareNum)> {
        let mut pairs = Vec::new();
        for share in self.encoding.shares() {
            if self.servers.iter().any(|facts| facts.homes().contains(&share)) {
                continue;
            }
            let servers = self.servers.iter_mut().enumerate().filter(|(_, facts)| facts.takes(share));
            if let Some((server, facts)) = servers.min_by_key(|(_, facts)| facts.homes().len()) {
                facts.writes.insert(share, Write::Pending);
                pairs.push((server, share));
            }
        }
        pairs
    }

    /// Whether nothing is to be waited for: all is written or failed, or what is written will do.
    pub fn is_done(&self) -> bool {
        let any =
            |wanted: Write| self.servers.iter().any(|facts| facts.writes.values().any(|at| *at == wanted));
        !any(Write::Pending) && (!any(Write::Overdue) || self.standing().is_good(self.encoding))
    }

    /// How it stands.
    pub fn standing(&self) -> Standing {
        let written: Vec<BTreeSet<ShareNum>> = self.servers.iter().map(Facts::written).collect();
        let usable = self.servers.iter().filter(|facts| facts.usable).count();
        let distinct: BTreeSet<ShareNum> = written.iter().flatten().copied().collect();
        Standing {
            shares: distinct.len(),
            happiness: happiness(&written),
            wanted: self.happy.min(usable),
            older_left: self.older_left(),
        }
    }

    fn older_left(&self) -> usize {
        let mut left: BTreeMap<VersionId, BTreeSet<ShareNum>> = BTreeMap::new();
        for facts in self.servers.iter().filter(|facts| facts.answers) {
            let old = facts.old.iter().filter(|(share, _)| facts.writes.get(share) != Some(&Write::Written));
            for (share, version) in old {
                version.iter().for_each(|id| {
                    left.entry(*id).or_default().insert(*share);
                });
            }
        }
        left.values().map(BTreeSet::len).max().unwrap_or(0)
    }

    /// Who has which share.
    pub fn written(&self) -> impl Iterator<Item = (usize, ShareNum)> + '_ {
        let servers = self.servers.iter().enumerate();
        servers.flat_map(|(server, facts)| facts.written().into_iter().map(move |share| (server, share)))
    }
}

impl Facts {
    fn with(&self, wanted: &[Write]) -> BTreeSet<ShareNum> {
        let writes = self.writes.iter().filter(|(_, write)| wanted.contains(write));
        writes.map(|(share, _)| *share).collect()
    }

    /// Whether it may be asked to take this share.
    fn takes(&self, share: ShareNum) -> bool {
        self.usable && self.writes.get(&share) != Some(&Write::Failed)
    }

    /// The shares it has, or will have as things stand.
    fn homes(&self) -> BTreeSet<ShareNum> {
        self.with(&[Write::Pending, Write::Written])
    }

    fn written(&self) -> BTreeSet<ShareNum> {
        self.with(&[Write::Written])
    }
}
