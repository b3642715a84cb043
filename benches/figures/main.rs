//! The figures of the README, measured and printed as a table: `cargo bench --bench figures`.
//!
//! Each row says how it was got. CPU time is that of the measuring thread; "bar" is what the project promises.
//! A row below its bar is marked, and the program then ends with 1.

mod growth;
#[path = "../../tests/in_memory/mod.rs"]
mod in_memory;
mod large_grid;
mod limits;
mod memory;
mod mutable;
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

/// CPU time this thread has used.
pub(crate) fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
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
    if arguments.iter().any(|argument| argument == "mutable") {
        for figure in mutable::figures() {
            println!("{}: {}", figure.what, figure.value);
        }
        return ExitCode::SUCCESS;
    }
    let mut figures = storms::figures();
    figures.extend(mutable::figures());
    figures.extend(memory::figures());
    figures.extend(large_grid::figures());
    figures.extend(growth::figures());
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
