//! Which versions of a mutable file a grid holds, and whom to ask to find out.
//!
//! Servers are known by their place in the permuted order. All of the first wave are asked at once; one whose answer
//! is overdue is not waited for any more unless it is needed, and further ones are asked in its stead. What
//! a share contains is checked by whoever asks; here it is a version or a reason against it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::format::mutable::VersionId;
use crate::format::{Encoding, ShareNum};
use crate::plan::Moment;
use crate::plan::policy::OverduePolicy;

#[cfg(test)]
mod tests;

/// Servers asked at a time beyond the first wave.
const FURTHER: usize = 5;

/// A server that answers in parts is waited for this many times as long as one that says nothing.
const PARTS_MAX: u32 = 16;

/// What the survey is for, which decides when enough is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// To read: a version that can be read, and no sign of a newer one.
    Read,
    /// To write: as to read; and every share there is, up to k servers in a row that have none.
    Write,
    /// Every server is asked, and waited for.
    Check,
}

/// A share as a server showed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sighting {
    /// Its signature is good.
    Good(VersionId),
    /// It is none, or not of this file.
    Bad,
}

/// What is known of one server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
enum State {
    #[default]
    Unasked,
    Asked {
        since: Moment,
        /// When something came from it last; `since` before.
        heard: Moment,
        /// That it is overdue has been told.
        overdue: bool,
    },
    Answered,
    Failed,
}

#[derive(Debug, Clone, Default)]
struct Facts {
    state: State,
    /// It was overdue or failed not long ago: it is asked, and not waited for.
    suspect: bool,
    shares: BTreeMap<ShareNum, Sighting>,
}

/// What to do now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Ask these; they count as asked from now on.
    pub ask: Vec<usize>,
    /// These are overdue from now on, after so long.
    pub overdue: Vec<(usize, Duration)>,
    /// How long a server may be silent before it is overdue, as things stand.
    pub patience: Duration,
    /// Enough is known, or there is nobody left to ask or to wait for.
    pub done: bool,
    /// Otherwise: decide again after the next answer, and not later than then.
    pub until: Option<Moment>,
}

/// What the versions seen so far mean for those who are still waited for.
struct Outlook {
    /// Whether some version can be read.
    is_readable: bool,
    /// How long a server may be silent before it is overdue.
    patience: Duration,
    /// Whether servers that failed not long ago are not waited for.
    excuses_suspects: bool,
    /// Whether what is known is enough, once nobody is waited for any more.
    is_satisfied: bool,
}

impl Outlook {
    /// Until when a server is waited for, if it is.
    fn waits(&self, facts: &Facts, now: Moment) -> Option<Moment> {
        let State::Asked { since, heard, .. } = facts.state else { return None };
        let excused = facts.suspect && self.excuses_suspects;
        // One that answers in ever more parts is not waited for in all eternity.
        let until = (heard + self.patience).min(since + self.patience.saturating_mul(PARTS_MAX));
        (!excused && now < until).then_some(until)
    }
}

/// A version that servers showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Which.
    pub id: VersionId,
    /// k and N.
    pub encoding: Encoding,
    /// Who showed which share.
    pub shares: BTreeMap<ShareNum, BTreeSet<usize>>,
}

impl Version {
    /// Whether enough different shares of it were seen.
    pub fn is_recoverable(&self) -> bool {
        self.shares.len() >= self.encoding.needed()
    }
}

/// The search for the versions of one file.
#[derive(Debug, Clone)]
pub struct Survey {
    mode: Mode,
    /// As expected, until a share says otherwise.
    encoding: Encoding,
    policy: OverduePolicy,
    servers: Vec<Facts>,
    encodings: BTreeMap<VersionId, Encoding>,
    /// A version that this client knows to exist.
    floor: Option<VersionId>,
    longest: Option<Duration>,
}

impl Survey {
    /// Of `servers` servers, of which nobody is asked yet. `policy` is for answers as short as these. An older
    /// version than `floor` is not taken for the newest while there is anybody left to ask.
    pub fn new(
        mode: Mode,
        servers: usize,
        encoding: Encoding,
        floor: Option<VersionId>,
        policy: OverduePolicy,
    ) -> Self {
        let servers = std::iter::repeat_with(Facts::default).take(servers).collect();
        Self { mode, encoding, policy, servers, encodings: BTreeMap::new(), floor, longest: None }
    }

    /// `server` was overdue or failed not long ago: it is asked like others, and not waited for.
    pub fn on_suspect(&mut self, server: usize) {
        self.servers[server].suspect = true;
    }

    /// `server` answered, maybe late. Shares that the survey is told of later come with another call.
    pub fn on_answer(&mut self, server: usize, shares: BTreeMap<ShareNum, Sighting>, now: Moment) {
        let facts = &mut self.servers[server];
        if let State::Asked { since, overdue: false, .. } = facts.state {
            self.longest = self.longest.max(Some(now.since(since)));
        }
        facts.state = State::Answered;
        facts.shares = shares;
    }

    /// A part of the answer of `server` came: it has several shares, or long ones.
    pub fn on_progress(&mut self, server: usize, now: Moment) {
        if let State::Asked { heard, .. } = &mut self.servers[server].state {
            *heard = now;
        }
    }

    /// A version has this encoding. Told before the shares of that version are.
    pub fn on_version(&mut self, id: VersionId, encoding: Encoding) {
        self.encodings.insert(id, encoding);
        self.encoding = encoding;
    }

    /// `server` gave no answer that can be used, and will not.
    pub fn on_failed(&mut self, server: usize) {
        self.servers[server].state = State::Failed;
    }

    /// A share that looked good is not.
    pub fn on_bad(&mut self, server: usize, share: ShareNum) {
        self.servers[server].shares.insert(share, Sighting::Bad);
    }

    /// `server` has this share now.
    pub fn on_written(&mut self, server: usize, share: ShareNum, id: VersionId) {
        self.servers[server].shares.insert(share, Sighting::Good(id));
    }

    /// `server` showed this share, and could not be had to show all of it.
    pub fn on_unread(&mut self, server: usize, share: ShareNum) {
        let facts = &mut self.servers[server];
        facts.shares.remove(&share);
        facts.state = State::Failed;
    }

    /// What to do now.
    pub fn decide(&mut self, now: Moment) -> Decision {
        let outlook = self.outlook();
        let patience = outlook.patience;
        let mut overdue = Vec::new();
        for (server, facts) in self.servers.iter_mut().enumerate() {
            if let State::Asked { heard, overdue: told @ false, .. } = &mut facts.state
                && now.since(*heard) >= patience
            {
                *told = true;
                overdue.push((server, now.since(*heard)));
            }
        }
        let ask = self.next(&outlook, now);
        // Everybody who was asked, also behind the boundary: what is not known of a server cannot be written over.
        let until = self.servers.iter().filter_map(|facts| outlook.waits(facts, now)).min();
        let all = self.servers.iter().all(|facts| facts.state != State::Unasked);
        let listening = self.servers.iter().any(|facts| matches!(facts.state, State::Asked { .. }));
        let nobody_else = all && (outlook.is_readable || !listening);
        let done = until.is_none() && (outlook.is_satisfied || nobody_else);
        Decision { ask, overdue, patience, done, until }
    }

    /// What follows from the versions seen so far.
    fn outlook(&self) -> Outlook {
        let versions = self.versions();
        let best = versions.iter().rfind(|version| version.is_recoverable()).map(|version| version.id);
        let is_shadowed = self.floor.max(versions.last().map(|version| version.id)) > best;
        let plain = best.is_some() && !is_shadowed;
        let usual = self.policy.patience(self.longest);
        let (patience, is_satisfied) = match self.mode {
            Mode::Check => (self.policy.ceiling, false),
            // A hint of something newer is worth more patience.
            Mode::Read | Mode::Write if is_shadowed => (usual.max(self.policy.first), false),
            Mode::Read => (usual, plain),
            Mode::Write => (usual, plain && self.has_boundary()),
        };
        let excuses_suspects = self.mode != Mode::Check && !is_shadowed;
        Outlook { is_readable: best.is_some(), patience, excuses_suspects, is_satisfied }
    }

    /// Whom to ask next.
    fn next(&mut self, outlook: &Outlook, now: Moment) -> Vec<usize> {
        let (k, n) = (self.encoding.needed(), self.encoding.total());
        let wave = match self.mode {
            Mode::Read | Mode::Write => n + k,
            Mode::Check => self.servers.len(),
        };
        let answered = self.servers.iter().filter(|facts| facts.state == State::Answered).count();
        let waiting = self.servers.iter().filter(|facts| outlook.waits(facts, now).is_some()).count();
        let mut more = wave.saturating_sub(answered + waiting);
        if more == 0 && waiting < FURTHER && !outlook.is_satisfied {
            more = FURTHER - waiting;
        }
        let mut ask = Vec::new();
        for (server, facts) in self.servers.iter_mut().enumerate() {
            if more == 0 {
                break;
            }
            if facts.state == State::Unasked {
                facts.state = State::Asked { since: now, heard: now, overdue: false };
                more -= usize::from(!facts.suspect);
                ask.push(server);
            }
        }
        ask
    }

    /// For a writer: whether k servers behind the last share have none. No share is expected farther out.
    fn has_boundary(&self) -> bool {
        let Some(last) = self.servers.iter().rposition(|facts| !facts.shares.is_empty()) else {
            return false;
        };
        let behind = self.servers.iter().skip(last + 1);
        behind.filter(|facts| facts.state == State::Answered).count() >= self.encoding.needed()
    }

    /// Every version of which a share was seen, the newest last.
    pub fn versions(&self) -> Vec<Version> {
        let mut versions: BTreeMap<VersionId, Version> = BTreeMap::new();
        for (server, facts) in self.servers.iter().enumerate() {
            for (share, sighting) in &facts.shares {
                let Sighting::Good(id) = *sighting else { continue };
                let encoding = self.encodings.get(&id).copied().unwrap_or(self.encoding);
                let version = versions.entry(id);
                let version = version.or_insert_with(|| Version { id, encoding, shares: BTreeMap::new() });
                version.shares.entry(*share).or_default().insert(server);
            }
        }
        versions.into_values().collect()
    }

    /// The newest version that can be read.
    pub fn best(&self) -> Option<Version> {
        self.versions().into_iter().rev().find(Version::is_recoverable)
    }

    /// The highest sequence number seen in any valid share; 0 if there is none.
    pub fn seqnum_max(&self) -> u64 {
        self.versions().last().map_or(0, |version| version.id.seqnum)
    }

    /// Whether two versions that can be read have the highest sequence number.
    pub fn needs_merge(&self) -> bool {
        let readable: Vec<_> = self.versions().into_iter().filter(Version::is_recoverable).collect();
        matches!(readable.as_slice(), [.., one, other] if one.id.seqnum == other.id.seqnum)
    }

    /// Every share that a server showed, good or bad.
    pub fn sightings(&self) -> impl Iterator<Item = (usize, ShareNum, Sighting)> + '_ {
        let servers = self.servers.iter().enumerate();
        servers.flat_map(|(server, facts)| {
            facts.shares.iter().map(move |(share, sighting)| (server, *share, *sighting))
        })
    }

    /// Whether `server` may be written to: it answered, or was not asked.
    pub fn is_usable(&self, server: usize) -> bool {
        matches!(self.servers[server].state, State::Answered | State::Unasked)
    }

    /// Whether `server` was asked and gave no answer (yet).
    pub fn is_silent(&self, server: usize) -> bool {
        matches!(self.servers[server].state, State::Asked { .. })
    }

    /// Whether `server` answered.
    pub fn has_answered(&self, server: usize) -> bool {
        self.servers[server].state == State::Answered
    }
}
