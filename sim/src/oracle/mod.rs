//! The judges of a run, one property each. They ask the records, the stored bytes and the plan of faults, and never
//! the code under test.

pub mod availability;
pub mod economy;
pub mod expectation;
pub mod hang;
pub mod ideal;
pub mod margin;
pub mod safety;
pub mod truth;

use std::time::Duration;

use self::availability::Span;
use crate::fault::Interval;
use crate::net::HostId;
use crate::schedule::{Check, Fault, FaultKind, Step, Trigger};
use crate::usage;
use crate::verdict::{Finding, Oracle, Receipt, seconds};
use crate::workload::StepReport;
use crate::world::World;

/// Judges a step at the moment it ended, while the disks are as it left them, and completes its report.
pub fn judge_step(world: &World, step: &Step, report: &mut StepReport) {
    let asked = |wanted: fn(&Check) -> bool| world.in_full() || step.checks.iter().any(wanted);
    if asked(|check| matches!(check, Check::Margin(_))) {
        report.margin = margin::of(world, step, report);
    }
    if asked(|check| matches!(check, Check::IdealMultipleMax(_))) {
        report.detours = ideal::detours(world, step, report);
    }
    let mut findings = safety::judge(world, report);
    findings.extend(availability::judge(world, step, report));
    findings.extend(economy::judge_step(world, step, report));
    findings.extend(expectation::judge(world, step, report));
    if !findings.is_empty() && report.margin.is_none() {
        report.margin = margin::of(world, step, report);
    }
    report.findings = findings;
}

/// The stretches of time in which faults were in force while a step ran, of whatever kind.
fn during(world: &World, report: &StepReport) -> Vec<Interval> {
    within(world, Span { began: report.began, ended: report.began + report.took })
}

/// The stretches of time in which faults were in force within `span`.
fn within(world: &World, span: Span) -> Vec<Interval> {
    let mut intervals = world.recorder().records().book.intervals();
    intervals.retain(|interval| interval.from <= span.ended && interval.to.is_none_or(|to| to >= span.began));
    intervals
}

/// The hosts that a fault holds up while it is in force on one: all servers, if that is the bucket that they keep their
/// shares in. Groups that are cut off from each other are in force on each host for itself.
fn struck(world: &World, interval: &Interval) -> Vec<HostId> {
    let kind = world.schedule().faults.get(interval.fault).map(|fault| &fault.kind);
    match kind {
        Some(FaultKind::Groups(_)) => vec![interval.host],
        Some(_) | None => world.dependents(interval.host).collect(),
    }
}

/// Judges what only the end of a run shows that came to its end.
pub fn judge_end(world: &World, receipts: &[Receipt]) -> Vec<Finding> {
    let mut findings = economy::judge_end(world);
    findings.extend(inert_faults(world, receipts, |_| true));
    if !world.schedule().steps.iter().any(usage::uses_grid) {
        let text = "no step uploads or downloads anything: the run proves nothing".to_owned();
        findings.push(Finding { oracle: Oracle::Invalid, text });
    }
    findings
}

/// Judges a run that was cut off. What it did not come to proves nothing against its faults, but one that must hang
/// must not do so without those that began.
pub fn judge_cut_off(world: &World, receipts: &[Receipt]) -> Vec<Finding> {
    let schedule = world.schedule();
    if schedule.must_fail.is_none() && schedule.known_bug.is_none() {
        return Vec::new();
    }
    inert_faults(world, receipts, |receipt| !receipt.began.is_empty())
}

/// An objection to each fault that touched nothing and had to, of those that `counts`.
fn inert_faults(world: &World, receipts: &[Receipt], counts: impl Fn(&Receipt) -> bool) -> Vec<Finding> {
    let plan = world.schedule().faults.iter().zip(receipts);
    let now = world.recorder().now();
    let idle = plan.filter(|(_, receipt)| receipt.is_inert() && counts(receipt));
    idle.map(|(fault, receipt)| inert(fault, receipt, now)).collect()
}

fn inert(fault: &Fault, receipt: &Receipt, now: Duration) -> Finding {
    let how = match fault.when {
        _ if !receipt.began.is_empty() => "began, but touched nothing".to_owned(),
        Trigger::At(at) if at > now => {
            format!("never began (it was due at {}, the run ended at {})", seconds(at), seconds(now))
        }
        Trigger::Event { .. } => "never began (what it waits for did not happen)".to_owned(),
        Trigger::At(_) | Trigger::After(_) => "never began (it had no target)".to_owned(),
    };
    let text = format!("fault \"{}\" {how}: the run proves nothing about it", receipt.name);
    Finding { oracle: Oracle::Invalid, text }
}

#[cfg(test)]
mod tests;
