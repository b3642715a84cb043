//! `squall new`: hands out a starter.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use super::out::{Done, Out};
use crate::report::shell_word;
use crate::scenario::suggest;
use crate::starter::{self, Starter};
use crate::verdict::ExitCode;

/// `squall new`.
pub(super) fn new(out: Out, kind: Option<&str>, path: Option<&Path>) -> Done {
    let Some(kind) = kind else {
        let _ = out.text(kinds);
        return Ok(out.summary(ExitCode::Passed));
    };
    let Some(starter) = starter::find(kind) else {
        let known = starter::ALL.iter().map(|starter| starter.kind);
        return Err(out.usage(&format!("`{kind}` is no kind of scenario: {}", suggest(kind, "kinds", known))));
    };
    match path {
        None => {
            let _ = out.text(|| starter.text.to_owned());
        }
        Some(path) => {
            let path = write(out, starter, path)?;
            let name = shell_word(&path.display().to_string());
            let _ = out.text(|| format!("wrote {}; now: cargo squall run {name}\n", path.display()));
        }
    }
    Ok(out.summary(ExitCode::Passed))
}

fn kinds() -> String {
    let columns = starter::ALL.iter().map(|starter| starter.kind.len()).max().unwrap_or(0);
    let mut out = "What can go wrong (squall new KIND [PATH]):\n".to_owned();
    for starter in starter::ALL {
        out += &format!("  {:columns$}  {}\n", starter.kind, starter.about());
    }
    out
}

/// Writes the starter to `path`, or into that folder, unless something is there.
fn write(out: Out, starter: &Starter, path: &Path) -> Result<PathBuf, ExitCode> {
    let path = if path.is_dir() { path.join(format!("{}.toml", starter.kind)) } else { path.to_owned() };
    let file = OpenOptions::new().write(true).create_new(true).open(&path);
    let written = file.and_then(|mut file| file.write_all(starter.text.as_bytes()));
    written.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => {
            out.usage(&format!("{} is there already and is left as it is", path.display()))
        }
        _ => out.usage(&format!("cannot write {}: {error}", path.display())),
    })?;
    Ok(path)
}
