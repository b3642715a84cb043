//! Safety: never wrong bytes, never an acknowledged share that is not there.

use lafs::format::cap::Cap;

use super::truth;
use crate::verdict::{Finding, Oracle};
use crate::workload::{Ending, Placed, StepReport};
use crate::world::World;

/// Judges what a step delivered or acknowledged.
pub fn judge(world: &World, report: &StepReport) -> Vec<Finding> {
    let texts = match &report.ending {
        Ending::Uploaded(placed) => acknowledged(world, report.step, placed),
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
        | Ending::Done => Vec::new(),
    };
    texts.into_iter().map(|text| Finding { oracle: Oracle::Safety, text }).collect()
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
