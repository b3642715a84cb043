//! Finds servers that take the shares: carries out what `plan::place::select` decides.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::AbortHandle;

use super::crew::{Crew, Done};

use crate::client::ask::{is_gone, is_hiccup};
use crate::client::event::{Event, Question};
use crate::format::{Encoding, ShareNum};
use crate::net::Dial;
use crate::net::client::RequestError;
use crate::net::message::Allocated;
use crate::plan::health::Standing;
use crate::plan::place::select::{Decision, Move, Selection};
use crate::plan::place::{Failure, Offers, Outcome, UnhappyError};

/// Where the shares are and where they will be; servers by their place in the job.
pub(super) struct Homes {
    /// To be written.
    pub(super) granted: Vec<BTreeSet<ShareNum>>,
    /// There already.
    pub(super) existing: Vec<BTreeSet<ShareNum>>,
    /// What the search knows of every server that was asked.
    pub(super) outcomes: Vec<Outcome>,
    /// Requests for room made for it.
    pub(super) offers: Offers,
    /// The server that failed last, and why.
    pub(super) last_failure: Option<Failure>,
}

/// What a server said so far about what it holds and takes.
#[derive(Default)]
struct Answers {
    shares: Option<BTreeSet<ShareNum>>,
    room: Option<u64>,
    requests: Vec<AbortHandle>,
    /// How often an allocation was made again because it had failed.
    retries: u32,
    /// An allocation that failed may have been carried out.
    may_keep: bool,
}

impl Answers {
    fn cancel(&mut self) {
        self.requests.drain(..).for_each(|request| request.abort());
    }
}

/// The search for homes.
struct Search<'c, 'a, D: Dial> {
    crew: &'c mut Crew<'a, D>,
    selection: Selection,
    answers: BTreeMap<usize, Answers>,
}

/// Asks servers until every share that can have a home has one. Allocations that have not been answered
/// by then go on in `crew`, as does what makes servers forget those that are of no use.
pub(super) async fn find<D: Dial + Clone>(
    crew: &mut Crew<'_, D>,
    encoding: Encoding,
    happy: usize,
) -> Result<Homes, UnhappyError> {
    let job = crew.job;
    let patience = job.client.policy().for_short_answers();
    let mut selection = Selection::new(job.servers.len(), encoding, happy, patience);
    for (server, peer) in job.servers.iter().enumerate() {
        if job.client.health().standing(peer.id(), job.client.now()) == Standing::Suspect {
            selection.suspect(server);
        }
    }
    let mut search = Search { crew, selection, answers: BTreeMap::new() };
    loop {
        let now = job.client.now();
        search.tell_overdue();
        match search.selection.decide(now) {
            Decision::Ask(moves) => moves.into_iter().for_each(|wanted| search.make(wanted)),
            // Whatever a file that exists can get is worth having, and whoever may still answer is overdue.
            Decision::Wait(None) | Decision::Unhappy
                if job.holdings.is_some() && search.selection.aim_lower() => {}
            Decision::Wait(until) => {
                let until = until.map(|moment| job.client.instant(moment));
                // All that came at the same time is decided upon together.
                let mut done = search.crew.next(until).await;
                while let Some(this) = done {
                    search.take(this);
                    done = search.crew.next_ready();
                }
            }
            Decision::Settled(granted) => return Ok(search.settle(granted)),
            Decision::Unhappy => {
                let ids: Vec<_> = job.servers.iter().map(|peer| peer.id().clone()).collect();
                return Err(search.selection.unhappy(now, &ids));
            }
        }
    }
}

impl<D: Dial + Clone> Search<'_, '_, D> {
    fn tell_overdue(&mut self) {
        let client = self.crew.job.client;
        for (server, is_allocation, after) in self.selection.expire(client.now()) {
            self.crew.job.note_overdue(server);
            let answers = self.answers.entry(server).or_default();
            let questions = [
                (Question::Allocate, is_allocation),
                (Question::Shares, !is_allocation && answers.shares.is_none()),
                (Question::Version, !is_allocation && answers.room.is_none()),
            ];
            for (question, _) in questions.into_iter().filter(|(_, is_overdue)| *is_overdue) {
                let server = self.crew.job.servers[server].id().clone();
                client.tell(Event::Overdue { server, question, after });
            }
        }
    }

    fn make(&mut self, wanted: Move) {
        match wanted {
            Move::Find(server) => {
                let job = self.crew.job;
                let room = job.client.room(job.servers[server].id());
                let patience = self.selection.patience(server, false);
                let mut requests = vec![self.crew.ask_shares(server, patience)];
                if room.is_none() {
                    requests.push(self.crew.ask_room(server, patience));
                }
                self.answers.insert(server, Answers { room, requests, ..Answers::default() });
            }
            Move::Allocate(server, shares) => {
                self.crew.allocate(server, shares, self.selection.patience(server, true));
            }
        }
    }

    fn take(&mut self, done: Done) {
        match done {
            Done::Room(server, Ok(room)) => {
                self.answers.entry(server).or_default().room = Some(room);
                self.note_found(server);
            }
            Done::Shares(server, Ok(shares)) => {
                self.answers.entry(server).or_default().shares = Some(shares);
                self.note_found(server);
            }
            Done::Room(server, Err(error)) | Done::Shares(server, Err(error)) => {
                self.answers.entry(server).or_default().cancel();
                self.selection.failed(server, error.to_string(), is_gone(&error));
            }
            Done::Granted(server, asked, answer) => self.note_granted(server, &asked, answer),
            // Neither is under way before homes are found.
            Done::Wrote(..) | Done::Aborted(..) => {}
        }
    }

    fn note_found(&mut self, server: usize) {
        let job = self.crew.job;
        let Some(Answers { shares: Some(shares), room: Some(room), .. }) = self.answers.get(&server) else {
            return;
        };
        for share in shares {
            job.client.tell(Event::ShareFound { server: job.servers[server].id().clone(), share: *share });
        }
        let (shares, is_roomy) = (job.admit(server, shares.clone()), *room >= job.share_size);
        self.selection.found(server, job.client.now(), shares, is_roomy && !job.is_barred(server));
    }

    fn note_granted(
        &mut self,
        server: usize,
        asked: &BTreeSet<ShareNum>,
        answer: Result<Allocated, RequestError>,
    ) {
        if self.allocate_again(server, asked, &answer) {
            return;
        }
        match answer {
            Ok(Allocated { already_have, allocated }) => {
                self.crew.release(server, &(asked - &allocated));
                let already_have = self.crew.job.admit(server, already_have);
                self.selection.granted(server, self.crew.job.client.now(), already_have, &allocated);
            }
            Err(error) => self.selection.failed(server, error.to_string(), is_gone(&error)),
        }
    }

    /// Makes an allocation again that failed for a reason that may have passed. If it is not clear that nothing
    /// came of it, and what was asked for is then not to be had, that may be kept for this very upload: it is
    /// aborted and asked for once more.
    fn allocate_again(
        &mut self,
        server: usize,
        asked: &BTreeSet<ShareNum>,
        answer: &Result<Allocated, RequestError>,
    ) -> bool {
        let client = self.crew.job.client;
        let policy = &client.policy().upload;
        let patience = self.selection.patience(server, true);
        let answers = self.answers.entry(server).or_default();
        let (pause, undo) = match answer {
            Err(error) if is_hiccup(error) && answers.retries < policy.allocate_retries_max => {
                let pause = client.pause(error, policy.allocate_retry_after, answers.retries);
                answers.retries += 1;
                answers.may_keep = true;
                (pause, BTreeSet::new())
            }
            Ok(Allocated { already_have, allocated })
                if answers.may_keep && !asked.is_subset(&(already_have | allocated)) =>
            {
                answers.may_keep = false;
                (Duration::ZERO, asked - already_have)
            }
            _ => return false,
        };
        let head_start = if undo.is_empty() { pause } else { patience };
        let again = self.selection.allocate_again(server, client.now() + head_start);
        if again {
            self.crew.allocate_again(server, asked.clone(), patience, pause, undo);
        }
        again
    }

    fn settle(mut self, granted: Vec<BTreeSet<ShareNum>>) -> Homes {
        let job = self.crew.job;
        self.answers.values_mut().for_each(Answers::cancel);
        let existing: Vec<_> = (0..granted.len()).map(|server| self.selection.existing(server)).collect();
        for (server, (granted, existing)) in granted.iter().zip(&existing).enumerate() {
            let id = job.servers[server].id();
            for (share, existing) in
                granted.iter().map(|share| (share, false)).chain(existing.iter().map(|share| (share, true)))
            {
                job.client.tell(Event::SharePlaced { server: id.clone(), share: *share, existing });
            }
            if self.selection.is_allocating(server) {
                // Should it be answered after all, it is undone once more.
                self.crew.note_silent(server);
            }
            let unused = &self.crew.claimed(server) - granted;
            self.crew.abort(server, unused);
        }
        let last_failure = self.selection.last_failure().map(|(server, reason)| Failure {
            server: job.servers[server].id().clone(),
            reason: reason.to_owned(),
        });
        let (outcomes, offers) = (self.selection.outcomes(job.client.now()), self.selection.offers());
        Homes { granted, existing, outcomes, offers, last_failure }
    }
}
