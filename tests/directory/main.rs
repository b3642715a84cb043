//! Directories through the whole client to servers in memory.

#![expect(clippy::unwrap_used, reason = "what goes wrong here fails the test")]

#[path = "../common/grid.rs"]
mod grid;

mod immutable;
mod paths;
mod races;

use data_encoding::BASE64;
use grid::{Act, Grid, Kind, paused};
use lafs::client::directory::{ChangeDirectoryError, ListError, NewEntry};
use lafs::client::mutable::PublishOptions;
use lafs::crypto::rsa::SigningKey;
use lafs::format::Encoding;
use lafs::format::cap::DirCap;
use lafs::format::directory::{Change, ChangeError, Child, Metadata, Only, Replace, UnixTime};
use lafs::plan::Policy;

type Client = lafs::client::Client<grid::Wires>;

const LITERAL: &str = "URI:LIT:nbswy3dpebaq";
const OTHER: &str = "URI:LIT:krugkidfnzsa";

/// One of the test keys: `dir`, `file` or `second`.
fn key(name: &str) -> SigningKey {
    let keys: serde_json::Value = serde_json::from_str(include_str!("../vectors/mutable/keys.json")).unwrap();
    let der = keys[name]["private_pkcs8_der_b64"].as_str().unwrap();
    SigningKey::from_pkcs8(&BASE64.decode(der.as_bytes()).unwrap()).unwrap()
}

fn options() -> PublishOptions {
    PublishOptions { encoding: Encoding::THREE_OF_TEN, happy: 7, based_on: None }
}

fn child(cap: &str) -> Child {
    Child::new(Some(cap), None).unwrap()
}

fn link(name: &str, cap: &str, replace: Replace, at: f64) -> Change {
    Change::Link { name: name.to_owned(), child: child(cap), metadata: None, replace, at: UnixTime(at) }
}

fn unlink(name: &str) -> Change {
    Change::Unlink { name: name.to_owned(), only: Only::Any, must_exist: true }
}

fn entry(name: &str, cap: &str) -> NewEntry {
    NewEntry { name: name.to_owned(), child: child(cap), metadata: Metadata::new() }
}

/// A grid of ten servers with one directory, and a client.
struct Case<'a> {
    grid: &'a Grid,
    client: Client,
    cap: DirCap,
}

impl Case<'_> {
    /// Another client that knows nothing.
    fn stranger(&self, seed: u64) -> Client {
        self.grid.client_with(seed, Policy::default(), b"")
    }

    /// The names in the directory, as somebody else sees it.
    async fn names(&self) -> Vec<String> {
        let listing = self.stranger(99).list_directory(&self.cap.read_only()).await.unwrap();
        listing.directory.entries().map(|entry| entry.name().to_owned()).collect()
    }
}

/// Runs `work` with a directory of `entries`.
fn with_directory<T>(entries: &[NewEntry], work: impl AsyncFnOnce(&Case<'_>) -> T) -> T {
    let grid = Grid::new(10);
    paused().block_on(grid.run(async {
        let client = grid.client(Policy::default(), b"");
        let (cap, _) = client.create_directory(&key("dir"), entries, &options()).await.unwrap();
        work(&Case { grid: &grid, client, cap }).await
    }))
}

#[test]
fn what_is_put_into_a_directory_is_in_it() {
    let entries = [entry("b", LITERAL), entry("a", OTHER)];
    with_directory(&entries, async |case| {
        let listing = case.stranger(2).list_directory(&case.cap).await.unwrap();
        assert_eq!((listing.version.unwrap().seqnum, listing.refused.len()), (1, 0));
        let got: Vec<_> =
            listing.directory.entries().map(|e| (e.name(), e.child().read().unwrap().to_owned())).collect();
        assert_eq!(got, [("a", OTHER.to_owned()), ("b", LITERAL.to_owned())]);
    });
}

#[test]
fn an_empty_directory_lists_as_empty() {
    with_directory(&[], async |case| assert!(case.names().await.is_empty()));
}

#[test]
fn several_changes_are_one_version() {
    with_directory(&[entry("old", LITERAL)], async |case| {
        let changes = [link("new", OTHER, Replace::Never, 1.0), unlink("old")];
        let changed = case.client.change_directory(&case.cap, &changes, &options()).await.unwrap();
        assert_eq!(changed.published.unwrap().version.seqnum, 2);
        assert_eq!(changed.listing.version.unwrap().seqnum, 2);
        assert!(changed.listing.directory.get("new").is_some());
        assert_eq!(case.names().await, ["new"]);
    });
}

#[test]
fn a_change_that_changes_nothing_writes_nothing() {
    with_directory(&[], async |case| {
        let change = [link("a", LITERAL, Replace::Never, 1.0)];
        case.client.change_directory(&case.cap, &change, &options()).await.unwrap();
        let again = case.client.change_directory(&case.cap, &change, &options()).await.unwrap();
        assert_eq!(again.published, None);
        assert!(again.listing.directory.get("a").is_some());
    });
}

#[test]
fn a_conflict_is_an_error_and_changes_nothing() {
    with_directory(&[entry("a", LITERAL)], async |case| {
        let changes = [link("b", OTHER, Replace::Never, 1.0), link("a", OTHER, Replace::Never, 1.0)];
        let error = case.client.change_directory(&case.cap, &changes, &options()).await.unwrap_err();
        assert!(matches!(&error, ChangeDirectoryError::Conflict(ChangeError::Exists(name)) if name == "a"));
        assert_eq!(error.to_string(), r#""a" is in the directory already"#);
        assert_eq!(case.names().await, ["a"]);
    });
}

#[test]
fn who_can_only_read_changes_nothing_and_who_can_only_verify_lists_nothing() {
    with_directory(&[], async |case| {
        let change = [link("a", LITERAL, Replace::Never, 1.0)];
        let error = case.client.change_directory(&case.cap.read_only(), &change, &options()).await;
        assert!(matches!(error, Err(ChangeDirectoryError::ReadOnly)));
        let error = case.client.list_directory(&case.cap.verify().unwrap()).await;
        assert!(matches!(error, Err(ListError::VerifyOnly)));
    });
}

#[test]
fn a_file_that_is_no_directory_is_told_as_such() {
    with_directory(&[], async |case| {
        let options = options();
        let content = b"not a directory".to_vec().into();
        let file = case.client.create_mutable(&key("second"), &content, &options).await.unwrap();
        let error = case.client.list_directory(&file.cap.clone().into()).await.unwrap_err();
        assert!(matches!(error, ListError::Damaged(_)), "{error}");
        let change = [link("a", LITERAL, Replace::Never, 1.0)];
        let error = case.client.change_directory(&file.cap.into(), &change, &options).await.unwrap_err();
        assert!(matches!(error, ChangeDirectoryError::Damaged(_)), "{error}");
    });
}
