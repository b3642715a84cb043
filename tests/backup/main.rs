//! Backups through the whole client to servers in memory.

#![expect(clippy::unwrap_used, reason = "what goes wrong here fails the test")]

#[path = "../common/grid.rs"]
mod grid;

mod again;
mod faults;
mod local;
mod report;
mod tree;

use std::cell::RefCell;
use std::collections::BTreeMap;

use data_encoding::BASE64;
use grid::{Act, Grid, Kind, paused};
use lafs::client::backup::{
    Backup, BackupError, BackupEvent, BackupOptions, BackupReport, Counts, MemoryDb, Progress, Reason,
    WatchBackup,
};
use lafs::client::mutable::PublishOptions;
use lafs::crypto::rsa::{RsaError, SigningKey};
use lafs::format::Encoding;
use lafs::format::cap::{AnyCap, DirCap, FileCap};
use lafs::format::directory::{Change, Child, Replace, UnixTime};
use lafs::plan::Policy;
use tree::FakeTree;

type Client = lafs::client::Client<grid::Wires>;

/// 2012-05-08 06:38:06.
const NOW_S: f64 = 1_336_459_086.0;
const DAY_S: f64 = 86_400.0;

/// One of the test keys: `dir`, `file` or `second`.
fn key(name: &str) -> SigningKey {
    let keys: serde_json::Value = serde_json::from_str(include_str!("../vectors/mutable/keys.json")).unwrap();
    let der = keys[name]["private_pkcs8_der_b64"].as_str().unwrap();
    SigningKey::from_pkcs8(&BASE64.decode(der.as_bytes()).unwrap()).unwrap()
}

fn archives_key() -> Result<SigningKey, RsaError> {
    Ok(key("second"))
}

/// Keeps what happened, as lines.
#[derive(Default)]
struct Log(RefCell<Vec<String>>);

impl WatchBackup for Log {
    fn on_event(&self, event: &BackupEvent<'_>, progress: Progress) {
        let Progress { done, found } = progress;
        assert!(done <= found, "{done} of {found}");
        let line = match event {
            BackupEvent::Stored { path, reused: true } => format!("reused {path}"),
            BackupEvent::Stored { path, reused: false } => format!("stored {path}"),
            BackupEvent::Warned(warning) => format!("warning: {warning}"),
            BackupEvent::Linked { path } => format!("linked {path}"),
        };
        self.0.borrow_mut().push(line);
    }
}

/// A grid with an empty directory for backups, a tree, and what is remembered of it.
struct Case<'a> {
    grid: &'a Grid,
    client: Client,
    target: DirCap,
    tree: FakeTree,
    db: MemoryDb,
    options: BackupOptions,
    log: Log,
}

impl Case<'_> {
    async fn back_up(&mut self) -> Result<BackupReport, BackupError> {
        self.back_up_checked(async |_: &AnyCap| panic!("nothing is old enough to be checked")).await
    }

    async fn back_up_checked(
        &mut self,
        check: impl AsyncFn(&AnyCap) -> bool,
    ) -> Result<BackupReport, BackupError> {
        let backup = Backup {
            tree: &self.tree,
            db: &mut self.db,
            target: &self.target,
            check,
            new_key: archives_key,
            watch: &self.log,
        };
        let report = self.client.backup(backup, &self.options).await;
        // The next one is another day's.
        self.options.now.0 += DAY_S;
        report
    }

    /// Shares begun on all servers so far.
    fn allocations(&self) -> usize {
        self.grid.nodes.iter().map(|node| node.count(Kind::Allocate)).sum()
    }

    /// The bytes of every file in the backup called by `path`, by path; the target's `Archives` and `Latest` are
    /// where paths begin.
    async fn contents(&self, path: &[&str]) -> BTreeMap<String, Vec<u8>> {
        let client = self.grid.client_with(77, Policy::default(), b"");
        let found = client.resolve(&self.target, path).await.unwrap();
        let mut todo = vec![(String::new(), found.child.cap().unwrap())];
        let mut contents = BTreeMap::new();
        while let Some((path, cap)) = todo.pop() {
            match cap {
                AnyCap::Directory(cap) => {
                    let listing = client.list_directory(&cap).await.unwrap();
                    for entry in listing.directory.entries() {
                        todo.push((format!("{path}/{}", entry.name()), entry.child().cap().unwrap()));
                    }
                }
                AnyCap::File(FileCap::Immutable(cap)) => {
                    let mut bytes = Vec::new();
                    client.download(&cap, None, &mut bytes).await.unwrap();
                    contents.insert(path.trim_start_matches('/').to_owned(), bytes);
                }
                other => panic!("{other:?} in a backup"),
            }
        }
        contents
    }

    async fn archives(&self) -> Vec<String> {
        let client = self.grid.client_with(78, Policy::default(), b"");
        let found = client.resolve(&self.target, &["Archives"]).await.unwrap();
        let Some(AnyCap::Directory(cap)) = found.child.cap() else { panic!("Archives is a directory") };
        let listing = client.list_directory(&cap).await.unwrap();
        listing.directory.entries().map(|entry| entry.name().to_owned()).collect()
    }
}

/// Runs `work` on ten servers with a directory for backups.
fn with_target<T>(tree: FakeTree, work: impl AsyncFnOnce(&mut Case<'_>) -> T) -> T {
    let grid = Grid::new(10);
    paused().block_on(grid.run(async {
        let client = grid.client(Policy::default(), b"");
        let publish = PublishOptions { encoding: Encoding::THREE_OF_TEN, happy: 7, based_on: None };
        let (target, _) = client.create_directory(&key("dir"), &[], &publish).await.unwrap();
        let options = BackupOptions {
            now: UnixTime(NOW_S),
            encoding: Encoding::THREE_OF_TEN,
            happy: 7,
            partial: false,
        };
        let (db, log) = (MemoryDb::new(), Log::default());
        work(&mut Case { grid: &grid, client, target, tree, db, options, log }).await
    }))
}

#[test]
fn everything_in_a_tree_is_in_its_backup() {
    let tree = FakeTree::small();
    let files = tree.contents();
    with_target(tree, async |case| {
        let report = case.back_up().await.unwrap();
        let counts =
            Counts { files_uploaded: 5, files_literal: 2, directories_created: 3, ..Counts::default() };
        assert_eq!(report.counts, counts);
        assert_eq!((report.exit_code(), report.is_latest, report.warnings.len()), (0, true, 0));
        assert_eq!(report.archive.as_deref(), Some("2012-05-08_06:38:06Z"));
        assert_eq!(case.contents(&["Latest"]).await, files);
        assert_eq!(case.contents(&["Archives", "2012-05-08_06:38:06Z"]).await, files);
    });
}

#[test]
fn children_are_stored_before_their_directory_and_the_tree_is_named_last() {
    with_target(FakeTree::small(), async |case| {
        case.back_up().await.unwrap();
        let log = case.log.0.borrow();
        let at = |line: &str| log.iter().position(|known| known == line).unwrap_or_else(|| panic!("{log:?}"));
        assert!(at("stored sub/deep/c") < at("stored sub/deep"));
        assert!(at("stored sub/deep") < at("stored sub"));
        assert_eq!(
            log[log.len() - 3..],
            [
                "stored ".to_owned(),
                "linked Archives/2012-05-08_06:38:06Z".to_owned(),
                "linked Latest".to_owned()
            ]
        );
    });
}

#[test]
fn what_the_file_system_says_is_kept_with_each_child() {
    with_target(FakeTree::small(), async |case| {
        case.back_up().await.unwrap();
        let found = case.client.resolve(&case.target, &["Latest", "a"]).await.unwrap();
        assert_eq!(
            found.metadata.to_string(),
            r#"{"ctime": 1000.5, "mtime": 1000.25, "st_mode": 33188, "st_ino": 7, "st_dev": 3, "st_uid": 1, "st_gid": 2}"#
        );
    });
}

#[test]
fn small_files_touch_no_server() {
    let tree = FakeTree::new().file("a", b"small").file("b", &[7; 55]);
    with_target(tree, async |case| {
        let before = case.allocations();
        let report = case.back_up().await.unwrap();
        assert_eq!((report.counts.files_uploaded, report.counts.files_literal), (2, 2));
        assert_eq!(case.allocations() - before, 10, "only the directory is stored");
    });
}

#[test]
fn files_with_the_same_content_are_uploaded_once() {
    let tree = (0..40).fold(FakeTree::new(), |tree, n| tree.file(&format!("f{n}"), &[1; 500]));
    with_target(tree, async |case| {
        let report = case.back_up().await.unwrap();
        assert_eq!((report.counts.files_uploaded, report.counts.files_same), (40, 39));
        assert_eq!(case.allocations(), 20, "one file and one directory");
    });
}

#[test]
fn an_empty_tree_is_backed_up_too() {
    with_target(FakeTree::new(), async |case| {
        let report = case.back_up().await.unwrap();
        assert_eq!(report.root.unwrap().to_string(), "URI:DIR2-LIT:");
    });
}
