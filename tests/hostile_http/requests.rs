//! Our server and a client that does not keep to the protocol.

use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join;
use lafs::net::Dial;
use lafs::net::message::{Allocate, Allocated, Version, Written, decode_reason, decode_shares};
use lafs::server::backend::{Backend, MemoryBackend};
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

use crate::a_client::{INDEX, SECRET, SHARE};
use crate::in_memory::{SWISSNUM, Wire, paused, served, server};

/// Sends `bytes` to a server, and returns what it answered until it closed or fell silent.
fn answer_to(backend: &MemoryBackend, bytes: &[u8]) -> Vec<u8> {
    paused().block_on(async {
        let wire = Wire::default();
        let server = server(backend.clone()).await;
        served(&wire, &server, async {
            let (mut receive, mut send) = tokio::io::split(wire.dial("").await.unwrap());
            let mut answer = Vec::new();
            let sending = async { drop(send.write_all(bytes).await) };
            let receiving = async { drop(receive.read_to_end(&mut answer).await) };
            join(sending, receiving).await;
            answer
        })
        .await
    })
}

fn authorized(request: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let swissnum = data_encoding::BASE64.encode(SWISSNUM);
    let mut bytes =
        format!("{request} HTTP/1.1\r\nHost: x\r\nAuthorization: Tahoe-LAFS {swissnum}\r\n{headers}\r\n")
            .into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

#[test]
fn a_silent_or_trickling_client_loses_its_connection() {
    for trickles in [false, true] {
        paused().block_on(async {
            let wire = Wire::default();
            let server = server(MemoryBackend::new(0)).await;
            served(&wire, &server, async {
                let mut conn = wire.dial("").await.unwrap();
                let start = Instant::now();
                conn.write_all(b"GET /storage/v1/version HTTP/1.1\r\nX: ").await.unwrap();
                let mut byte = [0];
                loop {
                    let second = Duration::from_secs(1);
                    match tokio::time::timeout(second, conn.read(&mut byte)).await {
                        Ok(end) => break assert_eq!(end.unwrap_or(0), 0),
                        Err(_) if trickles => drop(conn.write_all(b"y").await),
                        Err(_) => {}
                    }
                }
                assert_eq!(start.elapsed().as_secs(), 300, "trickles: {trickles}");
            })
            .await;
        });
    }
}

#[test]
fn a_head_without_end_is_refused() {
    let backend = MemoryBackend::new(0);
    let answer =
        answer_to(&backend, &authorized("GET /storage/v1/version", &"X: y\r\n".repeat(100_000), b""));
    assert!(answer.starts_with(b"HTTP/1.1 431"), "{}", String::from_utf8_lossy(&answer));
}

#[test]
fn a_body_that_breaks_off_stores_nothing() {
    let backend = MemoryBackend::new(1 << 20);
    let secret = data_encoding::BASE64.encode(&SECRET.0);
    let index = INDEX;
    let leases = format!(
        "X-Tahoe-Authorization: lease-renew-secret {0}\r\nX-Tahoe-Authorization: lease-cancel-secret {0}\r\n",
        data_encoding::BASE64.encode(&[1; 32])
    );
    let upload = format!("X-Tahoe-Authorization: upload-secret {secret}\r\n");
    let allocate = Allocate { share_numbers: [SHARE].into(), allocated_size: 10 }.encode();
    let path = format!("/storage/v1/immutable/{index}");
    let mut bytes = authorized(
        &format!("POST {path}"),
        &format!("{leases}{upload}Content-Length: {}\r\n", allocate.len()),
        &allocate,
    );
    let range = "Content-Range: bytes 0-9/*\r\nTransfer-Encoding: chunked\r\n";
    bytes.extend(authorized(&format!("PATCH {path}/{SHARE}"), &format!("{upload}{range}"), b"a\r\n01234"));
    answer_to(&backend, &bytes);
    assert!(backend.list().is_empty());
    assert!(backend.read_staged(INDEX, SHARE, 0..1).now_or_never().unwrap().is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn decoders_take_any_bytes(bytes in hostile_cbor()) {
        let _ = Version::decode(&bytes);
        let _ = Allocate::decode(&bytes);
        let _ = Allocated::decode(&bytes);
        let _ = Written::decode(&bytes, false);
        let _ = decode_shares(&bytes);
        let _ = decode_reason(&bytes);
    }

    #[test]
    fn a_server_takes_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        answer_to(&MemoryBackend::new(100), &bytes);
    }

    #[test]
    fn a_server_answers_any_request(
        method in "GET|PUT|POST|PATCH|HEAD|[A-Z]{1,8}",
        path in "/storage/v1/(version|lease|immutable)(/[a-z2-7]{26})?(/[0-9]{1,4})?(/abort|/corrupt|/shares|/[!-~]{0,9})?",
        headers in "((range|content-range|content-type|accept|x-tahoe-authorization): [ -~]{0,40}\r\n){0,3}",
        body in hostile_cbor(),
    ) {
        let headers = format!("{headers}Content-Length: {}\r\n", body.len());
        let request = authorized(&format!("{method} {path}"), &headers, &body);
        let answer = answer_to(&MemoryBackend::new(100), &request);
        prop_assert!(answer.starts_with(b"HTTP/1.1 "));
        prop_assert!(!answer.starts_with(b"HTTP/1.1 5"), "{}", String::from_utf8_lossy(&answer));
    }
}

/// Any bytes, and bytes that look like CBOR: heads with huge counts, deep nesting.
fn hostile_cbor() -> impl Strategy<Value = Vec<u8>> {
    let head = prop_oneof![
        any::<u8>().prop_map(|byte| vec![byte]),
        (any::<u8>(), any::<u64>()).prop_map(|(major, count)| {
            let mut head = vec![major & 0xe0 | 27];
            head.extend_from_slice(&count.to_be_bytes());
            head
        }),
        Just(vec![0xd9, 1, 2]),
        Just(b"\x6dshare-numbers".to_vec()),
        Just(b"\x66reason".to_vec()),
        (any::<u8>(), 1usize..500).prop_map(|(byte, count)| vec![byte; count]),
    ];
    proptest::collection::vec(head, 0..40).prop_map(|heads| heads.concat())
}
