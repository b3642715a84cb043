//! The command line: `run`, `replay`, `check`, `explain`.
//!
//! Parses, calls, prints, and turns what came out into an exit code. No run happens here.

use std::io::{self, IsTerminal, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use clap::{Parser, Subcommand};

use crate::batch::{self, Batch, Outcome};
use crate::report;
use crate::run::{self, RunReport};
use crate::scenario::{self, Scenario};
use crate::trace::Keep;
use crate::verdict::ExitCode;

const EXIT_CODES: &str = "\
Exit codes:
  0   everything passed
  1   a property failed
  2   the command line or a scenario file is wrong
  3   an operation hung: it was still waiting at the scenario's deadline
  4   a run proved nothing: a fault stayed inert, or nothing was asserted
  5   the same seed gave two different traces
  70  the harness itself failed";

const EXAMPLES: &str = "\
Examples:
  squall run                                        every scenario below scenarios/
  squall run scenarios/download --seeds 0..1000     a thousand seeds of each download scenario
  squall replay scenarios/download/one-hung-in-mid-download.toml --seed 7
  squall check my-scenario.toml                     find mistakes without running
  squall explain my-scenario.toml --seed 7          every default and every drawn value";

#[derive(Parser)]
#[command(name = "squall", version, about = "Runs the real lafs client and server through seeded storms.")]
#[command(after_help = format!("{EXAMPLES}\n\n{EXIT_CODES}"), max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run scenarios over their seeds and judge each run.
    #[command(after_help = EXIT_CODES)]
    Run {
        /// Scenario files, or folders that are searched for them.
        #[arg(default_value = "scenarios")]
        paths: Vec<PathBuf>,
        /// Seeds to run instead of those the files ask for: `7`, or `0..100` (100 not included).
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
    #[command(after_help = EXIT_CODES)]
    Replay {
        /// The scenario file.
        file: PathBuf,
        /// The seed to repeat.
        #[arg(long)]
        seed: u64,
    },
    /// Look for mistakes in scenario files, without running them.
    Check {
        /// Scenario files, or folders that are searched for them.
        #[arg(default_value = "scenarios")]
        paths: Vec<PathBuf>,
    },
    /// Print a scenario with every default filled in and every range drawn.
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
            Ok(seed..seed.saturating_add(1))
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
    match arguments.command {
        Command::Run { paths, seeds, jobs, check_determinism } => {
            run_scenarios(&paths, seeds, jobs.map(usize::from), check_determinism)
        }
        Command::Replay { file, seed } => replay(&file, seed),
        Command::Check { paths } => check(&paths),
        Command::Explain { file, seed } => explain(&file, seed),
    }
}

fn say(text: &str) {
    let _ = io::stdout().lock().write_all(text.as_bytes());
}

fn complain(text: &str) {
    let _ = anstream::stderr().lock().write_all(text.as_bytes());
}

/// Loads everything below `paths`; prints what is wrong with the rest.
fn load(paths: &[PathBuf]) -> (Vec<Scenario>, ExitCode) {
    let mut scenarios = Vec::new();
    let mut code = ExitCode::Passed;
    let files = match batch::find(paths) {
        Ok(files) => files,
        Err(error) => {
            complain(&format!("error: {error}\n"));
            return (scenarios, ExitCode::Usage);
        }
    };
    for file in files {
        match scenario::load(&file) {
            Ok(scenario) => scenarios.push(scenario),
            Err(mistakes) => {
                complain(&mistakes.render(colour()));
                code = ExitCode::Usage;
            }
        }
    }
    (scenarios, code)
}

/// Whether diagnostics may use colour: on a terminal, unless `NO_COLOR` asks for none.
fn colour() -> bool {
    io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

fn run_scenarios(paths: &[PathBuf], seeds: Option<Range<u64>>, jobs: Option<usize>, twice: bool) -> ExitCode {
    let (scenarios, mut code) = load(paths);
    if scenarios.is_empty() && code == ExitCode::Passed {
        complain("error: no scenario files (*.toml) there\n");
        return ExitCode::Usage;
    }
    let mut failed = 0;
    let mut runs = 0;
    let batch = Batch { seeds, jobs, twice };
    batch.run(&scenarios, |scenario, outcomes| {
        runs += outcomes.len();
        let bad: Vec<&Outcome> =
            outcomes.iter().filter(|outcome| outcome.code() != ExitCode::Passed).collect();
        failed += bad.len();
        if bad.is_empty() {
            say(&format!("ok    {} ({} seeds)\n", scenario.path(), outcomes.len()));
        } else {
            say(&format!("FAIL  {} ({} of {} seeds)\n", scenario.path(), bad.len(), outcomes.len()));
        }
        if let Some(first) = bad.first() {
            say(&format!("\n{}\n", first.text()));
        }
        for outcome in bad {
            code = code.worse(outcome.code());
        }
    });
    say(&format!("{}\n", report::summary(scenarios.len(), runs, failed, code)));
    code
}

fn replay(file: &Path, seed: u64) -> ExitCode {
    let scenario = match scenario::load(file) {
        Ok(scenario) => scenario,
        Err(mistakes) => {
            complain(&mistakes.render(colour()));
            return ExitCode::Usage;
        }
    };
    let report: RunReport = match run::run(&scenario.schedule(seed), Keep::All) {
        Ok(report) => report,
        Err(error) => {
            complain(&format!("error: {error}\n"));
            return ExitCode::Internal;
        }
    };
    let code = report.code();
    say(&if code == ExitCode::Passed { report::success(&report) } else { report::failure(&report) });
    code
}

fn check(paths: &[PathBuf]) -> ExitCode {
    let (scenarios, code) = load(paths);
    say(&format!("{} scenario files without mistakes\n", scenarios.len()));
    code
}

fn explain(file: &Path, seed: u64) -> ExitCode {
    match scenario::load(file) {
        Ok(scenario) => {
            say(&scenario::explain(&scenario, seed));
            ExitCode::Passed
        }
        Err(mistakes) => {
            complain(&mistakes.render(colour()));
            ExitCode::Usage
        }
    }
}
