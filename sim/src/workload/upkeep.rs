//! The steps that look after what is stored: checks, repairs, backups.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::rc::Rc;

use lafs::client::Client;
use lafs::client::backup::{
    Backup, BackupDb, BackupError, BackupOptions, Counts, FileStat, MemoryDb, Stored,
};
use lafs::client::check::{CheckOptions, RepairError, RepairOptions};
use lafs::client::event::Ignore;
use lafs::client::mutable;
use lafs::crypto::rsa::RsaError;
use lafs::format::cap::{AnyCap, Cap, DirCap, FileCap, LITERAL_BYTES_MAX};
use lafs::format::directory::UnixTime;

use super::{BackedUp, Ending, FileCounts, Kept, Phase, operate};
use crate::net::Dialer;
use crate::schedule::{ErrorKind, Step, Upkeep};
use crate::world::{Snapshot, World};

/// Does it; `files` hears what became of those of a backup.
pub(super) async fn perform(
    world: &Rc<World>,
    number: usize,
    step: &Step,
    upkeep: &Upkeep,
    files: &mut FileCounts,
) -> Ending {
    match upkeep {
        Upkeep::Check { file, verify } => check(world, number, step, file, *verify).await,
        Upkeep::Repair { file, force } => repair(world, number, step, file, *force).await,
        Upkeep::Backup { tree, into, changed } => {
            let Some(snapshot) = world.tree(tree, *changed) else {
                return Ending::failed(Phase::Reading, "there is no such tree");
            };
            backup(world, number, step, tree, into, snapshot, files).await
        }
        Upkeep::Restore { tree, from } => restore(world, number, step, tree, from).await,
    }
}

async fn check(world: &Rc<World>, number: usize, step: &Step, file: &str, verify: bool) -> Ending {
    let client = world.client(&step.by, number);
    let options = CheckOptions { verify };
    let checked = if let Some(cap) = world.write_cap(file) {
        let cap = cap.read_cap().verify_cap();
        let operation = async move { client.check_mutable(&cap, &options).await };
        operate(world, number, &step.by, operation).await.map(|checked| {
            checked.map(|check| (check.is_healthy(), check.to_string())).map_err(|error| error.to_string())
        })
    } else if let Some(cap) = world.cap(file).and_then(|cap| cap.verify_cap()) {
        let operation = async move { client.check(&cap, &options).await };
        let checked = operate(world, number, &step.by, operation).await;
        checked.map(|check| Ok((check.is_healthy(), check.to_string())))
    } else {
        return Ending::failed(Phase::Reading, "it was never stored");
    };
    match checked {
        Ok(Ok((healthy, text))) => Ending::Kept(Kept { healthy, text, written: 0 }),
        Ok(Err(text)) => Ending::failed(Phase::Reading, text),
        Err(unfinished) => unfinished.ending(None),
    }
}

async fn repair(world: &Rc<World>, number: usize, step: &Step, file: &str, force: bool) -> Ending {
    let client = world.client(&step.by, number);
    let happy = step.happy.unwrap_or(world.schedule().grid.happy);
    let repaired = if let Some(cap) = world.write_cap(file) {
        let options = mutable::RepairOptions { happy, force };
        let operation = async move { client.repair_mutable(&cap, &options).await };
        operate(world, number, &step.by, operation).await.map(|repaired| match repaired {
            Ok(done) => Ok((done.after.is_healthy(), done.after.to_string(), done.written.len())),
            Err(error) => Err((kind_of(&error), error.to_string())),
        })
    } else if let Some(cap) = world.cap(file).and_then(|cap| cap.verify_cap()) {
        let options = RepairOptions { happy };
        let operation = async move { client.repair(&cap, &options).await };
        operate(world, number, &step.by, operation).await.map(|repaired| match repaired {
            Ok(done) => Ok((done.after.is_healthy(), done.after.to_string(), done.placed.len())),
            Err(error) => {
                let kind = matches!(error, RepairError::NotEnoughShares(_));
                Err((kind.then_some(ErrorKind::NotEnoughShares), error.to_string()))
            }
        })
    } else {
        return Ending::failed(Phase::Reading, "it was never stored");
    };
    match repaired {
        Ok(Ok((healthy, text, written))) => Ending::Kept(Kept { healthy, text, written: written as u64 }),
        Ok(Err((kind, text))) => Ending::failed_as(Phase::Writing, kind, text),
        Err(unfinished) => unfinished.ending(None),
    }
}

fn kind_of(error: &mutable::RepairError) -> Option<ErrorKind> {
    match error {
        mutable::RepairError::Newer { .. } | mutable::RepairError::Merge { .. } => Some(ErrorKind::Refused),
        mutable::RepairError::Uncoordinated(_) => Some(ErrorKind::Uncoordinated),
        mutable::RepairError::Unreadable(error) => super::mutable::kind_of(error),
        _ => None,
    }
}

/// The database of a client, on its disk: it outlives a backup that is given up.
#[derive(Debug, Clone, Default)]
pub struct Database(Rc<RefCell<MemoryDb>>);

impl BackupDb for Database {
    fn file(&mut self, path: &str) -> io::Result<Option<(FileStat, Stored)>> {
        self.0.borrow_mut().file(path)
    }

    fn forget_file(&mut self, path: &str) -> io::Result<()> {
        self.0.borrow_mut().forget_file(path)
    }

    fn note_file(&mut self, path: &str, stat: &FileStat, cap: &str, now_s: f64) -> io::Result<()> {
        self.0.borrow_mut().note_file(path, stat, cap, now_s)
    }

    fn directory(&mut self, hash: &str) -> io::Result<Option<Stored>> {
        self.0.borrow_mut().directory(hash)
    }

    fn note_directory(&mut self, hash: &str, cap: &str, now_s: f64) -> io::Result<()> {
        self.0.borrow_mut().note_directory(hash, cap, now_s)
    }

    fn note_healthy(&mut self, cap: &str, now_s: f64) -> io::Result<()> {
        self.0.borrow_mut().note_healthy(cap, now_s)
    }
}

async fn backup(
    world: &Rc<World>,
    number: usize,
    step: &Step,
    tree: &str,
    into: &str,
    snapshot: Snapshot,
    files: &mut FileCounts,
) -> Ending {
    let Some(target) = world.write_cap(into).map(DirCap::from) else {
        return Ending::failed(Phase::Reading, "the directory was never created");
    };
    world.backup_begun(tree, &snapshot);
    let grid = &world.schedule().grid;
    let now = UnixTime(world.unix_seconds());
    let happy = step.happy.unwrap_or(grid.happy);
    let options = BackupOptions { now, encoding: grid.encoding, happy, partial: false };
    let (client, mut db) = (world.client(&step.by, number), world.database(&step.by, tree));
    let (key, copy) = (world.archive_key(into), snapshot.clone());
    let operation = async move {
        let check = async |cap: &AnyCap| is_well(&client, cap).await;
        let new_key = || key.clone().ok_or(RsaError::Generate);
        let backup = Backup { tree: &copy, db: &mut db, target: &target, check, new_key, watch: &Ignore };
        client.backup(backup, &options).await
    };
    match operate(world, number, &step.by, operation).await {
        Ok(Ok(report)) => {
            if report.is_latest {
                world.backup_acknowledged(tree, &snapshot);
            }
            let counts = report.counts;
            *files = count(&snapshot, counts);
            Ending::BackedUp(BackedUp {
                uploaded: counts.files_uploaded,
                reused: counts.files_reused,
                skipped: counts.files_skipped + counts.directories_skipped,
                complete: report.is_complete() && report.is_latest,
            })
        }
        Ok(Err(error)) => {
            if let BackupError::Top(report) | BackupError::Link { report, .. } = &error {
                *files = count(&snapshot, report.counts);
            }
            Ending::failed(Phase::Writing, error)
        }
        Err(unfinished) => unfinished.ending(None),
    }
}

/// What became of the files of a tree that is backed up for the first time. Those that travel inside their capabilities never reach a server.
fn count(snapshot: &Snapshot, counts: Counts) -> FileCounts {
    let literal = snapshot.files().filter(|(_, content)| content.len() as u64 <= LITERAL_BYTES_MAX);
    let literal = (literal.count() as u64).min(counts.files_uploaded);
    FileCounts {
        literal,
        uploaded: counts.files_uploaded - literal,
        reused: counts.files_reused,
        skipped: counts.files_skipped,
    }
}

async fn is_well(client: &Client<Dialer>, cap: &AnyCap) -> bool {
    let Some(FileCap::Immutable(cap)) = cap.file() else { return false };
    match cap.verify_cap() {
        Some(verify) => client.check(&verify, &CheckOptions { verify: false }).await.is_healthy(),
        None => true,
    }
}

async fn restore(world: &Rc<World>, number: usize, step: &Step, tree: &str, from: &str) -> Ending {
    let Some(home) = world.write_cap(from).map(DirCap::from) else {
        return Ending::failed(Phase::Reading, "the directory was never created");
    };
    let client = world.client(&step.by, number);
    let operation = async move { walk(&client, &home).await };
    match operate(world, number, &step.by, operation).await {
        Ok(Ok(found)) => {
            let matches = world.backups(tree).iter().any(|snapshot| {
                snapshot.files().len() == found.len()
                    && snapshot
                        .files()
                        .all(|(path, content)| found.get(path).is_some_and(|got| got == content))
            });
            if !matches {
                let text = format!(
                    "{}, step {}, restored {} files from Latest, which are not the tree as it was backed up last",
                    step.by,
                    number + 1,
                    found.len()
                );
                world.note_violations(number, vec![text]);
            }
            Ending::Restored { files: found.len() as u64 }
        }
        Ok(Err(text)) => Ending::failed(Phase::Reading, text),
        Err(unfinished) => unfinished.ending(None),
    }
}

/// Every file below `Latest`, by path.
async fn walk(client: &Client<Dialer>, home: &DirCap) -> Result<BTreeMap<String, Vec<u8>>, String> {
    let latest = client.resolve(home, &["Latest"]).await.map_err(|error| error.to_string())?;
    let mut open = vec![(String::new(), latest.child.cap())];
    let mut files = BTreeMap::new();
    while let Some((path, cap)) = open.pop() {
        match cap {
            Some(AnyCap::Directory(directory)) => {
                let listing = client.list_directory(&directory).await.map_err(|error| error.to_string())?;
                for entry in listing.directory.entries() {
                    let below = if path.is_empty() { String::new() } else { format!("{path}/") };
                    open.push((format!("{below}{}", entry.name()), entry.child().cap()));
                }
            }
            Some(AnyCap::File(FileCap::Immutable(cap @ (Cap::Chk(_) | Cap::Literal(_))))) => {
                let mut content = Vec::new();
                client
                    .download(&cap, None, &mut content)
                    .await
                    .map_err(|error| format!("{path}: {error}"))?;
                files.insert(path, content);
            }
            _ => return Err(format!("{path} is no file and no directory")),
        }
    }
    Ok(files)
}
