//! Printing: results to stdout, everything else to stderr; for programs, everything as JSON lines to stdout.

use std::io::{self, Write};

use super::arguments::Format;
use crate::report::json::{Event, Problem, Summary};
use crate::verdict::ExitCode;

/// What a command comes to; the code of one that could not do its work.
pub(super) type Done = Result<Summary, ExitCode>;

/// Where a command prints, and for whom.
#[derive(Debug, Clone, Copy)]
pub(super) struct Out {
    command: &'static str,
    format: Format,
}

impl Out {
    pub(super) fn new(command: &'static str, format: Format) -> Self {
        Self { command, format }
    }

    pub(super) fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// A line for people.
    pub(super) fn text(&self, text: impl FnOnce() -> String) -> io::Result<()> {
        if self.is_json() { Ok(()) } else { say(&text()) }
    }

    /// A line for programs.
    pub(super) fn event(&self, event: &Event<'_>) -> io::Result<()> {
        if !self.is_json() {
            return Ok(());
        }
        let line = event.line()?;
        let mut out = io::stdout().lock();
        out.write_all(line.as_bytes())?;
        out.flush()
    }

    /// What a command that ends with this code comes to.
    pub(super) fn summary(&self, code: ExitCode) -> Summary {
        Summary::of(self.command, code)
    }

    /// Says why nothing can be done.
    pub(super) fn usage(&self, message: &str) -> ExitCode {
        match self.format {
            Format::Text => usage(message),
            Format::Json => {
                let _ = self.event(&Event::Error(Problem { message }));
                ExitCode::Usage
            }
        }
    }
}

/// Prints to stdout, in colour if that is a terminal and `NO_COLOR` does not object.
pub(super) fn say(text: &str) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Prints to stderr, in colour as `say`.
pub(super) fn complain(text: &str) {
    let _ = anstream::stderr().lock().write_all(text.as_bytes());
}

/// Says why nothing can be done.
pub(super) fn usage(text: &str) -> ExitCode {
    complain(&format!("error: {text}\n"));
    ExitCode::Usage
}

/// What stands in their place before a scenario that was not run.
pub(super) const NOT_RUN: &str = "\x1b[33m-\x1b[0m    ";

/// `ok` or `FAIL` in the colour of its meaning.
pub(super) fn painted(code: ExitCode) -> &'static str {
    if code == ExitCode::Passed { "\x1b[32mok\x1b[0m   " } else { "\x1b[1;31mFAIL\x1b[0m " }
}
