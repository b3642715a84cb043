//! Replays exchanges recorded with a Tahoe-LAFS node against our server, byte for byte on the wire.
//!
//! The client here is nothing but byte streams and string handling, so that our own client has no part
//! in the comparison.
//! `LAFS_VECTORS` names another folder that has `immutable/http-exchanges.json` in it.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod in_memory;
#[path = "common/vectors.rs"]
mod vectors;

use std::collections::BTreeMap;

use ciborium::Value as Cbor;
use in_memory::{SWISSNUM, Wire, paused, served, server};
use lafs::net::Dial;
use lafs::server::backend::MemoryBackend;
use serde_json::Value as Json;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

/// Room enough for every exchange but the one that asks for 2^50 bytes.
const SPACE_BYTES: u64 = 1 << 40;

struct Reply {
    status: u64,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

#[test]
fn recorded_exchanges_are_answered_as_tahoe_answers_them() {
    let Some(recorded) = vectors::json("immutable/http-exchanges.json") else { return };
    let exchanges = recorded["exchanges"].as_array().unwrap();
    let mut failures = Vec::new();
    paused().block_on(async {
        let wire = Wire::default();
        let server = server(MemoryBackend::new(SPACE_BYTES)).await;
        served(&wire, &server, async {
            for exchange in exchanges {
                let mut conn = wire.dial("").await.unwrap();
                let reply = send(&mut conn, exchange).await;
                if let Err(why) = compare(&exchange["response"], &reply) {
                    failures.push(format!("{}: {why}", exchange["name"]));
                }
            }
        })
        .await;
    });
    println!("{} exchanges replayed", exchanges.len());
    if vectors::are_our_own() {
        assert!(exchanges.len() > 80, "immutable and mutable shares, leases and refusals");
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

async fn send(conn: &mut DuplexStream, exchange: &Json) -> Reply {
    let body = body(exchange);
    let (method, path) = (exchange["method"].as_str().unwrap(), exchange["path"].as_str().unwrap());
    let mut request = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n", body.len());
    if let Some(authorization) = exchange["authorization"].as_str() {
        let swissnum = data_encoding::BASE64.encode(SWISSNUM);
        request += &format!("Authorization: {}\r\n", authorization.replace("{swissnum_b64}", &swissnum));
    }
    for header in exchange["headers"].as_array().unwrap() {
        request += &format!("{}: {}\r\n", header[0].as_str().unwrap(), header[1].as_str().unwrap());
    }
    request += "\r\n";
    conn.write_all(request.as_bytes()).await.unwrap();
    conn.write_all(&body).await.unwrap();
    receive(conn).await
}

fn body(exchange: &Json) -> Vec<u8> {
    let mut body = exchange["body_hex"].as_str().map(hex).unwrap_or_default();
    for key in ["body_repeat", "body_then_repeat"] {
        if let Some(repeat) = exchange[key].as_array() {
            let count = usize::try_from(repeat[1].as_u64().unwrap()).unwrap();
            body.extend(std::iter::repeat_n(hex(repeat[0].as_str().unwrap())[0], count));
        }
    }
    body
}

async fn receive(conn: &mut DuplexStream) -> Reply {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(conn.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    let mut lines = head.trim_end().split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers: BTreeMap<String, String> = lines
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    assert!(!headers.contains_key("date"), "reads the wall clock");
    let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    if status == 204 {
        assert!(!headers.contains_key("content-length") && !headers.contains_key("transfer-encoding"));
    }
    let mut body = vec![0; length];
    conn.read_exact(&mut body).await.unwrap();
    Reply { status, headers, body }
}

fn compare(expected: &Json, reply: &Reply) -> Result<(), String> {
    let status = expected["status"].as_u64().unwrap();
    let any_error = expected["note"].as_str().is_some_and(|note| note.contains("any error status"));
    if reply.status != status && !(any_error && (400..600).contains(&reply.status)) {
        return Err(format!("status {} instead of {status}", reply.status));
    }
    if status >= 400 {
        return Ok(());
    }
    let header = |name: &str| reply.headers.get(name).map(String::as_str);
    if let Some(wanted) = expected["content_type"].as_str()
        && status != 204
        && header("content-type") != Some(wanted)
    {
        return Err(format!("content-type {:?} instead of {wanted}", header("content-type")));
    }
    if expected["content_range"].as_str() != header("content-range") {
        return Err(format!("content-range {:?}", header("content-range")));
    }
    if let Some(wanted) = expected["body_hex"].as_str()
        && hex(wanted) != reply.body
    {
        return Err(format!("body {:02x?}", reply.body));
    }
    if !expected["cbor"].is_null() {
        let got: Cbor = ciborium::from_reader(&*reply.body).map_err(|error| error.to_string())?;
        if !same(&expected["cbor"], &got) {
            return Err(format!("{got:?} instead of {}", expected["cbor"]));
        }
    }
    Ok(())
}

/// Whether a CBOR value is what its JSON rendering says. Sets are compared as sets; "some uint" stands
/// for any number, and every server has a version and a longest mutable share of its own.
fn same(expected: &Json, got: &Cbor) -> bool {
    match (expected, got) {
        (Json::Object(object), Cbor::Tag(258, elements)) => {
            let (Some(Json::Array(wanted)), Some(elements)) = (object.get("set"), elements.as_array()) else {
                return false;
            };
            wanted.len() == elements.len()
                && wanted.iter().all(|wanted| elements.iter().any(|element| same(wanted, element)))
        }
        (Json::Object(object), Cbor::Bytes(bytes)) => object["hex"].as_str().map(hex).as_ref() == Some(bytes),
        (Json::Object(object), Cbor::Map(entries)) => {
            let is_version = object.contains_key("application-version");
            object.len() == entries.len()
                && entries.iter().all(|(key, value)| {
                    let name = match key {
                        Cbor::Text(text) => text.clone(),
                        Cbor::Integer(number) => i128::from(*number).to_string(),
                        Cbor::Bytes(bytes) => String::from_utf8(bytes.clone()).unwrap(),
                        other => panic!("key {other:?}"),
                    };
                    let in_version = is_version || object.contains_key("available-space");
                    key.is_bytes() == in_version
                        && object.get(&name).is_some_and(|wanted| {
                            name == "application-version" && value.is_bytes()
                                || name == "maximum-mutable-share-size" && value.is_integer()
                                || same(wanted, value)
                        })
                })
        }
        (Json::Array(wanted), Cbor::Array(elements)) => {
            wanted.len() == elements.len()
                && wanted.iter().zip(elements).all(|(wanted, got)| same(wanted, got))
        }
        (Json::String(any), Cbor::Integer(_)) => any == "some uint",
        (Json::Bool(wanted), Cbor::Bool(got)) => wanted == got,
        (Json::Number(wanted), Cbor::Integer(got)) => wanted.as_u64() == u64::try_from(*got).ok(),
        _ => false,
    }
}

fn hex(text: &str) -> Vec<u8> {
    data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap()
}
