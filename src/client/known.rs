//! What a client remembers of mutable files between operations: the newest version it saw of each, so that it never
//! takes an older one for the newest, and the keys it signed with last.
//!
//! Bounded: what was not used for longest is forgotten first.

use std::sync::Arc;

use indexmap::IndexMap;

use crate::crypto::rsa::SigningKey;
use crate::format::StorageIndex;
use crate::format::mutable::VersionId;

/// Files whose newest version is remembered.
const VERSIONS_MAX: usize = 4096;
/// Keys that are remembered.
const KEYS_MAX: usize = 64;

/// What is known of mutable files. The last used is at the end.
#[derive(Default)]
pub(crate) struct Known {
    versions: IndexMap<StorageIndex, VersionId>,
    keys: IndexMap<StorageIndex, Arc<SigningKey>>,
}

impl Known {
    pub(crate) fn newest(&self, index: StorageIndex) -> Option<VersionId> {
        self.versions.get(&index).copied()
    }

    pub(crate) fn note_version(&mut self, index: StorageIndex, version: VersionId) {
        let known = self.versions.shift_remove(&index);
        self.versions.insert(index, known.map_or(version, |known| known.max(version)));
        if self.versions.len() > VERSIONS_MAX {
            self.versions.shift_remove_index(0);
        }
    }

    pub(crate) fn key(&self, index: StorageIndex) -> Option<Arc<SigningKey>> {
        self.keys.get(&index).cloned()
    }

    pub(crate) fn remember_key(&mut self, index: StorageIndex, key: &Arc<SigningKey>) {
        self.keys.shift_remove(&index);
        self.keys.insert(index, Arc::clone(key));
        if self.keys.len() > KEYS_MAX {
            self.keys.shift_remove_index(0);
        }
    }
}
