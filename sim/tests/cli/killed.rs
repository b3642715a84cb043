//! A process that is killed in mid-run: which run it was is known from what it had printed by then.

use std::fs;
use std::io::{BufRead, BufReader, Lines, Read};
use std::process::{Child, Stdio};

use serde_json::Value;

use crate::command;

/// A scenario of which one run takes minutes, and the folder it is in.
pub(crate) fn endless(test: &str) -> String {
    let file = format!("{}/{test}-endless.toml", env!("CARGO_TARGET_TMPDIR"));
    let head = "about = \"Takes long.\"\n[files.movie]\nsize = \"20 MiB\"\n[[steps]]\nupload = \"movie\"\n";
    fs::write(&file, head.to_owned() + &"[[steps]]\ndownload = \"movie\"\n".repeat(999)).unwrap();
    file
}

fn spawn(arguments: &[&str]) -> Child {
    command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn json(lines: &mut Lines<impl BufRead>) -> (String, u64) {
    let line: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    (line["event"].as_str().unwrap().to_owned(), line["seed"].as_u64().unwrap())
}

/// Kills the child; what it had printed to stdout and had not been read yet.
fn kill(mut child: Child) -> String {
    child.kill().unwrap();
    child.wait().unwrap();
    let mut rest = String::new();
    if let Some(mut stdout) = child.stdout.take() {
        stdout.read_to_string(&mut rest).unwrap();
    }
    rest
}

#[test]
fn a_run_that_is_not_over_after_a_while_is_told_of_on_stderr() {
    let file = endless("plain");
    let mut child = spawn(&["run", &file, "--seeds", "17"]);
    let mut stderr = BufReader::new(child.stderr.take().unwrap()).lines();
    let line = stderr.next().unwrap().unwrap();
    let replay = format!("cargo squall replay {file} --seed 17");
    assert_eq!(line, format!("still running after 2 s: {file}, seed 17; to repeat it: {replay}"));
    assert_eq!(kill(child), "");
    assert!(stderr.next().is_none(), "it is told once");
}

#[test]
fn programs_know_each_run_before_it_begins() {
    let file = endless("json");
    let mut child = spawn(&["run", &file, "--seeds", "17", "--format", "json"]);
    let mut stdout = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(json(&mut stdout), ("run_started".to_owned(), 17));
    kill(child);
    assert!(stdout.next().is_none());
}

#[test]
fn runs_are_announced_beside_the_text_on_request() {
    let file = endless("announced");
    let mut child = spawn(&["run", "tiny.toml", &file, "--seeds", "3", "--jobs", "1", "--announce"]);
    let mut stderr = BufReader::new(child.stderr.take().unwrap()).lines();
    assert_eq!(json(&mut stderr), ("run_started".to_owned(), 3));
    assert_eq!(json(&mut stderr), ("run_ended".to_owned(), 3));
    assert_eq!(json(&mut stderr), ("run_started".to_owned(), 3));
    assert_eq!(kill(child), "ok    tiny.toml (1 seed)\n");
    assert!(stderr.next().is_none());
}
