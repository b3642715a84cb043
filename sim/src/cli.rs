//! The command line: `run`, `replay`, `blame`, `check`, `explain`.
//!
//! Parses, calls, prints, and turns what came out into an exit code. No run happens here. Results go to stdout and
//! depend on nothing but the arguments and the files; mistakes and progress go to stderr.

mod blame;
mod progress;

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};

use clap::{Parser, Subcommand};

use crate::batch::{self, Batch, News};
use crate::report;
use crate::scenario::{self, Scenario};
use crate::verdict::ExitCode;
use progress::Progress;

const EXIT_CODES: &str = "\
Exit codes:
  0   everything passed
  1   a property failed
  2   the command line or a scenario file is wrong
  3   an operation hung: it was still waiting at the scenario's deadline
  4   a run proved nothing: a fault stayed inert, or nothing was asserted
  5   the same seed gave two different traces
  70  the harness itself failed, or lafs panicked
When runs end differently, the code is the first of 70, 5, 3, 1, 4, 2 that any of them ended with.";

const RUN_EXAMPLES: &str = "\
Examples:
  squall run                                        every scenario below scenarios/
  squall run scenarios/upload my-scenario.toml      these only
  squall run my-scenario.toml --seeds 0..1000       a thousand seeds
  squall run my-scenario.toml --seeds 7 --check-determinism";

const REPLAY_EXAMPLES: &str = "\
Example:
  squall replay scenarios/download/one-hung-in-mid-download.toml --seed 7

The timeline has one line for each event: virtual time in seconds, who, what. Lines of `net` are the network.";

const CHECK_EXAMPLES: &str = "\
Example:
  squall check my-scenario.toml

Exit codes: 0 if there are no mistakes, 2 otherwise.";

const EXPLAIN_EXAMPLES: &str = "\
Example:
  squall explain my-scenario.toml --seed 7

Exit codes: 0 if the file has no mistakes, 2 otherwise.";

const EXAMPLES: &str = "\
Examples:
  squall run                                        every scenario below scenarios/
  squall run scenarios/download --seeds 0..1000     a thousand seeds of each download scenario
  squall replay scenarios/download/one-hung-in-mid-download.toml --seed 7
  squall blame my-scenario.toml --seed 7            which faults it takes for that run to fail
  squall check my-scenario.toml                     find mistakes without running
  squall explain my-scenario.toml --seed 7          every default and every drawn value";

#[derive(Parser)]
#[command(name = "squall", version, about = "Runs the real lafs client and server through seeded storms.")]
#[command(after_help = format!("{EXAMPLES}\n\n{EXIT_CODES}"), max_term_width = 100, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run scenarios over their seeds and judge each run.
    #[command(after_help = format!("{RUN_EXAMPLES}\n\n{EXIT_CODES}"))]
    Run {
        /// Scenario files, or folders that are searched for them.
        #[arg(default_value = "scenarios")]
        paths: Vec<PathBuf>,
        /// Seeds to run instead of those the files ask for: 7, or 0..100 (100 not included).
        #[arg(long, value_name = "A..B", value_parser = parse_seeds)]
        seeds: Option<Range<u64>>,
        /// Runs at a time; the results do not depend on it. [default: the number of cores]
        #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=512))]
        jobs: Option<u16>,
        /// Run every seed twice and compare the traces.
        #[arg(long)]
        check_determinism: bool,
    },
    /// Repeat one run exactly and print its full timeline.
    #[command(after_help = format!("{REPLAY_EXAMPLES}\n\n{EXIT_CODES}"))]
    Replay {
        /// The scenario file.
        file: PathBuf,
        /// The seed to repeat.
        #[arg(long)]
        seed: u64,
    },
    /// Say which faults it takes for a run to fail.
    #[command(after_help = blame::EXAMPLES)]
    Blame {
        /// The scenario file.
        file: PathBuf,
        /// The seed of the failing run.
        #[arg(long)]
        seed: u64,
    },
    /// Look for mistakes in scenario files, without running them.
    #[command(after_help = CHECK_EXAMPLES)]
    Check {
        /// Scenario files, or folders that are searched for them.
        #[arg(default_value = "scenarios")]
        paths: Vec<PathBuf>,
    },
    /// Print a scenario with every default filled in and every range drawn.
    #[command(after_help = EXPLAIN_EXAMPLES)]
    Explain {
        /// The scenario file.
        file: PathBuf,
        /// The seed that draws.
        #[arg(long, default_value_t = 0)]
        seed: u64,
    },
}

fn parse_seeds(text: &str) -> Result<Range<u64>, String> {
    let number =
        |part: &str| part.trim().parse::<u64>().map_err(|_| format!("`{part}` is not a seed number"));
    match text.split_once("..") {
        None => {
            let seed = number(text)?;
            let end = seed.checked_add(1).ok_or_else(|| format!("seeds go up to {}", u64::MAX - 1))?;
            Ok(seed..end)
        }
        Some((from, to)) => {
            let (from, to) = (number(from)?, number(to)?);
            if from < to {
                Ok(from..to)
            } else {
                Err(format!("{from}..{to} is empty: the end is not included"))
            }
        }
    }
}

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
    let done = match arguments.command {
        Command::Run { paths, seeds, jobs, check_determinism } => {
            let batch = Batch { seeds, jobs: jobs.map(usize::from), twice: check_determinism };
            run_scenarios(&paths, &batch)
        }
        Command::Replay { file, seed } => replay(&file, seed),
        Command::Blame { file, seed } => blame::blame(&file, seed),
        Command::Check { paths } => check(&paths),
        Command::Explain { file, seed } => explain(&file, seed),
    };
    done.unwrap_or_else(|code| code)
}

/// The code of a command that could not do its work is an `Err`.
type Done = Result<ExitCode, ExitCode>;

/// Prints to stdout, in colour if that is a terminal and `NO_COLOR` does not object.
fn say(text: &str) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

fn complain(text: &str) {
    let _ = anstream::stderr().lock().write_all(text.as_bytes());
}

fn usage(text: &str) -> ExitCode {
    complain(&format!("error: {text}\n"));
    ExitCode::Usage
}

/// `word` in the colour of its meaning; taken out again where there is no terminal.
fn painted(code: ExitCode) -> &'static str {
    if code == ExitCode::Passed { "\x1b[32mok\x1b[0m   " } else { "\x1b[1;31mFAIL\x1b[0m " }
}

/// Whether diagnostics may use colour: on a terminal, unless `NO_COLOR` asks for none.
fn colour() -> bool {
    io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Loads everything below `paths`; prints what is wrong with the rest, which the code tells too.
fn load(paths: &[PathBuf]) -> Result<(Vec<Scenario>, ExitCode), ExitCode> {
    let files = batch::find(paths).map_err(|error| usage(&error.to_string()))?;
    if files.is_empty() {
        let paths: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
        return Err(usage(&format!("no scenario files (*.toml) below {}", paths.join(", "))));
    }
    let mut scenarios = Vec::new();
    let mut code = ExitCode::Passed;
    for file in files {
        match load_one(&file) {
            Ok(scenario) => scenarios.push(scenario),
            Err(of_file) => code = code.worse(of_file),
        }
    }
    Ok((scenarios, code))
}

/// Loads one file; prints what is wrong with it.
fn load_one(file: &Path) -> Result<Scenario, ExitCode> {
    if file.is_dir() {
        return Err(usage(&format!("{} is a folder, not a scenario file", file.display())));
    }
    File::open(file).map_err(|error| usage(&format!("cannot read {}: {error}", file.display())))?;
    scenario::load(file).map_err(|mistakes| {
        complain(&mistakes.render(colour()));
        ExitCode::Usage
    })
}

fn run_scenarios(paths: &[PathBuf], batch: &Batch) -> Done {
    let (scenarios, mut code) = load(paths)?;
    if scenarios.is_empty() {
        return Err(code);
    }
    let mut runs = 0;
    let mut failures = 0;
    let mut failed = Vec::new();
    let mut progress = Progress::new();
    batch.run(&scenarios, |news| match news {
        News::Run { of, failed } => {
            progress.advance(of, failed);
            ControlFlow::Continue(())
        }
        News::Scenario(scenario, tally) => {
            runs += tally.runs;
            failures += tally.failures();
            code = code.worse(tally.code());
            let line = format!("{} {}\n", painted(tally.code()), report::tally(scenario.path(), &tally));
            let text = match &tally.first {
                Some(first) => format!("{line}\n{}\n", first.text()),
                None => line.clone(),
            };
            if tally.code() != ExitCode::Passed {
                failed.push(line);
            }
            // Nobody reads on: there is no point in running on.
            progress.aside(|| say(&text)).map_or(ControlFlow::Break(()), ControlFlow::Continue)
        }
    });
    progress.end();
    let failed = if scenarios.len() > 1 { failed.concat() } else { String::new() };
    let _ = say(&format!("{failed}{}\n", report::summary(scenarios.len(), runs, failures, code)));
    Ok(code)
}

fn replay(file: &Path, seed: u64) -> Done {
    let outcome = batch::replay(&load_one(file)?, seed);
    let _ = say(&outcome.text());
    Ok(outcome.code())
}

fn check(paths: &[PathBuf]) -> Done {
    let (scenarios, code) = load(paths)?;
    let _ = say(&format!("{} without mistakes\n", report::plural(scenarios.len() as u64, "scenario file")));
    Ok(code)
}

fn explain(file: &Path, seed: u64) -> Done {
    let _ = say(&scenario::explain(&load_one(file)?, seed));
    Ok(ExitCode::Passed)
}
