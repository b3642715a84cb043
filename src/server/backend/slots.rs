//! Mutable shares in memory. The space they take is counted by whoever owns them.

use std::collections::BTreeMap;
use std::ops::Range;

use bytes::Bytes;

use super::{BackendError, Change, MutableHead, MutableShare, Stamp};
use crate::format::{ShareNum, StorageIndex};

type Key = (StorageIndex, ShareNum);

#[derive(Debug, Default)]
pub(super) struct Slots {
    held: BTreeMap<Key, Held>,
    /// How often anything was put here: what stamps are made of.
    puts: u64,
}

#[derive(Debug)]
struct Held {
    share: MutableShare,
    stamp: u64,
}

impl Held {
    fn stamp(&self) -> Stamp {
        Stamp(Bytes::copy_from_slice(&self.stamp.to_be_bytes()))
    }
}

impl Slots {
    pub(super) fn keys(&self) -> impl Iterator<Item = Key> {
        self.held.keys().copied()
    }

    pub(super) fn get(&self, key: Key) -> Option<&MutableShare> {
        self.held.get(&key).map(|held| &held.share)
    }

    pub(super) fn put(&mut self, key: Key, share: MutableShare) -> Option<MutableShare> {
        self.puts += 1;
        self.held.insert(key, Held { share, stamp: self.puts }).map(|held| held.share)
    }

    pub(super) fn remove(&mut self, key: Key) -> Option<MutableShare> {
        self.held.remove(&key).map(|held| held.share)
    }

    fn slot(&self, index: StorageIndex) -> impl Iterator<Item = (ShareNum, &Held)> {
        let all = (index, ShareNum(0))..=(index, ShareNum(u8::MAX));
        self.held.range(all).map(|(&(_, share), held)| (share, held))
    }

    pub(super) fn shares(&self, index: StorageIndex) -> impl Iterator<Item = ShareNum> {
        self.slot(index).map(|(share, _)| share)
    }

    pub(super) fn heads(&self, index: StorageIndex) -> BTreeMap<ShareNum, MutableHead> {
        let head = |held: &Held| MutableHead {
            enabler: held.share.enabler.clone(),
            length: length(&held.share),
            stamp: held.stamp(),
            opening: Bytes::new(),
        };
        self.slot(index).map(|(share, held)| (share, head(held))).collect()
    }

    /// Bytes `range` of a share, clipped to its end.
    pub(super) fn read(&self, key: Key, range: Range<u64>) -> Option<Bytes> {
        let content = &self.held.get(&key)?.share.content;
        let place = |offset: u64| usize::try_from(offset).map_or(content.len(), |at| at.min(content.len()));
        let end = place(range.end);
        Some(content.slice(place(range.start).min(end)..end))
    }

    /// What the shares that `changes` concern take now, and what they will; an error if one is not as it was.
    pub(super) fn weigh(
        &self,
        index: StorageIndex,
        changes: &BTreeMap<ShareNum, Change>,
    ) -> Result<(u64, u64), BackendError> {
        let (mut old, mut new) = (0u64, 0u64);
        for (&share, change) in changes {
            let held = self.held.get(&(index, share));
            if held.map(Held::stamp) != change.before {
                return Err(BackendError::Changed);
            }
            old = old.saturating_add(held.map_or(0, |held| length(&held.share)));
            new = new.saturating_add(change.after.as_ref().map_or(0, length));
        }
        Ok((old, new))
    }

    pub(super) fn apply(&mut self, index: StorageIndex, changes: BTreeMap<ShareNum, Change>) {
        for (share, change) in changes {
            match change.after {
                Some(after) => drop(self.put((index, share), after)),
                None => drop(self.remove((index, share))),
            }
        }
    }
}

/// The bytes a share counts for.
pub(super) fn length(share: &MutableShare) -> u64 {
    u64::try_from(share.content.len()).unwrap_or(u64::MAX)
}
