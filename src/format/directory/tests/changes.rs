//! What a change does to a directory, and how it meets those of others.

use super::*;

fn unlink(name: &str, only: Only, must_exist: bool) -> Change {
    Change::Unlink { name: name.to_owned(), only, must_exist }
}

fn rename(from: &str, to: &str, replace: Replace) -> Change {
    Change::Rename { from: from.to_owned(), to: to.to_owned(), replace, at: UnixTime(5.0) }
}

#[test]
fn links_replace_what_they_may() {
    let try_link = |name: &str, replace: Replace| {
        let mut directory = two();
        let result = link(name, file(7), Some(metadata(r#"{"b": 2}"#)), replace, 3.0).apply(&mut directory);
        assert_eq!(result.is_err(), directory == two());
        result.map(|_| directory.get(name).unwrap().metadata().to_string())
    };
    let stamped = r#"{"b": 2, "tahoe": {"linkcrtime": 3.0, "linkmotime": 3.0}}"#.to_owned();
    assert_eq!(try_link("new", Replace::Never), Ok(stamped.clone()));
    assert_eq!(try_link("file", Replace::OnlyFiles), Ok(stamped.clone()));
    assert_eq!(try_link("folder", Replace::Any), Ok(stamped));
    assert_eq!(try_link("file", Replace::Never), Err(ChangeError::Exists("file".to_owned())));
    assert_eq!(try_link("folder", Replace::OnlyFiles), Err(ChangeError::IsDirectory("folder".to_owned())));
}

#[test]
fn no_write_links_without_the_power_to_write() {
    let mut directory = two();
    let change = link("new", file(7), Some(metadata(r#"{"no-write": true}"#)), Replace::Never, 3.0);
    assert_eq!(change.apply(&mut directory), Ok(Applied::Now));
    assert_eq!(*directory.get("new").unwrap().child(), file(7).read_only());
    assert_eq!(change.apply(&mut directory), Ok(Applied::Before));
}

#[test]
fn a_change_of_our_own_is_recognised_and_somebody_elses_is_not() {
    let ours = link("new", file(7), None, Replace::Never, 3.0);
    let theirs = link("new", file(7), None, Replace::Never, 3.5);
    let mut directory = two();
    assert!(!ours.took_effect(&directory));
    theirs.apply(&mut directory).unwrap();
    assert!(!ours.took_effect(&directory));
    assert_eq!(ours.apply(&mut directory), Err(ChangeError::Exists("new".to_owned())));

    let change = rename("file", "moved", Replace::Never);
    assert_eq!(change.apply(&mut directory), Ok(Applied::Now));
    assert_eq!(change.apply(&mut directory), Ok(Applied::Before));
    let moved = directory.get("moved").unwrap();
    assert_eq!((moved.child(), directory.get("file")), (&file(1), None));
    assert_eq!(moved.metadata().to_string(), r#"{"a": 1, "tahoe": {"linkcrtime": 5.0, "linkmotime": 5.0}}"#);

    let describe =
        Change::Describe { name: "folder".to_owned(), metadata: metadata(r#"{"c": 3}"#), at: UnixTime(6.0) };
    assert_eq!(describe.apply(&mut directory), Ok(Applied::Now));
    assert_eq!(describe.apply(&mut directory), Ok(Applied::Before));
    assert_eq!(*directory.get("folder").unwrap().child(), folder(2));

    let gone = unlink("folder", Only::Any, true);
    assert_eq!(gone.apply(&mut directory), Ok(Applied::Now));
    assert!(gone.took_effect(&directory));
    assert_eq!(gone.apply(&mut directory), Err(ChangeError::NoSuchChild("folder".to_owned())));
    assert_eq!(unlink("folder", Only::Any, false).apply(&mut directory), Ok(Applied::Before));
}

#[test]
fn a_change_merges_with_what_others_did() {
    let (mut ours, mut theirs) = (two(), two());
    let change = link("ours", file(7), None, Replace::Never, 3.0);
    change.apply(&mut ours).unwrap();
    unlink("file", Only::Files, true).apply(&mut theirs).unwrap();
    change.apply(&mut theirs).unwrap();
    assert_eq!(names(&theirs), ["folder", "ours"]);
}

#[test]
fn what_cannot_be_changed_is_told() {
    let changes = [
        link("file", file(7), None, Replace::Never, 3.0),
        link("folder", file(7), None, Replace::OnlyFiles, 3.0),
        unlink("none", Only::Any, true),
        unlink("folder", Only::Files, true),
        unlink("file", Only::Directories, true),
        rename("none", "x", Replace::Any),
        rename("file", "folder", Replace::Never),
    ];
    let told = changes.map(|change| {
        let mut directory = two();
        let error = change.apply(&mut directory).unwrap_err();
        assert_eq!(directory, two());
        error.to_string()
    });
    insta::assert_snapshot!(told.join("\n"), @r#"
    "file" is in the directory already
    "folder" is in the directory already and is a directory
    there is no "none" in the directory
    "folder" is a directory and not a file
    "file" is a file and not a directory
    there is no "none" in the directory
    "folder" is in the directory already
    "#);
}
