//! A failed run once more, measured in full, for a person to read.

use super::{Outcome, outcome};
use crate::report;
use crate::run;
use crate::scenario::Scenario;
use crate::trace::Keep;

impl Outcome {
    /// The same, measured in full, for a person to read. Costs further runs.
    pub(super) fn in_full(self, scenario: &Scenario) -> Self {
        if self.result.is_err() {
            return self;
        }
        let again = outcome(self.engine, scenario, self.seed, || {
            run::run_in_full(self.engine, &scenario.schedule(self.seed), Keep::Last(report::LAST_EVENTS))
        });
        // Two runs that differ are told of as they were.
        if again.code() == self.code() { again } else { self }
    }
}
