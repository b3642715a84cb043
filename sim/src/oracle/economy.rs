//! Economy: nothing is left over when an operation has ended, and one that no fault disturbed wastes nothing.
//!
//! What is left over is always wrong. What is wasted is judged by generous budgets, wide enough for hedges and spare
//! shares and too narrow for every share fetched twice, or for N blocks where k do.

use std::collections::BTreeSet;

use crate::net::HostId;
use crate::report::plural;
use crate::schedule::{Action, BUCKET, FaultKind, Step};
use crate::usage;
use crate::verdict::{Finding, Oracle};
use crate::workload::{Ending, StepReport};
use crate::world::World;

/// Connections a client may keep to one server when nothing is under way.
const KEPT_PER_SERVER_MAX: u64 = 4;
/// What may arrive during an undisturbed download, over the segments that hold what was asked for, in percent ...
const RECEIVED_PERCENT_MAX: u64 = 130;
/// ... plus this, for hashes and a spare share that is opened in advance, in bytes.
const RECEIVED_EXTRA_BYTES: u64 = 96 * 1024;
/// ... plus this for the head of each answer with a block. As much for the head of each request that stores one.
const HEAD_BYTES: u64 = 512;
/// What may be sent during an undisturbed upload, over all N shares with their hashes, in percent ...
const SENT_PERCENT_MAX: u64 = 105;
/// ... plus this for each server, for requests that store nothing, in bytes.
const SENT_EXTRA_BYTES: u64 = 8 * 1024;
/// Requests of an undisturbed download for blocks, over the k that each segment takes, in percent ...
const BLOCK_REQUESTS_PERCENT_MAX: u64 = 125;
/// ... for opening each of k shares and two spare ones ...
const OPENING_REQUESTS_MAX: u64 = 4;
/// ... and for asking each server which shares it has.
const FINDING_REQUESTS_MAX: u64 = 1;
/// Requests of an undisturbed upload for storing blocks, over one for each, in percent ...
const WRITE_REQUESTS_PERCENT_MAX: u64 = 125;
/// ... and for finding homes for shares at each server.
const HOMING_REQUESTS_MAX: u64 = 4;

/// Judges the end of a step: whatever it started must have ended with it, and it must have kept to its budget.
pub fn judge_step(world: &World, step: &Step, report: &StepReport) -> Vec<Finding> {
    let left = left_over(world, report);
    let left = (!left.is_empty()).then(|| format!("ended and left behind {}", left.join("; ")));
    let texts = left.into_iter().chain(wasted(world, step, report));
    texts.map(|text| Finding { oracle: Oracle::Economy, text: format!("{} {text}", report.what) }).collect()
}

/// What is left of a step although it is over.
fn left_over(world: &World, report: &StepReport) -> Vec<String> {
    let usage = &report.usage;
    let mut left = Vec::new();
    if !report.left_over.is_empty() {
        let requests = plural(report.left_over.len() as u64, "request");
        left.push(format!("{requests}: {}", report.left_over.join(", ")));
    }
    if usage::in_company(world, report.step) {
        return left;
    }
    if usage.programs_left > 0 {
        left.push(format!("{} on the client's host", plural(usage.programs_left, "program")));
    }
    // What a spoilt answer left unread on an idle connection is found when that is used again.
    let faults = &world.schedule().faults;
    let spoils =
        |fault: usize| matches!(faults.get(fault).map(|fault| &fault.kind), Some(FaultKind::Answer(_)));
    let during = super::during(world, report);
    let spoilt = |name: &str| during.iter().any(|at| world.names().host(at.host) == name && spoils(at.fault));
    let busy: Vec<&str> =
        usage.connections_busy.iter().map(String::as_str).filter(|name| !spoilt(name)).collect();
    if !busy.is_empty() {
        left.push(format!("{}: to {}", plural(busy.len() as u64, "busy connection"), busy.join(", ")));
    }
    for (server, kept) in usage.connections_kept.iter().filter(|(_, kept)| **kept > KEPT_PER_SERVER_MAX) {
        left.push(format!("{kept} connections to {server}, at most {KEPT_PER_SERVER_MAX} may stay idle"));
    }
    for (server, kept) in
        usage::kept_in_bucket(world).into_iter().filter(|(_, kept)| *kept > KEPT_PER_SERVER_MAX)
    {
        left.push(format!(
            "{kept} connections of {server} to {BUCKET}, at most {KEPT_PER_SERVER_MAX} may stay idle"
        ));
    }
    let touched: BTreeSet<HostId> = during.iter().flat_map(|during| super::struck(world, during)).collect();
    let well = |name: &str| world.host(name).is_some_and(|host| !touched.contains(&host));
    let client = world.schedule().steps.get(report.step).is_some_and(|step| well(&step.by));
    for (server, bytes) in usage.staged_left.iter().filter(|(server, _)| client && well(server)) {
        left.push(format!("{bytes} B that {server} still reserves for shares that will not come"));
    }
    left
}

/// What a step that no fault disturbed used beyond its budget.
fn wasted(world: &World, step: &Step, report: &StepReport) -> Vec<String> {
    if !super::during(world, report).is_empty() || usage::in_company(world, report.step) {
        return Vec::new();
    }
    let budget = match (&step.action, &report.ending) {
        (Action::Download { file, range }, Ending::Downloaded { .. }) => download_budget(world, file, *range),
        (Action::Upload { file }, Ending::Uploaded(_)) => upload_budget(world, file),
        _ => None,
    };
    let Some(budget) = budget else { return Vec::new() };
    let usage = &report.usage;
    let over = |value: u64, max: u64, what: &str| {
        (value > max).then(|| format!("{what} {value}, at most {max} make sense, and no fault was about"))
    };
    let texts = [
        over(usage.received_bytes, budget.received_bytes, "received more than it could use, in bytes:"),
        over(usage.sent_bytes, budget.sent_bytes, "sent more than there was to send, in bytes:"),
        over(report.counts.requests, budget.requests, "made more requests than there was to ask:"),
    ];
    texts.into_iter().flatten().collect()
}

/// The most an undisturbed operation may use.
struct Budget {
    received_bytes: u64,
    sent_bytes: u64,
    requests: u64,
}

fn download_budget(world: &World, file: &str, range: Option<(u64, u64)>) -> Option<Budget> {
    let cap = world.read_cap(file)?;
    let cut = usage::cut(world, file)?;
    let (offset, length) = range.unwrap_or((0, cut.size()));
    let segments = cut.segments_of(offset..offset.saturating_add(length));
    let count = segments.end - segments.start;
    let bytes: u64 = segments.map(|segment| cut.padded_segment_len(segment)).sum();
    let needed = cap.encoding.needed() as u64;
    let servers = world.schedule().grid.servers.len() as u64;
    Some(Budget {
        received_bytes: bytes * RECEIVED_PERCENT_MAX / 100
            + RECEIVED_EXTRA_BYTES
            + count * needed * HEAD_BYTES,
        sent_bytes: u64::MAX,
        requests: count * needed * BLOCK_REQUESTS_PERCENT_MAX / 100
            + (needed + 2) * OPENING_REQUESTS_MAX
            + servers * FINDING_REQUESTS_MAX,
    })
}

fn upload_budget(world: &World, file: &str) -> Option<Budget> {
    let cut = usage::cut(world, file)?;
    let ideal = usage::spread_bytes(cut);
    let servers = world.schedule().grid.servers.len() as u64;
    let blocks = cut.segments() * cut.encoding().total() as u64;
    Some(Budget {
        received_bytes: u64::MAX,
        sent_bytes: ideal * SENT_PERCENT_MAX / 100 + servers * SENT_EXTRA_BYTES + blocks * HEAD_BYTES,
        requests: blocks * WRITE_REQUESTS_PERCENT_MAX / 100 + servers * HOMING_REQUESTS_MAX,
    })
}

/// Judges the end of a run: without its client, a client's host must hold no connection.
pub fn judge_end(world: &World) -> Vec<Finding> {
    let hosts = world.drop_clients();
    let left = hosts.into_iter().filter_map(|host| {
        let connections = world.net().connections(host) as u64;
        let name = world.names().host(host);
        let text = format!("{name} is gone and left {} behind", plural(connections, "connection"));
        (connections > 0).then_some(Finding { oracle: Oracle::Economy, text })
    });
    left.collect()
}
