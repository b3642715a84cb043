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

/// Keys of mutable files: the first one has the first, and so on. Whoever wants to can read and write what they protect.
const KEYS: [&[u8]; 8] = [
    include_bytes!("../../keys/0.der"),
    include_bytes!("../../keys/1.der"),
    include_bytes!("../../keys/2.der"),
    include_bytes!("../../keys/3.der"),
    include_bytes!("../../keys/4.der"),
    include_bytes!("../../keys/5.der"),
    include_bytes!("../../keys/6.der"),
    include_bytes!("../../keys/7.der"),
];

/// Mutable files that a scenario can have: each needs a key of its own.
pub const MUTABLE_FILES_MAX: usize = KEYS.len();

impl World {
    /// What a mutable file is signed with.
    pub fn signing_key(&self, file: &str) -> Option<SigningKey> {
        let mut mutable = self.schedule.files.iter().filter(|file| file.mutable);
        let number = mutable.position(|known| known.name == file)?;
        SigningKey::from_pkcs8(KEYS.get(number)?).ok()
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
