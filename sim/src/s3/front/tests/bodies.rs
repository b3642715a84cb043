//! Bodies that stop, trickle, or are not as long as they should be.

use super::*;

const LONG: &str = "0123456789";

/// What comes of reading an object of ten bytes whose answer is spoilt so, and how often the fault has bitten.
fn read(with: &str) -> (Got, u64) {
    let mut got = None;
    let fault = format!("answer = \"bucket\"\nonly = \"gets\"\nwith = {with}");
    let bitten = play(&fault, async |s3| {
        assert_eq!(s3.put("a", LONG).await, 200);
        got = Some(s3.ask("GET /bkt/a", "").await);
    });
    (got.unwrap(), bitten)
}

#[test]
fn half_of_a_body_comes_and_then_nothing_or_the_end() {
    let (got, bitten) = read("\"stops in mid-body\"");
    assert_eq!((got.body().as_str(), got.ended, bitten), ("01234", false, 1));
    assert_eq!(got.header("content-length").as_deref(), Some("10"));
    let (got, bitten) = read("\"truncated\"");
    assert_eq!((got.body().as_str(), got.ended, bitten), ("01234", true, 1));
}

#[test]
fn a_body_trickles() {
    let (got, bitten) = read("\"drips\"\nrate = \"1 B/s\"");
    assert_eq!((got.body().as_str(), bitten), (LONG, 1));
    let (got, _) = read("\"drips\"\nrate = \"1 B/s\"\nkeys = \"b\"");
    assert_eq!(got.body(), LONG);
}

#[test]
fn a_body_is_longer_than_it_should_be_or_has_something_behind_it() {
    let (got, bitten) = read("\"too long\"");
    assert!(got.body().starts_with(LONG) && got.body().len() > LONG.len(), "{}", got.text());
    assert_eq!(got.header("content-length").unwrap(), got.body().len().to_string());
    assert_eq!(bitten, 1);
    let (got, bitten) = read("\"followed by garbage\"");
    assert!(got.body().starts_with(LONG) && got.body().len() > LONG.len(), "{}", got.text());
    assert_eq!((got.header("content-length").as_deref(), bitten), (Some("10"), 1));
    let (got, bitten) = read("\"wrong length\"");
    assert_eq!((got.body().as_str(), bitten), (LONG, 1));
    assert_ne!(got.header("content-length").as_deref(), Some("10"));
}

#[test]
fn a_head_that_announces_a_length_has_no_body_and_the_next_answer_is_whole() {
    play("answer = \"bucket\"\nwith = \"truncated\"\nonly = \"gets\"\nwhich = \"the 2nd\"", async |s3| {
        s3.put("a", LONG).await;
        let mut wire = s3.connect();
        for (request, bytes) in [("HEAD /bkt/a", ""), ("GET /bkt/a", LONG)] {
            wire.write_all(message(request, "").as_bytes()).await.unwrap();
            let got = heard(&mut wire).await;
            assert_eq!((got.status(), got.body().as_str()), (200, bytes));
            assert_eq!(got.header("content-length").as_deref(), Some("10"));
        }
    });
}
