//! The experiments of 2012: what one seed of each takes, and many on two cores.

use std::ops::ControlFlow;

use squall::batch::{Batch, News};
use squall::scenario::{self, Scenario};
use squall::verdict::ExitCode;

use crate::storms::play;
use crate::{Figure, wall};

const ROUNDS: u64 = 3;
const APPENDS_BAR_S: f64 = 3.0;
const FILES_BAR_S: f64 = 15.0;
/// So many seeds on two cores ...
const SEEDS: u64 = 20;
/// ... of which so many times as many must be done within six minutes.
const TIMES: f64 = 10.0;
const SEEDS_BAR_S: f64 = 360.0;

/// The arm of `scenarios/s3/FILE.toml` in which one of a hundred requests fails and the server tries again as it does by
/// default.
fn arm(file: &str) -> Scenario {
    let path = format!("{}/scenarios/s3/{file}.toml", env!("CARGO_MANIFEST_DIR"));
    let arms = scenario::load_all(path).unwrap_or_else(|mistakes| panic!("{}", mistakes.render(false)));
    let wanted = |arm: &Scenario| {
        let name = arm.variant().unwrap_or_default();
        name.contains("probability 0.01 ") && name.contains("retry=ours")
    };
    arms.into_iter().find(wanted).expect("an arm with ours at 1 %")
}

/// Wall seconds of a run: the median.
fn seconds(scenario: &Scenario) -> f64 {
    let mut times: Vec<f64> = (0..ROUNDS)
        .map(|seed| {
            let schedule = scenario.schedule(seed);
            let before = wall();
            play(&schedule);
            (wall() - before).as_secs_f64()
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn one_seed(what: &'static str, file: &str, bar: &'static str, bar_s: f64) -> Figure {
    let took = seconds(&arm(file));
    Figure {
        what,
        value: format!("{took:.2} s on one core"),
        bar,
        reached: took <= bar_s,
        how: format!(
            "wall time of a run of scenarios/s3/{file}.toml, RSA, client, server, S3 and oracles in one thread; \
             1 % of the requests to S3 fail, retried by our policy; median of {ROUNDS} seeds"
        ),
    }
}

fn many_seeds() -> Figure {
    let arms = [arm("experiment-three")];
    let batch = Batch { seeds: Some(0..SEEDS), all_arms: true, jobs: Some(2), ..Batch::default() };
    let before = wall();
    batch.run(&arms, |news| {
        if let News::Run(outcome) = news {
            assert_eq!(outcome.code(), ExitCode::Passed, "{}", outcome.text());
        }
        ControlFlow::Continue(())
    });
    let took = (wall() - before).as_secs_f64();
    Figure {
        what: "Experiment Three, 200 seeds with two jobs",
        value: format!("{:.0} s", took * TIMES),
        bar: "6 min",
        reached: took * TIMES <= SEEDS_BAR_S,
        how: format!("{SEEDS} seeds took {took:.1} s of wall time; 200 take ten times that"),
    }
}

pub(crate) fn figures() -> Vec<Figure> {
    vec![
        one_seed("Experiment Three: 1,000 appends, each read back", "experiment-three", "3 s", APPENDS_BAR_S),
        one_seed("Experiment Two: ten backups, 5,510 files", "experiment-two", "15 s", FILES_BAR_S),
        many_seeds(),
    ]
}
