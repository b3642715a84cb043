//! The figures of the README, measured and printed as a table: `cargo bench --bench figures`.
//!
//! Each row says how it was got. CPU time is that of the measuring thread; "bar" is what the project promises.
//! A row below its bar is marked, and the program then ends with 1. Names of groups of rows, such as in
//! `cargo bench --bench figures -- mutable`, choose these only.

mod backup;
mod growth;
#[path = "../../tests/in_memory/mod.rs"]
mod in_memory;
mod large_grid;
mod limits;
mod memory;
mod mid_read;
mod mutable;
mod s3;
mod storms;

use std::process::ExitCode;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// One line of the table.
pub(crate) struct Figure {
    pub(crate) what: &'static str,
    pub(crate) value: String,
    pub(crate) bar: &'static str,
    pub(crate) reached: bool,
    pub(crate) how: String,
}

/// A function that measures some rows.
type Measure = fn() -> Vec<Figure>;

/// The groups of rows, by name, in the order of the table.
const GROUPS: &[(&str, Measure)] = &[
    ("storms", storms::figures),
    ("mid-read", mid_read::figures),
    ("backup", backup::figures),
    ("mutable", mutable::figures),
    ("s3", s3::figures),
    ("memory", memory::figures),
    ("large-grid", large_grid::figures),
    ("growth", growth::figures),
];

/// CPU time this thread has used.
pub(crate) fn cpu() -> Duration {
    time(ClockId::ThreadCPUTime)
}

/// Time on a clock that never jumps.
pub(crate) fn wall() -> Duration {
    time(ClockId::Monotonic)
}

fn time(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// CPU seconds of one call of `work`: the median of `rounds` rounds of `calls` calls.
pub(crate) fn seconds_each(rounds: usize, calls: u32, mut work: impl FnMut(u64)) -> f64 {
    let mut number = 0;
    let mut times: Vec<f64> = (0..=rounds)
        .map(|_| {
            let before = cpu();
            for _ in 0..calls {
                work(number);
                number += 1;
            }
            (cpu() - before).as_secs_f64() / f64::from(calls)
        })
        .skip(1)
        .collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(code) = memory::child(&arguments).or_else(|| growth::child(&arguments)) {
        return code;
    }
    let named = |(name, _): &&(&str, _)| arguments.iter().any(|argument| argument == name);
    let all = !GROUPS.iter().any(|group| named(&group));
    let figures = GROUPS.iter().filter(|group| all || named(group)).flat_map(|(_, figures)| figures());
    let figures: Vec<Figure> = figures.collect();
    let mut code = ExitCode::SUCCESS;
    println!("\n| Figure | Measured | Bar | How |\n|---|---|---|---|");
    for figure in &figures {
        let mark = if figure.reached { "" } else { " (NOT REACHED)" };
        println!("| {} | {}{mark} | {} | {} |", figure.what, figure.value, figure.bar, figure.how);
        if !figure.reached {
            code = ExitCode::FAILURE;
        }
    }
    code
}
