//! What is known to be stored without asking: bounded, and never relied upon but to save requests that would change nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::super::Lease;
use crate::format::{ShareNum, StorageIndex};
use crate::net::s3::ETag;

/// Of how many indexes the immutable shares are remembered.
const INDEXES_MAX: usize = 4096;
/// How many leases are remembered, of all indexes together.
const LEASES_MAX: usize = 64 * 1024;

/// The leases of one index.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct NotedLeases {
    /// Each with the expiration that is stored; that in the lease may be somewhat later.
    pub(super) leases: Vec<(Lease, u64)>,
    /// The state of their object; `None` if there is none.
    pub(super) etag: Option<ETag>,
}

/// What is known, the oldest forgotten first.
#[derive(Debug, Default)]
pub(super) struct Notes {
    shares: Newest<BTreeSet<ShareNum>>,
    leases: Newest<NotedLeases>,
    lease_count: usize,
    reports: u8,
}

impl Notes {
    /// Which of as many corruption reports as are kept is the next to be written over.
    pub(super) fn next_report(&mut self) -> u8 {
        self.reports = self.reports.wrapping_add(1);
        self.reports
    }

    /// The immutable shares of an index, as they were listed last and completed since.
    pub(super) fn shares(&self, index: StorageIndex) -> Option<&BTreeSet<ShareNum>> {
        self.shares.get(index)
    }

    pub(super) fn set_shares(&mut self, index: StorageIndex, shares: BTreeSet<ShareNum>) {
        self.shares.put(index, shares);
        while self.shares.len() > INDEXES_MAX {
            self.shares.pop();
        }
    }

    pub(super) fn add_share(&mut self, index: StorageIndex, share: ShareNum) {
        if let Some(shares) = self.shares.get_mut(index) {
            shares.insert(share);
        }
    }

    pub(super) fn leases(&self, index: StorageIndex) -> Option<&NotedLeases> {
        self.leases.get(index)
    }

    /// Remembers leases, or forgets them.
    pub(super) fn set_leases(&mut self, index: StorageIndex, leases: Option<NotedLeases>) {
        if let Some(before) = self.leases.remove(index) {
            self.lease_count -= before.leases.len();
        }
        let Some(leases) = leases else { return };
        self.lease_count += leases.leases.len();
        self.leases.put(index, leases);
        while self.lease_count > LEASES_MAX {
            let Some(oldest) = self.leases.pop() else { break };
            self.lease_count -= oldest.leases.len();
        }
    }
}

/// A map that knows in what order things were put there.
#[derive(Debug)]
struct Newest<V> {
    puts: u64,
    order: BTreeMap<u64, StorageIndex>,
    values: BTreeMap<StorageIndex, (u64, V)>,
}

impl<V> Default for Newest<V> {
    fn default() -> Self {
        Self { puts: 0, order: BTreeMap::new(), values: BTreeMap::new() }
    }
}

impl<V> Newest<V> {
    fn len(&self) -> usize {
        self.values.len()
    }

    fn get(&self, index: StorageIndex) -> Option<&V> {
        self.values.get(&index).map(|(_, value)| value)
    }

    fn get_mut(&mut self, index: StorageIndex) -> Option<&mut V> {
        self.values.get_mut(&index).map(|(_, value)| value)
    }

    fn put(&mut self, index: StorageIndex, value: V) {
        self.puts += 1;
        if let Some((before, _)) = self.values.insert(index, (self.puts, value)) {
            self.order.remove(&before);
        }
        self.order.insert(self.puts, index);
    }

    fn remove(&mut self, index: StorageIndex) -> Option<V> {
        let (place, value) = self.values.remove(&index)?;
        self.order.remove(&place);
        Some(value)
    }

    fn pop(&mut self) -> Option<V> {
        let (_, index) = self.order.pop_first()?;
        self.values.remove(&index).map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::clock::UnixTime;

    fn index(number: u32) -> StorageIndex {
        let mut index = [0; 16];
        index[..4].copy_from_slice(&number.to_be_bytes());
        StorageIndex(index)
    }

    #[test]
    fn the_oldest_is_forgotten_first() {
        let mut notes = Notes::default();
        for number in 0..=4096 {
            notes.set_shares(index(number), BTreeSet::new());
        }
        assert_eq!((notes.shares(index(0)), notes.shares(index(1))), (None, Some(&BTreeSet::new())));
        let lease = (Lease { renew: [0; 32], cancel: [0; 32], expires: UnixTime(0) }, 0);
        let many = NotedLeases { leases: vec![lease; 1024], etag: None };
        for number in 0..=64 {
            notes.set_leases(index(number), Some(many.clone()));
        }
        assert!(notes.leases(index(0)).is_none() && notes.leases(index(1)).is_some());
        notes.set_leases(index(1), None);
        assert!(notes.leases(index(1)).is_none());
        assert_eq!(notes.lease_count, 63 * 1024);
    }
}
