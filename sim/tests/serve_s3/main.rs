//! `squall serve-s3` on real loopback: signatures as another crate makes them, and how it starts and ends.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a failed unwrap is a failed test")]

mod served;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;
use rusty_s3::{Bucket, Credentials, S3Action, UrlStyle};

use served::Served;

const KEYS: [&str; 4] = ["--access-key", "me", "--secret-key", "my secret"];
const VALID: Duration = Duration::from_secs(60);

/// Sends one request to a URL: the status and everything behind the head.
fn ask(method: &str, url: &str, body: &[u8]) -> (u16, String) {
    let rest = url.strip_prefix("http://").unwrap();
    let (host, target) = rest.split_once('/').unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    let length = body.len();
    let head = format!(
        "{method} /{target} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), body.to_owned())
}

fn bucket(served: &Served) -> Bucket {
    Bucket::new(served.endpoint.parse().unwrap(), UrlStyle::Path, "shares", "us-east-1").unwrap()
}

#[test]
fn what_is_signed_with_the_key_is_done() {
    let served = Served::start(&[&["--bucket", "shares"], &KEYS[..]].concat());
    let bucket = bucket(&served);
    let keys = Credentials::new("me", "my secret");
    // A key in which everything has to be escaped.
    let key = "a folder/größe+1&x=y%20.txt";
    let put = bucket.put_object(Some(&keys), key).sign(VALID);
    assert_eq!(ask("PUT", put.as_str(), b"hello").0, 200);
    let get = bucket.get_object(Some(&keys), key).sign(VALID);
    assert_eq!(ask("GET", get.as_str(), b""), (200, "hello".to_owned()));
    let mut list = bucket.list_objects_v2(Some(&keys));
    list.with_prefix("a folder/");
    let (status, listed) = ask("GET", list.sign(VALID).as_str(), b"");
    let listed = rusty_s3::actions::ListObjectsV2::parse_response(&listed).unwrap();
    assert_eq!((status, listed.contents[0].key.as_str(), listed.contents[0].size), (200, key, Some(5)));
    let delete = bucket.delete_object(Some(&keys), key).sign(VALID);
    assert_eq!(ask("DELETE", delete.as_str(), b"").0, 204);
    assert_eq!(ask("GET", get.as_str(), b"").0, 404);
}

#[test]
fn what_is_signed_otherwise_or_not_at_all_is_refused() {
    let served = Served::start(&[&["--bucket", "shares"], &KEYS[..]].concat());
    let bucket = bucket(&served);
    let refused = |url: &str| {
        let (status, body) = ask("GET", url, b"");
        let code = body.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>"));
        assert!(body.contains("<RequestId>"), "{body}");
        (status, code.unwrap().0.to_owned())
    };
    let wrong = Credentials::new("me", "another secret");
    let url = bucket.get_object(Some(&wrong), "key").sign(VALID);
    assert_eq!(refused(url.as_str()), (403, "SignatureDoesNotMatch".to_owned()));
    let stranger = Credentials::new("you", "my secret");
    let url = bucket.get_object(Some(&stranger), "key").sign(VALID);
    assert_eq!(refused(url.as_str()), (403, "InvalidAccessKeyId".to_owned()));
    let url = format!("{}/shares/key", served.endpoint);
    assert_eq!(refused(&url), (403, "AccessDenied".to_owned()));
}

#[test]
fn without_keys_every_signature_will_do() {
    let served = Served::start(&["--bucket", "shares"]);
    let bucket = bucket(&served);
    let keys = Credentials::new("who", "ever");
    let put = bucket.put_object(Some(&keys), "key").sign(VALID);
    assert_eq!(ask("PUT", put.as_str(), b"hello").0, 200);
    assert_eq!(ask("GET", &format!("{}/shares/key", served.endpoint), b""), (200, "hello".to_owned()));
}

/// A file of faults for one test.
fn file(name: &str, faults: &str) -> String {
    let path = format!("{}/serve-s3-{name}.toml", env!("CARGO_TARGET_TMPDIR"));
    std::fs::write(&path, format!("about = \"Faults of a bucket.\"\n[[faults]]\nname = \"bad\"\n{faults}"))
        .unwrap();
    path
}

#[test]
fn faults_strike_and_are_accounted_for() {
    let faults = "answer = \"bucket\"\nwith = \"503 SlowDown\"\nonly = \"puts\"\nwhich = \"the first 2\"\nretry_after = \"2s\"\n";
    let mut served = Served::start(&["--bucket", "shares", "--faults", &file("slow-down", faults)]);
    let url = format!("{}/shares/key", served.endpoint);
    for _ in 0..2 {
        let (status, body) = ask("PUT", &url, b"hello");
        assert!(
            status == 503 && body.contains("<Code>SlowDown</Code>") && body.contains("<RequestId>"),
            "{body}"
        );
    }
    assert_eq!(ask("PUT", &url, b"hello").0, 200);
    assert_eq!(ask("GET", &url, b"").1, "hello");
    assert_eq!(served.end(Signal::TERM).code(), Some(0));
    let told = served.stderr();
    assert!(told.starts_with("fault \"bad\" began at 0") && told.contains("bit 2 times"), "{told}");
}

#[test]
fn connections_are_reset_before_an_answer() {
    let faults = "answer = \"bucket\"\nwith = \"reset\"\nwhich = \"the first 1\"\n";
    let served = Served::start(&["--bucket", "shares", "--faults", &file("reset", faults)]);
    let mut stream = TcpStream::connect(served.endpoint.strip_prefix("http://").unwrap()).unwrap();
    stream.write_all(b"GET /shares/key HTTP/1.1\r\nhost: bucket\r\n\r\n").unwrap();
    let error = stream.read(&mut [0; 9]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    assert_eq!(ask("GET", &format!("{}/shares/key", served.endpoint), b"").0, 404);
}

#[test]
fn it_ends_when_it_is_told_to() {
    for signal in [Signal::TERM, Signal::INT] {
        assert_eq!(Served::start(&[]).end(signal).code(), Some(0));
    }
}

#[test]
fn what_cannot_be_served_is_said() {
    let said = |arguments: &[&str]| {
        let program = env!("CARGO_BIN_EXE_squall");
        let output = Command::new(program).arg("serve-s3").args(arguments).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let served = Served::start(&[]);
    let port = served.endpoint.rsplit(':').next().unwrap();
    let (code, text) = said(&["--port", port]);
    assert!(
        code == Some(2) && text.starts_with(&format!("error: cannot serve on 127.0.0.1:{port}: ")),
        "{text}"
    );
    let (code, text) = said(&["--port", "0", "--bucket", "No!"]);
    assert!(code == Some(2) && text.contains("3 to 63 lowercase letters"), "{text}");
    let (code, text) = said(&["--port", "0", "--faults", &file("crash", "crash = \"bucket\"\n")]);
    assert!(code == Some(2) && text.contains("fault \"bad\" cannot be served: "), "{text}");
    let (code, text) = said(&["--port", "0", "--faults", &file("mistake", "answers = \"bucket\"\n")]);
    assert!(code == Some(2) && text.contains("`answers`"), "{text}");
    let (code, text) = said(&["--port", "0", "--access-key", "me"]);
    assert!(code == Some(2) && text.contains("--secret-key"), "{text}");
}
