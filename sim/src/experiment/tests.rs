//! What an experiment tells, of counts that are made up.

use std::time::Duration;

use insta::assert_snapshot;

use super::*;
use crate::scenario;
use crate::workload::{Failure, Phase};

const TEXT: &str = r#"about = "x"
[grid]
servers = 1
encoding = "1-of-1"
storage = "s3"
client_retries = false
[files.log]
kind = "mutable"
[experiment]
question = "Is it enough to try again once, at once, where some of the requests to S3 fail, or should one wait a while and try more often?"
counts = "puts"
requests = 5
[matrix]
"faults.error.which" = ["with probability 0.0058", "with probability 0.01"]
"s3.retry" = ["none", "once", "aws-standard", "ours"]
[[steps]]
create = "log"
[[steps]]
append = "log"
times = 1000
[[faults]]
name = "error"
answer = "bucket"
with = "500 InternalError"
which = "with probability 0.01"
again = 0.25
again_within = "50ms"
when = "step 2 starts"
"#;

/// All arms, of each of which so many of 10,000 puts failed.
fn trials(failed: [u64; 8]) -> Trials {
    let text = TEXT.replace("again = 0.25\nagain_within = \"50ms\"\n", "");
    of(&text, failed)
}

fn of(text: &str, failed: [u64; 8]) -> Trials {
    let variants =
        scenario::parse_all("three.toml", text.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
    let experiment = variants[0].experiment().unwrap().clone();
    let mut arms = Vec::new();
    for (scenario, failed) in variants.iter().zip(failed) {
        let schedule = scenario.schedule(0);
        let conditions = Conditions::of(&schedule).unwrap();
        let mut arm = Arm::new(scenario, &schedule, experiment.counts, conditions, 5.0);
        (arm.runs, arm.operations, arm.failed) = (10, 10_000, failed);
        for (phase, count) in [(Phase::Reading, failed / 2), (Phase::Writing, failed - failed / 2)] {
            arm.failures.insert(Failure { phase, kind: "other" }, count);
        }
        arm.read_back.lines = 10_000;
        arm.received.objects = [("lists", 20_000), ("gets", 20_100), ("puts", 10_050)].into();
        arm.received.messages = [("reads", 20_000), ("test-and-write", 10_000)].into();
        arm.faults.insert("error".to_owned(), 150);
        arm.busy = Duration::from_millis(1_234_567);
        arms.push(arm);
    }
    Trials { experiment, arms }
}

#[test]
fn where_the_closed_form_does_not_hold_the_reason_is_told() {
    let why = |from: &str, to: &str| {
        let text = TEXT.replace(from, to);
        assert_ne!(text, TEXT);
        let variants =
            scenario::parse_all("x.toml", text.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
        Conditions::of(&variants[0].schedule(0)).unwrap_err()
    };
    let fault = "when = \"step 2 starts\"";
    assert_eq!(why(fault, &format!("only = \"puts\"\n{fault}")), NoForm::SomeRequests);
    assert_eq!(why(fault, &format!("keys = \"s0/\"\n{fault}")), NoForm::SomeRequests);
    assert_eq!(why(fault, &format!("applied = true\n{fault}")), NoForm::Applied);
    assert_eq!(why("500 InternalError", "404 NoSuchKey"), NoForm::NotTriedAgain);
    assert_eq!(why("500 InternalError", "reset"), NoForm::NotTriedAgain);
    assert_eq!(why("client_retries = false", "client_retries = true"), NoForm::ClientsTryAgain);
}

const AS_EXPECTED: [u64; 8] = [285, 2, 0, 0, 493, 5, 0, 0];

#[test]
fn a_table_has_what_was_seen_and_an_answer() {
    let text = table(&trials(AS_EXPECTED));
    assert!(text.lines().all(|line| line.chars().count() <= 110), "{text}");
    assert_snapshot!(text);
}

#[test]
fn an_arm_that_disagrees_and_a_line_that_is_lost_are_failures() {
    let mut trials = trials([285, 40, 0, 0, 493, 5, 0, 0]);
    assert_eq!(trials.code(), ExitCode::Failed);
    trials.arms[3].read_back.missing = 1;
    trials.arms[4].failed_runs = 2;
    assert_snapshot!(table(&trials).lines().rev().take(2).collect::<Vec<_>>().join("\n"));
    let mut lost = self::trials(AS_EXPECTED);
    assert_eq!(lost.code(), ExitCode::Passed);
    lost.arms[3].read_back.missing = 1;
    assert_eq!(lost.code(), ExitCode::Failed);
}

#[test]
fn bursts_have_a_sentence_of_their_own() {
    let told = answer(&of(TEXT, AS_EXPECTED));
    assert_snapshot!(told.join("\n"));
}

#[test]
fn a_spreadsheet_has_a_heading_for_each_column() {
    let rows = spreadsheet(&trials(AS_EXPECTED)).unwrap();
    assert_snapshot!(rows.lines().take(2).collect::<Vec<_>>().join("\n"));
}

#[test]
fn a_plot_shows_what_never_failed_as_the_most_it_can_be() {
    let svg = plot(&trials(AS_EXPECTED)).unwrap();
    // Measured points, one for each arm in which something failed; triangles for the others.
    assert_eq!(svg.matches("<circle").count(), 4);
    assert_eq!(svg.matches("<polygon").count(), 4);
    let calm = of(&TEXT.replace("with probability 0.0058\", ", "the first 1\", "), AS_EXPECTED);
    assert!(plot(&calm).is_ok());
}
