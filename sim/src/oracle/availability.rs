//! Availability: an operation that had to succeed must not have failed.
//!
//! It had to if servers that no fault touched while it ran hold enough: for a download, k good blocks of different
//! shares for every segment asked for; for an upload, room on at least `happy` servers. Otherwise it may fail, and
//! scenarios say with which error. Corruption counts by what it did to the bytes, slowness does not count at all.

use std::collections::BTreeSet;

use lafs::format::ShareNum;
use lafs::format::cap::ReadCap;

use super::truth::{Quality, quality};
use crate::net::HostId;
use crate::schedule::{Action, FaultKind, Step};
use crate::verdict::{Finding, Oracle};
use crate::workload::{Ending, StepReport};
use crate::world::World;

/// Judges a step that failed.
pub fn judge(world: &World, step: &Step, report: &StepReport) -> Option<Finding> {
    let Ending::Failed { text, .. } = &report.ending else { return None };
    let well = untouched(world, report);
    if world.host(&step.by).is_none_or(|client| !well(client)) {
        return None;
    }
    let reason = match &step.action {
        Action::Download { file, .. } => download_had_to_succeed(world, file, &well),
        Action::Upload { .. } => upload_had_to_succeed(world, &well),
        Action::Wait(_) | Action::Delete { .. } | Action::Copy { .. } | Action::Forget => None,
    }?;
    let text = format!("{} had to succeed: {reason}\nit ended with: {text}", report.what);
    Some(Finding { oracle: Oracle::Availability, text })
}

/// Tells whether no fault that can hold up a host was in force on it while the step ran.
fn untouched(world: &World, report: &StepReport) -> impl Fn(HostId) -> bool + use<> {
    let ended = report.began + report.took;
    let intervals = world.recorder().records().book.intervals();
    let faults = &world.schedule().faults;
    let touched: BTreeSet<HostId> = intervals
        .iter()
        .filter(|interval| interval.from <= ended && interval.to.is_none_or(|to| to >= report.began))
        .filter(|interval| {
            let kind = faults.get(interval.fault).map(|fault| &fault.kind);
            !matches!(kind, Some(FaultKind::Corrupt { .. } | FaultKind::Slow(_)))
        })
        .map(|interval| interval.host)
        .collect();
    move |host| !touched.contains(&host)
}

fn download_had_to_succeed(world: &World, file: &str, well: &impl Fn(HostId) -> bool) -> Option<String> {
    let cap = world.read_cap(file)?;
    let shares = stored(world, &cap, well);
    let segments = shares.iter().map(|(.., quality)| quality.blocks.len()).max()?;
    let needed = cap.encoding.needed();
    let fewest = (0..segments)
        .map(|segment| {
            let good = shares.iter().filter(|(.., quality)| quality.blocks.get(segment) == Some(&true));
            good.map(|(share, ..)| *share).collect::<BTreeSet<ShareNum>>().len()
        })
        .min()?;
    let trees = shares.iter().any(|(.., quality)| quality.crypttext_tree);
    if fewest < needed || !trees {
        return None;
    }
    let holders: Vec<String> = shares
        .iter()
        .filter(|(.., quality)| quality.is_whole())
        .map(|(share, name, _)| format!("{name}:{share}"))
        .collect();
    Some(format!("{needed} shares are needed and {fewest} good ones were in reach ({})", holders.join(" ")))
}

/// The shares of a file on servers that were well, and what they are worth.
fn stored(world: &World, cap: &ReadCap, well: &impl Fn(HostId) -> bool) -> Vec<(ShareNum, String, Quality)> {
    let index = cap.storage_index();
    let servers = world.servers().filter(|(host, ..)| well(*host));
    servers
        .flat_map(|(_, name, disk)| {
            let held = disk.list().into_iter().filter(|(at, _)| *at == index);
            held.filter_map(move |(_, share)| {
                Some((share, name.to_owned(), quality(&disk.get(index, share)?, share, cap)))
            })
        })
        .collect()
}

fn upload_had_to_succeed(world: &World, well: &impl Fn(HostId) -> bool) -> Option<String> {
    let grid = &world.schedule().grid;
    // Generous: a server counts as having room only if all shares of all files would fit.
    let all: u64 = world.schedule().files.iter().map(|file| 4 * file.size + 1024 * 1024).sum();
    let roomy = grid
        .servers
        .iter()
        .filter(|server| server.space_bytes >= all && world.host(&server.name).is_some_and(well));
    let roomy = roomy.count().min(grid.encoding.total());
    (roomy >= grid.happy)
        .then(|| format!("happiness {} was asked for and {roomy} servers with room were well", grid.happy))
}
