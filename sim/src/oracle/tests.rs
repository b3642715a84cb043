//! The judges, asked about worlds in which lafs did what it never does: what no scenario file can bring about.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use lafs::format::{ServerId, ShareNum};

use super::*;
use crate::ledger::Counts;
use crate::schedule::{Bound, Check, ErrorKind, Outcome, Target};
use crate::trace::Keep;
use crate::usage;
use crate::workload::{self, Ending, Phase};

mod obligation;
mod waste;

const PLAIN: &str = "about = \"x\"\n[grid]\nservers = 5\nencoding = \"2-of-4\"\nhappy = 3\n\
    [files.movie]\nsize = \"40000 B\"\n\
    [[steps]]\nupload = \"movie\"\n[[steps]]\ndownload = \"movie\"\nexpect = \"either\"\n";

/// Plays a scenario to its end and asks about the world it leaves behind.
fn after<T>(text: &str, ask: impl FnOnce(&World, &[StepReport]) -> T) -> T {
    let scenario = crate::scenario::parse("test", text.as_bytes())
        .unwrap_or_else(|mistakes| panic!("{}", mistakes.render(false)));
    let schedule = scenario.schedule(1);
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let world = World::new(&schedule, Keep::Last(0));
        world.spawn_storm();
        let reports = Rc::new(RefCell::new(Vec::new()));
        let (playing, told) = (Rc::clone(&world), Rc::clone(&reports));
        let work = async move {
            workload::run(&playing, &playing.schedule().steps, |report| told.borrow_mut().push(report)).await;
        };
        tokio::select! {
            biased;
            livelock = world.net().run() => panic!("{livelock}"),
            () = work => {}
        }
        let reports = reports.take();
        let answer = ask(&world, &reports);
        world.net().shutdown();
        answer
    })
}

fn failed() -> Ending {
    Ending::Failed {
        kind: None,
        phase: Phase::Reading,
        text: "it gave up".to_owned(),
        brief: None,
        wrong_at: None,
    }
}

#[test]
fn an_acknowledged_share_must_be_there_and_right() {
    let texts = after(PLAIN, |world, reports| {
        let Ending::Uploaded(uploaded) = &reports[0].ending else { panic!("{:?}", reports[0].ending) };
        assert_eq!(safety::judge(world, &reports[0]), []);
        let index = world.read_cap("movie").unwrap().storage_index();
        let holder = |share: ShareNum| {
            let server = uploaded.shares[&share].iter().next().unwrap();
            let (_, name, disk) = world.servers().find(|(_, name, _)| *name == server.as_str()).unwrap();
            (name.to_owned(), disk)
        };
        let (name, disk) = holder(ShareNum(2));
        disk.remove(index, ShareNum(2));
        let missing = safety::judge(world, &reports[0]);
        let mut texts: Vec<String> = missing.into_iter().map(|f| f.text.replace(&name, "SERVER")).collect();
        for share in [0, 1, 3].map(ShareNum) {
            let (_, disk) = holder(share);
            let mut bytes = disk.get(index, share).unwrap().to_vec();
            bytes[5000] ^= 1;
            disk.put(index, share, Bytes::from(bytes));
        }
        let wrong = safety::judge(world, &reports[0]);
        assert_eq!(wrong.len(), 2);
        texts.push(wrong[1].text.clone());
        texts
    });
    assert_eq!(texts[0], "share 2 was acknowledged on SERVER, which does not have it");
    assert!(texts[1].ends_with("fails its own hashes"), "{}", texts[1]);
    assert_eq!(texts.len(), 2);
}

#[test]
fn a_wrong_byte_is_unsafe_with_and_without_an_error() {
    let texts = after(PLAIN, |world, reports| {
        let mut report = reports[1].clone();
        assert_eq!(safety::judge(world, &report), []);
        report.ending = Ending::Downloaded { size: 40_000, wrong_at: Some(7) };
        let success = safety::judge(world, &report);
        report.ending = Ending::Failed {
            kind: None,
            phase: Phase::Reading,
            text: String::new(),
            brief: None,
            wrong_at: Some(9),
        };
        let error = safety::judge(world, &report);
        [success, error].map(|findings| findings[0].text.clone())
    });
    assert_eq!(texts[0], "client downloads movie: success was reported, but byte 7 is wrong or missing");
    assert_eq!(texts[1], "client downloads movie: it failed, but first delivered a wrong byte at 9");
}

#[test]
fn a_run_without_uploads_and_downloads_proves_nothing() {
    let text = "about = \"x\"\n[[steps]]\nwait = \"1s\"\n";
    let findings = after(text, |world, _| judge_end(world, &[]));
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].oracle, Oracle::Invalid);
    assert_eq!(after(PLAIN, |world, _| judge_end(world, &[])), []);
}

/// Every text of the judge of expectations, one line each.
#[test]
fn expectations_that_were_not_met_say_what_was_expected_and_what_came() {
    let text = after(PLAIN, |world, reports| {
        let mut lines = Vec::new();
        let mut ask = |report: &StepReport, change: &dyn Fn(&mut Step)| {
            let mut step = world.schedule().steps[report.step].clone();
            step.outcome = Outcome::Either;
            change(&mut step);
            let findings = expectation::judge(world, &step, report);
            lines.extend(findings.into_iter().map(|finding| finding.text));
        };
        let (upload, mut download) = (reports[0].clone(), reports[1].clone());
        let at_least = |min| Bound { min, max: u64::MAX };
        ask(&upload, &|step| step.outcome = Outcome::Error(ErrorKind::Unhappy));
        ask(&upload, &|step| step.checks = vec![Check::SharesPlaced(at_least(5))]);
        ask(&upload, &|step| step.checks = vec![Check::Happiness(Bound { min: 7, max: 7 })]);
        ask(&upload, &|step| step.checks = vec![Check::SharesPlaced(at_least(4))]);
        ask(&upload, &|step| step.checks = vec![Check::PerServer(Bound { min: 2, max: 4 })]);
        ask(&upload, &|step| step.checks = vec![Check::PerServer(Bound { min: 1, max: 1 })]);
        ask(&upload, &|step| step.checks = vec![Check::Health(at_least(4))]);
        ask(&upload, &|step| step.checks = vec![Check::Health(at_least(5))]);
        download.took = Duration::from_millis(1500);
        ask(&download, &|step| step.within = Some(Duration::from_secs(1)));
        ask(&download, &|step| step.within = Some(Duration::from_secs(2)));
        download.counts = Counts::default();
        (download.counts.requests, download.counts.fetched_bytes) = (9, 90_000);
        download.counts.corruption_reports = 1;
        download.counts.block_sources.insert(ServerId::new("s3"));
        download.allocated_bytes = 12;
        ask(&download, &|step| step.checks = vec![Check::Requests(Bound { min: 0, max: 8 })]);
        download.counts.asked.extend(["s3", "s4"].map(ServerId::new));
        ask(&download, &|step| step.checks = vec![Check::Asked(Bound { min: 0, max: 1 })]);
        ask(&download, &|step| step.checks = vec![Check::Asked(Bound { min: 2, max: 2 })]);
        ask(&download, &|step| step.checks = vec![Check::NotAsked(Target::Hosts(vec!["s4".into()]))]);
        ask(&download, &|step| step.checks = vec![Check::NotAsked(Target::Hosts(vec!["s2".into()]))]);
        ask(&download, &|step| step.checks = vec![Check::Says("nothing".to_owned())]);
        (download.counts.spare_requests, download.usage.connections_opened) = (5, 13);
        let margin = |losses, exact| Some(margin::Margin { losses, exact, of: "share" });
        let asked = |min, max| move |step: &mut Step| step.checks = vec![Check::Margin(Bound { min, max })];
        ask(&download, &asked(0, u64::MAX));
        download.margin = margin(3, true);
        ask(&download, &asked(4, u64::MAX));
        ask(&download, &asked(3, 3));
        ask(&download, &asked(0, 2));
        download.margin = margin(-1, true);
        ask(&download, &asked(0, u64::MAX));
        download.margin = margin(3, false);
        ask(&download, &asked(5, 5));
        ask(&download, &asked(2, 3));
        ask(&download, &|step| step.checks = vec![Check::SpareRequests(Bound { min: 0, max: 4 })]);
        ask(&download, &|step| step.checks = vec![Check::SpareRequests(Bound { min: 0, max: 5 })]);
        ask(&download, &|step| step.checks = vec![Check::Connections(Bound { min: 0, max: 12 })]);
        ask(&download, &|step| step.checks = vec![Check::CorruptionReports(Bound { min: 2, max: 3 })]);
        ask(&download, &|step| {
            step.checks = vec![Check::NotFrom(Target::Hosts(vec!["s2".into(), "s3".into()]))]
        });
        ask(&download, &|step| step.checks = vec![Check::NotFrom(Target::Hosts(vec!["s2".into()]))]);
        let holders =
            |share| Target::Holders { file: "movie".into(), share, version: None, count: None, draw: 0 };
        ask(&download, &|step| step.checks = vec![Check::NotFrom(holders(None))]);
        ask(&download, &|step| step.checks = vec![Check::NotFrom(holders(Some(200)))]);
        ask(&download, &|step| step.checks = vec![Check::FetchedPercentMax(224)]);
        ask(&download, &|step| step.checks = vec![Check::FetchedPercentMax(225)]);
        ask(&download, &|step| step.checks = vec![Check::NothingAllocated]);
        download.ending = failed();
        ask(&download, &|step| step.outcome = Outcome::Success);
        ask(&download, &|step| step.checks = vec![Check::Says("it gave".to_owned())]);
        ask(&download, &|step| step.checks = vec![Check::Says("nothing".to_owned())]);
        ask(&download, &|step| step.outcome = Outcome::Error(ErrorKind::Unreachable));
        lines.join("\n")
    });
    insta::assert_snapshot!(text);
}

#[test]
fn damage_that_a_refusal_hides_has_touched_nothing() {
    let bitten = |more: &str| {
        let rot = "[[faults]]\nname = \"rot\"\ncorrupt = \"shares of movie\"\nfield = \"data\"\n\
            when = \"step 2 starts\"\n";
        after(&format!("{PLAIN}{rot}{more}"), |world, _| {
            world
                .recorder()
                .records()
                .book
                .receipts()
                .iter()
                .map(|receipt| receipt.touched)
                .collect::<Vec<_>>()
        })
    };
    assert!(bitten("")[0] > 0);
    let refusing = "[[faults]]\nname = \"no\"\nanswer = \"all\"\nwith = \"503\"\nonly = \"reads\"\n";
    let both = bitten(refusing);
    assert!(both[0] == 0 && both[1] > 0, "{both:?}");
}

#[test]
fn an_omniscient_client_leaves_aside_all_that_was_struck_or_only_what_lasted() {
    let faults = "[[faults]]\nname = \"late\"\nslow = \"s0\"\nlatency = \"50ms\"\nwhen = \"step 2 starts\"\n\
        [[faults]]\nname = \"stuck\"\nhang = \"s1\"\nwhen = \"step 2 starts\"\n";
    let sets = after(&format!("{PLAIN}{faults}"), |world, reports| {
        let detours = ideal::detours(world, &world.schedule().steps[1], &reports[1]);
        detours.into_iter().map(|client| client.without.into_iter().collect::<Vec<_>>()).collect::<Vec<_>>()
    });
    assert_eq!(sets, [vec!["s0", "s1"], vec!["s1"]]);
}

#[test]
fn nothing_is_at_most_a_multiple_of_no_time_but_nothing() {
    after(PLAIN, |_, reports| {
        let judged = |took, ideal| {
            let report = StepReport { took: Duration::from_millis(took), ..reports[1].clone() };
            let finding = ideal::Ideal::Takes(Duration::from_millis(ideal)).judge(&report, 2);
            finding.map(|finding| finding.text)
        };
        assert_eq!((judged(20, 10), judged(0, 0)), (None, None));
        let start = "step 2, client downloads movie: took";
        let rest = "that an omniscient client needs; at most 2 times allowed";
        assert_eq!(judged(21, 10), Some(format!("{start} 0.021 s, 2.1 times the 0.010 s {rest}")));
        assert_eq!(judged(1, 0), Some(format!("{start} 0.001 s, more than the 0.000 s {rest}")));
    });
}
