//! Files of this machine.

use std::fs;
use std::os::unix::fs::symlink;

use lafs::local::{LocalTree, open_backup_db};

use super::*;

#[test]
fn a_real_directory_is_backed_up_and_its_database_survives() {
    let top = std::env::temp_dir().join(format!("lafs-backup-{}", std::process::id()));
    fs::create_dir_all(top.join("tree/sub")).unwrap();
    fs::write(top.join("tree/a"), [1; 5000]).unwrap();
    fs::write(top.join("tree/sub/b"), b"small").unwrap();
    symlink("a", top.join("tree/link")).unwrap();
    let tree = LocalTree::new(&top.join("tree")).unwrap();
    with_target(FakeTree::new(), async |case| {
        for run in 0..2 {
            let mut db = open_backup_db(&top.join("backup.db")).unwrap();
            let backup = Backup {
                tree: &tree,
                db: &mut db,
                target: &case.target,
                check: async |_: &AnyCap| true,
                new_key: archives_key,
                watch: &case.log,
            };
            let report = case.client.backup(backup, &case.options).await.unwrap();
            let counts = report.counts;
            assert_eq!((counts.files_uploaded, counts.files_reused), if run == 0 { (2, 0) } else { (0, 2) });
            assert_eq!((counts.files_skipped, counts.directories_skipped), (1, 0));
            assert!(matches!(report.warnings[0].reason, Reason::Symlink));
            let contents = case.contents(&["Latest"]).await;
            assert_eq!(
                contents.into_iter().map(|(path, bytes)| (path, bytes.len())).collect::<Vec<_>>(),
                [("a".to_owned(), 5000), ("sub/b".to_owned(), 5)]
            );
        }
    });
    fs::remove_dir_all(top).unwrap();
}
