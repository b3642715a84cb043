//! The program itself: what it prints and with which code it ends. What a run does is tested elsewhere.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod codes;
mod experiment;
mod json;
mod killed;
mod looking;
mod stopping;
mod terminal;
mod text;
mod variants;

use std::path::Path;
use std::process::{Command, Output, Stdio};

/// The scenario files of these tests, from where every path below is seen.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cli/scenarios");

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_squall"));
    command.args(arguments).current_dir(Path::new(FOLDER)).stdin(Stdio::null());
    for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "RUST_BACKTRACE", "COLUMNS"] {
        command.env_remove(name);
    }
    command
}

/// Runs squall with `arguments`: exit code, stdout, stderr.
fn squall(arguments: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } = command(arguments).output().unwrap();
    (status.code().unwrap(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

fn code(arguments: &[&str]) -> i32 {
    squall(arguments).0
}
