//! One request, told of truthfully: once asked, it is answered, failed or, when its future is dropped, cancelled.
//!
//! Which requests are made, when, and what is made of their answers, is for the operations to say.

use std::future::Future;
use std::time::Duration;

use crate::client::Client;
use crate::client::event::{Deadlines, Event, Question};
use crate::format::ServerId;
use crate::net::Dial;
use crate::net::client::RequestError;
use crate::plan::doubled;

impl<D: Dial> Client<D> {
    /// Runs `request`, tells of it, and remembers how its server did. `measure` says how many bytes an answer brought, where
    /// the time it took says something about the server.
    pub(crate) async fn ask<T>(
        &self,
        server: &ServerId,
        question: Question,
        deadlines: Deadlines,
        measure: impl FnOnce(&T) -> Option<u64>,
        request: impl Future<Output = Result<T, RequestError>>,
    ) -> Result<T, RequestError> {
        let begun = self.now();
        let mut asked = Asked::new(self, server, question, deadlines);
        let result = request.await;
        let now = self.now();
        asked.end(result.as_ref().err());
        match &result {
            Ok(answer) => {
                if let Some(bytes) = measure(answer) {
                    self.health().success(server, bytes, now.since(begun));
                }
            }
            Err(error) if is_fault(error) => self.health().failed(server, now),
            Err(_) => {}
        }
        result
    }

    /// How long to wait after `error` before the same is asked again, for the `retry`th time from 0: `usual`, doubled each
    /// time, or as long as the server asks for, within reason.
    pub(crate) fn pause(&self, error: &RequestError, usual: Duration, retry: u32) -> Duration {
        let wished = match error {
            RequestError::Trouble(trouble) => trouble.retry_after.unwrap_or_default(),
            _ => Duration::ZERO,
        };
        doubled(usual, retry).max(wished.min(self.policy().transport.retry_after_max))
    }

    /// The deadlines of a request of an operation that ends in `left`.
    pub(crate) fn deadlines(&self, overdue_after: Option<Duration>, left: Duration) -> Deadlines {
        Deadlines {
            silence_max: Some(self.policy().transport.silence_max),
            overdue_after,
            stall_max: None,
            operation_left: Some(left),
        }
    }
}

/// Whether the same request may succeed when it is repeated at once.
pub(crate) fn may_pass(error: &RequestError) -> bool {
    matches!(error, RequestError::Connect(_)) || is_hiccup(error)
}

/// Whether the server was reached and something went wrong there or on the way that may not do so again.
pub(crate) fn is_hiccup(error: &RequestError) -> bool {
    match error {
        RequestError::Lost(_) | RequestError::Malformed(_) => true,
        // What is not implemented, or has no room, is no better a moment later.
        RequestError::Status(status) => *status >= 500 && !matches!(status, 501 | 505 | 507),
        RequestError::Trouble(trouble) => trouble.may_pass,
        RequestError::Connect(_) | RequestError::Silent(_) => false,
    }
}

/// Whether a healthy server would not have answered so, whatever the request.
fn is_fault(error: &RequestError) -> bool {
    match error {
        RequestError::Status(status) => *status >= 500,
        RequestError::Connect(_)
        | RequestError::Trouble(_)
        | RequestError::Lost(_)
        | RequestError::Silent(_)
        | RequestError::Malformed(_) => true,
    }
}

/// Whether the server could not be reached, as opposed to having answered with an error.
pub(crate) fn is_gone(error: &RequestError) -> bool {
    match error {
        RequestError::Connect(_) | RequestError::Lost(_) | RequestError::Silent(_) => true,
        RequestError::Status(_) | RequestError::Trouble(_) | RequestError::Malformed(_) => false,
    }
}

/// A request whose end has yet to be told.
struct Asked<'a, D: Dial> {
    client: &'a Client<D>,
    server: &'a ServerId,
    question: Question,
    ended: bool,
}

impl<'a, D: Dial> Asked<'a, D> {
    fn new(client: &'a Client<D>, server: &'a ServerId, question: Question, deadlines: Deadlines) -> Self {
        client.tell(Event::Asked { server: server.clone(), question, deadlines });
        Self { client, server, question, ended: false }
    }

    fn end(&mut self, error: Option<&RequestError>) {
        let (server, question) = (self.server.clone(), self.question);
        self.ended = true;
        self.client.tell(match error {
            None => Event::Answered { server, question },
            Some(error) => Event::Failed { server, question, reason: error.to_string() },
        });
    }
}

impl<D: Dial> Drop for Asked<'_, D> {
    fn drop(&mut self) {
        if !self.ended {
            let (server, question) = (self.server.clone(), self.question);
            self.client.tell(Event::Cancelled { server, question });
        }
    }
}
