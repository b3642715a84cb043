//! What a download costs on a large grid, against a small one: all that one more download adds to a run, the harness's
//! own work included.

use squall::run::{self, RunReport};
use squall::scenario;
use squall::schedule::Schedule;
use squall::trace::Keep;
use squall::verdict::ExitCode;

use crate::{Figure, seconds_each};

const SMALL: usize = 10;
const LARGE: usize = 1_000;
const RATIO_MAX: f64 = 3.0;
/// Downloads by which two runs differ.
const MORE: usize = 8;

pub(crate) fn figures() -> Vec<Figure> {
    let (small, asked_small) = one_more(SMALL);
    let (large, asked_large) = one_more(LARGE);
    let ratio = large / small;
    vec![Figure {
        what: "A download of 1 MiB on a grid of 1,000 servers",
        value: format!(
            "{ratio:.2} times the CPU of one on 10 ({:.2} ms against {:.2} ms); {asked_large} servers asked, {asked_small} of 10",
            large * 1e3,
            small * 1e3
        ),
        bar: "3 times",
        reached: ratio <= RATIO_MAX,
        how: format!("what {MORE} more downloads by a fresh client each add to a run, divided by {MORE}"),
    }]
}

/// CPU seconds that one more download adds to a run on so many servers, and how many of them it asks.
fn one_more(servers: usize) -> (f64, usize) {
    let (few, many) = (schedule(servers, 1), schedule(servers, 1 + MORE));
    let asked = play(&many).steps.iter().map(|step| step.counts.asked.len()).next_back().unwrap_or_default();
    let few = seconds_each(5, 3, |_| drop(play(&few)));
    let many = seconds_each(5, 3, |_| drop(play(&many)));
    ((many - few) / MORE as f64, asked)
}

fn schedule(servers: usize, downloads: usize) -> Schedule {
    let download = "[[steps]]\nforget = \"client\"\n[[steps]]\ndownload = \"movie\"\n".repeat(downloads);
    let text = format!(
        "about = \"a figure\"\n[grid]\nservers = {servers}\n[files.movie]\nsize = \"1 MiB\"\n\
         [[steps]]\nupload = \"movie\"\n{download}"
    );
    match scenario::parse("figure.toml", text.as_bytes()) {
        Ok(scenario) => scenario.schedule(0),
        Err(mistakes) => panic!("{}", mistakes.render(false)),
    }
}

fn play(schedule: &Schedule) -> RunReport {
    let report = run::run(schedule, Keep::Last(0)).expect("a runtime");
    assert_eq!(report.code(), ExitCode::Passed, "{:?}", report.findings);
    report
}
