//! Goes through a tree, depth first, and has everything stored, children before parents.
//!
//! In memory are the directories on the way down with what is known of their children, and as many items as are
//! under way at a time. The database is asked before, and told as soon as an item is stored.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use futures_util::stream::{FuturesUnordered, StreamExt};

use super::db::{BackupDb, FileStat, Reusable, reusable_directory, reusable_file};
use super::error::ItemError;
use super::report::{
    BackupEvent, BackupReport, Counts, Progress, Reason, WARNINGS_MAX, Warning, WatchBackup,
};
use super::store::{How, Outcome, Source, Store};
use super::tree::{Item, Kind, Tree};
use crate::client::directory::NewEntry;
use crate::format::backup::{Attributes, directory_hash};
use crate::format::cap::{AnyCap, Cap, FileCap};
use crate::format::directory::{Child, Metadata, UnixTime, normalised};
use crate::net::Dial;
use crate::plan::Moment;

/// Things begun in a row without a pause for others.
const BEGUN_MAX: usize = 64;

/// A directory of which something is still to be stored.
struct Frame {
    place: Place,
    /// Children that are not done.
    left: usize,
    entries: Vec<NewEntry>,
}

/// Where something belongs.
struct Place {
    path: String,
    name: String,
    /// Its directory; the top has none.
    parent: Option<u64>,
    attributes: Option<Attributes>,
}

enum Task {
    Open(Place),
    File(Place, FileStat),
    Close(u64),
}

/// What the database is to know something by.
enum Key {
    File(FileStat),
    Directory(String),
}

enum Job {
    List(Place),
    Store(Place, Key, Source, Option<Reusable>),
}

enum Done {
    Listed(Place, Result<Vec<Item>, ItemError>),
    Stored(Place, Key, Outcome),
}

/// One backup as far as it is.
pub(super) struct Run<'a, D: Dial, T, C, B> {
    store: &'a Store<'a, D, T, C>,
    db: &'a mut B,
    watch: &'a dyn WatchBackup,
    now: UnixTime,
    begun: Moment,
    /// The next one is at the end.
    tasks: Vec<Task>,
    frames: BTreeMap<u64, Frame>,
    frames_opened: u64,
    found: u64,
    report: BackupReport,
}

impl<'a, D: Dial + Clone, T: Tree, C: AsyncFn(&AnyCap) -> bool, B: BackupDb> Run<'a, D, T, C, B> {
    pub(super) fn new(
        store: &'a Store<'a, D, T, C>,
        db: &'a mut B,
        watch: &'a dyn WatchBackup,
        now: UnixTime,
        begun: Moment,
    ) -> Self {
        let top = Place { path: String::new(), name: String::new(), parent: None, attributes: None };
        let report = BackupReport {
            counts: Counts::default(),
            warnings: Vec::new(),
            warnings_dropped: 0,
            root: None,
            archive: None,
            is_latest: false,
            elapsed: std::time::Duration::ZERO,
        };
        Self {
            store,
            db,
            watch,
            now,
            begun,
            tasks: vec![Task::Open(top)],
            frames: BTreeMap::new(),
            frames_opened: 0,
            found: 1,
            report,
        }
    }

    /// Stores everything.
    pub(super) async fn finish(mut self) -> BackupReport {
        let store = self.store;
        let work = async |job| match job {
            Job::List(place) => {
                let items = store.list(&place.path).await;
                Done::Listed(place, items)
            }
            Job::Store(place, key, source, known) => {
                let outcome = store.store(source, known).await;
                Done::Stored(place, key, outcome)
            }
        };
        let at_a_time = store.client.policy().backup.items_at_a_time.max(1);
        let mut jobs = FuturesUnordered::new();
        loop {
            let mut begun = 0;
            while jobs.len() < at_a_time
                && let Some(task) = self.tasks.pop()
            {
                jobs.extend(self.begin(task).map(&work));
                begun += 1;
                if begun % BEGUN_MAX == 0 {
                    tokio::task::yield_now().await;
                }
            }
            match jobs.next().await {
                Some(Done::Listed(place, items)) => self.on_listed(place, items),
                Some(Done::Stored(place, key, outcome)) => self.on_stored(place, key, outcome),
                None => break,
            }
        }
        self.report
    }

    /// What there is to wait for in a task, if there is anything.
    fn begin(&mut self, task: Task) -> Option<Job> {
        match task {
            Task::Open(place) => Some(Job::List(place)),
            Task::File(place, stat) => {
                let (path, now) = (self.store.tree.known_as(&place.path), self.now_s());
                let known = reusable_file(self.db, &path, &stat, now, || self.store.client.fraction());
                let known = self.asked(&place, known).filter(|known| is_file(&AnyCap::parse(&known.cap)));
                let source = Source::File(place.path.clone());
                self.reuse_or_store(place, Key::File(stat), source, known)
            }
            Task::Close(frame) => {
                let Frame { place, entries, .. } = self.frames.remove(&frame)?;
                let children =
                    entries.iter().map(|entry| (entry.name.as_str(), entry.child.read().unwrap_or_default()));
                let hash = directory_hash(children);
                let known = reusable_directory(self.db, &hash, self.now_s(), || self.store.client.fraction());
                let known = self.asked(&place, known).filter(|known| is_tree(&AnyCap::parse(&known.cap)));
                let source = Source::Directory(entries);
                self.reuse_or_store(place, Key::Directory(hash), source, known)
            }
        }
    }

    fn reuse_or_store(
        &mut self,
        place: Place,
        key: Key,
        source: Source,
        known: Option<Reusable>,
    ) -> Option<Job> {
        match known {
            Some(Reusable { cap, needs_check: false }) => {
                self.count_stored(&key, How::Reused, false);
                self.put(place, &AnyCap::parse(&cap), How::Reused);
                None
            }
            known => Some(Job::Store(place, key, source, known)),
        }
    }

    fn on_listed(&mut self, place: Place, items: Result<Vec<Item>, ItemError>) {
        let mut items = match items {
            Ok(items) => items,
            Err(error) => return self.leave_out(place, reason(error), true),
        };
        items.sort_by(|one, other| one.name.cmp(&other.name));
        self.frames_opened += 1;
        let frame = self.frames_opened;
        self.found += items.len() as u64;
        let above = if place.path.is_empty() { String::new() } else { format!("{}/", place.path) };
        // The one to be closed comes last, so it is put down first if there is nothing to wait for.
        self.frames.insert(frame, Frame { place, left: items.len() + 1, entries: Vec::new() });
        let mut names = BTreeSet::new();
        let mut tasks = Vec::new();
        for Item { name, kind } in items {
            let (path, parent) = (format!("{above}{name}"), Some(frame));
            let place = |attributes| Place { path, name: normalised(&name), parent, attributes };
            match kind {
                Kind::File { .. } | Kind::Directory { .. } if !names.insert(normalised(&name)) => {
                    let is_directory = matches!(kind, Kind::Directory { .. });
                    self.leave_out(place(None), Reason::SameName, is_directory);
                }
                Kind::File { size, attributes } => {
                    tasks.push(Task::File(place(Some(attributes)), FileStat::new(size, &attributes)));
                }
                Kind::Directory { attributes } => tasks.push(Task::Open(place(Some(attributes)))),
                Kind::Symlink => self.leave_out(place(None), Reason::Symlink, false),
                Kind::Special => self.leave_out(place(None), Reason::Special, false),
                Kind::Undecodable => self.leave_out(place(None), Reason::Undecodable, false),
                Kind::Unreadable => self.leave_out(place(None), Reason::PermissionDenied, false),
            }
        }
        self.tasks.extend(tasks.into_iter().rev());
        self.child_done(Some(frame), None);
    }

    fn on_stored(&mut self, place: Place, key: Key, Outcome { cap, how, was_checked }: Outcome) {
        let is_directory = matches!(key, Key::Directory(_));
        let cap = match cap {
            Ok(cap) => cap,
            Err(error) => {
                self.count_checked(is_directory, was_checked);
                return self.leave_out(place, reason(error), is_directory);
            }
        };
        let (text, now) = (cap.to_string(), self.now_s());
        let told = match (&key, how) {
            (_, How::Reused) => self.db.note_healthy(&text, now),
            (Key::File(stat), How::Uploaded | How::Same) => {
                self.db.note_file(&self.store.tree.known_as(&place.path), stat, &text, now)
            }
            (Key::Directory(hash), How::Uploaded | How::Same) => self.db.note_directory(hash, &text, now),
        };
        self.asked(&place, told.map(Some));
        self.count_stored(&key, how, was_checked);
        let is_literal = matches!(cap, AnyCap::File(FileCap::Immutable(Cap::Literal(_))));
        self.report.counts.files_literal += u64::from(is_literal && how == How::Uploaded);
        self.put(place, &cap, how);
    }

    fn count_checked(&mut self, is_directory: bool, was_checked: bool) {
        let counts = &mut self.report.counts;
        let checked = if is_directory { &mut counts.directories_checked } else { &mut counts.files_checked };
        *checked += u64::from(was_checked);
    }

    fn count_stored(&mut self, key: &Key, how: How, was_checked: bool) {
        self.count_checked(matches!(key, Key::Directory(_)), was_checked);
        let counts = &mut self.report.counts;
        match (key, how) {
            (Key::File(_), How::Reused) => counts.files_reused += 1,
            (Key::File(_), How::Uploaded) => counts.files_uploaded += 1,
            (Key::File(_), How::Same) => {
                counts.files_uploaded += 1;
                counts.files_same += 1;
            }
            (Key::Directory(_), How::Reused) => counts.directories_reused += 1,
            (Key::Directory(_), How::Uploaded | How::Same) => counts.directories_created += 1,
        }
    }

    /// It is stored and goes into its directory.
    fn put(&mut self, place: Place, cap: &AnyCap, how: How) {
        let Place { path, name, parent, attributes } = place;
        self.tell(&BackupEvent::Stored { path: &path, reused: how == How::Reused });
        let metadata = attributes.map_or_else(Metadata::new, |attributes| attributes.metadata());
        match (parent, cap) {
            (None, AnyCap::Directory(cap)) => self.report.root = Some(cap.clone()),
            (None, AnyCap::File(_) | AnyCap::Unknown(_)) => {}
            (Some(_), cap) => {
                let child = Child::immutable(&cap.to_string()).unwrap_or_default();
                self.child_done(parent, Some(NewEntry { name, child, metadata }));
            }
        }
    }

    /// Its directory goes without it.
    fn leave_out(&mut self, place: Place, reason: Reason, is_directory: bool) {
        let counts = &mut self.report.counts;
        let skipped = if is_directory { &mut counts.directories_skipped } else { &mut counts.files_skipped };
        *skipped += 1;
        let parent = place.parent;
        let warning = Warning { path: place.path, reason };
        counts.failed += u64::from(warning.is_failure());
        self.warn(warning);
        self.child_done(parent, None);
    }

    fn child_done(&mut self, frame: Option<u64>, entry: Option<NewEntry>) {
        let Some((number, frame)) = frame.and_then(|n| Some((n, self.frames.get_mut(&n)?))) else { return };
        frame.entries.extend(entry);
        frame.left -= 1;
        if frame.left == 0 {
            self.tasks.push(Task::Close(number));
        }
    }

    /// What the database answered. If it fails, it is as if it knew nothing.
    fn asked<R>(&mut self, place: &Place, answer: io::Result<Option<R>>) -> Option<R> {
        answer.unwrap_or_else(|error| {
            self.warn(Warning { path: place.path.clone(), reason: Reason::Database(error) });
            None
        })
    }

    fn warn(&mut self, warning: Warning) {
        self.tell(&BackupEvent::Warned(&warning));
        match self.report.warnings.len() < WARNINGS_MAX {
            true => self.report.warnings.push(warning),
            false => self.report.warnings_dropped += 1,
        }
    }

    fn tell(&self, event: &BackupEvent<'_>) {
        let progress = Progress { done: self.report.counts.done(), found: self.found };
        self.watch.on_event(event, progress);
    }

    fn now_s(&self) -> f64 {
        self.now.0 + self.store.client.now().since(self.begun).as_secs_f64()
    }
}

fn reason(error: ItemError) -> Reason {
    match error.io().map(io::Error::kind) {
        Some(io::ErrorKind::PermissionDenied) => Reason::PermissionDenied,
        Some(io::ErrorKind::NotFound) => Reason::Gone,
        _ => Reason::Failed(error),
    }
}

/// Whether a capability from the database is what a backup stores files as.
fn is_file(cap: &AnyCap) -> bool {
    matches!(cap, AnyCap::File(FileCap::Immutable(Cap::Chk(_) | Cap::Literal(_))))
}

/// The same for directories.
fn is_tree(cap: &AnyCap) -> bool {
    matches!(cap, AnyCap::Directory(cap) if matches!(cap.file(), FileCap::Immutable(Cap::Chk(_) | Cap::Literal(_))))
}
