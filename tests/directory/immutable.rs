//! Directories that never change.

use lafs::client::directory::CreateImmutableError;
use lafs::client::upload::{KeyChoice, UploadOptions};
use lafs::format::directory::PackError;

use super::*;

fn vectors() -> serde_json::Value {
    serde_json::from_str(include_str!("../vectors/mutable/directory.json")).unwrap()
}

fn upload(k: u64, n: u64) -> UploadOptions {
    UploadOptions { encoding: Encoding::new(k, n).unwrap(), happy: 7, key: KeyChoice::Convergent }
}

#[test]
fn immutable_directories_get_the_capabilities_that_tahoe_gives_them() {
    for case in vectors()["data"]["immutable"].as_array().unwrap() {
        let children = case["children"].as_array().unwrap().iter();
        let entries: Vec<NewEntry> = children
            .map(|child| NewEntry {
                name: child["name"].as_str().unwrap().to_owned(),
                child: Child::immutable(child["ro_uri"].as_str().unwrap()).unwrap(),
                metadata: Metadata::parse(child["metadata"].to_string().as_bytes()).unwrap(),
            })
            .collect();
        let grid = Grid::new(10);
        let mut policy = Policy::default();
        policy.upload.segment_bytes_max = case["max_segment_size"].as_u64().unwrap();
        let client = grid.client(policy, case["convergence_ascii"].as_str().unwrap().as_bytes());
        paused().block_on(grid.run(async {
            let options = upload(case["k"].as_u64().unwrap(), case["n"].as_u64().unwrap());
            let (cap, uploaded) = client.create_immutable_directory(&entries, &options).await.unwrap();
            assert_eq!(cap.to_string(), case["dir_cap"].as_str().unwrap(), "{}", case["label"]);
            let is_literal = cap.to_string().starts_with("URI:DIR2-LIT:");
            assert_eq!(uploaded.placed.len(), if is_literal { 0 } else { 10 });
            let asked: usize = grid.nodes.iter().map(|node| node.seen.borrow().len()).sum();
            assert_eq!(asked == 0, is_literal, "a literal asks nobody");
            let listing = client.list_directory(&cap).await.unwrap();
            assert_eq!(listing.directory.entries().len(), entries.len());
            for entry in &entries {
                assert_eq!(listing.directory.get(&entry.name).unwrap().child(), &entry.child);
            }
        }));
    }
}

#[test]
fn nothing_mutable_gets_into_an_immutable_directory() {
    with_directory(&[], async |case| {
        for cap in [&case.cap, &case.cap.read_only()] {
            let entry = NewEntry {
                name: "changes".to_owned(),
                child: Child::of_cap(&cap.clone().into()).unwrap(),
                metadata: Metadata::new(),
            };
            let error = case.client.create_immutable_directory(&[entry], &upload(3, 10)).await.unwrap_err();
            assert!(
                matches!(error, CreateImmutableError::Pack(PackError::MustBeDeepImmutable { .. })),
                "{error}"
            );
        }
    });
}

#[test]
fn a_directory_longer_than_memory_is_for_is_not_read() {
    let grid = Grid::new(10);
    let mut policy = Policy::default();
    policy.mutable.bytes_max = 2000;
    let client = grid.client(policy, b"");
    let entries: Vec<_> = (0..100).map(|n| entry(&format!("entry {n}"), LITERAL)).collect();
    paused().block_on(grid.run(async {
        let (cap, _) = client.create_immutable_directory(&entries, &upload(3, 10)).await.unwrap();
        let error = client.list_directory(&cap).await.unwrap_err();
        assert!(matches!(error, ListError::TooLong { max: 2000 }), "{error}");
        let error = client.create_directory(&key("dir"), &entries, &options()).await.unwrap_err();
        assert!(error.to_string().contains("too long"), "{error}");
    }));
}
