//! Safety: never wrong bytes, never an acknowledged share that is not there.

use lafs::format::cap::Cap;
use lafs::format::mutable::VersionId;

use super::truth;
use crate::usage;
use crate::verdict::{Finding, Oracle};
use crate::workload::{Ending, Placed, StepReport, Wrote};
use crate::world::World;

/// Judges what a step delivered or acknowledged.
pub fn judge(world: &World, report: &StepReport) -> Vec<Finding> {
    let texts = match &report.ending {
        Ending::Uploaded(placed) => acknowledged(world, report.step, placed),
        Ending::Wrote(Wrote { version: Some(version), .. }) => written(world, report, *version),
        Ending::Downloaded { wrong_at: Some(at), .. } => {
            vec![format!("{}: success was reported, but byte {at} is wrong or missing", report.what)]
        }
        Ending::Cancelled { wrong_at: Some(at) } => {
            vec![format!("{}: before it was cancelled it delivered a wrong byte at {at}", report.what)]
        }
        Ending::Failed { wrong_at: Some(at), .. } => {
            vec![format!("{}: it failed, but first delivered a wrong byte at {at}", report.what)]
        }
        Ending::Downloaded { wrong_at: None, .. }
        | Ending::Failed { wrong_at: None, .. }
        | Ending::Cancelled { wrong_at: None }
        | Ending::Wrote(Wrote { version: None, .. })
        | Ending::Read(_)
        | Ending::Kept(_)
        | Ending::BackedUp(_)
        | Ending::Restored { .. }
        | Ending::Done => Vec::new(),
    };
    let violations = world.violations(report.step).into_iter();
    texts.into_iter().chain(violations).map(|text| Finding { oracle: Oracle::Safety, text }).collect()
}

/// What is wrong with what is stored of a mutable file that was just written.
fn written(world: &World, report: &StepReport, version: VersionId) -> Vec<String> {
    let Some(file) = world.schedule().steps.get(report.step).and_then(|step| step.action.file()) else {
        return Vec::new();
    };
    let stored = truth::mutable::versions(world, file);
    let readable = |stored: &&truth::mutable::StoredVersion| stored.is_recoverable();
    // What a disk loses or damages is no fault of the client's.
    let struck = world.is_struck(file);
    let mut problems = Vec::new();
    if !struck && !stored.iter().filter(readable).any(|stored| stored.id >= version) {
        let shares =
            stored.iter().find(|stored| stored.id == version).map_or(0, |stored| stored.shares.len());
        problems.push(format!("{version} was acknowledged, but only {shares} good shares of it are stored"));
    }
    let alone = !usage::in_company(world, report.step) && super::during(world, report).is_empty();
    if alone && !struck && stored.iter().filter(readable).count() > 1 {
        let ids: Vec<String> = stored.iter().filter(readable).map(|stored| stored.id.to_string()).collect();
        problems
            .push(format!("nothing was amiss, and still several versions can be read: {}", ids.join(", ")));
    }
    problems
}

/// What is wrong with the shares an upload says are placed. All of them must be there and complete; the trees and one
/// block of one of them, another one for each seed and step, are hashed.
fn acknowledged(world: &World, step: usize, placed: &Placed) -> Vec<String> {
    let Cap::Chk(cap) = &placed.cap else { return Vec::new() };
    let index = cap.storage_index();
    let mut problems = Vec::new();
    let mut stored = Vec::new();
    for (share, servers) in &placed.shares {
        for server in servers {
            let host = world.host(server.as_str());
            if host.is_some_and(|host| world.is_damaged(host, index, *share)) {
                continue;
            }
            let disk = world.servers().find(|(_, name, _)| *name == server.as_str()).map(|(_, _, disk)| disk);
            match disk.and_then(|disk| disk.get(index, *share)) {
                // A disk that loses what it took is no fault of the client's.
                None if world.has_lost(server.as_str(), index, *share) => {}
                None => problems
                    .push(format!("share {share} was acknowledged on {server}, which does not have it")),
                // What was there before may be damaged: uploaders do not read it.
                Some(content) if placed.written.get(share).is_some_and(|at| at.contains(server)) => {
                    stored.push((*share, server.clone(), content));
                }
                Some(_) => {}
            }
        }
    }
    let draw = world.schedule().seed.wrapping_add(step as u64);
    let sample = usize::try_from(draw % stored.len().max(1) as u64).unwrap_or(0);
    if let Some((share, server, content)) = stored.get(sample)
        && !truth::looks_whole(content, *share, cap, draw / 7)
    {
        problems.push(format!("share {share}, just written to {server}, fails its own hashes"));
    }
    problems
}
