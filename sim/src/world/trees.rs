//! Trees of files that are backed up: made from the seed, changed by steps, and remembered as they were.
//!
//! A tree stands for a disk of its client that no fault touches.

use std::collections::BTreeMap;
use std::io::{self, Cursor};
use std::rc::Rc;

use bytes::Bytes;
use lafs::client::backup::{Item, Kind, Tree};
use lafs::format::backup::Attributes;
use rand_core::Rng;

use super::World;
use crate::schedule;
use crate::seed::Seed;

/// Whole seconds since 1970 at which the first version of every file was written.
const WRITTEN_SECONDS: f64 = 1_800_000_000.0;

/// A file of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
struct File {
    content: Bytes,
    /// How often it was changed.
    changes: u64,
}

/// A tree at one moment. Copies are cheap.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot(Rc<BTreeMap<String, File>>);

impl Snapshot {
    /// The tree as it is at first: file n is in directory n modulo their number; sizes grow evenly, from nothing.
    fn first(tree: &schedule::Tree, seed: &Seed) -> Self {
        let files = (0..tree.files).map(|n| {
            let folder = n % (tree.directories + 1);
            let name = format!("file {n}");
            let path = if folder == 0 { name } else { format!("folder {folder}/{name}") };
            let longest = tree.files.saturating_sub(1);
            let size = tree.size_max.saturating_mul(n).checked_div(longest).unwrap_or(tree.size_max);
            (path.clone(), File { content: content(seed, &tree.name, &path, 0, size), changes: 0 })
        });
        Self(Rc::new(files.collect()))
    }

    /// The tree with `count` other files, beginning with number `first`.
    fn changed(&self, tree: &str, seed: &Seed, first: u64, count: u64) -> Self {
        let mut files = (*self.0).clone();
        let paths: Vec<String> = files.keys().cloned().collect();
        for n in 0..count.min(paths.len() as u64) {
            let at = usize::try_from((first + n) % paths.len() as u64).unwrap_or(0);
            let Some(file) = files.get_mut(&paths[at]) else { continue };
            file.changes += 1;
            file.content = content(seed, tree, &paths[at], file.changes, file.content.len() as u64);
        }
        Self(Rc::new(files))
    }

    /// Every file: its path and content.
    pub fn files(&self) -> impl ExactSizeIterator<Item = (&str, &Bytes)> {
        self.0.iter().map(|(path, file)| (path.as_str(), &file.content))
    }
}

fn content(seed: &Seed, tree: &str, path: &str, changes: u64, size: u64) -> Bytes {
    let mut bytes = vec![0; usize::try_from(size).unwrap_or(0)];
    seed.child(&format!("tree {tree}, {path}, version {changes}")).rng().fill_bytes(&mut bytes);
    bytes.into()
}

fn attributes(changes: u64, directory: bool) -> Attributes {
    let time = WRITTEN_SECONDS + 60.0 * f64::from(u32::try_from(changes).unwrap_or(u32::MAX));
    let mode = if directory { 0o040_755 } else { 0o100_644 };
    Attributes { ctime_s: time, mtime_s: time, mode, inode: 1, device: 1, user: 0, group: 0 }
}

impl Tree for Snapshot {
    type File = Cursor<Bytes>;

    fn known_as(&self, path: &str) -> String {
        format!("/{path}")
    }

    async fn list(&self, path: &str) -> io::Result<Vec<Item>> {
        let mut items: BTreeMap<String, Kind> = BTreeMap::new();
        let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
        for (at, file) in self.0.iter() {
            let Some(rest) = at.strip_prefix(&prefix) else { continue };
            match rest.split_once('/') {
                Some((folder, _)) => {
                    items.insert(folder.to_owned(), Kind::Directory { attributes: attributes(0, true) });
                }
                None => {
                    let attributes = attributes(file.changes, false);
                    items.insert(rest.to_owned(), Kind::File { size: file.content.len() as u64, attributes });
                }
            }
        }
        Ok(items.into_iter().map(|(name, kind)| Item { name, kind }).collect())
    }

    async fn open(&self, path: &str) -> io::Result<Self::File> {
        let file = self.0.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(Cursor::new(file.content.clone()))
    }
}

/// What became of the backups of one tree.
#[derive(Debug, Default)]
pub(super) struct Archive {
    now: Option<Snapshot>,
    changed: u64,
    /// What `Latest` may name: the last complete one that was acknowledged, and all that were begun since.
    latest: Vec<Snapshot>,
}

impl World {
    /// The tree as it is from now on, `changed` files being others than before.
    pub fn tree(&self, name: &str, changed: u64) -> Option<Snapshot> {
        let tree = self.schedule.trees.iter().find(|tree| tree.name == name)?;
        let mut archives = self.archives.borrow_mut();
        let archive = archives.entry(name.to_owned()).or_default();
        let now = archive.now.get_or_insert_with(|| Snapshot::first(tree, &self.seed));
        *now = now.changed(name, &self.seed, archive.changed, changed);
        archive.changed += changed;
        Some(now.clone())
    }

    /// Somebody begins to back this up.
    pub fn backup_begun(&self, name: &str, snapshot: &Snapshot) {
        self.archives.borrow_mut().entry(name.to_owned()).or_default().latest.push(snapshot.clone());
    }

    /// It is `Latest` now, as its client was told.
    pub fn backup_acknowledged(&self, name: &str, snapshot: &Snapshot) {
        self.archives.borrow_mut().entry(name.to_owned()).or_default().latest = vec![snapshot.clone()];
    }

    /// What `Latest` may name.
    pub fn backups(&self, name: &str) -> Vec<Snapshot> {
        self.archives.borrow().get(name).map(|archive| archive.latest.clone()).unwrap_or_default()
    }
}
