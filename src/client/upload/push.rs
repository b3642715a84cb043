//! Sends segments to the servers that took the shares, and decides which of them are lost.
//!
//! A share whose server stops moving bytes is given up while there is happiness without it; otherwise it
//! is waited for as long as the transport does. Where a lost share may go is known here; it is offered to
//! servers in `refuge` and written in a further one of the `passes`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::AbortHandle;

use super::crew::{Crew, Done};
use super::homes::Homes;
use super::job::Piece;
use crate::client::event::Event;
use crate::format::{Encoding, ServerId, ShareNum};
use crate::net::Dial;
use crate::net::client::{Progress, RequestError};
use crate::plan::place::{Failure, Offers, Outcome, UnhappyError, happiness};
use crate::plan::{Moment, Policy};

/// A write under way.
struct Flight {
    share: ShareNum,
    progress: Progress,
    /// The progress when it was last looked at, and when it was first seen to be that.
    seen: u64,
    moved: Moment,
    since: Moment,
    handle: AbortHandle,
}

/// One server that takes shares.
#[derive(Default)]
struct Writer {
    open: BTreeSet<ShareNum>,
    complete: BTreeSet<ShareNum>,
    flights: Vec<Flight>,
    waiting: VecDeque<Piece>,
    /// Its longest good write.
    longest: Option<Duration>,
    trouble: Option<String>,
}

impl Writer {
    /// How long it may be silent, if the longest good write of this segment took `longest`.
    fn patience(&self, policy: &Policy, longest: Option<Duration>) -> Duration {
        // What a connection took is on its way, nobody knows how far.
        let hidden: u64 = self.flights.iter().map(|flight| flight.seen).sum();
        let travel = Duration::from_secs(hidden / policy.upload.write_rate_min.max(1));
        // Nobody is slower than others before one of them is done.
        let usual = longest
            .max(self.longest)
            .map_or(policy.transport.silence_max, |longest| longest.saturating_mul(policy.overdue.multiple));
        usual.max(policy.upload.write_floor + travel)
    }
}

/// The shares of one upload on their way.
pub(super) struct Push {
    encoding: Encoding,
    happy: usize,
    /// By server.
    writers: Vec<Writer>,
    existing: Vec<BTreeSet<ShareNum>>,
    /// What is known of servers that have no share, by server; none if it was never asked.
    outcomes: BTreeMap<usize, Outcome>,
    lost: Vec<(ServerId, ShareNum, String)>,
    /// How often lost shares may still be placed anew.
    rounds_left: u32,
    /// Requests for room, and what came of them.
    pub(super) offers: Offers,
    last_failure: Option<Failure>,
}

/// What became of the shares.
pub(super) struct Pushed {
    pub(super) happiness: usize,
    pub(super) complete: Vec<BTreeSet<ShareNum>>,
    pub(super) existing: Vec<BTreeSet<ShareNum>>,
    pub(super) lost: Vec<(ServerId, ShareNum, String)>,
}

impl Push {
    pub(super) fn new(encoding: Encoding, happy: usize, rounds: u32, homes: Homes) -> Self {
        let writers = homes.granted.into_iter().map(|open| Writer { open, ..Writer::default() }).collect();
        let Homes { existing, outcomes, offers, last_failure, .. } = homes;
        let outcomes = outcomes.into_iter().enumerate().collect();
        let (lost, rounds_left) = (Vec::new(), rounds);
        Self { encoding, happy, writers, existing, outcomes, lost, rounds_left, offers, last_failure }
    }

    /// Shares that are still being written.
    pub(super) fn open(&self) -> BTreeSet<ShareNum> {
        self.writers.iter().flat_map(|writer| &writer.open).copied().collect()
    }

    /// Shares that lost their home and are nowhere else.
    pub(super) fn missing(&self) -> BTreeSet<ShareNum> {
        let mut missing: BTreeSet<ShareNum> = self.lost.iter().map(|(_, share, _)| *share).collect();
        missing.retain(|share| !self.servers().any(|server| self.shares_of(server).contains(share)));
        missing
    }

    /// Whether lost shares may be placed anew once more; counts as done then.
    pub(super) fn begin_round(&mut self) -> bool {
        let may = self.rounds_left > 0;
        self.rounds_left = self.rounds_left.saturating_sub(1);
        may
    }

    fn servers(&self) -> std::ops::Range<usize> {
        0..self.writers.len()
    }

    /// What `server` has or is about to have.
    pub(super) fn shares_of(&self, server: usize) -> BTreeSet<ShareNum> {
        let writer = &self.writers[server];
        &(&writer.open | &writer.complete) | &self.existing[server]
    }

    /// Servers that may be offered a lost share: nothing went wrong there, and they are not known to be full.
    pub(super) fn refuges(&self) -> impl Iterator<Item = usize> {
        let may_take = |server: &usize| match self.outcomes.get(server) {
            None | Some(Outcome::Holds(_) | Outcome::Spare) => self.writers[*server].trouble.is_none(),
            Some(Outcome::Full | Outcome::Failed(_) | Outcome::Silent(_)) => false,
        };
        self.servers().filter(may_take)
    }

    /// The servers of happiness that placing lost shares anew might add.
    fn hope(&self) -> usize {
        let empty = self.refuges().filter(|server| self.shares_of(*server).is_empty());
        if self.rounds_left == 0 { 0 } else { empty.count().min(self.missing().len()) }
    }

    /// `server` takes a lost share.
    pub(super) fn take_in(&mut self, server: usize, share: ShareNum) {
        let longest = self.writers.iter().filter_map(|writer| writer.longest).max();
        let writer = &mut self.writers[server];
        writer.open.insert(share);
        // It is to be no slower than others were.
        writer.longest = writer.longest.or(longest);
    }

    /// `server` turned out to have these. Returns those that are of this file and were not known to be there.
    pub(super) fn note_existing(
        &mut self,
        server: usize,
        mut shares: BTreeSet<ShareNum>,
    ) -> BTreeSet<ShareNum> {
        shares.retain(|share| usize::from(share.0) < self.encoding.total());
        shares.retain(|share| !self.shares_of(server).contains(share));
        self.existing[server].extend(&shares);
        shares
    }

    /// `server` did not take a lost share.
    pub(super) fn note_refused(&mut self, server: usize, id: &ServerId, outcome: Outcome) {
        if let Outcome::Failed(reason) = &outcome {
            self.last_failure = Some(Failure { server: id.clone(), reason: reason.clone() });
        }
        self.outcomes.insert(server, outcome);
    }

    /// Gives up all that is not complete.
    pub(super) fn give_up<D: Dial + Clone>(&mut self, crew: &mut Crew<'_, D>, reason: &str) {
        for server in self.servers() {
            self.lose_server(crew, server, reason);
        }
    }

    /// Sends one piece for each share among `pieces` that is open, and returns when every one has arrived or
    /// is lost. After the last pieces, shares must be complete.
    pub(super) async fn send<D: Dial + Clone>(
        &mut self,
        crew: &mut Crew<'_, D>,
        pieces: Vec<Piece>,
        is_last: bool,
    ) -> Result<(), UnhappyError> {
        let client = crew.job.client;
        let mut pieces: BTreeMap<_, _> = pieces.into_iter().map(|piece| (piece.share, piece)).collect();
        for writer in &mut self.writers {
            writer.waiting = writer.open.iter().filter_map(|share| pieces.remove(share)).collect();
        }
        let mut longest = None;
        loop {
            let now = client.now();
            self.take_off(crew, now, longest);
            let check = self.give_up_silent(crew, now, longest);
            if self.writers.iter().all(|writer| writer.flights.is_empty()) {
                return Ok(());
            }
            match crew.next(Some(client.instant(now + check))).await {
                Some(Done::Wrote(server, share, result)) => {
                    match self.land(crew, server, share, result, is_last) {
                        Some(took) => longest = longest.max(Some(took)),
                        // Only a loss makes less of what there is.
                        None => self.check_happy(crew)?,
                    }
                }
                Some(done) => crew.undo(done),
                None => {}
            }
        }
    }

    /// Starts as many writes as there may be connections to a server.
    fn take_off<D: Dial + Clone>(&mut self, crew: &mut Crew<'_, D>, now: Moment, longest: Option<Duration>) {
        let policy = crew.job.client.policy();
        let flights_max = policy.transport.idle_connections_max.max(1);
        for (server, writer) in self.writers.iter_mut().enumerate() {
            while writer.flights.len() < flights_max
                && let Some(piece) = writer.waiting.pop_front()
            {
                let (share, progress) = (piece.share, Progress::default());
                let handle = crew.write(server, piece, progress.clone(), writer.patience(policy, longest));
                writer.flights.push(Flight { share, progress, seen: 0, moved: now, since: now, handle });
            }
        }
    }

    /// Loses servers none of whose writes has moved for too long, the most silent first, as long as the
    /// others suffice. Returns after how long to look again.
    fn give_up_silent<D: Dial + Clone>(
        &mut self,
        crew: &mut Crew<'_, D>,
        now: Moment,
        longest: Option<Duration>,
    ) -> Duration {
        let policy = crew.job.client.policy();
        let mut check = Duration::MAX;
        let mut silent = Vec::new();
        for (server, writer) in self.writers.iter_mut().enumerate() {
            for flight in &mut writer.flights {
                let seen = flight.progress.load(Ordering::Relaxed);
                if seen != flight.seen {
                    flight.seen = seen;
                    flight.moved = now;
                }
            }
            let Some(moved) = writer.flights.iter().map(|flight| flight.moved).max() else { continue };
            let (still, patience) = (now.since(moved), writer.patience(policy, longest));
            // Movement is only seen when looked for, so that is done a few times.
            check = check.min((patience / 4).max(patience.saturating_sub(still).min(patience / 2)));
            if still >= patience {
                silent.push((still, server));
            }
        }
        silent.sort_by_key(|(still, server)| (std::cmp::Reverse(*still), *server));
        for (still, server) in silent {
            if self.happiness_without(server) >= self.happy {
                crew.note_silent(server);
                self.lose_server(crew, server, &RequestError::Silent(still).to_string());
            }
        }
        check.max(Duration::from_millis(1))
    }

    pub(super) fn is_happy(&self) -> bool {
        self.happiness() >= self.happy
    }

    fn happiness(&self) -> usize {
        self.happiness_without(self.writers.len())
    }

    /// The happiness of what is there or on its way, were `server` to lose what is on its way to it.
    fn happiness_without(&self, server: usize) -> usize {
        let held = self.writers.iter().zip(&self.existing).enumerate().map(|(at, (writer, existing))| {
            let there = existing | &writer.complete;
            if at == server { there } else { &there | &writer.open }
        });
        happiness(&held.collect::<Vec<_>>())
    }

    fn lose_server<D: Dial + Clone>(&mut self, crew: &mut Crew<'_, D>, server: usize, reason: &str) {
        let writer = &mut self.writers[server];
        writer.flights.drain(..).for_each(|flight| flight.handle.abort());
        for share in writer.open.clone() {
            self.lose(crew, server, share, reason);
        }
    }

    fn lose<D: Dial + Clone>(
        &mut self,
        crew: &mut Crew<'_, D>,
        server: usize,
        share: ShareNum,
        reason: &str,
    ) {
        let id = crew.job.servers[server].id().clone();
        let writer = &mut self.writers[server];
        writer.open.remove(&share);
        writer.waiting.retain(|piece| piece.share != share);
        writer.trouble = Some(reason.to_owned());
        let event = Event::ShareLost { server: id.clone(), share, reason: reason.to_owned() };
        crew.job.client.tell(event);
        self.last_failure = Some(Failure { server: id.clone(), reason: reason.to_owned() });
        self.lost.push((id, share, reason.to_owned()));
        crew.abort(server, BTreeSet::from([share]));
    }

    /// A write has ended; how long it took if it is a good one.
    fn land<D: Dial + Clone>(
        &mut self,
        crew: &mut Crew<'_, D>,
        server: usize,
        share: ShareNum,
        result: Result<bool, RequestError>,
        is_last: bool,
    ) -> Option<Duration> {
        let writer = &mut self.writers[server];
        let at = writer.flights.iter().position(|flight| flight.share == share)?;
        let flight = writer.flights.swap_remove(at);
        let took = crew.job.client.now().since(flight.since);
        match result {
            Ok(complete) if complete == is_last => {
                writer.longest = writer.longest.max(Some(took));
                if complete {
                    writer.open.remove(&share);
                    writer.complete.insert(share);
                    crew.release(server, &BTreeSet::from([share]));
                }
                Some(took)
            }
            Ok(true) => {
                self.lose(crew, server, share, "complete before its last byte");
                None
            }
            Ok(false) => {
                self.lose(crew, server, share, "not complete after its last byte");
                None
            }
            Err(error) => {
                self.lose(crew, server, share, &error.to_string());
                None
            }
        }
    }

    /// Whether there is enough, or there might be when lost shares are placed anew.
    fn check_happy<D: Dial + Clone>(&self, crew: &Crew<'_, D>) -> Result<(), UnhappyError> {
        let happiness = self.happiness();
        match happiness >= self.happy || happiness + self.hope() >= self.happy {
            true => Ok(()),
            false => Err(self.unhappy(crew)),
        }
    }

    /// Why it is not enough.
    pub(super) fn unhappy<D: Dial + Clone>(&self, crew: &Crew<'_, D>) -> UnhappyError {
        let outcome = |server: usize| {
            let outcome = match (self.shares_of(server).len(), &self.writers[server].trouble) {
                (0, Some(reason)) => Outcome::Failed(reason.clone()),
                (0, None) => self.outcomes.get(&server)?.clone(),
                (count, _) => Outcome::Holds(count),
            };
            Some((crew.job.servers[server].id().clone(), outcome))
        };
        UnhappyError {
            happiness: self.happiness(),
            happy: self.happy,
            needed: self.encoding.needed(),
            total: self.encoding.total(),
            placed: self.servers().flat_map(|at| self.shares_of(at)).collect::<BTreeSet<_>>().len(),
            servers: self.servers().filter_map(outcome).collect(),
            offers: self.offers,
            last_failure: self.last_failure.clone().map(Box::new),
        }
    }

    /// What became of the shares, after the last segment.
    pub(super) fn finish(self) -> Pushed {
        Pushed {
            happiness: self.happiness(),
            complete: self.writers.into_iter().map(|writer| writer.complete).collect(),
            existing: self.existing,
            lost: self.lost,
        }
    }
}
