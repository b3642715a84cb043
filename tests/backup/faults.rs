//! Servers and files that fail while a backup runs.

use lafs::client::backup::ItemError;
use tokio::time::Instant;

use super::*;

fn many(files: u8) -> FakeTree {
    (0..files).fold(FakeTree::new(), |tree, n| tree.file(&format!("d{}/f{n}", n % 3), &[n; 300]))
}

#[test]
fn servers_that_die_half_way_are_done_without() {
    with_target(many(60), async |case| {
        for node in &case.grid.nodes[..3] {
            node.obey(|kind, count| match (kind, count) {
                (Kind::Allocate, count) if count > 25 => Act::Hang,
                (Kind::Write, count) if count > 25 => Act::Fail(500),
                _ => Act::Serve,
            });
        }
        let report = case.back_up().await.unwrap();
        assert_eq!((report.counts.files_uploaded, report.exit_code(), report.is_latest), (60, 0, true));
        assert_eq!(case.contents(&["Latest"]).await, case.tree.contents());
    });
}

#[test]
fn every_second_write_failing_is_no_reason_to_skip_anything() {
    with_target(many(30), async |case| {
        for node in &case.grid.nodes {
            node.obey(|kind, count| match kind {
                Kind::Write | Kind::Allocate | Kind::TestAndWrite if count % 2 == 0 => Act::Fail(503),
                _ => Act::Serve,
            });
        }
        let report = case.back_up().await.unwrap();
        assert_eq!(report.counts.failed, 0, "{report}");
        assert_eq!(case.contents(&["Latest"]).await, case.tree.contents());
    });
}

#[test]
fn one_file_that_always_fails_is_skipped_and_latest_stays() {
    with_target(FakeTree::small(), async |case| {
        case.back_up().await.unwrap();
        let before = case.tree.contents();
        case.tree.write("sub/b", &[9; 2000], 2000.0);
        case.tree.write("sub/new", &[8; 2000], 2000.0);
        case.tree.broken.insert("sub/b".to_owned(), std::io::ErrorKind::Other);
        let report = case.back_up().await.unwrap();
        assert_eq!((report.exit_code(), report.is_latest, report.counts.failed), (2, false, 1));
        assert_eq!(report.failures().map(|warning| warning.path.as_str()).collect::<Vec<_>>(), ["sub/b"]);
        // The archive has what could be stored; Latest is the last tree that was whole.
        let mut partial = case.tree.contents();
        partial.remove("sub/b");
        let archive = report.archive.unwrap();
        assert_eq!(case.contents(&["Archives", &archive]).await, partial);
        assert_eq!(case.contents(&["Latest"]).await, before);
        // Whoever wants that gets it as Latest.
        case.options.partial = true;
        assert!(case.back_up().await.unwrap().is_latest);
        assert_eq!(case.contents(&["Latest"]).await, partial);
    });
}

#[test]
fn a_directory_that_cannot_be_listed_is_left_out() {
    with_target(FakeTree::small(), async |case| {
        case.tree.broken.insert("sub/deep".to_owned(), std::io::ErrorKind::Other);
        let report = case.back_up().await.unwrap();
        assert_eq!((report.counts.directories_skipped, report.counts.failed), (1, 1));
        assert_eq!((report.is_latest, case.archives().await.len()), (false, 1));
    });
}

#[test]
fn what_may_not_be_read_is_left_out_and_the_rest_is_complete() {
    with_target(FakeTree::small(), async |case| {
        case.tree.broken.insert("a".to_owned(), std::io::ErrorKind::PermissionDenied);
        case.tree.broken.insert("sub/deep".to_owned(), std::io::ErrorKind::PermissionDenied);
        case.tree.broken.insert("sub/b".to_owned(), std::io::ErrorKind::NotFound);
        let begun = Instant::now();
        let report = case.back_up().await.unwrap();
        assert!(begun.elapsed().as_millis() < 500, "nothing is tried again: {:?}", begun.elapsed());
        assert_eq!((report.counts.files_skipped, report.counts.directories_skipped), (2, 1));
        assert_eq!((report.exit_code(), report.is_latest, report.counts.failed), (2, true, 0));
    });
}

/// Half of the servers take no immutable files.
fn refuse_files(case: &Case<'_>) {
    for node in &case.grid.nodes[..5] {
        node.obey(|kind, _| if kind == Kind::Allocate { Act::Fail(500) } else { Act::Serve });
    }
}

#[test]
fn a_grid_that_takes_no_files_any_more_fails_each_new_one_and_says_why() {
    with_target(FakeTree::small(), async |case| {
        case.back_up().await.unwrap();
        refuse_files(case);
        case.tree.write("new", &[7; 900], 5000.0);
        let report = case.back_up().await.unwrap();
        assert!(matches!(
            &report.warnings[0].reason,
            Reason::Failed(ItemError::Upload { .. }) if report.warnings[0].path == "new"
        ));
        // Without it the tree is the one that is there already.
        assert_eq!((report.counts.directories_reused, report.is_latest), (3, false));
        assert_eq!(case.archives().await.len(), 2);
    });
}

#[test]
fn a_tree_whose_top_is_not_stored_gets_no_name() {
    with_target(FakeTree::small(), async |case| {
        refuse_files(case);
        let error = case.back_up().await.unwrap_err();
        let BackupError::Top(report) = &error else { panic!("{error}") };
        assert_eq!((report.counts.files_literal, report.counts.files_uploaded), (2, 2));
        assert!(error.to_string().contains("2 files and 1 directories are uploaded"), "{error}");
        assert!(case.archives().await.is_empty());
    });
}

#[test]
fn a_target_that_cannot_be_listed_fails_first() {
    with_target(FakeTree::small(), async |case| {
        for node in &case.grid.nodes {
            node.obey(|kind, _| if kind == Kind::Read { Act::Fail(500) } else { Act::Serve });
        }
        let error = case.back_up().await.unwrap_err();
        assert!(matches!(error, BackupError::Target(_)), "{error}");
        assert_eq!(case.allocations(), 0);
        assert_eq!(case.log.0.borrow().len(), 0);
    });
}

#[test]
fn a_target_that_cannot_be_written_and_one_whose_archives_are_a_file_fail_first() {
    with_target(FakeTree::small(), async |case| {
        let target = case.target.clone();
        case.target = target.read_only();
        assert!(matches!(case.back_up().await, Err(BackupError::ReadOnly)));
        case.target = target;
        let change = Change::Link {
            name: "Archives".to_owned(),
            child: Child::new(Some("URI:LIT:"), None).unwrap(),
            metadata: None,
            replace: Replace::Never,
            at: UnixTime(1.0),
        };
        let publish = PublishOptions { encoding: Encoding::THREE_OF_TEN, happy: 7, based_on: None };
        case.client.change_directory(&case.target, &[change], &publish).await.unwrap();
        let error = case.back_up().await.unwrap_err();
        assert!(error.to_string().contains(r#""Archives" is not a directory"#), "{error}");
        assert_eq!(case.allocations(), 0);
    });
}

#[test]
fn a_backup_that_cannot_be_linked_says_what_is_saved_and_the_next_run_is_quick() {
    with_target(FakeTree::small(), async |case| {
        case.back_up().await.unwrap();
        case.tree.write("new", &[7; 900], 5000.0);
        for node in &case.grid.nodes {
            node.obey(|kind, _| if kind == Kind::TestAndWrite { Act::Fail(500) } else { Act::Serve });
        }
        let error = case.back_up().await.unwrap_err();
        assert!(matches!(error, BackupError::Link { .. }), "{error}");
        let saved = "6 files and 3 directories are uploaded; the next run uploads none of them again";
        assert!(error.to_string().ends_with(saved), "{error}");
        let before = case.allocations();
        for node in &case.grid.nodes {
            node.obey(|_, _| Act::Serve);
        }
        assert!(case.back_up().await.unwrap().is_latest);
        assert_eq!(case.allocations(), before);
    });
}

#[test]
fn two_backups_of_the_same_second_get_names_of_their_own() {
    with_target(FakeTree::small(), async |case| {
        case.back_up().await.unwrap();
        case.options.now = UnixTime(NOW_S);
        case.tree.write("new", &[7; 900], 5000.0);
        case.back_up().await.unwrap();
        assert_eq!(case.archives().await, ["2012-05-08_06:38:06Z", "2012-05-08_06:38:07Z"]);
    });
}
