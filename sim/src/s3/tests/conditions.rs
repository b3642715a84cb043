//! Conditions, ranges, copies and digests of single objects.

use super::*;

/// Two objects: `a` with `12345`, and its entity tag.
async fn stored(wire: &mut Wire) -> String {
    let put = wire.ask("PUT /shares/a", &["x-amz-meta-who: me", "content-type: text/plain"], b"12345").await;
    assert_eq!(put.status, 200);
    put.header("etag").unwrap().to_owned()
}

#[test]
fn ranges_are_as_http_has_them() {
    with(&handler(&store()), async |mut wire| {
        stored(&mut wire).await;
        let cases: [(&str, &[u8], &str); 5] = [
            ("0-0", b"1", "bytes 0-0/5"),
            ("1-3", b"234", "bytes 1-3/5"),
            ("3-", b"45", "bytes 3-4/5"),
            ("3-99", b"45", "bytes 3-4/5"),
            ("-2", b"45", "bytes 3-4/5"),
        ];
        for (range, body, place) in cases {
            let got = wire.ask("GET /shares/a", &[&format!("range: bytes={range}")], b"").await;
            assert_eq!((got.status, &got.body[..], got.header("content-range")), (206, body, Some(place)));
        }
        for range in ["5-", "9-12", "-0"] {
            let got = wire.ask("GET /shares/a", &[&format!("range: bytes={range}")], b"").await;
            assert_eq!((got.status, got.code().as_str()), (416, "InvalidRange"), "{range}");
        }
    });
}

#[test]
fn reads_have_conditions() {
    with(&handler(&store()), async |mut wire| {
        let etag = stored(&mut wire).await;
        let (same, other) = (format!("if-match: {etag}"), "if-match: \"0\"".to_owned());
        let (not_same, not_other) = (format!("if-none-match: {etag}"), "if-none-match: \"0\"".to_owned());
        let (early, late) = ("Tue, 14 Nov 2023 22:13:19 GMT", "Tue, 14 Nov 2023 22:13:20 GMT");
        let since = |word: &str, when: &str| format!("if-{word}-since: {when}");
        let cases = [
            (vec![same.clone()], 200),
            (vec![other.clone()], 412),
            (vec!["if-match: *".to_owned()], 200),
            (vec![not_same.clone()], 304),
            (vec![not_other.clone()], 200),
            (vec![since("modified", early)], 200),
            (vec![since("modified", late)], 304),
            (vec![since("unmodified", early)], 412),
            (vec![since("unmodified", late)], 200),
            // Entity tags are better than dates.
            (vec![same, since("unmodified", early)], 200),
            (vec![not_other, since("modified", late)], 200),
        ];
        for (headers, status) in cases {
            let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
            for method in ["GET", "HEAD"] {
                let got = wire.ask(&format!("{method} /shares/a"), &headers, b"").await;
                assert_eq!(got.status, status, "{method} {headers:?}");
                assert!(status != 304 || got.body.is_empty());
            }
        }
    });
}

#[test]
fn writes_have_conditions() {
    with(&handler(&store()), async |mut wire| {
        let etag = stored(&mut wire).await;
        let refused = wire.ask("PUT /shares/a", &["if-none-match: *"], b"x").await;
        assert_eq!((refused.status, refused.code().as_str()), (412, "PreconditionFailed"));
        assert_eq!(wire.ask("PUT /shares/b", &["if-none-match: *"], b"x").await.status, 200);
        let same = format!("if-match: {etag}");
        assert_eq!(wire.ask("PUT /shares/nothing", &[&same], b"x").await.code(), "NoSuchKey");
        assert_eq!(wire.ask("PUT /shares/a", &[&same], b"x").await.status, 200);
        assert_eq!(wire.ask("PUT /shares/a", &[&same], b"y").await.status, 412);
        let some = wire.ask("PUT /shares/a", &["if-none-match: \"0\""], b"y").await;
        assert_eq!((some.status, some.code().as_str()), (501, "NotImplemented"));
        assert_eq!(wire.ask("DELETE /shares/a", &[&same], b"").await.status, 412);
        assert_eq!(wire.ask("GET /shares/a", &[], b"").await.body, b"x");
        assert_eq!(wire.ask("DELETE /shares/a", &["if-match: *"], b"").await.status, 204);
        assert_eq!(wire.ask("DELETE /shares/a", &[], b"").await.status, 204);
    });
}

#[test]
fn a_body_that_is_not_what_was_sent_is_refused() {
    let store = store();
    with(&handler(&store), async |mut wire| {
        let right = "content-md5: XUFAKrxLKna5cZ2REBfFkg==";
        assert_eq!(wire.ask("PUT /shares/a", &[right], b"hello").await.status, 200);
        let cases = [
            (right, "BadDigest"),
            ("content-md5: XUFA", "InvalidDigest"),
            ("content-md5: not base64", "InvalidDigest"),
            ("x-amz-checksum-crc32: NhCmhg==", "BadDigest"),
            ("x-amz-checksum-sha256: nonsense", "BadDigest"),
        ];
        for (header, code) in cases {
            let refused = wire.ask("PUT /shares/a", &[header], b"jello").await;
            assert_eq!((refused.status, refused.code().as_str()), (400, code), "{header}");
        }
        let put = wire.ask("PUT /shares/sum", &["x-amz-checksum-crc32: NhCmhg=="], b"hello").await;
        assert_eq!((put.status, put.header("x-amz-checksum-crc32")), (200, Some("NhCmhg==")));
        let plain = wire.ask("GET /shares/sum", &[], b"").await;
        assert_eq!(plain.header("x-amz-checksum-crc32"), None);
        let asked = wire.ask("GET /shares/sum", &["x-amz-checksum-mode: ENABLED"], b"").await;
        assert_eq!(asked.header("x-amz-checksum-crc32"), Some("NhCmhg=="));
    });
    assert_eq!(store.get("shares", "a").unwrap().content, "hello");
}

#[test]
fn a_copy_has_the_metadata_of_its_source_unless_it_brings_some() {
    with(&handler(&store()), async |mut wire| {
        let etag = stored(&mut wire).await;
        let source = "x-amz-copy-source: /shares/a";
        let copied = wire.ask("PUT /shares/b", &[source], b"").await;
        assert_eq!((copied.status, copied.elements("ETag")), (200, vec![etag]));
        assert_eq!(wire.ask("HEAD /shares/b", &[], b"").await.header("x-amz-meta-who"), Some("me"));
        let replace = [source, "x-amz-metadata-directive: REPLACE", "x-amz-meta-what: else"];
        assert_eq!(wire.ask("PUT /shares/b", &replace, b"").await.status, 200);
        let head = wire.ask("HEAD /shares/b", &[], b"").await;
        assert_eq!((head.header("x-amz-meta-who"), head.header("x-amz-meta-what")), (None, Some("else")));
        let onto_itself = wire.ask("PUT /shares/a", &[source], b"").await;
        assert_eq!((onto_itself.status, onto_itself.code().as_str()), (400, "InvalidArgument"));
        let unless = [source, "x-amz-copy-source-if-match: \"0\""];
        assert_eq!(wire.ask("PUT /shares/b", &unless, b"").await.status, 412);
    });
}

#[test]
fn signatures_and_chunks_are_taken_away() {
    let store = store();
    with(&handler(&store), async |mut wire| {
        let headers = [
            "authorization: AWS4-HMAC-SHA256 Credential=me/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=00",
            "x-amz-content-sha256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
            "x-amz-decoded-content-length: 5",
            "content-encoding: aws-chunked,gzip",
            "x-amz-trailer: x-amz-checksum-crc32",
        ];
        let body = b"3;chunk-signature=00\r\nhel\r\n2;chunk-signature=01\r\nlo\r\n0;chunk-signature=02\r\n\
                     x-amz-checksum-crc32:NhCmhg==\r\nx-amz-trailer-signature:00\r\n\r\n";
        assert_eq!(
            wire.ask("PUT /shares/a?X-Amz-Signature=00&X-Amz-Expires=9", &headers, body).await.status,
            200
        );
        let wrong = String::from_utf8_lossy(body).replace("hel", "jel");
        assert_eq!(wire.ask("PUT /shares/a", &headers, wrong.as_bytes()).await.code(), "BadDigest");
        let cut = wire.ask("PUT /shares/a", &headers, &body[..30]).await;
        assert_eq!((cut.status, cut.code().as_str()), (400, "IncompleteBody"));
    });
    let object = store.get("shares", "a").unwrap();
    assert_eq!((&object.content[..], object.headers["content-encoding"].as_str()), (&b"hello"[..], "gzip"));
}
