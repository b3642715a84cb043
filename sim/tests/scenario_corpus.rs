//! Every scenario file that is checked in, and what holds for all of them.

use std::path::{Path, PathBuf};

use squall::batch;
use squall::scenario;
use squall::schedule::Schedule;

/// All of them but the bases, which say too little on their own.
fn corpus() -> Vec<PathBuf> {
    let found = batch::find(&[Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios")]);
    let found = found.expect("the folder can be read");
    assert!(!found.is_empty());
    found
}

#[test]
fn no_file_has_a_mistake() {
    let mistakes: String = corpus()
        .iter()
        .filter_map(|path| scenario::load_all(path).err())
        .map(|error| error.render(false))
        .collect();
    assert!(mistakes.is_empty(), "\n{mistakes}");
}

/// The run of a variant as that of a file that has only this one.
fn whole(schedule: Schedule) -> Schedule {
    Schedule { variant: None, ..schedule }
}

fn without_title(text: &str) -> &str {
    text.split_once('\n').map_or(text, |(_, rest)| rest)
}

/// The variants of a file; of an experiment, whose arms are much alike, those that the tests run.
fn tested(path: &Path) -> Vec<scenario::Scenario> {
    let mut variants = scenario::load_all(path).unwrap_or_default();
    variants.retain(|variant| variant.experiment().is_none() || !variant.seeds().is_empty());
    variants
}

#[test]
fn a_pinned_run_is_the_same_run_and_pinning_it_again_gives_the_same_text() {
    for path in corpus() {
        for scenario in tested(&path) {
            for seed in [0, 1, 7, 1 << 40] {
                let text = scenario::pin(&scenario, seed);
                let again = scenario::parse(scenario.path(), text.as_bytes());
                let again = again.unwrap_or_else(|error| panic!("{error}\n{text}"));
                assert_eq!(again.schedule(seed), whole(scenario.schedule(seed)), "{text}");
                assert_eq!(again.seeds(), [seed]);
                assert_eq!(scenario::pin(&again, seed), text);
            }
        }
    }
}

#[test]
fn the_explanation_of_a_run_reads_back_as_the_same_run() {
    for path in corpus() {
        for scenario in tested(&path) {
            for seed in 0..4 {
                let text = scenario::explain(&scenario, seed);
                let again = scenario::parse(scenario.path(), text.as_bytes());
                let again = again.unwrap_or_else(|error| panic!("{error}\n{text}"));
                assert_eq!(again.schedule(seed), whole(scenario.schedule(seed)), "{text}");
                assert_eq!(without_title(&scenario::explain(&again, seed)), without_title(&text));
            }
        }
    }
}
