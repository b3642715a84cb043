//! Storage client and server, and whole operations of `lafs::client`, over real loopback sockets.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::collections::BTreeSet;
use std::io::{self, Cursor};
use std::pin::pin;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{Either, join_all, select};
use lafs::client::event::Question;
use lafs::client::grid::Secrets;
use lafs::client::upload::{KeyChoice, UploadOptions};
use lafs::client::{Client, Event, Observe};
use lafs::format::{Encoding, ServerId, ShareNum, StorageIndex};
use lafs::net::ServerInfo;
use lafs::net::client::{Progress, RequestError, StorageClient};
use lafs::net::message::{LeaseSecrets, ReadSpan, ReadTestWrite, Test, TestWrite, UploadSecret, Write};
use lafs::net::serve::{ServeLimits, serve};
use lafs::net::tcp::{TcpDial, TcpListen};
use lafs::plan::Policy;
use lafs::server::StorageServer;
use lafs::server::backend::MemoryBackend;
use lafs::server::clock::UnixTime;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

const INDEX: StorageIndex = StorageIndex([7; 16]);
const SECRET: UploadSecret = UploadSecret([9; 20]);
const LEASES: LeaseSecrets = LeaseSecrets { renew: [1; 32], cancel: [2; 32] };
const SHARE_BYTES: usize = 3_000_000;
const MUTABLE_BYTES: usize = 500_000;

fn info(id: &str, address: String) -> ServerInfo {
    ServerInfo {
        id: ServerId::new(id),
        address,
        swissnum: b"s".to_vec(),
        permutation_seed: id.as_bytes().to_vec(),
        lease_seed: [0; 20],
    }
}

fn client(address: String) -> StorageClient<TcpDial> {
    StorageClient::new(TcpDial, info("loopback", address), Policy::default().transport)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build().unwrap()
}

#[test]
fn ten_shares_go_up_and_down_at_once() {
    runtime().block_on(async {
        let listen = TcpListen::bind("127.0.0.1:0").await.unwrap();
        let client = client(listen.local_addr().unwrap().to_string());
        let backend = MemoryBackend::new(1 << 30);
        let server = StorageServer::start(backend, b"s", Arc::new(|| UnixTime(0))).await.unwrap();
        let limits = ServeLimits::default();
        let shares: BTreeSet<ShareNum> = (0..10).map(ShareNum).collect();
        let work = pin!(async {
            let size = u64::try_from(SHARE_BYTES).unwrap();
            let allocated = client.allocate(INDEX, &shares, size, &LEASES, &SECRET).await.unwrap();
            assert_eq!(allocated.allocated, shares);
            join_all(shares.iter().map(async |&share| {
                let progress = Progress::default();
                let content = Bytes::from(vec![share.0; SHARE_BYTES]);
                for offset in (0..SHARE_BYTES).step_by(1_000_000) {
                    let piece = content.slice(offset..offset + 1_000_000);
                    let offset = u64::try_from(offset).unwrap();
                    client.write(INDEX, share, offset, piece, &SECRET, &progress).await.unwrap();
                }
                let read = client.read(INDEX, share, 0..size, &progress).await.unwrap();
                assert!(read == content);
            }))
            .await;
        });
        let serving = pin!(serve(listen, &server, &limits));
        assert!(matches!(select(work, serving).await, Either::Left(_)));
    });
}

/// Makes every byte of a share one more than it is, unless another writer is faster: then what that one wrote, and so on.
async fn count_up(client: &StorageClient<TcpDial>, share: ShareNum) -> u8 {
    let progress = Progress::default();
    let first = ReadSpan { offset: 0, size: 1 };
    let mut seen = Bytes::from_static(&[0]);
    loop {
        let next = seen[0] + 1;
        let test = vec![Test { offset: 0, size: 1, specimen: seen }];
        let write = vec![Write { offset: 0, data: Bytes::from(vec![next; MUTABLE_BYTES]) }];
        let vectors = [(share, TestWrite { test, write, new_length: None })].into();
        let asked = ReadTestWrite { vectors, read: vec![first] };
        let answer = client.read_test_write(INDEX, &asked, &[3; 32], &LEASES, &progress).await.unwrap();
        assert_eq!(progress.load(Relaxed), u64::try_from(asked.encode().len()).unwrap());
        if answer.success {
            return next;
        }
        seen = answer.data[&share][0].clone();
    }
}

#[test]
fn of_two_clients_who_write_at_once_none_undoes_the_other_and_readers_see_whole_versions() {
    runtime().block_on(async {
        let listen = TcpListen::bind("127.0.0.1:0").await.unwrap();
        let address = listen.local_addr().unwrap().to_string();
        let (one, other, reader) = (client(address.clone()), client(address.clone()), client(address));
        let backend = MemoryBackend::new(1 << 30);
        let server = StorageServer::start(backend, b"s", Arc::new(|| UnixTime(0))).await.unwrap();
        let limits = ServeLimits::default();
        let share = ShareNum(5);
        let whole = 0..u64::try_from(MUTABLE_BYTES).unwrap();
        let work = pin!(async {
            let made = TestWrite {
                test: vec![Test::absent()],
                write: vec![Write { offset: 0, data: Bytes::from(vec![0; MUTABLE_BYTES]) }],
                new_length: None,
            };
            let made = ReadTestWrite { vectors: [(share, made)].into(), read: Vec::new() };
            let progress = Progress::default();
            one.read_test_write(INDEX, &made, &[3; 32], &LEASES, &progress).await.unwrap();
            let writing = join_all([&one, &other].map(async |client| {
                let mut counted = Vec::new();
                for _ in 0..10 {
                    counted.push(count_up(client, share).await);
                }
                counted
            }));
            let reading = async {
                loop {
                    let read = reader.mutable_read(INDEX, share, whole.clone(), &progress).await.unwrap();
                    assert!(read.len() == MUTABLE_BYTES && read.iter().all(|&byte| byte == read[0]));
                }
            };
            let Either::Left((counted, _)) = select(pin!(writing), pin!(reading)).await;
            let mut counted = counted.concat();
            counted.sort_unstable();
            assert_eq!(counted, (1..=20).collect::<Vec<u8>>());
            let refused = other.read_test_write(INDEX, &made, &[4; 32], &LEASES, &progress).await;
            assert_eq!(refused, Err(RequestError::Status(401)));
        });
        let serving = pin!(serve(listen, &server, &limits));
        assert!(matches!(select(work, serving).await, Either::Left(_)));
    });
}

#[test]
fn a_refused_connection_says_so() {
    runtime().block_on(async {
        let listen = TcpListen::bind("127.0.0.1:0").await.unwrap();
        let address = listen.local_addr().unwrap().to_string();
        drop(listen);
        let refused = Err(RequestError::Connect(io::ErrorKind::ConnectionRefused));
        assert_eq!(client(address).version().await, refused);
    });
}

/// Keeps every event, and chooses a victim.
#[derive(Default)]
struct Events(Mutex<Vec<Event>>);

impl Observe for Events {
    fn on_event(&self, event: &Event) {
        self.0.lock().unwrap().push(event.clone());
    }
}

impl Events {
    /// The first server that served a block of segment 4.
    fn doomed(&self) -> Option<ServerId> {
        self.0.lock().unwrap().iter().find_map(|event| match event {
            Event::Answered { server, question: Question::Block { segment: 4, .. } } => Some(server.clone()),
            _ => None,
        })
    }

    fn any(&self, is: impl Fn(&Event) -> bool) -> bool {
        self.0.lock().unwrap().iter().any(is)
    }
}

#[test]
fn a_download_survives_the_death_of_a_server_in_its_middle() {
    runtime().block_on(async {
        let events = Arc::new(Events::default());
        let (mut infos, mut serving) = (Vec::new(), Vec::new());
        for id in ["a", "b", "c", "d", "e"] {
            let listen = TcpListen::bind("127.0.0.1:0").await.unwrap();
            infos.push(info(id, listen.local_addr().unwrap().to_string()));
            let events = &events;
            serving.push(async move {
                let backend = MemoryBackend::new(1 << 30);
                let server = StorageServer::start(backend, b"s", Arc::new(|| UnixTime(0))).await.unwrap();
                let limits = ServeLimits::default();
                let killed = async {
                    while events.doomed() != Some(ServerId::new(id)) {
                        tokio::time::sleep(Duration::from_millis(1)).await;
                    }
                };
                select(pin!(serve(listen, &server, &limits)), pin!(killed)).await;
            });
        }
        let mut policy = Policy::default();
        policy.upload.segment_bytes_max = 64 * 1024;
        let secrets = Secrets { lease: [1; 32], convergence: Vec::new() };
        let rng = Box::new(ChaCha20Rng::from_seed([2; 32]));
        let observer: Arc<dyn Observe> = Arc::clone(&events) as _;
        let client = Client::new(&TcpDial, infos, policy, secrets, rng, observer);
        let file: Vec<u8> = (0u32..1_000_000).flat_map(u32::to_be_bytes).collect();
        let work = async {
            let encoding = Encoding::new(3, 5).unwrap();
            let options = UploadOptions { encoding, happy: 5, key: KeyChoice::Random };
            let uploaded = client.upload(&mut Cursor::new(&file), &options).await.unwrap();
            let mut back = Vec::new();
            client.download(&uploaded.cap, None, &mut back).await.unwrap();
            assert!(back == file);
        };
        // Far below the time after which a request is given up for being silent.
        let work = tokio::time::timeout(Duration::from_secs(20), work);
        match select(pin!(work), pin!(join_all(serving))).await {
            Either::Left((done, _)) => done.unwrap(),
            Either::Right(_) => unreachable!("only one server dies"),
        }
        let doomed = events.doomed().unwrap();
        assert!(events.any(|event| matches!(event, Event::Failed { server, .. } if *server == doomed)));
    });
}
