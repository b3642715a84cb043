//! Uploads through the whole client to servers in memory.

#![expect(clippy::unwrap_used, reason = "what goes wrong here fails the test")]

#[path = "../common/grid.rs"]
mod grid;

mod again;
mod anew;
mod chaos;
mod push;
mod select;
mod source;
mod unhappy;
mod vectors;
mod watched;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Cursor;
use std::time::Duration;

use grid::{Act, Grid, Kind, id, paused};
use lafs::client::Event;
use lafs::client::event::Question;
use lafs::client::upload::{KeyChoice, UploadError, UploadOptions, Uploaded};
use lafs::crypto::Key;
use lafs::format::cap::Cap;
use lafs::format::{Encoding, ServerId, ShareNum, StorageIndex};
use lafs::plan::Policy;
use lafs::plan::place::UnhappyError;
use lafs::server::backend::Backend;
use tokio::time::Instant;

const KEY: Key = Key([3; 16]);

/// An upload of `content` with a given key, 3-of-10 or whatever is asked for.
struct Case {
    grid: Grid,
    encoding: Encoding,
    happy: usize,
    policy: Policy,
    content: Vec<u8>,
}

impl Case {
    fn new(servers: usize, (needed, happy, total): (u64, usize, u64)) -> Self {
        Self {
            grid: Grid::new(servers),
            encoding: Encoding::new(needed, total).unwrap(),
            happy,
            policy: Policy::default(),
            content: (0..1000u32).map(|n| u8::try_from(n % 251).unwrap()).collect(),
        }
    }

    /// In segments of 100 bytes, so that servers can fail between the first and the last.
    fn of_many_segments(mut self) -> Self {
        self.policy.upload.segment_bytes_max = 100;
        self
    }

    fn index() -> StorageIndex {
        KEY.storage_index()
    }

    /// The server that is asked in place `place` for this file.
    fn node(&self, place: usize) -> &grid::Node {
        let order = self.grid.order(&self.grid.client(self.policy.clone(), b""), Self::index());
        &self.grid.nodes[order[place]]
    }

    /// Its name.
    fn id(&self, place: usize) -> ServerId {
        id(self.grid.order(&self.grid.client(self.policy.clone(), b""), Self::index())[place])
    }

    fn hold(&self, place: usize, shares: &[u8]) {
        for share in shares {
            self.node(place).backend.put(Self::index(), ShareNum(*share), "found".into());
        }
    }

    fn run(&self) -> (Result<Uploaded, UploadError>, Duration) {
        paused().block_on(async {
            let client = self.grid.client(self.policy.clone(), b"");
            let options =
                UploadOptions { encoding: self.encoding, happy: self.happy, key: KeyChoice::Given(KEY) };
            let begun = Instant::now();
            let mut source = Cursor::new(&self.content);
            let work = client.upload(&mut source, &options);
            let result = tokio::time::timeout(Duration::from_secs(3600), self.grid.run(work)).await;
            let took = begun.elapsed();
            self.grid.recorder.check_questions();
            (result.expect("the upload hangs"), took)
        })
    }

    fn succeed(&self) -> (Uploaded, Duration) {
        let (result, took) = self.run();
        (result.unwrap(), took)
    }

    fn fail(&self) -> (UnhappyError, Duration) {
        match self.run() {
            (Err(UploadError::Unhappy(error)), took) => (error, took),
            (other, _) => panic!("not unhappy: {other:?}"),
        }
    }

    fn staged_bytes(&self) -> u64 {
        paused().block_on(self.grid.staged_bytes())
    }

    /// The same, only on the server in place `place`.
    fn staged_on(&self, place: usize) -> u64 {
        paused().block_on(self.node(place).backend.staged_bytes()).unwrap()
    }

    /// How many servers hold how many shares.
    fn spread(&self) -> BTreeMap<usize, usize> {
        let mut spread = BTreeMap::new();
        for shares in self.grid.layout(Self::index()) {
            *spread.entry(shares.len()).or_default() += 1;
        }
        spread
    }
}

fn unlucky(kind: Kind, act: Act) -> impl Fn(Kind, usize) -> Act {
    move |this, _| if this == kind { act } else { Act::Serve }
}
