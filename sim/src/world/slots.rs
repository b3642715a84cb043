//! Where the shares of a file are, immutable or mutable, and what servers hold there: the disks under one set of names.
//!
//! Takes shares out and puts them in; why, is not known here.

use bytes::Bytes;
use lafs::format::cap::WriteCap;
use lafs::format::{ShareNum, StorageIndex};
use lafs::server::backend::{MemoryBackend, MutableShare};

use super::bucket::Objects;
use super::{ServerHost, World};
use crate::oracle::truth::mutable::Signatures;
use crate::oracle::truth::sdmf::Parts;

/// Which of the two kinds of share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Written once.
    Immutable,
    /// Written again and again.
    Mutable,
}

/// One stored share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) content: Bytes,
    /// What whoever writes to a mutable share must show; none for an immutable one.
    pub(super) enabler: Option<Bytes>,
}

impl Held {
    /// Other content in the same place.
    pub(super) fn with(&self, content: Bytes) -> Self {
        Self { content, enabler: self.enabler.clone() }
    }

    /// The sequence number of the version it is of, as it says itself; none for an immutable share.
    pub(super) fn version(&self) -> Option<u64> {
        self.enabler.as_ref().and_then(|_| version_of(&self.content))
    }
}

/// The sequence number that the bytes of a mutable share begin with.
pub(super) fn version_of(content: &[u8]) -> Option<u64> {
    Parts::of(content).map(|parts| parts.id.seqnum)
}

/// All shares on a disk, in order.
pub(super) fn list(disk: &MemoryBackend) -> impl Iterator<Item = (Kind, StorageIndex, ShareNum)> {
    let immutable = disk.list().into_iter().map(|(index, share)| (Kind::Immutable, index, share));
    immutable.chain(disk.list_mutable().into_iter().map(|(index, share)| (Kind::Mutable, index, share)))
}

/// A share on a disk.
fn get(disk: &MemoryBackend, kind: Kind, index: StorageIndex, share: ShareNum) -> Option<Held> {
    match kind {
        Kind::Immutable => disk.get(index, share).map(|content| Held { content, enabler: None }),
        Kind::Mutable => {
            let MutableShare { enabler, content } = disk.get_mutable(index, share)?;
            Some(Held { content, enabler: Some(enabler) })
        }
    }
}

/// Puts a share on a disk, in place of one that was there.
pub(super) fn put(disk: &MemoryBackend, index: StorageIndex, share: ShareNum, held: Held) {
    let Held { content, enabler } = held;
    match enabler {
        None => disk.put(index, share, content),
        Some(enabler) => disk.put_mutable(index, share, MutableShare { enabler, content }),
    }
}

/// Takes a share from a disk.
pub(super) fn remove(disk: &MemoryBackend, kind: Kind, index: StorageIndex, share: ShareNum) {
    match kind {
        Kind::Immutable => drop(disk.remove(index, share)),
        Kind::Mutable => drop(disk.remove_mutable(index, share)),
    }
}

/// The shares of one server, whether they are on its disk or in the bucket: then what is put here is put there, and
/// the disk is a copy of what the bucket has.
#[derive(Clone)]
pub(super) struct Shelf {
    disk: MemoryBackend,
    objects: Option<Objects>,
}

impl Shelf {
    /// On a disk.
    pub(super) fn new(disk: MemoryBackend) -> Self {
        Self { disk, objects: None }
    }

    /// In the bucket, with a disk that is a copy of it.
    pub(super) fn in_bucket(disk: MemoryBackend, objects: Objects) -> Self {
        Self { disk, objects: Some(objects) }
    }

    /// What is there.
    pub(super) fn disk(&self) -> &MemoryBackend {
        &self.disk
    }

    /// The objects that the shares are, if they are in a bucket.
    pub(super) fn objects(&self) -> Option<&Objects> {
        self.objects.as_ref()
    }

    /// One of the shares.
    pub(super) fn get(&self, kind: Kind, index: StorageIndex, share: ShareNum) -> Option<Held> {
        get(&self.disk, kind, index, share)
    }

    /// Puts a share there behind the server's back, in place of one that was there.
    pub(super) fn put(&self, index: StorageIndex, share: ShareNum, held: Held) {
        match &self.objects {
            Some(objects) => objects.put(index, share, held),
            None => put(&self.disk, index, share, held),
        }
    }

    /// Takes a share away behind the server's back.
    pub(super) fn remove(&self, kind: Kind, index: StorageIndex, share: ShareNum) {
        match &self.objects {
            Some(objects) => objects.remove(kind, index, share),
            None => remove(&self.disk, kind, index, share),
        }
    }
}

impl World {
    /// Where the shares of a file are filed, if it has any: one that was uploaded, or a mutable one that was written.
    pub fn storage_index(&self, file: &str) -> Option<(StorageIndex, Kind)> {
        match self.read_cap(file) {
            Some(cap) => Some((cap.storage_index(), Kind::Immutable)),
            None => {
                let cap = self.write_cap(file)?.read_cap();
                Some((cap.key.storage_index(), Kind::Mutable))
            }
        }
    }

    /// What writes a mutable file, once it is known.
    pub fn write_cap(&self, file: &str) -> Option<WriteCap> {
        self.files.get(file)?.write_cap.borrow().clone()
    }

    /// From now on `file` is the mutable file that `cap` writes.
    pub fn note_write_cap(&self, file: &str, cap: WriteCap) {
        if let Some(state) = self.files.get(file) {
            state.write_cap.replace(Some(cap));
        }
    }

    /// Whether a fault made this server lose a share that it acknowledged.
    pub fn has_lost(&self, server: &str, index: StorageIndex, share: ShareNum) -> bool {
        let server = self.servers.iter().find(|known| known.name == server);
        server.is_some_and(|server| server.annotations.borrow().lost.contains(&(index, share)))
    }

    /// Whether a fault lost or damaged a share of this file.
    pub fn is_struck(&self, file: &str) -> bool {
        let Some((index, _)) = self.storage_index(file) else { return false };
        self.servers.iter().any(|server| {
            let annotations = server.annotations.borrow();
            let lost = annotations.lost.iter().any(|(at, _)| *at == index);
            let damaged =
                annotations.damage.iter().any(|((at, _), damage)| *at == index && !damage.is_empty());
            lost || damaged
        })
    }

    /// The shares of `index` on a server's disk.
    pub(super) fn shares_on(server: &ServerHost, index: StorageIndex, kind: Kind) -> Vec<ShareNum> {
        let held = list(server.shelf.disk()).filter(|(of, at, _)| (*of, *at) == (kind, index));
        held.map(|(.., share)| share).collect()
    }

    /// The signatures that were verified in this run.
    pub fn signatures(&self) -> &Signatures {
        &self.signatures
    }
}
