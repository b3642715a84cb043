//! Tallies, work lists, panics, and the comparison of two runs.

use std::ops::ControlFlow;

use super::*;
use crate::scenario::parse;

const TINY: &[u8] =
    b"about = \"A small file.\"\n[grid]\nservers = 3\nencoding = \"1-of-3\"\n[files.a]\nsize = \"100 B\"\n\
    [[steps]]\nupload = \"a\"\n[[steps]]\ndownload = \"a\"\n";
const FAILING: &[u8] =
    b"about = \"Cannot be unhappy.\"\n[files.a]\nsize = \"100 B\"\n[[steps]]\nupload = \"a\"\n\
    expect = \"unhappy\"\n";

fn scenario(name: &str, text: &[u8]) -> Scenario {
    parse(name, text).unwrap_or_else(|mistakes| panic!("{}", mistakes.render(false)))
}

/// What a batch says of each scenario.
fn told_of(batch: &Batch, scenarios: &[Scenario]) -> Vec<String> {
    let mut told = Vec::new();
    batch.run(scenarios, |news| {
        if let News::Scenario(scenario, tally) = news {
            let first = tally.first.as_ref().map(Outcome::text).unwrap_or_default();
            told.push(format!("{}\n{first}", report::tally(scenario.path(), &tally)));
        }
        ControlFlow::Continue(())
    });
    told
}

#[test]
fn what_is_told_does_not_depend_on_the_number_of_threads() {
    let scenarios = [scenario("tiny", TINY), scenario("failing", FAILING), scenario("tiny again", TINY)];
    let run = |jobs| told_of(&Batch { seeds: Some(3..20), jobs: Some(jobs), ..Batch::default() }, &scenarios);
    let alone = run(1);
    assert_eq!(alone.len(), 3);
    assert_eq!(alone[0], "tiny (17 seeds)\n");
    assert!(alone[1].starts_with("failing (17 of 17 seeds; failed: seeds 3-19)\nFAIL     failing, seed 3\n"));
    for jobs in [2, 7] {
        assert_eq!(run(jobs), alone, "{jobs} threads");
    }
}

#[test]
fn a_batch_ends_when_nobody_listens() {
    let scenarios = [scenario("tiny", TINY)];
    let mut heard = 0;
    Batch { seeds: Some(0..u64::MAX), jobs: Some(2), ..Batch::default() }.run(&scenarios, |_| {
        heard += 1;
        if heard == 5 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert_eq!(heard, 5);
}

#[test]
fn no_seeds_and_no_scenarios_are_told_of_as_such() {
    let none = Batch { seeds: Some(0..0), ..Batch::default() };
    assert_eq!(told_of(&none, &[scenario("tiny", TINY)]), ["tiny (0 seeds)\n"]);
    assert!(told_of(&Batch::default(), &[]).is_empty());
}

#[test]
fn of_a_scenario_that_was_cut_short_no_promise_is_judged() {
    let text = [FAILING, b"[over_all_seeds]\nuploads_failed = \">= 1 of 2\"\n"].concat();
    let scenarios = [scenario("failing", &text)];
    let told = |stop_after| {
        told_of(&Batch { seeds: Some(0..9), stop_after, jobs: Some(3), ..Batch::default() }, &scenarios)
    };
    assert!(told(None)[0].contains("0 of 9 uploads failed; \">= 1 of 2\" is BROKEN"), "{:?}", told(None));
    assert!(told(Some(2))[0].contains("0 of 2 uploads failed; \">= 1 of 2\" is too few to tell"));
}

#[test]
fn a_tally_remembers_the_first_failures_whatever_the_order_and_counts_the_rest() {
    let tiny = scenario("tiny", TINY);
    let mut tally = Tally::default();
    let all = FAILED_SEEDS_MAX as u64 + 500;
    for seed in (0..all).rev() {
        tally.count(
            seed,
            outcome(Engine::Event, &tiny, seed, || Err(std::io::Error::other("none left").into())),
        );
    }
    let failed = &tally.failed[&ExitCode::Internal];
    assert_eq!((tally.runs, tally.failures(), failed.count), (all, all, all));
    assert!(failed.seeds.keys().copied().eq(0..FAILED_SEEDS_MAX as u64));
    assert_eq!(tally.first.unwrap().seed, 0);
}

#[test]
fn a_panic_is_an_outcome_that_names_its_reason_and_its_replay() {
    let tiny = scenario("tiny", TINY);
    let outcome = outcome(Engine::Event, &tiny, 7, || panic!("index {} out of bounds", 3));
    assert_eq!(outcome.code(), ExitCode::Internal);
    assert_eq!(
        outcome.text(),
        "BROKEN   tiny, seed 7\n\
         about    A small file.\n\
         verdict  internal: a panic in the code under test or in the harness\n           \
         index 3 out of bounds\n\
         replay   cargo squall replay tiny --seed 7\n"
    );
}

#[test]
fn a_panic_during_a_panic_names_the_run_before_the_process_ends() {
    const CHILD: &str = "SQUALL_PANICS_TWICE";
    struct Worse;
    impl Drop for Worse {
        fn drop(&mut self) {
            panic!("worse");
        }
    }
    if std::env::var_os(CHILD).is_some() {
        hold_panics();
        outcome(Engine::Event, &scenario("tiny", TINY), 7, || {
            let _worse = Worse;
            panic!("bad")
        });
        return;
    }
    let name = "batch::tests::a_panic_during_a_panic_names_the_run_before_the_process_ends";
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    let output = child.args(["--exact", name, "--nocapture"]).env(CHILD, "1").output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(
        told.contains("worse\nwhile another panic was under way; replay cargo squall replay tiny --seed 7"),
        "{told}"
    );
}

#[test]
fn a_panic_inside_a_host_of_turmoil_is_an_outcome_too() {
    let tiny = scenario("tiny", TINY);
    let broken = outcome(Engine::Turmoil, &tiny, 7, || {
        let world = crate::world::World::with(
            &tiny.schedule(7),
            Keep::Last(9),
            crate::world::Setup { engine: Engine::Turmoil, ..Default::default() },
        );
        let crate::net::Fabric::Turmoil(net) = world.net() else { panic!("not what was asked for") };
        let host = net.add_host("another");
        net.play::<()>(host, async { panic!("index {} out of bounds", 3) })?;
        once(Engine::Turmoil, &tiny, 7, Keep::Last(9))
    });
    assert_eq!(broken.code(), ExitCode::Internal);
    assert!(broken.text().contains("index 3 out of bounds\n"), "{}", broken.text());
    let replay = "replay   cargo squall replay tiny --seed 7 --engine turmoil\n";
    assert!(broken.text().ends_with(replay), "{}", broken.text());
}

#[test]
fn what_an_engine_cannot_express_is_counted_apart_with_its_reason() {
    let narrow =
        String::from_utf8(TINY.to_vec()).unwrap().replace("[grid]", "[grid]\nbandwidth = \"1 MiB/s\"");
    let scenarios = [scenario("narrow", narrow.as_bytes()), scenario("tiny", TINY)];
    let batch = Batch { seeds: Some(0..3), engine: Engine::Turmoil, ..Batch::default() };
    let mut tallies = Vec::new();
    batch.run(&scenarios, |news| {
        match news {
            News::Scenario(scenario, tally) => tallies.push(report::tally(scenario.path(), &tally)),
            News::Over { failed, .. } => assert!(!failed),
            News::Run(_) | News::Stopped(_) => {}
        }
        ControlFlow::Continue(())
    });
    let reason = "server s0 has a bandwidth, and turmoil's links have none";
    assert_eq!(tallies, [format!("narrow (not run: {reason})"), "tiny (3 seeds)".to_owned()]);
}

fn lines(lines: &[&str], fingerprint: &str) -> RunReport {
    let mut report = once(Engine::Event, &scenario("tiny", TINY), 0, Keep::All).unwrap();
    report.events = lines.iter().map(|line| (*line).to_owned()).collect();
    report.fingerprint = fingerprint.to_owned();
    report
}

#[test]
fn two_traces_that_differ_are_told_apart_at_their_first_difference() {
    let text = |a: &RunReport, b: &RunReport| compare(a, b).map(|finding| finding.text);
    let first = lines(&["x", "y", "z"], "1");
    assert_eq!(text(&first, &lines(&["x", "y", "z"], "1")), None);
    let other = text(&first, &lines(&["x", "Y", "Z"], "2")).unwrap();
    assert_eq!(other, "two runs of this seed differ first at event 2:\n- y\n+ Y");
    let longer = text(&first, &lines(&["x", "y", "z", "!"], "2")).unwrap();
    assert_eq!(longer, "two runs of this seed are alike for 3 events; one has 3, the other 4");
    assert!(text(&first, &lines(&["x", "y", "z"], "2")).unwrap().contains("do not show"));
    assert_eq!(ExitCode::of(&[compare(&first, &other_trace()).unwrap()]), ExitCode::NotDeterministic);
}

fn other_trace() -> RunReport {
    lines(&[], "2")
}

#[test]
fn a_seed_run_twice_gives_the_same_trace_and_the_last_events() {
    let outcome = run_one(&scenario("tiny", TINY), 5, true);
    assert_eq!(outcome.code(), ExitCode::Passed);
    let once = run_one(&scenario("tiny", TINY), 5, false);
    assert_eq!(outcome.text(), once.text());
}

#[test]
fn the_fingerprint_does_not_depend_on_what_is_kept() {
    let tiny = scenario("tiny", TINY);
    let all = once(Engine::Event, &tiny, 5, Keep::All).unwrap();
    let none = once(Engine::Event, &tiny, 5, Keep::Last(0)).unwrap();
    assert_eq!((all.fingerprint, all.entries), (none.fingerprint, none.entries));
    assert!(none.events.is_empty());
    assert_ne!(
        once(Engine::Event, &tiny, 6, Keep::All).unwrap().fingerprint,
        once(Engine::Event, &tiny, 5, Keep::All).unwrap().fingerprint
    );
}

#[test]
fn a_panic_of_a_program_in_the_middle_of_a_run_leaves_the_thread_usable() {
    let tiny = scenario("tiny", TINY);
    let broken = outcome(Engine::Event, &tiny, 7, || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_time().start_paused(true).build()?.block_on(async {
            let world = crate::world::World::new(&tiny.schedule(7), Keep::Last(9));
            let client = world.client("client", 0);
            let program = async move {
                let _held_while_it_unwinds = client;
                tokio::time::sleep(std::time::Duration::from_secs(1)).await;
                panic!("a mistake of a program");
            };
            let host = world.host("client").unwrap();
            let _program = world.net().spawn::<()>(host, program);
            world.net().run().await;
        });
        unreachable!("the program panics first")
    });
    assert_eq!(broken.code(), ExitCode::Internal);
    assert!(broken.text().contains("a mistake of a program"), "{}", broken.text());
    assert_eq!(run_one(&tiny, 7, true).code(), ExitCode::Passed);
}
