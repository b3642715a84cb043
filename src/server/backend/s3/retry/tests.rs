//! What the policies do, failure by failure.

use std::io;

use proptest::prelude::*;

use super::*;

const LONG: Duration = Duration::from_secs(1000);

fn refused(status: u16, code: &str) -> S3Error {
    let code = (!code.is_empty()).then(|| code.to_owned());
    S3Error { status: Some(status), code, ..S3Error::new(What::Refused) }
}

fn tried_again(policy: &str, error: &S3Error) -> bool {
    RetryPolicy::named(policy).unwrap().wait(error, 1, LONG, 0).is_some()
}

/// Whether `once`, `aws-standard` and `ours` try again.
fn all(error: &S3Error) -> [bool; 3] {
    assert!(!tried_again("none", error), "{error}");
    ["once", "aws-standard", "ours"].map(|policy| tried_again(policy, error))
}

#[test]
fn what_may_pass_is_tried_again() {
    for (status, code) in
        [(500, "InternalError"), (502, ""), (503, ""), (503, "ServiceUnavailable"), (504, "")]
    {
        assert_eq!(all(&refused(status, code)), [true, true, true], "{status} {code}");
    }
    assert_eq!(all(&refused(503, "SlowDown")), [true, true, true]);
    for (status, code) in [(429, ""), (400, "RequestTimeout"), (200, "InternalError"), (200, "SlowDown")] {
        assert_eq!(all(&refused(status, code)), [false, true, true], "{status} {code}");
    }
    for what in [What::Connect(io::ErrorKind::ConnectionRefused), What::Lost, What::TimedOut] {
        assert_eq!(all(&S3Error::new(what)), [false, true, true], "{what:?}");
    }
    for error in [
        S3Error::new(What::Damaged("another checksum")),
        refused(400, "BadDigest"),
        refused(409, "ConditionalRequestConflict"),
        refused(409, "OperationAborted"),
    ] {
        assert_eq!(all(&error), [false, false, true], "{error}");
    }
}

#[test]
fn what_stays_as_it_is_is_not_tried_again() {
    for (status, code) in [
        (403, "AccessDenied"),
        (403, "RequestTimeTooSkewed"),
        (403, "SlowDown"),
        (404, "NoSuchKey"),
        (404, "NoSuchBucket"),
        (404, ""),
        (409, "BucketNotEmpty"),
        (410, "Gone"),
        (412, "PreconditionFailed"),
        (400, "InvalidArgument"),
        (301, "PermanentRedirect"),
        (200, "AccessDenied"),
    ] {
        assert_eq!(all(&refused(status, code)), [false, false, false], "{status} {code}");
    }
    assert_eq!(all(&S3Error::new(What::Unusable("no url"))), [false, false, false]);
    assert_eq!(all(&refused(501, "NotImplemented")), [true, false, false], "2012 did not look closely");
}

#[test]
fn every_name_is_that_of_a_policy() {
    for name in RetryPolicy::NAMES {
        assert!(RetryPolicy::named(name).is_some());
    }
    assert_eq!(RetryPolicy::named("theirs"), None);
}

#[test]
fn attempts_are_counted() {
    for (name, attempts) in [("none", 1), ("once", 2), ("aws-standard", 3), ("ours", 6)] {
        let policy = RetryPolicy::named(name).unwrap();
        let more = |attempt: &u32| policy.wait(&refused(500, ""), *attempt, LONG, 0).is_some();
        assert_eq!(1 + u32::try_from((1..20).filter(more).count()).unwrap(), attempts, "{name}");
    }
}

#[test]
fn waits_double_up_to_their_bound_and_are_longer_when_throttled() {
    let most = |policy: &RetryPolicy, error: &S3Error, attempt| {
        policy.wait(error, attempt, LONG, u64::MAX).unwrap().as_millis().next_multiple_of(100)
    };
    let (ours, error) = (RetryPolicy::ours(), refused(500, ""));
    assert_eq!([1, 2, 3, 4, 5].map(|attempt| most(&ours, &error, attempt)), [100, 200, 400, 800, 1600]);
    let slow = refused(503, "SlowDown");
    assert_eq!([1, 2, 3, 4, 5].map(|attempt| most(&ours, &slow, attempt)), [1000, 2000, 4000, 5000, 5000]);
    let standard = RetryPolicy::aws_standard();
    assert_eq!([1, 2].map(|attempt| most(&standard, &error, attempt)), [1000, 2000]);
    assert_eq!(RetryPolicy::once().wait(&error, 1, LONG, u64::MAX), Some(Duration::ZERO));
}

#[test]
fn a_service_that_asks_for_time_gets_it_if_there_is_so_much() {
    let asked = S3Error { retry_after: Some(Duration::from_secs(7)), ..refused(503, "SlowDown") };
    let ours = RetryPolicy::ours();
    assert_eq!(ours.wait(&asked, 1, LONG, 0), Some(Duration::from_secs(7)));
    assert_eq!(ours.wait(&asked, 1, Duration::from_secs(7), 0), None, "there would be no time left to ask");
    assert_eq!(RetryPolicy::aws_standard().wait(&asked, 1, LONG, 0), Some(Duration::ZERO));
}

#[test]
fn tokens_run_out_and_come_back() {
    let (error, timeout) = (refused(500, ""), S3Error::new(What::TimedOut));
    let mut tokens = Tokens::new(RetryPolicy::ours().quota);
    assert_eq!((0..200).filter(|_| tokens.take(&error).is_some()).count(), 100);
    for _ in 0..9 {
        tokens.succeeded(None);
    }
    assert_eq!((tokens.take(&timeout), tokens.take(&error)), (None, Some(5)));
    tokens.succeeded(Some(5));
    assert_eq!(tokens.left, 9);
    for _ in 0..1000 {
        tokens.succeeded(None);
    }
    assert_eq!((0..200).filter(|_| tokens.take(&timeout).is_some()).count(), 50);
    let mut unbounded = Tokens::new(None);
    assert!((0..10_000).all(|_| unbounded.take(&timeout).is_some()));
}

#[test]
fn bytes_make_room_in_the_limits() {
    let ours = RetryPolicy::ours();
    assert_eq!(ours.deadline(0), Duration::from_secs(20));
    assert_eq!(ours.deadline(30_000_000), Duration::from_secs(50));
    let limit = ours.attempt_limit(0, Duration::from_secs(18));
    assert_eq!((limit.floor, limit.most), (Duration::from_secs(5), Duration::from_secs(2)));
}

proptest! {
    #[test]
    fn no_wait_is_longer_than_what_is_left(
        status in 400u16..600, attempt in 1u32..10, left in 0u64..30_000, random: u64, asked in 0u64..5000,
    ) {
        let left = Duration::from_millis(left);
        let error = S3Error { retry_after: Some(Duration::from_secs(asked)), ..refused(status, "SlowDown") };
        for name in RetryPolicy::NAMES {
            let policy = RetryPolicy::named(name).unwrap();
            prop_assert!(policy.wait(&error, attempt, left, random).is_none_or(|wait| wait < left));
        }
    }
}
