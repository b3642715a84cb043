//! Expectation: what the scenario file says about each step.

use std::collections::{BTreeMap, BTreeSet};

use lafs::format::{ServerId, ShareNum};

use super::availability;
use crate::schedule::{Bound, Check, ErrorKind, Outcome, Step};
use crate::usage;
use crate::verdict::{Finding, Oracle, seconds};
use crate::workload::{Ending, StepReport};
use crate::world::World;

/// Judges a step by what the file says of it.
pub fn judge(world: &World, step: &Step, report: &StepReport) -> Vec<Finding> {
    let mut texts = Vec::new();
    texts.extend(outcome(&step.outcome, &report.ending));
    if let Some(within) = step.within
        && report.took > within
    {
        texts.push(format!("took {}, but had to end within {within:?}", seconds(report.took)));
    }
    texts.extend(step.checks.iter().filter_map(|check| self::check(world, step, check, report)));
    let name = format!("step {}, {}", report.step + 1, report.what);
    texts
        .into_iter()
        .map(|text| Finding { oracle: Oracle::Expectation, text: format!("{name}: {text}") })
        .collect()
}

fn outcome(wanted: &Outcome, ending: &Ending) -> Option<String> {
    match (wanted, ending) {
        (_, Ending::Done) | (Outcome::Either, _) => None,
        (Outcome::Cancelled, Ending::Cancelled { .. }) => None,
        (Outcome::Cancelled, Ending::Uploaded(_) | Ending::Downloaded { .. }) => {
            Some("had to be cancelled, but succeeded".to_owned())
        }
        (Outcome::Cancelled, Ending::Failed { text, .. }) => {
            Some(format!("had to be cancelled, but ended with: {text}"))
        }
        (Outcome::Success | Outcome::Error(_), Ending::Cancelled { .. }) => Some("was cancelled".to_owned()),
        (Outcome::Success, Ending::Uploaded(_) | Ending::Downloaded { .. }) => None,
        (Outcome::Success, Ending::Failed { text, .. }) => {
            Some(format!("had to succeed, but ended with: {text}"))
        }
        (Outcome::Error(wanted), Ending::Failed { kind: Some(kind), .. }) if wanted == kind => None,
        (Outcome::Error(wanted), Ending::Failed { text, .. }) => {
            Some(format!("had to end with \"{}\", but ended with: {text}", error_text(*wanted)))
        }
        (Outcome::Error(wanted), Ending::Uploaded(_) | Ending::Downloaded { .. }) => {
            Some(format!("had to end with \"{}\", but succeeded", error_text(*wanted)))
        }
    }
}

/// An error kind in the words of scenario files.
pub fn error_text(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::NoShares => "no shares",
        ErrorKind::NotEnoughShares => "not enough shares",
        ErrorKind::Unreachable => "unreachable",
        ErrorKind::Unhappy => "unhappy",
    }
}

fn check(world: &World, step: &Step, check: &Check, report: &StepReport) -> Option<String> {
    let counts = &report.counts;
    match check {
        Check::SharesPlaced(bound) => {
            let Ending::Uploaded(placed) = &report.ending else { return None };
            outside(*bound, placed.written.len() as u64, "shares placed")
        }
        Check::Happiness(bound) => {
            let Ending::Uploaded(placed) = &report.ending else { return None };
            outside(*bound, placed.happiness, "servers of happiness")
        }
        Check::NotFrom(target) => {
            let barred = world.select(target);
            let named = |name: &str| world.host(name).is_some_and(|host| barred.contains(&host));
            let asked = counts.block_sources.iter().find(|server| named(server.as_str()))?;
            Some(format!("asked {asked} for a block, which it must not"))
        }
        Check::FetchedPercentMax(percent) => {
            let size = usage::asked_bytes(world, step)?;
            let fetched = counts.fetched_bytes * 100 / size.max(1);
            (fetched > *percent)
                .then(|| format!("fetched {fetched}% of what it asked for, at most {percent}% allowed"))
        }
        Check::Says(wanted) => {
            let Ending::Failed { text, .. } = &report.ending else { return None };
            (!text.contains(wanted.as_str())).then(|| format!("had to say \"{wanted}\", but says: {text}"))
        }
        Check::Asked(bound) => outside(*bound, counts.asked.len() as u64, "servers asked"),
        Check::NotAsked(target) => {
            let barred = world.select(target);
            let named = |name: &str| world.host(name).is_some_and(|host| barred.contains(&host));
            let asked = counts.asked.iter().find(|server| named(server.as_str()))?;
            Some(format!("sent {asked} a request, which it must not"))
        }
        Check::Health(bound) => {
            let cap = step.action.file().and_then(|file| world.read_cap(file));
            let stored = cap.map(|cap| availability::stored(world, &cap, &|_| true)).unwrap_or_default();
            let good = stored.iter().filter(|(.., quality)| quality.is_whole());
            let good: BTreeSet<ShareNum> = good.map(|(share, ..)| *share).collect();
            outside(*bound, good.len() as u64, "different good shares stored")
        }
        Check::PerServer(bound) => {
            let Ending::Uploaded(placed) = &report.ending else { return None };
            let mut written: BTreeMap<&ServerId, u64> = BTreeMap::new();
            for server in placed.written.values().flatten() {
                *written.entry(server).or_default() += 1;
            }
            written
                .into_iter()
                .find_map(|(server, count)| outside(*bound, count, &format!("shares written to {server}")))
        }
        Check::Requests(bound) => outside(*bound, counts.requests, "requests"),
        Check::SpareRequests(bound) => outside(*bound, counts.spare_requests, "spare requests"),
        Check::Connections(bound) => outside(*bound, report.usage.connections_opened, "connections opened"),
        Check::Margin(bound) => {
            let Some(margin) = report.margin else {
                return Some("`margin` says nothing: the file has no shares".to_owned());
            };
            let unsure = !margin.exact && margin.losses < bound.max.try_into().unwrap_or(i64::MAX);
            match u64::try_from(margin.losses) {
                Ok(losses) if losses >= bound.min && (unsure || losses <= bound.max) => None,
                _ => Some(format!("{margin}, but a margin of {} was expected", wanted(*bound))),
            }
        }
        // Judged when the omniscient client has had its turn.
        Check::IdealMultipleMax(_) => None,
        Check::NothingAllocated => (report.allocated_bytes > 0)
            .then(|| format!("servers still reserve {} B for unfinished shares", report.allocated_bytes)),
        Check::CorruptionReports(bound) => outside(*bound, counts.corruption_reports, "corruption reports"),
        Check::StallMultipleMax(multiple) => {
            let stall = counts.worst_stall()?;
            (stall.multiple() > f64::from(*multiple)).then(|| {
                format!(
                    "segment {} was held up by {:?}, {:.1} times its slowest good answer of {:?}; at most {multiple} times allowed",
                    stall.segment, stall.added, stall.multiple(), stall.slowest_good
                )
            })
        }
    }
}

fn outside(bound: Bound, value: u64, what: &str) -> Option<String> {
    if (bound.min..=bound.max).contains(&value) {
        return None;
    }
    Some(format!("{value} {what}, expected {}", wanted(bound)))
}

fn wanted(bound: Bound) -> String {
    match (bound.min, bound.max) {
        (min, max) if min == max => min.to_string(),
        (min, u64::MAX) => format!("at least {min}"),
        (0, max) => format!("at most {max}"),
        (min, max) => format!("{min} to {max}"),
    }
}
