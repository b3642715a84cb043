//! Margin: how many more servers an operation could have lost, chosen by the worst adversary, and still be possible.
//!
//! Ground truth like availability: servers that a fault held up while the step ran count as lost already. Which servers
//! an adversary takes is a set-cover question, so it is answered exactly for small grids, and wherever every share
//! is on one server; elsewhere by a bound that never promises too much.

use std::collections::BTreeSet;
use std::fmt;

use lafs::format::ShareNum;

use super::availability::{plenty, room, stored, untouched};
use super::truth::Quality;
use crate::net::HostId;
use crate::report::plural;
use crate::schedule::{Action, Step};
use crate::usage;
use crate::workload::{Ending, StepReport};
use crate::world::World;

/// Servers that hold something up to which every choice of the adversary is tried.
pub const EXACT_SERVERS_MAX: usize = 16;
/// Patterns of good blocks (one for all segments unless shares are damaged) that are tried out exactly.
const EXACT_PATTERNS_MAX: usize = 64;

const SHARE: &str = "share";
const SERVER: &str = "server";

/// How many more servers could have been lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Margin {
    /// So many losses change nothing; negative: so many were missing already.
    pub losses: i64,
    /// Whether one more loss, of the right server, breaks it. Otherwise more may be survived.
    pub exact: bool,
    /// What is missing if it is negative: "share" or "server".
    pub of: &'static str,
}

impl fmt::Display for Margin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let least = if self.exact { "" } else { "at least " };
        match self.losses {
            ..0 => write!(f, "{} short", plural(self.losses.unsigned_abs(), self.of)),
            0 if self.exact => f.write_str("would survive no further loss"),
            1 => write!(f, "would survive {least}1 more loss"),
            losses => write!(f, "would survive {least}{losses} more losses"),
        }
    }
}

/// The margin of a step that uploaded or downloaded shares.
pub fn of(world: &World, step: &Step, report: &StepReport) -> Option<Margin> {
    let well = untouched(world, step, report);
    match &step.action {
        Action::Download { file, range } => of_download(world, file, *range, &well),
        Action::Upload { file } => of_upload(world, step, file, report, &well),
        Action::Wait(_)
        | Action::Delete { .. }
        | Action::Copy { .. }
        | Action::Arrange { .. }
        | Action::Mutable { .. }
        | Action::Upkeep(_)
        | Action::Forget => None,
    }
}

fn of_download(
    world: &World,
    file: &str,
    range: Option<(u64, u64)>,
    well: &impl Fn(HostId) -> bool,
) -> Option<Margin> {
    let cap = world.read_cap(file)?;
    let cut = usage::cut(world, file)?;
    let (offset, length) = range.unwrap_or((0, cut.size()));
    let segments = cut.segments_of(offset..offset.saturating_add(length));
    let shares = stored(world, &cap, well);
    Some(download(&shares, segments.start, segments.end, cap.encoding.needed()))
}

/// The margin of reading segments `from..to` out of these copies (share, server, quality).
fn download(copies: &[(ShareNum, String, Quality)], from: u64, to: u64, needed: usize) -> Margin {
    let numbers: BTreeSet<ShareNum> = copies.iter().map(|(share, ..)| *share).collect();
    let bit = |share: &ShareNum| numbers.iter().position(|number| number == share).unwrap_or_default();
    let servers: BTreeSet<&str> = copies.iter().map(|(_, server, _)| server.as_str()).collect();
    let mut patterns: BTreeSet<Vec<Shares>> = BTreeSet::new();
    for segment in from..to {
        let good = |quality: &Quality| {
            usize::try_from(segment).is_ok_and(|segment| quality.blocks.get(segment) == Some(&true))
        };
        let of = |server: &&str| {
            let held = copies.iter().filter(|(_, at, quality)| at == server && good(quality));
            held.fold(Shares::default(), |held, (share, ..)| held.with(bit(share)))
        };
        patterns.insert(servers.iter().map(of).collect());
    }
    let exactly = patterns.len() <= EXACT_PATTERNS_MAX;
    let trees =
        |server: &&&str| copies.iter().any(|(_, at, quality)| at == **server && quality.crypttext_tree);
    let trees = servers.iter().filter(trees).count() as i64;
    let of_blocks = patterns.iter().map(|pattern| of_pattern(pattern, needed, exactly));
    // Without shares there are no patterns that could be short.
    let nothing = Margin { losses: -(needed as i64), exact: true, of: SHARE };
    let blocks = of_blocks.min_by_key(|margin| (margin.losses, !margin.exact)).unwrap_or(nothing);
    if trees - 1 < blocks.losses { Margin { losses: trees - 1, exact: true, of: SHARE } } else { blocks }
}

/// A set of shares.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Shares([u128; 2]);

impl Shares {
    fn with(mut self, share: usize) -> Self {
        if let Some(half) = self.0.get_mut(share / 128) {
            *half |= 1 << (share % 128);
        }
        self
    }

    fn and(self, other: Self) -> Self {
        Self([self.0[0] | other.0[0], self.0[1] | other.0[1]])
    }

    fn count(self) -> usize {
        (self.0[0].count_ones() + self.0[1].count_ones()) as usize
    }
}

/// The margin if every server has these shares and any `needed` different ones do.
fn of_pattern(servers: &[Shares], needed: usize, exactly: bool) -> Margin {
    let mut servers: Vec<Shares> = servers.iter().copied().filter(|shares| shares.count() > 0).collect();
    servers.sort_by_key(|shares| std::cmp::Reverse(shares.count()));
    let all = servers.iter().fold(Shares::default(), |all, shares| all.and(*shares)).count();
    if all < needed {
        return Margin { losses: all as i64 - needed as i64, exact: true, of: SHARE };
    }
    let copies: usize = servers.iter().map(|shares| shares.count()).sum();
    if copies > all && exactly && servers.len() <= EXACT_SERVERS_MAX {
        return Margin {
            losses: (servers.len() - most_left(&servers, needed)) as i64 - 1,
            exact: true,
            of: SHARE,
        };
    }
    // A server takes no more shares with it than it has. If nobody else has them, it takes them all.
    let mut left = all;
    let fatal = servers.iter().take_while(|shares| {
        let enough = left >= needed;
        left = left.saturating_sub(shares.count());
        enough
    });
    Margin { losses: fatal.count() as i64 - 1, exact: copies == all, of: SHARE }
}

/// The most servers that can be left although they do not have `needed` different shares. Tries all sets of servers.
fn most_left(servers: &[Shares], needed: usize) -> usize {
    let mut unions = vec![Shares::default()];
    let mut most = 0;
    for set in 1usize..1 << servers.len() {
        let last = set.trailing_zeros() as usize;
        let union = unions[set & (set - 1)].and(servers[last]);
        unions.push(union);
        if union.count() < needed {
            most = most.max(set.count_ones() as usize);
        }
    }
    most
}

/// Any server with room takes any share; one without room counts if it has a share of the file already.
fn of_upload(
    world: &World,
    step: &Step,
    file: &str,
    report: &StepReport,
    well: &impl Fn(HostId) -> bool,
) -> Option<Margin> {
    let cut = usage::cut(world, file)?;
    let grid = &world.schedule().grid;
    let share = usage::spread_bytes(cut) / cut.encoding().total().max(1) as u64;
    let plenty = plenty(world);
    let took: BTreeSet<&str> = match &report.ending {
        Ending::Uploaded(placed) => placed.written.values().flatten().map(|id| id.as_str()).collect(),
        Ending::Downloaded { .. }
        | Ending::Wrote(_)
        | Ending::Read(_)
        | Ending::Kept(_)
        | Ending::BackedUp(_)
        | Ending::Restored { .. }
        | Ending::Failed { .. }
        | Ending::Cancelled { .. }
        | Ending::Done => BTreeSet::new(),
    };
    let reached = grid.servers.iter().filter(|server| world.host(&server.name).is_some_and(well));
    let (mut roomy, mut unsure) = (0, 0);
    for server in reached {
        if room(server) >= plenty || took.contains(server.name.as_str()) {
            roomy += 1;
        } else if room(server) >= share || may_hold(world, file, &server.name) {
            unsure += 1;
        }
    }
    Some(upload(roomy, unsure, grid.encoding.total(), step.happy.unwrap_or(grid.happy)))
}

/// The margin of an upload with `roomy` servers that take any share, and `unsure` ones that perhaps do.
fn upload(roomy: usize, unsure: usize, total: usize, happy: usize) -> Margin {
    // More servers than shares are spares, of which one after the other can be lost as well.
    let possible = happy <= total;
    let losses = if possible { roomy as i64 - happy as i64 } else { total as i64 - happy as i64 };
    Margin { losses, exact: unsure == 0 || !possible, of: SERVER }
}

fn may_hold(world: &World, file: &str, server: &str) -> bool {
    let Some(cap) = world.read_cap(file) else { return false };
    let index = cap.storage_index();
    let mut disks = world.servers().filter(|(_, name, _)| *name == server);
    disks.any(|(.., disk)| disk.list().into_iter().any(|(at, _)| at == index))
}

#[cfg(test)]
mod tests;
