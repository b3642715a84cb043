//! What publishing and retrieving a mutable file costs the client, beside the arithmetic that has to be done.
//!
//! Client and servers share one thread and memory; only what the client does while it is polled counts.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use data_encoding::BASE64;
use futures_util::future::{Either, join_all, select};
use lafs::client::Client;
use lafs::client::event::Ignore;
use lafs::client::grid::Secrets;
use lafs::client::mutable::PublishOptions;
use lafs::crypto::Cipher;
use lafs::crypto::rsa::{SigningKey, VerifyingKey};
use lafs::erasure::Codec;
use lafs::format::hash::block_hash;
use lafs::format::{Encoding, ServerId, ShareNum};
use lafs::net::serve::{ServeLimits, serve};
use lafs::net::{Dial, ServerInfo};
use lafs::plan::Policy;
use lafs::server::StorageServer;
use lafs::server::backend::MemoryBackend;
use lafs::server::clock::UnixTime;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use tokio::io::DuplexStream;

use crate::in_memory::{SWISSNUM, Wire};
use crate::{Figure, cpu};

const SIZE: usize = 10 * 1024 * 1024;
const SERVERS: usize = 10;
const ROUNDS: usize = 7;
const MULTIPLE_MAX: f64 = 1.5;

#[derive(Clone)]
struct Wires(Arc<BTreeMap<String, Wire>>);

impl Dial for Wires {
    type Conn = DuplexStream;

    async fn dial(&self, address: &str) -> io::Result<DuplexStream> {
        let wire = self.0.get(address).ok_or(io::ErrorKind::ConnectionRefused)?;
        wire.dial(address).await
    }
}

fn key() -> SigningKey {
    let keys = include_str!("../../tests/vectors/mutable/keys.json");
    let keys: serde_json::Value = serde_json::from_str(keys).expect("JSON");
    let der = keys["file"]["private_pkcs8_der_b64"].as_str().expect("a key");
    SigningKey::from_pkcs8(&BASE64.decode(der.as_bytes()).expect("base64")).expect("a key")
}

/// Runs `work` and sums up the CPU time of its polls.
async fn measured<T>(work: impl Future<Output = T>) -> (T, Duration) {
    let spent = Cell::new(Duration::ZERO);
    let mut work = pin!(work);
    let result = poll_fn(|context| {
        let before = cpu();
        let poll = work.as_mut().poll(context);
        spent.set(spent.get() + (cpu() - before));
        poll
    })
    .await;
    (result, spent.get())
}

/// The client's CPU seconds for one overwriting and one reading.
fn operations(key: &SigningKey, content: &Bytes) -> (f64, f64) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let name = |n: usize| format!("s{n}");
        let wires: BTreeMap<String, Wire> = (0..SERVERS).map(|n| (name(n), Wire::default())).collect();
        let mut servers = Vec::new();
        for _ in 0..SERVERS {
            let backend = MemoryBackend::new(1 << 30);
            let server = StorageServer::start(backend, SWISSNUM, Arc::new(|| UnixTime(1_000_000_000))).await;
            servers.push(server.expect("a server"));
        }
        let limits = ServeLimits::default();
        let serving =
            servers.iter().enumerate().map(|(n, server)| serve(wires[&name(n)].clone(), server, &limits));
        let infos = (0..SERVERS).map(|n| ServerInfo {
            id: ServerId::new(&name(n)),
            address: name(n),
            swissnum: SWISSNUM.to_vec(),
            permutation_seed: name(n).into_bytes(),
            lease_seed: [u8::try_from(n).expect("few servers"); 20],
        });
        let secrets = Secrets { lease: [5; 32], convergence: Vec::new() };
        let rng = Box::new(ChaCha20Rng::seed_from_u64(1));
        let dial = Wires(Arc::new(wires.clone()));
        let client = Client::new(&dial, infos.collect(), Policy::default(), secrets, rng, Arc::new(Ignore));
        let options = PublishOptions { encoding: Encoding::THREE_OF_TEN, happy: 7, based_on: None };
        let work = async {
            let created =
                client.create_mutable(key, &Bytes::from_static(b"x"), &options).await.expect("created");
            let (written, publish) = measured(client.overwrite(&created.cap, content, &options)).await;
            assert_eq!(written.expect("written").happiness, SERVERS);
            let mut sink = Vec::new();
            let cap = created.cap.read_cap();
            let (read, retrieve) = measured(client.read_mutable(&cap, &mut sink)).await;
            assert_eq!((read.expect("read").bytes, sink.len()), (SIZE as u64, SIZE));
            (publish.as_secs_f64(), retrieve.as_secs_f64())
        };
        match select(pin!(work), pin!(join_all(serving))).await {
            Either::Left((times, _)) => times,
            Either::Right(_) => unreachable!("servers run until they are dropped"),
        }
    })
}

/// CPU seconds of what has to be computed for the same.
fn arithmetic(key: &SigningKey, content: &Bytes) -> (f64, f64) {
    let codec = Codec::new(Encoding::THREE_OF_TEN);
    let data_key = key.write_key().read_key().data_key(&[1; 16]);
    let before = cpu();
    let mut text = content.to_vec();
    text.resize(SIZE.next_multiple_of(3), 0);
    Cipher::new(&data_key, 0).apply(&mut text[..SIZE]);
    let block = text.len() / 3;
    let primary: Vec<&[u8]> = text.chunks(block).collect();
    let mut secondary = vec![vec![0; block]; 7];
    let mut outputs: Vec<&mut [u8]> = secondary.iter_mut().map(Vec::as_mut_slice).collect();
    codec.encode(&primary, &mut outputs).expect("equal blocks");
    for data in primary.iter().copied().chain(secondary.iter().map(Vec::as_slice)) {
        std::hint::black_box(block_hash(data));
    }
    let signature = key.sign(&[0; 75], [3; 32]).expect("a signature");
    let publish = cpu() - before;

    let before = cpu();
    VerifyingKey::from_spki(key.public_der())
        .and_then(|key| key.verify(&[0; 75], &signature))
        .expect("valid");
    let read: Vec<(ShareNum, &[u8])> =
        (3..6).map(ShareNum).zip(secondary.iter().map(Vec::as_slice)).collect();
    for (_, data) in &read {
        std::hint::black_box(block_hash(data));
    }
    let mut decoded = vec![0; 3 * block];
    codec.decode(&read, &mut decoded).expect("three blocks");
    Cipher::new(&data_key, 0).apply(&mut decoded);
    std::hint::black_box(decoded);
    (publish.as_secs_f64(), (cpu() - before).as_secs_f64())
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// Publishing and retrieving, as multiples of the arithmetic, alternating in one run.
pub(crate) fn figures() -> Vec<Figure> {
    let (key, content) = (key(), Bytes::from(vec![0x5a; SIZE]));
    let (mut publish, mut retrieve) = (Vec::new(), Vec::new());
    let (mut publish_ms, mut retrieve_ms) = (Vec::new(), Vec::new());
    for _ in 0..=ROUNDS {
        let (real, least) = (operations(&key, &content), arithmetic(&key, &content));
        publish.push(real.0 / least.0);
        retrieve.push(real.1 / least.1);
        publish_ms.push(real.0 * 1000.0);
        retrieve_ms.push(real.1 * 1000.0);
    }
    let figure = |what, ratios: Vec<f64>, times: Vec<f64>| {
        let (ratio, time) = (median(ratios), median(times));
        Figure {
            what,
            value: format!("{ratio:.2} x ({time:.0} ms)"),
            bar: "1.5 x",
            reached: ratio <= MULTIPLE_MAX,
            how: format!(
                "CPU time of the client for 10 MiB, 3-of-10 on {SERVERS} servers in the same thread, over that of \
                 cipher, code, block hashes and signature alone; median of {ROUNDS} alternating rounds"
            ),
        }
    };
    vec![
        figure("publish a mutable file of 10 MiB", publish, publish_ms),
        figure("retrieve it", retrieve, retrieve_ms),
    ]
}
