//! When a request to S3 is made again, and after how long: data and pure functions. Nobody is asked and nobody waits here.

use std::time::Duration;

use crate::net::s3::{Limit, S3Error, What};

#[cfg(test)]
mod tests;

/// Answers that ask for fewer requests, whatever their status. The last two are MinIO's.
const THROTTLING: [&str; 9] = [
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "RequestThrottled",
    "RequestLimitExceeded",
    "BandwidthLimitExceeded",
    "TooManyRequests",
    "SlowDownRead",
    "SlowDownWrite",
];

/// Error documents under a status of success that will be the same next time.
const LASTING: [&str; 8] = [
    "AccessDenied",
    "EntityTooLarge",
    "InvalidArgument",
    "InvalidPart",
    "NoSuchBucket",
    "NoSuchKey",
    "NoSuchUpload",
    "PreconditionFailed",
];

/// What a failure is to whoever may try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Something is wrong inside the service: 500, 502, 503, 504, or an error document under 200 that says so.
    Server,
    /// The service wants fewer requests.
    Throttled,
    /// The service waited for the request, or we for the answer.
    TimedOut,
    /// No connection, or it broke.
    Connection,
    /// The answer, or the request on its way, was damaged.
    Damaged,
    /// Another request was at the same object at this moment.
    Conflict,
    /// The same request will have the same answer.
    Permanent,
}

impl Class {
    /// What a failure is.
    pub fn of(error: &S3Error) -> Self {
        match error.what {
            What::Connect(_) | What::Lost => Self::Connection,
            What::TimedOut => Self::TimedOut,
            What::Damaged(_) => Self::Damaged,
            What::Unusable(_) => Self::Permanent,
            What::Refused => Self::of_answer(error.status.unwrap_or_default(), error.code.as_deref()),
        }
    }

    fn of_answer(status: u16, code: Option<&str>) -> Self {
        let code = code.unwrap_or_default();
        match (status, code) {
            (429, _) => Self::Throttled,
            (400.., code) if THROTTLING.contains(&code) && status != 403 && status != 404 => Self::Throttled,
            (200, code) if THROTTLING.contains(&code) => Self::Throttled,
            // What no server has, it will not have a moment later.
            (501 | 505, _) => Self::Permanent,
            (500..=599, _) => Self::Server,
            (200..=299, code) if !LASTING.contains(&code) => Self::Server,
            (400, "RequestTimeout") | (408, _) => Self::TimedOut,
            // What was sent came to the service in another form.
            (400, "BadDigest" | "IncompleteBody") => Self::Damaged,
            (409, "ConditionalRequestConflict" | "OperationAborted") => Self::Conflict,
            _ => Self::Permanent,
        }
    }
}

/// Which failures are tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retried {
    /// None.
    Nothing,
    /// Answers with a status of 500 and above.
    ServerErrors,
    /// What Amazon's libraries try again: the above, throttling, timeouts and broken connections.
    AsAmazonDoes,
    /// Whatever may pass.
    WhateverMayPass,
}

/// Bounds what retries add to the load of a service that is in trouble: each takes tokens, and without tokens there
/// are no retries. What needs none gives some back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// How many there are at first, and at most.
    pub tokens_max: u32,
    /// What a retry takes. It is given back if the request succeeds after it.
    pub retry_cost: u32,
    /// The same after a timeout.
    pub timeout_cost: u32,
    /// What a request gives that succeeds at once.
    pub success_gain: u32,
}

/// When a failed request is made again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How often a request is made altogether. At least 1.
    pub attempts_max: u32,
    /// Which failures are tried again at all.
    pub retried: Retried,
    /// The longest wait before the first retry, doubled for each further one. The wait is drawn between nothing and this.
    pub delay: Duration,
    /// The same after an answer that asks for fewer requests.
    pub throttled_delay: Duration,
    /// Where doubling ends.
    pub delay_max: Duration,
    /// Whether to wait at least as long as the service asks for.
    pub honours_retry_after: bool,
    /// Bounds the retries of all requests together.
    pub quota: Option<Quota>,
    /// How long one attempt may take. `most` is the bound of a request with all its attempts and waits, but that bytes
    /// which are to be moved extend both.
    pub limit: Limit,
}

impl RetryPolicy {
    /// The policies that have a name, from the least to the most patient.
    pub const NAMES: [&str; 4] = ["none", "once", "aws-standard", "ours"];

    /// The policy of that name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "none" => Some(Self::none()),
            "once" => Some(Self::once()),
            "aws-standard" => Some(Self::aws_standard()),
            "ours" => Some(Self::ours()),
            _ => None,
        }
    }

    /// Nothing is tried again.
    pub fn none() -> Self {
        Self {
            attempts_max: 1,
            retried: Retried::Nothing,
            delay: Duration::ZERO,
            throttled_delay: Duration::ZERO,
            delay_max: Duration::ZERO,
            honours_retry_after: false,
            quota: None,
            limit: limit(Duration::from_secs(20)),
        }
    }

    /// Every answer of 500 and above is tried again once, at once: what was done about it in 2012.
    pub fn once() -> Self {
        Self { attempts_max: 2, retried: Retried::ServerErrors, ..Self::none() }
    }

    /// The standard mode of Amazon's libraries.
    pub fn aws_standard() -> Self {
        Self {
            attempts_max: 3,
            retried: Retried::AsAmazonDoes,
            delay: Duration::from_secs(1),
            throttled_delay: Duration::from_secs(1),
            delay_max: Duration::from_secs(20),
            honours_retry_after: false,
            quota: Some(QUOTA),
            limit: limit(Duration::from_secs(40)),
        }
    }

    /// The default.
    pub fn ours() -> Self {
        Self {
            attempts_max: 6,
            retried: Retried::WhateverMayPass,
            delay: Duration::from_millis(100),
            throttled_delay: Duration::from_secs(1),
            delay_max: Duration::from_secs(5),
            honours_retry_after: true,
            quota: Some(QUOTA),
            limit: limit(Duration::from_secs(20)),
        }
    }

    /// The limit of an attempt at moving `bytes` that begins when `elapsed` of the request's time is gone.
    pub fn attempt_limit(&self, bytes: u64, elapsed: Duration) -> Limit {
        Limit { most: self.deadline(bytes).saturating_sub(elapsed), ..self.limit }
    }

    /// How long a request that moves `bytes` may take with all its attempts.
    pub fn deadline(&self, bytes: u64) -> Duration {
        let moving = bytes.saturating_mul(1000) / self.limit.bytes_per_second.max(1);
        self.limit.most.saturating_add(Duration::from_millis(moving))
    }

    /// How long to wait before the request is made again; `None` if it is not. `attempt` counts from 1, `random` is any number.
    pub fn wait(&self, error: &S3Error, attempt: u32, left: Duration, random: u64) -> Option<Duration> {
        if attempt >= self.attempts_max || !self.retries(error) {
            return None;
        }
        let throttled = Class::of(error) == Class::Throttled;
        let first = if throttled { self.throttled_delay } else { self.delay };
        let most = first.saturating_mul(2u32.saturating_pow(attempt - 1)).min(self.delay_max);
        let drawn = most.mul_f64(fraction(random));
        let asked = error.retry_after.filter(|_| self.honours_retry_after).unwrap_or_default();
        Some(drawn.max(asked)).filter(|wait| *wait < left)
    }

    fn retries(&self, error: &S3Error) -> bool {
        let class = Class::of(error);
        match self.retried {
            Retried::Nothing => false,
            Retried::ServerErrors => {
                error.what == What::Refused && error.status.is_some_and(|status| status >= 500)
            }
            Retried::AsAmazonDoes => {
                matches!(class, Class::Server | Class::Throttled | Class::TimedOut | Class::Connection)
            }
            Retried::WhateverMayPass => class != Class::Permanent,
        }
    }
}

const QUOTA: Quota = Quota { tokens_max: 500, retry_cost: 5, timeout_cost: 10, success_gain: 1 };

fn limit(most: Duration) -> Limit {
    Limit { floor: Duration::from_secs(5), bytes_per_second: 1_000_000, most }
}

/// Between 0 and 1, the latter excluded.
#[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
fn fraction(random: u64) -> f64 {
    (random >> 11) as f64 / (1u64 << 53) as f64
}

/// What is left of a [`Quota`].
#[derive(Debug)]
pub struct Tokens {
    quota: Option<Quota>,
    left: u32,
}

impl Tokens {
    /// All of them.
    pub fn new(quota: Option<Quota>) -> Self {
        Self { quota, left: quota.map_or(0, |quota| quota.tokens_max) }
    }

    /// Takes what a retry after this failure costs, and says how much that is; `None` if so much is not left.
    #[must_use]
    pub fn take(&mut self, error: &S3Error) -> Option<u32> {
        let Some(quota) = self.quota else { return Some(0) };
        let timeout = Class::of(error) == Class::TimedOut;
        let cost = if timeout { quota.timeout_cost } else { quota.retry_cost };
        self.left = self.left.checked_sub(cost)?;
        Some(cost)
    }

    /// A request succeeded, after a retry that had taken so much, or at once.
    pub fn succeeded(&mut self, taken: Option<u32>) {
        if let Some(quota) = self.quota {
            let gain = taken.unwrap_or(quota.success_gain);
            self.left = self.left.saturating_add(gain).min(quota.tokens_max);
        }
    }
}
