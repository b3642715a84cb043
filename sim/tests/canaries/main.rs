//! Every alarm is rung once: for each oracle something that must trip it, and no other.
//!
//! What no correct client does is brought about around it: a disk that loses what it acknowledged, a sink that takes
//! another byte than it was given, a program that is left on the client's host.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a failed unwrap is a failed test")]

mod planted;

use lafs::format::ShareNum;
use squall::engine::Engine;
use squall::oracle::ideal::Ideal;
use squall::run;
use squall::scenario::{self};
use squall::trace::Keep;
use squall::verdict::{ExitCode, Finding, Oracle};
use std::path::Path;

use planted::{
    PLAIN, a_client_that_outlives_its_run, a_disk_that_loses_an_acknowledged_share,
    a_program_left_on_the_clients_host, a_reader_of_what_nobody_wrote, a_reader_of_what_was_overwritten,
    a_sink_that_flips_a_byte, disks_that_keep_an_older_version_beside_the_new_one,
    disks_without_the_version_that_was_acknowledged, plain, two_runs_that_differ,
};

/// What must trip an oracle.
enum Canary {
    /// A file in `scenarios/negative`.
    File(&'static str),
    /// Something that no file can say.
    Code(fn() -> Vec<Finding>),
}

use Canary::{Code, File};

/// The canaries of each oracle.
fn canaries(oracle: Oracle) -> Vec<Canary> {
    match oracle {
        Oracle::Safety => vec![
            Code(a_disk_that_loses_an_acknowledged_share),
            Code(a_sink_that_flips_a_byte),
            Code(disks_without_the_version_that_was_acknowledged),
            Code(disks_that_keep_an_older_version_beside_the_new_one),
            Code(a_reader_of_what_nobody_wrote),
            Code(a_reader_of_what_was_overwritten),
        ],
        Oracle::Availability => vec![File("gives-up-on-servers-in-reach")],
        Oracle::Economy => {
            vec![Code(a_program_left_on_the_clients_host), Code(a_client_that_outlives_its_run)]
        }
        Oracle::Expectation => vec![
            File("too-few-shares-for-success"),
            File("slower-than-promised"),
            File("slower-than-an-omniscient-client"),
            File("closer-to-the-edge-than-promised"),
            File("worse-than-promised"),
            File("arranging-a-share-that-is-nowhere"),
            File("lost-shares-are-gone"),
            File("refuses-everything"),
            File("newest-version-is-gone"),
            File("written-well-where-most-fail"),
            File("disks-set-back-show-an-old-version"),
        ],
        Oracle::Hang => vec![File("run-that-does-not-end-in-time")],
        Oracle::Invalid => vec![
            File("fault-that-never-bites"),
            File("answers-that-nobody-asks-for"),
            File("nothing-to-compare-with"),
        ],
        Oracle::Determinism => vec![Code(two_runs_that_differ)],
    }
}

/// The oracle after this one, so that none is left out.
fn next(oracle: Oracle) -> Option<Oracle> {
    match oracle {
        Oracle::Safety => Some(Oracle::Availability),
        Oracle::Availability => Some(Oracle::Economy),
        Oracle::Economy => Some(Oracle::Expectation),
        Oracle::Expectation => Some(Oracle::Hang),
        Oracle::Hang => Some(Oracle::Invalid),
        Oracle::Invalid => Some(Oracle::Determinism),
        Oracle::Determinism => None,
    }
}

#[test]
fn every_oracle_has_a_canary_that_trips_it_and_no_other() {
    for oracle in std::iter::successors(Some(Oracle::Safety), |oracle| next(*oracle)) {
        let canaries = canaries(oracle);
        assert!(!canaries.is_empty(), "{oracle} has no canary");
        for (number, canary) in canaries.into_iter().enumerate() {
            let findings = match canary {
                File(name) => findings_of(name),
                Code(ring) => ring(),
            };
            assert!(!findings.is_empty(), "canary {number} of {oracle} did not trip anything");
            let tripped: Vec<&Finding> = findings.iter().filter(|finding| finding.oracle != oracle).collect();
            assert!(tripped.is_empty(), "canary {number} of {oracle} tripped also {tripped:?}");
        }
    }
}

#[test]
fn every_file_that_must_fail_is_a_canary() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/negative");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let oracles = std::iter::successors(Some(Oracle::Safety), |oracle| next(*oracle));
        let known = oracles.flat_map(canaries).any(|canary| matches!(canary, File(file) if file == name));
        assert!(known, "add {name} to the table of canaries");
    }
}

fn findings_of(name: &str) -> Vec<Finding> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../scenarios/negative/{name}.toml"));
    let scenario = scenario::load(path).unwrap_or_else(|mistakes| panic!("{}", mistakes.render(false)));
    run::run(&scenario.schedule(0), Keep::Last(0)).unwrap().findings
}

#[test]
fn a_run_that_must_hang_must_not_do_so_without_its_faults() {
    let text = |fault: &str| {
        format!(
            "deadline = \"10s\"\n{PLAIN}[[steps]]\nwait = \"1m\"\n[must_fail]\nverdict = \"hang\"\nsays = \"had not ended\"\n\
             [[faults]]\nname = \"idle\"\n{fault}\n"
        )
    };
    let code = |fault: &str| {
        let scenario = scenario::parse("hangs.toml", text(fault).as_bytes());
        let scenario = scenario.unwrap_or_else(|error| panic!("{}", error.render(false)));
        run::run(&scenario.schedule(1), Keep::Last(0)).unwrap().code()
    };
    assert_eq!(code("slow = \"s0\"\nlatency = \"50ms\""), ExitCode::Passed);
    assert_eq!(code("hang = \"s0\"\nwhen = \"step 3 starts\""), ExitCode::Hang);
    assert_eq!(code("hang = \"s0\"\nwhen = \"step 3 ends\""), ExitCode::Passed, "it did not come to that");
}

#[test]
fn measuring_in_full_changes_nothing_about_a_run() {
    let schedule = plain().schedule(3);
    let plain = run::run(&schedule, Keep::Last(0)).unwrap();
    let full = run::run_in_full(Engine::Event, &schedule, Keep::Last(0)).unwrap();
    assert_eq!(plain.fingerprint, full.fingerprint);
    assert!(plain.steps.iter().all(|step| step.margin.is_none() && step.ideal.is_none()));
    assert_eq!(full.steps[1].margin.unwrap().losses, 7);
    assert!(full.steps[1].ideal.is_some());
}

#[test]
fn an_omniscient_client_is_quick_beside_others_that_take_longer() {
    let text = "about = \"x\"\ngrid.bandwidth = \"100 KiB/s\"\nfiles.movie.size = \"400 KiB\"\nfiles.note.size = \"100 B\"\n\
        steps = [{ upload = \"movie\" }, { upload = \"note\" }, { download = \"movie\" }, { download = \"note\", together = true }]\n";
    let scenario = scenario::parse("together.toml", text.as_bytes());
    let scenario = scenario.unwrap_or_else(|error| panic!("{}", error.render(false)));
    let report = run::run_in_full(Engine::Event, &scenario.schedule(1), Keep::Last(0)).unwrap();
    let [.., movie, note] = report.steps.as_slice() else { panic!("{report:?}") };
    assert!(note.took < movie.took);
    assert!(matches!(note.ideal, Some(Ideal::Takes(_))), "{:?}", note.ideal);
}

#[test]
fn the_share_that_is_lost_is_named() {
    let findings = a_disk_that_loses_an_acknowledged_share();
    let named = (0..10).map(ShareNum).any(|share| {
        findings[0].text == format!("share {share} was acknowledged on s3, which does not have it")
    });
    assert!(named, "{findings:?}");
}
