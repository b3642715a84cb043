//! Mistakes about experiments: what is asked, and what is counted.

use super::*;

/// A file without a mistake that asks something.
const ASKS: &str = r#"about = "a test"
[files.notes]
kind = "mutable"
[experiment]
question = "Is it enough to try again once?"
counts = "puts"
requests = 5
[[steps]]
create = "notes"
[[steps]]
append = "notes"
whole = true
read_back = true
times = 10
[over_all_seeds]
puts_failed = "<= 2 of 1000"
"#;

/// The errors of that file after `from` became `to`.
fn errors(from: &str, to: &str) -> String {
    assert!(ASKS.contains(from), "{from}");
    errors_of(&ASKS.replacen(from, to, 1))
}

#[test]
fn the_file_that_is_spoilt_is_good() {
    assert!(scenario::parse("test.toml", ASKS.as_bytes()).is_ok());
}

#[test]
fn a_question_about_nothing() {
    let all = [
        errors("question = \"Is it enough to try again once?\"\n", ""),
        errors("counts = \"puts\"", "counts = \"tries\""),
        errors("counts = \"puts\"", "counts = \"files\""),
        errors("requests = 5", "requests = 0"),
        errors("append = \"notes\"", "read = \"notes\""),
        errors("append = \"notes\"", "write = \"notes\""),
    ];
    assert_snapshot!(all.join("\n"));
}
