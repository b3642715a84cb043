//! Our client and a server that does not keep to the protocol.

use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{Either, join, select};
use lafs::format::ShareNum;
use lafs::net::client::{Progress, RequestError, StorageClient};
use lafs::net::message::Trouble;
use lafs::net::{Dial, Listen};
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::Instant;

use crate::a_client::{INDEX, LEASES, SECRET, SHARE, client, info, transport};
use crate::in_memory::{Wire, paused};

/// Reads the head of a request. False at the end of the stream.
async fn request(conn: &mut DuplexStream) -> bool {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match conn.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return false,
        }
    }
    true
}

/// What `read(0..10)` makes of these bytes. The connection stays open behind them unless `closes`.
fn read_answered_by(answer: &[u8], closes: bool) -> Result<Bytes, RequestError> {
    paused().block_on(async {
        let mut wire = Wire::default();
        let client = client(&wire);
        let answering = async {
            let mut conn = wire.accept().await.unwrap();
            request(&mut conn).await;
            let _ = conn.write_all(answer).await;
            if !closes {
                std::future::pending::<()>().await;
            }
            drop(conn);
            std::future::pending::<()>().await;
        };
        let progress = Progress::default();
        let asking = client.read(INDEX, SHARE, 0..10, &progress);
        match select(pin!(asking), pin!(answering)).await {
            Either::Left((result, _)) => result,
            Either::Right(_) => unreachable!("answering never ends"),
        }
    })
}

fn malformed(answer: &str) {
    let result = read_answered_by(answer.as_bytes(), false);
    assert!(matches!(result, Err(RequestError::Malformed(_))), "{answer:?}: {result:?}");
}

const HEAD: &str = "HTTP/1.1 206 Partial Content\r\nContent-Type: application/octet-stream\r\n";

#[test]
fn chunked_answers_are_taken() {
    let answer = format!(
        "{HEAD}Content-Range: bytes 0-9/*\r\nTransfer-Encoding: chunked\r\n\r\n\
         4\r\n0123\r\n6;x=y\r\n456789\r\n0\r\n\r\n"
    );
    assert_eq!(read_answered_by(answer.as_bytes(), false).unwrap(), "0123456789");
}

#[test]
fn an_answer_that_ends_with_its_connection_is_taken_if_it_is_whole() {
    let head = format!("{HEAD}Content-Range: bytes 0-4/*\r\nConnection: close\r\n\r\n");
    assert_eq!(read_answered_by(format!("{head}01234").as_bytes(), true).unwrap(), "01234");
    let short = read_answered_by(format!("{head}0123").as_bytes(), true);
    assert!(matches!(short, Err(RequestError::Malformed(_))), "{short:?}");
}

#[test]
fn answers_against_the_protocol_are_malformed() {
    let with = |headers: &str, body: &str| format!("{HEAD}{headers}\r\n\r\n{body}");
    malformed("garbage\r\n\r\n");
    malformed("HTTP/1.1 206 Partial Content\r\nContent-Length: 10\r\n\r\n0123456789");
    malformed(&with("Content-Length: 10", "0123456789"));
    malformed(&with("Content-Length: 10\r\nContent-Range: bytes 1-10/*", "0123456789"));
    malformed(&with("Content-Length: 9\r\nContent-Range: bytes 1-9/*", "123456789"));
    malformed(&with("Content-Length: 11\r\nContent-Range: bytes 0-10/*", "0123456789x"));
    malformed(&with("Content-Length: 9\r\nContent-Range: bytes 0-9/*", "012345678"));
    malformed(&with("Content-Length: 11\r\nContent-Range: bytes 0-9/*", "0123456789x"));
    malformed(&with("Content-Length: 10\r\nContent-Range: bytes 9-0/*", "0123456789"));
    malformed(&with("Content-Length: 10\r\nContent-Range: bytes 0-18446744073709551615/*", "0123456789"));
    malformed(&with("Content-Length: -1\r\nContent-Range: bytes 0-9/*", "0123456789"));
    malformed(&with("Content-Length: 10\r\nContent-Length: 11\r\nContent-Range: bytes 0-9/*", "0123456789"));
    let chunked = "Transfer-Encoding: chunked\r\nContent-Range: bytes 0-9/*";
    malformed(&with(chunked, "zz\r\n"));
    malformed(&with(chunked, "ffffffffffffffffff\r\n"));
    malformed(&with(chunked, "b\r\n0123456789x\r\n0\r\n\r\n"));
    malformed(&with(chunked, "5\r\n01234\r\n0\r\n\r\n"));
    malformed(&with(chunked, "5\r\n01234567"));
}

#[test]
fn endless_heads_and_bodies_are_cut() {
    malformed(&format!("{HEAD}{}", "X: y\r\n".repeat(100_000)));
    malformed(&format!("{HEAD}X: {}", "y".repeat(1_000_000)));
    malformed(&"HTTP/1.1 100 Continue\r\n\r\n".repeat(100_000));
    let chunks = "1\r\nx\r\n".repeat(100_000);
    malformed(&format!("{HEAD}Content-Range: bytes 0-9/*\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}"));
}

#[test]
fn a_refusal_counts_whatever_its_body_is() {
    for body in [
        "Content-Length: 5\r\n\r\nsorry",
        "Content-Length: 99999999999\r\n\r\n",
        "\r\nno length",
        "Content-Length: 9\r\n\r\nhalf",
    ] {
        let answer = format!("HTTP/1.1 503 Busy\r\n{body}");
        assert_eq!(read_answered_by(answer.as_bytes(), false), Err(RequestError::Status(503)), "{body}");
    }
    let whole =
        b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: 5\r\n\r\n01234";
    assert_eq!(read_answered_by(whole, false), Err(RequestError::Status(200)), "not what was asked");
}

#[test]
fn a_refusal_that_says_what_failed_behind_the_server_is_told_with_it() {
    let trouble = Trouble {
        status: Some(500),
        code: Some("InternalError".to_owned()),
        attempts: 6,
        may_pass: true,
        ..Trouble::new("S3", "PUT")
    };
    let answered = |body: &[u8]| {
        let head = format!("HTTP/1.1 503 Busy\r\nContent-Length: {}\r\n\r\n", body.len());
        read_answered_by(&[head.as_bytes(), body].concat(), false)
    };
    let body = trouble.encode();
    assert_eq!(answered(&body), Err(RequestError::Trouble(Box::new(trouble))));
    assert_eq!(answered(&body[1..]), Err(RequestError::Status(503)), "no message at all");
    assert_eq!(answered(&[&body[..], &[0; 4000]].concat()), Err(RequestError::Status(503)), "too much");
}

#[test]
fn a_connection_that_ends_early_is_lost() {
    let cut = [
        String::new(),
        "HTTP/1.1 206 Par".to_owned(),
        format!("{HEAD}Content-Range: bytes 0-9/*\r\nContent-Length: 10\r\n\r\n0123"),
        format!("{HEAD}Content-Range: bytes 0-9/*\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n"),
    ];
    for answer in cut {
        let result = read_answered_by(answer.as_bytes(), true);
        assert!(matches!(result, Err(RequestError::Lost(_))), "{answer:?}: {result:?}");
    }
}

#[test]
fn silence_is_counted_from_the_last_byte_that_moved() {
    paused().block_on(async {
        let mut wire = Wire::default();
        let client = client(&wire);
        let start = Instant::now();
        let answering = async {
            let mut conn = wire.accept().await.unwrap();
            request(&mut conn).await;
            for piece in [HEAD, "Content-Range: bytes 0-9/*\r\n", "Content-Length: 10\r\n\r\n", "01"] {
                tokio::time::sleep(Duration::from_secs(20)).await;
                conn.write_all(piece.as_bytes()).await.unwrap();
            }
            request(&mut conn).await
        };
        let progress = Progress::default();
        let (result, more) = join(client.read(INDEX, SHARE, 0..10, &progress), answering).await;
        assert_eq!(result, Err(RequestError::Silent(transport().silence_max)));
        assert_eq!(start.elapsed().as_secs(), 80 + transport().silence_max.as_secs());
        assert_eq!(progress.load(Relaxed), 2);
        assert!(!more, "the connection was closed");
    });
}

#[test]
fn a_connection_attempt_that_gets_no_answer_ends_in_time() {
    struct Nowhere;
    impl Dial for Nowhere {
        type Conn = DuplexStream;
        async fn dial(&self, _address: &str) -> std::io::Result<DuplexStream> {
            std::future::pending().await
        }
    }
    paused().block_on(async {
        let client = StorageClient::new(Nowhere, info(), transport());
        let start = Instant::now();
        let timed_out = Err(RequestError::Connect(std::io::ErrorKind::TimedOut));
        assert_eq!(client.version().await, timed_out);
        assert_eq!(start.elapsed(), transport().connect_max);
    });
}

#[test]
fn a_dropped_request_closes_its_connection() {
    paused().block_on(async {
        let mut wire = Wire::default();
        let client = client(&wire);
        let mut asking = Box::pin(client.version());
        assert!(asking.as_mut().now_or_never().is_none());
        let mut conn = wire.accept().await.unwrap();
        assert!(request(&mut conn).await);
        drop(asking);
        assert_eq!(conn.read(&mut [0]).await.unwrap(), 0);
    });
}

const EMPTY_LIST: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: application/cbor\r\nContent-Length: 4\r\n\r\n\xd9\x01\x02\x80";

#[test]
fn a_connection_closed_while_idle_is_replaced() {
    paused().block_on(async {
        let mut wire = Wire::default();
        let client = client(&wire);
        for _ in 0..3 {
            let answering = async {
                let mut conn = wire.accept().await.unwrap();
                request(&mut conn).await;
                conn.write_all(EMPTY_LIST).await.unwrap();
            };
            let (result, ()) = join(client.shares(INDEX), answering).await;
            assert!(result.unwrap().is_empty());
        }
        assert_eq!(wire.dialled.load(Relaxed), 3);
    });
}

#[test]
fn a_connection_the_server_is_done_with_is_not_used_again() {
    let closes = EMPTY_LIST.split_at(17);
    let closes = [closes.0, b"Connection: close\r\n", closes.1].concat();
    let unasked = [EMPTY_LIST, b"HTTP/1.1 200 OK\r\n\r\n"].concat();
    for (answer, half_closed) in [(&closes[..], false), (&unasked, false), (EMPTY_LIST, true)] {
        paused().block_on(async {
            let mut wire = Wire::default();
            let client = client(&wire);
            let mut left_open = Vec::new();
            for dialled in 1..=3 {
                let answering = async {
                    let mut conn = wire.accept().await.unwrap();
                    request(&mut conn).await;
                    conn.write_all(answer).await.unwrap();
                    if half_closed {
                        conn.shutdown().await.unwrap();
                    }
                    left_open.push(conn);
                };
                let (result, ()) = join(client.shares(INDEX), answering).await;
                assert!(result.unwrap().is_empty());
                assert_eq!(wire.dialled.load(Relaxed), dialled);
            }
        });
    }
}

/// What comes of the second of two questions.
async fn asks_twice(client: &StorageClient<Wire>) -> Result<BTreeSet<ShareNum>, RequestError> {
    client.shares(INDEX).await.unwrap();
    client.shares(INDEX).await
}

/// A server that answers the first request and reads the second without answering it. True if a third came.
async fn drops_the_second(wire: &mut Wire) -> bool {
    let mut conn = wire.accept().await.unwrap();
    request(&mut conn).await;
    conn.write_all(EMPTY_LIST).await.unwrap();
    request(&mut conn).await;
    drop(conn);
    let Some(conn) = tokio::time::timeout(Duration::from_secs(1), wire.accept()).await.ok() else {
        return false;
    };
    let mut conn = conn.unwrap();
    request(&mut conn).await;
    conn.write_all(EMPTY_LIST).await.unwrap();
    true
}

#[test]
fn a_request_lost_on_a_reused_connection_is_repeated_once() {
    paused().block_on(async {
        let mut wire = Wire::default();
        let client = client(&wire);
        let (result, third) = join(asks_twice(&client), drops_the_second(&mut wire)).await;
        assert!(third && result.unwrap().is_empty());
    });
}

#[test]
fn bytes_left_over_by_one_answer_are_not_taken_for_the_next() {
    paused().block_on(async {
        let mut wire = Wire::default();
        let client = client(&wire);
        let answering = async {
            for garbage in [true, false] {
                let mut conn = wire.accept().await.unwrap();
                request(&mut conn).await;
                conn.write_all(EMPTY_LIST).await.unwrap();
                if garbage {
                    // It comes when the next request has left already.
                    request(&mut conn).await;
                    conn.write_all(b"garbage\r\n").await.unwrap();
                }
            }
        };
        let (result, ()) = join(asks_twice(&client), answering).await;
        assert!(result.unwrap().is_empty());
    });
}

#[test]
fn an_allocation_is_never_repeated_once_it_was_sent() {
    paused().block_on(async {
        let mut wire = Wire::default();
        let client = client(&wire);
        let asking = async {
            client.shares(INDEX).await.unwrap();
            client.allocate(INDEX, &[SHARE].into(), 10, &LEASES, &SECRET).await
        };
        let (result, third) = join(asking, drops_the_second(&mut wire)).await;
        assert!(!third);
        assert!(matches!(result, Err(RequestError::Lost(_))), "{result:?}");
    });
}

#[test]
fn a_message_longer_than_allowed_is_malformed() {
    let answer = |length: usize| {
        let mut wire = Wire::default();
        let client = client(&wire);
        paused().block_on(async {
            let answering = async {
                let mut conn = wire.accept().await.unwrap();
                request(&mut conn).await;
                let head =
                    "HTTP/1.1 200 OK\r\nContent-Type: application/cbor\r\nTransfer-Encoding: chunked\r\n\r\n";
                conn.write_all(format!("{head}{length:x}\r\n").as_bytes()).await.unwrap();
                let _ = conn.write_all(&vec![0x81; length]).await;
                let _ = conn.write_all(b"\r\n0\r\n\r\n").await;
            };
            join(client.shares(INDEX), answering).await.0
        })
    };
    let max = transport().message_bytes_max;
    assert_eq!(answer(max + 1), Err(RequestError::Malformed("body too long".to_owned())));
    // Within the bound it is refused for being nested too deep.
    assert_eq!(answer(max), Err(RequestError::Malformed("not a single CBOR item".to_owned())));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_client_takes_any_answer(answer in hostile_answer(), closes: bool) {
        if let Ok(read) = read_answered_by(&answer, closes) {
            prop_assert!(read.len() <= 10);
        }
    }
}

fn hostile_answer() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        Just(HEAD.to_owned()),
        Just("HTTP/1.1 204 No Content\r\n".to_owned()),
        Just("HTTP/1.1 100 Continue\r\n\r\n".to_owned()),
        Just("Transfer-Encoding: chunked\r\n".to_owned()),
        (0u64..12, 0u64..12).prop_map(|(first, last)| format!("Content-Range: bytes {first}-{last}/*\r\n")),
        any::<u16>().prop_map(|length| format!("Content-Length: {length}\r\n")),
        Just("\r\n".to_owned()),
        "[ -~\r\n]{0,30}",
        (0usize..20).prop_map(|length| format!("{length:x}\r\n{}\r\n", "x".repeat(length))),
    ];
    (any::<bool>(), proptest::collection::vec(line, 0..12), proptest::collection::vec(any::<u8>(), 0..50))
        .prop_map(|(proper, lines, tail)| {
            let mut answer = if proper { HEAD.as_bytes().to_vec() } else { Vec::new() };
            answer.extend(lines.concat().into_bytes());
            answer.extend(tail);
            answer
        })
}
