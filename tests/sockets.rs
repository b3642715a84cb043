//! The storage client and server over real loopback sockets.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::collections::BTreeSet;
use std::io;
use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::{Either, join_all, select};
use lafs::format::{ServerId, ShareNum, StorageIndex};
use lafs::net::ServerInfo;
use lafs::net::client::{Progress, RequestError, StorageClient};
use lafs::net::message::{LeaseSecrets, UploadSecret};
use lafs::net::serve::{ServeLimits, serve};
use lafs::net::tcp::{TcpDial, TcpListen};
use lafs::plan::Policy;
use lafs::server::StorageServer;
use lafs::server::backend::MemoryBackend;
use lafs::server::clock::UnixTime;

const INDEX: StorageIndex = StorageIndex([7; 16]);
const SECRET: UploadSecret = UploadSecret([9; 20]);
const LEASES: LeaseSecrets = LeaseSecrets { renew: [1; 32], cancel: [2; 32] };
const SHARE_BYTES: usize = 3_000_000;

fn client(address: String) -> StorageClient<TcpDial> {
    let id = ServerId::new("loopback");
    let info = ServerInfo {
        id,
        address,
        swissnum: b"s".to_vec(),
        permutation_seed: Vec::new(),
        lease_seed: [0; 20],
    };
    StorageClient::new(TcpDial, info, Policy::default().transport)
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
