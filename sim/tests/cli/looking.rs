//! `list` and `new`: what they print, what they write, and what they leave alone.

use std::fs;
use std::path::Path;

use crate::{command, squall};

/// A new, empty folder of this name.
fn folder(name: &str) -> String {
    let folder = format!("{}/{name}", env!("CARGO_TARGET_TMPDIR"));
    if Path::new(&folder).exists() {
        fs::remove_dir_all(&folder).unwrap();
    }
    fs::create_dir_all(&folder).unwrap();
    folder
}

#[test]
fn a_list_has_a_block_for_each_folder_and_is_as_wide_as_the_terminal() {
    let files = ["list", "tiny.toml", "storm.toml", "bug.toml", "unmet.toml", "."];
    let (code, stdout, stderr) = squall(&files[..5]);
    assert_eq!((code, stderr.as_str()), (0, ""));
    insta::assert_snapshot!("list", stdout);
    for columns in [60, 100, 140] {
        let output = command(&files[..5]).env("COLUMNS", columns.to_string()).output().unwrap();
        let stdout = String::from_utf8(output.stdout).unwrap();
        assert!(stdout.lines().all(|line| line.chars().count() <= columns), "{stdout}");
        if columns == 100 {
            insta::assert_snapshot!("list_of_100_columns", stdout);
        }
    }
}

#[test]
fn a_list_shows_what_can_be_read_and_says_what_is_wrong_with_the_rest() {
    let (code, stdout, stderr) = squall(&["list", "."]);
    assert_eq!(code, 2);
    assert!(stdout.contains("tiny.toml") && !stdout.contains("mistakes.toml"), "{stdout}");
    assert!(stderr.ends_with("mistakes.toml: 2 mistakes\n"), "{stderr}");
}

#[test]
fn the_variants_of_a_file_are_one_row_for_people_and_one_line_each_for_programs() {
    let (code, stdout, _) = squall(&["list", "../more/matrix.toml"]);
    assert_eq!((code, stdout.matches("matrix.toml").count()), (0, 1), "{stdout}");
    assert!(stdout.contains(" (2 variants)\n") && stdout.ends_with("\n1 scenario\n"), "{stdout}");
    let stdout = squall(&["list", "../more/matrix.toml", "--format", "json"]).1;
    assert_eq!(stdout.matches(r#""variant":"placed=1"#).count(), 2, "{stdout}");
    assert!(stdout.contains(r#""command":"list","scenarios":1,"#), "{stdout}");
}

#[test]
fn the_kinds_of_starters_are_listed() {
    let (code, stdout, _) = squall(&["new"]);
    assert_eq!(code, 0);
    insta::assert_snapshot!("kinds", stdout);
}

#[test]
fn a_starter_is_printed_or_written_and_runs() {
    let folder = folder("starters");
    let printed = squall(&["new", "hang"]).1;
    let file = format!("{folder}/mine.toml");
    let (code, stdout, _) = squall(&["new", "hang", &file]);
    assert_eq!((code, stdout), (0, format!("wrote {file}; now: cargo squall run {file}\n")));
    assert_eq!(fs::read_to_string(&file).unwrap(), printed);
    assert_eq!(squall(&["new", "power_loss", &folder]).0, 0);
    let (code, stdout, _) = squall(&["run", &folder, "--seeds", "0..2"]);
    assert_eq!((code, stdout.lines().last()), (0, Some("2 scenarios, 4 runs: all passed")), "{stdout}");
}

#[test]
fn a_file_that_is_there_is_left_alone() {
    let folder = folder("occupied");
    let file = format!("{folder}/hang.toml");
    fs::write(&file, "precious").unwrap();
    let refusal = format!("error: {file} is there already and is left as it is\n");
    for path in [&file, &folder] {
        assert_eq!(squall(&["new", "hang", path]), (2, String::new(), refusal.clone()));
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "precious");
    let nowhere = format!("{folder}/nowhere/hang.toml");
    let (code, _, stderr) = squall(&["new", "hang", &nowhere]);
    let reason = "No such file or directory (os error 2)";
    assert_eq!((code, stderr), (2, format!("error: cannot write {nowhere}: {reason}\n")));
}

#[test]
fn a_misspelt_kind_command_or_option_is_recognised() {
    let meant = |arguments: &[&str], what: &str| {
        let (code, stdout, stderr) = squall(arguments);
        assert_eq!((code, stdout.as_str()), (2, ""), "{arguments:?}");
        assert!(stderr.contains(what), "{arguments:?}: {stderr}");
    };
    meant(&["new", "partiton"], "did you mean `partition`? the kinds are `hang`, ");
    meant(&["new", "earthquake"], "error: `earthquake` is no kind of scenario: the kinds are `hang`, ");
    meant(&["lst"], "a similar subcommand exists: 'list'");
    meant(&["run", "--sedes", "3"], "a similar argument exists: '--seeds'");
}
