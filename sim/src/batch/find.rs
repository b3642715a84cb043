//! Finds the scenario files of a folder. Reads none of them.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// A path cannot be searched for scenarios.
#[derive(Debug, Error)]
#[error("cannot read {}: {source}", path.display())]
pub struct FindError {
    path: PathBuf,
    source: io::Error,
}

/// Folders of files that others build on and that say too little to be run.
const BASES: &str = "base";

/// The scenario files at and below `paths`, sorted within each folder. Folders called `base` are passed over unless
/// they are named.
///
/// # Errors
/// A path that does not exist, or a folder that cannot be read.
pub fn find(paths: &[PathBuf]) -> Result<Vec<PathBuf>, FindError> {
    let mut files = Vec::new();
    for path in paths {
        std::fs::metadata(path).map_err(|source| FindError { path: path.clone(), source })?;
        collect(path, &mut files, true)?;
    }
    Ok(files)
}

fn collect(path: &Path, files: &mut Vec<PathBuf>, named: bool) -> Result<(), FindError> {
    let error = |source| FindError { path: path.to_owned(), source };
    if !path.is_dir() {
        if named || path.extension().is_some_and(|extension| extension == "toml") {
            files.push(path.to_owned());
        }
        return Ok(());
    }
    let mut entries: Vec<PathBuf> = std::fs::read_dir(path)
        .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect())
        .map_err(error)?;
    entries.retain(|entry| !(entry.is_dir() && entry.file_name().is_some_and(|name| name == BASES)));
    entries.sort();
    entries.iter().try_for_each(|entry| collect(entry, files, false))
}
