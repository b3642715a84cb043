//! What the closed form needs to know of a variant: the chance that a request fails, bursts, and the retry policy. Read
//! from the run that it stands for; tries nothing.

use std::time::Duration;

use lafs::server::backend::s3::RetryPolicy;
use thiserror::Error;

use super::form::Chances;
use crate::schedule::{Again, Answer, FaultKind, Schedule, Spoil, Which};

/// What an arm is made to bear.
#[derive(Debug, Clone, PartialEq)]
pub struct Conditions {
    /// The name of the retry policy.
    pub policy: String,
    /// The chance that a retry fails, too, as the file says it; none if it is as likely as ever.
    pub burst: Option<f64>,
    /// The chance that a request fails.
    pub rate: f64,
    /// Of each retry, the share of cases in which it is made so soon that a burst may still be going on.
    pub soon: Vec<f64>,
}

/// Why the closed form does not speak of a variant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NoForm {
    /// It knows one chance.
    #[error("several faults strike by chance")]
    SeveralChances,
    /// All requests are alike to it.
    #[error("its fault strikes only some of the requests (`only`, `keys`)")]
    SomeRequests,
    /// What fails has not been done.
    #[error("what fails is carried out all the same (`applied`)")]
    Applied,
    /// What fails is tried again.
    #[error("its fault is no error that is tried again, from 500 on (`with`)")]
    NotTriedAgain,
    /// Nobody but the server tries again.
    #[error("its clients try again, too (`client_retries` is not false)")]
    ClientsTryAgain,
}

impl Conditions {
    /// Nothing happens, and nothing is made anew.
    pub fn undisturbed() -> Self {
        Self { policy: "none".to_owned(), burst: None, rate: 0.0, soon: Vec::new() }
    }

    /// What becomes of a request.
    pub fn chances(&self) -> Chances {
        self.at(self.rate)
    }

    /// What would become of it if so many requests failed.
    pub fn at(&self, rate: f64) -> Chances {
        let again = self.burst.unwrap_or(rate);
        Chances { rate, retries: self.soon.iter().map(|soon| soon * again + (1.0 - soon) * rate).collect() }
    }

    /// Those of a run.
    pub(super) fn of(schedule: &Schedule) -> Result<Self, NoForm> {
        let mut found: Option<(f64, &Answer)> = None;
        for fault in &schedule.faults {
            let FaultKind::Answer(answer) = &fault.kind else { continue };
            let Which::Chance(rate) = answer.aim.which else { continue };
            if found.replace((rate, answer)).is_some() {
                return Err(NoForm::SeveralChances);
            }
        }
        if let Some((_, answer)) = found {
            speaks_of(schedule, answer)?;
        }
        let rate = found.map_or(0.0, |(rate, _)| rate);
        let again = found.and_then(|(_, answer)| answer.aim.again);
        let mut conditions = Self { rate, burst: again.map(|again| again.chance), ..Self::undisturbed() };
        if let Some(params) = schedule.grid.storage.s3() {
            conditions.policy.clone_from(&params.retry);
            let back = params.link.latency_min + params.link.latency_max;
            let throttled = found.is_some_and(|(_, answer)| is_throttling(answer.how));
            let policy = RetryPolicy::named(&params.retry).unwrap_or_else(RetryPolicy::none);
            conditions.soon = soon(&policy, throttled, again, back);
        }
        Ok(conditions)
    }
}

/// Whether the closed form speaks of what a fault does to the answers.
fn speaks_of(schedule: &Schedule, answer: &Answer) -> Result<(), NoForm> {
    if answer.aim.only.is_some() || answer.aim.keys.is_some() {
        return Err(NoForm::SomeRequests);
    }
    match answer.how {
        Spoil::S3 { applied: true, .. } | Spoil::Status { applied: true, .. } => Err(NoForm::Applied),
        Spoil::S3 { status: 500 | 502..=504, .. } | Spoil::Status { status: 500 | 502..=504, .. } => Ok(()),
        _ => Err(NoForm::NotTriedAgain),
    }?;
    if schedule.grid.client_retries { Err(NoForm::ClientsTryAgain) } else { Ok(()) }
}

/// Whether an answer asks for fewer requests.
fn is_throttling(how: Spoil) -> bool {
    matches!(how, Spoil::S3 { status: 503 | 429, .. })
}

/// Of each retry, the share of cases in which it arrives within the time of a burst: `back` is from one arrival to the
/// next, if nobody waits in between.
fn soon(policy: &RetryPolicy, throttled: bool, again: Option<Again>, back: Duration) -> Vec<f64> {
    let within = again.and_then(|again| again.within);
    let first = if throttled { policy.throttled_delay } else { policy.delay };
    let share = |retry: u32| {
        let longest = first.saturating_mul(2_u32.saturating_pow(retry)).min(policy.delay_max);
        let Some(within) = within else { return 1.0 };
        match within.checked_sub(back) {
            None => 0.0,
            Some(_) if longest.is_zero() => 1.0,
            Some(left) => (left.as_secs_f64() / longest.as_secs_f64()).min(1.0),
        }
    };
    (1..policy.attempts_max).map(|retry| share(retry - 1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACK: Duration = Duration::from_millis(10);

    fn shares(policy: &str, within_ms: Option<u64>) -> Vec<f64> {
        let policy = RetryPolicy::named(policy).expect("a policy");
        let within = within_ms.map(Duration::from_millis);
        soon(&policy, false, Some(Again { chance: 0.25, within }), BACK)
    }

    #[test]
    fn delayed_retries_come_after_short_bursts() {
        assert_eq!(shares("none", Some(60)), [0.0; 0]);
        assert_eq!(shares("once", Some(60)), [1.0]);
        assert_eq!(shares("once", Some(5)), [0.0]);
        assert_eq!(shares("aws-standard", Some(60)), [0.05, 0.025]);
        assert_eq!(shares("aws-standard", Some(1510)), [1.0, 0.75]);
        assert_eq!(shares("aws-standard", None), [1.0, 1.0]);
        assert_eq!(shares("ours", Some(60)), [0.5, 0.25, 0.125, 0.0625, 0.03125]);
    }

    #[test]
    fn a_retry_fails_as_the_burst_says_or_as_ever() {
        let conditions =
            Conditions { policy: String::new(), burst: Some(0.25), rate: 0.01, soon: vec![1.0, 0.5] };
        assert_eq!(conditions.chances(), Chances { rate: 0.01, retries: vec![0.25, 0.13] });
        let calm = Conditions { burst: None, ..conditions };
        assert_eq!(calm.chances().request_fails(), 0.01 * 0.01 * 0.01);
    }
}
