//! Every scenario file that is checked in, and what holds for all of them.

use std::path::{Path, PathBuf};

use squall::scenario;

fn below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("the folder can be read").path();
        if path.is_dir() {
            below(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "toml") {
            found.push(path);
        }
    }
}

fn corpus() -> Vec<PathBuf> {
    let mut found = Vec::new();
    below(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios"), &mut found);
    found.sort();
    assert!(!found.is_empty());
    found
}

#[test]
fn no_file_has_a_mistake() {
    let mistakes: String = corpus()
        .iter()
        .filter_map(|path| scenario::load(path).err())
        .map(|error| error.render(false))
        .collect();
    assert!(mistakes.is_empty(), "\n{mistakes}");
}

#[test]
fn the_explanation_of_a_run_reads_back_as_the_same_run() {
    for path in corpus() {
        let Ok(scenario) = scenario::load(&path) else { continue };
        for seed in 0..4 {
            let text = scenario::explain(&scenario, seed);
            let again = scenario::parse(scenario.path(), text.as_bytes());
            let again = again.unwrap_or_else(|error| panic!("{error}\n{text}"));
            assert_eq!(again.schedule(seed), scenario.schedule(seed), "{text}");
            assert_eq!(scenario::explain(&again, seed), text);
        }
    }
}
