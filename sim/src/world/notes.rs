//! What the harness notes of mutable files while it runs: their keys, what was done to them, and what was wrong
//! about that.
//!
//! Judges nothing: the rules are in `model`.

use std::cell::RefMut;

use bytes::Bytes;
use lafs::crypto::rsa::SigningKey;
use lafs::format::mutable::VersionId;
use rand_core::Rng;

use super::World;
use crate::model::History;
use crate::workload::Database;

/// Keys of mutable files: the first one has the first, and so on. Whoever wants to can read and write what they protect.
const KEYS: [&[u8]; 12] = [
    include_bytes!("../../keys/0.der"),
    include_bytes!("../../keys/1.der"),
    include_bytes!("../../keys/2.der"),
    include_bytes!("../../keys/3.der"),
    include_bytes!("../../keys/4.der"),
    include_bytes!("../../keys/5.der"),
    include_bytes!("../../keys/6.der"),
    include_bytes!("../../keys/7.der"),
    include_bytes!("../../keys/8.der"),
    include_bytes!("../../keys/9.der"),
    include_bytes!("../../keys/10.der"),
    include_bytes!("../../keys/11.der"),
];

/// Mutable files that a scenario can have: each needs a key of its own, and may need one more for its archives.
pub const MUTABLE_FILES_MAX: usize = KEYS.len() / 2;

impl World {
    /// What a mutable file is signed with.
    pub fn signing_key(&self, file: &str) -> Option<SigningKey> {
        SigningKey::from_pkcs8(KEYS.get(self.key_number(file)?)?).ok()
    }

    /// What the directory of archives in the directory `file` is signed with.
    pub fn archive_key(&self, file: &str) -> Option<SigningKey> {
        SigningKey::from_pkcs8(KEYS.get(self.key_number(file)? + MUTABLE_FILES_MAX)?).ok()
    }

    fn key_number(&self, file: &str) -> Option<usize> {
        let mut mutable = self.schedule.files.iter().filter(|file| file.mutable);
        mutable.position(|known| known.name == file)
    }

    /// Whether a file is a directory.
    pub fn is_directory(&self, file: &str) -> bool {
        self.schedule.files.iter().any(|known| known.directory && known.name == file)
    }

    /// Wall time of the clients, in seconds since 1970.
    pub fn unix_seconds(&self) -> f64 {
        self.recorder.now().as_secs_f64() + super::EPOCH_SECONDS as f64
    }

    /// What a client keeps of its backups of a tree.
    pub fn database(&self, client: &str, tree: &str) -> Database {
        let mut databases = self.databases.borrow_mut();
        databases.entry((client.to_owned(), tree.to_owned())).or_default().clone()
    }

    /// What was done to a mutable file so far.
    pub fn history(&self, file: &str) -> Option<RefMut<'_, History>> {
        Some(self.files.get(file)?.history.borrow_mut())
    }

    /// Other content for a mutable file.
    pub fn new_content(&self, file: &str, size: usize, step: usize, repetition: u32) -> Bytes {
        let mut bytes = vec![0; size];
        let stream = format!("file {file} as written by step {step}, {repetition}");
        self.seed.child(&stream).rng().fill_bytes(&mut bytes);
        bytes.into()
    }

    /// A step wrote or read this version.
    pub fn note_version(&self, step: usize, version: VersionId) {
        self.versions.borrow_mut().insert(step, version);
    }

    /// The version that a step wrote or read last.
    pub fn version_of_step(&self, step: usize) -> Option<VersionId> {
        self.versions.borrow().get(&step).copied()
    }

    /// Something is wrong about what a step read, or was told.
    pub fn note_violations(&self, step: usize, violations: Vec<String>) {
        self.violations.borrow_mut().entry(step).or_default().extend(violations);
    }

    /// What was wrong.
    pub fn violations(&self, step: usize) -> Vec<String> {
        self.violations.borrow().get(&step).cloned().unwrap_or_default()
    }
}
