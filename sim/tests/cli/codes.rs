//! Exit codes, and the one line that says why nothing was run.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::{code, command, squall};

#[test]
fn each_way_to_end_has_its_code() {
    assert_eq!(code(&["run", "tiny.toml"]), 0);
    assert_eq!(code(&["run", "blink.toml"]), 0);
    assert_eq!(code(&["run", "fails.toml"]), 1);
    assert_eq!(code(&["run", "mistakes.toml"]), 2);
    assert_eq!(code(&["run", "hangs.toml", "--seeds", "0"]), 3);
    assert_eq!(code(&["run", "inert.toml"]), 4);
    assert_eq!(code(&["run", "nothing to see.toml"]), 4);
    assert_eq!(code(&["run", "unmet.toml"]), 1);
}

#[test]
fn what_an_engine_cannot_express_is_not_run_and_said_so() {
    let path = concat!(env!("CARGO_TARGET_TMPDIR"), "/narrow.toml");
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cli/scenarios/tiny.toml"))
        .unwrap();
    std::fs::write(path, text + "\n[server.s0]\nbandwidth = \"1 MiB/s\"\n").unwrap();
    let (code, stdout, _) = squall(&["run", path, "--seeds", "0..2", "--engine", "turmoil"]);
    assert_eq!(code, 2);
    let reason = "server s0 has a bandwidth, and turmoil's links have none";
    assert_eq!(
        stdout,
        format!(
            "-     {path} (not run: {reason})\n1 scenario, 0 runs, 2 not run: nothing could be run on this engine (exit code 2)\n"
        )
    );
    let (code, stdout, _) = squall(&["run", path, "tiny.toml", "--seeds", "0..2", "--engine", "turmoil"]);
    assert_eq!(code, 0);
    assert!(stdout.ends_with("\n2 scenarios, 2 runs, 2 not run: all passed\n"), "{stdout}");
    let (code, stdout, _) = squall(&["replay", path, "--seed", "0", "--engine", "turmoil"]);
    assert_eq!(code, 2);
    assert!(stdout.ends_with(&format!("reason   turmoil cannot express it: {reason}\n")), "{stdout}");
    let (_, stdout, _) = squall(&["replay", path, "--seed", "0", "--engine", "turmoil", "--format", "json"]);
    assert!(stdout.contains(r#""scenarios":1,"runs":0,"failed":0,"not_run":1,"#), "{stdout}");
    assert_eq!(squall(&["run", path, "--seeds", "0"]).0, 0);
}

#[test]
fn a_run_on_turmoil_is_replayed_on_turmoil() {
    let (code, stdout, _) = squall(&["run", "fails.toml", "--seeds", "1", "--engine", "turmoil"]);
    assert_eq!(code, 1);
    assert!(
        stdout.contains("\nreplay   cargo squall replay fails.toml --seed 1 --engine turmoil\n"),
        "{stdout}"
    );
    let again = squall(&["replay", "fails.toml", "--seed", "1", "--engine", "turmoil"]).1;
    let trace = |text: &str| text.lines().find(|line| line.starts_with("trace")).map(str::to_owned);
    assert!(trace(&stdout).is_some() && trace(&stdout) == trace(&again));
    let twice = ["run", "fails.toml", "--seeds", "1", "--engine", "turmoil", "--check-determinism"];
    assert_eq!(crate::code(&twice), 1, "not 5");
}

#[test]
fn a_replay_ends_as_the_run_did() {
    assert_eq!(code(&["replay", "tiny.toml", "--seed", "1"]), 0);
    assert_eq!(code(&["replay", "fails.toml", "--seed", "1"]), 1);
    assert_eq!(code(&["replay", "hangs.toml", "--seed", "1"]), 3);
    assert_eq!(code(&["replay", "inert.toml", "--seed", "1"]), 4);
}

#[test]
fn blame_can_answer_for_a_run_that_fails_and_for_no_other() {
    assert_eq!(code(&["blame", "fails.toml", "--seed", "1"]), 0);
    assert_eq!(code(&["blame", "hangs.toml", "--seed", "1"]), 0);
    assert_eq!(code(&["blame", "inert.toml", "--seed", "1"]), 0);
    let nobody = "error: the run of seed 1 does not fail: nobody is to blame";
    assert_eq!(refused(&["blame", "tiny.toml", "--seed", "1"]), nobody);
    assert_eq!(code(&["blame", "mistakes.toml", "--seed", "1"]), 2);
}

#[test]
fn the_worst_of_many_runs_is_the_code_and_mistakes_do_not_stop_the_rest() {
    let (code, stdout, stderr) = squall(&["run", ".", "--seeds", "0"]);
    assert_eq!(code, 3);
    assert!(stdout.ends_with("9 scenarios, 9 runs, 5 failed: an operation hung (exit code 3)\n"), "{stdout}");
    assert!(stderr.ends_with("mistakes.toml: 2 mistakes\n"), "{stderr}");
    assert_eq!(squall(&["run", "tiny.toml", "mistakes.toml"]).0, 2);
}

/// Nothing on stdout, code 2, and a first line on stderr that says what is wrong.
fn refused(arguments: &[&str]) -> String {
    let (code, stdout, stderr) = squall(arguments);
    assert_eq!((code, stdout.as_str()), (2, ""), "{arguments:?}");
    stderr.lines().next().unwrap_or_default().to_owned()
}

#[test]
fn what_cannot_be_run_is_refused_in_one_line() {
    let empty = concat!(env!("CARGO_TARGET_TMPDIR"), "/empty");
    std::fs::create_dir_all(empty).unwrap();
    let no_files = format!("error: no scenario files (*.toml) below {empty}");
    assert_eq!(refused(&["run", empty]), no_files);
    assert_eq!(refused(&["check", empty]), no_files);
    let not_there = "error: cannot read nowhere.toml: No such file or directory (os error 2)";
    assert_eq!(refused(&["run", "tiny.toml", "nowhere.toml"]), not_there);
    assert_eq!(refused(&["replay", "nowhere.toml", "--seed", "1"]), not_there);
    assert_eq!(refused(&["explain", "nowhere.toml"]), not_there);
    assert_eq!(refused(&["replay", ".", "--seed", "1"]), "error: . is a folder, not a scenario file");
    let empty_range =
        "error: invalid value '5..5' for '--seeds <A..B>': 5..5 is empty: the end is not included";
    assert_eq!(refused(&["run", "tiny.toml", "--seeds", "5..5"]), empty_range);
    let beyond = refused(&["run", "tiny.toml", "--seeds", &u64::MAX.to_string()]);
    assert!(beyond.ends_with("seeds go up to 18446744073709551614"), "{beyond}");
    let not_a_number = "error: invalid value 'x..5' for '--seeds <A..B>': `x` is not a seed number";
    assert_eq!(refused(&["run", "tiny.toml", "--seeds", "x..5"]), not_a_number);
    let no_jobs = "error: invalid value '0' for '--jobs <N>': 0 is not in 1..=512";
    assert_eq!(refused(&["run", "tiny.toml", "--jobs", "0"]), no_jobs);
}

#[test]
fn without_arguments_help_is_shown() {
    let (code, stdout, stderr) = squall(&[]);
    assert_eq!((code, stdout.as_str()), (2, ""));
    assert_eq!(stderr, squall(&["--help"]).1);
}

#[test]
fn stdout_depends_neither_on_the_number_of_jobs_nor_on_the_time() {
    let run = |jobs: &str| squall(&["run", ".", "--seeds", "0..6", "--jobs", jobs]).1;
    let alone = run("1");
    assert!(alone.contains("(6 of 6 seeds; failed: seeds 0-5)"), "{alone}");
    assert_eq!(alone, run("1"));
    assert_eq!(alone, run("5"));
}

#[test]
fn the_largest_seed_and_a_range_of_all_seeds_are_taken() {
    let last = u64::MAX.to_string();
    let (code, stdout, _) = squall(&["replay", "tiny.toml", "--seed", &last]);
    assert_eq!(code, 0);
    assert!(stdout.ends_with(&format!("replay tiny.toml --seed {last}\n")));
}

#[test]
fn a_reader_that_goes_away_ends_a_batch_of_any_size_without_a_word() {
    let all = format!("0..{}", u64::MAX);
    let mut child = command(&["run", "unmet.toml", "tiny.toml", "--seeds", "0..200"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert!(first.starts_with("FAIL  unmet.toml (200 of 200 seeds; failed: seeds 0-199)"), "{first}");
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    assert_eq!(output.status.code(), Some(1));
    // A list of all seeds would not fit into any memory; this one only has to begin.
    let mut endless = command(&["run", "tiny.toml", "--seeds", &all]).stdout(Stdio::null()).spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert_eq!(endless.try_wait().unwrap(), None, "it still runs");
    endless.kill().unwrap();
    endless.wait().unwrap();
}

#[test]
fn where_no_scenarios_are_it_is_said_how_to_begin() {
    let empty = concat!(env!("CARGO_TARGET_TMPDIR"), "/nothing-here");
    std::fs::create_dir_all(empty).unwrap();
    let output = command(&["run"]).current_dir(empty).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr.starts_with("error: cannot read scenarios: "), "{stderr}");
    assert!(stderr.ends_with("; name files or folders, or begin a scenario: squall new\n"), "{stderr}");
    assert!(!squall(&["run", "nowhere.toml"]).2.contains("squall new"));
}
