//! Economy: nothing is left over when an operation has ended.

use crate::report::plural;
use crate::verdict::{Finding, Oracle};
use crate::workload::StepReport;
use crate::world::World;

/// Judges the end of a step: every request it made must have ended with it.
pub fn judge_step(report: &StepReport) -> Option<Finding> {
    if report.left_over.is_empty() {
        return None;
    }
    let text = format!(
        "{} ended and left {} behind: {}",
        report.what,
        plural(report.left_over.len() as u64, "request"),
        report.left_over.join(", ")
    );
    Some(Finding { oracle: Oracle::Economy, text })
}

/// Judges the end of a run: without its client, a client's host must hold no connection.
pub fn judge_end(world: &World) -> Vec<Finding> {
    let hosts = world.drop_clients();
    let left = hosts.into_iter().filter_map(|host| {
        let connections = world.net().connections(host).len() as u64;
        let name = world.names().host(host);
        let text = format!("{name} is gone and left {} behind", plural(connections, "connection"));
        (connections > 0).then_some(Finding { oracle: Oracle::Economy, text })
    });
    left.collect()
}
