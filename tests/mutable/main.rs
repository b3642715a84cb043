//! Mutable files through the whole client to servers in memory.

#![expect(clippy::unwrap_used, reason = "what goes wrong here fails the test")]

#[path = "../common/grid.rs"]
mod grid;

mod check;
mod faults;
mod hostile;
mod races;
mod repair;

use std::collections::BTreeSet;

use bytes::Bytes;
use data_encoding::BASE64;
use grid::{Act, Grid, Kind, paused};
use lafs::client::mutable::{ModifyError, PublishError, PublishOptions, Published, RetrieveError, Retrieved};
use lafs::crypto::rsa::SigningKey;
use lafs::format::cap::WriteCap;
use lafs::format::{Encoding, ShareNum, StorageIndex};
use lafs::net::Dial;
use lafs::plan::Policy;

type Client = lafs::client::Client<grid::Wires>;

/// One of the test keys.
fn key() -> SigningKey {
    let keys: serde_json::Value = serde_json::from_str(include_str!("../vectors/mutable/keys.json")).unwrap();
    let der = keys["file"]["private_pkcs8_der_b64"].as_str().unwrap();
    SigningKey::from_pkcs8(&BASE64.decode(der.as_bytes()).unwrap()).unwrap()
}

fn options(happy: usize) -> PublishOptions {
    PublishOptions { encoding: Encoding::THREE_OF_TEN, happy, based_on: None }
}

fn content(size: usize, salt: u8) -> Bytes {
    (0..size).map(|n| u8::try_from(n % 251).unwrap() ^ salt).collect()
}

/// A grid with one mutable file, and clients.
struct Case {
    grid: Grid,
    client: Client,
    cap: Option<WriteCap>,
}

impl Case {
    fn new(servers: usize) -> Self {
        let grid = Grid::new(servers);
        let client = grid.client(Policy::default(), b"");
        Self { grid, client, cap: None }
    }

    /// Another client that knows nothing.
    fn stranger(&self) -> Client {
        self.grid.client_with(2, Policy::default(), b"")
    }

    fn cap(&self) -> WriteCap {
        self.cap.clone().unwrap()
    }

    fn index(&self) -> StorageIndex {
        self.cap().key.read_key().storage_index()
    }

    async fn create(&mut self, content: &Bytes) -> Published {
        let published = self.client.create_mutable(&key(), content, &options(7)).await.unwrap();
        self.cap = Some(published.cap.clone());
        published
    }

    /// The nodes in permuted order.
    fn node(&self, place: usize) -> &grid::Node {
        &self.grid.nodes[self.grid.order(&self.client, self.index())[place]]
    }

    /// The shares in permuted order.
    fn layout(&self) -> Vec<BTreeSet<ShareNum>> {
        let index = self.index();
        let order = self.grid.order(&self.client, index);
        let shares = |n: usize| {
            let list = self.grid.nodes[n].backend.list_mutable();
            list.into_iter().filter(|(at, _)| *at == index).map(|(_, share)| share).collect()
        };
        order.into_iter().map(shares).collect()
    }
}

async fn read<D: Dial + Clone>(
    client: &lafs::client::Client<D>,
    cap: &WriteCap,
) -> Result<(Vec<u8>, Retrieved), RetrieveError> {
    let mut sink = Vec::new();
    let retrieved = client.read_mutable(&cap.read_cap(), &mut sink).await?;
    Ok((sink, retrieved))
}

/// Runs `work` on a grid of `servers` servers that hold a file of `size` bytes.
fn with_file<T>(servers: usize, size: usize, work: impl AsyncFnOnce(&Case) -> T) -> T {
    paused().block_on(async {
        let mut case = Case::new(servers);
        let grid = std::mem::replace(&mut case.grid, Grid::new(0));
        let outcome = grid.run(async {
            case.create(&content(size, 0)).await;
            case
        });
        let mut case = outcome.await;
        case.grid = grid;
        let grid = &case.grid;
        grid.run(work(&case)).await
    })
}

#[test]
fn a_file_is_read_back_whatever_its_size() {
    for size in [0, 1, 2, 3, 1000, 5000, 200_000] {
        with_file(10, size, async |case| {
            let (got, retrieved) = read(&case.stranger(), &case.cap()).await.unwrap();
            assert_eq!(got, content(size, 0), "{size} bytes");
            assert_eq!((retrieved.version.seqnum, retrieved.restarts), (1, 0));
        });
    }
}

#[test]
fn each_of_ten_servers_gets_one_share() {
    with_file(10, 100, async |case| {
        assert!(case.layout().iter().all(|shares| shares.len() == 1), "{:?}", case.layout());
    });
}

#[test]
fn overwriting_replaces_the_content_everywhere() {
    with_file(10, 100, async |case| {
        for round in 1..5 {
            let new = content(usize::from(round) * 900, round);
            let published = case.stranger().overwrite(&case.cap(), &new, &options(7)).await.unwrap();
            assert_eq!(published.version.seqnum, u64::from(round) + 1);
            assert_eq!((published.happiness, published.collisions, published.degraded), (10, 0, None));
            let (got, _) = read(&case.client, &case.cap()).await.unwrap();
            assert_eq!(got, new);
        }
        assert!(case.layout().iter().all(|shares| shares.len() == 1), "{:?}", case.layout());
    });
}

#[test]
fn a_change_is_made_of_what_is_there() {
    with_file(10, 3, async |case| {
        let append = |old: &Bytes| Ok::<_, ()>(Some([old, &b"more"[..]].concat().into()));
        let published = case.client.modify(&case.cap(), append, &options(7)).await.unwrap().unwrap();
        assert_eq!(published.version.seqnum, 2);
        let (got, _) = read(&case.stranger(), &case.cap()).await.unwrap();
        assert_eq!(got, [&content(3, 0), &b"more"[..]].concat());
        let nothing = |_: &Bytes| Ok::<_, ()>(None);
        assert_eq!(case.client.modify(&case.cap(), nothing, &options(7)).await.unwrap(), None);
        assert_eq!(read(&case.client, &case.cap()).await.unwrap().1.version.seqnum, 2);
    });
}

#[test]
fn a_write_based_on_an_older_version_is_refused() {
    with_file(10, 3, async |case| {
        let first = read(&case.client, &case.cap()).await.unwrap().1.version;
        case.stranger().overwrite(&case.cap(), &content(4, 1), &options(7)).await.unwrap();
        let based_on = PublishOptions { based_on: Some(first), ..options(7) };
        let error = case.client.overwrite(&case.cap(), &content(5, 2), &based_on).await.unwrap_err();
        assert!(matches!(error, PublishError::Uncoordinated { attempts: 1, .. }), "{error}");
        assert_eq!(read(&case.client, &case.cap()).await.unwrap().0, content(4, 1));
    });
}

#[test]
fn a_file_that_is_not_there_is_reported_as_such() {
    with_file(10, 3, async |case| {
        for node in &case.grid.nodes {
            node.backend.list_mutable().into_iter().for_each(|(index, share)| {
                node.backend.remove_mutable(index, share);
            });
        }
        let error = read(&case.client, &case.cap()).await.unwrap_err();
        assert!(matches!(error, RetrieveError::NoShares(_)), "{error}");
    });
}
