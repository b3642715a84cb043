//! Which server is to hold which share: servers of happiness, and the placement that maximises it.
//!
//! Pure: it looks at what servers hold and may take, and never asks anybody. After refusals the
//! caller marks servers as not writable, adds what was granted to what they hold, and places again:
//! shares that have a home keep it. Nothing here knows why a server is not writable.

use std::collections::BTreeSet;

use crate::format::{Encoding, ShareNum};

mod error;
mod matching;
pub mod select;
#[cfg(test)]
mod tests;

pub use error::{Failure, Offers, Outcome, Shortfall, UnhappyError};
use matching::Matching;

/// One server as the placement sees it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Candidate {
    /// The shares of the file it holds, or has promised to take.
    pub existing: BTreeSet<ShareNum>,
    /// Whether it may be asked to take more.
    pub writable: bool,
}

/// Where every share goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    /// For each candidate, in the order given, the shares it is relied upon for: held already, or
    /// to be taken. No share is assigned twice.
    pub assigned: Vec<BTreeSet<ShareNum>>,
    /// The size of the matching behind it: the happiness reached if every server takes its share.
    pub happiness: usize,
    /// Shares nobody is assigned. Empty as soon as one candidate is writable.
    pub homeless: BTreeSet<ShareNum>,
}

/// The happiness of a layout: the size of a maximum matching between servers and the shares they
/// hold. 0 for an empty layout; with happiness h >= k any k of those h servers rebuild the file.
pub fn happiness<'a>(servers: impl IntoIterator<Item = &'a BTreeSet<ShareNum>>) -> usize {
    let held: Vec<_> = servers.into_iter().collect();
    let mut matching = Matching::with_servers(held.len());
    for server in 0..held.len() {
        matching.augment(server, &held);
    }
    matching.len()
}

/// Assigns the shares of `encoding` to `candidates`, which are in the order of preference.
///
/// The happiness is the highest these candidates can reach. Among the placements that reach it, one
/// that uses shares already held wherever a matching can, then the earliest servers, then the
/// lowest share numbers. A server that is not writable is assigned nothing but what it holds. Shares
/// outside of the encoding are ignored.
pub fn place(candidates: &[Candidate], encoding: Encoding) -> Placement {
    let total = encoding.total();
    let held: Vec<BTreeSet<ShareNum>> = candidates
        .iter()
        .map(|c| c.existing.iter().copied().filter(|share| usize::from(share.0) < total).collect())
        .collect();

    // Read-only servers first: they can be matched by nothing but what they hold. A writable server
    // added later never takes their place, for an augmenting path keeps every matched server matched.
    let mut matching = Matching::with_servers(candidates.len());
    for writable in [false, true] {
        for (server, candidate) in candidates.iter().enumerate() {
            if candidate.writable == writable {
                matching.augment(server, &held);
            }
        }
    }
    let mut free = encoding.shares().filter(|share| !matching.covers(*share)).collect::<Vec<_>>().into_iter();
    for (server, candidate) in candidates.iter().enumerate() {
        if candidate.writable
            && !matching.matches(server)
            && let Some(share) = free.next()
        {
            matching.join(server, share);
        }
    }

    let mut assigned: Vec<BTreeSet<ShareNum>> =
        (0..candidates.len()).map(|server| matching.share_of(server).into_iter().collect()).collect();
    let mut homeless = BTreeSet::new();
    for share in free {
        match home(share, candidates, &held, &assigned) {
            Some(server) => {
                assigned[server].insert(share);
            }
            None => {
                homeless.insert(share);
            }
        }
    }
    Placement { assigned, happiness: matching.len(), homeless }
}

/// Where a share goes that adds nothing to the happiness: it stays where it is, on a writable server if
/// one holds it, or it goes to the writable server with the fewest shares.
fn home(
    share: ShareNum,
    candidates: &[Candidate],
    held: &[BTreeSet<ShareNum>],
    assigned: &[BTreeSet<ShareNum>],
) -> Option<usize> {
    let all = || 0..candidates.len();
    let writable = || all().filter(|server| candidates[*server].writable);
    writable()
        .find(|server| held[*server].contains(&share))
        .or_else(|| all().find(|server| held[*server].contains(&share)))
        .or_else(|| writable().min_by_key(|server| assigned[*server].len()))
}
