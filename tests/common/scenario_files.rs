//! The scenario files that tests are made of. Reads none of them.

use std::path::PathBuf;
use std::process::ExitCode;

use squall::batch;

/// All of them, with the root of the project as the working directory from now on: failing runs print the command that
/// replays them, with the path as it is seen from there. Says on stderr why there are none.
///
/// # Errors
/// The exit code of a test that cannot begin.
pub(crate) fn all() -> Result<Vec<PathBuf>, ExitCode> {
    std::env::set_current_dir(env!("CARGO_MANIFEST_DIR")).map_err(|error| {
        eprintln!("cannot enter the root of the project: {error}");
        ExitCode::FAILURE
    })?;
    batch::find(&[PathBuf::from("scenarios")]).map_err(|error| {
        eprintln!("{error}");
        ExitCode::FAILURE
    })
}
