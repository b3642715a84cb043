//! A matching between servers and share numbers, grown by augmenting paths.
//!
//! At most 256 shares, so the search is a plain one; each search visits every share at most once.

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};

use crate::format::ShareNum;

/// Pairs of server and share in which neither occurs twice.
#[derive(Debug)]
pub(super) struct Matching {
    by_share: BTreeMap<ShareNum, usize>,
    by_server: Vec<Option<ShareNum>>,
}

impl Matching {
    /// No pairs yet, for `count` servers.
    pub(super) fn with_servers(count: usize) -> Self {
        Self { by_share: BTreeMap::new(), by_server: vec![None; count] }
    }

    /// The number of pairs.
    pub(super) fn len(&self) -> usize {
        self.by_share.len()
    }

    /// Whether `share` is in a pair.
    pub(super) fn covers(&self, share: ShareNum) -> bool {
        self.by_share.contains_key(&share)
    }

    /// Whether `server` is in a pair.
    pub(super) fn matches(&self, server: usize) -> bool {
        self.share_of(server).is_some()
    }

    /// The share `server` is paired with.
    pub(super) fn share_of(&self, server: usize) -> Option<ShareNum> {
        self.by_server.get(server).copied().flatten()
    }

    /// Pairs two that are free.
    pub(super) fn join(&mut self, server: usize, share: ShareNum) {
        self.by_server[server] = Some(share);
        self.by_share.insert(share, server);
    }

    /// Pairs the free `server` along an augmenting path through what servers hold, if there is one.
    /// Servers that were paired stay paired, though perhaps with another share.
    pub(super) fn augment<S: Borrow<BTreeSet<ShareNum>>>(&mut self, server: usize, held: &[S]) {
        self.search(server, held, &mut BTreeSet::new());
    }

    fn search<S: Borrow<BTreeSet<ShareNum>>>(
        &mut self,
        server: usize,
        held: &[S],
        visited: &mut BTreeSet<ShareNum>,
    ) -> bool {
        let shares = held[server].borrow();
        // A share nobody has, before one that somebody would have to give up.
        if let Some(share) = shares.iter().copied().find(|share| !self.covers(*share)) {
            self.join(server, share);
            return true;
        }
        for share in shares.iter().copied() {
            let Some(owner) = self.by_share.get(&share).copied() else { continue };
            if visited.insert(share) && self.search(owner, held, visited) {
                self.join(server, share);
                return true;
            }
        }
        false
    }
}
