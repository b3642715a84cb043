//! The README tells the truth: its scenarios load, run as it says, and show the verdicts it shows.

use squall::batch;
use squall::scenario::{self, Scenario};
use squall::verdict::ExitCode;

const README: &str = include_str!("../README.md");

/// The blocks of the README in one language, in order.
fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    README.split(fence.as_str()).skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

fn load(text: &str) -> Scenario {
    scenario::parse("scenarios/two-left.toml", text.as_bytes()).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn the_first_scenario_passes() {
    let tally = batch::run_all(&load(blocks("toml")[0]));
    assert_eq!(tally.code(), ExitCode::Passed);
}

#[test]
fn the_failing_run_fails_as_it_is_printed() {
    let outcome = batch::run_one(&load(blocks("toml")[1]), 0, false);
    assert_eq!(outcome.code(), ExitCode::Failed);
    let printed = blocks("console")[1];
    let told = outcome.text();
    let is_event = |line: &str| line.starts_with("   ") && !line.starts_with("             ");
    for line in told.lines().filter(|line| !is_event(line)) {
        assert!(printed.contains(line), "the README does not show:\n{line}\nof:\n{told}");
    }
}

#[test]
fn every_exit_code_of_the_program_is_listed() {
    for code in [0, 1, 2, 3, 4, 5, 70] {
        assert!(README.contains(&format!("{code} ")), "{code}");
    }
}
