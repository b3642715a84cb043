//! Following and making paths.

use std::cell::RefCell;

use lafs::client::directory::{MakeDirectoriesError, ResolveError};
use lafs::crypto::rsa::RsaError;

use super::*;

/// Gives out the test keys that no directory has yet.
fn keys() -> impl FnMut() -> Result<SigningKey, RsaError> {
    let left = RefCell::new(vec!["second", "file"]);
    move || left.borrow_mut().pop().map(key).ok_or(RsaError::Generate)
}

#[test]
fn missing_directories_are_made_once() {
    with_directory(&[], async |case| {
        let (client, at) = (&case.client, UnixTime(5.0));
        let made = client.make_directories(&case.cap, &["a", "b"], keys(), at, &options()).await.unwrap();
        let found = client.resolve(&case.cap, &["a", "b"]).await.unwrap();
        assert_eq!(found.child, Child::of_cap(&made.clone().into()).unwrap());
        assert_eq!(found.metadata.linked(), Some(at));
        let no_keys = || Err(RsaError::Generate);
        let again = client.make_directories(&case.cap, &["a", "b"], no_keys, at, &options()).await.unwrap();
        assert_eq!(again, made);
        let root = client.make_directories(&case.cap, &[], no_keys, at, &options()).await.unwrap();
        assert_eq!(root, case.cap);
    });
}

#[test]
fn an_empty_path_leads_to_where_it_begins() {
    with_directory(&[], async |case| {
        let found = case.client.resolve(&case.cap, &[]).await.unwrap();
        assert_eq!(found.child, Child::of_cap(&case.cap.clone().into()).unwrap());
    });
}

#[test]
fn who_follows_a_path_from_a_read_capability_gets_no_power_to_write() {
    with_directory(&[], async |case| {
        let at = UnixTime(5.0);
        case.client.make_directories(&case.cap, &["a"], keys(), at, &options()).await.unwrap();
        let found = case.client.resolve(&case.cap.read_only(), &["a"]).await.unwrap();
        assert_eq!(found.child.write(), None);
        assert!(found.child.is_directory());
    });
}

#[test]
fn a_path_that_leads_nowhere_says_where_it_ends() {
    with_directory(&[entry("Notes", LITERAL)], async |case| {
        let resolve = async |path: &[&str]| case.client.resolve(&case.cap, path).await.unwrap_err();
        let error = resolve(&["notes"]).await;
        assert_eq!(error.to_string(), r#"there is no "notes" in the directory (did you mean "Notes"?)"#);
        assert_eq!(resolve(&["x", "y"]).await.to_string(), r#"there is no "x" in the directory"#);
        let error = resolve(&["Notes", "y"]).await;
        assert!(matches!(&error, ResolveError::NotADirectory(path) if path == "Notes"), "{error}");
        let (path, at) = (["Notes", "y"], UnixTime(1.0));
        let made = case.client.make_directories(&case.cap, &path, keys(), at, &options()).await;
        let error = made.unwrap_err();
        assert!(matches!(error, MakeDirectoriesError::Resolve(ResolveError::NotADirectory(_))), "{error}");
    });
}

#[test]
fn a_directory_that_somebody_else_makes_meanwhile_is_taken() {
    with_directory(&[], async |case| {
        let make = |client: Client, name: &'static str, at: f64| async move {
            let key = move || Ok(key(name));
            client.make_directories(&case.cap, &["a"], key, UnixTime(at), &options()).await.unwrap()
        };
        let both = futures_util::future::join(
            make(case.stranger(2), "second", 1.0),
            make(case.stranger(3), "file", 2.0),
        );
        let (one, other) = both.await;
        assert_eq!(one, other);
        assert_eq!(case.names().await, ["a"]);
    });
}
