//! Carries the retry policy out: makes requests until one succeeds or the policy has had enough.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand_core::Rng;

use super::retry::{Class, RetryPolicy, Tokens};
use crate::net::message::Trouble;
use crate::net::s3::{Attempt, S3Error, What, When};
use crate::server::backend::BackendError;
use crate::server::clock::Clock;

/// What requests have cost since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Attempts, the first ones included.
    pub attempts: u64,
    /// Attempts that were not the first.
    pub retries: u64,
    /// Attempts that failed in a way that may pass.
    pub passing: u64,
    /// Requests that were given up after a failure that may pass.
    pub given_up: u64,
    /// Retries that there was no token for.
    pub denied: u64,
}

/// A request that was given up.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) error: S3Error,
    operation: &'static str,
    attempts: u32,
    /// Whether one of the attempts before the last may have been carried out.
    pub(super) was_ambiguous: bool,
}

impl Failure {
    /// A failure to understand what is stored.
    pub(super) fn damaged(operation: &'static str, why: &'static str) -> Self {
        let error = S3Error::new(What::Damaged(why));
        Self { error, operation, attempts: 1, was_ambiguous: false }
    }

    /// Whether any of the attempts may have been carried out.
    pub(super) fn is_ambiguous(&self) -> bool {
        self.was_ambiguous || self.error.is_ambiguous()
    }
}

impl From<Failure> for BackendError {
    fn from(failure: Failure) -> Self {
        let Failure { error, operation, attempts, .. } = failure;
        let detail = match error.what {
            What::Refused => None,
            What::Damaged(why) | What::Unusable(why) => Some(why.to_owned()),
            what => Some(S3Error::new(what).to_string()),
        };
        Self::Medium(Box::new(Trouble {
            status: error.status,
            attempts,
            may_pass: Class::of(&error) != Class::Permanent,
            retry_after: error.retry_after,
            detail,
            code: error.code,
            request_id: error.request_id,
            ..Trouble::new("S3", operation)
        }))
    }
}

/// Makes requests under one policy.
pub(super) struct Calls {
    policy: RetryPolicy,
    clock: Clock,
    rng: Mutex<Box<dyn Rng>>,
    state: Mutex<(Tokens, Tally)>,
}

impl Calls {
    pub(super) fn new(policy: RetryPolicy, clock: Clock, rng: impl Rng + 'static) -> Self {
        let state = Mutex::new((Tokens::new(policy.quota), Tally::default()));
        Self { policy, clock, rng: Mutex::new(Box::new(rng)), state }
    }

    pub(super) fn tally(&self) -> Tally {
        self.state().1
    }

    /// Seconds since 1970.
    pub(super) fn now(&self) -> u64 {
        (self.clock)().0
    }

    /// Bytes that nobody has had before.
    pub(super) fn nonce<const N: usize>(&self) -> [u8; N] {
        let mut nonce = [0; N];
        self.rng.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(&mut nonce);
        nonce
    }

    /// Makes a request that moves about so many bytes until it succeeds, or is not worth another attempt.
    pub(super) async fn run<T>(
        &self,
        operation: &'static str,
        bytes: u64,
        mut attempt: impl AsyncFnMut(When) -> Attempt<T>,
    ) -> Result<T, Failure> {
        let (mut attempts, mut elapsed) = (0, Duration::ZERO);
        let (mut taken, mut was_ambiguous) = (None, false);
        loop {
            attempts += 1;
            let limit = self.policy.attempt_limit(bytes, elapsed);
            let Attempt { took, result } = attempt(When { now: self.now(), limit }).await;
            elapsed += took;
            let error = match result {
                Ok(answer) => {
                    self.note(attempts, None).0.succeeded(taken);
                    return Ok(answer);
                }
                Err(error) => error,
            };
            let left = self.policy.deadline(bytes).saturating_sub(elapsed);
            let wait = self.policy.wait(&error, attempts, left, u64::from_le_bytes(self.nonce()));
            let Some(wait) = self.afford(attempts, &error, wait, &mut taken) else {
                return Err(Failure { error, operation, attempts, was_ambiguous });
            };
            was_ambiguous |= error.is_ambiguous();
            if !wait.is_zero() {
                tokio::time::sleep(wait).await;
            }
            elapsed += wait;
        }
    }

    /// Makes a request once, whatever the policy: for what can as well be done later.
    pub(super) async fn once<T>(
        &self,
        mut attempt: impl AsyncFnMut(When) -> Attempt<T>,
    ) -> Result<T, S3Error> {
        let limit = self.policy.attempt_limit(0, Duration::ZERO);
        let result = attempt(When { now: self.now(), limit }).await.result;
        drop(self.note(1, result.as_ref().err()));
        result
    }

    fn afford(
        &self,
        attempts: u32,
        error: &S3Error,
        wait: Option<Duration>,
        taken: &mut Option<u32>,
    ) -> Option<Duration> {
        let mut state = self.note(attempts, Some(error));
        if let Some(wait) = wait {
            if let Some(cost) = state.0.take(error) {
                *taken = Some(cost);
                return Some(wait);
            }
            state.1.denied += 1;
        }
        state.1.given_up += u64::from(Class::of(error) != Class::Permanent);
        None
    }

    fn note(&self, attempts: u32, error: Option<&S3Error>) -> MutexGuard<'_, (Tokens, Tally)> {
        let mut state = self.state();
        state.1.attempts += 1;
        state.1.retries += u64::from(attempts > 1);
        state.1.passing += u64::from(error.is_some_and(|error| Class::of(error) != Class::Permanent));
        state
    }

    fn state(&self) -> MutexGuard<'_, (Tokens, Tally)> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
