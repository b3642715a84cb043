//! Both engines come to the same verdict: one test per scenario file that turmoil can express, or variant of it, on its
//! first seed; and one more for each that turmoil gives the same trace twice.
//!
//! Compared are the exit code, the oracles that object, how each step ended, with success or with which error, and
//! which of the faults that must touch something did.
//! Times are not the same on the two: messages arrive on turmoil at ticks only. A limit of time is therefore compared
//! only where it is clear on the event engine, that is where a step takes at most half the time it may take, or at
//! least twice that; where it is not, the limit is taken out of the scenario for both, and said so. The same goes for
//! limits of the time that faults add to a segment.
//!
//! Scenarios that turmoil cannot express are listed with the reason, which follows from their schedules: there is no
//! list of exceptions.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use libtest_mimic::{Arguments, Failed, Trial};
use squall::engine::{Engine, unsupported};
use squall::run::{RunReport, run_on};
use squall::scenario;
use squall::schedule::{Check, Schedule};
use squall::trace::Keep;
use squall::verdict::{ExitCode, Oracle};
use squall::workload::Ending;

#[path = "common/scenario_files.rs"]
mod scenario_files;

fn main() -> std::process::ExitCode {
    let files = match scenario_files::all() {
        Ok(files) => files,
        Err(code) => return code,
    };
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    let mut not_expressible = Vec::new();
    for file in &files {
        let file_name = file.with_extension("").to_string_lossy().replace('/', "::").replace('-', "_");
        for schedule in first_schedules(file) {
            let variant = schedule.variant.as_ref().map_or(String::new(), |variant| format!("::{variant}"));
            let name = format!("{file_name}{variant}");
            if let Some(reason) = unsupported(Engine::Turmoil, &schedule) {
                not_expressible.push(format!("{name}: {reason}"));
                continue;
            }
            let again = schedule.clone();
            trials.push(Trial::test(format!("same_verdict::{name}"), move || same_verdict(schedule)));
            trials.push(Trial::test(format!("same_trace_twice::{name}"), move || same_trace(&again)));
        }
    }
    if !arguments.list {
        println!(
            "{} scenarios on both engines, {} not expressible on turmoil",
            trials.len() / 2,
            not_expressible.len()
        );
        not_expressible.iter().for_each(|line| println!("  {line}"));
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// The first seed of each variant. A file with mistakes has none; it fails in its own test, among the scenarios.
fn first_schedules(file: &Path) -> Vec<Schedule> {
    let scenarios = scenario::load_all(file).unwrap_or_default();
    let first = scenarios.iter().filter_map(|scenario| Some(scenario.schedule(*scenario.seeds().first()?)));
    first.collect()
}

fn play(engine: Engine, schedule: &Schedule) -> Result<RunReport, Failed> {
    run_on(engine, schedule, Keep::Last(0)).map_err(|error| error.to_string().into())
}

fn same_verdict(mut schedule: Schedule) -> Result<(), Failed> {
    let mut event = play(Engine::Event, &schedule)?;
    if take_out_unclear_limits(&mut schedule, &event) {
        event = play(Engine::Event, &schedule)?;
    }
    let turmoil = play(Engine::Turmoil, &schedule)?;
    let (on_event, on_turmoil) = (Verdict::of(&event), Verdict::of(&turmoil));
    if on_event == on_turmoil {
        return Ok(());
    }
    let told = |report: &RunReport| -> String {
        let steps =
            report.steps.iter().map(|step| format!("\n  {}: {} in {:?}", step.what, step.outcome, step.took));
        let findings = report.findings.iter().map(|found| format!("\n  {}: {}", found.oracle, found.text));
        steps.chain(findings).collect()
    };
    Err(format!("event: {on_event:?}{}\nturmoil: {on_turmoil:?}{}", told(&event), told(&turmoil)).into())
}

/// What has to be the same.
#[derive(Debug, PartialEq)]
struct Verdict {
    code: ExitCode,
    objecting: BTreeSet<Oracle>,
    endings: Vec<(usize, String)>,
    bit: BTreeSet<String>,
}

impl Verdict {
    fn of(report: &RunReport) -> Self {
        let ending = |ending: &Ending| match ending {
            Ending::Downloaded { wrong_at: Some(_), .. } => "wrong bytes".to_owned(),
            Ending::Failed { kind, .. } => format!("{kind:?}"),
            Ending::Cancelled { .. } => "cancelled".to_owned(),
            Ending::Done => "done".to_owned(),
            Ending::Uploaded(_)
            | Ending::Downloaded { wrong_at: None, .. }
            | Ending::Wrote(_)
            | Ending::Read(_)
            | Ending::Kept(_)
            | Ending::BackedUp(_)
            | Ending::Restored { .. } => "success".to_owned(),
        };
        let bitten =
            report.receipts.iter().filter(|receipt| receipt.bit.is_some() && !receipt.may_stay_inert);
        Self {
            code: report.code(),
            objecting: report.findings.iter().map(|finding| finding.oracle).collect(),
            bit: bitten.map(|receipt| receipt.name.clone()).collect(),
            endings: report.steps.iter().map(|step| (step.step, ending(&step.ending))).collect(),
        }
    }
}

/// Takes out of `schedule` all limits of time that the event engine's run was close to. Tells whether there were any.
fn take_out_unclear_limits(schedule: &mut Schedule, event: &RunReport) -> bool {
    let mut any = false;
    for report in &event.steps {
        let Some(step) = schedule.steps.get_mut(report.step) else { continue };
        let unclear = |took: Duration, may_take: Duration| took * 2 > may_take && took < may_take * 2;
        if let Some(within) = step.within.take_if(|within| unclear(report.took, *within)) {
            println!(
                "{}: {} of {within:?} is too close to compare",
                schedule.path,
                report.took.as_secs_f64()
            );
            any = true;
        }
        let multiple = report.counts.worst_stall().map_or(0.0, |stall| stall.multiple());
        step.checks.retain(|check| {
            let Check::StallMultipleMax(most) = check else { return true };
            let clear = multiple * 2.0 <= f64::from(*most) || multiple >= f64::from(*most) * 2.0;
            if !clear {
                println!("{}: a stall of {multiple:.1} of {most} is too close to compare", schedule.path);
            }
            any |= !clear;
            clear
        });
    }
    any
}

fn same_trace(schedule: &Schedule) -> Result<(), Failed> {
    let (first, second) = (play(Engine::Turmoil, schedule)?, play(Engine::Turmoil, schedule)?);
    if first.fingerprint == second.fingerprint {
        Ok(())
    } else {
        Err("two runs of this seed on turmoil differ: `squall run --engine turmoil --check-determinism` says where".into())
    }
}
