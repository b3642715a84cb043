//! What is generated from the list of keys and checked in: the schema for editors and the reference for people.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::path::{Path, PathBuf};

use serde_json::Value;
use squall::scenario;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn is_current(path: &str, text: &str, command: &str) {
    let written = std::fs::read_to_string(root().join(path)).unwrap_or_default();
    assert!(written == text, "{path} is out of date: run `cargo squall {command} > {path}`");
}

#[test]
fn the_schema_that_is_checked_in_is_current() {
    is_current("scenarios/scenario.schema.json", &scenario::schema(), "schema");
}

#[test]
fn the_reference_that_is_checked_in_is_current() {
    is_current("sim/REFERENCE.md", &scenario::reference(), "reference");
}

fn validator() -> jsonschema::Validator {
    let schema: Value = serde_json::from_str(&scenario::schema()).unwrap();
    jsonschema::draft202012::meta::validate(&schema).unwrap();
    jsonschema::validator_for(&schema).unwrap()
}

fn json(text: &str) -> Value {
    serde_json::to_value(toml::from_str::<toml::Table>(text).unwrap()).unwrap()
}

fn below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            below(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "toml") {
            found.push(path);
        }
    }
}

#[test]
fn the_schema_takes_every_scenario_and_every_base() {
    let validator = validator();
    let mut files = Vec::new();
    below(&root().join("scenarios"), &mut files);
    assert!(files.len() > 50);
    for path in files {
        let file = json(&std::fs::read_to_string(&path).unwrap());
        let wrong: Vec<String> =
            validator.iter_errors(&file).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(wrong.is_empty(), "{}: {wrong:#?}", path.display());
    }
}

const GOOD: &str = r#"about = "x"
deadline = "1m"
[matrix]
"files.f.size" = ["1 KiB"]
[grid]
servers = 10
encoding = "3-of-10"
bandwidth = "1..10 MiB/s"
[files.f]
[[steps]]
upload = "f"
placed = ">= 9"
[[steps]]
download = "f"
expect = "either"
[[faults]]
hang = "any 2 of s3..s9"
when = "it has served 2 blocks, in step 2"
may_stay_inert = false
[over_all_seeds]
downloads_failed = "<= 2 of 1000"
"#;

#[test]
fn the_schema_refuses_what_people_get_wrong() {
    let validator = validator();
    assert!(validator.is_valid(&json(GOOD)));
    for (from, to) in [
        ("about = \"x\"\n", ""),
        ("about = \"x\"", "about = \"\""),
        ("about = \"x\"", "about = \"x\"\nabuot = \"y\""),
        ("deadline = \"1m\"", "deadline = 60"),
        ("deadline = \"1m\"", "deadline = \"60\""),
        ("deadline = \"1m\"", "deadline = \"1 min\""),
        ("[\"1 KiB\"]", "[]"),
        ("[\"1 KiB\"]", "\"1 KiB\""),
        ("\"files.f.size\"", "\"flies.f.size\""),
        ("servers = 10", "servers = \"ten\""),
        ("servers = 10", "servers = []"),
        ("servers = 10", "servres = 10"),
        ("3-of-10", "3 of 10"),
        ("1..10 MiB/s", "1..10 MiB"),
        ("[[steps]]\nupload", "[[steps]]\nuplaod"),
        ("\">= 9\"", "\"> 9\""),
        ("\"either\"", "\"maybe\""),
        ("any 2 of s3..s9", "two of them"),
        ("it has served 2 blocks", "it has servd 2 blocks"),
        ("it has served 2 blocks", "after a while"),
        (", in step 2", ", in step two"),
        ("may_stay_inert = false", "may_stay_inert = \"no\""),
        ("<= 2 of 1000", "2 of 1000"),
    ] {
        assert!(GOOD.contains(from), "{from}");
        assert!(!validator.is_valid(&json(&GOOD.replacen(from, to, 1))), "{from} became {to}");
    }
}

#[test]
fn every_example_fits_its_own_schema() {
    let schema: Value = serde_json::from_str(&scenario::schema()).unwrap();
    let mut tried = 0;
    for (name, form) in schema["$defs"].as_object().unwrap() {
        let Some(examples) = form["examples"].as_array() else { continue };
        let mut alone = form.clone();
        alone["$defs"] = schema["$defs"].clone();
        let validator = jsonschema::validator_for(&alone).unwrap();
        for example in examples {
            assert!(validator.is_valid(example), "{name}: {example}");
            tried += 1;
        }
    }
    assert!(tried > 50);
}

#[test]
fn every_pattern_is_anchored_or_short() {
    let schema: Value = serde_json::from_str(&scenario::schema()).unwrap();
    for (name, form) in schema["$defs"].as_object().unwrap() {
        if let Some(pattern) = form["pattern"].as_str() {
            assert!(
                pattern.len() < 6 || pattern.starts_with('^') && pattern.ends_with('$'),
                "{name}: {pattern}"
            );
        }
    }
}
