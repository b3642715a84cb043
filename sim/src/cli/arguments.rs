//! What the command line accepts, and its help.
//!
//! Only parses. What a command does is in the file named after it.

use std::ops::Range;
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

use crate::engine::Engine;
use crate::verdict::ExitCode;

const RUN_EXAMPLES: &str = "\
Examples:
  squall run                                        every scenario below scenarios/
  squall run scenarios/upload my-scenario.toml      these only
  squall run my-scenario.toml --seeds 0..1000       a thousand seeds
  squall run my-scenario.toml --seeds 7 --check-determinism
  squall run --stop-after 1                         up to the first failure
  squall run --engine turmoil                       all that turmoil can express, on turmoil
  squall run --format json | jq 'select(.event == \"run_ended\") | [.seed, .verdict]'";

const REPLAY_EXAMPLES: &str = "\
Example:
  squall replay scenarios/download/one-hung-in-mid-download.toml --seed 7

The timeline has one line for each event: virtual time in seconds, who, what. Lines of `net` are the network.";

const CHECK_EXAMPLES: &str = "\
Examples:
  squall check my-scenario.toml        this file only
  squall check --format json           mistakes of all files, with file, line and column

Exit codes: 0 if there are no mistakes, 2 otherwise.";

const EXPLAIN_EXAMPLES: &str = "\
Example:
  squall explain my-scenario.toml --seed 7

What is printed is a scenario file itself, in which nothing is left to choose.

Exit codes: 0 if the file has no mistakes, 2 otherwise.";

const LIST_EXAMPLES: &str = "\
Examples:
  squall list                       every scenario below scenarios/
  squall list scenarios/upload      these only

Exit codes: 0 if the files have no mistakes, 2 otherwise.";

const NEW_EXAMPLES: &str = "\
Examples:
  squall new                        which kinds there are
  squall new hang                   print a scenario in which a server hangs
  squall new hang my-scenario.toml  write it; a file that is there is left alone

Exit codes: 0 if it was printed or written, 2 otherwise.";

const PIN_EXAMPLES: &str = "\
Example:
  squall pin my-scenario.toml --seed 7 > scenarios/regress/what-went-wrong.toml

Its first line names the schema as it is seen from a folder below scenarios/.

Exit codes: 0 if the file has no mistakes, 2 otherwise.";

const EXAMPLES: &str = "\
Examples:
  squall run                                        every scenario below scenarios/
  squall list                                       which there are
  squall new hang my-scenario.toml                  begin one of your own
  squall run scenarios/download --seeds 0..1000     a thousand seeds of each download scenario
  squall replay scenarios/download/one-hung-in-mid-download.toml --seed 7
  squall experiment my-experiment.toml              how often operations fail, by retry policy
  squall blame my-scenario.toml --seed 7            which faults it takes for that run to fail
  squall check my-scenario.toml                     find mistakes without running
  squall explain my-scenario.toml --seed 7          every default and every drawn value
  squall pin my-scenario.toml --seed 7              that run as a file of its own";

fn exit_codes() -> String {
    let line = |code: ExitCode| format!("  {:<2}  {}\n", code as u8, code.meaning());
    let lines: String = ExitCode::ALL.into_iter().map(line).collect();
    format!(
        "Exit codes:\n{lines}\
         When runs end differently, the code is the first of 70, 5, 3, 1, 4, 2 that any of them ended with."
    )
}

/// The command line.
#[derive(Parser)]
#[command(name = "squall", version, about = "Runs the real lafs client and server through seeded storms.")]
#[command(after_help = format!("{EXAMPLES}\n\n{}", exit_codes()), max_term_width = 100, arg_required_else_help = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,
}

/// One command, with its arguments.
#[derive(Subcommand)]
pub(super) enum Command {
    /// Run scenarios over their seeds and judge each run.
    #[command(after_help = format!("{RUN_EXAMPLES}\n\n{}", exit_codes()))]
    Run {
        /// Scenario files, or folders that are searched for them.
        #[arg(default_value = super::load::SCENARIOS)]
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
        /// End early, with the run that is the N-th to fail in the order of scenarios and seeds.
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
        stop_after: Option<u64>,
        /// Print a JSON line to stderr before and after each run: should the process be killed, overflow its stack or
        /// abort, it is known which run it was.
        #[arg(long)]
        announce: bool,
        /// Of files with a matrix, these variants only: a name, some words of it, or a number.
        #[arg(long, value_name = "NAME")]
        variant: Option<String>,
        /// What carries the bytes: `event`, the engine of this project, or `turmoil`, the crate. Turmoil is slower and
        /// knows no bandwidth, no one-way partition, no full accept queue and no more than 16 hosts; what it cannot
        /// express is not run, and listed.
        #[arg(long, value_name = "ENGINE", default_value_t)]
        engine: Engine,
        /// For people, or one JSON object per line (sim/JSON.md).
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Repeat one run exactly and print its full timeline.
    #[command(after_help = format!("{REPLAY_EXAMPLES}\n\n{}", exit_codes()))]
    Replay {
        /// The scenario file.
        file: PathBuf,
        /// The seed to repeat.
        #[arg(long)]
        seed: u64,
        /// Of a file with a matrix, this variant: its name, some of its words, or its number.
        #[arg(long, value_name = "NAME")]
        variant: Option<String>,
        /// What carried the run: `event` or `turmoil`.
        #[arg(long, value_name = "ENGINE", default_value_t)]
        engine: Engine,
        /// For people, or one JSON object per line (sim/JSON.md).
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Say which faults it takes for a run to fail.
    #[command(after_help = super::blame::EXAMPLES)]
    Blame {
        /// The scenario file.
        file: PathBuf,
        /// The seed of the failing run.
        #[arg(long)]
        seed: u64,
        /// Of a file with a matrix, this variant: its name, some of its words, or its number.
        #[arg(long, value_name = "NAME")]
        variant: Option<String>,
    },
    /// Run all variants of an experiment, and tell what they come to together.
    #[command(after_help = super::experiment::EXAMPLES)]
    Experiment {
        /// The scenario file.
        file: PathBuf,
        /// Seeds to run instead of those the file asks for: 7, or 0..100 (100 not included).
        #[arg(long, value_name = "A..B", value_parser = parse_seeds)]
        seeds: Option<Range<u64>>,
        /// Runs at a time; the results do not depend on it. [default: the number of cores]
        #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=512))]
        jobs: Option<u16>,
        /// These arms only: a name, some words of it, or a number.
        #[arg(long, value_name = "NAME")]
        variant: Option<String>,
        /// For people, or one JSON object per line (sim/JSON.md), or a row of CSV for each arm.
        #[arg(long, value_enum, default_value_t = Told::Text)]
        format: Told,
        /// Draw a plot as well: how many operations fail against how many requests do, as SVG.
        #[arg(long, value_name = "FILE.svg")]
        plot: Option<PathBuf>,
    },
    /// Look for mistakes in scenario files, without running them.
    #[command(after_help = CHECK_EXAMPLES)]
    Check {
        /// Scenario files, or folders that are searched for them.
        #[arg(default_value = super::load::SCENARIOS)]
        paths: Vec<PathBuf>,
        /// For people, or one JSON object per line (sim/JSON.md).
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Show which scenarios there are.
    #[command(after_help = LIST_EXAMPLES)]
    List {
        /// Scenario files, or folders that are searched for them.
        #[arg(default_value = super::load::SCENARIOS)]
        paths: Vec<PathBuf>,
        /// For people, or one JSON object per line (sim/JSON.md).
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Begin a scenario: write one that runs as it is, to be changed.
    #[command(after_help = NEW_EXAMPLES)]
    New {
        /// What goes wrong in it; without, the kinds are listed.
        kind: Option<String>,
        /// The file to write, or the folder to write it into; without, it is printed.
        path: Option<PathBuf>,
    },
    /// Print a scenario with every default filled in and every range drawn.
    #[command(after_help = EXPLAIN_EXAMPLES)]
    Explain {
        /// The scenario file.
        file: PathBuf,
        /// The seed that draws.
        #[arg(long, default_value_t = 0)]
        seed: u64,
        /// Of a file with a matrix, this variant: its name, some of its words, or its number.
        #[arg(long, value_name = "NAME")]
        variant: Option<String>,
        /// For people, or one JSON object per line (sim/JSON.md).
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Print one run as a scenario file of its own: what the seed chose is fixed, what is default is left out.
    #[command(after_help = PIN_EXAMPLES)]
    Pin {
        /// The scenario file.
        file: PathBuf,
        /// The seed of the run.
        #[arg(long)]
        seed: u64,
        /// Of a file with a matrix, this variant: its name, some of its words, or its number.
        #[arg(long, value_name = "NAME")]
        variant: Option<String>,
    },
    /// Serve a simulated S3 on a real socket, for any client of S3. What it stores is gone when it ends.
    #[command(after_help = super::serve_s3::EXAMPLES)]
    ServeS3(super::serve_s3::ServeS3),
    /// Print the reference of scenario files: every key, form, oracle and exit code, as Markdown.
    Reference,
    /// Print the JSON Schema of scenario files, for editors.
    Schema,
}

/// For whom a command prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// People.
    Text,
    /// Programs: one JSON object per line.
    Json,
}

/// For whom an experiment prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Told {
    /// People.
    Text,
    /// Programs: one JSON object per line.
    Json,
    /// Spreadsheets: one row for each arm.
    Csv,
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
