//! Faults at the door of a bucket, as they look on the wire: raw HTTP goes in, and these bytes come out.

mod answers;
mod bodies;
mod times;

use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::{Either, select};
use lafs::net::Listen;
use lafs::net::serve::{ServeLimits, serve};
use lafs::server::clock::UnixTime;
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, duplex};
use tokio::sync::mpsc;

use super::{Served, Unservable};
use crate::net::Abort;
use crate::s3::{Handler, Store};
use crate::scenario;
use crate::world::wire::Tampering;

const ABOUT: &str = "about = \"x\"\n[[faults]]\nname = \"f\"\n";

/// The bucket before which these faults are, or what of them cannot be.
fn served(faults: &str) -> Result<Served, Unservable> {
    let store = Store::new(Arc::new(|| UnixTime(1_700_000_000)));
    store.create_bucket("bkt").unwrap();
    let handler = Handler::new(store, ChaCha8Rng::seed_from_u64(1));
    let text = format!("{ABOUT}{faults}");
    let faults = scenario::parse_faults("f.toml", text.as_bytes(), 0);
    Served::new(handler, &faults.unwrap_or_else(|mistakes| panic!("{}", mistakes.render(false))), 0)
}

/// A stream that says that it was reset, where a socket would be.
struct Socket {
    stream: DuplexStream,
    reset: bool,
}

const RESET: &[u8] = b"<RESET>";

impl Abort for Socket {
    fn abort(&mut self) {
        self.reset = true;
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.reset {
            let mut cx = Context::from_waker(std::task::Waker::noop());
            let _ = Pin::new(&mut self.stream).poll_write(&mut cx, RESET);
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

struct Sockets(mpsc::UnboundedReceiver<Socket>);

impl Listen for Sockets {
    type Conn = Socket;

    async fn accept(&mut self) -> io::Result<Socket> {
        match self.0.recv().await {
            Some(socket) => Ok(socket),
            None => std::future::pending().await,
        }
    }
}

/// Whoever talks to the bucket, each request on a connection of its own unless said otherwise.
struct Client {
    sockets: mpsc::UnboundedSender<Socket>,
}

/// What came of a request within a minute: all bytes, and whether the connection ended.
struct Got {
    bytes: Vec<u8>,
    ended: bool,
}

impl Got {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    fn status(&self) -> u16 {
        self.text().get(9..12).unwrap_or("0").parse().unwrap_or(0)
    }

    fn header(&self, name: &str) -> Option<String> {
        let text = self.text();
        let head = text.split_once("\r\n\r\n").unwrap_or((&text, "")).0.to_owned();
        let mut lines = head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
    }

    fn body(&self) -> String {
        self.text().split_once("\r\n\r\n").map_or(String::new(), |(_, body)| body.to_owned())
    }
}

fn message(request: &str, body: &str) -> String {
    format!("{request} HTTP/1.1\r\nhost: b\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

impl Client {
    fn connect(&self) -> DuplexStream {
        let (near, far) = duplex(256 * 1024);
        assert!(self.sockets.send(Socket { stream: far, reset: false }).is_ok());
        near
    }

    /// Everything that comes of a request within a minute.
    async fn ask(&self, request: &str, body: &str) -> Got {
        let mut wire = self.connect();
        wire.write_all(message(request, body).as_bytes()).await.unwrap();
        heard(&mut wire).await
    }

    async fn put(&self, key: &str, body: &str) -> u16 {
        self.ask(&format!("PUT /bkt/{key}"), body).await.status()
    }

    /// The body of an object, or the status of the error.
    async fn get(&self, key: &str) -> Result<String, u16> {
        let got = self.ask(&format!("GET /bkt/{key}"), "").await;
        if got.status() == 200 { Ok(got.body()) } else { Err(got.status()) }
    }
}

async fn heard(wire: &mut DuplexStream) -> Got {
    let mut bytes = Vec::new();
    let mut piece = vec![0; 64 * 1024];
    let all = async {
        loop {
            let count = wire.read(&mut piece).await.unwrap();
            if count == 0 {
                return;
            }
            bytes.extend_from_slice(&piece[..count]);
        }
    };
    let ended = tokio::time::timeout(Duration::from_secs(60), all).await.is_ok();
    Got { bytes, ended }
}

/// Serves a bucket with these faults while `asks` is at it. Answers how often the fault has bitten.
fn play(faults: &str, asks: impl AsyncFnOnce(Client)) -> u64 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(async {
        let served = served(faults).unwrap_or_else(|error| panic!("{error}"));
        let (sockets, accepted) = mpsc::unbounded_channel();
        let limits = ServeLimits::default();
        let serving = pin!(serve(Tampering(Sockets(accepted)), &served, &limits));
        let running = pin!(served.run());
        let asks = pin!(asks(Client { sockets }));
        match select(asks, select(serving, running)).await {
            Either::Left(((), _)) => {}
            Either::Right(_) => unreachable!("both go on for ever"),
        }
        served.receipts()[0].touched
    })
}
