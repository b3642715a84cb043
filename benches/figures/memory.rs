//! Peak memory of a client that uploads and downloads, as the kernel counts it, over real sockets.
//!
//! The program starts itself twice more: once as the servers, which keep what they get in memory, and once as the
//! client, whose peak (VmHWM) is the figure. Linux only.

use std::io::{self, BufRead, BufReader, SeekFrom};
use std::pin::Pin;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::join_all;
use lafs::client::Client;
use lafs::client::event::Ignore;
use lafs::client::grid::Secrets;
use lafs::client::upload::{KeyChoice, UploadOptions};
use lafs::format::{Encoding, ServerId};
use lafs::net::ServerInfo;
use lafs::net::serve::{ServeLimits, serve};
use lafs::net::tcp::{TcpDial, TcpListen};
use lafs::plan::Policy;
use lafs::server::StorageServer;
use lafs::server::backend::MemoryBackend;
use lafs::server::clock::UnixTime;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use tokio::io::{AsyncRead, AsyncSeek, AsyncWrite, ReadBuf};

use crate::Figure;

const SERVERS: usize = 4;
const SMALL: u64 = 10 << 20;
const LARGE: u64 = 1 << 30;
const SWISSNUM: &[u8] = b"figures";

/// What this process is, if it was started as one of the children.
pub(crate) fn child(arguments: &[String]) -> Option<ExitCode> {
    let code = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [_, "--serve"] => runtime().block_on(servers()),
        [_, "--client", size, ports @ ..] => runtime().block_on(client(size.parse().ok()?, ports)),
        _ => return None,
    };
    Some(code)
}

pub(crate) fn figures() -> Vec<Figure> {
    let what = "Peak memory of upload and download";
    let bar = "a constant";
    let peaks = peak_kib(SMALL).and_then(|small| Ok((small, peak_kib(LARGE)?)));
    let figure = match peaks {
        Ok((small, large)) => Figure {
            what,
            value: format!(
                "{:.1} MiB for 10 MiB, {:.1} MiB for 1 GiB",
                small as f64 / 1024.0,
                large as f64 / 1024.0
            ),
            bar,
            reached: large < 2 * small,
            how: format!(
                "VmHWM of a client process, 3-of-{SERVERS} over loopback, segments of 1 MiB; the difference is what the allocator happens to hold; 32 bytes per segment and share are needed"
            ),
        },
        Err(error) => {
            Figure { what, value: "not measured".to_owned(), bar, reached: true, how: error.to_string() }
        }
    };
    vec![figure]
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

struct Servers(Child);

impl Drop for Servers {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn peak_kib(size: u64) -> io::Result<u64> {
    let program = std::env::current_exe()?;
    let mut servers = Servers(Command::new(&program).arg("--serve").stdout(Stdio::piped()).spawn()?);
    let output = servers.0.stdout.take().ok_or_else(|| io::Error::other("no output"))?;
    let mut ports = String::new();
    BufReader::new(output).read_line(&mut ports)?;
    let client = Command::new(&program)
        .arg("--client")
        .arg(size.to_string())
        .args(ports.split_whitespace())
        .output()?;
    let text = String::from_utf8_lossy(&client.stdout);
    let failed = || io::Error::other(format!("{text}{}", String::from_utf8_lossy(&client.stderr)));
    text.trim().parse().map_err(|_| failed())
}

async fn servers() -> ExitCode {
    let clock: lafs::server::clock::Clock = Arc::new(|| UnixTime(1_900_000_000));
    let mut running = Vec::new();
    let mut ports = Vec::new();
    for _ in 0..SERVERS {
        let listener = TcpListen::bind("127.0.0.1:0").await.expect("a port");
        ports.push(listener.local_addr().expect("an address").port().to_string());
        let server =
            StorageServer::start(MemoryBackend::new(u64::MAX / 2), SWISSNUM, Arc::clone(&clock)).await;
        let server = server.expect("memory");
        running.push(async move { serve(listener, &server, &ServeLimits::default()).await });
    }
    println!("{}", ports.join(" "));
    join_all(running).await;
    ExitCode::SUCCESS
}

async fn client(size: u64, ports: &[&str]) -> ExitCode {
    let infos = ports.iter().map(|port| ServerInfo {
        id: ServerId::new(port),
        address: format!("127.0.0.1:{port}"),
        swissnum: SWISSNUM.to_vec(),
        permutation_seed: port.as_bytes().to_vec(),
        lease_seed: [0; 20],
    });
    let secrets = Secrets { lease: [1; 32], convergence: Vec::new() };
    let rng = Box::new(ChaCha20Rng::from_seed([1; 32]));
    let client = Client::new(&TcpDial, infos.collect(), Policy::default(), secrets, rng, Arc::new(Ignore));
    let encoding = Encoding::new(3, SERVERS as u64).expect("an encoding");
    let options = UploadOptions { encoding, happy: SERVERS, key: KeyChoice::Convergent };
    let uploaded = client.upload(&mut Pattern { size, at: 0 }, &options).await.expect("an upload");
    let mut sink = Check { at: 0 };
    client.download(&uploaded.cap, None, &mut sink).await.expect("a download");
    assert_eq!(sink.at, size);
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.split_whitespace().next());
    println!("{}", peak.unwrap_or("no VmHWM in /proc/self/status"));
    ExitCode::SUCCESS
}

/// A byte of the file; cheap, and no two segments alike.
fn byte(at: u64) -> u8 {
    (at ^ (at >> 8) ^ (at >> 17)) as u8
}

/// A file that is computed, not kept.
struct Pattern {
    size: u64,
    at: u64,
}

impl AsyncRead for Pattern {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let count = (self.size - self.at).min(out.remaining() as u64);
        for at in self.at..self.at + count {
            out.put_slice(&[byte(at)]);
        }
        self.at += count;
        Poll::Ready(Ok(()))
    }
}

impl AsyncSeek for Pattern {
    fn start_seek(mut self: Pin<&mut Self>, to: SeekFrom) -> io::Result<()> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.size.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.filter(|at| *at <= self.size).ok_or(io::ErrorKind::InvalidInput)?;
        Ok(())
    }

    fn poll_complete(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<u64>> {
        Poll::Ready(Ok(self.at))
    }
}

/// Takes the file back and compares it.
struct Check {
    at: u64,
}

impl AsyncWrite for Check {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        assert!(data.iter().zip(self.at..).all(|(found, at)| *found == byte(at)), "wrong bytes");
        self.at += data.len() as u64;
        Poll::Ready(Ok(data.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
