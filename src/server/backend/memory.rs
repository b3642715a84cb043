//! Shares in memory: for tests, simulations and caches. Nothing survives the last clone.
//!
//! A complete share is one [`Bytes`], so reading is a slice and never a copy. A staged share that is
//! written front to back grows by appending, and a long one that is written whole keeps the writer's bytes.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::slots::{self, Slots};
use super::{
    Backend, BackendError, CORRUPTION_REPORTS_MAX, Change, CorruptionReport, LEASES_MAX, Lease, MutableHead,
    MutableShare,
};
use crate::format::{ShareNum, StorageIndex};

/// A shorter share is copied even if it is written whole: its bytes may be a small part of the buffer that a
/// connection received them into, all of which would be kept with them.
const KEEP_BYTES_MIN: u64 = 32 * 1024;

/// A [`Backend`] in memory. Clones share one store, so a server can end and another start on it.
#[derive(Debug, Clone)]
pub struct MemoryBackend {
    store: Arc<Mutex<Store>>,
}

#[derive(Debug)]
struct Store {
    space_bytes: u64,
    share_bytes_max: u64,
    used_bytes: u64,
    promised_bytes: u64,
    complete: BTreeMap<(StorageIndex, ShareNum), Bytes>,
    staged: BTreeMap<(StorageIndex, ShareNum), Staged>,
    mutable: Slots,
    leases: BTreeMap<StorageIndex, Vec<Lease>>,
    corruption: VecDeque<CorruptionReport>,
}

#[derive(Debug)]
struct Staged {
    size: u64,
    content: Content,
}

#[derive(Debug)]
enum Content {
    /// Written in one piece.
    Whole(Bytes),
    /// As far as it was written; holes are zeros.
    Parts(Vec<u8>),
}

impl MemoryBackend {
    /// An empty store with room for `space_bytes` of shares, complete or promised.
    pub fn new(space_bytes: u64) -> Self {
        let store = Store {
            space_bytes,
            share_bytes_max: u64::MAX,
            used_bytes: 0,
            promised_bytes: 0,
            complete: BTreeMap::new(),
            staged: BTreeMap::new(),
            mutable: Slots::default(),
            leases: BTreeMap::new(),
            corruption: VecDeque::new(),
        };
        Self { store: Arc::new(Mutex::new(store)) }
    }

    /// Every complete share, in order.
    pub fn list(&self) -> Vec<(StorageIndex, ShareNum)> {
        self.lock().complete.keys().copied().collect()
    }

    /// A complete share.
    pub fn get(&self, index: StorageIndex, share: ShareNum) -> Option<Bytes> {
        self.lock().complete.get(&(index, share)).cloned()
    }

    /// Puts a complete share, in place of one that was there, whatever space is left.
    pub fn put(&self, index: StorageIndex, share: ShareNum, content: Bytes) {
        let mut store = self.lock();
        let new = length(&content);
        let old = store.complete.insert((index, share), content).as_ref().map_or(0, length);
        store.replaced(old, new);
    }

    /// Takes a complete share away.
    pub fn remove(&self, index: StorageIndex, share: ShareNum) -> Option<Bytes> {
        let mut store = self.lock();
        let content = store.complete.remove(&(index, share))?;
        store.replaced(length(&content), 0);
        store.forget_leases_of_nothing(index);
        Some(content)
    }

    /// Every mutable share, in order.
    pub fn list_mutable(&self) -> Vec<(StorageIndex, ShareNum)> {
        self.lock().mutable.keys().collect()
    }

    /// A mutable share.
    pub fn get_mutable(&self, index: StorageIndex, share: ShareNum) -> Option<MutableShare> {
        self.lock().mutable.get((index, share)).cloned()
    }

    /// Puts a mutable share, in place of one that was there, whatever space is left.
    pub fn put_mutable(&self, index: StorageIndex, share: ShareNum, content: MutableShare) {
        let mut store = self.lock();
        let new = slots::length(&content);
        let old = store.mutable.put((index, share), content).as_ref().map_or(0, slots::length);
        store.replaced(old, new);
    }

    /// Takes a mutable share away.
    pub fn remove_mutable(&self, index: StorageIndex, share: ShareNum) -> Option<MutableShare> {
        let mut store = self.lock();
        let content = store.mutable.remove((index, share))?;
        store.replaced(slots::length(&content), 0);
        store.forget_leases_of_nothing(index);
        Some(content)
    }

    /// The corruption reports kept, oldest first.
    pub fn corruption_reports(&self) -> Vec<CorruptionReport> {
        self.lock().corruption.iter().cloned().collect()
    }

    /// Changes the room there is; what is already stored or promised stays.
    pub fn set_space_bytes(&self, space_bytes: u64) {
        self.lock().space_bytes = space_bytes;
    }

    /// Sets the longest share it takes, whatever room there is.
    pub fn set_share_bytes_max(&self, share_bytes_max: u64) {
        self.lock().share_bytes_max = share_bytes_max;
    }

    fn lock(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store {
    fn free(&self) -> u64 {
        self.space_bytes.saturating_sub(self.used_bytes).saturating_sub(self.promised_bytes)
    }

    /// `old` bytes were stored where now there are `new`.
    fn replaced(&mut self, old: u64, new: u64) {
        self.used_bytes = self.used_bytes.saturating_add(new).saturating_sub(old);
    }

    fn unstage(&mut self, key: (StorageIndex, ShareNum)) -> Option<Staged> {
        let staged = self.staged.remove(&key)?;
        self.promised_bytes = self.promised_bytes.saturating_sub(staged.size);
        Some(staged)
    }

    fn add_or_renew_lease(&mut self, index: StorageIndex, lease: Lease) -> Result<(), BackendError> {
        let leases = self.leases.entry(index).or_default();
        let full = leases.len() >= LEASES_MAX;
        match leases.iter_mut().find(|held| held.renew == lease.renew) {
            Some(held) => held.expires = held.expires.max(lease.expires),
            None if full => return Err(BackendError::TooManyLeases),
            None => leases.push(lease),
        }
        Ok(())
    }

    fn forget_leases_of_nothing(&mut self, index: StorageIndex) {
        let all = (index, ShareNum(0))..=(index, ShareNum(u8::MAX));
        let held = self.complete.range(all.clone()).next().is_some()
            || self.staged.range(all).next().is_some()
            || self.mutable.shares(index).next().is_some();
        if !held {
            self.leases.remove(&index);
        }
    }
}

impl Staged {
    fn write(&mut self, offset: u64, data: Bytes) -> Result<(), BackendError> {
        let end = offset.checked_add(length(&data)).ok_or(BackendError::OutOfBounds)?;
        if end > self.size {
            return Err(BackendError::OutOfBounds);
        }
        let (start, end) = (place(offset)?, place(end)?);
        match &mut self.content {
            content if self.size >= KEEP_BYTES_MIN && length(&data) == self.size => {
                *content = Content::Whole(data);
            }
            Content::Whole(whole) => {
                let mut parts = Vec::from(std::mem::take(whole));
                parts[start..end].copy_from_slice(&data);
                self.content = Content::Parts(parts);
            }
            Content::Parts(parts) => {
                if parts.capacity() == 0 {
                    // The space was promised, and growing step by step would copy everything twice. Untouched
                    // pages cost nothing.
                    parts.try_reserve_exact(place(self.size)?).map_err(|_| BackendError::NoSpace)?;
                }
                if start == parts.len() {
                    parts.extend_from_slice(&data);
                } else {
                    parts.resize(parts.len().max(end), 0);
                    parts[start..end].copy_from_slice(&data);
                }
            }
        }
        Ok(())
    }

    fn slice(&self, range: Range<u64>) -> Result<Bytes, BackendError> {
        let range = place(range.start)?..place(range.end)?;
        let found = match &self.content {
            Content::Whole(whole) if range.end <= whole.len() => Some(whole.slice(range)),
            Content::Whole(_) => None,
            Content::Parts(parts) => parts.get(range).map(Bytes::copy_from_slice),
        };
        found.ok_or(BackendError::OutOfBounds)
    }
}

impl Backend for MemoryBackend {
    async fn shares(&self, index: StorageIndex) -> Result<BTreeSet<ShareNum>, BackendError> {
        let all = (index, ShareNum(0))..=(index, ShareNum(u8::MAX));
        Ok(self.lock().complete.range(all).map(|(&(_, share), _)| share).collect())
    }

    async fn share_len(&self, index: StorageIndex, share: ShareNum) -> Result<Option<u64>, BackendError> {
        Ok(self.lock().complete.get(&(index, share)).map(length))
    }

    async fn read(
        &self,
        index: StorageIndex,
        share: ShareNum,
        range: Range<u64>,
    ) -> Result<Option<Bytes>, BackendError> {
        let store = self.lock();
        let Some(content) = store.complete.get(&(index, share)) else { return Ok(None) };
        let end = place(range.end.min(length(content)))?;
        let start = place(range.start.min(length(content)))?.min(end);
        Ok(Some(content.slice(start..end)))
    }

    fn read_bytes_max(&self) -> u64 {
        u64::MAX
    }

    fn share_bytes_max(&self) -> u64 {
        self.lock().share_bytes_max
    }

    async fn create(&self, index: StorageIndex, share: ShareNum, size: u64) -> Result<(), BackendError> {
        let mut store = self.lock();
        let key = (index, share);
        if store.complete.contains_key(&key) || store.staged.contains_key(&key) {
            return Err(BackendError::Exists);
        }
        if size > store.free().min(store.share_bytes_max) {
            return Err(BackendError::NoSpace);
        }
        store.promised_bytes = store.promised_bytes.saturating_add(size);
        store.staged.insert(key, Staged { size, content: Content::Parts(Vec::new()) });
        Ok(())
    }

    async fn write(
        &self,
        index: StorageIndex,
        share: ShareNum,
        offset: u64,
        data: Bytes,
    ) -> Result<(), BackendError> {
        let mut store = self.lock();
        store.staged.get_mut(&(index, share)).ok_or(BackendError::NotStaged)?.write(offset, data)
    }

    async fn read_staged(
        &self,
        index: StorageIndex,
        share: ShareNum,
        range: Range<u64>,
    ) -> Result<Bytes, BackendError> {
        self.lock().staged.get(&(index, share)).ok_or(BackendError::NotStaged)?.slice(range)
    }

    async fn publish(&self, index: StorageIndex, share: ShareNum) -> Result<(), BackendError> {
        let mut store = self.lock();
        let staged = store.unstage((index, share)).ok_or(BackendError::NotStaged)?;
        let content = match staged.content {
            Content::Whole(whole) => whole,
            Content::Parts(parts) => Bytes::from(parts),
        };
        store.used_bytes = store.used_bytes.saturating_add(length(&content));
        store.complete.insert((index, share), content);
        Ok(())
    }

    async fn discard(&self, index: StorageIndex, share: ShareNum) -> Result<(), BackendError> {
        let mut store = self.lock();
        store.unstage((index, share));
        store.forget_leases_of_nothing(index);
        Ok(())
    }

    async fn discard_incomplete(&self) -> Result<(), BackendError> {
        let mut store = self.lock();
        let staged = std::mem::take(&mut store.staged);
        store.promised_bytes = 0;
        for (index, _) in staged.into_keys() {
            store.forget_leases_of_nothing(index);
        }
        Ok(())
    }

    async fn add_or_renew_lease(&self, index: StorageIndex, lease: Lease) -> Result<(), BackendError> {
        self.lock().add_or_renew_lease(index, lease)
    }

    async fn leases(&self, index: StorageIndex) -> Result<Vec<Lease>, BackendError> {
        Ok(self.lock().leases.get(&index).cloned().unwrap_or_default())
    }

    async fn record_corruption(&self, report: CorruptionReport) -> Result<(), BackendError> {
        let mut store = self.lock();
        if store.corruption.len() >= CORRUPTION_REPORTS_MAX {
            store.corruption.pop_front();
        }
        store.corruption.push_back(report);
        Ok(())
    }

    async fn free_space(&self) -> Result<u64, BackendError> {
        Ok(self.lock().free())
    }

    async fn staged_bytes(&self) -> Result<u64, BackendError> {
        Ok(self.lock().promised_bytes)
    }

    async fn mutable_shares(&self, index: StorageIndex) -> Result<BTreeSet<ShareNum>, BackendError> {
        Ok(self.lock().mutable.shares(index).collect())
    }

    async fn mutable_slot(
        &self,
        index: StorageIndex,
    ) -> Result<BTreeMap<ShareNum, MutableHead>, BackendError> {
        Ok(self.lock().mutable.heads(index))
    }

    async fn mutable_read(
        &self,
        index: StorageIndex,
        share: ShareNum,
        range: Range<u64>,
    ) -> Result<Option<Bytes>, BackendError> {
        Ok(self.lock().mutable.read((index, share), range))
    }

    async fn mutable_store(
        &self,
        index: StorageIndex,
        changes: BTreeMap<ShareNum, Change>,
        lease: Option<Lease>,
    ) -> Result<(), BackendError> {
        let mut store = self.lock();
        let (old, new) = store.mutable.weigh(index, &changes)?;
        let mut lengths = changes.values().filter_map(|change| change.after.as_ref()).map(slots::length);
        let too_long = lengths.any(|length| length > store.share_bytes_max);
        if too_long || new.saturating_sub(old) > store.free() {
            return Err(BackendError::NoSpace);
        }
        if let Some(lease) = lease {
            store.add_or_renew_lease(index, lease)?;
        }
        store.mutable.apply(index, changes);
        store.replaced(old, new);
        store.forget_leases_of_nothing(index);
        Ok(())
    }
}

fn length(content: &Bytes) -> u64 {
    u64::try_from(content.len()).unwrap_or(u64::MAX)
}

fn place(offset: u64) -> Result<usize, BackendError> {
    usize::try_from(offset).map_err(|_| BackendError::OutOfBounds)
}
