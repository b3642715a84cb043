//! What a backup remembers from one run to the next: which file had which content when, and which capability it got.
//!
//! The rules by which it is used are here; what keeps it is behind a trait. [`MemoryDb`](super::MemoryDb) does so in
//! memory.

use std::io;

use crate::format::backup::{Attributes, check_probability};

/// How a file is recognised as unchanged, besides by its name. Times are whole seconds, as Tahoe keeps them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileStat {
    /// Length in bytes.
    pub size: u64,
    /// When the content was changed, in seconds since 1970.
    pub mtime_s: i64,
    /// When the inode was changed, in seconds since 1970.
    pub ctime_s: i64,
}

impl FileStat {
    /// Of a file of `size` bytes.
    pub fn new(size: u64, attributes: &Attributes) -> Self {
        // Out of range saturates.
        let whole = |seconds: f64| seconds.floor() as i64;
        Self { size, mtime_s: whole(attributes.mtime_s), ctime_s: whole(attributes.ctime_s) }
    }
}

/// Something that was stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// The text of the capability that reads it.
    pub cap: String,
    /// When it was last uploaded, in seconds since 1970.
    pub uploaded_s: f64,
    /// When it was last known to be well, in seconds since 1970.
    pub checked_s: f64,
}

/// Keeps what was stored. Every change is to be safe by the time the method returns, so that a run that is cut off
/// resumes where it was.
pub trait BackupDb {
    /// The file last known under `path`, if what it was stored as is known, too.
    fn file(&mut self, path: &str) -> io::Result<Option<(FileStat, Stored)>>;

    /// Forgets what was known under `path`.
    fn forget_file(&mut self, path: &str) -> io::Result<()>;

    /// The file under `path` was stored at `now_s`.
    fn note_file(&mut self, path: &str, stat: &FileStat, cap: &str, now_s: f64) -> io::Result<()>;

    /// The directory whose children have this hash ([`crate::format::backup::directory_hash`]).
    fn directory(&mut self, hash: &str) -> io::Result<Option<Stored>>;

    /// The directory of this hash was stored at `now_s`.
    fn note_directory(&mut self, hash: &str, cap: &str, now_s: f64) -> io::Result<()>;

    /// What `cap` reads was well at `now_s`, whichever files or directories it is.
    fn note_healthy(&mut self, cap: &str, now_s: f64) -> io::Result<()>;
}

/// What may be used again, and whether after a look at it.
pub(super) struct Reusable {
    pub(super) cap: String,
    pub(super) needs_check: bool,
}

impl Reusable {
    /// `fraction` is drawn: from 0 to 1.
    fn new(stored: Stored, now_s: f64, fraction: impl FnOnce() -> f64) -> Self {
        let probability = check_probability(now_s - stored.checked_s);
        let needs_check = probability > 0.0 && fraction() <= probability;
        Self { cap: stored.cap, needs_check }
    }
}

/// Whether the file at `path` is unchanged since it was stored. If it is not, the database knows nothing of it any
/// more.
pub(super) fn reusable_file(
    db: &mut impl BackupDb,
    path: &str,
    stat: &FileStat,
    now_s: f64,
    fraction: impl FnOnce() -> f64,
) -> io::Result<Option<Reusable>> {
    match db.file(path)? {
        Some((known, stored)) if known == *stat => Ok(Some(Reusable::new(stored, now_s, fraction))),
        _ => db.forget_file(path).map(|()| None),
    }
}

/// Whether a directory of the same names and capabilities was stored.
pub(super) fn reusable_directory(
    db: &mut impl BackupDb,
    hash: &str,
    now_s: f64,
    fraction: impl FnOnce() -> f64,
) -> io::Result<Option<Reusable>> {
    Ok(db.directory(hash)?.map(|stored| Reusable::new(stored, now_s, fraction)))
}
