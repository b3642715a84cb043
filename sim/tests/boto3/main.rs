//! `squall serve-s3` as boto3 sees it, the S3 library of Amazon's for Python: each case of `cases.py` on a server of its
//! own.
//!
//! Skipped unless the environment variable `SQUALL_PYTHON` names a Python that has what `requirements.txt` says;
//! `.ci/run` makes one.

#![expect(clippy::expect_used, reason = "a test that cannot go on has failed")]

#[path = "../serve_s3/served.rs"]
mod served;

use std::process::{Command, ExitCode};

use libtest_mimic::{Arguments, Failed, Trial};
use rustix::process::Signal;

use served::Served;

const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/boto3/cases.py");
const FAULTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/boto3/faults.toml");

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let Ok(python) = std::env::var("SQUALL_PYTHON") else {
        println!(
            "skipped: SQUALL_PYTHON names no Python with {}",
            CASES.replace("cases.py", "requirements.txt")
        );
        return ExitCode::SUCCESS;
    };
    let listed = Command::new(&python).arg(CASES).output().expect("the Python of SQUALL_PYTHON starts");
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    let listed = String::from_utf8(listed.stdout).expect("names of cases");
    let trials = listed.lines().map(|case| {
        let (case, python) = (case.to_owned(), python.clone());
        Trial::test(case.clone(), move || run(&python, &case))
    });
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}

fn run(python: &str, case: &str) -> Result<(), Failed> {
    let faults: &[&str] = if case.starts_with("faults_") { &["--faults", FAULTS] } else { &[] };
    let mut served = Served::start(
        &[&["--bucket", "shares", "--access-key", "me", "--secret-key", "secret"], faults].concat(),
    );
    let output = Command::new(python).args([CASES, case, &served.endpoint]).output()?;
    if output.status.success() {
        return Ok(());
    }
    served.end(Signal::TERM);
    Err(format!("{}{}", String::from_utf8_lossy(&output.stderr), served.stderr()).into())
}
