//! Planted failures of several faults: who is blamed, and in which words.

use super::*;

const DOWNLOAD: &str = "about = \"planted\"\n[files.movie]\nsize = \"40000 B\"\n\
    [[steps]]\nupload = \"movie\"\n[[steps]]\ndownload = \"movie\"\n";

/// A scenario of one download that must succeed, and these faults from then on: name and what it does.
fn planted(faults: &[(&str, &str)]) -> Schedule {
    let faults = faults
        .iter()
        .map(|(name, what)| format!("[[faults]]\nname = \"{name}\"\n{what}\nwhen = \"step 2 starts\"\n"));
    schedule(&format!("{DOWNLOAD}{}", faults.collect::<String>()))
}

fn schedule(text: &str) -> Schedule {
    let scenario = crate::scenario::parse("planted.toml", text.as_bytes());
    scenario.unwrap_or_else(|mistakes| panic!("{}", mistakes.render(false))).schedule(1)
}

fn blamed(schedule: &Schedule) -> Blame {
    blame(schedule, |_| ()).unwrap()
}

#[test]
fn the_one_fault_that_breaks_a_run_is_necessary_and_others_are_not() {
    let schedule =
        planted(&[("delay", "slow = \"s0\"\nlatency = \"50ms\""), ("rack", "power_loss = \"s2..s9\"")]);
    let found = blamed(&schedule);
    assert_eq!(found.without, [Without::FailsAlike, Without::Passes]);
    assert_eq!(found.enough.clone().unwrap().faults, [1].into());
    insta::assert_snapshot!(blanked(&text(&found, &schedule)));
}

#[test]
fn two_faults_that_only_together_break_a_run_are_both_necessary() {
    let schedule = planted(&[
        ("left", "crash = \"s0..s3\""),
        ("nobody", "slow = \"s8\"\nlatency = \"50ms\""),
        ("right", "crash = \"s4..s7\""),
    ]);
    let found = blamed(&schedule);
    assert_eq!(found.without, [Without::Passes, Without::FailsAlike, Without::Passes]);
    assert_eq!(found.cure, None);
    assert_eq!(found.enough, Some(Set { faults: [0, 2].into(), smallest: true }));
}

#[test]
fn of_two_faults_each_of_which_is_enough_none_is_necessary_and_both_are_the_cure() {
    let schedule = planted(&[
        ("flood", "crash = \"s0..s7\""),
        ("late", "slow = \"s8\"\nlatency = \"50ms\""),
        ("fire", "power_loss = \"s0..s7\""),
        ("worm", "corrupt = \"shares of movie\"\non = \"s9\"\nfield = \"data\"\nmay_stay_inert = true"),
    ]);
    let found = blamed(&schedule);
    assert_eq!(found.cure, Some(Set { faults: [0, 2].into(), smallest: true }));
    assert_eq!(found.enough.clone().unwrap().faults.len(), 1);
    insta::assert_snapshot!(blanked(&text(&found, &schedule)));
}

#[test]
fn a_fault_that_hides_another_failure_changes_it() {
    let text = format!(
        "{DOWNLOAD}within = \"1s\"\n\
         [[faults]]\nname = \"gone\"\ncrash = \"s3..s9\"\nwhen = \"step 2 starts\"\n\
         [[faults]]\nname = \"crawl\"\nslow = \"s0..s2\"\nlatency = \"5s\"\nwhen = \"step 2 starts\"\n\
         [[faults]]\nname = \"rot\"\ncorrupt = \"shares of movie\"\non = \"s0\"\nfield = \"data\"\nwhen = \"step 2 starts\"\n"
    );
    let schedule = schedule(&text);
    let found = blamed(&schedule);
    let others = found.without.iter().filter(|without| matches!(without, Without::FailsOtherwise(_)));
    assert!(others.count() >= 1, "{found:?}");
    insta::assert_snapshot!(blanked(&super::text(&found, &schedule)));
}

#[test]
fn a_run_that_fails_without_any_fault_blames_none() {
    let text = "about = \"x\"\n[files.movie]\nsize = \"40000 B\"\n[[steps]]\nupload = \"movie\"\nwithin = \"1ms\"\n\
        [[faults]]\nname = \"late\"\nslow = \"s0\"\nlatency = \"50ms\"\n";
    let found = blamed(&schedule(text));
    assert_eq!((found.without_all, found.enough), (Without::FailsAlike, None));
}

#[test]
fn an_inert_fault_is_to_blame_for_the_run_that_proves_nothing() {
    let faults = "[[faults]]\nname = \"never\"\nhang = \"s0\"\nwhen = \"5m\"\n\
        [[faults]]\nname = \"late\"\nslow = \"s0\"\nlatency = \"50ms\"\nwhen = \"step 2 starts\"\n";
    let found = blamed(&schedule(&format!("{DOWNLOAD}{faults}")));
    assert_eq!(found.without, [Without::Passes, Without::FailsAlike]);
}

#[test]
fn a_run_that_passes_has_nobody_to_blame() {
    let error = blame(&planted(&[]), |_| ()).unwrap_err();
    assert_eq!(error.to_string(), "the run of seed 1 does not fail: nobody is to blame");
}

/// How runs fail with these objections.
fn failing(findings: &[(Oracle, &str)]) -> Failure {
    let findings =
        findings.iter().map(|(oracle, text)| Finding { oracle: *oracle, text: (*text).to_owned() });
    let mut report = run::run(&planted(&[]), Keep::Last(0)).unwrap();
    report.findings = findings.collect();
    Failure::of(&report)
}

#[test]
fn what_other_faults_change_about_an_objection_does_not_make_it_another() {
    let availability = |rest: &str, how: &str| {
        let text = format!("client downloads movie had to succeed: {rest}\n{how}");
        failing(&[(Oracle::Availability, &text)])
    };
    let few = availability(
        "3 shares are needed and 3 good ones were in reach (s1:0 s2:1 s3:2); it would survive no further loss",
        "it ended with: not enough shares: 2 of 3",
    );
    let many = availability(
        "3 shares are needed and 4 good ones were in reach (s1:0 s2:1 s3:2 s4:3); it would survive 1 more loss",
        "it ended with: not enough shares: 1 of 3",
    );
    assert!(few.is_like(&many), "{few:?} {many:?}");
    assert!(!few.is_like(&availability("3 shares are needed", "it took 70.000 s, more than the 61.000 s")));
    let hang = |text: &str| failing(&[(Oracle::Hang, text)]);
    let waiting = hang("step 2, client downloads movie had not ended after 60.000 s; it waits for 1 answer");
    assert!(waiting.is_like(&hang(
        "step 2, client downloads movie had not ended after 60.000 s; it waits for 5 answers"
    )));
    assert!(!waiting.is_like(&hang(
        "step 2, client downloads movie had not ended after 60.000 s and waits for no server: no request is open"
    )));
    let left = |what: &str| {
        failing(&[(Oracle::Economy, &format!("client uploads movie ended and left behind {what}"))])
    };
    assert!(left("1 request: Version to s1").is_like(&left("2 requests: Version to s1, Version to s2")));
}

#[test]
fn another_place_of_a_file_is_another_panic() {
    let panic = |line: u32, reason: &str| {
        Failure::of_panic_told(&format!("panicked at src/plan/fetch/mod.rs:{line}:9:\n{reason}"))
    };
    assert!(panic(20, "segment 3 of 4").is_like(&panic(20, "segment 1 of 4")));
    assert!(!panic(20, "segment 3 of 4").is_like(&panic(30, "segment 3 of 4")));
    assert!(!panic(20, "no segment").is_like(&panic(20, "no share")));
    let lines: Vec<String> = panic(20, "no share").lines().map(str::to_owned).collect();
    assert_eq!(lines, ["internal: panicked at src/plan/fetch/mod.rs:20:9: no share"]);
    assert!(Failure::of_panic_told("gave up at 3").is_like(&Failure::of_panic_told("gave up at 4")));
}

#[test]
fn figures_do_not_make_a_failure_another() {
    let line = "expectation: step 2, client downloads movie: took 60.411 s from s3";
    assert_eq!(blanked(line), "expectation: step 2, client downloads movie: took # s from s#");
}
