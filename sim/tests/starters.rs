//! Every starter that `squall new` hands out passes as it is, over 16 seeds, and its faults bite.

use squall::run;
use squall::scenario;
use squall::scenario::keys::{Absent, FAULT};
use squall::starter;
use squall::trace::Keep;
use squall::verdict::ExitCode;

#[test]
fn every_starter_passes_and_each_of_its_faults_bites() {
    for starter in starter::ALL {
        let scenario = scenario::parse(starter.kind, starter.text.as_bytes())
            .unwrap_or_else(|mistakes| panic!("{mistakes}"));
        assert_eq!(starter.about(), scenario.about(), "{}", starter.kind);
        let mut bit = vec![0; scenario.fault_names().len()];
        assert!(!bit.is_empty(), "{}: nothing goes wrong in it", starter.kind);
        for seed in 0..16 {
            let report = run::run(&scenario.schedule(seed), Keep::Last(0)).expect("a runtime");
            assert_eq!(
                report.code(),
                ExitCode::Passed,
                "{}, seed {seed}: {:?}",
                starter.kind,
                report.findings
            );
            for (bit, receipt) in bit.iter_mut().zip(&report.receipts) {
                *bit += u32::from(receipt.bit.is_some());
                assert!(receipt.bit.is_some() || receipt.may_stay_inert, "{}: {receipt}", starter.kind);
            }
        }
        assert!(bit.iter().all(|runs| *runs >= 8), "{}: faults bit in {bit:?} of 16 runs", starter.kind);
    }
}

#[test]
fn every_starter_is_commented_and_no_two_are_of_one_kind() {
    for (number, starter) in starter::ALL.iter().enumerate() {
        assert!(starter.text.matches('#').count() >= 2, "{}", starter.kind);
        assert!(starter.text.lines().all(|line| line.chars().count() <= 120), "{}", starter.kind);
        assert_eq!(starter::find(starter.kind), Some(starter));
        assert!(starter::ALL[..number].iter().all(|other| other.kind != starter.kind), "{}", starter.kind);
    }
    assert_eq!(starter::find("power_loss"), starter::find("power-loss"));
    assert_eq!(starter::find("powerloss"), None);
}

#[test]
fn every_kind_of_fault_has_a_starter_that_uses_it() {
    let kinds = FAULT.keys.iter().filter(|key| matches!(key.absent, Absent::Means("another kind")));
    let kinds: Vec<&str> = kinds.map(|key| key.name).collect();
    assert_eq!(
        FAULT.doc.split_once("one of ").map(|(_, list)| list.matches(',').count() + 1),
        Some(kinds.len())
    );
    for kind in kinds {
        let uses = |starter: &&starter::Starter| {
            let faults = starter.text.split("[[faults]]").skip(1);
            faults
                .flat_map(str::lines)
                .any(|line| line.split('=').next().is_some_and(|key| key.trim() == kind))
        };
        assert!(
            starter::ALL.iter().any(|starter| uses(&starter)),
            "no file in sim/src/starter/ has a `{kind}`"
        );
    }
}
