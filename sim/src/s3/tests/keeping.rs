//! What the store keeps, and whom it tells.

use std::cell::RefCell;
use std::rc::Rc;

use super::*;

fn object(text: &'static str) -> Object {
    Object::new(text.into(), Default::default())
}

#[test]
fn observers_hear_of_every_change_in_order_and_at_once() {
    let store = store();
    let heard = Rc::new(RefCell::new(Vec::new()));
    let told = Rc::clone(&heard);
    let looking = store.clone();
    store.on_change(move |bucket, key, now| {
        let now = now.map(|object| object.content.clone());
        assert_eq!(
            looking.get(bucket, key).map(|object| object.content.clone()),
            now,
            "the store is as it is told"
        );
        told.borrow_mut().push((key.to_owned(), now));
    });
    with(&handler(&store), async |mut wire| {
        wire.ask("PUT /shares/a", &[], b"1").await;
        assert_eq!(heard.borrow().len(), 1, "before the answer");
        wire.ask("GET /shares/a", &[], b"").await;
        wire.ask("PUT /shares/a", &["if-none-match: *"], b"2").await;
        wire.ask("DELETE /shares/nothing", &[], b"").await;
        wire.ask("PUT /shares/b", &["x-amz-copy-source: /shares/a"], b"").await;
        let both = "<Delete><Object><Key>a</Key></Object><Object><Key>b</Key></Object></Delete>";
        wire.ask("POST /shares?delete", &[], both.as_bytes()).await;
    });
    store.put("shares", "c", object("3")).unwrap();
    let text = |text: &'static str| Some(text.into());
    let told: Vec<_> =
        [("a", text("1")), ("b", text("1")), ("a", None), ("b", None), ("c", text("3"))].into();
    let told: Vec<_> = told.into_iter().map(|(key, now)| (key.to_owned(), now)).collect();
    assert_eq!(*heard.borrow(), told);
}

#[test]
fn what_an_object_was_before_is_known() {
    let store = store();
    let before = || store.before("shares", "a").map(|object| object.content.clone());
    store.put("shares", "a", object("1")).unwrap();
    assert_eq!(before(), None);
    store.put("shares", "a", object("2")).unwrap();
    assert_eq!(before(), Some("1".into()));
    store.remove("shares", "a");
    assert_eq!((before(), store.get("shares", "a")), (Some("2".into()), None));
    store.remove("shares", "a");
    assert_eq!(before(), Some("2".into()), "nothing has changed");
}

#[test]
fn what_has_been_gone_for_longest_is_forgotten() {
    let store = store();
    let key = |n: usize| format!("{n}");
    for n in 0..=GONE_MAX {
        store.put("shares", &key(n), object("x")).unwrap();
        store.remove("shares", &key(n));
    }
    assert_eq!((store.before("shares", &key(0)), store.before("shares", &key(1)).is_some()), (None, true));
    store.put("shares", &key(1), object("y")).unwrap();
    store.put("shares", "z", object("z")).unwrap();
    store.remove("shares", "z");
    assert!(store.get("shares", &key(1)).is_some(), "it is there again");
}

#[test]
fn other_realities_change_nothing() {
    let store = store();
    let handler = handler(&store);
    store.put("shares", "a", object("1")).unwrap();
    store.put("shares", "a", object("2")).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let ask = |method: &str, reality| {
        let request = http::Request::builder().method(method).uri("/shares/a").body("3".into()).unwrap();
        runtime.block_on(handler.answer(request, reality))
    };
    assert_eq!(ask("GET", Reality::Stale).into_body(), "1");
    let lost = ask("PUT", Reality::Lost);
    assert_eq!(lost.headers()["etag"].to_str().unwrap(), format!("\"{}\"", object("3").etag));
    assert_eq!(ask("DELETE", Reality::Lost).status(), 204);
    assert_eq!(ask("GET", Reality::Plain).into_body(), "2");
}

#[test]
fn buckets_come_and_go() {
    let store = store();
    with(&handler(&store), async |mut wire| {
        assert_eq!(wire.ask("PUT /another", &[], b"").await.status, 200);
        assert_eq!(wire.ask("PUT /another", &[], b"").await.code(), "BucketAlreadyOwnedByYou");
        assert_eq!(wire.ask("GET /", &[], b"").await.elements("Name"), ["another", "shares"]);
        wire.ask("PUT /another/a", &[], b"").await;
        assert_eq!(wire.ask("DELETE /another", &[], b"").await.code(), "BucketNotEmpty");
        wire.ask("DELETE /another/a", &[], b"").await;
        assert_eq!(wire.ask("DELETE /another", &[], b"").await.status, 204);
        assert_eq!(wire.ask("HEAD /another", &[], b"").await.status, 404);
        assert_eq!(wire.ask("GET /another/a", &[], b"").await.code(), "NoSuchBucket");
        assert_eq!(wire.ask("GET /shares?location", &[], b"").await.status, 200);
    });
}

#[test]
fn bounds_are_kept() {
    let store = store();
    with(&handler(&store), async |mut wire| {
        let long = "k".repeat(KEY_BYTES_MAX + 1);
        assert_eq!(wire.ask(&format!("PUT /shares/{long}"), &[], b"").await.code(), "KeyTooLongError");
        assert_eq!(wire.ask(&format!("PUT /shares/{}", &long[1..]), &[], b"").await.status, 200);
        let half = "v".repeat(METADATA_BYTES_MAX / 2);
        let (a, b) = (format!("x-amz-meta-a: {half}"), format!("x-amz-meta-b: {half}"));
        assert_eq!(wire.ask("PUT /shares/a", &[&a, &b], b"").await.code(), "MetadataTooLarge");
        assert_eq!(wire.ask("PUT /shares/a", &[&a], b"").await.status, 200);
        let object = "<Object><Key>a</Key></Object>";
        let many = format!("<Delete>{}</Delete>", object.repeat(PAGE_KEYS_MAX + 1));
        assert_eq!(wire.ask("POST /shares?delete", &[], many.as_bytes()).await.code(), "MalformedXML");
        assert_eq!(wire.ask("GET /No!/a", &[], b"").await.code(), "InvalidBucketName");
    });
    for n in store.buckets().len()..BUCKETS_MAX {
        store.create_bucket(&format!("bucket-{n}")).unwrap();
    }
    assert_eq!(store.create_bucket("one-more"), Err(Refusal::TooManyBuckets));
}

#[test]
fn a_body_that_is_said_to_be_too_long_is_not_waited_for() {
    with(&handler(&store()), async |mut wire| {
        let bytes = 4 * OBJECT_BYTES_MAX;
        let head = format!("PUT /shares/a HTTP/1.1\r\nhost: bucket\r\ncontent-length: {bytes}\r\n\r\n");
        wire.0.write_all(head.as_bytes()).await.unwrap();
        let mut got = vec![0; 4096];
        let count = wire.0.read(&mut got).await.unwrap();
        let got = String::from_utf8_lossy(&got[..count]).into_owned();
        assert!(got.starts_with("HTTP/1.1 400 ") && got.contains("<Code>EntityTooLarge</Code>"), "{got}");
    });
}
