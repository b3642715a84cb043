//! Several clients that change one directory at once, and answers that get lost.

use futures_util::future::{join, join_all};

use super::*;

/// Two strangers, who differ by their seeds, make these changes at once, and both succeed.
async fn both(case: &Case<'_>, seeds: [u64; 2], ours: &[Change], theirs: &[Change]) {
    let (one, other) = (case.stranger(seeds[0]), case.stranger(seeds[1]));
    let options = options();
    let both = join(
        one.change_directory(&case.cap, ours, &options),
        other.change_directory(&case.cap, theirs, &options),
    );
    let (ours, theirs) = both.await;
    ours.unwrap();
    theirs.unwrap();
}

#[test]
fn what_two_clients_add_at_once_is_both_there() {
    with_directory(&[], async |case| {
        let adds = (2..5).map(|seed| async move {
            let client = case.stranger(seed);
            for round in 0..3 {
                let name = format!("{seed}.{round}");
                let change = [link(&name, LITERAL, Replace::Never, 1.0)];
                client.change_directory(&case.cap, &change, &options()).await.unwrap();
            }
        });
        join_all(adds).await;
        let all: Vec<_> = (2..5).flat_map(|s| (0..3).map(move |r| format!("{s}.{r}"))).collect();
        assert_eq!(case.names().await, all);
    });
}

#[test]
fn of_two_who_want_the_same_name_one_is_told_that_it_is_taken() {
    with_directory(&[], async |case| {
        let add = |seed: u64, cap: &'static str| async move {
            // At the same time to the second, as two programs that do not know of each other may.
            let change = [link("a", cap, Replace::Never, 1.0)];
            case.stranger(seed).change_directory(&case.cap, &change, &options()).await
        };
        let (one, other) = join(add(2, LITERAL), add(3, OTHER)).await;
        let (won, lost) = if one.is_ok() { (LITERAL, other) } else { (OTHER, one) };
        let error = lost.unwrap_err();
        assert!(matches!(error, ChangeDirectoryError::Conflict(ChangeError::Exists(_))), "{error}");
        let listing = case.client.list_directory(&case.cap).await.unwrap();
        assert_eq!(listing.directory.get("a").unwrap().child().read(), Some(won));
    });
}

#[test]
fn adding_and_removing_at_once_both_happen() {
    with_directory(&[entry("old", LITERAL)], async |case| {
        let add = [link("new", OTHER, Replace::Never, 1.0)];
        let remove = [unlink("old")];
        both(case, [2, 3], &add, &remove).await;
        assert_eq!(case.names().await, ["new"]);
    });
}

#[test]
fn both_who_remove_the_same_child_at_once_may_think_they_did() {
    with_directory(&[entry("old", LITERAL)], async |case| {
        let remove = |seed: u64| async move {
            case.stranger(seed).change_directory(&case.cap, &[unlink("old")], &options()).await
        };
        let (one, other) = join(remove(2), remove(3)).await;
        assert!(one.is_ok() || other.is_ok());
        for error in [one.err(), other.err()].into_iter().flatten() {
            assert!(matches!(error, ChangeDirectoryError::Conflict(ChangeError::NoSuchChild(_))), "{error}");
        }
        assert!(case.names().await.is_empty());
    });
}

/// Every answer to a first write is lost, so that nobody knows whether it was made.
fn lose_first_answers(case: &Case<'_>) {
    for node in &case.grid.nodes {
        let before = node.count(Kind::TestAndWrite);
        node.obey(move |kind, count| match kind {
            Kind::TestAndWrite if count == before => Act::LoseAnswer,
            _ => Act::Serve,
        });
    }
}

#[test]
fn a_change_whose_answers_are_lost_is_made_once_and_is_no_error() {
    let changes: [&[Change]; 4] = [
        &[link("a", OTHER, Replace::Never, 1.0)],
        &[unlink("old")],
        &[Change::Rename {
            from: "old".to_owned(),
            to: "a".to_owned(),
            replace: Replace::Never,
            at: UnixTime(1.0),
        }],
        // Applied one by one again, the second would find its name taken by itself.
        &[
            link("b", OTHER, Replace::Never, 1.0),
            Change::Rename {
                from: "b".to_owned(),
                to: "a".to_owned(),
                replace: Replace::Never,
                at: UnixTime(1.0),
            },
        ],
    ];
    let wanted: [&[&str]; 4] = [&["a", "old"], &[], &["a"], &["a", "old"]];
    for (changes, wanted) in changes.into_iter().zip(wanted) {
        with_directory(&[entry("old", LITERAL)], async |case| {
            lose_first_answers(case);
            case.stranger(2).change_directory(&case.cap, changes, &options()).await.unwrap();
            assert_eq!(case.names().await, wanted);
        });
    }
}

#[test]
fn changes_in_a_row_with_another_writer_are_each_made_once() {
    // The first write is lost to another writer on half of the servers; whichever wins, both changes are there.
    for seed in 10..16 {
        with_directory(&[entry("old", LITERAL)], async |case| {
            let changes = [
                link("b", OTHER, Replace::Never, 1.0),
                Change::Rename {
                    from: "b".to_owned(),
                    to: "a".to_owned(),
                    replace: Replace::Never,
                    at: UnixTime(1.0),
                },
            ];
            let theirs = [link("theirs", OTHER, Replace::Never, 1.0)];
            both(case, [seed, seed + 100], &changes, &theirs).await;
            assert_eq!(case.names().await, ["a", "old", "theirs"]);
        });
    }
}
