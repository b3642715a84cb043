//! Shares that are being written: in memory, and what is too much for it in pieces in the bucket.
//!
//! A share is cut into pieces of [`PIECE_BYTES`]. At most [`PIECES_HELD_MAX`] complete ones of a share stay in memory, and about
//! [`MEMORY_BYTES_MAX`] bytes of all shares; if memory is short, a piece is put away before it is complete, and fetched
//! again for the next write to it. Only a share of one piece never needs more than a put.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures_util::lock::Mutex as AsyncMutex;

use super::calls::Failure;
use super::{S3Backend, length};
use crate::format::{ShareNum, StorageIndex};
use crate::net::Dial;
use crate::net::s3::{Object, Put};
use crate::server::backend::BackendError;
use crate::server::spans::Spans;

/// What long shares are cut into, in bytes. S3 wants parts of at least 5 MiB.
pub const PIECE_BYTES: u64 = 8 * 1024 * 1024;
/// Complete pieces of one share that stay in memory.
pub const PIECES_HELD_MAX: usize = 2;
/// Bytes of all staged shares that stay in memory, roughly.
pub const MEMORY_BYTES_MAX: u64 = 128 * 1024 * 1024;
/// The longest share: as many pieces as an upload can have parts.
pub(super) const SHARE_BYTES_MAX: u64 = 10_000 * PIECE_BYTES;
/// A shorter piece that is written at once is copied: its bytes may be a small part of what was received with them.
const KEEP_BYTES_MIN: u64 = 1024 * 1024;

type Key = (StorageIndex, ShareNum);

/// All shares that are being written.
#[derive(Debug, Default)]
pub(super) struct Staging {
    table: Mutex<BTreeMap<Key, Arc<Entry>>>,
    memory: Arc<AtomicU64>,
}

/// One of them.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) size: u64,
    /// What the keys of its pieces in the bucket begin with.
    pub(super) prefix: String,
    pub(super) pieces: AsyncMutex<Pieces>,
    /// The upload that is being made of it.
    pub(super) upload: Mutex<Option<String>>,
}

/// Its bytes. Their number in memory is counted for all shares together.
#[derive(Debug)]
pub(super) struct Pieces {
    pieces: BTreeMap<u64, Piece>,
    held: u64,
    memory: Arc<AtomicU64>,
}

#[derive(Debug, Default)]
struct Piece {
    written: Spans,
    content: Content,
    /// Whether an object of it was ever put, or may have been.
    put: bool,
}

#[derive(Debug)]
enum Content {
    /// As far as it was written; holes are zeros.
    Growing(Vec<u8>),
    Whole(Bytes),
    /// In the bucket.
    Stored,
}

impl Default for Content {
    fn default() -> Self {
        Self::Growing(Vec::new())
    }
}

impl Staging {
    /// Bytes promised to all of them.
    pub(super) fn promised(&self) -> u64 {
        self.table().values().fold(0, |sum, entry| sum.saturating_add(entry.size))
    }

    /// Stages a share; false if it is already.
    pub(super) fn insert(&self, key: Key, size: u64, prefix: String) -> bool {
        let mut table = self.table();
        let new = !table.contains_key(&key);
        if new {
            let pieces = Pieces { pieces: BTreeMap::new(), held: 0, memory: Arc::clone(&self.memory) };
            let pieces = AsyncMutex::new(pieces);
            table.insert(key, Arc::new(Entry { size, prefix, pieces, upload: Mutex::new(None) }));
        }
        new
    }

    pub(super) fn get(&self, index: StorageIndex, share: ShareNum) -> Result<Arc<Entry>, BackendError> {
        self.table().get(&(index, share)).cloned().ok_or(BackendError::NotStaged)
    }

    pub(super) fn remove(&self, index: StorageIndex, share: ShareNum) -> Option<Arc<Entry>> {
        self.table().remove(&(index, share))
    }

    pub(super) fn clear(&self) {
        self.table().clear();
    }

    pub(super) fn has_any(&self, index: StorageIndex) -> bool {
        let all = (index, ShareNum(0))..=(index, ShareNum(u8::MAX));
        self.table().range(all).next().is_some()
    }

    /// Whether a key in the bucket is a piece of one of them, or an upload is made of one.
    pub(super) fn is_in_use(&self, key: &str, upload: Option<&str>) -> bool {
        self.table().values().any(|entry| match upload {
            Some(_) => entry.upload().as_deref() == upload,
            None => key.starts_with(&entry.prefix),
        })
    }

    fn is_short_of_memory(&self) -> bool {
        self.memory.load(Relaxed) > MEMORY_BYTES_MAX
    }

    fn table(&self) -> MutexGuard<'_, BTreeMap<Key, Arc<Entry>>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    pub(super) fn piece_count(&self) -> u64 {
        self.size.div_ceil(PIECE_BYTES).max(1)
    }

    pub(super) fn piece_bytes(&self, piece: u64) -> u64 {
        self.size.saturating_sub(piece * PIECE_BYTES).min(PIECE_BYTES)
    }

    pub(super) fn piece_key(&self, piece: u64) -> String {
        format!("{}{piece}", self.prefix)
    }

    pub(super) fn upload(&self) -> MutexGuard<'_, Option<String>> {
        self.upload.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The pieces that `range` touches, each with what of it lies within the piece.
    fn touched(&self, range: Range<u64>) -> impl Iterator<Item = (u64, Range<u64>)> {
        let pieces = range.start / PIECE_BYTES..range.end.div_ceil(PIECE_BYTES);
        pieces.map(move |piece| {
            let from = piece * PIECE_BYTES;
            (piece, range.start.max(from) - from..range.end.min(from + PIECE_BYTES) - from)
        })
    }
}

impl Drop for Pieces {
    fn drop(&mut self) {
        self.memory.fetch_sub(self.held, Relaxed);
    }
}

impl Pieces {
    /// The bytes of a piece that is in memory.
    pub(super) fn held(&mut self, piece: u64) -> Option<Bytes> {
        self.pieces.get_mut(&piece)?.whole()
    }

    /// Those of which there is, or may be, an object.
    pub(super) fn put(&self) -> Vec<u64> {
        self.pieces.iter().filter(|(_, piece)| piece.put).map(|(number, _)| *number).collect()
    }

    fn recount(&mut self) {
        let held = self.pieces.values().map(Piece::held_bytes).fold(0, u64::saturating_add);
        self.memory.fetch_add(held, Relaxed);
        self.memory.fetch_sub(self.held, Relaxed);
        self.held = held;
    }

    /// Which piece should leave memory: a complete one if there are too many, or any if memory is short, `last` at the latest.
    fn surplus(&self, entry: &Entry, last: u64, short: bool) -> Option<u64> {
        let held = |piece: &&u64| self.pieces.get(piece).is_some_and(|piece| piece.held_bytes() > 0);
        let complete = |piece: &&u64| {
            let size = entry.piece_bytes(**piece);
            self.pieces.get(piece).is_some_and(|piece| piece.written.missing(size).is_empty())
        };
        let mut full = self.pieces.keys().filter(held).filter(complete);
        let (first, count) = (full.next().copied(), 1 + full.count());
        if count > PIECES_HELD_MAX || short {
            first.or(Some(last).filter(|last| short && held(&last)))
        } else {
            None
        }
    }
}

impl Piece {
    fn held_bytes(&self) -> u64 {
        match &self.content {
            Content::Growing(bytes) => length(bytes),
            Content::Whole(bytes) => length(bytes),
            Content::Stored => 0,
        }
    }

    /// All its bytes, which nobody copies; `None` if they are in the bucket.
    fn whole(&mut self) -> Option<Bytes> {
        if let Content::Growing(bytes) = &mut self.content {
            self.content = Content::Whole(Bytes::from(std::mem::take(bytes)));
        }
        match &self.content {
            Content::Whole(bytes) => Some(bytes.clone()),
            Content::Growing(_) | Content::Stored => None,
        }
    }

    fn write(&mut self, range: &Range<u64>, data: Bytes, size: u64) -> Result<(), BackendError> {
        let place = |offset: u64| usize::try_from(offset).map_err(|_| BackendError::OutOfBounds);
        let (start, end) = (place(range.start)?, place(range.end)?);
        if size >= KEEP_BYTES_MIN && length(&data) == size {
            self.content = Content::Whole(data);
        } else {
            let mut bytes = match std::mem::take(&mut self.content) {
                Content::Growing(bytes) => bytes,
                Content::Whole(bytes) => Vec::from(bytes),
                Content::Stored => Vec::new(),
            };
            if start == bytes.len() {
                bytes.extend_from_slice(&data);
            } else {
                bytes.resize(bytes.len().max(end), 0);
                bytes[start..end].copy_from_slice(&data);
            }
            self.content = Content::Growing(bytes);
        }
        self.written.insert(range.clone());
        Ok(())
    }
}

impl<D: Dial> S3Backend<D> {
    pub(super) async fn write_staged(
        &self,
        index: StorageIndex,
        share: ShareNum,
        offset: u64,
        data: Bytes,
    ) -> Result<(), BackendError> {
        let entry = self.staging.get(index, share)?;
        let end = offset.checked_add(length(&data)).filter(|end| *end <= entry.size);
        let range = offset..end.ok_or(BackendError::OutOfBounds)?;
        let mut pieces = entry.pieces.lock().await;
        for (number, within) in entry.touched(range) {
            let size = entry.piece_bytes(number);
            if within != (0..size) {
                self.fetch(&entry, &mut pieces, number).await?;
            }
            let at = usize::try_from(number * PIECE_BYTES + within.start - offset).unwrap_or(usize::MAX);
            let part = data.slice(at..at + usize::try_from(within.end - within.start).unwrap_or(0));
            pieces.pieces.entry(number).or_default().write(&within, part, size)?;
            pieces.recount();
            while let Some(piece) = pieces.surplus(&entry, number, self.staging.is_short_of_memory()) {
                match self.put_away(&entry, &mut pieces, piece).await {
                    Ok(()) => {}
                    // Another time, as long as there is memory.
                    Err(_) if !self.staging.is_short_of_memory() => break,
                    Err(failure) => return Err(failure.into()),
                }
            }
        }
        Ok(())
    }

    pub(super) async fn read_back(
        &self,
        index: StorageIndex,
        share: ShareNum,
        range: Range<u64>,
    ) -> Result<Bytes, BackendError> {
        let entry = self.staging.get(index, share)?;
        if range.end > entry.size {
            return Err(BackendError::OutOfBounds);
        }
        let mut pieces = entry.pieces.lock().await;
        let mut read = Vec::new();
        for (number, within) in entry.touched(range) {
            let bytes = match pieces.held(number) {
                Some(bytes) => {
                    let place = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX);
                    bytes
                        .get(place(within.start)..place(within.end))
                        .map(|_| bytes.slice(place(within.start)..place(within.end)))
                }
                None if pieces.pieces.contains_key(&number) => {
                    Some(self.stored_piece(&entry, number, within).await?)
                }
                None => None,
            };
            read.push(bytes.ok_or(BackendError::OutOfBounds)?);
        }
        Ok(match <[Bytes; 1]>::try_from(read) {
            Ok([one]) => one,
            Err(many) => Bytes::from(many.concat()),
        })
    }

    /// Makes a piece that is in the bucket be in memory again.
    async fn fetch(&self, entry: &Entry, pieces: &mut Pieces, number: u64) -> Result<(), Failure> {
        let Some(piece) = pieces.pieces.get(&number) else { return Ok(()) };
        if matches!(piece.content, Content::Stored) {
            let bytes = self.stored_piece(entry, number, 0..u64::MAX).await?;
            if let Some(piece) = pieces.pieces.get_mut(&number) {
                piece.content = Content::Whole(bytes);
            }
            pieces.recount();
        }
        Ok(())
    }

    /// Puts a piece into the bucket, and out of memory.
    async fn put_away(&self, entry: &Entry, pieces: &mut Pieces, number: u64) -> Result<(), Failure> {
        let Some(piece) = pieces.pieces.get_mut(&number) else { return Ok(()) };
        let Some(bytes) = piece.whole() else { return Ok(()) };
        piece.put = true;
        self.put(&Put::new(entry.piece_key(number), bytes)).await?;
        piece.content = Content::Stored;
        pieces.recount();
        Ok(())
    }

    /// Bytes of a piece that is in the bucket: that it is not there is an error.
    pub(super) async fn stored_piece(
        &self,
        entry: &Entry,
        number: u64,
        range: Range<u64>,
    ) -> Result<Bytes, Failure> {
        match self.get(&entry.piece_key(number), range.clone(), PIECE_BYTES).await? {
            Object::Piece { data, .. }
                if range.end == u64::MAX || length(&data) == range.end - range.start =>
            {
                Ok(data)
            }
            _ => Err(Failure::damaged("GET", "a piece of a staged share is gone")),
        }
    }
}
