//! Variants of a file on the command line, and what is printed of the format itself.

use crate::{code, squall};

const MATRIX: &str = "../more/matrix.toml";

#[test]
fn each_variant_has_its_line_and_a_failing_run_its_replay() {
    let (code, stdout, _) = squall(&["run", MATRIX]);
    assert_eq!(code, 1);
    assert!(stdout.starts_with("ok    ../more/matrix.toml [placed=10 size=1 KiB] (2 seeds)\n"), "{stdout}");
    assert!(
        stdout.contains(
            "\nFAIL  ../more/matrix.toml [placed=11 size=1 KiB] (2 of 2 seeds; failed: seeds 0-1)\n"
        )
    );
    assert!(stdout.contains("\nFAIL     ../more/matrix.toml [placed=11 size=1 KiB], seed 0\n"), "{stdout}");
    let replay = "cargo squall replay ../more/matrix.toml --seed 0 --variant 'placed=11 size=1 KiB'";
    assert!(stdout.contains(&format!("\nreplay   {replay}\n")), "{stdout}");
    assert!(
        stdout.ends_with("\n1 scenario, 4 runs, 2 failed: a property failed (exit code 1)\n"),
        "{stdout}"
    );
    assert_eq!(self::code(&["replay", MATRIX, "--seed", "0", "--variant", "placed=11 size=1 KiB"]), 1);
}

#[test]
fn a_variant_is_chosen_by_number_or_by_words() {
    assert_eq!(code(&["run", MATRIX, "--variant", "1"]), 0);
    assert_eq!(code(&["run", MATRIX, "--variant", "placed=10"]), 0);
    assert_eq!(code(&["run", MATRIX, "--variant", "placed=11"]), 1);
    assert_eq!(code(&["run", MATRIX, "tiny.toml", "--variant", "placed=10"]), 0);
    assert_eq!(code(&["explain", MATRIX, "--variant", "2"]), 0);
}

#[test]
fn where_one_is_needed_none_or_several_are_refused_with_their_names() {
    let refused = |arguments: &[&str]| {
        let (code, stdout, stderr) = squall(arguments);
        assert_eq!((code, stdout.as_str()), (2, ""), "{arguments:?}");
        stderr
    };
    let names = "\n  placed=10 size=1 KiB\n  placed=11 size=1 KiB\n";
    let which = format!("error: the file has 2 variants: say which with --variant{names}");
    assert_eq!(refused(&["replay", MATRIX, "--seed", "0"]), which);
    assert_eq!(refused(&["explain", MATRIX]), which);
    let several = format!("error: 2 variants are called `KiB`: say more of the name{names}");
    assert_eq!(refused(&["pin", MATRIX, "--seed", "0", "--variant", "KiB"]), several);
    let nobody = format!("error: no variant is called `MiB`{names}");
    assert_eq!(refused(&["run", MATRIX, "--variant", "MiB"]), nobody);
    assert_eq!(refused(&["run", "tiny.toml", "--variant", "1"]), "error: no variant is called `1`\n");
}

#[test]
fn a_pinned_run_is_a_file_that_a_person_would_have_written() {
    insta::assert_snapshot!(squall(&["pin", "storm.toml", "--seed", "3"]).1);
}

#[test]
fn the_format_describes_itself() {
    assert!(
        squall(&["schema"])
            .1
            .starts_with("{\n  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n")
    );
    assert!(squall(&["reference"]).1.starts_with("# Reference of scenario files\n"));
}
