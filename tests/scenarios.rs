//! One test per scenario file, named after it, with the variants and seeds the file asks for; and one more for each file that its
//! first seed gives the same trace twice.
//!
//! `cargo test hung` runs the scenarios with "hung" in their names. What a scenario is and how it is judged is squall's
//! business.

use std::path::Path;

use libtest_mimic::{Arguments, Failed, Trial};
use squall::batch;
use squall::experiment::{Trials, table};
use squall::report;
use squall::scenario::{self, Scenario};
use squall::verdict::ExitCode;

#[path = "common/scenario_files.rs"]
mod scenario_files;

fn main() -> std::process::ExitCode {
    let files = match scenario_files::all() {
        Ok(files) => files,
        Err(code) => return code,
    };
    let trials = files.into_iter().flat_map(|file| {
        let name = name_of(&file);
        let again = file.clone();
        [
            Trial::test(name.clone(), move || run_all(&file)),
            Trial::test(format!("deterministic::{name}"), move || run_twice(&again)),
        ]
    });
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit_code()
}

/// Retries that a server has to begin with: 500 tokens, of which each takes five. Each success gives one back.
const RETRIES_FREE: u64 = 100;

/// `scenarios/download/three-good-seven-hung.toml` becomes `download::three_good_seven_hung`.
fn name_of(file: &Path) -> String {
    let inner = file.strip_prefix("scenarios").unwrap_or(file).with_extension("");
    let parts: Vec<String> =
        inner.components().map(|part| part.as_os_str().to_string_lossy().replace('-', "_")).collect();
    parts.join("::")
}

fn run_all(file: &Path) -> Result<(), Failed> {
    let scenarios = scenario::load_all(file).map_err(|mistakes| mistakes.render(false))?;
    if scenarios.first().is_some_and(|scenario| scenario.experiment().is_some()) {
        return experiment(&scenarios);
    }
    let mut failed = String::new();
    for scenario in scenarios {
        let tally = batch::run_all(&scenario);
        if tally.code() != ExitCode::Passed {
            let first = tally.first.as_ref().map(batch::Outcome::text).unwrap_or_default();
            failed.push_str(&format!("{}\n{first}", report::tally(&scenario.name(), &tally)));
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(failed.into()) }
}

/// Every arm that is tested agrees with the closed form, loses nothing, and tries no more than its quota allows.
fn experiment(arms: &[Scenario]) -> Result<(), Failed> {
    let tested: Vec<Scenario> = arms.iter().filter(|arm| !arm.seeds().is_empty()).cloned().collect();
    let mut trials = Trials::begin(&tested)?;
    for arm in &tested {
        for seed in arm.seeds() {
            let outcome = batch::run_one(arm, seed, false);
            if outcome.failed() {
                return Err(outcome.text().into());
            }
            trials.count(&outcome);
        }
    }
    let more_than_allowed =
        trials.arms.iter().find(|arm| arm.retries() > RETRIES_FREE + arm.requests_made() / 5);
    if trials.code() != ExitCode::Passed || more_than_allowed.is_some() {
        return Err(table(&trials).into());
    }
    Ok(())
}

fn run_twice(file: &Path) -> Result<(), Failed> {
    for scenario in scenario::load_all(file).map_err(|mistakes| mistakes.render(false))? {
        // Of experiments only some variants are tested.
        let Some(&seed) = scenario.seeds().first() else { continue };
        let outcome = batch::run_one(&scenario, seed, true);
        if outcome.code() == ExitCode::NotDeterministic {
            return Err(outcome.text().into());
        }
        if scenario.experiment().is_some() {
            // Its arms are long, and much alike.
            break;
        }
    }
    Ok(())
}
