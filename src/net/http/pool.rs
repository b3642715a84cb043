//! Idle connections to one server, and the one repetition a stale one is worth.
//!
//! An idle connection is not polled; it is looked at when somebody wants it.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::sync::{Mutex, PoisonError};
use std::task::Poll;

use tokio::time::Instant;

use super::connection::{Answer, Connection, Expect, Outcome, Question};
use super::{Call, RequestError, TransportPolicy};
use crate::net::Dial;

/// When a request that died on a reused connection is sent again on a fresh one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Replay {
    /// It does not matter whether it happened once or twice.
    UnlessAnswered,
    /// It must not happen twice.
    UnlessSent,
}

/// The connections to one server.
pub(crate) struct Pool<D: Dial> {
    dial: D,
    address: String,
    policy: TransportPolicy,
    idle: Mutex<VecDeque<Connection<D::Conn>>>,
}

impl<D: Dial> Pool<D> {
    /// Nothing is dialled yet.
    pub(crate) fn new(dial: D, address: String, policy: TransportPolicy) -> Self {
        Self { dial, address, policy, idle: Mutex::new(VecDeque::new()) }
    }

    /// Its limits.
    pub(crate) fn policy(&self) -> &TransportPolicy {
        &self.policy
    }

    /// Asks on an idle connection if there is one, else on a fresh one.
    pub(crate) async fn call(&self, call: &Call<'_>, expect: &dyn Expect) -> Result<Answer, RequestError> {
        if let Some(connection) = self.reuse().await {
            let outcome = self.ask(connection, call, expect).await?;
            // What came instead of a head may have been left over by the answer before.
            let stale = matches!(outcome.result, Err(RequestError::Lost(_) | RequestError::Malformed(_)))
                && !outcome.headed;
            if !stale || (outcome.sent && call.replay == Replay::UnlessSent) {
                return outcome.result;
            }
        }
        let connection = self.connect().await?;
        self.ask(connection, call, expect).await?.result
    }

    async fn ask(
        &self,
        mut connection: Connection<D::Conn>,
        call: &Call<'_>,
        expect: &dyn Expect,
    ) -> Result<Outcome, RequestError> {
        let question = Question {
            request: call.request()?,
            head_bytes: call.head_bytes(),
            body_bytes: u64::try_from(call.body.len()).unwrap_or(u64::MAX),
            expect,
            progress: call.progress,
        };
        let outcome = connection.ask(question, &self.policy).await;
        if outcome.reusable {
            connection.idle_since = Instant::now();
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            idle.push_back(connection);
            while idle.len() > self.policy.idle_connections_max {
                idle.pop_front();
            }
        }
        Ok(outcome)
    }

    /// The connection that was used last, if it is still good.
    async fn reuse(&self) -> Option<Connection<D::Conn>> {
        loop {
            let mut connection = {
                let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
                let oldest = Instant::now().checked_sub(self.policy.idle_age_max);
                while idle.front().is_some_and(|first| oldest.is_some_and(|oldest| first.idle_since < oldest))
                {
                    idle.pop_front();
                }
                idle.pop_back()?
            };
            if poll_fn(|context| Poll::Ready(connection.poll_usable(context))).await {
                return Some(connection);
            }
        }
    }

    async fn connect(&self) -> Result<Connection<D::Conn>, RequestError> {
        let conn = tokio::time::timeout(self.policy.connect_max, self.dial.dial(&self.address))
            .await
            .map_err(|_| RequestError::Connect(io::ErrorKind::TimedOut))?
            .map_err(|error| RequestError::Connect(error.kind()))?;
        Connection::new(conn).await
    }
}
