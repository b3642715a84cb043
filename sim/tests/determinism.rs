//! The same scenario and seed give the same trace on every thread and in every process.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::process::Command;
use std::thread;

use squall::run;
use squall::scenario;
use squall::trace::Keep;

/// A storm that uses every stream of randomness: latencies, a chance, damage, a selector and contents.
const STORM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cli/scenarios/storm.toml");

fn fingerprint(seed: u64) -> String {
    let scenario = scenario::load(STORM).unwrap_or_else(|mistakes| panic!("{}", mistakes.render(false)));
    run::run(&scenario.schedule(seed), Keep::Last(0)).unwrap().fingerprint
}

fn in_another_process(seed: u64) -> String {
    let seed = seed.to_string();
    let squall =
        Command::new(env!("CARGO_BIN_EXE_squall")).args(["replay", STORM, "--seed", &seed]).output().unwrap();
    let text = String::from_utf8(squall.stdout).unwrap();
    let line = text.lines().find(|line| line.starts_with("trace")).unwrap_or_else(|| panic!("{text}"));
    line.split_whitespace().last().unwrap().to_owned()
}

#[test]
fn threads_and_processes_agree() {
    for seed in [0, 1, 42] {
        let here = fingerprint(seed);
        let (one, other) = thread::scope(|scope| {
            let one = scope.spawn(|| fingerprint(seed));
            let other = scope.spawn(|| fingerprint(seed));
            (one.join().unwrap(), other.join().unwrap())
        });
        assert_eq!((&here, &here), (&one, &other));
        assert_eq!(here, in_another_process(seed));
    }
}

#[test]
fn a_run_does_not_depend_on_the_runs_before_it() {
    let alone = fingerprint(7);
    fingerprint(8);
    assert_eq!(fingerprint(7), alone);
    assert_ne!(fingerprint(8), alone);
}
