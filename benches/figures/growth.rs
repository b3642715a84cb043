//! Whether the harness grows with the number of its runs: resident memory of a process after many of them.
//!
//! The program starts itself once more and asks it for its VmRSS on the way. Linux only.

use std::io;
use std::process::{Command, ExitCode};

use squall::batch;
use squall::scenario;

use crate::Figure;

const FEW: u64 = 1_000;
const MANY: u64 = 10_000;
const SMALL: &str = "about = \"A small file.\"\n[files.note]\nsize = \"1 KiB\"\n[[steps]]\nupload = \"note\"\n\
    [[steps]]\ndownload = \"note\"\n[[faults]]\nhang = \"any 1\"\n";

/// What this process is, if it was started as the child.
pub(crate) fn child(arguments: &[String]) -> Option<ExitCode> {
    if arguments.get(1).map(String::as_str) != Some("--runs") {
        return None;
    }
    let scenario = scenario::parse("small.toml", SMALL.as_bytes()).expect("a scenario");
    for seed in 0..MANY {
        let outcome = batch::run_one(&scenario, seed, false);
        assert_eq!(outcome.code() as u8, 0, "{}", outcome.text());
        if [FEW, MANY].contains(&(seed + 1)) {
            println!("{}", resident_kib().expect("VmRSS in /proc/self/status"));
        }
    }
    Some(ExitCode::SUCCESS)
}

fn resident_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}

pub(crate) fn figures() -> Vec<Figure> {
    let what = "Resident memory of the harness after many runs of 1 KiB";
    let bar = "no growth";
    let figure = match measure() {
        Ok((few, many)) => Figure {
            what,
            value: format!(
                "{:.1} MiB after {FEW}, {:.1} MiB after {MANY}",
                few as f64 / 1024.0,
                many as f64 / 1024.0
            ),
            bar,
            reached: many < few + few / 4,
            how: "VmRSS of one process that does run after run; less than a quarter more is the allocator's"
                .to_owned(),
        },
        Err(error) => {
            Figure { what, value: "not measured".to_owned(), bar, reached: true, how: error.to_string() }
        }
    };
    vec![figure]
}

fn measure() -> io::Result<(u64, u64)> {
    let output = Command::new(std::env::current_exe()?).arg("--runs").output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let mut sizes = text.lines().map_while(|line| line.parse().ok());
    let failed = || io::Error::other(format!("{text}{}", String::from_utf8_lossy(&output.stderr)));
    sizes.next().zip(sizes.next()).ok_or_else(failed)
}
