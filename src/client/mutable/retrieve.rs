//! Fetching the blocks of one version, segment by segment: the machine of `plan::fetch` says whom to ask.
//!
//! A share is read from its start, so that one answer shows which version its block is of: a share that was
//! written over meanwhile is not called corrupt. Versions are chosen elsewhere.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use super::error::RetrieveError;
use super::map::{Copy, ServerMap};
use super::slot::{Slot, slice};
use crate::client::ask::is_hiccup;
use crate::client::event::{Event, Question};
use crate::client::flight::Flight;
use crate::format::ShareNum;
use crate::format::cap::MutableFormat;
use crate::format::mutable::{BlockTree, Header, Layout, MutableChain, ReadKey, VersionId};
use crate::net::Dial;
use crate::net::client::{Progress, RequestError};
use crate::plan::Moment;
use crate::plan::fetch::{Command, Fetch, Phase, Source, SourceId, Status};
use crate::version::Decoder;

/// Why a segment was not fetched.
pub(super) enum Lack {
    /// Shares of this version were written over meanwhile, and too few are left.
    Changed,
    /// There are too few good shares.
    Short,
    /// Nothing useful came for too long, or the operation must end.
    Late,
    /// No choice of shares can help.
    Fatal(RetrieveError),
}

/// A share that blocks can be had from.
struct Holder {
    server: usize,
    share: ShareNum,
    copy: Copy,
    /// Its block hashes, once they were needed and are verified.
    tree: Option<Arc<BlockTree>>,
    gone: bool,
}

/// Why a share gave no block.
enum Refusal {
    Request(RequestError),
    Corrupt(String),
    Changed,
}

/// The reading of one version.
pub(super) struct Retrieval<'a, D: Dial> {
    slot: &'a Slot<'a, D>,
    header: Header,
    decoder: Decoder,
    holders: Vec<Holder>,
    changed: bool,
}

impl<'a, D: Dial + Clone> Retrieval<'a, D> {
    /// Of a version that `map` knows.
    pub(super) fn new(slot: &'a Slot<'a, D>, map: &ServerMap, header: Header, key: &ReadKey) -> Self {
        let of_version = map.copies.iter().filter(|(_, copy)| *copy.layout.header() == header);
        let holders = of_version.map(|((server, share), copy)| {
            let (server, share) = (*server, *share);
            Holder { server, share, copy: copy.clone(), tree: None, gone: false }
        });
        let mut holders: Vec<Holder> = holders.collect();
        // Shares in the order of preference of their servers, which is also that of the first k.
        holders.sort_by_key(|holder| (slot.is_suspect(holder.server), holder.server));
        Self { slot, header, decoder: Decoder::new(&header, key), holders, changed: false }
    }

    /// The plaintext of a segment. Shares that turn out to be bad are noted in `map`.
    pub(super) async fn segment(&mut self, segment: u64, map: &mut ServerMap) -> Result<Vec<u8>, Lack> {
        let client = self.slot.client;
        let policy = client.policy();
        let blocks = self.header.segments().saturating_mul(self.header.encoding().needed() as u64);
        let hedges = policy.overdue.hedges_max(blocks);
        let block_bytes = self.header.stored_block_len(segment);
        let mut fetch = Fetch::new(self.header.encoding().needed(), block_bytes, hedges, policy);
        let sources: Vec<usize> =
            (0..self.holders.len()).filter(|holder| !self.holders[*holder].gone).collect();
        for holder in &sources {
            fetch.add_source(self.source(&self.holders[*holder], block_bytes));
        }
        let mut good: BTreeMap<SourceId, Bytes> = BTreeMap::new();
        let mut flight = Flight::new();
        let mut useful = client.now();
        let mut commands = Vec::new();
        loop {
            let now = client.now();
            let status = fetch.decide(now, &mut commands);
            let mut at_hand = false;
            for command in commands.drain(..) {
                match command {
                    Command::Ask(id) => {
                        let holder = &self.holders[sources[id.0]];
                        if let Some(block) = holder.at_hand(&self.header, segment) {
                            at_hand = true;
                            self.settle(id, &sources, block, &mut fetch, &mut good, map, now);
                            continue;
                        }
                        let progress = Progress::default();
                        let request =
                            self.fetch_block(holder, segment, fetch.patience(id, Phase::Block), &progress);
                        flight.send(id, progress, request);
                    }
                    Command::Cancel(id) => flight.cancel(id),
                    Command::Overdue(id, after) => {
                        let Holder { server, share, .. } = self.holders[sources[id.0]];
                        self.slot.note_overdue(server, Question::Block { share, segment }, after);
                    }
                }
            }
            match status {
                Status::Complete(ids) => return self.decode(segment, &ids, &sources, &good),
                Status::Exhausted(_) if self.changed => return Err(Lack::Changed),
                Status::Exhausted(_) => return Err(Lack::Short),
                Status::Pending => {}
            }
            if at_hand {
                continue;
            }
            let stalled = useful + policy.mutable.stall_max;
            let until = fetch.next_deadline().into_iter().fold(self.slot.end.min(stalled), Moment::min);
            if now >= self.slot.end || now >= stalled {
                return Err(Lack::Late);
            }
            let landed = flight.wait(client.instant(until)).await;
            let now = client.now();
            for (id, bytes) in landed.moved {
                useful = now;
                fetch.on_progress(id, bytes, now);
            }
            for (id, outcome) in landed.ended {
                useful = now;
                self.settle(id, &sources, outcome, &mut fetch, &mut good, map, now);
            }
        }
    }

    fn source(&self, holder: &Holder, block_bytes: u64) -> Source {
        let suspect = self.slot.is_suspect(holder.server);
        let expected_block = self.slot.client.health().expected(self.slot.id(holder.server), block_bytes);
        Source {
            server: holder.server,
            share: holder.share,
            open: true,
            expected_open: None,
            expected_block,
            suspect,
        }
    }

    /// Takes what a share gave.
    #[expect(clippy::too_many_arguments, reason = "the state of one loop, split for reading")]
    fn settle(
        &mut self,
        id: SourceId,
        sources: &[usize],
        outcome: Result<(Arc<BlockTree>, Bytes), Refusal>,
        fetch: &mut Fetch,
        good: &mut BTreeMap<SourceId, Bytes>,
        map: &mut ServerMap,
        now: Moment,
    ) {
        let holder = &mut self.holders[sources[id.0]];
        match outcome {
            Ok((tree, block)) => {
                holder.tree = Some(tree);
                good.insert(id, block);
                fetch.on_block(id, now);
            }
            Err(Refusal::Request(error)) => {
                let gone = matches!(error, RequestError::Status(404));
                self.changed |= gone;
                holder.gone = gone;
                fetch.on_failed(
                    id,
                    !gone && (is_hiccup(&error) || matches!(error, RequestError::Connect(_))),
                    now,
                );
            }
            Err(Refusal::Changed) => {
                (holder.gone, self.changed) = (true, true);
                fetch.on_bad(id);
            }
            Err(Refusal::Corrupt(reason)) => {
                holder.gone = true;
                let (server, share) = (holder.server, holder.share);
                map.reject(server, share, reason.clone());
                let server = self.slot.id(server).clone();
                self.slot.client.tell(Event::ShareCorrupt { server, share, reason });
                fetch.on_bad(id);
            }
        }
    }

    fn decode(
        &self,
        segment: u64,
        ids: &[SourceId],
        sources: &[usize],
        good: &BTreeMap<SourceId, Bytes>,
    ) -> Result<Vec<u8>, Lack> {
        let blocks: Vec<(ShareNum, &[u8])> = ids
            .iter()
            .filter_map(|id| Some((self.holders[sources[id.0]].share, good.get(id)?.as_ref())))
            .collect();
        let id = VersionId::from(&self.header);
        let plain = self.decoder.segment(segment, &blocks);
        let plain = plain.map_err(|error| Lack::Fatal(RetrieveError::Inconsistent { id, error }))?;
        self.slot.client.tell(Event::SegmentDone { segment, segments: self.header.segments() });
        Ok(plain)
    }

    /// Gets a block from the server of its share, and the hashes it is checked with.
    fn fetch_block(
        &self,
        holder: &Holder,
        segment: u64,
        patience: Option<std::time::Duration>,
        progress: &Progress,
    ) -> impl Future<Output = Result<(Arc<BlockTree>, Bytes), Refusal>> + use<'a, D> {
        let (slot, header, progress) = (self.slot, self.header, Arc::clone(progress));
        let (server, share, tree, layout) =
            (holder.server, holder.share, holder.tree.clone(), holder.copy.layout);
        async move {
            let read = async |range: std::ops::Range<u64>| {
                let storage = &slot.servers[server];
                let question = Question::Block { share, segment };
                let request = storage.mutable_read(slot.index, share, range, &progress);
                let measure = |bytes: &Bytes| Some(bytes.len() as u64);
                slot.ask(server, question, patience, measure, request).await.map_err(Refusal::Request)
            };
            let corrupt = |error: &dyn std::fmt::Display| Refusal::Corrupt(error.to_string());
            let block = layout.block(segment).map_err(|error| corrupt(&error))?;
            // In SDMF block, hashes and signature follow each other: all are in bounds, or the block may be anywhere.
            let block_tree = layout.block_tree().map_err(|error| corrupt(&error))?;
            layout.chain().map_err(|error| corrupt(&error))?;
            if header.format() == MutableFormat::Sdmf {
                // Everything up to the end of the block, in one answer that is of one version.
                let front = read(0..block.end).await?;
                return checked(&front, &header, share, segment);
            }
            let tree = match tree {
                Some(tree) => tree,
                None => {
                    let proof = layout.proof_bytes().map_err(|error| corrupt(&error))?;
                    let front = read(0..proof).await?;
                    same(&front, &header)?;
                    let hashes = read(block_tree).await?;
                    match grow(&front, &layout, &header, share, &hashes) {
                        Ok(tree) => tree,
                        Err(refusal) => {
                            same(&read(0..proof).await?, &header)?;
                            return Err(refusal);
                        }
                    }
                }
            };
            let bytes = read(block).await?;
            if let Err(error) = tree.check(segment, &bytes) {
                let head = read(0..crate::format::mutable::layout::HEADER_BYTES_MAX as u64).await?;
                same(&head, &header)?;
                return Err(corrupt(&error));
            }
            Ok((tree, bytes))
        }
    }
}

impl Holder {
    /// The block, if it came along with the first bytes.
    fn at_hand(&self, header: &Header, segment: u64) -> Option<Result<(Arc<BlockTree>, Bytes), Refusal>> {
        let Copy { layout, front } = &self.copy;
        let (block, tree) = (layout.block(segment).ok()?, layout.block_tree().ok()?);
        (block.end.max(tree.end) <= front.len() as u64).then(|| checked(front, header, self.share, segment))
    }
}

/// Whether a share that begins like this is still of the version.
fn same(front: &Bytes, header: &Header) -> Result<Layout, Refusal> {
    match Layout::parse(front) {
        Ok(layout) if layout.header() == header => Ok(layout),
        Ok(_) => Err(Refusal::Changed),
        Err(error) => Err(Refusal::Corrupt(error.to_string())),
    }
}

/// The block of a share of which everything that is needed is here.
fn checked(
    front: &Bytes,
    header: &Header,
    share: ShareNum,
    segment: u64,
) -> Result<(Arc<BlockTree>, Bytes), Refusal> {
    let layout = same(front, header)?;
    let corrupt = |error: &dyn std::fmt::Display| Refusal::Corrupt(error.to_string());
    let short = || Refusal::Corrupt("it ends before its block does".to_owned());
    let hashes = layout.block_tree().map_err(|error| corrupt(&error))?;
    let hashes = front.slice_ref(slice(front, &hashes).ok_or_else(short)?);
    let tree = grow(front, &layout, header, share, &hashes)?;
    let block = layout.block(segment).map_err(|error| corrupt(&error))?;
    let block = front.slice_ref(slice(front, &block).ok_or_else(short)?);
    tree.check(segment, &block).map_err(|error| corrupt(&error))?;
    Ok((tree, block))
}

/// The verified block hashes of a share.
fn grow(
    front: &Bytes,
    layout: &Layout,
    header: &Header,
    share: ShareNum,
    hashes: &Bytes,
) -> Result<Arc<BlockTree>, Refusal> {
    let corrupt = |error: &dyn std::fmt::Display| Refusal::Corrupt(error.to_string());
    let chain = layout.chain().map_err(|error| corrupt(&error))?;
    let chain =
        slice(front, &chain).ok_or_else(|| Refusal::Corrupt("it ends within its hashes".to_owned()))?;
    let chain = MutableChain::parse(chain).map_err(|error| corrupt(&error))?;
    let tree = BlockTree::verify(header, share, hashes, &chain).map_err(|error| corrupt(&error))?;
    Ok(Arc::new(tree))
}
