//! Requests that fail: what is tried again, what became of what may have happened, and what is said of it.

use std::time::Duration;

use bytes::Bytes;
use lafs::net::message::Trouble;
use lafs::server::backend::s3::{RetryPolicy, container};
use lafs::server::backend::{Backend, BackendError};

use super::{BUCKET, Bucket, SECRET, Trick};
use crate::conformance::{INDEX, SHARE, content, lease};
use crate::in_memory::Wire;
use crate::mutable::{get, put};

type Backend3 = lafs::server::backend::S3Backend<Wire>;

/// A bucket with a mutable share of ten bytes, and a backend of that policy that knows the service.
fn with_a_share(policy: &str, work: impl AsyncFnOnce(&Bucket, &Backend3)) {
    let bucket = Bucket::new();
    bucket.run(async {
        let backend = bucket.backend("", policy);
        put(&backend, SHARE, 10).await.unwrap();
        bucket.asked();
        work(&bucket, &backend).await;
    });
}

fn trouble<T: std::fmt::Debug>(outcome: Result<T, BackendError>) -> Trouble {
    match outcome {
        Err(BackendError::Medium(trouble)) => *trouble,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_read_goes_on_after_whatever_may_pass() {
    let tricks = [
        Trick::error(500, "InternalError"),
        Trick::error(502, "BadGateway"),
        Trick::error(503, "SlowDown"),
        Trick::error(504, "GatewayTimeout"),
        Trick::error(429, "TooManyRequests"),
        Trick::error(400, "RequestTimeout"),
        Trick::error(409, "OperationAborted"),
        Trick::error(200, "InternalError"),
        Trick::Hang { applied: false },
        Trick::Break { applied: false },
        Trick::Flip,
        Trick::Header("etag", "\"00000000000000000000000000000000\""),
        Trick::Header("content-range", "bytes 1-10/26"),
    ];
    for trick in tricks {
        with_a_share("ours", async |bucket, backend| {
            bucket.trick("GET", trick.clone());
            assert_eq!(get(backend, SHARE).await, Some(content(10)), "{trick:?}");
            assert_eq!(bucket.asked(), ["GET", "GET"], "{trick:?}");
        });
    }
}

#[test]
fn what_will_not_pass_is_asked_once_and_is_not_absence() {
    for (status, code) in [
        (403, "AccessDenied"),
        (403, "RequestTimeTooSkewed"),
        (404, "NoSuchBucket"),
        (404, ""),
        (410, "Gone"),
        (400, "InvalidArgument"),
    ] {
        with_a_share("ours", async |bucket, backend| {
            bucket.trick("GET", Trick::error(status, code));
            let trouble = trouble(backend.mutable_read(INDEX, SHARE, 0..10).await);
            assert_eq!((trouble.status, trouble.may_pass, trouble.attempts), (Some(status), false, 1));
            assert_eq!(bucket.asked(), ["GET"]);
        });
    }
}

#[test]
fn a_share_that_cannot_be_read_makes_the_slot_an_error() {
    with_a_share("none", async |bucket, backend| {
        for kind in ["LIST", "GET"] {
            bucket.trick(kind, Trick::error(503, "SlowDown"));
            let trouble = trouble(backend.mutable_slot(INDEX).await);
            assert_eq!((trouble.status, trouble.may_pass), (Some(503), true));
        }
        bucket.trick("GET", Trick::error(404, "NoSuchKey"));
        let trouble = trouble(backend.mutable_slot(INDEX).await);
        assert!(trouble.may_pass, "listed, and said not to be there: {trouble}");
        bucket.asked();
        assert_eq!(backend.mutable_slot(INDEX).await.unwrap().len(), 1);
    });
}

#[test]
fn half_a_listing_is_no_listing() {
    with_a_share("none", async |bucket, backend| {
        let documents = [
            "<ListBucketResult><IsTruncated>false</IsTruncated>",
            "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
            "<html><body>Welcome to nginx</body></html>",
            "",
            "<ListBucketResult><Contents><Key>elsewhere/0</Key></Contents></ListBucketResult>",
        ];
        for body in documents {
            let answer = Trick::Answer { status: 200, body: body.into(), applied: false, retry_after: None };
            bucket.trick("LIST", answer);
            assert!(trouble(backend.mutable_shares(INDEX).await).may_pass, "{body}");
        }
    });
}

/// What can happen to a put so that nobody knows whether it was done.
fn doubts(applied: bool) -> Vec<Trick> {
    let error = if applied { Trick::after } else { Trick::error };
    vec![
        error(500, "InternalError"),
        error(503, "ServiceUnavailable"),
        Trick::Hang { applied },
        Trick::Break { applied },
    ]
}

#[test]
fn a_put_that_was_done_is_done_under_every_policy() {
    for policy in RetryPolicy::NAMES {
        for trick in doubts(true) {
            with_a_share(policy, async |bucket, backend| {
                bucket.trick("PUT", trick.clone());
                assert_eq!(put(backend, SHARE, 20).await, Ok(()), "{policy} {trick:?}");
                assert_eq!(get(backend, SHARE).await, Some(content(20)));
                bucket.asked();
                put(backend, SHARE, 30).await.unwrap();
                assert_eq!(bucket.asked(), ["LIST", "GET", "PUT"], "the state is known as ever");
            });
        }
    }
}

#[test]
fn a_put_that_was_not_done_is_made_again_or_fails() {
    for policy in RetryPolicy::NAMES {
        for trick in doubts(false) {
            with_a_share(policy, async |bucket, backend| {
                bucket.trick("PUT", trick.clone());
                let outcome = put(backend, SHARE, 20).await;
                let is_answer = matches!(trick, Trick::Answer { .. });
                let again = policy != "none" && (policy != "once" || is_answer);
                let then = if again { 20 } else { 10 };
                assert_eq!(get(backend, SHARE).await, Some(content(then)), "{policy} {trick:?}");
                if again {
                    assert_eq!(outcome, Ok(()), "{policy} {trick:?}");
                } else {
                    assert!(trouble(outcome).may_pass);
                }
            });
        }
    }
}

#[test]
fn a_put_that_somebody_else_was_ahead_of_is_no_success() {
    for policy in ["once", "aws-standard", "ours"] {
        with_a_share(policy, async |bucket, backend| {
            let slot = backend.mutable_slot(INDEX).await.unwrap();
            let share = lafs::server::backend::MutableShare {
                enabler: slot[&SHARE].enabler.clone(),
                content: content(20),
            };
            let change = lafs::server::backend::Change {
                before: Some(slot[&SHARE].stamp.clone()),
                after: Some(share),
            };
            // Somebody else, with the same content: another nonce tells the two apart.
            put(&bucket.backend("", "ours"), SHARE, 20).await.unwrap();
            bucket.trick("PUT", Trick::error(500, "InternalError"));
            let outcome = backend.mutable_store(INDEX, [(SHARE, change)].into(), None).await;
            assert_eq!(outcome, Err(BackendError::Changed), "{policy}");
        });
    }
}

#[test]
fn a_new_share_and_its_lease_survive_doubt() {
    for trick in doubts(true) {
        with_a_share("once", async |bucket, backend| {
            let share = lafs::format::ShareNum(9);
            let after = Some(lafs::server::backend::MutableShare {
                enabler: Bytes::from_static(b"enabler"),
                content: content(5),
            });
            let change = lafs::server::backend::Change { before: None, after };
            bucket.trick("PUT", trick.clone());
            bucket.trick("PUT", trick.clone());
            let changes = [(share, change)].into();
            backend.mutable_store(INDEX, changes, Some(lease(1, 100))).await.unwrap();
            assert_eq!(backend.leases(INDEX).await.unwrap(), [lease(1, 100)]);
            assert_eq!(get(backend, share).await, Some(content(5)));
        });
    }
}

#[test]
fn an_immutable_share_survives_doubt() {
    for policy in RetryPolicy::NAMES {
        for trick in doubts(true) {
            with_a_share(policy, async |bucket, backend| {
                backend.create(INDEX, SHARE, 100).await.unwrap();
                backend.write(INDEX, SHARE, 0, content(100)).await.unwrap();
                bucket.trick("PUT", trick.clone());
                backend.publish(INDEX, SHARE).await.unwrap();
                assert_eq!(backend.read(INDEX, SHARE, 0..100).await.unwrap(), Some(content(100)));
            });
        }
    }
}

#[test]
fn a_share_that_could_not_be_published_can_be_published_later() {
    with_a_share("ours", async |bucket, backend| {
        backend.create(INDEX, SHARE, 100).await.unwrap();
        backend.write(INDEX, SHARE, 0, content(100)).await.unwrap();
        bucket.always(|_| Some(Trick::error(503, "SlowDown")));
        assert!(trouble(backend.publish(INDEX, SHARE).await).may_pass);
        bucket.heal();
        assert_eq!(backend.share_len(INDEX, SHARE).await.unwrap(), None);
        backend.write(INDEX, SHARE, 50, content(100).slice(50..)).await.unwrap();
        backend.publish(INDEX, SHARE).await.unwrap();
        assert_eq!(backend.read(INDEX, SHARE, 0..100).await.unwrap(), Some(content(100)));
    });
}

#[test]
fn a_service_that_is_down_costs_as_long_as_the_policy_says_and_no_longer() {
    for (policy, seconds) in [("none", 5), ("once", 5), ("aws-standard", 20), ("ours", 20)] {
        with_a_share(policy, async |bucket, backend| {
            bucket.always(|_| Some(Trick::Hang { applied: false }));
            let began = tokio::time::Instant::now();
            let trouble = trouble(backend.mutable_slot(INDEX).await);
            // Timers are good to a millisecond each.
            let most = Duration::from_millis(seconds * 1000 + 10);
            assert!(began.elapsed() <= most, "{policy}: {:?}", began.elapsed());
            assert!(trouble.may_pass && trouble.status.is_none(), "{trouble}");
            bucket.heal();
            assert_eq!(get(backend, SHARE).await, Some(content(10)), "it comes back");
        });
    }
}

#[test]
fn a_call_that_is_dropped_locks_nobody_out() {
    with_a_share("ours", async |bucket, backend| {
        bucket.trick("PUT", Trick::Hang { applied: true });
        let cut = tokio::time::timeout(Duration::from_secs(1), put(backend, SHARE, 20)).await;
        assert!(cut.is_err());
        put(backend, SHARE, 30).await.unwrap();
        assert_eq!(get(backend, SHARE).await, Some(content(30)));
    });
}

#[test]
fn a_storm_is_not_made_worse() {
    with_a_share("ours", async |bucket, backend| {
        bucket.always(|_| Some(Trick::error(503, "SlowDown")));
        let asks = 1000;
        for _ in 0..asks {
            assert!(backend.mutable_shares(INDEX).await.is_err());
        }
        let attempts = bucket.asked().len();
        assert!(attempts <= asks + 100, "{attempts} attempts at {asks} requests");
        let tally = backend.tally();
        assert!(tally.denied >= 900 && tally.given_up == 1000, "{tally:?}");
        bucket.heal();
        assert!(backend.mutable_shares(INDEX).await.is_ok());
    });
}

#[test]
fn a_service_that_names_a_time_is_waited_for() {
    with_a_share("ours", async |bucket, backend| {
        let busy = |seconds| match Trick::error(503, "SlowDown") {
            Trick::Answer { status, body, applied, .. } => {
                Trick::Answer { status, body, applied, retry_after: Some(seconds) }
            }
            other => other,
        };
        bucket.trick("LIST", busy(7));
        let began = tokio::time::Instant::now();
        backend.mutable_shares(INDEX).await.unwrap();
        assert_eq!(began.elapsed().as_secs(), 7);
        bucket.trick("LIST", busy(120));
        let began = tokio::time::Instant::now();
        let trouble = trouble(backend.mutable_shares(INDEX).await);
        assert_eq!((trouble.retry_after, trouble.attempts), (Some(Duration::from_secs(120)), 1));
        assert!(began.elapsed() < Duration::from_secs(1), "nobody waits for what comes too late");
    });
}

#[test]
fn what_an_error_says_is_short_plain_and_no_secret() {
    with_a_share("none", async |bucket, backend| {
        let bodies = [
            format!(
                "<Error><Code>{}</Code><RequestId>{}</RequestId></Error>",
                "A\u{1b}é".repeat(500),
                "B".repeat(999)
            ),
            "<html>".repeat(1_000_000),
            "x".repeat(100_000),
            String::new(),
            format!("<Error><Code>{SECRET} &lt;script&gt;</Code></Error>"),
        ];
        for body in bodies {
            let answer = Trick::Answer { status: 500, body: body.into(), applied: false, retry_after: None };
            bucket.trick("LIST", answer);
            let outcome = backend.mutable_shares(INDEX).await;
            let said = format!("{outcome:?}");
            assert!(said.len() < 600 && said.is_ascii(), "{said}");
            let trouble = trouble(outcome);
            assert_eq!(trouble.status, Some(500));
            assert!(trouble.encode().len() < 500);
        }
        for said in [format!("{backend:?}"), format!("{:?}", super::config("", "ours"))] {
            assert!(!said.contains(SECRET) && !said.contains("AKIA"), "{said}");
        }
    });
}

#[test]
fn nobody_there_is_said_as_such() {
    // Nobody accepts on this wire.
    let bucket = Bucket::new();
    let trouble = crate::in_memory::paused()
        .block_on(async { trouble(bucket.backend("", "ours").mutable_shares(INDEX).await) });
    assert_eq!((trouble.status, trouble.may_pass), (None, true));
}

#[test]
fn a_configuration_of_which_no_request_can_be_made_shows_in_each() {
    let bucket = Bucket::new();
    bucket.run(async {
        for prefix in ["../", "a//", "a?b/", "ä/"] {
            let trouble = trouble(bucket.backend(prefix, "ours").share_len(INDEX, SHARE).await);
            assert_eq!((trouble.may_pass, trouble.attempts), (false, 1), "{prefix}: {trouble}");
        }
        assert!(bucket.asked().is_empty());
    });
}

#[test]
fn the_object_of_a_mutable_share_opens_from_outside() {
    with_a_share("ours", async |bucket, _| {
        let key = format!("mutable/{INDEX}/{SHARE}");
        let object = bucket.store.get(BUCKET, &key).unwrap();
        let bare = |(name, value): (&String, &String)| {
            Some((name.strip_prefix("x-amz-meta-")?.to_owned(), value.clone()))
        };
        let metadata = object.headers.iter().filter_map(bare).collect();
        let share = container::open(&metadata, &object.content).unwrap();
        assert_eq!((&share.enabler[..], share.content), (&b"enabler"[..], content(10)));
    });
}
