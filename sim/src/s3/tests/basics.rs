//! Single objects.

use super::*;

const PUT: &str = "PUT /shares/a/b";
const GET: &str = "GET /shares/a/b";

#[test]
fn what_was_put_is_got() {
    with(&handler(&store()), async |mut wire| {
        let put = wire.ask(PUT, &["x-amz-meta-who: me", "content-type: text/plain"], b"hello").await;
        assert_eq!((put.status, put.header("etag")), (200, Some("\"5d41402abc4b2a76b9719d911017c592\"")));
        let got = wire.ask(GET, &[], b"").await;
        assert_eq!((got.status, &got.body[..]), (200, &b"hello"[..]));
        assert_eq!(got.header("x-amz-meta-who"), Some("me"));
        assert_eq!(got.header("content-type"), Some("text/plain"));
        assert_eq!(got.header("last-modified"), Some("Tue, 14 Nov 2023 22:13:20 GMT"));
        let head = wire.ask("HEAD /shares/a/b", &[], b"").await;
        assert_eq!((head.status, head.header("content-length")), (200, Some("5")));
        assert_eq!(head.header("etag"), put.header("etag"));
    });
}

#[test]
fn every_answer_has_identifiers_and_errors_repeat_them() {
    with(&handler(&store()), async |mut wire| {
        let put = wire.ask(PUT, &[], b"x").await;
        let id = put.header("x-amz-request-id").unwrap();
        assert!(
            id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit() && !byte.is_ascii_lowercase())
        );
        assert!(put.header("x-amz-id-2").is_some());
        let lost = wire.ask("GET /shares/nothing", &[], b"").await;
        assert_eq!((lost.status, lost.code().as_str()), (404, "NoSuchKey"));
        assert_eq!(lost.elements("RequestId"), [lost.header("x-amz-request-id").unwrap()]);
        assert_eq!(lost.elements("Resource"), ["/shares/nothing"]);
        assert_ne!(lost.header("x-amz-request-id"), put.header("x-amz-request-id"));
        let head = wire.ask("HEAD /shares/nothing", &[], b"").await;
        assert_eq!((head.status, head.body.len()), (404, 0));
    });
}

#[test]
fn a_round_trip_is_quick() {
    let rounds: u32 = std::env::var("ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(50);
    with(&handler(&store()), async |mut wire| {
        for _ in 0..rounds {
            assert_eq!(wire.ask(PUT, &["x-amz-meta-who: me"], &[7; 800]).await.status, 200);
            assert_eq!(wire.ask(GET, &[], b"").await.status, 200);
        }
    });
}
