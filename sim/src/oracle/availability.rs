//! Availability: an operation that had to succeed must not have failed, nor taken absurdly long.
//!
//! It had to if servers that no fault touched while it ran hold enough: for a download, k good blocks of different
//! shares for every segment asked for; for an upload, room on at least `happy` servers. Otherwise it may fail, and
//! scenarios say with which error. Corruption counts by what it did to the bytes, slowness does not count at all.

use std::collections::BTreeSet;
use std::time::Duration;

use lafs::format::ShareNum;
use lafs::format::cap::ReadCap;

use super::margin;
use super::truth::{self, Quality, quality};
use crate::fault::Interval;
use crate::net::HostId;
use crate::schedule::{
    Action, Aim, Answer, ErrorKind, FaultKind, Link, MutableAct, RequestKind, Server, Step,
};
use crate::usage;
use crate::verdict::{Finding, Oracle, seconds};
use crate::workload::{Ending, StepReport};
use crate::world::World;

/// What an operation may take, whatever the links: some servers have to be found out, and their silence ends.
const PATIENCE: Duration = Duration::from_secs(60);
/// How much slower than one link alone an operation may be, in bytes per second and in round trips per segment.
const SLACK: u32 = 8;
/// Requests that a server makes to its bucket, one after the other, before it answers one.
const BUCKET_REQUESTS_MAX: u32 = 6;

/// Judges a step that failed, or that took very long.
pub fn judge(world: &World, step: &Step, report: &StepReport) -> Option<Finding> {
    let complaint = match &report.ending {
        Ending::Failed { text, .. } => format!("it ended with: {text}"),
        Ending::Uploaded(_) | Ending::Downloaded { .. } | Ending::Wrote(_) | Ending::Read(_) => {
            let allowed = time_allowed(world, step);
            if report.took <= allowed {
                return None;
            }
            format!(
                "it took {}, more than the {} that the links excuse",
                seconds(report.took),
                seconds(allowed)
            )
        }
        Ending::Kept(_)
        | Ending::BackedUp(_)
        | Ending::Restored { .. }
        | Ending::Done
        | Ending::Cancelled { .. } => return None,
    };
    let well = untouched(world, step, report);
    if world.host(&step.by).is_none_or(|client| !well(client)) {
        return None;
    }
    let reason = match &step.action {
        Action::Download { file, .. } => download_had_to_succeed(world, file, &well),
        Action::Upload { .. } => upload_had_to_succeed(world, step, report),
        Action::Mutable { file, act, .. } => mutable_had_to_succeed(world, file, *act, report, &well),
        Action::Upkeep(_)
        | Action::Wait(_)
        | Action::Delete { .. }
        | Action::Copy { .. }
        | Action::Arrange { .. }
        | Action::Forget => None,
    }?;
    let margin = margin::of(world, step, report);
    let margin = margin.map_or(String::new(), |margin| format!("; it {margin}"));
    let text = format!("{} had to succeed: {reason}{margin}\n{complaint}", report.what);
    Some(Finding { oracle: Oracle::Availability, text })
}

/// The time in which an operation must succeed if it must: generous, and longer over slow links.
fn time_allowed(world: &World, step: &Step) -> Duration {
    let schedule = world.schedule();
    let slow = schedule.faults.iter().filter_map(|fault| match &fault.kind {
        FaultKind::Slow(link) => Some(*link),
        _ => None,
    });
    let bucket = schedule.grid.storage.s3().map(|bucket| bucket.link);
    let servers = schedule.grid.servers.iter().map(|server| server.link);
    let links: Vec<Link> = servers.chain(bucket).chain(slow).collect();
    let latency = links.iter().map(|link| link.latency_max).max().unwrap_or_default();
    // A server that keeps its shares in S3 asks there several times before it answers once.
    let latency = latency.saturating_mul(if bucket.is_some() { BUCKET_REQUESTS_MAX } else { 1 });
    let bandwidth = links.iter().filter_map(|link| link.bandwidth).min().unwrap_or(u64::MAX);
    let (file, times) = match &step.action {
        Action::Upload { file } | Action::Download { file, .. } => (file, 1),
        Action::Mutable { file, times, .. } => (file, *times),
        _ => return PATIENCE,
    };
    let size = match &step.action {
        Action::Mutable { act: MutableAct::Write { size: Some(size), .. }, .. } => *size,
        _ => world.content(file).len() as u64,
    };
    let segments = size.div_ceil(schedule.grid.segment_bytes_max.max(1)).saturating_add(10);
    let spread = schedule.grid.encoding.total() as u64;
    let bytes = Duration::from_secs(size.saturating_mul(spread) / bandwidth.max(1));
    let trips = latency.saturating_mul(u32::try_from(segments).unwrap_or(u32::MAX));
    let once = PATIENCE.saturating_add(bytes.saturating_add(trips).saturating_mul(SLACK));
    once.saturating_mul(times)
}

/// Tells whether no fault that can hold up a host was in force on it while the step ran.
pub(super) fn untouched(world: &World, step: &Step, report: &StepReport) -> impl Fn(HostId) -> bool + use<> {
    untouched_within(world, step, Span { began: report.began, ended: report.began + report.took })
}

fn untouched_within(world: &World, step: &Step, span: Span) -> impl Fn(HostId) -> bool + use<> {
    let disturbed = disturbances(world, step, span).into_iter();
    let touched: BTreeSet<HostId> = disturbed.map(|(host, _)| host).collect();
    move |host| !touched.contains(&host)
}

/// Tells which servers the client of a step could reach all the time; none if it was held up itself.
pub fn in_reach(world: &World, step: &Step, span: Span) -> Option<impl Fn(HostId) -> bool + use<>> {
    let well = untouched_within(world, step, span);
    world.host(&step.by).is_some_and(&well).then_some(well)
}

/// From one moment to another.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    /// The first.
    pub began: Duration,
    /// The last.
    pub ended: Duration,
}

/// Hosts that faults held up while the step ran, and since when. Of groups that are cut off from each other only
/// those count that the client of the step is not in.
fn disturbances(world: &World, step: &Step, span: Span) -> Vec<(HostId, Duration)> {
    let faults = &world.schedule().faults;
    let holds_up = |interval: &Interval| match faults.get(interval.fault).map(|fault| &fault.kind) {
        Some(kind @ FaultKind::Groups(_)) => {
            let host = world.names().host(interval.host);
            let needs = world.needs(interval.host).map(|needed| world.names().host(needed));
            kind.parts(&step.by, host) && !world.is_bucket(interval.host)
                || needs.into_iter().any(|needed| kind.parts(needed, host))
        }
        // What a backup brought back in the middle of it was not there for who asked before.
        Some(FaultKind::Restore { .. }) => interval.from > span.began,
        kind => kind.is_none_or(|kind| holds_up(kind, &step.action)),
    };
    let during = super::within(world, span).into_iter();
    let hosts = |interval: Interval| {
        super::struck(world, &interval).into_iter().map(move |host| (host, interval.from))
    };
    during.filter(holds_up).flat_map(hosts).collect()
}

/// Whether a fault of this kind can hold up what a host does for such an operation.
fn holds_up(kind: &FaultKind, action: &Action) -> bool {
    let mutable = matches!(action, Action::Mutable { .. });
    let upload = match action {
        Action::Mutable { act, .. } => act.writes(),
        Action::Upkeep(upkeep) => upkeep.writes(),
        Action::Upload { .. } => true,
        _ => false,
    };
    match kind {
        FaultKind::Corrupt { .. }
        | FaultKind::Replace { .. }
        | FaultKind::Restore { .. }
        | FaultKind::Slow(_)
        | FaultKind::Cancel(_) => false,
        // What is lost was acknowledged; that it is gone shows on the disk.
        FaultKind::Lose(_) => false,
        // Unfinished uploads are forgotten by their age; reading depends on no clock.
        FaultKind::Full | FaultKind::Clock(_) => upload,
        FaultKind::HangOnly(Aim { only: Some(only), .. })
        | FaultKind::Answer(Answer { aim: Aim { only: Some(only), .. }, .. }) => match only {
            RequestKind::Version | RequestKind::Shares => true,
            // Whoever writes a mutable share has read what is there.
            RequestKind::Read => mutable || !upload,
            RequestKind::Allocate | RequestKind::Write | RequestKind::TestWrite | RequestKind::Abort => {
                upload
            }
            // Told, and never waited for.
            RequestKind::Lease | RequestKind::Report => false,
            // Which share is behind an object's name, and who needs it, is not known here.
            RequestKind::Put
            | RequestKind::Get
            | RequestKind::Head
            | RequestKind::List
            | RequestKind::Delete
            | RequestKind::Multipart => true,
        },
        FaultKind::Hang
        | FaultKind::HangOnly(_)
        | FaultKind::Answer(_)
        | FaultKind::Throttle(_)
        | FaultKind::QueueFull
        | FaultKind::Partition(_)
        | FaultKind::Groups(_)
        | FaultKind::Disconnect(_)
        | FaultKind::Crash
        | FaultKind::PowerLoss
        | FaultKind::Pause(_) => true,
    }
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

/// An operation on a mutable file that no other one was beside: there was something to read, and somebody to write to.
fn mutable_had_to_succeed(
    world: &World,
    file: &str,
    act: MutableAct,
    report: &StepReport,
    well: &impl Fn(HostId) -> bool,
) -> Option<String> {
    let refused = matches!(report.ending, Ending::Failed { kind: Some(ErrorKind::Uncoordinated), .. });
    if usage::in_company(world, report.step) || refused {
        return None;
    }
    let versions = truth::mutable::versions_on(world, file, well);
    let best = truth::mutable::best(&versions);
    let readable = best.map(|best| {
        format!("{} was in reach ({} good shares of {} needed)", best.id, best.shares.len(), best.needed)
    });
    if !act.writes() {
        return readable;
    }
    if act != MutableAct::Create && !truth::mutable::is_signable_on(world, file, well) {
        return None;
    }
    let plenty = plenty(world);
    let servers = world.schedule().grid.servers.iter().filter(|server| room(server) >= plenty);
    let servers = servers.filter(|server| world.host(&server.name).is_some_and(well)).count();
    let roomy = (servers > 0).then(|| format!("{servers} servers with room were well"))?;
    match act {
        MutableAct::Create => Some(roomy),
        MutableAct::Write { .. }
        | MutableAct::Append { .. }
        | MutableAct::Link
        | MutableAct::Read
        | MutableAct::List => Some(format!("{}, and {roomy}", readable?)),
    }
}

/// The shares of a file on servers that were well, and what they are worth.
pub(super) fn stored(
    world: &World,
    cap: &ReadCap,
    well: &impl Fn(HostId) -> bool,
) -> Vec<(ShareNum, String, Quality)> {
    let index = cap.storage_index();
    listed(world, cap, &|host, share| well(host) && !world.is_unreadable(host, index, share))
}

/// The shares of a file on the disks of servers, of those that `counts`, and what their bytes are worth.
pub(super) fn listed(
    world: &World,
    cap: &ReadCap,
    counts: &impl Fn(HostId, ShareNum) -> bool,
) -> Vec<(ShareNum, String, Quality)> {
    let index = cap.storage_index();
    let shares = world.servers().flat_map(|(host, name, disk)| {
        let held = disk.list().into_iter().filter(|(at, _)| *at == index);
        let held = held.filter(move |(_, share)| counts(host, *share));
        held.filter_map(move |(_, share)| {
            Some((share, name.to_owned(), quality(&disk.get(index, share)?, share, cap)))
        })
    });
    shares.collect()
}

/// Shares are placed on servers that are well at first; one that is lost later costs its share.
fn upload_had_to_succeed(world: &World, step: &Step, report: &StepReport) -> Option<String> {
    let grid = &world.schedule().grid;
    let wanted = step.happy.unwrap_or(grid.happy);
    let span = Span { began: report.began, ended: report.began + report.took };
    let disturbed = disturbances(world, step, span);
    let first = |host: HostId| disturbed.iter().filter(|(at, _)| *at == host).map(|(_, since)| *since).min();
    let plenty = plenty(world);
    let roomy = grid.servers.iter().filter(|server| room(server) >= plenty);
    let since: Vec<Option<Duration>> =
        roomy.filter_map(|server| world.host(&server.name)).map(first).collect();
    let lost = since.iter().flatten().filter(|since| **since > report.began).count();
    let well = since.iter().filter(|since| since.is_none()).count();
    let happy = (well + lost).min(grid.encoding.total()).saturating_sub(lost);
    (happy >= wanted).then(|| {
        format!(
            "happiness {wanted} was asked for, {well} servers with room were well, and {lost} more at first"
        )
    })
}

/// Room with which a server takes any share, in bytes. Generous: all shares of all files would fit.
pub(super) fn plenty(world: &World) -> u64 {
    world.schedule().files.iter().map(|file| file.size.saturating_mul(4).saturating_add(1024 * 1024)).sum()
}

/// The longest share that a server takes when it is empty, in bytes.
pub(super) fn room(server: &Server) -> u64 {
    server.space_bytes.min(server.share_bytes_max.unwrap_or(u64::MAX))
}
