//! What a person reads, as snapshots. Numbers that depend on how quick lafs is are blanked; the layout is not.

use crate::squall;

/// Blanks times and counts, and leaves one event of each stretch.
fn steady(text: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        let event = line.len() > 12 && line.as_bytes()[5] == b'.' && line.starts_with("    ");
        let line = if event {
            "    [events]".to_owned()
        } else if line.starts_with("             ") {
            "             [details of the error]".to_owned()
        } else if line.starts_with("trace") {
            "trace    [fingerprint]".to_owned()
        } else if ["verdict", "wanted", "step", "fault", "failure", "events", " "]
            .iter()
            .any(|l| line.starts_with(l))
        {
            let number = |word: &str| {
                word.trim_start_matches('(').trim_end_matches([',', ';', '%']).parse::<f64>().is_ok()
            };
            let words = line.split(' ').map(|word| if number(word) { "#" } else { word });
            words.collect::<Vec<&str>>().join(" ")
        } else {
            line.to_owned()
        };
        if lines.last() != Some(&line) {
            lines.push(line);
        }
    }
    lines.join("\n")
}

/// Both streams of an invocation, and its code.
fn shown(arguments: &[&str]) -> String {
    let (code, stdout, stderr) = squall(arguments);
    let stderr = if stderr.is_empty() { stderr } else { format!("\n--- stderr\n{}", steady(&stderr)) };
    format!("{}{stderr}\n--- exit code {code}", steady(&stdout))
}

#[test]
fn a_failing_run() {
    insta::assert_snapshot!(shown(&["run", "fails.toml"]));
}

#[test]
fn every_command_is_in_the_readme() {
    let readme = include_str!("../../../README.md");
    let list = readme.split("## Commands").nth(1).unwrap().split("Exit codes").next().unwrap();
    let help = squall(&["--help"]).1;
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|l| !l.is_empty());
    let names: Vec<&str> = commands.filter_map(|line| line.strip_prefix("  ")?.split(' ').next()).collect();
    let names: Vec<&str> = names.into_iter().filter(|name| !["", "help"].contains(name)).collect();
    assert!(names.contains(&"run") && names.contains(&"schema"), "{names:?}");
    for name in names {
        assert!(
            list.contains(&format!("`{name}`")) || list.contains(&format!("`{name} ")),
            "the README does not name {name}"
        );
    }
}

#[test]
fn a_passing_replay() {
    let (_, stdout, _) = squall(&["replay", "tiny.toml", "--seed", "1"]);
    insta::assert_snapshot!(stdout);
}

#[test]
fn a_hang() {
    insta::assert_snapshot!(shown(&["replay", "hangs.toml", "--seed", "0"]));
}

#[test]
fn who_is_to_blame() {
    insta::assert_snapshot!(shown(&["blame", "hangs.toml", "--seed", "0"]));
}

#[test]
fn an_inert_fault() {
    insta::assert_snapshot!(shown(&["run", "inert.toml", "nothing to see.toml", "--seeds", "3..5"]));
}

#[test]
fn a_file_with_mistakes() {
    let (_, stdout, stderr) = squall(&["run", "mistakes.toml"]);
    assert_eq!(stdout, "");
    insta::assert_snapshot!(stderr);
}

#[test]
fn a_failure_that_did_not_come() {
    insta::assert_snapshot!(shown(&["run", "unmet.toml", "--seeds", "3"]));
}

#[test]
fn help() {
    insta::assert_snapshot!(squall(&["--help"]).1);
    for command in ["run", "replay", "blame", "check", "list", "new", "explain", "pin"] {
        insta::assert_snapshot!(format!("help_of_{command}"), squall(&[command, "--help"]).1);
    }
}

#[test]
fn a_timeline_has_one_line_for_each_event_in_columns_and_in_the_order_of_time() {
    let (_, stdout, _) = squall(&["replay", "fails.toml", "--seed", "0"]);
    let events: Vec<&str> = stdout
        .lines()
        .skip_while(|line| !line.starts_with("events"))
        .skip(1)
        .take_while(|line| !line.starts_with("trace"))
        .collect();
    assert!(events.len() > 300);
    let mut last = 0.0;
    for event in events {
        let at: f64 = event[..12].trim().parse().unwrap();
        assert!(at >= last, "{event}");
        last = at;
        assert_eq!(&event[12..14], "  ", "{event}");
        assert!(!event[14..].starts_with(' ') && !event[23..].starts_with(' '), "{event}");
        assert_eq!(&event[21..23], "  ", "{event}");
    }
}
