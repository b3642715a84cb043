//! Which servers are asked for their shares, and when. Decides only; sends nothing.
//!
//! Servers are asked in the order given, a limited number at a time. A late answer makes room for the next
//! question at once and is still welcome.

use std::time::Duration;

use crate::net::client::RequestError;
use crate::plan::{Moment, Policy, doubled};

/// What the driver has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FindCommand {
    /// Ask this server for its shares, which should not take longer than this; end the question under way to it,
    /// if any.
    Ask(usize, Duration),
    /// Only to be told: the answer of this server is overdue.
    Overdue(usize, Duration),
}

#[derive(Debug, Clone, Copy)]
enum State {
    Unasked,
    Asked { sent: Moment, patience: Duration, late: Option<Moment>, number: u32 },
    Resting { until: Moment },
    Answered,
    Failed,
}

#[derive(Debug)]
struct Query {
    state: State,
    failures: u32,
    restarts: u32,
    error: Option<RequestError>,
}

/// The questions of one download.
#[derive(Debug)]
pub(super) struct Finder {
    queries: Vec<Query>,
    longest: Option<Duration>,
    asked: u32,
    /// Questions sent before k shares were known; the later ones only look for spares.
    needed_asked: Option<u32>,
}

/// What the download wants of its finder.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wish {
    /// More shares, as spares.
    pub(super) more: bool,
    /// More shares, or it cannot go on.
    pub(super) hungry: bool,
}

impl Finder {
    pub(super) fn new(servers: usize) -> Self {
        let query = || Query { state: State::Unasked, failures: 0, restarts: 0, error: None };
        let queries = std::iter::repeat_with(query).take(servers).collect();
        Self { queries, longest: None, asked: 0, needed_asked: None }
    }

    /// One thing to do now. `expected` says how long a server should take to answer.
    pub(super) fn next(
        &mut self,
        wish: Wish,
        now: Moment,
        policy: &Policy,
        expected: impl Fn(usize) -> Option<Duration>,
    ) -> Option<FindCommand> {
        if let Some(overdue) = self.overdue(now, policy) {
            return Some(overdue);
        }
        if self.live() >= policy.download.queries_max || !(wish.more || wish.hungry) {
            return None;
        }
        let rank = |query: &Query| match query.state {
            State::Unasked => Some(0),
            State::Resting { until } => (wish.hungry && now >= until).then_some(1),
            State::Asked { .. } => {
                (wish.hungry && again_at(query, policy).is_some_and(|at| now >= at)).then_some(2)
            }
            State::Answered | State::Failed => None,
        };
        let choices = self.queries.iter().enumerate();
        let (rank, server) = choices.filter_map(|(server, query)| Some((rank(query)?, server))).min()?;
        let query = self.queries.get_mut(server)?;
        query.restarts += u32::from(rank == 2);
        let patience = policy.overdue.patience(expected(server));
        query.state = State::Asked { sent: now, patience, late: None, number: self.asked };
        self.asked += 1;
        Some(FindCommand::Ask(server, patience_of(self.longest, patience, policy)))
    }

    fn overdue(&mut self, now: Moment, policy: &Policy) -> Option<FindCommand> {
        let longest = self.longest;
        self.queries.iter_mut().enumerate().find_map(|(server, query)| match &mut query.state {
            State::Asked { sent, patience, late: late @ None, .. }
                if now >= *sent + patience_of(longest, *patience, policy) =>
            {
                *late = Some(now);
                Some(FindCommand::Overdue(server, now.since(*sent)))
            }
            State::Asked { .. }
            | State::Unasked
            | State::Resting { .. }
            | State::Answered
            | State::Failed => None,
        })
    }

    /// When [`Self::next`] may have something to do if nothing happens before.
    pub(super) fn next_deadline(&self, wish: Wish, policy: &Policy) -> Option<Moment> {
        let may_ask = wish.hungry && self.live() < policy.download.queries_max;
        let of_query = |query: &Query| match query.state {
            State::Asked { sent, patience, late: None, .. } => {
                Some(sent + patience_of(self.longest, patience, policy))
            }
            State::Asked { .. } if may_ask => again_at(query, policy),
            State::Resting { until } if may_ask => Some(until),
            State::Asked { .. }
            | State::Resting { .. }
            | State::Unasked
            | State::Answered
            | State::Failed => None,
        };
        self.queries.iter().filter_map(of_query).min()
    }

    /// The answer came.
    pub(super) fn on_answer(&mut self, server: usize, now: Moment) {
        let Some(query) = self.queries.get_mut(server) else { return };
        if let State::Asked { sent, late: None, .. } = query.state {
            self.longest = self.longest.max(Some(now.since(sent)));
        }
        (query.state, query.error) = (State::Answered, None);
    }

    /// The question failed.
    pub(super) fn on_failed(
        &mut self,
        server: usize,
        error: RequestError,
        may_pass: bool,
        now: Moment,
        policy: &Policy,
    ) {
        let Some(query) = self.queries.get_mut(server) else { return };
        query.state = if may_pass && query.failures < policy.download.retries_max {
            let pause = doubled(policy.download.retry_after, query.failures);
            query.failures += 1;
            State::Resting { until: now + pause }
        } else {
            State::Failed
        };
        query.error = Some(error);
    }

    /// The operation did something else until `now`: no silence before counts.
    pub(super) fn excuse(&mut self, now: Moment) {
        for query in &mut self.queries {
            if let State::Asked { sent, late: None, .. } = &mut query.state {
                *sent = now;
            }
        }
    }

    /// As many shares as are needed are known: what is asked from now on is for spares.
    pub(super) fn on_enough(&mut self) {
        self.needed_asked.get_or_insert(self.asked);
    }

    /// Whether an answer that is not only about spares should come soon.
    pub(super) fn more_expected(&self) -> bool {
        let limit = self.needed_asked.unwrap_or(u32::MAX);
        let soon =
            |query: &Query| matches!(query.state, State::Asked { late: None, number, .. } if number < limit);
        self.queries.iter().any(soon)
    }

    /// Whether anything may still come of asking or waiting.
    pub(super) fn active(&self) -> bool {
        self.queries.iter().any(|query| match query.state {
            State::Unasked | State::Asked { .. } | State::Resting { .. } => true,
            State::Answered | State::Failed => false,
        })
    }

    /// What `server` said, for the report.
    pub(super) fn answer(&self, server: usize) -> super::error::Answer {
        use super::error::Answer;
        match self.queries.get(server).map(|query| (query.state, &query.error)) {
            Some((State::Answered, _)) => Answer::Given,
            Some((State::Resting { .. } | State::Failed, Some(error))) => Answer::Failed(error.clone()),
            Some((State::Asked { .. }, Some(error))) => Answer::Failed(error.clone()),
            Some((State::Asked { .. } | State::Resting { .. } | State::Failed, None)) => Answer::Silent,
            Some((State::Unasked, _)) | None => Answer::NotAsked,
        }
    }

    fn live(&self) -> usize {
        self.queries.iter().filter(|query| matches!(query.state, State::Asked { late: None, .. })).count()
    }
}

fn patience_of(longest: Option<Duration>, own: Duration, policy: &Policy) -> Duration {
    longest.map_or(own, |longest| policy.overdue.patience(Some(longest)))
}

/// When a late question may be asked anew, on a connection the server cannot have forgotten.
fn again_at(query: &Query, policy: &Policy) -> Option<Moment> {
    let State::Asked { sent, late: Some(late), .. } = query.state else { return None };
    Some(late + policy.overdue.again_after(late.since(sent), query.restarts))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_deadline_lies_in_the_past_and_no_more_is_asked_than_allowed(
            servers in 0usize..8,
            queries_max in 1usize..4,
            events in prop::collection::vec((0u8..4, any::<prop::sample::Index>(), 1u64..3000), 0..100),
            hungry: bool,
        ) {
            let mut policy = Policy::default();
            policy.download.queries_max = queries_max;
            let (mut finder, mut now) = (Finder::new(servers), Moment::default());
            let wish = Wish { more: true, hungry };
            for (event, pick, ms) in events {
                while finder.next(wish, now, &policy, |_| None).is_some() {}
                prop_assert!(finder.live() <= queries_max);
                let deadline = finder.next_deadline(wish, &policy);
                prop_assert!(deadline.is_none_or(|deadline| deadline > now));
                let busy = |n: &usize| matches!(finder.queries[*n].state, State::Asked { .. });
                let asked: Vec<usize> = (0..servers).filter(busy).collect();
                let active = finder.active();
                prop_assert!(!hungry || !active || !asked.is_empty() || deadline.is_some(), "waits for nothing");
                now = now + Duration::from_millis(ms);
                match event {
                    0 if !asked.is_empty() => finder.on_answer(*pick.get(&asked), now),
                    1 | 2 if !asked.is_empty() => {
                        let error = RequestError::Status(500);
                        finder.on_failed(*pick.get(&asked), error, event == 1, now, &policy);
                    }
                    _ => now = deadline.map_or(now, |deadline| now.max(deadline)),
                }
            }
        }
    }
}
