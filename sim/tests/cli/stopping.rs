//! `--stop-after`: where a batch ends, whatever the number of jobs.

use serde_json::Value;

use crate::squall;

#[test]
fn a_batch_ends_with_the_failure_that_is_the_last_one_allowed_whatever_the_jobs() {
    let run = |jobs: &str, more: &[&str]| {
        let arguments = ["run", ".", "--seeds", "0..30", "--stop-after", "2", "--jobs", jobs];
        squall(&[arguments.as_slice(), more].concat())
    };
    let (code, alone, _) = run("1", &[]);
    assert_eq!(code, 1);
    let told: Vec<&str> = alone.lines().filter(|line| line.contains(" seed")).collect();
    assert!(told.contains(&"FAIL  ./fails.toml (2 of 2 seeds; failed: seeds 0-1)"), "{alone}");
    let last = "9 scenarios, 62 runs, 2 failed: a property failed (exit code 1); \
                stopped after 2 failures: 208 runs left out\n";
    assert!(alone.ends_with(last), "{alone}");
    for jobs in ["2", "7"] {
        assert_eq!(run(jobs, &[]).1, alone, "{jobs} jobs");
    }
    let ended = |jobs: &str| {
        let lines = run(jobs, &["--format", "json"]).1;
        let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        lines.into_iter().filter(|line| line["event"] != "run_started").collect::<Vec<Value>>()
    };
    let json = ended("1");
    assert_eq!(json.iter().filter(|line| line["event"] == "run_ended").count(), 62);
    assert_eq!(json.last().unwrap()["left_out"], 208);
    assert_eq!(ended("5"), json);
}

#[test]
fn a_batch_with_fewer_failures_runs_to_its_end() {
    let run = |more: &[&str]| {
        squall(&[["run", "tiny.toml", "fails.toml", "--seeds", "0..3"].as_slice(), more].concat())
    };
    assert_eq!(run(&["--stop-after", "4"]), run(&[]));
    // The third failure is the last run: nothing is left out.
    assert_eq!(run(&["--stop-after", "3"]), run(&[]));
    assert_eq!(squall(&["run", "tiny.toml", "--stop-after", "0"]).0, 2);
}

#[test]
fn a_known_bug_that_was_not_shown_before_the_end_is_not_gone() {
    let (code, stdout, _) = squall(&["run", "inert.toml", "bug.toml", "--stop-after", "1"]);
    assert_eq!(code, 4);
    assert!(!stdout.contains("known bug"), "{stdout}");
}
