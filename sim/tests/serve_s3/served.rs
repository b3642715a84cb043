//! `squall serve-s3` as a process of its own, for as long as a test wants it.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};

/// The running program. Dropping it ends it.
pub(crate) struct Served {
    child: Child,
    /// Where it is: `http://127.0.0.1:1234`.
    pub(crate) endpoint: String,
}

impl Served {
    /// Starts it on a free port, and waits until it is ready.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_squall"));
        command.args(["serve-s3", "--port", "0"]).args(arguments);
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("squall starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("a pipe");
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        let endpoint =
            line.trim_end().strip_prefix("serving S3 at ").expect("the line with the URL").to_owned();
        Self { child, endpoint }
    }

    /// What it has said on stderr, once it has ended.
    pub(crate) fn stderr(&mut self) -> String {
        let mut said = String::new();
        if let Some(mut stderr) = self.child.stderr.take() {
            stderr.read_to_string(&mut said).expect("text");
        }
        said
    }

    /// Asks it to end.
    pub(crate) fn end(&mut self, signal: Signal) -> ExitStatus {
        if let Some(id) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            // It may have ended by itself.
            let _ = kill_process(id, signal);
        }
        self.child.wait().expect("it ends")
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.end(Signal::TERM);
    }
}
