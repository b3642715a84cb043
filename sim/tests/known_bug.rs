//! A known bug: passes while it shows, alarms when it is gone or shows another failure.

use squall::batch::{Tally, run_all};
use squall::scenario;
use squall::verdict::ExitCode;

/// Two shares are left of three that are needed; the file expects success and says that this is a bug.
fn tally(known_bug: &str, left: &str) -> Tally {
    let text = format!(
        "about = \"a known bug\"\nknown_bug = \"{known_bug}\"\n[files.movie]\nsize = \"1000 B\"\n[[steps]]\nupload = \"movie\"\n\
         [[steps]]\ndelete = \"movie\"\non = \"{left}\"\n[[steps]]\ndownload = \"movie\"\n"
    );
    let scenario = scenario::parse("known.toml", text.as_bytes()).expect("a scenario without mistakes");
    run_all(&scenario)
}

#[test]
fn a_run_that_shows_the_known_bug_passes() {
    let tally = tally("expectation: had to succeed", "s2..s9");
    assert_eq!(tally.code(), ExitCode::Passed);
    assert_eq!(tally.known_bug_shown, tally.runs);
}

#[test]
fn a_known_bug_that_no_run_shows_is_an_alarm() {
    let tally = tally("expectation: had to succeed", "s3..s9");
    assert!(tally.bug_is_gone());
    assert_eq!(tally.code(), ExitCode::Failed);
}

#[test]
fn a_run_that_fails_in_another_way_than_the_known_bug_fails() {
    let tally = tally("availability: had to succeed", "s2..s9");
    assert_eq!(tally.code(), ExitCode::Failed);
    assert_eq!(tally.failures(), tally.runs);
}
