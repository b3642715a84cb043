//! What a person is told who made a mistake in a scenario file: one test for each kind.

mod doors;
mod experiment;
mod faults;
mod mutable;
mod s3;

use insta::assert_snapshot;
use squall::scenario;

/// A file without a mistake, which the tests spoil.
const GOOD: &str = r#"about = "a test"
[grid]
servers = 10
clients = ["alice", "bob"]
[files.movie]
size = "1 MiB"
[[steps]]
upload = "movie"
[[steps]]
download = "movie"
within = "3s"
[[faults]]
name = "mute"
hang = "s3"
when = "it has served 2 blocks"
"#;

fn errors_of(text: &str) -> String {
    match scenario::parse("test.toml", text.as_bytes()) {
        Ok(scenario) => panic!("no mistake was found in {scenario:#?}"),
        Err(diagnostics) => diagnostics.render(false),
    }
}

/// The errors of the good file after `from` became `to`.
fn errors(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from));
    errors_of(&GOOD.replacen(from, to, 1))
}

/// The errors of the good file with more lines at its end, which is within the fault.
fn errors_at_end(more: &str) -> String {
    errors_of(&format!("{GOOD}{more}"))
}

#[test]
fn the_file_that_is_spoilt_is_good() {
    assert!(scenario::parse("test.toml", GOOD.as_bytes()).is_ok());
}

#[test]
fn a_syntax_error() {
    assert_snapshot!(errors("upload = \"movie\"", "upload = movie\""));
}

#[test]
fn an_unknown_key() {
    assert_snapshot!(errors("within", "witin"));
}

#[test]
fn a_missing_about() {
    assert_snapshot!(errors("about = \"a test\"\n", ""));
}

#[test]
fn no_steps() {
    assert_snapshot!(errors_of("about = \"a test\"\n"));
}

#[test]
fn a_duration_without_a_unit() {
    assert_snapshot!(errors("\"3s\"", "3"));
}

#[test]
fn a_duration_with_an_unknown_unit() {
    assert_snapshot!(errors("3s", "3 sec"));
}

#[test]
fn a_size_without_a_unit_in_a_string() {
    assert_snapshot!(errors("1 MiB", "1000"));
}

#[test]
fn a_wrong_type() {
    assert_snapshot!(errors("\"s3\"", "true"));
}

#[test]
fn a_range_that_ends_before_it_begins() {
    assert_snapshot!(errors("it has served 2 blocks", "5s..1s"));
}

#[test]
fn a_server_that_does_not_exist() {
    assert_snapshot!(errors("\"s3\"", "\"any 2 of s3..s11\""));
}

#[test]
fn a_file_that_does_not_exist() {
    assert_snapshot!(errors("download = \"movie\"", "download = \"moive\""));
}

#[test]
fn a_client_that_does_not_exist() {
    assert_snapshot!(errors("within", "by = \"bab\"\nwithin"));
}

#[test]
fn a_step_that_does_not_exist() {
    assert_snapshot!(errors("it has served 2 blocks", "step 3 starts"));
}

#[test]
fn a_trigger_that_is_not_understood() {
    assert_snapshot!(errors("it has served 2 blocks", "it has servd 2 blocks"));
}

#[test]
fn a_trigger_on_the_wrong_side() {
    assert_snapshot!(errors("it has served 2 blocks", "alice has served 2 blocks"));
}

#[test]
fn a_trigger_with_an_ambiguous_client() {
    assert_snapshot!(errors("it has served 2 blocks", "the client has found 3 shares"));
}

#[test]
fn a_probability_out_of_range() {
    assert_snapshot!(errors("2 blocks", "2 blocks, with probability 1.5"));
}

#[test]
fn a_selector_that_is_not_understood() {
    assert_snapshot!(errors("\"s3\"", "\"three of them\""));
}

#[test]
fn a_selector_of_too_many() {
    assert_snapshot!(errors("\"s3\"", "\"any 11\""));
}

#[test]
fn an_encoding_with_k_above_n() {
    assert_snapshot!(errors("servers = 10", "encoding = \"11-of-10\""));
}

#[test]
fn a_limit_beyond_the_deadline() {
    assert_snapshot!(errors("3s", "1h"));
}

#[test]
fn an_outcome_of_another_action() {
    assert_snapshot!(errors("within", "expect = \"unhappy\"\nwithin"));
}

#[test]
fn a_word_that_is_not_a_choice() {
    assert_snapshot!(errors("within", "expect = \"sucess\"\nwithin"));
}

#[test]
fn holders_of_a_file_without_shares() {
    let small = GOOD.replace("1 MiB", "55 B");
    assert_snapshot!(errors_of(&small.replace("\"s3\"", "\"holders of movie\"")));
}

#[test]
fn one_bracket_where_two_belong() {
    assert_snapshot!(errors("[[faults]]", "[faults]"));
}

#[test]
fn not_utf_8() {
    let error = scenario::parse("test.toml", b"about = \"caf\xe9\"\n").unwrap_err();
    assert_snapshot!(error.render(false));
}

#[test]
fn too_large() {
    let error = scenario::parse("test.toml", &vec![b'#'; 1 << 21]).unwrap_err();
    assert_snapshot!(error.render(false));
}

#[test]
fn not_there() {
    assert_snapshot!(scenario::load("no/such/file.toml").unwrap_err().render(false));
}

#[test]
fn a_version_to_come() {
    assert_snapshot!(errors("about = \"a test\"\n", "about = \"a test\"\nversion = 2\n"));
}

#[test]
fn many_at_once() {
    assert_snapshot!(errors_of(
        r#"abuot = "many mistakes"
from = 287
deadline = 30
[seeds]
pinned = [{ seed = 5 }]
[grid]
servers = 0
encoding = "3 of 10"
latency = 5
[server.s3]
spaec = "0 B"
[files.movie]
size = "1 megabyte"
key = "konvergent"
[[steps]]
uplaod = "movie"
[[steps]]
download = "film"
placed = ">= 9"
range = "200..100 B"
[[faults]]
hang = "holders of film"
when = "after a while"
for = "0s"
"#
    ));
}

#[test]
fn an_arrangement_of_nothing_and_of_too_much() {
    let step = |shares: &str| format!("within = \"3s\"\n[[steps]]\narrange = \"movie\"\n{shares}");
    let arrange = |shares: &str| errors("within = \"3s\"", &step(shares));
    let all = [
        arrange(""),
        arrange("shares = { }"),
        arrange("shares = \"s0\""),
        arrange("shares = { s0 = \"0..10\", s11 = \"1\", \"s0..s2\" = \"3..1\", s5 = \"some\", s6 = true }"),
        arrange("shares = { s0 = \"0\", \"s0..s2\" = \"1\" }"),
    ];
    assert_snapshot!(all.join("\n"));
}

#[test]
fn words_of_a_success() {
    assert_snapshot!(errors("within", "says = \"fine\"\nwithin"));
}

#[test]
fn a_terminal_gets_colours_and_a_pipe_does_not() {
    let error = scenario::parse("test.toml", b"").unwrap_err();
    assert!(error.render(true).contains('\u{1b}'));
    assert!(!error.render(false).contains('\u{1b}'));
}
