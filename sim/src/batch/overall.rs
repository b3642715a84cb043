//! What holds over all seeds: counts the operations of every run and judges the promises of the file.
//!
//! Keeps a few numbers for each promise, however many runs there are; the order in which they are counted does not
//! matter. Judges no single run.

use std::time::Duration;

use crate::run::RunReport;
use crate::scenario::{EVERYTHING, Operation, Promise, Scenario, SeedBound};
use crate::verdict::seconds;

/// The promises of a file and what came of them.
#[derive(Debug, Default)]
pub struct Overall {
    /// What each step does, if it can fail.
    operations: Vec<Option<Operation>>,
    promises: Vec<(Promise, Count)>,
    /// Some of the seeds are not counted, so that nothing can be said of all.
    cut_short: bool,
}

/// The operations one promise is about.
#[derive(Debug, Default)]
pub struct Count {
    /// How many ended.
    pub ended: u64,
    /// Those that failed.
    pub failed: u64,
    /// Those that took longer than the promise says.
    pub late: u64,
    /// What the longest of them took.
    pub longest: Duration,
}

impl Overall {
    /// Nothing counted yet.
    pub(super) fn of(scenario: &Scenario) -> Self {
        let promises = scenario.over_all_seeds().iter().cloned();
        let promises = promises.map(|promise| (promise, Count::default())).collect();
        Self { operations: scenario.operations(), promises, cut_short: false }
    }

    /// Counts what ended in one run, whether it passed or not.
    pub(super) fn count(&mut self, report: &RunReport) {
        for step in &report.steps {
            let Some(operation) = self.operations.get(step.step).copied().flatten() else { continue };
            for (promise, count) in self.promises.iter_mut().filter(|(promise, _)| promise.of == operation) {
                count.ended += step.tally.operations;
                count.failed += step.tally.failures();
                count.longest = count.longest.max(step.took);
                if let SeedBound::Took(_, within) = promise.bound {
                    count.late += u64::from(step.took > within);
                }
            }
        }
    }

    /// Whether a promise is broken.
    pub fn is_broken(&self) -> bool {
        self.promises.iter().any(|(promise, count)| self.keeps(promise, count) == Some(false))
    }

    /// Each promise as it is written, what came of it, and whether it is kept; none if there are too few operations to
    /// tell, or not all seeds were run.
    pub fn promises(&self) -> impl Iterator<Item = (&str, &Count, Option<bool>)> {
        self.promises
            .iter()
            .map(|(promise, count)| (promise.text.as_str(), count, self.keeps(promise, count)))
    }

    /// No further run will be counted, although there are some.
    pub(super) fn cut_short(&mut self) {
        self.cut_short = true;
    }

    fn keeps(&self, promise: &Promise, count: &Count) -> Option<bool> {
        count.keeps(promise.bound).filter(|_| !self.cut_short)
    }

    /// One line for each promise: what came of it, in numbers.
    pub fn lines(&self) -> Vec<String> {
        let line = |(promise, count): &(Promise, Count)| {
            let kind = match promise.of {
                Operation::Upload => "uploads",
                Operation::Download => "downloads",
                Operation::Put => "puts",
            };
            let verdict = match self.keeps(promise, count) {
                Some(true) => "kept",
                Some(false) => "BROKEN",
                None => "too few to tell",
            };
            let Count { ended, failed, late, longest } = count;
            let came = match promise.bound {
                SeedBound::FailedMax(..) | SeedBound::FailedMin(..) => {
                    format!("{failed} of {ended} {kind} failed")
                }
                SeedBound::Took(_, within) => format!(
                    "{late} of {ended} {kind} took longer than {within:?}, the longest {}",
                    seconds(*longest)
                ),
            };
            format!("over all seeds: {came}; \"{}\" is {verdict}", promise.text)
        };
        self.promises.iter().map(line).collect()
    }
}

impl Count {
    /// Whether a bound holds; none if there are too few operations to tell.
    fn keeps(&self, bound: SeedBound) -> Option<bool> {
        let share = |part: u64, of: u64, all: u64| u128::from(part) * u128::from(all) / u128::from(of.max(1));
        match bound {
            // With fewer operations than the bound speaks of, the rest could still succeed.
            SeedBound::FailedMax(most, of) => {
                Some(u128::from(self.failed) <= share(most, of, self.ended.max(of)))
            }
            // With fewer operations than the bound speaks of, the rest could still fail.
            SeedBound::FailedMin(least, of) => {
                let all = u128::from(self.ended.max(of));
                let enough =
                    u128::from(self.failed) >= (u128::from(least) * all).div_ceil(u128::from(of.max(1)));
                (enough || self.ended >= of).then_some(enough)
            }
            SeedBound::Took(part, _) => {
                Some(u128::from(self.late) <= share(EVERYTHING.saturating_sub(part), EVERYTHING, self.ended))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keeps(bound: SeedBound, ended: u64, hits: u64) -> Option<bool> {
        Count { ended, failed: hits, late: hits, longest: Duration::ZERO }.keeps(bound)
    }

    #[test]
    fn a_share_is_that_of_all_operations_and_at_least_what_is_written() {
        let most = SeedBound::FailedMax(2, 1000);
        assert_eq!([keeps(most, 16, 2), keeps(most, 16, 3)], [Some(true), Some(false)]);
        assert_eq!([keeps(most, 5000, 10), keeps(most, 5000, 11)], [Some(true), Some(false)]);
        let none = SeedBound::FailedMax(0, 1);
        assert_eq!([keeps(none, 9, 0), keeps(none, 9, 1)], [Some(true), Some(false)]);
    }

    #[test]
    fn too_few_operations_break_no_promise_that_some_fail() {
        let least = SeedBound::FailedMin(1, 10);
        assert_eq!([keeps(least, 9, 0), keeps(least, 9, 1)], [None, Some(true)]);
        assert_eq!([keeps(least, 10, 0), keeps(least, 10, 1)], [Some(false), Some(true)]);
        assert_eq!([keeps(least, 11, 1), keeps(least, 11, 2)], [Some(false), Some(true)]);
    }

    #[test]
    fn a_quantile_is_exact() {
        let p99 = SeedBound::Took(99_000, Duration::from_secs(1));
        assert_eq!(
            [keeps(p99, 99, 1), keeps(p99, 100, 1), keeps(p99, 100, 2)],
            [Some(false), Some(true), Some(false)]
        );
        let all = SeedBound::Took(EVERYTHING, Duration::from_secs(1));
        assert_eq!([keeps(all, 1_000_000, 0), keeps(all, 1_000_000, 1)], [Some(true), Some(false)]);
    }
}
