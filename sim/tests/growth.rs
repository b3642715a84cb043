//! Runs leave nothing behind in memory: a process does not grow with their number. Alone in its program, so that nobody
//! else allocates. Where the kernel does not tell (other systems than Linux), nothing is claimed.

use squall::run;
use squall::scenario;
use squall::trace::Keep;

const SCENARIO: &[u8] =
    b"about = \"A small file.\"\n[files.note]\nsize = \"1 KiB\"\n[[steps]]\nupload = \"note\"\n\
    [[steps]]\ndownload = \"note\"\n[[faults]]\nhang = \"any 1\"\n";
const RUNS: u64 = 800;
/// What one run may leave behind. It holds some 300 KiB while it lasts.
const LEFT_BYTES_MAX: u64 = 8 << 10;

fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? << 10)
}

#[test]
fn memory_does_not_grow_with_the_number_of_runs() {
    let scenario = scenario::parse("small.toml", SCENARIO).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let runs = |seeds: std::ops::Range<u64>| {
        for seed in seeds {
            let report = run::run(&scenario.schedule(seed), Keep::Last(40)).expect("a runtime");
            assert!(report.findings.is_empty(), "{:?}", report.findings);
        }
    };
    // The allocator takes what it needs for good during the first ones.
    runs(0..200);
    let Some(before) = resident_bytes() else { return };
    runs(200..200 + RUNS);
    let after = resident_bytes().expect("it told before");
    let left = after.saturating_sub(before) / RUNS;
    assert!(left <= LEFT_BYTES_MAX, "each run left {left} B: {before} B resident before, {after} B after");
}
