//! The README tells the truth: its scenarios load and run as it says, the failing run is printed as it is, and what
//! there is to say in a scenario is named. `UPDATE_README=1 cargo test --test readme` prints the failing run anew.

use std::ops::ControlFlow;

use squall::batch::{self, Batch, News};
use squall::report;
use squall::scenario::{self, Scenario};
use squall::verdict::ExitCode;

const README: &str = include_str!("../README.md");

/// What the file of the failing run is called.
const FILE: &str = "two-left.toml";

/// Of the last events so many are printed: the first and the last of them.
const EVENTS: (usize, usize) = (3, 4);

/// The blocks of the README in one language, in order.
fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    README.split(fence.as_str()).skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

fn load(text: &str) -> Scenario {
    scenario::parse(FILE, text.as_bytes()).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn the_first_scenario_passes() {
    let tally = batch::run_all(&load(blocks("toml")[0]));
    assert_eq!(tally.code(), ExitCode::Passed);
}

/// The report of a run without most of its events.
fn abridged(told: &str) -> String {
    let lines: Vec<&str> = told.lines().collect();
    let begin = lines.iter().position(|line| line.starts_with("events")).expect("events") + 1;
    let end = lines.iter().position(|line| line.starts_with("trace")).expect("a trace");
    let left_out = format!("              ... {} more ...", end - begin - EVENTS.0 - EVENTS.1);
    let (first, last) = (begin + EVENTS.0, end - EVENTS.1);
    [&lines[..first], &[left_out.as_str()], &lines[last..]].concat().join("\n")
}

#[test]
fn the_failing_run_is_printed_as_it_is() {
    let (mut tally, mut told) = (String::new(), String::new());
    let batch = Batch { seeds: Some(0..1), ..Batch::default() };
    batch.run(&[load(blocks("toml")[1])], |news| {
        if let News::Scenario(scenario, of) = news {
            assert_eq!(of.code(), ExitCode::Failed);
            tally = report::tally(&scenario.name(), &of);
            told = of.first.expect("a failure").text();
        }
        ControlFlow::Continue(())
    });
    let events = told.lines().find_map(|line| line.strip_prefix("events   the last 40 of ")).expect("events");
    let events = events.split(';').next().expect("a count");
    let now = format!(
        "$ cargo squall run {FILE} --seeds 0\nFAIL  {tally}\n\n{}\n\n{}\n\n\
         $ cargo squall replay {FILE} --seed 0     # the same run again, all {events} events of it\n",
        abridged(&told),
        report::summary(1, 1, 0, 1, ExitCode::Failed),
    );
    let printed = blocks("console")[1];
    if std::env::var_os("UPDATE_README").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
        std::fs::write(path, README.replace(printed, &now)).expect("the README");
        return;
    }
    assert_eq!(printed, now, "print it anew with UPDATE_README=1");
}

#[test]
fn every_exit_code_of_the_program_is_listed() {
    let list = README.split("Exit codes of `run` and `replay`:").nth(1).expect("a list of exit codes");
    for code in ExitCode::ALL {
        let number = format!("{} ", code as u8);
        assert!(list.split([',', '.']).any(|item| item.trim_start().starts_with(&number)), "{code:?}");
    }
}

/// The keys of a table of the reference for which `wanted` says yes, given what stands for them when they are absent.
fn keys(reference: &'static str, table: &str, wanted: impl Fn(&str) -> bool) -> Vec<&'static str> {
    let table = reference.split(&format!("\n### {table}\n")).nth(1).expect("a table of the reference");
    let rows = table.lines().take_while(|line| !line.starts_with('#')).filter(|line| line.starts_with("| `"));
    let cells = rows.map(|row| row.split(" | ").collect::<Vec<&str>>());
    cells.filter(|cells| wanted(cells[2])).map(|cells| cells[0].trim_start_matches("| ")).collect()
}

#[test]
fn every_table_action_promise_and_fault_of_a_scenario_is_named() {
    let reference = scenario::reference().leak();
    let named = README.split("## Writing a scenario").nth(1).expect("the section");
    let table: String = named.lines().take_while(|line| !line.starts_with("## ")).collect();
    let mut words = keys(reference, "`[[steps]]`", |without| without == "another action");
    words.extend(keys(reference, "`[[steps]]`", |without| without == "not checked"));
    words.extend(keys(reference, "`[[faults]]`", |without| without == "another kind"));
    assert!(words.len() > 30, "{words:?}");
    for word in words {
        assert!(table.contains(word), "the README does not name {word}");
    }
    for word in keys(reference, "the file", |_| true).into_iter().filter(|word| *word != "`version`") {
        let word = word.trim_matches('`');
        let named = ["`W`", "`[W]`", "`[W.", "`[[W]]`"].map(|form| form.replace('W', word));
        assert!(named.iter().any(|named| table.contains(named)), "the README does not name {word}");
    }
}
