//! Checks and repairs of immutable files, through the whole client to servers in memory.

#![expect(clippy::unwrap_used, reason = "what goes wrong here fails the test")]

#[path = "../common/grid.rs"]
mod grid;

mod inspect;
mod repair;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Cursor;

use bytes::Bytes;
use grid::{Act, Grid, Kind, paused};
use lafs::client::check::{Check, CheckOptions};
use lafs::client::upload::{KeyChoice, UploadOptions};
use lafs::crypto::Key;
use lafs::format::cap::{Cap, VerifyCap};
use lafs::format::share::Layout;
use lafs::format::{Encoding, ShareNum};
use lafs::plan::Policy;

type Client = lafs::client::Client<grid::Wires>;

/// A grid with one file, 3-of-10.
struct Case {
    grid: Grid,
    cap: VerifyCap,
    read: Cap,
    content: Vec<u8>,
}

impl Case {
    fn client(&self) -> Client {
        self.grid.client_with(2, Policy::default(), b"")
    }

    /// The node in this place of the permuted order.
    fn node(&self, place: usize) -> &grid::Node {
        &self.grid.nodes[self.grid.order(&self.client(), self.cap.storage_index)[place]]
    }

    /// The shares, in permuted order.
    fn stored(&self) -> Vec<BTreeMap<ShareNum, Bytes>> {
        let index = self.cap.storage_index;
        let layout = self.grid.layout(index);
        let of = |n: usize| {
            let share = |share: &ShareNum| (*share, self.grid.nodes[n].backend.get(index, *share).unwrap());
            layout[n].iter().map(share).collect()
        };
        self.grid.order(&self.client(), index).into_iter().map(of).collect()
    }

    fn forget(&self, place: usize) {
        for share in self.stored()[place].keys() {
            self.node(place).backend.remove(self.cap.storage_index, *share).unwrap();
        }
    }

    /// Flips a bit of the only share in this place.
    fn damage(&self, place: usize, at: impl FnOnce(&Layout) -> u64) -> ShareNum {
        self.change(place, |mut bytes| {
            let at = at(&Layout::parse(&bytes).unwrap());
            bytes[usize::try_from(at).unwrap()] ^= 1;
            bytes
        })
    }

    fn change(&self, place: usize, change: impl FnOnce(Vec<u8>) -> Vec<u8>) -> ShareNum {
        let (share, bytes) = self.stored()[place].first_key_value().map(|(n, b)| (*n, b.to_vec())).unwrap();
        self.node(place).backend.put(self.cap.storage_index, share, change(bytes).into());
        share
    }

    async fn check(&self, verify: bool) -> Check {
        self.client().check(&self.cap, &CheckOptions { verify }).await
    }
}

/// Runs `work` on a grid of `servers` servers that hold a file of `size` bytes in segments of `segment` bytes.
fn with_file<T>(servers: usize, size: usize, segment: u64, work: impl AsyncFnOnce(&Case) -> T) -> T {
    paused().block_on(async {
        let grid = Grid::new(servers);
        let content: Vec<u8> = (0..size).map(|n| u8::try_from(n * n % 251).unwrap()).collect();
        let mut policy = Policy::default();
        policy.upload.segment_bytes_max = segment;
        let client = grid.client(policy, b"");
        let key = KeyChoice::Given(Key([3; 16]));
        let options = UploadOptions { encoding: Encoding::THREE_OF_TEN, happy: 7.min(servers), key };
        let uploaded = grid.run(client.upload(&mut Cursor::new(&content), &options)).await.unwrap();
        let read = uploaded.cap;
        let case = Case { cap: read.verify_cap().unwrap(), read, content, grid };
        let grid = &case.grid;
        let outcome = grid.run(work(&case)).await;
        grid.recorder.check_questions();
        outcome
    })
}
