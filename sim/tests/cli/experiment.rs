//! `squall experiment`: what it prints for whom, with which code it ends, and that the number of threads changes nothing.

use serde_json::Value;

use crate::squall;

const APPENDS: &str = "../experiments/appends.toml";

/// A copy of the experiment in which `from` is `to`, where programs of this test find it.
fn changed(name: &str, from: &str, to: &str) -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cli/experiments/appends.toml");
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{from}");
    let copy = format!("{}/{name}.toml", env!("CARGO_TARGET_TMPDIR"));
    std::fs::write(&copy, text.replacen(from, to, 1)).unwrap();
    copy
}

#[test]
fn what_is_printed_does_not_depend_on_the_number_of_jobs() {
    for format in ["text", "csv", "json"] {
        let told = |jobs| squall(&["experiment", APPENDS, "--format", format, "--jobs", jobs]);
        let alone = told("1");
        assert_eq!(alone.0, 0, "{}", alone.1);
        assert_eq!(alone, told("3"));
        assert!(alone.1.lines().all(|line| format != "text" || line.chars().count() <= 110), "{}", alone.1);
    }
}

#[test]
fn a_spreadsheet_has_a_row_for_each_arm() {
    let (_, rows, stderr) = squall(&["experiment", APPENDS, "--format", "csv"]);
    assert_eq!(stderr, "");
    let rows: Vec<Vec<&str>> = rows.lines().map(|row| row.split(',').collect()).collect();
    assert_eq!(rows.len(), 5);
    assert!(rows.iter().all(|row| row.len() == rows[0].len()));
    let column = |name: &str| {
        let at = rows[0].iter().position(|heading| *heading == name).unwrap();
        rows[1..].iter().map(|row| row[at]).collect::<Vec<_>>()
    };
    assert_eq!(column("policy"), ["none", "once", "none", "once"]);
    assert_eq!(column("rate"), ["0.02", "0.02", "0.05", "0.05"]);
    assert_eq!(column("retries_allowed"), ["0", "1", "0", "1"]);
    assert_eq!(column("operations"), ["120"; 4]);
    assert_eq!(column("lines_missing"), ["0"; 4]);
}

#[test]
fn what_is_counted_adds_up() {
    let (_, stdout, _) = squall(&["experiment", APPENDS, "--format", "json"]);
    let lines: Vec<Value> = stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let arms: Vec<&Value> = lines.iter().filter(|line| line["event"] == "experiment_arm").collect();
    assert_eq!(arms.len(), 4);
    for arm in arms {
        let number = |value: &Value| value.as_u64().unwrap();
        let failures = arm["failures"].as_array().unwrap();
        let failed: u64 = failures.iter().map(|failure| number(&failure["count"])).sum();
        assert_eq!((failed, failed + number(&arm["succeeded"])), (number(&arm["failed"]), 120), "{arm}");
        let seen = &arm["read_back"];
        assert_eq!(number(&seen["read"]) + number(&seen["unread"]), 120, "{arm}");
        assert!(number(&seen["lines"]) <= 120 && number(&seen["missing"]) == 0, "{arm}");
        let touched: u64 = arm["faults"].as_object().unwrap().values().map(number).sum();
        assert!(touched > 0, "{arm}");
    }
}

#[test]
fn a_plot_has_a_line_for_each_policy() {
    let path = format!("{}/appends.svg", env!("CARGO_TARGET_TMPDIR"));
    let (code, _, stderr) = squall(&["experiment", APPENDS, "--seeds", "0", "--plot", &path]);
    assert_eq!((code, stderr.as_str()), (0, ""));
    let svg = std::fs::read_to_string(&path).unwrap();
    assert!(svg.starts_with("<svg"), "{svg}");
    for name in ["none", "once", "puts that fail", "requests that fail"] {
        assert!(svg.contains(name), "{name}");
    }
}

#[test]
fn a_file_that_is_mistaken_about_its_requests_is_told_so() {
    let file = changed("other-requests", "requests = 5", "requests = 3");
    let (code, _, stderr) = squall(&["experiment", &file]);
    assert_eq!(code, 2);
    assert!(stderr.contains("needs 3 requests; in an undisturbed run they needed 5.00"), "{stderr}");
}

#[test]
fn what_the_closed_form_does_not_explain_is_a_failure() {
    // With so long a burst a put fails because the one before it did.
    let file = changed("bursts", "when = \"step 2 starts\"", "again = 0.9\nwhen = \"step 2 starts\"");
    let (code, stdout, _) = squall(&["experiment", &file]);
    assert_eq!(code, 1, "{stdout}");
    assert!(stdout.contains("disagree with the closed form at the 99 % level"), "{stdout}");
}

#[test]
fn a_file_without_a_question_is_no_experiment() {
    let (code, _, stderr) = squall(&["experiment", "tiny.toml"]);
    assert_eq!(code, 2);
    assert_eq!(stderr, "error: tiny.toml is not an experiment: it has no table [experiment]\n");
}

#[test]
fn only_the_arms_that_are_tested_are_run_as_scenarios() {
    let told = |more: &[&str]| squall(&[&["run", APPENDS], more].concat()).1;
    assert!(told(&[]).contains("6 runs: all passed"), "{}", told(&[]));
    assert!(told(&["--seeds", "0"]).contains("4 runs: all passed"));
    assert!(told(&["--variant", "1"]).contains("3 runs: all passed"));
}
