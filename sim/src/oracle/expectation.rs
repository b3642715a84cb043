//! Expectation: what the scenario file says about each step.

use std::collections::{BTreeMap, BTreeSet};

use lafs::format::{ServerId, ShareNum};

use super::{availability, truth};
use crate::scenario::error_words;
use crate::schedule::{Bound, Check, Degradation, Outcome, Step};
use crate::usage;
use crate::verdict::{Finding, Oracle, seconds};
use crate::workload::{Ending, StepReport};
use crate::world::{Kind, World};

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
    match ending {
        Ending::Done => None,
        _ if *wanted == Outcome::Either => None,
        Ending::Cancelled { .. } => (*wanted != Outcome::Cancelled).then(|| "was cancelled".to_owned()),
        Ending::Failed { kind, text, .. } => match wanted {
            Outcome::Error(wanted) if Some(*wanted) == *kind => None,
            Outcome::Error(wanted) => {
                Some(format!("had to end with \"{}\", but ended with: {text}", error_words(*wanted)))
            }
            Outcome::Cancelled => Some(format!("had to be cancelled, but ended with: {text}")),
            Outcome::Success | Outcome::Either => Some(format!("had to succeed, but ended with: {text}")),
        },
        Ending::Uploaded(_)
        | Ending::Downloaded { .. }
        | Ending::Wrote(_)
        | Ending::Read(_)
        | Ending::Kept(_)
        | Ending::BackedUp(_)
        | Ending::Restored { .. } => match wanted {
            Outcome::Success | Outcome::Either => None,
            Outcome::Cancelled => Some("had to be cancelled, but succeeded".to_owned()),
            Outcome::Error(wanted) => {
                Some(format!("had to end with \"{}\", but succeeded", error_words(*wanted)))
            }
        },
    }
}

fn check(world: &World, step: &Step, check: &Check, report: &StepReport) -> Option<String> {
    let counts = &report.counts;
    match check {
        Check::SharesPlaced(bound) => {
            outside(*bound, placed(&report.ending)?.0.len() as u64, "shares placed")
        }
        Check::Happiness(bound) => outside(*bound, placed(&report.ending)?.1, "servers of happiness"),
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
            let Ending::Failed { text, brief, .. } = &report.ending else { return None };
            let says = |text: &String| text.contains(wanted.as_str());
            (!says(text) && !brief.as_ref().is_some_and(says))
                .then(|| format!("had to say \"{wanted}\", but says: {text}"))
        }
        Check::Asked(bound) => outside(*bound, counts.asked.len() as u64, "servers asked"),
        Check::NotAsked(target) => {
            let barred = world.select(target);
            let named = |name: &str| world.host(name).is_some_and(|host| barred.contains(&host));
            let asked = counts.asked.iter().find(|server| named(server.as_str()))?;
            Some(format!("sent {asked} a request, which it must not"))
        }
        Check::Health(bound) => {
            let file = step.action.file()?;
            if world.storage_index(file).is_some_and(|(_, kind)| kind == Kind::Mutable) {
                let stored = truth::mutable::versions(world, file);
                let best = truth::mutable::best(&stored).map_or(0, |best| best.shares.len() as u64);
                return outside(
                    *bound,
                    best,
                    "different good shares stored of the newest version that can be read",
                );
            }
            let cap = world.read_cap(file);
            let stored = cap.map(|cap| availability::stored(world, &cap, &|_| true)).unwrap_or_default();
            let good = stored.iter().filter(|(.., quality)| quality.is_whole());
            let good: BTreeSet<ShareNum> = good.map(|(share, ..)| *share).collect();
            outside(*bound, good.len() as u64, "different good shares stored")
        }
        Check::PerServer(bound) => {
            let (shares, _) = placed(&report.ending)?;
            let mut written: BTreeMap<&ServerId, u64> = BTreeMap::new();
            for server in shares.values().flatten() {
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
        Check::Degraded(wanted) => {
            let Ending::Wrote(wrote) = &report.ending else { return None };
            match (wanted, &wrote.degraded) {
                (Degradation::No, Some(degraded)) => Some(format!("is degraded: {degraded}")),
                (Degradation::Yes, None) => Some("had to be degraded, and is not".to_owned()),
                (Degradation::Either, _) | (Degradation::No, None) | (Degradation::Yes, Some(_)) => None,
            }
        }
        Check::Partial(wanted) => {
            let Ending::BackedUp(done) = &report.ending else { return None };
            match (wanted, done.complete) {
                (Degradation::No, false) => Some(format!("is not complete: {} left out", done.skipped)),
                (Degradation::Yes, true) => Some("had to be incomplete, and is not".to_owned()),
                (Degradation::Either, _) | (Degradation::No, true) | (Degradation::Yes, false) => None,
            }
        }
        Check::Healthy(wanted) => {
            let Ending::Kept(kept) = &report.ending else { return None };
            (kept.healthy != *wanted).then(|| {
                let not = if *wanted { "" } else { "not " };
                format!("had {not}to find it healthy: {}", kept.text)
            })
        }
        Check::FilesUploaded(bound) => {
            let Ending::BackedUp(done) = &report.ending else { return None };
            outside(*bound, done.uploaded, "files uploaded")
        }
        Check::Skipped(bound) => {
            let Ending::BackedUp(done) = &report.ending else { return None };
            outside(*bound, done.skipped, "files and directories left out")
        }
        Check::Version(bound) => {
            let version = match &report.ending {
                Ending::Wrote(wrote) => wrote.version?,
                Ending::Read(read) => read.version,
                _ => return None,
            };
            outside(*bound, version.seqnum, "is the sequence number")
        }
        Check::Versions(bound) => {
            let versions = truth::mutable::versions(world, step.action.file()?);
            outside(*bound, versions.len() as u64, "versions stored")
        }
        Check::Recoverable(bound) => {
            let versions = truth::mutable::versions(world, step.action.file()?);
            let readable = versions.iter().filter(|version| version.is_recoverable()).count();
            outside(*bound, readable as u64, "versions stored that can be read")
        }
        Check::Collisions(bound) => {
            let Ending::Wrote(wrote) = &report.ending else { return None };
            outside(*bound, wrote.collisions, "attempts that others came ahead of")
        }
        Check::Restarts(bound) => {
            let Ending::Read(read) = &report.ending else { return None };
            outside(*bound, read.restarts, "new beginnings")
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

/// Which share was written where, and the happiness reached.
fn placed(ending: &Ending) -> Option<(&BTreeMap<ShareNum, BTreeSet<ServerId>>, u64)> {
    match ending {
        Ending::Uploaded(placed) => Some((&placed.written, placed.happiness)),
        Ending::Wrote(wrote) => Some((&wrote.shares, wrote.happiness)),
        _ => None,
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
