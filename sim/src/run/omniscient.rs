//! The same run up to a step, whose client then knows what becomes of every server: how long does it take?
//!
//! Everything before the step happens as it did. Nothing here judges but by asking the oracle.

use std::time::Duration;

use super::{End, RunError, played};
use crate::engine::Engine;
use crate::oracle::ideal::Ideal;
use crate::schedule::{Check, Outcome, Schedule};
use crate::trace::Keep;
use crate::verdict::Finding;
use crate::workload::{Ending, StepReport};
use crate::world::{Omniscient, Setup};

/// Gives every step that has something to compare with its comparison; answers with what steps object to.
pub(super) fn compare(
    engine: Engine,
    schedule: &Schedule,
    steps: &mut [StepReport],
) -> Result<Vec<Finding>, RunError> {
    let mut findings = Vec::new();
    for report in steps.iter_mut().filter(|report| !report.detours.is_empty()) {
        let mut best: Option<Duration> = None;
        for omniscient in &report.detours {
            let took = time(engine, schedule, omniscient)?;
            best = best.into_iter().chain(took).min();
        }
        let ideal = best.map_or(Ideal::Impossible, Ideal::Takes);
        report.ideal = Some(ideal);
        let checks = schedule.steps.get(report.step).into_iter().flat_map(|step| &step.checks);
        let at_most = checks.filter_map(|check| {
            let Check::IdealMultipleMax(at_most) = check else { return None };
            Some(*at_most)
        });
        let objections: Vec<Finding> = at_most.filter_map(|at_most| ideal.judge(report, at_most)).collect();
        report.findings.extend(objections.iter().cloned());
        findings.extend(objections);
    }
    Ok(findings)
}

/// How long the step takes this client; none if it does not succeed, or not before the deadline.
fn time(engine: Engine, schedule: &Schedule, omniscient: &Omniscient) -> Result<Option<Duration>, RunError> {
    let mut schedule = schedule.clone();
    let step = omniscient.step;
    schedule.steps.truncate(step + 1);
    for step in &mut schedule.steps {
        step.checks.clear();
        step.outcome = Outcome::Either;
    }
    // There may be a rehearsal.
    schedule.deadline = schedule.deadline.saturating_mul(2);
    let setup = Setup { engine, in_full: false, omniscient: Some(omniscient.clone()) };
    played(&schedule, Keep::Last(0), setup, |world, steps, end| {
        world.net().shutdown();
        // Of steps that run together it need not be the last to end.
        let steps = steps.borrow();
        let own = steps.iter().find(|report: &&StepReport| report.step == step)?;
        let well = matches!(end, End::Complete)
            && matches!(
                own.ending,
                Ending::Uploaded(_)
                    | Ending::Downloaded { wrong_at: None, .. }
                    | Ending::Wrote(_)
                    | Ending::Read(_)
                    | Ending::BackedUp(_)
                    | Ending::Restored { .. }
            );
        well.then_some(own.took)
    })
}
