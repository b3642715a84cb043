//! Listings, page by page, and against a model that knows no pages.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn keys(store: &Store, keys: &[&str]) {
    for key in keys {
        store.put("shares", key, Object::new(key.to_string().into(), Default::default())).unwrap();
    }
}

#[test]
fn a_listing_says_what_is_there() {
    let store = store();
    keys(&store, &["a", "b/1", "b/2", "c & d"]);
    with(&handler(&store), async |mut wire| {
        let all = wire.ask("GET /shares?list-type=2", &[], b"").await;
        assert_eq!(
            (all.status, all.elements("Key")),
            (200, ["a", "b/1", "b/2", "c &amp; d"].map(str::to_owned).into())
        );
        assert_eq!(all.elements("Size"), ["1", "3", "3", "5"]);
        assert_eq!(all.elements("IsTruncated"), ["false"]);
        assert_eq!(all.elements("LastModified")[0], "2023-11-14T22:13:20.000Z");
        let rolled = wire.ask("GET /shares?list-type=2&delimiter=%2F", &[], b"").await;
        assert_eq!(rolled.elements("Key"), ["a", "c &amp; d"]);
        assert_eq!(rolled.elements("KeyCount"), ["3"]);
        assert!(
            rolled.text().contains("<CommonPrefixes><Prefix>b/</Prefix></CommonPrefixes>"),
            "{}",
            rolled.text()
        );
        let url = wire.ask("GET /shares?encoding-type=url&prefix=c", &[], b"").await;
        assert_eq!(url.elements("Key"), ["c%20%26%20d"]);
        let none = wire.ask("GET /shares?list-type=2&max-keys=0", &[], b"").await;
        assert_eq!(
            (none.elements("KeyCount"), none.elements("IsTruncated")),
            (vec!["0".into()], vec!["false".into()])
        );
        for wrong in ["max-keys=-1", "max-keys=many", "continuation-token=%21", "continuation-token=_w"] {
            let refused = wire.ask(&format!("GET /shares?list-type=2&{wrong}"), &[], b"").await;
            assert_eq!(refused.status, 400, "{wrong}: {}", refused.text());
        }
        let lost = wire.ask("GET /nothing?list-type=2", &[], b"").await;
        assert_eq!((lost.status, lost.code().as_str()), (404, "NoSuchBucket"));
    });
}

#[test]
fn pages_go_on_where_the_last_one_ended() {
    let store = store();
    keys(&store, &["a/1", "a/2", "b", "c/1", "d"]);
    with(&handler(&store), async |mut wire| {
        let (mut names, mut token) = (Vec::new(), String::new());
        loop {
            let page =
                wire.ask(&format!("GET /shares?list-type=2&delimiter=/&max-keys=2{token}"), &[], b"").await;
            names.extend(page.elements("Key"));
            let prefixes = page.elements("Prefix");
            names.extend(prefixes.into_iter().filter(|prefix| !prefix.is_empty()));
            let Some(next) = page.elements("NextContinuationToken").pop() else { break };
            token = format!("&continuation-token={next}");
        }
        names.sort();
        assert_eq!(names, ["a/", "b", "c/", "d"]);
        let first = wire.ask("GET /shares?delimiter=/&max-keys=1", &[], b"").await;
        assert_eq!(first.elements("NextMarker"), ["a/"]);
        let second = wire.ask("GET /shares?delimiter=/&max-keys=1&marker=a/", &[], b"").await;
        assert_eq!(second.elements("Key"), ["b"]);
    });
}

#[test]
fn a_stale_listing_misses_the_last_change_only() {
    let store = store();
    keys(&store, &["a/1", "a/2", "b"]);
    let stale = |prefix| {
        let query = Query { prefix, items_max: 9, ..Query::default() };
        let page = store::lock(&store.shared).list("shares", query, Reality::Stale).unwrap();
        page.items.iter().map(|item| item.name().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(stale("a/"), ["a/1"]);
    assert_eq!(stale(""), ["a/1", "a/2"]);
    store.remove("shares", "a/1");
    assert_eq!(stale("a/"), ["a/1", "a/2"]);
}

/// Everything that a listing without pages has.
fn model(keys: &BTreeSet<String>, query: Query<'_>) -> Vec<String> {
    let names =
        keys.iter().filter(|key| key.starts_with(query.prefix) && key.as_str() > query.after).map(|key| {
            let rest = &key[query.prefix.len()..];
            match rest.find(query.delimiter).filter(|_| !query.delimiter.is_empty()) {
                Some(at) => format!("{}{}", query.prefix, &rest[..at + query.delimiter.len()]),
                None => key.clone(),
            }
        });
    let names: BTreeSet<String> = names.filter(|name| name != query.after).collect();
    names.into_iter().collect()
}

proptest! {
    #[test]
    fn pages_together_are_the_listing(
        keys in prop::collection::btree_set("[ab/ö]{1,5}", 0..20),
        gone in prop::collection::btree_set("[ab/ö]{1,5}", 0..9),
        prefix in "[ab/ö]{0,2}",
        delimiter in prop::sample::select(vec!["", "/", "b", "ab", "ö"]),
        after in "[ab/ö]{0,3}",
        items_max in 1usize..6,
    ) {
        let store = store();
        for key in keys.union(&gone) {
            store.put("shares", key, Object::default()).unwrap();
        }
        for key in &gone {
            store.remove("shares", key);
        }
        let left: BTreeSet<String> = keys.difference(&gone).cloned().collect();
        let query = Query { prefix: &prefix, delimiter, after: &after, items_max };
        let (mut got, mut from) = (Vec::new(), after.clone());
        loop {
            let query = Query { after: &from, ..query };
            let page = store::lock(&store.shared).list("shares", query, Reality::Plain).unwrap();
            prop_assert!(page.items.len() <= items_max);
            got.extend(page.items.iter().map(|item| item.name().to_owned()));
            match page.next() {
                Some(next) => from = next.to_owned(),
                None => break,
            }
        }
        prop_assert_eq!(got, model(&left, query));
    }
}
