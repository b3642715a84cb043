//! Faults that overlap on one host: each lasts as long as its file says, whatever the others do, and each gets the
//! receipt for what it did.

use squall::run::{RunReport, run};
use squall::trace::Keep;
use squall::workload::Ending;

/// Three servers whose shares are all needed: an upload, a wait of two seconds, a download.
fn play(faults: &str) -> RunReport {
    let text = format!(
        "about = \"x\"\nfiles.movie.size = \"100 KiB\"\n\
         grid = {{ servers = 3, encoding = \"3-of-3\", happy = 3, clients = 2, latency = \"5ms..20ms\" }}\n\
         steps = [{{ upload = \"movie\" }}, {{ wait = \"2s\" }}, {{ download = \"movie\", expect = \"either\" }}, \
         {{ wait = \"60s\" }}, {{ download = \"movie\" }}]\n{faults}"
    );
    let scenario = squall::scenario::parse("test", text.as_bytes())
        .unwrap_or_else(|mistakes| panic!("{}", mistakes.render(false)));
    run(&scenario.schedule(3), Keep::Last(0)).expect("a runtime")
}

/// Two faults of one kind on s1, one from the second step to its end and a longer one that lasts for `seconds`.
fn overlapping(kind: &str, seconds: u32) -> RunReport {
    play(&format!(
        "[[faults]]\nname = \"long\"\n{kind}\nwhen = \"step 2 starts\"\nfor = \"{seconds}s\"\n\
         [[faults]]\nname = \"short\"\n{kind}\nwhen = \"step 2 starts\"\nfor = \"1s\"\nmay_stay_inert = true\n"
    ))
}

fn took(report: &RunReport, step: usize) -> f64 {
    report.steps[step].took.as_secs_f64()
}

fn failed(report: &RunReport, step: usize) -> bool {
    matches!(report.steps[step].ending, Ending::Failed { .. })
}

fn touched(report: &RunReport, name: &str) -> u64 {
    report.receipts.iter().filter(|receipt| receipt.name == name).map(|receipt| receipt.touched).sum()
}

#[test]
fn the_end_of_the_shorter_fault_does_not_end_the_longer_one() {
    for kind in [
        "hang = \"s1\"",
        "hang = \"s1\"\nonly = \"reads\"",
        "answer = \"s1\"\nwith = \"503\"\nonly = \"reads\"",
        "answer = \"s1\"\nwith = \"drips\"\nrate = \"1 B/s\"\nonly = \"shares\"",
        "partition = \"s1\"",
        "partition = [[\"c0\", \"s0\"], [\"s1\"]]",
        "disconnect = \"s1\"\nhow = \"refuse\"",
        "crash = \"s1\"",
        "power_loss = \"s1\"",
        "slow = \"s1\"\nlatency = \"700ms\"",
    ] {
        let report = overlapping(kind, 10);
        assert!(failed(&report, 2) || took(&report, 2) > 2.0, "{kind}: {}", report.steps[2].outcome);
        assert!(report.findings.is_empty(), "{kind}: {:?}", report.findings);
        assert!(took(&report, 4) < 2.0, "{kind}: it was over, but {} s", took(&report, 4));
    }
}

#[test]
fn a_queue_that_two_faults_fill_has_room_after_the_longer_one() {
    let report = play(
        "[[faults]]\nname = \"long\"\nqueue_full = \"s1\"\nfor = \"10s\"\n\
         [[faults]]\nname = \"short\"\nqueue_full = \"s1\"\nfor = \"1s\"\nmay_stay_inert = true\n",
    );
    assert!(!failed(&report, 0), "{}", report.steps[0].outcome);
    let took = took(&report, 0);
    assert!((15.0..16.0).contains(&took), "SYNs of 0, 1, 3 and 7 s vanish, that of 15 s does not: {took}");
    assert!(touched(&report, "long") >= 4);
}

#[test]
fn of_two_kinds_of_slowness_the_last_to_come_counts_and_then_the_other() {
    let slow = |name: &str, latency: &str, lasts: &str| {
        format!(
            "[[faults]]\nname = \"{name}\"\nslow = \"s1\"\nlatency = \"{latency}\"\nfor = \"{lasts}\"\nwhen = "
        )
    };
    let two = slow("first", "300ms", "60s") + "\"step 2 starts\"\n" + &slow("second", "900ms", "1s");
    let report = play(&(two.clone() + "\"step 3 starts\"\n"));
    assert!(took(&report, 2) > 2.0, "{}", took(&report, 2));
    let report = play(&(two + "\"step 2 starts\"\nmay_stay_inert = true\n"));
    assert!((1.2..4.0).contains(&took(&report, 2)), "{}", took(&report, 2));
    assert!(took(&report, 4) < 1.0);
}

#[test]
fn a_machine_whose_power_is_back_stays_down_while_its_program_is_crashed() {
    let fault = |name: &str, kind: &str, lasts: &str| {
        format!(
            "[[faults]]\nname = \"{name}\"\n{kind} = \"s1\"\nfor = \"{lasts}\"\nwhen = \"step 2 starts\"\nmay_stay_inert = true\n"
        )
    };
    for (crash, power) in [("20s", "1s"), ("1s", "20s")] {
        let report = play(&(fault("crash", "crash", crash) + &fault("dark", "power_loss", power)));
        assert!(failed(&report, 2) || took(&report, 2) > 10.0, "{}", report.steps[2].outcome);
        assert!(!failed(&report, 4));
    }
}

#[test]
fn a_program_that_is_started_again_hangs_while_the_hang_lasts() {
    let report = play(
        "[[faults]]\nhang = \"s1\"\nwhen = \"step 2 starts\"\nfor = \"20s\"\n\
         [[faults]]\ncrash = \"s1\"\nwhen = \"500ms\"\nfor = \"1s\"\n",
    );
    assert!(failed(&report, 2) || took(&report, 2) > 10.0, "{}", report.steps[2].outcome);
    assert!(!failed(&report, 4));
}

#[test]
fn a_client_whose_program_is_dead_does_nothing_until_it_is_started_again() {
    for kind in ["crash", "power_loss"] {
        let report = play(&format!(
            "[[faults]]\n{kind} = \"c0\"\nwhen = \"step 2 starts\"\nfor = \"20s\"\nmay_stay_inert = true\n"
        ));
        assert_eq!(report.steps[2].outcome, "error: the client's host is down or died");
        assert!(!failed(&report, 4), "{}", report.steps[4].outcome);
    }
}

#[test]
fn two_corruptions_of_one_share_both_get_their_receipt() {
    let report = play(
        "[[faults]]\nname = \"one\"\ncorrupt = \"shares of movie\"\non = \"s1\"\nfield = \"block 0\"\nwhen = \"step 3 starts\"\n\
         [[faults]]\nname = \"two\"\ncorrupt = \"shares of movie\"\non = \"s1\"\nfield = \"data\"\nwhen = \"step 3 starts\"\n",
    );
    assert!(touched(&report, "one") > 0 && touched(&report, "two") > 0, "{:?}", report.receipts);
}

#[test]
fn damage_goes_with_the_bytes() {
    let text = "about = \"x\"\nfiles.movie.size = \"100 KiB\"\n\
        grid = { servers = 3, encoding = \"3-of-3\", happy = 3, latency = \"5ms..20ms\" }\n";
    let fault =
        "[[faults]]\ncorrupt = \"shares of movie\"\non = \"s1\"\nfield = \"data\"\nwhen = \"step 1 ends\"\n";
    let receipt = |steps: &str| {
        let text = format!("{text}steps = [{{ upload = \"movie\" }}, {steps}]\n{fault}");
        let scenario = squall::scenario::parse("test", text.as_bytes())
            .unwrap_or_else(|mistakes| panic!("{}", mistakes.render(false)));
        run(&scenario.schedule(3), Keep::Last(0)).unwrap().receipts[0].touched
    };
    let anew = "{ delete = \"movie\", on = \"all\" }, { upload = \"movie\" }, { download = \"movie\" }";
    assert_eq!(receipt(anew), 0, "the new bytes are good");
    let moved = "{ copy = \"shares of movie\", from = \"s1\", to = \"s2\" }, { delete = \"movie\", on = \"s1\" }, \
        { download = \"movie\", expect = \"either\" }";
    assert!(receipt(moved) > 0, "the copy is as bad as what it was copied from");
}

#[test]
fn a_partition_into_groups_and_one_around_a_server_end_each_for_itself() {
    let fault = |kind: &str, lasts: &str| {
        format!("[[faults]]\n{kind}\nfor = \"{lasts}\"\nwhen = \"step 2 starts\"\nmay_stay_inert = true\n")
    };
    let groups = "partition = [[\"c0\", \"c1\", \"s0\"], [\"s1\", \"s2\"]]";
    for (first, second) in [("1s", "10s"), ("10s", "1s")] {
        let report = play(&(fault(groups, first) + &fault("partition = \"s1\"", second)));
        assert!(failed(&report, 2) || took(&report, 2) > 2.0, "{}", report.steps[2].outcome);
        assert!(!failed(&report, 4) && took(&report, 4) < 2.0, "{}", took(&report, 4));
        assert!(report.findings.is_empty(), "{:?}", report.findings);
    }
}

#[test]
fn hosts_of_one_group_and_hosts_of_none_talk_as_ever() {
    for groups in
        ["[[\"c1\"], [\"c0\", \"s0\", \"s1\", \"s2\"]]", "[[\"c0\"], [\"c1\"]]", "[[\"s0\"], [\"s1..s2\"]]"]
    {
        let report =
            play(&format!("[[faults]]\nname = \"f\"\npartition = {groups}\nmay_stay_inert = true\n"));
        assert!((0..5).all(|step| !failed(&report, step)) && took(&report, 2) < 1.0, "{groups}");
        assert_eq!(touched(&report, "f"), 0, "{groups}");
    }
}

#[test]
fn a_machine_that_is_dark_when_its_client_wants_something_has_been_bitten() {
    for kind in ["power_loss", "crash"] {
        let text = format!(
            "about = \"x\"\nfiles.movie.size = \"100 KiB\"\ngrid.clients = 2\n\
             steps = [{{ upload = \"movie\" }}, {{ download = \"movie\", by = \"c1\", expect = \"either\" }}]\n\
             [[faults]]\n{kind} = \"c1\"\nwhen = \"step 2 starts\"\n"
        );
        let scenario = squall::scenario::parse("test", text.as_bytes())
            .unwrap_or_else(|mistakes| panic!("{}", mistakes.render(false)));
        let report = run(&scenario.schedule(0), Keep::Last(0)).expect("a runtime");
        assert!(failed(&report, 1) && report.findings.is_empty(), "{kind}: {:?}", report.findings);
        assert_eq!(report.receipts[0].touched, 1, "{kind}");
    }
}

#[test]
fn what_is_so_slow_that_nothing_arrives_has_bitten() {
    let report = play(
        "[[faults]]\nslow = \"s1\"\nlatency = \"1d\"\nwhen = \"step 3 starts\"\nuntil = \"step 4 starts\"\n",
    );
    assert!(report.receipts[0].touched > 0 && failed(&report, 2), "{:?}", report.receipts);
}

#[test]
fn steps_that_run_together_may_end_in_another_order() {
    let text = "about = \"x\"\nfiles.movie.size = \"100 KiB\"\n\
                steps = [{ upload = \"movie\" }, { download = \"movie\" }, { download = \"movie\", together = true }]\n\
                [[faults]]\nhang = \"s1\"\nwhen = \"step 3 starts\"\nuntil = \"step 2 ends\"\n";
    assert!(squall::scenario::parse("test", text.as_bytes()).is_ok());
    let apart = text.replace(", together = true", "");
    assert!(squall::scenario::parse("test", apart.as_bytes()).is_err());
}
