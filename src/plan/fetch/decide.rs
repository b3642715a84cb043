//! The decisions of the segment machine. Facts are recorded next door; this file only weighs them.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Asked, Command, Entry, Fetch, Phase, Shortage, SourceId, State, Status};
use crate::format::ShareNum;
use crate::plan::Moment;

/// How good a choice is, best first. Within a class the quicker one wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    Fresh,
    SecondOfServer,
    Suspect,
    SuspectSecond,
    Retry,
    /// An overdue request given up for a new one.
    Again,
}

impl Fetch {
    /// Appends to `commands` what is to be done now, and says how the segment stands.
    pub fn decide(&mut self, now: Moment, commands: &mut Vec<Command>) -> Status {
        self.declare_overdue(now, commands);
        let good = self.good_sources();
        if good.len() >= self.needed {
            self.cancel_if(commands, |_| true);
            return Status::Complete(good);
        }
        let have: BTreeSet<ShareNum> = good.iter().filter_map(|id| self.share(*id)).collect();
        self.cancel_if(commands, |entry| have.contains(&entry.source.share));
        while self.slots_used() < self.needed {
            let Some(choice) = self.best(now, None) else { break };
            self.ask(choice, None, now, commands);
        }
        self.hedge(now, commands);
        if self.more_expected || self.outstanding() > 0 || self.next_deadline().is_some() {
            return Status::Pending;
        }
        Status::Exhausted(Shortage {
            good: good.len(),
            failing: self.entries.iter().filter(|entry| matches!(entry.state, State::Spent)).count(),
            gone: self.entries.iter().filter(|entry| matches!(entry.state, State::Gone)).count(),
        })
    }

    /// When [`Fetch::decide`] must be called again if nothing happens before.
    pub fn next_deadline(&self) -> Option<Moment> {
        let slots_open = self.slots_used() < self.needed;
        let covered = self.covered();
        let of_entry = |index: usize, entry: &Entry| match &entry.state {
            State::Asked(asked) if asked.late.is_none() => {
                let overdue = self.overdue_at(entry, asked);
                let hedge = self.may_be_hedged(index, asked).then(|| self.hedge_after(entry, asked));
                Some(hedge.map_or(overdue, |hedge| hedge.min(overdue)))
            }
            State::Asked(_) if slots_open && !covered.contains(&entry.source.share) => self.again_at(entry),
            State::Resting { until } if slots_open && !covered.contains(&entry.source.share) => Some(*until),
            State::Asked(_)
            | State::Resting { .. }
            | State::Ready
            | State::Good
            | State::Spent
            | State::Gone => None,
        };
        self.entries.iter().enumerate().filter_map(|(index, entry)| of_entry(index, entry)).min()
    }

    /// The source that would be asked next if one more were needed and nothing speaks against it.
    pub fn next_choice(&self, now: Moment) -> Option<SourceId> {
        self.best(now, None).filter(|id| {
            self.entries
                .get(id.0)
                .is_some_and(|entry| matches!(entry.state, State::Ready) && !self.suspect(entry))
        })
    }

    /// Whether more blocks are needed than requests under way should bring.
    pub fn hungry(&self) -> bool {
        self.slots_used() < self.needed
    }

    /// How long such a request may be silent.
    pub(super) fn silence_max(&self, entry: &Entry, phase: Phase) -> Duration {
        let seen = match phase {
            Phase::Opening => self.longest_open.or(self.longest_block),
            Phase::Block => self.longest_block,
        };
        let expected = match phase {
            Phase::Opening => entry.source.expected_open,
            Phase::Block => entry.source.expected_block.max(self.longest_open),
        };
        self.overdue.patience(seen.or(expected))
    }

    /// When the request is overdue unless more bytes come: it is silent for too long, or they crawl.
    fn overdue_at(&self, entry: &Entry, asked: &Asked) -> Moment {
        let patience = self.silence_max(entry, asked.phase);
        let silent = asked.heard + patience;
        let Some((since, at_first)) = asked.first else { return silent };
        let more = Duration::from_secs(asked.bytes.saturating_sub(at_first));
        let rate = u32::try_from(self.overdue.crawl_rate).unwrap_or(u32::MAX).max(1);
        silent.min(since + patience.max(more / rate))
    }

    fn declare_overdue(&mut self, now: Moment, commands: &mut Vec<Command>) {
        for index in 0..self.entries.len() {
            let Some(entry) = self.entries.get(index) else { continue };
            let State::Asked(asked) = &entry.state else { continue };
            if asked.late.is_some() || now < self.overdue_at(entry, asked) {
                continue;
            }
            commands.push(Command::Overdue(SourceId(index), now.since(asked.sent)));
            self.demoted.insert(entry.source.server);
            self.overdue_seen += 1;
            if let Some(asked) = self.asked_mut(SourceId(index)) {
                asked.late = Some((now, now.since(asked.heard)));
            }
        }
    }

    /// When an overdue request may be given up for a new one to the same source: the connection
    /// may be one that the server has forgotten. One try at a time for each server, since on a slow link
    /// all that is asked anew only comes later.
    fn again_at(&self, entry: &Entry) -> Option<Moment> {
        let State::Asked(asked) = &entry.state else { return None };
        let (late, silent) = asked.late?;
        let server = entry.source.server;
        let is_tried =
            |other: (usize, &Entry)| other.1.source.server == server && self.live(other.0).is_some();
        if self.entries.iter().enumerate().any(is_tried) {
            return None;
        }
        let tries = self.tries.get(&server).copied().unwrap_or(0);
        Some(late.max(asked.heard) + self.overdue.again_after(silent, tries))
    }

    fn good_sources(&self) -> Vec<SourceId> {
        let mut shares = BTreeSet::new();
        let good = |(index, entry): (usize, &Entry)| {
            (matches!(entry.state, State::Good) && shares.insert(entry.source.share))
                .then_some(SourceId(index))
        };
        self.entries.iter().enumerate().filter_map(good).take(self.needed).collect()
    }

    fn cancel_if(&mut self, commands: &mut Vec<Command>, useless: impl Fn(&Entry) -> bool) {
        for (index, entry) in self.entries.iter_mut().enumerate() {
            if matches!(entry.state, State::Asked(_)) && useless(entry) {
                commands.push(Command::Cancel(SourceId(index)));
                entry.state = State::Ready;
            }
        }
    }

    fn ask(&mut self, id: SourceId, beside: Option<usize>, now: Moment, commands: &mut Vec<Command>) {
        let Some(server) = self.entries.get(id.0).map(|entry| entry.source.server) else { return };
        if self.entries.iter().any(|entry| entry.source.server == server && is_late(entry)) {
            *self.tries.entry(server).or_default() += 1;
        }
        let Some(entry) = self.entries.get_mut(id.0) else { return };
        if matches!(entry.state, State::Asked(_)) {
            commands.push(Command::Cancel(id));
        }
        let phase = if entry.source.open { Phase::Block } else { Phase::Opening };
        entry.state = State::Asked(Asked {
            phase,
            sent: now,
            heard: now,
            bytes: 0,
            first: None,
            late: None,
            beside,
            hedge_after: None,
        });
        commands.push(Command::Ask(id));
    }

    fn outstanding(&self) -> usize {
        self.entries.iter().filter(|entry| matches!(entry.state, State::Asked(_))).count()
    }

    fn live(&self, index: usize) -> Option<&Asked> {
        match self.entries.get(index).map(|entry| &entry.state) {
            Some(State::Asked(asked)) if asked.late.is_none() => Some(asked),
            Some(
                State::Asked(_)
                | State::Ready
                | State::Resting { .. }
                | State::Good
                | State::Spent
                | State::Gone,
            )
            | None => None,
        }
    }

    /// Blocks here plus requests that are counted on. A hedge does not count as long as the request
    /// it stands beside does.
    pub(super) fn slots_used(&self) -> usize {
        let counted = |index: &usize| {
            self.live(*index).is_some_and(|asked| asked.beside.is_none_or(|slow| self.live(slow).is_none()))
        };
        self.good_sources().len() + (0..self.entries.len()).filter(counted).count()
    }

    /// Shares of which a block is here or counted on.
    pub(super) fn covered(&self) -> BTreeSet<ShareNum> {
        let covers = |(index, entry): (usize, &Entry)| {
            let covers = matches!(entry.state, State::Good) || self.live(index).is_some();
            covers.then_some(entry.source.share)
        };
        self.entries.iter().enumerate().filter_map(covers).collect()
    }

    /// The best source to ask now; with `beside`, one that would be quicker than that slow request.
    fn best(&self, now: Moment, beside: Option<(ShareNum, Duration)>) -> Option<SourceId> {
        let mut covered = self.covered();
        if let Some((share, _)) = beside {
            covered.remove(&share);
        }
        let stuck: BTreeSet<usize> = self
            .entries
            .iter()
            .filter(|entry| !covered.contains(&entry.source.share))
            .filter(|entry| is_late(entry) && self.again_at(entry).is_none_or(|at| now < at))
            .map(|entry| entry.source.server)
            .collect();
        let in_use: BTreeSet<usize> = self
            .entries
            .iter()
            .filter(|entry| matches!(entry.state, State::Good | State::Asked(_)))
            .map(|entry| entry.source.server)
            .collect();
        let quick = |entry: &Entry| match (beside, self.expected(entry)) {
            (Some((_, remaining)), Some(expected)) => expected < remaining,
            (Some(_), None) => false,
            (None, _) => true,
        };
        let rated = |(index, entry): (usize, &Entry)| {
            if covered.contains(&entry.source.share) || !quick(entry) {
                return None;
            }
            let class = self.class(entry, in_use.contains(&entry.source.server), now)?;
            // A server that owes an answer is not asked for more before the first is asked anew.
            if class == Class::SuspectSecond && stuck.contains(&entry.source.server) {
                return None;
            }
            if beside.is_some() && class > Class::SecondOfServer {
                return None;
            }
            let expected = self.expected(entry).unwrap_or(Duration::MAX);
            Some((class, expected, entry.source.server, SourceId(index)))
        };
        self.entries.iter().enumerate().filter_map(rated).min().map(|(.., id)| id)
    }

    fn class(&self, entry: &Entry, server_in_use: bool, now: Moment) -> Option<Class> {
        let suspect = self.suspect(entry);
        match &entry.state {
            State::Ready => match (suspect, server_in_use) {
                (_, true) if self.more_expected => None,
                (false, false) => Some(Class::Fresh),
                (false, true) => Some(Class::SecondOfServer),
                (true, false) => Some(Class::Suspect),
                (true, true) => Some(Class::SuspectSecond),
            },
            State::Resting { until } => (now >= *until).then_some(Class::Retry),
            State::Asked(_) => self.again_at(entry).filter(|at| now >= *at).map(|_| Class::Again),
            State::Good | State::Spent | State::Gone => None,
        }
    }

    fn suspect(&self, entry: &Entry) -> bool {
        entry.source.suspect || self.demoted.contains(&entry.source.server)
    }

    /// The time until its block would be here. Opening takes two requests.
    fn expected(&self, entry: &Entry) -> Option<Duration> {
        let block = entry.source.expected_block?;
        if entry.source.open {
            return Some(block);
        }
        Some(block.saturating_add(entry.source.expected_open.unwrap_or(block).saturating_mul(2)))
    }

    fn may_be_hedged(&self, index: usize, asked: &Asked) -> bool {
        let has_hedge = (0..self.entries.len())
            .any(|other| self.live(other).is_some_and(|other| other.beside == Some(index)));
        self.hedges_left > 0
            && asked.phase == Phase::Block
            && asked.bytes > 0
            && asked.late.is_none()
            && asked.beside.is_none_or(|slow| self.live(slow).is_none())
            && !has_hedge
    }

    fn hedge_after(&self, entry: &Entry, asked: &Asked) -> Moment {
        asked.hedge_after.unwrap_or(asked.sent + self.silence_max(entry, asked.phase))
    }

    fn hedge(&mut self, now: Moment, commands: &mut Vec<Command>) {
        if self.slots_used() < self.needed {
            self.postpone_hedges(now);
            return;
        }
        for index in 0..self.entries.len() {
            let Some(entry) = self.entries.get(index) else { continue };
            let State::Asked(asked) = &entry.state else { continue };
            if !self.may_be_hedged(index, asked) || now < self.hedge_after(entry, asked) {
                continue;
            }
            let missing = u128::from(self.block_bytes.saturating_sub(asked.bytes));
            let nanos =
                now.since(asked.sent).as_nanos().saturating_mul(missing) / u128::from(asked.bytes.max(1));
            let remaining = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
            match self.best(now, Some((entry.source.share, remaining))) {
                Some(spare) => {
                    self.hedges_left -= 1;
                    self.hedges_made += 1;
                    self.ask(spare, Some(index), now, commands);
                }
                None => self.postpone_hedge(index, now),
            }
        }
    }

    fn postpone_hedges(&mut self, now: Moment) {
        for index in 0..self.entries.len() {
            let Some(entry) = self.entries.get(index) else { continue };
            let State::Asked(asked) = &entry.state else { continue };
            if asked.late.is_none() && now >= self.hedge_after(entry, asked) {
                self.postpone_hedge(index, now);
            }
        }
    }

    /// Looks at the pace of a slow request again when it has had as much time once more.
    fn postpone_hedge(&mut self, index: usize, now: Moment) {
        let Some(entry) = self.entries.get(index) else { return };
        let State::Asked(asked) = &entry.state else { return };
        let again = now + self.silence_max(entry, asked.phase);
        if let Some(asked) = self.asked_mut(SourceId(index)) {
            asked.hedge_after = Some(again);
        }
    }

    fn share(&self, id: SourceId) -> Option<ShareNum> {
        self.entries.get(id.0).map(|entry| entry.source.share)
    }
}

fn is_late(entry: &Entry) -> bool {
    matches!(&entry.state, State::Asked(asked) if asked.late.is_some())
}
