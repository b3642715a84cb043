//! What the closed form needs to know of a variant: the chance that a request fails, bursts, and the retry policy. Read
//! from the run that it stands for; tries nothing.

use super::form::Chances;
use crate::schedule::{FaultKind, Schedule, Which};

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

/// More than one fault strikes by chance.
#[derive(Debug)]
pub(super) struct SeveralChances;

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
    pub(super) fn of(schedule: &Schedule) -> Result<Self, SeveralChances> {
        let mut found = None;
        for fault in &schedule.faults {
            let FaultKind::Answer(answer) = &fault.kind else { continue };
            let Which::Chance(rate) = answer.which else { continue };
            if found.replace(rate).is_some() {
                return Err(SeveralChances);
            }
        }
        Ok(Self { rate: found.unwrap_or_default(), ..Self::undisturbed() })
    }
}
