//! A world with one server and faults, and a connection to it that speaks raw HTTP.

use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use lafs::format::{ShareNum, StorageIndex};
use lafs::net::Dial;
use lafs::server::backend::MemoryBackend;
use squall::net::Stream;
use squall::trace::{Entry, Keep, Request, ServerEvent};
use squall::verdict::Receipt;
use squall::world::World;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

pub(crate) const INDEX: &str = "bwkivxkvpnsjsb5um5bfugpppa";
/// What `GET` of share 0 answers.
pub(crate) const SHARE: &[u8; 100] =
    b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-0123456789abcdefghijklmnopqrstuvwxyz+";
/// The swissnum of every simulated server.
const SWISSNUM: &str = "c3F1YWxsc3F1YWxsc3F1YWxsc3F1YWxsc3F1YWxsMjI=";

pub(crate) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// One run of `test` in a world with servers s0 and s1 and this fault, beside the network and the storm.
pub(crate) fn play<F: Future<Output = ()>>(fault: &str, seed: u64, test: impl FnOnce(Raw) -> F) {
    let text = format!(
        "about = \"x\"\ngrid = {{ servers = 2, latency = \"10ms\" }}\nsteps = [{{ wait = \"1s\" }}]\n\
         [[faults]]\nname = \"it\"\n{fault}\n"
    );
    let scenario = squall::scenario::parse("test", text.as_bytes())
        .unwrap_or_else(|mistakes| panic!("{}", mistakes.render(false)));
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let world = World::new(&scenario.schedule(seed), Keep::All);
        world.disk("s0").put(index(), ShareNum(0), Bytes::from_static(SHARE));
        world.settle_faults();
        world.spawn_storm();
        let network = world.net().clone();
        tokio::select! {
            biased;
            livelock = network.run() => panic!("{livelock}"),
            () = test(Raw(Rc::clone(&world))) => {}
            () = tokio::time::sleep(secs(86_400)) => panic!("the test does not end"),
        }
        network.shutdown();
    });
}

pub(crate) fn index() -> StorageIndex {
    INDEX.parse().unwrap()
}

trait Disks {
    fn disk(&self, server: &str) -> MemoryBackend;
}

impl Disks for World {
    fn disk(&self, server: &str) -> MemoryBackend {
        let found = self.servers().find(|(_, name, _)| *name == server);
        found.map(|(_, _, disk)| disk.clone()).unwrap()
    }
}

/// The world, for one who knows HTTP.
pub(crate) struct Raw(Rc<World>);

impl Raw {
    pub(crate) async fn connect(&self, server: &str) -> Wire {
        let client = self.0.host("client").unwrap();
        Wire(self.0.net().dialer(client).dial(server).await.unwrap())
    }

    pub(crate) fn disk(&self, server: &str) -> MemoryBackend {
        self.0.disk(server)
    }

    pub(crate) fn receipt(&self) -> Receipt {
        self.0.recorder().records().book.receipts()[0].clone()
    }

    /// Whether that share of `index` was acknowledged and is known to be lost.
    pub(crate) fn has_lost(&self, server: &str, share: ShareNum) -> bool {
        self.0.has_lost(server, index(), share)
    }

    /// The blocks in each answer to a test-and-write.
    pub(crate) fn blocks_answered(&self) -> Vec<u64> {
        let records = self.0.recorder().records();
        let answers = records.trace.kept().filter_map(|(_, entry)| match entry {
            Entry::Server {
                event: ServerEvent::Answered { request: Request::TestWrite, blocks, .. },
                ..
            } => Some(*blocks),
            _ => None,
        });
        answers.collect()
    }

    /// What was recorded, as lines.
    pub(crate) fn lines(&self) -> Vec<String> {
        let records = self.0.recorder().records();
        records.trace.kept().map(|(at, entry)| self.0.names().line(*at, entry)).collect()
    }
}

/// One connection.
pub(crate) struct Wire(Stream);

impl Wire {
    pub(crate) async fn send(&mut self, method: &str, path: &str, more: &str, body: &[u8]) {
        self.begin(method, path, more, body.len()).await;
        self.body(body).await;
    }

    /// The head of a request with so many bytes of body.
    pub(crate) async fn begin(&mut self, method: &str, path: &str, more: &str, bytes: usize) {
        let head = format!(
            "{method} /storage/v1/{path} HTTP/1.1\r\nHost: s\r\nAuthorization: Tahoe-LAFS {SWISSNUM}\r\n\
             Content-Length: {bytes}\r\n{more}\r\n"
        );
        self.0.write_all(head.as_bytes()).await.unwrap();
    }

    /// Some of that body.
    pub(crate) async fn body(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.unwrap();
    }

    /// Asks for share 0, all of it or a range.
    pub(crate) async fn get(&mut self, range: Option<&str>) {
        let range = range.map_or(String::new(), |range| format!("Range: bytes={range}\r\n"));
        self.send("GET", &format!("immutable/{INDEX}/0"), &range, b"").await;
    }

    /// The head of an answer: its status, and its fields in lower case.
    pub(crate) async fn head(&mut self) -> (u16, String) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.0.read_u8().await.expect("a whole head"));
        }
        let head = String::from_utf8(head).unwrap().to_lowercase();
        assert!(!head.contains("squall"), "no mark is left: {head}");
        (head[9..12].parse().unwrap(), head)
    }

    /// Exactly so many bytes.
    pub(crate) async fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.0.read_exact(&mut bytes).await.expect("so many bytes");
        bytes
    }

    /// Whatever comes within this time; `true` if the connection ended.
    pub(crate) async fn within(&mut self, time: Duration) -> (Vec<u8>, bool) {
        let mut bytes = Vec::new();
        let end = tokio::time::Instant::now() + time;
        loop {
            let mut piece = [0; 1024];
            match tokio::time::timeout_at(end, self.0.read(&mut piece)).await {
                Err(_) => return (bytes, false),
                Ok(Ok(0)) => return (bytes, true),
                Ok(Ok(count)) => bytes.extend_from_slice(&piece[..count]),
                Ok(Err(error)) => panic!("{error}"),
            }
        }
    }
}
