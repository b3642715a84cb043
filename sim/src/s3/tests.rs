//! The whole of it over a stream of bytes.

mod basics;
mod conditions;
mod hostile;
mod keeping;
mod listing;
mod uploads;

use std::io;
use std::pin::pin;
use std::sync::Arc;

use futures_util::future::{Either, select};
use lafs::net::Listen;
use lafs::net::serve::{ServeLimits, serve};
use lafs::server::clock::UnixTime;
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::*;

/// A store with one bucket, `shares`.
fn store() -> Store {
    let store = Store::new(Arc::new(|| UnixTime(1_700_000_000)));
    store.create_bucket("shares").unwrap();
    store
}

fn handler(store: &Store) -> Handler {
    Handler::new(store.clone(), ChaCha8Rng::seed_from_u64(1))
}

/// Accepts one connection.
struct One(Option<DuplexStream>);

impl Listen for One {
    type Conn = DuplexStream;

    async fn accept(&mut self) -> io::Result<DuplexStream> {
        match self.0.take() {
            Some(stream) => Ok(stream),
            None => std::future::pending().await,
        }
    }
}

/// The other end of it.
struct Wire(DuplexStream);

#[derive(Debug)]
struct Reply {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Reply {
    fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// What is between the tags of this name, wherever.
    fn elements(&self, name: &str) -> Vec<String> {
        let (text, start) = (self.text(), format!("<{name}>"));
        let parts = text.split(&start).skip(1);
        parts.filter_map(|part| Some(part.split_once(&format!("</{name}>"))?.0.to_owned())).collect()
    }

    fn code(&self) -> String {
        self.elements("Code").concat()
    }
}

impl Wire {
    /// `request` is method and target, `headers` are lines.
    async fn ask(&mut self, request: &str, headers: &[&str], body: &[u8]) -> Reply {
        let mut head = format!("{request} HTTP/1.1\r\nhost: bucket\r\ncontent-length: {}\r\n", body.len());
        for line in headers {
            head += &format!("{line}\r\n");
        }
        head += "\r\n";
        let mut message = head.into_bytes();
        message.extend_from_slice(body);
        let (mut reading, mut writing) = tokio::io::split(&mut self.0);
        let (written, reply) = tokio::join!(writing.write_all(&message), async {
            let mut got = Vec::new();
            let mut piece = vec![0; 64 * 1024];
            loop {
                if let Some(reply) = reply(&got, request.starts_with("HEAD ")) {
                    return reply;
                }
                let count = reading.read(&mut piece).await.unwrap();
                assert!(count > 0, "closed after {:?}", String::from_utf8_lossy(&got));
                got.extend_from_slice(&piece[..count]);
            }
        });
        written.unwrap();
        reply
    }
}

fn reply(got: &[u8], bodiless: bool) -> Option<Reply> {
    let end = got.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8(got[..end].to_vec()).unwrap();
    let mut reply = Reply { status: head[9..12].parse().unwrap(), head, body: Vec::new() };
    let length: usize = reply.header("content-length").unwrap_or("0").parse().unwrap();
    let length = if bodiless { 0 } else { length };
    let body = got.get(end + 4..end + 4 + length)?;
    reply.body = body.to_vec();
    Some(reply)
}

/// Serves `store` on a stream of bytes while `asks` is at it.
fn with<T>(handler: &Handler, asks: impl AsyncFnOnce(Wire) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let (near, far) = duplex(256 * 1024);
        let limits = ServeLimits::default();
        let serving = pin!(serve(One(Some(far)), handler, &limits));
        let asks = pin!(asks(Wire(near)));
        match select(asks, serving).await {
            Either::Left((answer, _)) => answer,
            Either::Right((never, _)) => match never {},
        }
    })
}
