//! Each way of spoiling an answer, byte by byte.

use tokio::time::Instant;

use crate::raw::*;

const GARBAGE: &[u8] = b"garbage, not asked for\r\n";

fn spoilt(with: &str) -> String {
    format!("answer = \"s0\"\nwith = {with}")
}

#[test]
fn a_status_comes_with_a_body_and_the_connection_goes_on() {
    play(&spoilt("\"503\""), 0, |world| async move {
        let mut wire = world.connect("s0").await;
        for _ in 0..2 {
            wire.get(None).await;
            let (status, head) = wire.head().await;
            assert_eq!(status, 503);
            let body = b"Service Unavailable (this is a fault)\n";
            assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{head}");
            assert_eq!(wire.bytes(body.len()).await, body);
        }
        assert_eq!(wire.within(secs(10)).await, (vec![], false));
        assert_eq!(world.receipt().touched, 2);
        let mut other = world.connect("s1").await;
        other.get(None).await;
        assert_eq!(other.head().await.0, 404, "the other server is well");
        let lines = world.lines().join("\n");
        assert!(lines.contains("s0       \"it\" spoils its answer to bytes of share 0: 503"), "{lines}");
    });
}

/// What a corruption report leaves behind that is answered with a status.
fn reports_left(with: &'static str) {
    play(&spoilt(with), 0, move |world| async move {
        let mut wire = world.connect("s0").await;
        let reason = b"\xa1freasonerusty";
        wire.send(
            "POST",
            &format!("immutable/{INDEX}/0/corrupt"),
            "Content-Type: application/cbor\r\n",
            reason,
        )
        .await;
        assert_eq!(wire.head().await.0, 500);
        let applied = usize::from(with.contains("applied"));
        assert_eq!(world.disk("s0").corruption_reports().len(), applied);
    });
}

#[test]
fn a_status_leaves_the_request_undone_unless_it_is_applied() {
    reports_left("\"500\"");
    reports_left("\"500\"\napplied = true");
}

#[test]
fn a_body_that_stops_is_announced_whole_and_its_connection_stays_open() {
    play(&spoilt("\"stops in mid-body\""), 0, |world| async move {
        let mut wire = world.connect("s0").await;
        wire.get(None).await;
        let (status, head) = wire.head().await;
        assert_eq!(status, 200);
        assert!(head.contains("content-length: 100\r\n"), "{head}");
        assert_eq!(wire.within(secs(250)).await, (SHARE[..50].to_vec(), false));
        assert_eq!(world.receipt().touched, 1);
    });
}

#[test]
fn a_body_that_drips_comes_whole_at_its_rate() {
    play(&spoilt("\"drips\"\nrate = \"10 B/s\""), 0, |world| async move {
        let mut wire = world.connect("s0").await;
        wire.get(Some("0-99")).await;
        let (status, head) = wire.head().await;
        assert_eq!(status, 206);
        assert!(head.contains("content-length: 100\r\n"), "{head}");
        let began = Instant::now();
        assert_eq!(wire.bytes(50).await, SHARE[..50]);
        let half = began.elapsed().as_secs_f64();
        assert!((4.8..5.2).contains(&half), "{half}");
        assert_eq!(wire.bytes(50).await, SHARE[50..]);
        let all = began.elapsed().as_secs_f64();
        assert!((9.8..10.2).contains(&all), "{all}");
        wire.get(Some("3-4")).await;
        assert_eq!(wire.head().await.0, 206, "the connection goes on");
        assert_eq!(wire.bytes(2).await, b"34");
    });
}

#[test]
fn drips_faster_than_ten_a_second_come_in_pieces() {
    play(&spoilt("\"drips\"\nrate = \"50 B/s\""), 0, |world| async move {
        let mut wire = world.connect("s0").await;
        wire.get(None).await;
        wire.head().await;
        let began = Instant::now();
        assert_eq!(wire.bytes(100).await, SHARE);
        let all = began.elapsed().as_secs_f64();
        assert!((1.8..2.2).contains(&all), "{all}");
    });
}

#[test]
fn a_truncated_body_is_announced_whole_and_ends_with_its_connection() {
    play(&spoilt("\"truncated\""), 0, |world| async move {
        let mut wire = world.connect("s0").await;
        wire.get(None).await;
        let (status, head) = wire.head().await;
        assert_eq!(status, 200);
        assert!(head.contains("content-length: 100\r\n"), "{head}");
        assert_eq!(wire.within(secs(1)).await, (SHARE[..50].to_vec(), true));
        assert_eq!(world.receipt().touched, 1);
    });
}

#[test]
fn a_body_that_is_too_long_says_so_and_nothing_follows_it() {
    play(&spoilt("\"too long\""), 0, |world| async move {
        let mut wire = world.connect("s0").await;
        for _ in 0..2 {
            wire.get(Some("10-19")).await;
            let (status, head) = wire.head().await;
            assert_eq!(status, 206);
            assert!(head.contains("content-length: 34\r\n"), "{head}");
            assert!(head.contains("content-range: bytes 10-43/*\r\n"), "{head}");
            assert_eq!(wire.bytes(34).await, [&SHARE[10..20], GARBAGE].concat());
        }
        assert_eq!(wire.within(secs(10)).await, (vec![], false));
    });
}

#[test]
fn garbage_follows_a_message_that_is_right() {
    play(&spoilt("\"followed by garbage\""), 0, |world| async move {
        let mut wire = world.connect("s0").await;
        for _ in 0..2 {
            wire.get(Some("10-19")).await;
            let (status, head) = wire.head().await;
            assert_eq!(status, 206);
            assert!(head.contains("content-length: 10\r\n"), "{head}");
            assert_eq!(wire.bytes(10 + GARBAGE.len()).await, [&SHARE[10..20], GARBAGE].concat());
        }
        assert_eq!(wire.within(secs(10)).await, (vec![], false));
    });
}

#[test]
fn a_wrong_length_is_too_small_or_too_large_and_the_body_is_right() {
    let lengths = std::rc::Rc::default();
    for seed in 0..8 {
        let seen = std::rc::Rc::clone(&lengths);
        play(&spoilt("\"wrong length\""), seed, |world| async move {
            let mut wire = world.connect("s0").await;
            wire.get(None).await;
            let (_, head) = wire.head().await;
            let length = head.split_once("content-length: ").and_then(|(_, rest)| rest.split_once("\r\n"));
            let length: u64 = length.unwrap().0.parse().unwrap();
            let seen: std::rc::Rc<std::cell::RefCell<std::collections::BTreeSet<u64>>> = seen;
            seen.borrow_mut().insert(length);
            assert_eq!(wire.within(secs(10)).await, (SHARE.to_vec(), false));
            wire.get(Some("1-2")).await;
            wire.head().await;
            assert_eq!(wire.bytes(2).await, b"12", "the server goes on as if nothing had been");
        });
    }
    assert_eq!(lengths.borrow().iter().copied().collect::<Vec<_>>(), [50, 124]);
}

#[test]
fn an_answer_without_a_body_cannot_be_cut_and_is_no_bite() {
    for with in [
        "\"stops in mid-body\"",
        "\"drips\"\nrate = \"1 B/s\"",
        "\"truncated\"",
        "\"wrong length\"",
        "\"too long\"",
    ] {
        play(&spoilt(with), 0, |world| async move {
            let mut wire = world.connect("s0").await;
            wire.get(Some("200-201")).await;
            assert_eq!(wire.head().await.0, 204);
            assert_eq!(wire.within(secs(10)).await, (vec![], false));
            assert_eq!(world.receipt().touched, 0);
        });
    }
}

#[test]
fn a_long_body_is_cut_in_its_middle_too() {
    play(&spoilt("\"truncated\""), 0, |world| async move {
        let long: Vec<u8> = (0..1_000_000u32).map(|n| (n / 251) as u8).collect();
        world.disk("s0").put(index(), lafs::format::ShareNum(1), long.clone().into());
        let mut wire = world.connect("s0").await;
        wire.send("GET", &format!("immutable/{INDEX}/1"), "", b"").await;
        wire.head().await;
        let (bytes, ended) = wire.within(secs(1)).await;
        assert!(ended);
        assert_eq!(bytes, long[..500_000]);
    });
}
