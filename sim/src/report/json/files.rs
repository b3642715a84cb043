//! What is told of scenario files without running them.

use serde::Serialize;

use crate::scenario::{Diagnostics, Scenario};
use crate::schedule::Failure;

/// A scenario file, as it is listed.
#[derive(Debug, Serialize)]
pub struct Listed<'a> {
    scenario: &'a str,
    /// Which variant of the file, if it has a matrix.
    variant: Option<&'a str>,
    about: &'a str,
    from: Option<&'a str>,
    seeds: usize,
    pinned: Vec<Pin<'a>>,
    faults: Vec<&'a str>,
    known_bug: Option<Expected<'a>>,
    must_fail: Option<Expected<'a>>,
}

#[derive(Debug, Serialize)]
struct Pin<'a> {
    seed: u64,
    why: &'a str,
}

#[derive(Debug, Serialize)]
struct Expected<'a> {
    oracle: String,
    says: &'a str,
}

impl<'a> Expected<'a> {
    fn of(failure: &'a Failure) -> Self {
        Self { oracle: failure.verdict.to_string(), says: &failure.says }
    }
}

impl<'a> Listed<'a> {
    /// What the file says.
    pub fn of(scenario: &'a Scenario) -> Self {
        Self {
            scenario: scenario.path(),
            variant: scenario.variant(),
            about: scenario.about(),
            from: scenario.from(),
            seeds: scenario.seeds().len(),
            pinned: scenario.pinned().iter().map(|pin| Pin { seed: pin.seed, why: &pin.why }).collect(),
            faults: scenario.fault_names().collect(),
            known_bug: scenario.known_bug().map(Expected::of),
            must_fail: scenario.must_fail().map(Expected::of),
        }
    }
}

/// A scenario with nothing left to choose.
#[derive(Debug, Serialize)]
pub struct Explained<'a> {
    /// The file.
    pub scenario: &'a str,
    /// Which variant of the file, if it has a matrix.
    pub variant: Option<&'a str>,
    /// The seed that drew.
    pub seed: u64,
    /// The keys and values of a scenario file.
    pub explained: toml::Table,
}

/// A mistake in a scenario file.
#[derive(Debug, Serialize)]
pub struct Mistake<'a> {
    file: &'a str,
    /// From 1; none if the file could not be read.
    line: Option<usize>,
    /// In characters, from 1.
    column: Option<usize>,
    message: &'a str,
    /// What is said of the place.
    label: &'a str,
    help: Option<&'a str>,
}

impl<'a> Mistake<'a> {
    /// All mistakes of a file.
    pub fn all(mistakes: &'a Diagnostics) -> impl Iterator<Item = Self> {
        mistakes.problems().iter().map(|problem| {
            let place = mistakes.place(problem);
            Self {
                file: &problem.path,
                line: place.map(|(line, _)| line),
                column: place.map(|(_, column)| column),
                message: &problem.title,
                label: &problem.label,
                help: problem.help.as_deref(),
            }
        })
    }
}
