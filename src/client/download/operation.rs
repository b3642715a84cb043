//! The requests of one download: sends what the finder and the segment machine decide, tells them what comes back,
//! and keeps what was learned of the shares.
//!
//! Decides nothing about who is asked; decodes nothing. All requests live in one set that is polled by the
//! operation alone, so dropping the operation ends them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::stream::FuturesUnordered;

use super::Downloaded;
use super::error::{DownloadError, ServerReport, ShareState, Shortage};
use super::find::{FindCommand, Finder};
use super::jobs::{Job, Pending};
use super::pages::Pages;
use super::share::{FileShape, Flaw, Opened, ReadError, Reader, Trees};
use crate::client::Client;
use crate::client::event::{Event, Question};
use crate::crypto::Key;
use crate::erasure::Segmentation;
use crate::format::cap::VerifyCap;
use crate::format::share::Layout;
use crate::format::share::layout::HEADER_BYTES_MAX;
use crate::format::{ServerId, ShareNum};
use crate::net::Dial;
use crate::net::client::{RequestError, StorageClient};
use crate::plan::Moment;
use crate::plan::fetch::{Command, Fetch, Phase, Source, SourceId};
use crate::plan::health::Standing;
use crate::plan::policy::DownloadPolicy;

/// What a reader expects of a file before it has seen its URI extension; Tahoe's default.
const SEGMENT_BYTES_GUESS: u64 = 1024 * 1024;

pub(super) enum Outcome {
    Shares(Result<BTreeSet<ShareNum>, RequestError>),
    Opened(Box<Result<(Opened, Arc<FileShape>), ReadError>>),
    Block(Result<(Bytes, Trees), ReadError>),
    Reported(Result<(), RequestError>),
}

/// A share on a server.
pub(super) struct Share {
    pub(super) server: usize,
    pub(super) num: ShareNum,
    pub(super) opened: Option<Opened>,
    pub(super) job: Option<u64>,
    pub(super) state: ShareState,
    /// Given up for this download.
    pub(super) gone: bool,
    /// Its crypttext hash tree is bad; those of other shares are as good.
    pub(super) bad_crypttext_tree: bool,
    /// Opening it ahead failed; it is not tried again unless it is needed.
    pub(super) warm_failed: bool,
}

/// The machine of the segment under way.
pub(super) struct Current {
    pub(super) fetch: Fetch,
    /// `None` until the first share is open, if it depends on how the file is cut.
    pub(super) segment: Option<u64>,
    /// The first byte of the file that is wanted of it.
    pub(super) start: u64,
    /// The share of each source of the machine.
    pub(super) shares: Vec<usize>,
    pub(super) blocks: BTreeMap<SourceId, Bytes>,
}

pub(super) struct Operation<'a, D: Dial> {
    pub(super) client: &'a Client<D>,
    pub(super) cap: Arc<VerifyCap>,
    pub(super) key: Option<Key>,
    pub(super) servers: Vec<Arc<StorageClient<D>>>,
    pub(super) finder: Finder,
    pub(super) shares: Vec<Share>,
    pub(super) file: Option<Arc<FileShape>>,
    pub(super) crypttext: Option<Pages>,
    /// Whether shares are expected to be so short that one request gets them whole.
    pub(super) whole: bool,
    pub(super) guess: Option<Segmentation>,
    pub(super) jobs: FuturesUnordered<Job<'a>>,
    pub(super) pending: BTreeMap<u64, Pending>,
    pub(super) next_job: u64,
    /// A block was at hand, so the machine knows more than when it decided.
    pub(super) at_hand: bool,
    /// When it must have ended.
    pub(super) deadline: Moment,
    /// When something useful came last.
    pub(super) useful: Moment,
    pub(super) done: Downloaded,
}

impl<'a, D: Dial + Clone> Operation<'a, D> {
    pub(super) fn new(client: &'a Client<D>, cap: Arc<VerifyCap>, key: Option<Key>) -> Self {
        let servers = client.permuted(cap.storage_index);
        let servers = client.health().order(servers, |server| &server.info().id, client.now());
        let guess = Segmentation::new(cap.size, cap.encoding, SEGMENT_BYTES_GUESS).ok();
        let whole_max = client.policy().download.whole_share_bytes_max;
        let whole = guess.is_some_and(|cut| Layout::for_upload(cut).share_size(cut) <= whole_max);
        Self {
            finder: Finder::new(servers.len()),
            deadline: client.now() + client.policy().download.deadline,
            useful: client.now(),
            client,
            cap,
            key,
            servers,
            shares: Vec::new(),
            file: None,
            crypttext: None,
            whole,
            guess,
            jobs: FuturesUnordered::new(),
            pending: BTreeMap::new(),
            next_job: 0,
            at_hand: false,
            done: Downloaded::default(),
        }
    }

    pub(super) fn id(&self, server: usize) -> Option<ServerId> {
        self.servers.get(server).map(|server| server.info().id.clone())
    }

    /// Distinct shares that are there and not given up.
    pub(super) fn usable(&self) -> usize {
        let usable = self.shares.iter().filter(|share| !share.gone);
        usable.map(|share| share.num).collect::<BTreeSet<_>>().len()
    }

    /// What the machine has to know of a share.
    pub(super) fn source(&self, share: &Share, block_bytes: u64) -> Option<Source> {
        let server = self.id(share.server)?;
        let health = self.client.health();
        Some(Source {
            server: share.server,
            share: share.num,
            open: share.opened.is_some(),
            expected_open: health.expected(&server, 0),
            expected_block: health.expected(&server, block_bytes),
            suspect: matches!(share.state, ShareState::Corrupt(_))
                || health.standing(&server, self.client.now()) == Standing::Suspect,
        })
    }

    pub(super) fn block_bytes(&self, segment: Option<u64>) -> u64 {
        let cut = self.file.as_ref().map(|file| file.cut).or(self.guess);
        cut.map_or(0, |cut| cut.block_len(segment.unwrap_or(0)))
    }

    pub(super) fn find(&mut self, command: FindCommand) {
        match command {
            FindCommand::Overdue(server, after) => {
                self.overdue(server, Question::Shares, after);
            }
            FindCommand::Ask(index, patience) => {
                let old = self
                    .pending
                    .iter()
                    .find(|(_, pending)| pending.server == index && pending.question == Question::Shares);
                if let Some(old) = old.map(|(job, _)| *job) {
                    self.cancel(old);
                }
                let Some(server) = self.servers.get(index).cloned() else { return };
                let storage_index = self.cap.storage_index;
                let query = async move { Outcome::Shares(server.shares(storage_index).await) };
                self.send(index, None, Question::Shares, Some(patience), Arc::default(), query);
            }
        }
    }

    pub(super) fn overdue(&mut self, server: usize, question: Question, after: Duration) {
        let Some(id) = self.id(server) else { return };
        self.client.health().overdue(&id, self.client.now());
        self.client.tell(Event::Overdue { server: id, question, after });
    }

    /// Carries out a command of the machine.
    pub(super) fn command(&mut self, command: Command, current: &mut Current) {
        let (Command::Ask(id) | Command::Cancel(id) | Command::Overdue(id, _)) = command;
        let Some(index) = current.shares.get(id.0).copied() else { return };
        let Some(share) = self.shares.get_mut(index) else { return };
        match command {
            // A share that is being opened ahead is simply waited for.
            Command::Ask(_) if share.job.is_some() => {}
            Command::Ask(_) if share.opened.is_some() => self.send_block(index, current),
            Command::Ask(_) => self.send_open(index, current.fetch.patience(id, Phase::Opening)),
            Command::Cancel(_) => {
                if let Some(job) = share.job.take() {
                    self.cancel(job);
                }
            }
            Command::Overdue(_, after) => {
                share.state = ShareState::Silent;
                let (server, num) = (share.server, share.num);
                let question =
                    share.job.and_then(|job| self.pending.get(&job)).map(|pending| pending.question);
                self.done.overdue += 1;
                self.overdue(server, question.unwrap_or(Question::Metadata(num)), after);
            }
        }
    }

    fn reader(&self, share: &Share, pieces: Vec<(u64, Bytes)>) -> Option<Reader<D>> {
        let server = Arc::clone(self.servers.get(share.server)?);
        let (cap, num) = (Arc::clone(&self.cap), share.num);
        Some(Reader { server, cap, share: num, watch: Arc::default(), pieces, requests: 0 })
    }

    pub(super) fn send_open(&mut self, index: usize, overdue_after: Option<Duration>) {
        let Some(share) = self.shares.get(index) else { return };
        let Some(reader) = self.reader(share, Vec::new()) else { return };
        let (server, question, watch) =
            (share.server, Question::Metadata(share.num), Arc::clone(&reader.watch));
        let DownloadPolicy { whole_share_bytes_max, trailer_bytes_max, .. } = self.client.policy().download;
        let prefix = if self.whole { whole_share_bytes_max } else { HEADER_BYTES_MAX as u64 };
        let known = self.file.clone();
        let open =
            async move { Outcome::Opened(Box::new(reader.open(prefix, trailer_bytes_max, known).await)) };
        let job = self.send(server, Some(index), question, overdue_after, watch, open);
        if let Some(share) = self.shares.get_mut(index) {
            share.job = Some(job);
        }
    }

    /// Gets the block of an opened share: from what is here already, or from its server.
    pub(super) fn send_block(&mut self, index: usize, current: &mut Current) {
        let (Some(share), Some(file), Some(segment)) = (self.shares.get(index), &self.file, current.segment)
        else {
            return;
        };
        let Some(opened) = &share.opened else { return };
        let Some(reader) = self.reader(share, opened.pieces.clone()) else { return };
        let crypttext = self.crypttext.as_ref().filter(|pages| !pages.knows(segment)).cloned();
        let crypttext = crypttext.filter(|_| !share.bad_crypttext_tree);
        let trees = Trees { blocks: opened.blocks.clone(), crypttext };
        let (layout, cut) = (opened.layout, file.cut);
        if reader.holds_block(&layout, cut, segment, &trees) {
            let block = reader.block(layout, cut, segment, trees).now_or_never();
            let block = block.unwrap_or(Err(ReadError::Corrupt(Flaw::Short)));
            self.at_hand = true;
            self.on_block(index, block, current);
            return;
        }
        let (server, watch) = (share.server, Arc::clone(&reader.watch));
        let question = Question::Block { share: share.num, segment };
        let block = async move { Outcome::Block(reader.block(layout, cut, segment, trees).await) };
        let overdue_after = current.source_of(index).and_then(|id| current.fetch.patience(id, Phase::Block));
        let job = self.send(server, Some(index), question, overdue_after, watch, block);
        if let Some(share) = self.shares.get_mut(index) {
            share.job = Some(job);
        }
    }

    /// A share that is being opened ahead: its server, its number, when its last byte came.
    pub(super) fn warming(&self, index: usize, current: &Current) -> Option<(usize, ShareNum, Moment)> {
        let share = self.shares.get(index)?;
        let pending = self.pending.get(&share.job?)?;
        let asked = current.source_of(index).is_some_and(|id| current.fetch.is_asked(id));
        (!asked).then_some((share.server, share.num, pending.heard))
    }

    /// Whether opening this share ahead may be tried.
    pub(super) fn may_warm(&self, index: usize) -> bool {
        self.shares
            .get(index)
            .is_some_and(|share| share.opened.is_none() && share.job.is_none() && !share.warm_failed)
    }

    pub(super) fn give_up_warming(&mut self, index: usize) {
        let Some(share) = self.shares.get_mut(index) else { return };
        (share.warm_failed, share.state) = (true, ShareState::Silent);
        if let Some(job) = share.job.take() {
            self.cancel(job);
        }
    }

    /// What there is, for an error.
    pub(super) fn shortage(&self) -> Shortage {
        let report = |(index, server): (usize, &Arc<StorageClient<D>>)| ServerReport {
            server: server.info().id.clone(),
            answer: self.finder.answer(index),
            shares: self
                .shares
                .iter()
                .filter(|share| share.server == index)
                .map(|share| (share.num, share.state.clone()))
                .collect(),
        };
        let good = self.shares.iter().filter(|share| share.state == ShareState::Good);
        Shortage {
            found: good.map(|share| share.num).collect::<BTreeSet<_>>().len(),
            needed: self.cap.encoding.needed(),
            encoding: self.cap.encoding,
            servers: self.servers.iter().enumerate().map(report).collect(),
        }
    }

    pub(super) fn short(&self) -> DownloadError {
        self.shortage().into_error()
    }
}

impl Current {
    pub(super) fn source_of(&self, share: usize) -> Option<SourceId> {
        self.shares.iter().rposition(|other| *other == share).map(SourceId)
    }
}

impl<D: Dial> Drop for Operation<'_, D> {
    /// The requests end with the set they are in; this only tells.
    fn drop(&mut self) {
        for pending in std::mem::take(&mut self.pending).into_values() {
            if let Some(server) = self.servers.get(pending.server) {
                let (server, question) = (server.info().id.clone(), pending.question);
                self.client.tell(Event::Cancelled { server, question });
            }
        }
    }
}
