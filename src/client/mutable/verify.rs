//! Reads every byte of the shares that a survey found, and checks all that is in them.
//!
//! A few shares at a time, each in pieces of about a mebibyte (in one piece in SDMF, as the format has one
//! segment). Header, public key and signature were checked when the share was found. What is made of a bad share is
//! for the caller to say.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use thiserror::Error;
use tokio::time::{timeout, timeout_at};

use super::map::{Copy, ServerMap};
use super::slot::{Slot, read, slice};
use crate::client::event::Event;
use crate::format::ShareNum;
use crate::format::cap::MutableFormat;
use crate::format::mutable::keys::SALT_BYTES;
use crate::format::mutable::layout::HEADER_BYTES_MAX;
use crate::format::mutable::{
    BlockError, BlockTree, Header, Layout, LayoutError, MutableChain, VersionId, WriteKey,
};
use crate::format::share::ChainError;
use crate::net::Dial;
use crate::net::client::RequestError;
use crate::version::{PrivateKeyError, decrypt_private_key};

/// Shares read at a time.
const AT_A_TIME: usize = 4;
/// Blocks are read in pieces of this many bytes, or in one block each if that is longer.
const PIECE_BYTES: u64 = 1 << 20;
/// Keys, signature, chain and gaps of a share take no more than this, in bytes.
const FRONT_BYTES_MAX: u64 = 64 * 1024;

/// The salts of a version in MDMF, one for each segment.
pub(super) type Salts = Vec<[u8; SALT_BYTES]>;

/// What was found out about shares that are good.
#[derive(Default)]
pub(super) struct Verified {
    /// Of the versions in MDMF of which a share is good.
    pub(super) salts: BTreeMap<VersionId, Salts>,
    /// Shares that were written over meanwhile.
    pub(super) changed: Vec<(usize, ShareNum)>,
}

/// What is wrong with a share.
#[derive(Debug, Error)]
enum Flaw {
    #[error(transparent)]
    Layout(#[from] LayoutError),
    #[error(transparent)]
    Chain(#[from] ChainError),
    #[error(transparent)]
    Block(#[from] BlockError),
    #[error("an inner node of its block hash tree is wrong")]
    InnerNode,
    #[error(transparent)]
    PrivateKey(#[from] PrivateKeyError),
    #[error("it ends before its {0} does")]
    Short(&'static str),
    #[error("its parts are spread over {0} bytes")]
    Spread(u64),
}

/// Why a share is not known to be good.
enum Doubt {
    Flaw(Flaw),
    Changed,
    Request(RequestError),
}

impl<F: Into<Flaw>> From<F> for Doubt {
    fn from(flaw: F) -> Self {
        Self::Flaw(flaw.into())
    }
}

/// Verifies every share in `map`, and notes there which are bad or could not be read. With `key`, also the private key
/// in each.
pub(super) async fn verify<D: Dial + Clone>(
    slot: &Slot<'_, D>,
    map: &mut ServerMap,
    key: Option<&WriteKey>,
) -> Verified {
    let mut verified = Verified::default();
    let copies: Vec<_> = map.copies.iter().map(|(at, copy)| (*at, copy.clone())).collect();
    let mut left: BTreeMap<(usize, ShareNum), ()> = copies.iter().map(|(at, _)| (*at, ())).collect();
    let jobs = copies.into_iter().map(|((server, share), copy)| async move {
        let id = VersionId::from(copy.layout.header());
        let limit = patience(slot, copy.layout.header());
        let inspection = Inspection { slot, server, share, copy, key };
        let outcome = timeout(limit, inspection.run()).await;
        (server, share, id, outcome.unwrap_or(Err(Doubt::Request(RequestError::Silent(limit)))))
    });
    let mut jobs = stream::iter(jobs).buffer_unordered(AT_A_TIME);
    while let Ok(Some((server, share, id, outcome))) = timeout_at(slot.end(), jobs.next()).await {
        left.remove(&(server, share));
        match outcome {
            Ok(salts) if salts.is_empty() => {}
            Ok(salts) => {
                verified.salts.entry(id).or_insert(salts);
            }
            Err(Doubt::Flaw(flaw)) => {
                let reason = flaw.to_string();
                map.reject(server, share, reason.clone());
                let server = slot.id(server).clone();
                slot.client.tell(Event::ShareCorrupt { server, share, reason });
            }
            Err(Doubt::Changed) => verified.changed.push((server, share)),
            Err(Doubt::Request(error)) => map.unread(server, share, error.to_string()),
        }
    }
    for (server, share) in left.into_keys() {
        map.unread(server, share, "not read in time".to_owned());
    }
    verified
}

/// How long the reading of a share may take before its server counts as silent.
fn patience<D: Dial + Clone>(slot: &Slot<'_, D>, header: &Header) -> Duration {
    let policy = slot.client.policy();
    let crawl = header.share_data_len() / policy.overdue.crawl_rate.max(1);
    policy.transport.silence_max + Duration::from_secs(crawl)
}

/// The reading of one share.
struct Inspection<'a, 'c, D: Dial> {
    slot: &'a Slot<'c, D>,
    server: usize,
    share: ShareNum,
    copy: Copy,
    key: Option<&'a WriteKey>,
}

impl<D: Dial + Clone> Inspection<'_, '_, D> {
    /// The salts, in MDMF.
    async fn run(&self) -> Result<Salts, Doubt> {
        let layout = &self.copy.layout;
        let front = self.front(layout).await?;
        if let Some(key) = self.key {
            decrypt_private_key(key, part(&front, &layout.private_key()?, "private key")?)?;
        }
        let chain = MutableChain::parse(part(&front, &layout.chain()?, "share hash chain")?)?;
        match layout.header().format() {
            MutableFormat::Sdmf => {
                let tree = self.tree(part(&front, &layout.block_tree()?, "block hash tree")?, &chain)?;
                for segment in 0..layout.header().segments() {
                    tree.check(segment, part(&front, &layout.block(segment)?, "data")?)?;
                }
                Ok(Vec::new())
            }
            MutableFormat::Mdmf => match self.blocks(layout, &chain).await {
                Err(Doubt::Flaw(flaw)) => {
                    // What was read in several answers may be of several versions.
                    same(&self.read(0..HEADER_BYTES_MAX as u64).await?, layout)?;
                    Err(Doubt::Flaw(flaw))
                }
                outcome => outcome,
            },
        }
    }

    /// Everything but the blocks and hashes of MDMF; of SDMF, everything.
    async fn front(&self, layout: &Layout) -> Result<Bytes, Doubt> {
        let header = layout.header();
        let mut end = layout.proof_bytes()?.max(layout.private_key()?.end);
        let mut end_max = FRONT_BYTES_MAX;
        if header.format() == MutableFormat::Sdmf {
            end_max += header.share_data_len();
            for segment in 0..header.segments() {
                end = end.max(layout.block(segment)?.end);
            }
        }
        if end > end_max {
            return Err(Flaw::Spread(end).into());
        }
        if let Some(front) = self.copy.front.get(..usize::try_from(end).unwrap_or(usize::MAX)) {
            return Ok(self.copy.front.slice_ref(front));
        }
        let front = self.read(0..end).await?;
        same(&front, layout)?;
        Ok(front)
    }

    async fn blocks(&self, layout: &Layout, chain: &MutableChain) -> Result<Salts, Doubt> {
        let hashes = self.read(layout.block_tree()?).await?;
        let tree = self.tree(&hashes, chain)?;
        let segments = layout.header().segments();
        let mut salts = Vec::new();
        let mut next = 0;
        while next < segments {
            let start = layout.block(next)?.start;
            let mut blocks = vec![layout.block(next)?];
            while let Some(last) = blocks.last()
                && next + (blocks.len() as u64) < segments
                && last.end - start < PIECE_BYTES
            {
                blocks.push(layout.block(next + blocks.len() as u64)?);
            }
            let end = blocks.last().map_or(start, |last| last.end);
            let piece = self.read(start..end).await?;
            for (segment, block) in (next..).zip(&blocks) {
                let block = part(&piece, &(block.start - start..block.end - start), "data")?;
                tree.check(segment, block)?;
                salts.extend(block.first_chunk::<SALT_BYTES>());
            }
            next += blocks.len() as u64;
        }
        Ok(salts)
    }

    fn tree(&self, stored: &[u8], chain: &MutableChain) -> Result<BlockTree, Flaw> {
        let tree = BlockTree::verify(self.copy.layout.header(), self.share, stored, chain)?;
        if tree.intact() { Ok(tree) } else { Err(Flaw::InnerNode) }
    }

    async fn read(&self, range: Range<u64>) -> Result<Bytes, Doubt> {
        match read(self.slot, self.server, self.share, range, None).await {
            Ok(bytes) => Ok(bytes),
            // It was listed, and is gone by now.
            Err(RequestError::Status(404)) => Err(Doubt::Changed),
            Err(error) => Err(Doubt::Request(error)),
        }
    }
}

/// Whether a share that begins like this is still the one it was.
fn same(front: &[u8], layout: &Layout) -> Result<(), Doubt> {
    if Layout::parse(front)? == *layout { Ok(()) } else { Err(Doubt::Changed) }
}

fn part<'b>(bytes: &'b Bytes, range: &Range<u64>, what: &'static str) -> Result<&'b [u8], Flaw> {
    slice(bytes, range).ok_or(Flaw::Short(what))
}
