//! Finds and reads scenario files, and tells what is wrong with them.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::out::{Out, complain};
use crate::batch;
use crate::report::json::{Event, Mistake};
use crate::scenario::{self, Scenario};
use crate::verdict::ExitCode;

/// Where scenarios are when nobody says where.
pub(super) const SCENARIOS: &str = "scenarios";

/// Loads everything below `paths`; prints what is wrong with the rest, which the code tells too.
pub(super) fn load(out: Out, paths: &[PathBuf]) -> Result<(Vec<Scenario>, ExitCode), ExitCode> {
    let files = batch::find(paths).map_err(|error| {
        let by_default = paths == [Path::new(SCENARIOS)];
        let hint = "; name files or folders, or begin a scenario: squall new";
        out.usage(&format!("{error}{}", if by_default { hint } else { "" }))
    })?;
    if files.is_empty() {
        let paths: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
        return Err(out.usage(&format!("no scenario files (*.toml) below {}", paths.join(", "))));
    }
    let mut scenarios = Vec::new();
    let mut code = ExitCode::Passed;
    for file in files {
        match load_one(out, &file) {
            Ok(variants) => scenarios.extend(variants),
            Err(of_file) => code = code.worse(of_file),
        }
    }
    Ok((scenarios, code))
}

/// Loads one file, all variants of it; prints what is wrong with it.
pub(super) fn load_one(out: Out, file: &Path) -> Result<Vec<Scenario>, ExitCode> {
    if file.is_dir() {
        return Err(out.usage(&format!("{} is a folder, not a scenario file", file.display())));
    }
    File::open(file).map_err(|error| out.usage(&format!("cannot read {}: {error}", file.display())))?;
    scenario::load_all(file).map_err(|mistakes| {
        if !out.is_json() {
            complain(&mistakes.render(true));
        }
        for mistake in Mistake::all(&mistakes) {
            let _ = out.event(&Event::Mistake(mistake));
        }
        ExitCode::Usage
    })
}

/// How many files these are; the variants of one stand side by side.
pub(super) fn files(scenarios: &[Scenario]) -> usize {
    scenarios.chunk_by(|a, b| a.path() == b.path()).count()
}
