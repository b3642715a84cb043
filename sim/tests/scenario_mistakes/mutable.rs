//! Mistakes about mutable files: what is done to them, what is promised of them, and what their shares do not have.

use super::*;

/// A file without a mistake that has a mutable file and an immutable one.
const BOTH: &str = r#"about = "a test"
[grid]
servers = 10
[files.movie]
size = "1 MiB"
[files.notes]
kind = "mutable"
size = "1 KiB"
[[steps]]
upload = "movie"
[[steps]]
create = "notes"
[[steps]]
write = "notes"
based_on = "step 2"
degraded = "no"
[[steps]]
delete = "notes"
on = "s3"
versions = 1
[[faults]]
name = "rot"
corrupt = "shares of notes"
field = "sequence number"
when = "step 2 ends"
"#;

/// The errors of that file after `from` became `to`.
fn errors(from: &str, to: &str) -> String {
    assert!(BOTH.contains(from), "{from}");
    errors_of(&BOTH.replacen(from, to, 1))
}

#[test]
fn the_file_that_is_spoilt_is_good() {
    assert!(scenario::parse("test.toml", BOTH.as_bytes()).is_ok());
}

#[test]
fn actions_on_the_wrong_kind_of_file() {
    let all = [
        errors("upload = \"movie\"", "upload = \"notes\""),
        errors("upload = \"movie\"", "download = \"notes\""),
        errors("create = \"notes\"", "create = \"movie\""),
        errors("create = \"notes\"", "read = \"movie\""),
        errors("kind = \"mutable\"", "kind = \"changing\""),
        errors("kind = \"mutable\"", "kind = \"mutable\"\nkey = \"random\""),
    ];
    assert_snapshot!(all.join("\n"));
}

#[test]
fn a_write_based_on_what_is_no_version() {
    let based = |on: &str| errors("based_on = \"step 2\"", &format!("based_on = \"{on}\""));
    assert_snapshot!([based("step 9"), based("step 1"), based("step 3"), based("the newest")].join("\n"));
}

#[test]
fn more_mutable_files_than_there_are_keys() {
    let more: String = (0..8).map(|number| format!("[files.n{number}]\nkind = \"mutable\"\n")).collect();
    assert_snapshot!(errors("[files.notes]", &format!("{more}[files.notes]")));
}

#[test]
fn values_that_steps_on_mutable_files_do_not_take() {
    let all = [
        errors("degraded = \"no\"", "degraded = \"maybe\""),
        errors("degraded = \"no\"", "times = 0"),
        errors("degraded = \"no\"", "restarts = 1"),
        errors("create = \"notes\"", "create = \"notes\"\ntimes = 2"),
        errors("upload = \"movie\"", "upload = \"movie\"\nversion = 1"),
        errors("delete = \"notes\"", "delete = \"movie\""),
    ];
    assert_snapshot!(all.join("\n"));
}

#[test]
fn parts_that_the_other_kind_of_share_has() {
    let movie = BOTH.replacen("shares of notes", "shares of movie", 1);
    let field = |text: &str, field: &str| {
        errors_of(&text.replacen("\"sequence number\"", &format!("\"{field}\""), 1))
    };
    let all = [
        field(&movie, "sequence number"),
        field(&movie, "offset of end"),
        field(BOTH, "uri extension"),
        field(BOTH, "crypttext hash 0"),
        field(BOTH, "block 1"),
        field(BOTH, "offset of everything"),
    ];
    assert_snapshot!(all.join("\n"));
}

#[test]
fn substitutes_and_holders_that_make_no_sense() {
    let fault = |fault: &str| errors("corrupt = \"shares of notes\"\nfield = \"sequence number\"", fault);
    let all = [
        fault("replace = \"shares of notes\"\nby = \"version 0\""),
        fault("replace = \"shares of movie\"\nby = \"version 1\""),
        fault("replace = \"shares of notes\"\nby = \"share 1 of movie\""),
        errors("create = \"notes\"", "wait = \"1s\""),
        errors("when = \"step 2 ends\"", "when = \"0s\""),
    ];
    assert_snapshot!(all.join("\n"));
}
