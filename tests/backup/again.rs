//! Backups of what was backed up before, wholly or in part.

use std::cell::Cell;
use std::time::Duration;

use lafs::client::backup::BackupDb;

use super::*;

#[test]
fn a_second_backup_uploads_nothing() {
    with_target(FakeTree::small(), async |case| {
        let first = case.back_up().await.unwrap();
        let before = case.allocations();
        let second = case.back_up().await.unwrap();
        let counts = Counts { files_reused: 5, directories_reused: 3, ..Counts::default() };
        assert_eq!(second.counts, counts);
        assert_eq!(case.allocations(), before);
        assert_eq!(second.root, first.root);
        assert_eq!(case.archives().await, ["2012-05-08_06:38:06Z", "2012-05-09_06:38:06Z"]);
    });
}

#[test]
fn the_database_as_bytes_is_as_good() {
    with_target(FakeTree::small(), async |case| {
        case.back_up().await.unwrap();
        case.db = MemoryDb::from_bytes(&case.db.to_bytes()).unwrap();
        let counts = case.back_up().await.unwrap().counts;
        assert_eq!((counts.files_reused, counts.directories_reused), (5, 3));
    });
}

#[test]
fn of_a_changed_file_only_itself_and_the_directories_above_are_uploaded() {
    with_target(FakeTree::small(), async |case| {
        case.back_up().await.unwrap();
        let before = case.allocations();
        case.tree.write("sub/b", &[9; 2000], 2000.0);
        let counts = case.back_up().await.unwrap().counts;
        let expected = Counts {
            files_uploaded: 1,
            files_reused: 4,
            directories_created: 2,
            directories_reused: 1,
            ..Counts::default()
        };
        assert_eq!(counts, expected);
        assert_eq!(case.allocations() - before, 30);
        assert_eq!(case.contents(&["Latest"]).await, case.tree.contents());
        assert_eq!(case.contents(&["Archives", "2012-05-08_06:38:06Z"]).await, FakeTree::small().contents());
    });
}

#[test]
fn what_is_old_is_looked_at_and_uploaded_again_only_if_it_is_not_well() {
    for is_well in [true, false] {
        with_target(FakeTree::small(), async |case| {
            case.back_up().await.unwrap();
            case.options.now.0 += 100.0 * DAY_S;
            let asked = Cell::new(0);
            let check = async |_: &AnyCap| {
                asked.set(asked.get() + 1);
                is_well
            };
            let counts = case.back_up_checked(check).await.unwrap().counts;
            assert_eq!((counts.files_checked, counts.directories_checked, asked.get()), (5, 3, 8));
            let reused = counts.files_reused + counts.directories_reused;
            assert_eq!(reused, if is_well { 8 } else { 0 });
            // Looked at or uploaded, it is trusted again.
            let counts = case.back_up().await.unwrap().counts;
            assert_eq!((counts.files_checked, counts.files_reused), (0, 5));
        });
    }
}

#[test]
fn a_backup_that_is_dropped_half_way_resumes_and_uploads_nothing_twice() {
    let mut tree = FakeTree::new();
    for n in 0..60u8 {
        tree.write(&format!("d{}/f{n}", n / 6), &[n; 700], 5.0);
    }
    // 60 files, ten directories and the top, each on ten servers.
    let all = 71 * 10;
    for stop_at in [1, 5, 17, 40, 65] {
        with_target(tree.clone(), async |case| {
            for node in &case.grid.nodes {
                node.obey(|_, _| Act::Delay(Duration::from_millis(5)));
            }
            case.client = {
                let mut policy = Policy::default();
                policy.backup.items_at_a_time = 4;
                case.grid.client(policy, b"")
            };
            let stored = |log: &Log| log.0.borrow().iter().filter(|l| l.starts_with("stored")).count();
            let log = std::rc::Rc::new(Log::default());
            let watched = log.clone();
            let stop = async {
                while stored(&watched) < stop_at {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            };
            let backup = Backup {
                tree: &case.tree,
                db: &mut case.db,
                target: &case.target,
                check: async |_: &AnyCap| true,
                new_key: archives_key,
                watch: &*log,
            };
            tokio::select! {
                biased;
                () = stop => {}
                _ = case.client.backup(backup, &case.options) => panic!("stopped before"),
            }
            // What was under way is lost, and nothing else.
            let known = stored(&log);
            let counts = case.back_up().await.unwrap().counts;
            let reused = counts.files_reused + counts.directories_reused;
            assert_eq!(reused as usize, known, "stopped at {stop_at}");
            assert!(case.allocations() <= all + 4 * 10 * 2, "{}", case.allocations());
            assert_eq!(case.contents(&["Latest"]).await, case.tree.contents());
        });
    }
}

#[test]
fn a_database_that_fails_does_not_stop_a_backup() {
    struct Broken;
    impl BackupDb for Broken {
        fn file(
            &mut self,
            _: &str,
        ) -> std::io::Result<Option<(lafs::client::backup::FileStat, lafs::client::backup::Stored)>> {
            Err(std::io::ErrorKind::InvalidData.into())
        }
        fn forget_file(&mut self, _: &str) -> std::io::Result<()> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
        fn note_file(
            &mut self,
            _: &str,
            _: &lafs::client::backup::FileStat,
            _: &str,
            _: f64,
        ) -> std::io::Result<()> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
        fn directory(&mut self, _: &str) -> std::io::Result<Option<lafs::client::backup::Stored>> {
            Err(std::io::ErrorKind::InvalidData.into())
        }
        fn note_directory(&mut self, _: &str, _: &str, _: f64) -> std::io::Result<()> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
        fn note_healthy(&mut self, _: &str, _: f64) -> std::io::Result<()> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
    }
    with_target(FakeTree::small(), async |case| {
        let backup = Backup {
            tree: &case.tree,
            db: &mut Broken,
            target: &case.target,
            check: async |_: &AnyCap| true,
            new_key: archives_key,
            watch: &case.log,
        };
        let report = case.client.backup(backup, &case.options).await.unwrap();
        assert_eq!((report.counts.files_uploaded, report.is_latest), (5, true));
        assert!(matches!(report.warnings[0].reason, Reason::Database(_)));
    });
}
