//! Finds servers that take shares which lost their home in mid-upload.
//!
//! Servers that have no share of the file are asked first, healthy ones before suspects, in the order of
//! preference; then, only if the policy wants it, those with the fewest. Each is offered one share. Whoever
//! does not answer in time is passed over. Sends no share data.

use std::collections::{BTreeMap, BTreeSet};

use super::crew::{Crew, Done};
use super::push::Push;
use crate::client::event::{Event, Question};
use crate::format::ShareNum;
use crate::net::Dial;
use crate::net::client::RequestError;
use crate::net::message::Allocated;
use crate::plan::Moment;
use crate::plan::health::Standing;
use crate::plan::place::Outcome;

/// A share offered to a server, and since when.
struct Offer {
    share: ShareNum,
    since: Moment,
    overdue: Moment,
}

struct Search<'c, 'a, D: Dial> {
    crew: &'c mut Crew<'a, D>,
    push: &'c mut Push,
    homeless: BTreeSet<ShareNum>,
    /// By server.
    offers: BTreeMap<usize, Offer>,
}

/// Asks until every missing share is taken or nobody is left to ask. What is taken is open in `push`.
pub(super) async fn find<D: Dial + Clone>(crew: &mut Crew<'_, D>, push: &mut Push) {
    let client = crew.job.client;
    let homeless = push.missing();
    let mut search = Search { crew, push, homeless, offers: BTreeMap::new() };
    loop {
        search.pass_over_late();
        search.offer();
        let Some(until) = search.offers.values().map(|offer| offer.overdue).min() else { return };
        match search.crew.next(Some(client.instant(until))).await {
            Some(Done::Granted(server, asked, answer)) => search.take(server, asked, answer),
            Some(done) => search.crew.undo(done),
            None => {}
        }
    }
}

impl<D: Dial + Clone> Search<'_, '_, D> {
    fn offer(&mut self) {
        let job = self.crew.job;
        while let Some(share) = self.homeless.first().copied()
            && let Some(server) = self.choose()
        {
            self.homeless.remove(&share);
            let now = job.client.now();
            let overdue = job.client.policy().for_short_answers();
            let patience = overdue.patience(job.client.health().expected(job.servers[server].id(), 0));
            self.push.offers.made += 1;
            self.crew.allocate(server, BTreeSet::from([share]), patience);
            self.offers.insert(server, Offer { share, since: now, overdue: now + patience });
        }
    }

    fn choose(&self) -> Option<usize> {
        let client = self.crew.job.client;
        let beside_another = client.policy().upload.anew_beside_another;
        let rank = |server: usize| {
            let shares = self.push.shares_of(server).len();
            let id = self.crew.job.servers[server].id();
            let suspect = client.health().standing(id, client.now()) == Standing::Suspect;
            (shares == 0 || beside_another).then_some((shares, suspect, server))
        };
        let is_free = |server: &usize| !self.offers.contains_key(server) && !self.crew.job.is_barred(*server);
        let free = self.push.refuges().filter(is_free);
        free.filter_map(rank).min().map(|(.., server)| server)
    }

    fn pass_over_late(&mut self) {
        let job = self.crew.job;
        let now = job.client.now();
        for (server, Offer { share, since, .. }) in
            self.offers.extract_if(.., |_, offer| offer.overdue <= now)
        {
            let after = now.since(since);
            let id = job.servers[server].id().clone();
            job.client.tell(Event::Overdue { server: id, question: Question::Allocate, after });
            self.push.note_refused(server, job.servers[server].id(), Outcome::Silent(after));
            self.homeless.insert(share);
            // Should it be answered after all, it is undone once more.
            self.crew.note_silent(server);
            self.crew.abort(server, BTreeSet::from([share]));
        }
    }

    fn take(&mut self, server: usize, asked: BTreeSet<ShareNum>, answer: Result<Allocated, RequestError>) {
        let Some(Offer { share, .. }) = self.offers.remove(&server) else {
            return self.crew.undo(Done::Granted(server, asked, answer));
        };
        let client = self.crew.job.client;
        let id = self.crew.job.servers[server].id().clone();
        let Allocated { already_have, allocated } = match answer {
            Ok(allocated) => allocated,
            Err(error) => {
                self.push.offers.failed += 1;
                self.push.note_refused(server, &id, Outcome::Failed(error.to_string()));
                self.homeless.insert(share);
                return self.crew.undo(Done::Granted(server, asked, Err(error)));
            }
        };
        self.crew.release(server, &(&asked - &allocated));
        let already_have = self.crew.job.admit(server, already_have);
        let is_there = already_have.contains(&share);
        match is_there || allocated.contains(&share) {
            true => self.push.offers.taken += 1,
            false => self.push.offers.full += 1,
        }
        let has_another = !already_have.is_empty() && !client.policy().upload.anew_beside_another;
        for share in self.push.note_existing(server, already_have) {
            client.tell(Event::SharePlaced { server: id.clone(), share, existing: true });
        }
        match allocated.contains(&share) {
            true if has_another => {
                self.homeless.insert(share);
                self.crew.abort(server, asked);
            }
            true => {
                self.push.take_in(server, share);
                client.tell(Event::SharePlaced { server: id, share, existing: false });
            }
            false if is_there => {}
            false => {
                self.push.note_refused(server, &id, Outcome::Full);
                self.homeless.insert(share);
            }
        }
    }
}
