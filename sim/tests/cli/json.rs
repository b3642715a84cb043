//! What other programs read: the shape of each line, what the lines say, and that nothing else is on stdout.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::squall;

const DOCUMENT: &str = include_str!("../../JSON.md");

/// A file with promises about all its seeds.
const PROMISES: &str = "../../../../scenarios/download/power-fails-some-time.toml";

/// Objects whose fields are names of things that were counted.
const COUNTS: [&str; 3] = ["experiment_arm.objects", "experiment_arm.messages", "experiment_arm.faults"];

/// The lines of an invocation and its exit code.
fn lines(arguments: &[&str]) -> (Vec<Value>, i32) {
    let (code, stdout, stderr) = squall(&[arguments, &["--format", "json"]].concat());
    assert_eq!(stderr, "", "{arguments:?}");
    let lines: Vec<Value> = stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().all(|line| line["format"] == 1), "{stdout}");
    assert_eq!(lines.last().unwrap()["event"], "summary", "{stdout}");
    assert_eq!(lines.last().unwrap()["exit_code"], code, "{stdout}");
    (lines, code)
}

fn events<'a>(lines: &'a [Value], event: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["event"] == event).collect()
}

/// All fields below `value` with the types they were seen with.
fn shape(at: &str, value: &Value, out: &mut BTreeMap<String, BTreeSet<&'static str>>) {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(items) => {
            items.iter().for_each(|item| shape(&format!("{at}[]"), item, out));
            "array"
        }
        Value::Object(_) if at == "explained.explained" => "a scenario file",
        Value::Object(_) if COUNTS.contains(&at) => "counts by name",
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| shape(&format!("{at}.{name}"), value, out));
            "object"
        }
    };
    out.entry(at.to_owned()).or_default().insert(kind);
}

/// Every field that any command tells.
fn all_shapes() -> BTreeMap<String, BTreeSet<&'static str>> {
    let commands: [&[&str]; 10] = [
        &["run", ".", "--seeds", "0..2"],
        &["replay", "storm.toml", "--seed", "1"],
        &["replay", "unmet.toml", "--seed", "1"],
        &["check", "mistakes.toml"],
        &["list", "."],
        &["list", "nowhere.toml"],
        &["explain", "tiny.toml"],
        &["run", "fails.toml", "--stop-after", "1"],
        &["run", PROMISES, "--seeds", "0..1"],
        &["experiment", "../experiments/appends.toml", "--seeds", "0..1"],
    ];
    let mut out = BTreeMap::new();
    for line in commands.iter().flat_map(|command| lines(command).0) {
        shape(line["event"].as_str().unwrap(), &line, &mut out);
    }
    out
}

#[test]
fn the_shape_is_the_one_of_this_version_and_is_documented() {
    let shapes = all_shapes();
    let told: Vec<String> = shapes
        .iter()
        .map(|(at, kinds)| format!("{at}: {}", kinds.iter().copied().collect::<Vec<_>>().join(" or ")))
        .collect();
    insta::assert_snapshot!(told.join("\n"));
    let sections: BTreeMap<&str, &str> = DOCUMENT
        .split("## Fields")
        .nth(1)
        .unwrap()
        .split("\n\n`")
        .skip(1)
        .map(|section| section.split_once('`').unwrap())
        .collect();
    for at in shapes.keys() {
        let event = at.split('.').next().unwrap();
        let field = at.rsplit('.').next().unwrap().trim_end_matches("[]");
        let known = ["format", "event", event].contains(&field);
        let as_started = event == "run_ended" && ["scenario", "seed", "replay"].contains(&field);
        let documented = sections[event].contains(&format!("`{field}`"));
        assert!(known || as_started || documented, "sim/JSON.md does not say what {at} is");
    }
}

#[test]
fn with_one_job_every_run_is_announced_ends_and_only_then_the_next_begins() {
    let (lines, code) = lines(&["run", "tiny.toml", "fails.toml", "--seeds", "0..3", "--jobs", "1"]);
    assert_eq!(code, 1);
    let told: Vec<String> = lines
        .iter()
        .map(|line| format!("{} {} {}", line["event"], line["scenario"], line["seed"]).replace('"', ""))
        .collect();
    let mut wanted = Vec::new();
    for file in ["tiny.toml", "fails.toml"] {
        for seed in 0..3 {
            wanted.push(format!("run_started {file} {seed}"));
            wanted.push(format!("run_ended {file} {seed}"));
        }
        wanted.push(format!("scenario_ended {file} null"));
    }
    wanted.push("summary null null".to_owned());
    assert_eq!(told, wanted);
}

#[test]
fn the_lines_do_not_depend_on_the_number_of_jobs_and_runs_start_in_order() {
    let run = |jobs: &str| lines(&["run", ".", "--seeds", "0..6", "--jobs", jobs]);
    // Mistakes are told on stdout, and so nothing is on stderr.
    let sorted = |lines: &[Value]| {
        let mut texts: Vec<String> = lines.iter().map(Value::to_string).collect();
        texts.sort();
        texts
    };
    let in_order = |lines: &[Value]| {
        events(lines, "run_started").iter().map(|line| line["replay"].to_string()).collect::<Vec<_>>()
    };
    let ((alone, code), (several, _)) = (run("1"), run("5"));
    assert_eq!(code, 3);
    assert_eq!(sorted(&alone), sorted(&several));
    assert_eq!(in_order(&alone), in_order(&several));
    let mut underway = 0;
    for line in &several {
        underway += i32::from(line["event"] == "run_started") - i32::from(line["event"] == "run_ended");
        assert!((0..=5).contains(&underway), "{underway} runs had started and not ended");
    }
}

#[test]
fn a_run_that_fails_says_why_and_what_each_step_and_fault_did() {
    let (lines, _) = lines(&["run", "fails.toml", "inert.toml", "--seeds", "0"]);
    let ended = events(&lines, "run_ended");
    let fails = ended.iter().find(|line| line["scenario"] == "fails.toml").unwrap();
    assert_eq!((&fails["verdict"], &fails["exit_code"]), (&"failed".into(), &1.into()));
    assert_eq!(fails["findings"][0]["oracle"], "expectation");
    assert_eq!(fails["steps"][0]["ended"], "success");
    assert_eq!(fails["steps"][1]["ended"], "done");
    assert_eq!(fails["steps"][2]["error"], "not enough shares");
    assert!(fails["steps"][2]["took_us"].as_u64().unwrap() > 1000);
    assert_eq!(fails["timeline"].as_array().unwrap().len(), 40);
    assert_eq!(fails["replay"], "cargo squall replay fails.toml --seed 0");
    let inert = ended.iter().find(|line| line["scenario"] == "inert.toml").unwrap();
    assert_eq!(inert["receipts"][0]["inert"], true);
    assert_eq!(inert["receipts"][0]["fault"], "far too late");
}

#[test]
fn a_scenario_tells_what_came_of_each_promise() {
    let (lines, code) = lines(&["run", PROMISES, "--seeds", "0..2"]);
    assert_eq!(code, 0);
    let ended = events(&lines, "scenario_ended")[0];
    let promises = ended["over_all_seeds"].as_array().unwrap();
    assert!(!promises.is_empty());
    assert!(promises.iter().all(|promise| promise["operations"] == 2 && promise["kept"] != false), "{ended}");
    assert_eq!((&ended["not_run"], &ended["cut_short"]), (&0.into(), &false.into()));
}

#[test]
fn a_replay_tells_all_events_and_the_fingerprint_that_the_text_shows() {
    let (lines, _) = lines(&["replay", "storm.toml", "--seed", "4"]);
    let ended = events(&lines, "run_ended")[0];
    assert_eq!(ended["events"], ended["timeline"].as_array().unwrap().len());
    let text = squall(&["replay", "storm.toml", "--seed", "4"]).1;
    assert!(text.contains(ended["fingerprint"].as_str().unwrap()));
}

#[test]
fn a_mistake_has_its_place() {
    let (lines, code) = lines(&["check", "mistakes.toml"]);
    assert_eq!(code, 2);
    let mistake = events(&lines, "mistake")[0];
    assert_eq!((&mistake["line"], &mistake["column"]), (&4.into(), &15.into()));
    assert_eq!(mistake["message"], "unknown unit `elephants`");
}

#[test]
fn what_is_explained_is_a_scenario_that_can_be_read() {
    let (lines, _) = lines(&["explain", "storm.toml", "--seed", "3"]);
    let explained: toml::Table =
        serde_json::from_value(events(&lines, "explained")[0]["explained"].clone()).unwrap();
    let text = toml::to_string(&explained).unwrap();
    let again = squall::scenario::parse("storm.toml", text.as_bytes()).unwrap();
    let file = format!("{}/storm.toml", crate::FOLDER);
    let mut schedule = squall::scenario::load(file).unwrap().schedule(3);
    schedule.path = "storm.toml".to_owned();
    assert_eq!(again.schedule(3), schedule);
}
