//! The command line: one file below for each command or two.
//!
//! Parses, calls, prints, and turns what came out into an exit code. No run happens here. Results go to stdout and
//! depend on nothing but the arguments and the files; mistakes and progress go to stderr.

mod arguments;
mod blame;
mod list;
mod load;
mod look;
mod new;
mod out;
mod progress;
mod run;

use clap::Parser;

use crate::batch::{self, Batch};
use crate::report::json::Event;
use crate::verdict::ExitCode;
use arguments::{Arguments, Command, Format};
use out::Out;

/// Runs the program with the arguments of the process.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { ExitCode::Usage } else { ExitCode::Passed };
        }
    };
    batch::hold_panics();
    let (out, done) = match arguments.command {
        Command::Run { paths, seeds, jobs, check_determinism, stop_after, announce, format } => {
            let jobs = jobs.map(usize::from);
            let in_step = announce || format == Format::Json;
            let batch = Batch { seeds, jobs, twice: check_determinism, stop_after, in_step };
            let out = Out::new("run", format);
            (out, run::run(out, &paths, &batch, announce))
        }
        Command::Replay { file, seed, format } => {
            let out = Out::new("replay", format);
            (out, run::replay(out, &file, seed))
        }
        Command::Check { paths, format } => {
            let out = Out::new("check", format);
            (out, look::check(out, &paths))
        }
        Command::List { paths, format } => {
            let out = Out::new("list", format);
            (out, list::list(out, &paths))
        }
        Command::New { kind, path } => {
            let out = Out::new("new", Format::Text);
            (out, new::new(out, kind.as_deref(), path.as_deref()))
        }
        Command::Explain { file, seed, format } => {
            let out = Out::new("explain", format);
            (out, look::explain(out, &file, seed))
        }
        Command::Blame { file, seed } => {
            let out = Out::new("blame", Format::Text);
            (out, blame::blame(out, &file, seed))
        }
    };
    let summary = done.unwrap_or_else(|code| out.summary(code));
    let code = summary.code;
    let _ = out.event(&Event::Summary(summary));
    code
}
