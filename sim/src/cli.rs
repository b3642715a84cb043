//! The command line: one file below for each command or two.
//!
//! Parses, calls, prints, and turns what came out into an exit code. No run happens here. Results go to stdout and
//! depend on nothing but the arguments and the files; mistakes and progress go to stderr.

mod arguments;
mod blame;
mod experiment;
mod list;
mod load;
mod look;
mod new;
mod out;
mod progress;
mod run;
mod serve_s3;
mod variant;

use clap::Parser;

use crate::batch::{self, Batch};
use crate::report::json::Event;
use crate::scenario;
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
        Command::Run {
            paths,
            seeds,
            jobs,
            check_determinism,
            stop_after,
            announce,
            variant,
            engine,
            format,
        } => {
            let jobs = jobs.map(usize::from);
            let in_step = announce || format == Format::Json;
            let twice = check_determinism;
            let all_arms = variant.is_some();
            let batch = Batch { seeds, all_arms, jobs, twice, stop_after, in_step, engine };
            let out = Out::new("run", format);
            (out, run::run(out, &paths, variant.as_deref(), &batch, announce))
        }
        Command::Replay { file, seed, variant, engine, format } => {
            let out = Out::new("replay", format);
            (out, run::replay(out, engine, &file, variant.as_deref(), seed))
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
        Command::Explain { file, seed, variant, format } => {
            let out = Out::new("explain", format);
            (out, look::explain(out, &file, variant.as_deref(), seed))
        }
        Command::Blame { file, seed, variant } => {
            let out = Out::new("blame", Format::Text);
            (out, blame::blame(out, &file, variant.as_deref(), seed))
        }
        Command::Experiment { file, seeds, jobs, variant, format, plot } => {
            let jobs = jobs.map(usize::from);
            let batch = Batch { seeds, jobs, all_arms: true, ..Batch::default() };
            let out = Out::new("experiment", format.into());
            (out, experiment::experiment(out, &file, variant.as_deref(), &batch, format, plot.as_deref()))
        }
        Command::Pin { file, seed, variant } => {
            let out = Out::new("pin", Format::Text);
            (out, look::pin(out, &file, variant.as_deref(), seed))
        }
        Command::ServeS3(options) => {
            let out = Out::new("serve-s3", Format::Text);
            (out, serve_s3::serve_s3(out, &options))
        }
        Command::Reference => {
            let out = Out::new("reference", Format::Text);
            (out, look::print(out, scenario::reference()))
        }
        Command::Schema => {
            let out = Out::new("schema", Format::Text);
            (out, look::print(out, scenario::schema()))
        }
    };
    let summary = done.unwrap_or_else(|code| out.summary(code));
    let code = summary.code;
    let _ = out.event(&Event::Summary(summary));
    code
}
