//! Errors, resets, lost writes and stale reads: what comes, and what has been done.

use super::*;

#[test]
fn an_error_of_s3_is_worded_as_s3_does_and_not_carried_out() {
    let bitten = play(
        "answer = \"bucket\"\nwith = \"500 InternalError\"\nonly = \"puts\"\nwhich = \"the first\"",
        async |s3| {
            let got = s3.ask("PUT /bkt/s0/a", "one").await;
            assert_eq!(got.status(), 500);
            assert_eq!(got.header("content-type").as_deref(), Some("application/xml"));
            let (id, host) = (got.header("x-amz-request-id").unwrap(), got.header("x-amz-id-2").unwrap());
            let body = got.body();
            for part in [
                "<Code>InternalError</Code>",
                "<Message>We encountered an internal error. Please try again.</Message>",
                "<Resource>/bkt/s0/a</Resource>",
                &format!("<RequestId>{id}</RequestId>"),
                &format!("<HostId>{host}</HostId>"),
            ] {
                assert!(body.contains(part), "{part} in {body}");
            }
            assert_eq!(s3.get("s0/a").await, Err(404));
            assert_eq!(s3.put("s0/a", "one").await, 200);
            assert_eq!(s3.get("s0/a").await.as_deref(), Ok("one"));
        },
    );
    assert_eq!(bitten, 1);
}

#[test]
fn an_error_may_come_although_all_is_done() {
    play("answer = \"bucket\"\nwith = \"500\"\nonly = \"puts\"\napplied = true", async |s3| {
        assert_eq!(s3.put("a", "one").await, 500);
        assert_eq!(s3.get("a").await.as_deref(), Ok("one"));
    });
}

#[test]
fn an_answer_says_when_to_come_again() {
    play("answer = \"bucket\"\nwith = \"503 SlowDown\"\nretry_after = \"2s\"", async |s3| {
        let got = s3.ask("GET /bkt/a", "").await;
        assert_eq!((got.status(), got.header("retry-after").as_deref()), (503, Some("2")));
        assert!(got.body().contains("<Message>Please reduce your request rate.</Message>"));
    });
}

#[test]
fn a_bare_status_means_its_usual_code_and_a_proxy_speaks_no_xml() {
    play("answer = \"bucket\"\nwith = \"403\"", async |s3| {
        assert!(s3.ask("GET /bkt/a", "").await.body().contains("<Code>AccessDenied</Code>"));
    });
    play("answer = \"bucket\"\nwith = \"502\"", async |s3| {
        let got = s3.ask("GET /bkt/a", "").await;
        assert_eq!(got.status(), 502);
        assert!(!got.body().contains("<Error>"), "{}", got.text());
    });
}

#[test]
fn an_error_to_head_has_no_body() {
    play("answer = \"bucket\"\nwith = \"500\"\nonly = \"heads\"", async |s3| {
        let got = s3.ask("HEAD /bkt/a", "").await;
        assert_eq!((got.status(), got.body().as_str()), (500, ""));
        assert!(got.header("x-amz-request-id").is_some());
        assert!(got.header("x-squall-bodiless").is_none(), "{}", got.text());
    });
}

#[test]
fn an_error_document_comes_under_a_status_of_success() {
    play("answer = \"bucket\"\nwith = \"200 InternalError\"\nonly = \"puts\"", async |s3| {
        let got = s3.ask("PUT /bkt/a", "one").await;
        assert_eq!(got.status(), 200);
        assert!(got.body().contains("<Code>InternalError</Code>"));
        assert_eq!(s3.get("a").await, Err(404));
    });
}

#[test]
fn a_reset_comes_before_the_status_line() {
    for applied in [false, true] {
        let fault = format!("answer = \"bucket\"\nwith = \"reset\"\nonly = \"puts\"\napplied = {applied}");
        let bitten = play(&fault, async |s3| {
            let got = s3.ask("PUT /bkt/a", "one").await;
            assert_eq!((got.bytes.as_slice(), got.ended), (RESET, true));
            assert_eq!(s3.get("a").await.is_ok(), applied);
        });
        assert_eq!(bitten, 1);
    }
}

#[test]
fn what_is_lost_is_acknowledged_with_the_tag_it_would_have() {
    let bitten = play("answer = \"bucket\"\nwith = \"lost\"\nwhich = \"every 2nd\"", async |s3| {
        let kept = s3.ask("PUT /bkt/a", "one").await;
        let lost = s3.ask("PUT /bkt/b", "one").await;
        assert_eq!((lost.status(), lost.header("etag")), (200, kept.header("etag")));
        assert_eq!((s3.get("a").await.as_deref(), s3.get("bkt").await), (Ok("one"), Err(404)));
        s3.ask("DELETE /bkt/c", "").await;
        assert_eq!(s3.ask("DELETE /bkt/a", "").await.status(), 204);
        assert_eq!(s3.get("a").await.as_deref(), Ok("one"));
    });
    assert_eq!(bitten, 2);
}

#[test]
fn a_stale_read_shows_what_was_there_before_and_bites_only_then() {
    let bitten = play("answer = \"bucket\"\nwith = \"stale\"", async |s3| {
        s3.put("a", "one").await;
        assert_eq!(s3.get("a").await, Err(404), "not there yet");
        s3.put("a", "two").await;
        assert_eq!(s3.get("a").await.as_deref(), Ok("one"));
        assert_eq!(s3.get("nothing").await, Err(404));
    });
    assert_eq!(bitten, 2, "what was never there is no stale read");
}

#[test]
fn a_wrong_tag_is_none_that_anything_has() {
    let bitten = play("answer = \"bucket\"\nwith = \"wrong etag\"", async |s3| {
        let put = s3.ask("PUT /bkt/a", "one").await.header("etag").unwrap();
        let got = s3.ask("GET /bkt/a", "").await;
        assert_eq!(got.header("etag").unwrap(), put);
        assert_ne!(put, "\"f97c5d29941bfb1b2fdab0874906ab82\"", "the MD5 of `one`");
        assert_eq!(got.body(), "one");
        assert_eq!(s3.get("nothing").await, Err(404));
    });
    assert_eq!(bitten, 2, "what is not there has no tag");
}

#[test]
fn only_what_is_named_is_struck() {
    let kinds = [
        ("puts", "PUT /bkt/k/x"),
        ("gets", "GET /bkt/k/x"),
        ("heads", "HEAD /bkt/k/x"),
        ("lists", "GET /bkt?list-type=2&prefix=k%2F"),
        ("deletes", "DELETE /bkt/k/x"),
        ("multipart", "POST /bkt/k/x?uploads"),
    ];
    for (word, _) in kinds {
        let fault = format!("answer = \"bucket\"\nwith = \"503\"\nonly = \"{word}\"\nkeys = \"k/\"");
        let bitten = play(&fault, async |s3| {
            for (other, request) in kinds {
                let struck = s3.ask(request, "").await.status() == 503;
                assert_eq!(struck, word == other, "{word}: {request}");
                let elsewhere = s3.ask(&request.replace("/k/", "/l/").replace("=k%2F", "=l%2F"), "").await;
                assert_ne!(elsewhere.status(), 503, "{word}: another key");
            }
        });
        assert_eq!(bitten, 1, "{word}");
    }
}
