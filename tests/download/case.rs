//! One file on a grid in memory, and how it is downloaded.

use std::time::Duration;

use bytes::Bytes;
use lafs::client::download::{DownloadError, Downloaded};
use lafs::crypto::Key;
use lafs::erasure::Segmentation;
use lafs::format::cap::{Cap, ReadCap};
use lafs::format::share::Layout;
use lafs::format::{Encoding, ShareNum, StorageIndex};
use lafs::plan::Policy;
use tokio::time::Instant;

use crate::grid::{Act, Grid, Kind, Node, id, paused};
use crate::vectors;
use crate::whole_file::{self, KeySource};

pub(crate) const MS: Duration = Duration::from_millis(1);
pub(crate) const LATENCY: Duration = Duration::from_millis(10);

/// A file whose share n is on the n-th server in permuted order (round and round); each answer takes 10 ms.
pub(crate) struct Case {
    pub(crate) grid: Grid,
    pub(crate) policy: Policy,
    pub(crate) cap: ReadCap,
    pub(crate) layout: Layout,
    pub(crate) shares: Vec<Vec<u8>>,
    pub(crate) content: Vec<u8>,
}

/// What came of a download.
pub(crate) struct Outcome {
    pub(crate) result: Result<Downloaded, DownloadError>,
    pub(crate) bytes: Vec<u8>,
    pub(crate) took: Duration,
}

impl Case {
    /// 3-of-10.
    pub(crate) fn new(servers: usize, size: usize, segment_bytes: u64) -> Self {
        let case = Self::unplaced(servers, (3, 10), size, segment_bytes);
        for (n, share) in (0..).zip(&case.shares) {
            case.place(usize::from(n) % servers, n, share);
        }
        case
    }

    pub(crate) fn unplaced(
        servers: usize,
        (needed, total): (u64, u64),
        size: usize,
        segment_bytes: u64,
    ) -> Self {
        let content = vectors::stream("download", size);
        let cut =
            Segmentation::new(size as u64, Encoding::new(needed, total).unwrap(), segment_bytes).unwrap();
        let encoded = whole_file::encode(&content, cut, KeySource::Given(Key([7; 16])), None);
        let grid = Grid::new(servers);
        grid.nodes.iter().for_each(answer_slowly);
        let (cap, layout, shares) = (encoded.cap, encoded.layout, encoded.shares);
        Self { grid, policy: Policy::default(), cap, layout, shares, content }
    }

    pub(crate) fn index(&self) -> StorageIndex {
        self.cap.storage_index()
    }

    pub(crate) fn order(&self) -> Vec<usize> {
        self.grid.order(&self.grid.client(self.policy.clone(), b""), self.index())
    }

    /// The server asked in place `place`.
    pub(crate) fn node(&self, place: usize) -> &Node {
        &self.grid.nodes[self.order()[place]]
    }

    pub(crate) fn place(&self, place: usize, num: u8, share: &[u8]) {
        self.node(place).backend.put(self.index(), ShareNum(num), Bytes::copy_from_slice(share));
    }

    /// Flips a bit of share `num` on server `place`.
    pub(crate) fn damage(&self, place: usize, num: u8, offset: u64) {
        let mut share = self.shares[usize::from(num)].clone();
        share[usize::try_from(offset).unwrap()] ^= 1;
        self.place(place, num, &share);
    }

    pub(crate) fn run(&self) -> Outcome {
        self.run_all(1).pop().unwrap()
    }

    /// The same download several times, one after the other, with the same client.
    pub(crate) fn run_all(&self, count: usize) -> Vec<Outcome> {
        self.run_with(|_| Duration::ZERO, count)
    }

    pub(crate) fn run_with(&self, pause: impl Fn(usize) -> Duration, count: usize) -> Vec<Outcome> {
        paused().block_on(self.grid.run(async {
            let client = self.grid.client(self.policy.clone(), b"");
            let mut outcomes = Vec::new();
            for nth in 0..count {
                tokio::time::sleep(pause(nth)).await;
                let (start, mut bytes) = (Instant::now(), Vec::new());
                let result = client.download(&Cap::Chk(self.cap.clone()), None, &mut bytes).await;
                outcomes.push(Outcome { result, bytes, took: start.elapsed() });
                self.grid.recorder.check_questions();
            }
            outcomes
        }))
    }

    /// Downloads the whole file, which must succeed.
    pub(crate) fn good(&self) -> (Downloaded, Duration) {
        let Outcome { result, bytes, took } = self.run();
        let downloaded = result.unwrap_or_else(|error| panic!("{error}"));
        assert!(bytes == self.content, "wrong bytes");
        (downloaded, took)
    }

    pub(crate) fn error(&self) -> (DownloadError, Duration) {
        let Outcome { result, took, .. } = self.run();
        (result.expect_err("the download should fail"), took)
    }

    /// A share that an undisturbed download uses, and where it is in permuted order.
    pub(crate) fn used(&self) -> (usize, u8) {
        let (downloaded, _) = self.good();
        let (share, servers) = downloaded.used.first_key_value().unwrap();
        (self.order().into_iter().position(|n| servers.contains(&id(n))).unwrap(), share.0)
    }

    pub(crate) fn reads(&self) -> usize {
        self.grid.nodes.iter().map(|node| node.count(Kind::Read)).sum()
    }
}

pub(crate) fn answer_slowly(node: &Node) {
    node.obey(|_, _| Act::Delay(LATENCY));
}

/// From its `count`th read on, the server is silent. Questions it answers.
pub(crate) fn hang_at_read(node: &Node, count: usize) {
    node.obey(
        move |kind, nth| if kind == Kind::Read && nth >= count { Act::Hang } else { Act::Delay(LATENCY) },
    );
}
