//! What happens to shares of mutable files behind the client's back, and what is then said of the file: every promise
//! below (`health`, `versions`, `recoverable`) is judged from the bytes on the disks.

use squall::engine::Engine;
use squall::run::{RunReport, run, run_in_full};
use squall::scenario::{self, Scenario};
use squall::trace::Keep;
use squall::verdict::{ExitCode, Oracle};

/// A file of two versions, and what comes then.
fn scenario(more: &str) -> Scenario {
    let text = format!(
        "about = \"x\"\ngrid.clients = 2\n[files.notes]\nkind = \"mutable\"\nsize = \"20 KiB\"\n\
         [files.other]\nkind = \"mutable\"\nsize = \"3 KiB\"\n\
         [[steps]]\ncreate = \"notes\"\n[[steps]]\nwrite = \"notes\"\nversions = 1\nhealth = 10\n{more}\n"
    );
    scenario::parse("test.toml", text.as_bytes()).unwrap_or_else(|error| panic!("{}", error.render(false)))
}

fn played(more: &str) -> RunReport {
    run(&scenario(more).schedule(1), Keep::Last(0)).expect("a runtime")
}

fn passes(more: &str) {
    let report = played(more);
    assert_eq!(report.code(), ExitCode::Passed, "{:?}", report.findings);
}

/// A reader who has seen nothing before.
const READ: &str = "[[steps]]\nread = \"notes\"\nby = \"c1\"\n";

#[test]
fn shares_are_deleted_by_number_and_by_server() {
    passes(&format!(
        "[[steps]]\ndelete = \"notes\"\nshare = \"0..4\"\nhealth = 5\nrecoverable = 1\n{READ}\
         [[steps]]\ndelete = \"notes\"\non = \"all\"\nhealth = 0\nversions = 0\n{READ}expect = \"no shares\"\n"
    ));
}

#[test]
fn copies_of_shares_are_no_more_shares_and_can_be_written_again() {
    passes(&format!(
        "[[steps]]\ndelete = \"notes\"\nshare = \"2..9\"\nhealth = 0\nrecoverable = 0\nversions = 1\n\
         [[steps]]\ncopy = \"shares of notes\"\nto = \"s0..s3\"\nhealth = 0\n{READ}expect = \"not enough shares\"\n"
    ));
    passes(&format!(
        "[[steps]]\ncopy = \"share 1 of notes\"\nto = \"all\"\nhealth = 10\n\
         [[steps]]\nwrite = \"notes\"\nversion = 3\nversions = 1\n{READ}version = 3\n"
    ));
}

#[test]
fn shares_are_arranged_and_can_be_read_and_written_where_they_are() {
    passes(&format!(
        "[[steps]]\narrange = \"notes\"\nshares = {{ s0 = \"0..1\", s1 = \"1\", s4 = \"2\" }}\nhealth = 3\n{READ}version = 2\n\
         [[steps]]\nwrite = \"notes\"\nversion = 3\nversions = 1\nhealth = 10\n{READ}version = 3\n"
    ));
}

#[test]
fn disks_set_back_to_an_older_version_show_it_and_the_client_is_not_to_blame() {
    let fault = |on: &str| {
        format!("[[faults]]\nname = \"old\"\nrestore = \"{on}\"\nto = \"step 2\"\nwhen = \"step 3 starts\"\n")
    };
    passes(&format!("{READ}version = 1\nversions = 1\n{}", fault("all")));
    passes(&format!("{READ}version = 2\nversions = 2\nrecoverable = 2\n{}", fault("s0..s4")));
    let report = played(&format!("{READ}version = 2\n{}", fault("all")));
    let oracles: Vec<Oracle> = report.findings.iter().map(|finding| finding.oracle).collect();
    assert_eq!(oracles, [Oracle::Expectation], "{:?}", report.findings);
}

#[test]
fn a_share_is_replaced_by_what_it_was_in_an_older_version() {
    let fault = |on: &str| {
        format!(
            "[[faults]]\nname = \"old\"\nreplace = \"shares of notes\"\non = \"{on}\"\nby = \"version 1\"\n\
             when = \"step 3 starts\"\n"
        )
    };
    passes(&format!("{READ}version = 2\nversions = 2\nrecoverable = 1\nhealth = 8\n{}", fault("s0..s1")));
    passes(&format!("{READ}version = 1\nversions = 2\nrecoverable = 1\nhealth = 8\n{}", fault("s0..s7")));
}

#[test]
fn a_share_of_another_mutable_file_is_none_of_this_one() {
    passes(&format!(
        "[[steps]]\ncreate = \"other\"\n{READ}health = 9\n\
         [[faults]]\nname = \"mixed\"\nreplace = \"shares of notes\"\non = \"s3\"\nby = \"share 1 of other\"\n\
         when = \"step 4 starts\"\n"
    ));
}

#[test]
fn a_server_that_cannot_read_a_share_has_none_as_far_as_readers_go() {
    passes(&format!(
        "{READ}health = 8\n[[faults]]\nname = \"broken\"\ncorrupt = \"shares of notes\"\non = \"s0..s1\"\n\
         field = \"container version\"\nwhen = \"step 3 starts\"\n"
    ));
}

#[test]
fn what_lies_behind_the_block_is_damaged_without_harm_to_readers() {
    for field in ["offset of private key", "offset of end", "private key"] {
        passes(&format!(
            "{READ}health = 10\nversion = 2\nrecoverable = 1\n[[faults]]\nname = \"rot\"\n\
             corrupt = \"shares of notes\"\nfield = \"{field}\"\nwhen = \"step 3 starts\"\nmay_stay_inert = true\n"
        ));
    }
}

#[test]
fn without_any_key_a_write_may_fail() {
    passes(
        "[[steps]]\nwrite = \"notes\"\nby = \"c1\"\nexpect = \"either\"\ndegraded = \"either\"\n\
         [[faults]]\nname = \"rot\"\ncorrupt = \"shares of notes\"\nfield = \"private key\"\n\
         when = \"step 3 starts\"\nmay_stay_inert = true\n",
    );
}

#[test]
fn measuring_in_full_changes_nothing_and_two_runs_are_the_same() {
    let more = format!(
        "[[steps]]\nappend = \"notes\"\ntimes = 3\n[[steps]]\nwrite = \"notes\"\nby = \"c1\"\ntogether = true\n\
         expect = \"either\"\ndegraded = \"either\"\n{READ}"
    );
    let schedule = scenario(&more).schedule(3);
    let plain = run(&schedule, Keep::Last(0)).expect("a runtime");
    let again = run(&schedule, Keep::Last(0)).expect("a runtime");
    let full = run_in_full(Engine::Event, &schedule, Keep::Last(0)).expect("a runtime");
    assert_eq!(plain.fingerprint, again.fingerprint);
    assert_eq!(plain.fingerprint, full.fingerprint);
}
