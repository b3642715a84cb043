//! The judges of a run, one property each. They ask the records, the stored bytes and the plan of faults, and never
//! the code under test.

pub mod availability;
pub mod economy;
pub mod expectation;
pub mod hang;
pub mod safety;
pub mod truth;

use crate::schedule::{Action, Step};
use crate::verdict::{Finding, Oracle, Receipt};
use crate::workload::StepReport;
use crate::world::World;

/// Judges a step at the moment it ended, while the disks are as it left them.
pub fn judge_step(world: &World, step: &Step, report: &StepReport) -> Vec<Finding> {
    let mut findings = safety::judge(world, report);
    findings.extend(availability::judge(world, step, report));
    findings.extend(economy::judge_step(report));
    findings.extend(expectation::judge(world, step, report));
    findings
}

/// Judges what only the end of a run shows.
pub fn judge_end(world: &World, receipts: &[Receipt]) -> Vec<Finding> {
    let mut findings = economy::judge_end(world);
    findings.extend(receipts.iter().filter(|receipt| receipt.is_inert()).map(inert));
    let uses_grid = |step: &Step| matches!(step.action, Action::Upload { .. } | Action::Download { .. });
    if !world.schedule().steps.iter().any(uses_grid) {
        let text = "no step uploads or downloads anything: the run proves nothing".to_owned();
        findings.push(Finding { oracle: Oracle::Invalid, text });
    }
    findings
}

fn inert(receipt: &Receipt) -> Finding {
    let how = if receipt.began.is_empty() { "never began" } else { "began, but touched nothing" };
    let text = format!("fault \"{}\" {how}: the run proves nothing about it", receipt.name);
    Finding { oracle: Oracle::Invalid, text }
}

#[cfg(test)]
mod tests;
