//! The way of one segment: fetch k blocks, decode, check, decrypt, pass on. Strictly in order, one at a time.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::Downloaded;
use super::error::DownloadError;
use super::find::Wish;
use super::operation::{Current, Operation};
use super::pages::Leaf;
use super::share::FileShape;
use crate::client::event::{Event, Question};
use crate::crypto::Cipher;
use crate::format::ShareNum;
use crate::format::hash::crypttext_segment_hash;
use crate::net::Dial;
use crate::plan::Moment;
use crate::plan::fetch::{Fetch, SourceId, Status};

/// The blocks of one segment, good and as many as are needed.
struct Blocks {
    file: Arc<FileShape>,
    segment: u64,
    blocks: Vec<(ShareNum, Bytes)>,
}

impl<D: Dial + Clone> Operation<'_, D> {
    /// The whole download. `range` lies in the file and is not empty.
    pub(super) async fn run<W: AsyncWrite + Unpin>(
        mut self,
        range: Range<u64>,
        sink: &mut W,
    ) -> Result<Downloaded, DownloadError> {
        let deadline = self.deadline;
        let result = self.transfer(range, sink, deadline).await;
        self.send_off(deadline).await;
        result.map(|()| std::mem::take(&mut self.done))
    }

    async fn transfer<W: AsyncWrite + Unpin>(
        &mut self,
        range: Range<u64>,
        sink: &mut W,
        deadline: Moment,
    ) -> Result<(), DownloadError> {
        let mut buffer = Vec::new();
        let mut at = range.start;
        while at < range.end {
            let blocks = self.fetch(at, deadline).await?;
            let plain = self.decode(&blocks, at..range.end, &mut buffer)?;
            let write = tokio::time::timeout_at(self.client.instant(deadline), sink.write_all(plain)).await;
            write.map_err(|_| DownloadError::Deadline(self.shortage()))??;
            at += plain.len() as u64;
            self.done.bytes = at - range.start;
            let (segment, segments) = (blocks.segment, blocks.file.cut.segments());
            self.client.tell(Event::SegmentDone { segment, segments });
            self.excuse();
        }
        let flush = tokio::time::timeout_at(self.client.instant(deadline), sink.flush()).await;
        flush.map_err(|_| DownloadError::Deadline(self.shortage()))??;
        Ok(())
    }

    /// Lets corruption reports that are under way arrive, but not for long. Nothing else is needed any more.
    async fn send_off(&mut self, deadline: Moment) {
        let is_report = |question| matches!(question, Question::ReportCorrupt(_));
        let others = self.pending.iter().filter(|(_, pending)| !is_report(pending.question));
        for job in others.map(|(job, _)| *job).collect::<Vec<u64>>() {
            self.cancel(job);
        }
        if self.pending.is_empty() {
            return;
        }
        let until = deadline.min(self.client.now() + self.client.policy().download.report_max);
        let mut current = self.begin(0);
        while !self.pending.is_empty() && self.client.now() < until {
            for (job, outcome) in self.wait(until, &mut current).await {
                self.on_outcome(job, outcome, &mut current);
            }
        }
    }

    /// Gets k good blocks of the segment that byte `start` of the file is in.
    async fn fetch(&mut self, start: u64, deadline: Moment) -> Result<Blocks, DownloadError> {
        let mut current = self.begin(start);
        let mut commands = Vec::new();
        loop {
            current.fetch.on_more_expected(self.finder.more_expected());
            let now = self.client.now();
            let status = current.fetch.decide(now, &mut commands);
            for command in commands.drain(..) {
                self.command(command, &mut current);
            }
            if let Status::Complete(sources) = status {
                return self.complete(current, sources).ok_or_else(|| self.short());
            }
            let wanted = self.cap.encoding.needed() + self.client.policy().download.spares_wanted;
            let wish = Wish { more: self.usable() < wanted, hungry: current.fetch.hungry() };
            self.look_further(wish, now);
            let stalled = self.useful + self.client.policy().download.stall_max;
            let exhausted = matches!(status, Status::Exhausted(_));
            if (exhausted || now >= stalled) && self.readmit(&mut current) {
                self.useful = now;
                continue;
            }
            if exhausted && !self.finder.active() {
                return Err(self.short());
            }
            if now >= deadline {
                return Err(DownloadError::Deadline(self.shortage()));
            }
            if now >= stalled {
                return Err(self.short());
            }
            let until = [
                current.fetch.next_deadline(),
                self.finder.next_deadline(wish, self.client.policy()),
                self.keep_warm(&mut current, now),
            ];
            let until = until.into_iter().flatten().fold(deadline.min(stalled), Moment::min);
            if std::mem::take(&mut self.at_hand) {
                continue;
            }
            for (job, outcome) in self.wait(until, &mut current).await {
                self.on_outcome(job, outcome, &mut current);
            }
        }
    }

    fn begin(&self, start: u64) -> Current {
        let policy = self.client.policy();
        let cut = self.file.as_ref().map(|file| file.cut).or(self.guess);
        let blocks = cut.map_or(0, |cut| cut.segments().saturating_mul(self.cap.encoding.needed() as u64));
        let hedges = policy.overdue.hedges_max(blocks).saturating_sub(self.done.hedges);
        let segment = self.file.as_ref().map(|file| start / file.cut.segment_size());
        let block_bytes = self.block_bytes(segment);
        let mut fetch = Fetch::new(self.cap.encoding.needed(), block_bytes, hedges, policy);
        let mut shares = Vec::new();
        for (index, share) in self.shares.iter().enumerate().filter(|(_, share)| !share.gone) {
            if let Some(source) = self.source(share, block_bytes) {
                fetch.add_source(source);
                shares.push(index);
            }
        }
        Current { fetch, segment, start, shares, blocks: BTreeMap::new() }
    }

    fn look_further(&mut self, wish: Wish, now: Moment) {
        loop {
            let (client, servers) = (self.client, &self.servers);
            let expected = |server: usize| client.health().expected(&servers.get(server)?.info().id, 0);
            let command = self.finder.next(wish, now, client.policy(), expected);
            let Some(command) = command else { return };
            self.find(command);
        }
    }

    /// The blocks, unless no share had a good path of the crypttext hash tree.
    fn complete(&mut self, mut current: Current, sources: Vec<SourceId>) -> Option<Blocks> {
        let segment = current.segment?;
        self.crypttext.as_ref().filter(|pages| pages.knows(segment))?;
        self.done.hedges += current.fetch.hedges();
        let mut blocks = Vec::with_capacity(sources.len());
        for id in sources {
            let share = self.shares.get(*current.shares.get(id.0)?)?;
            let (num, server) = (share.num, self.id(share.server)?);
            blocks.push((num, current.blocks.remove(&id)?));
            self.done.used.entry(num).or_default().insert(server);
        }
        Some(Blocks { file: Arc::clone(self.file.as_ref()?), segment, blocks })
    }

    /// The wanted part of the segment.
    fn decode<'b>(
        &self,
        Blocks { file, segment, blocks }: &Blocks,
        wanted: Range<u64>,
        buffer: &'b mut Vec<u8>,
    ) -> Result<&'b [u8], DownloadError> {
        let inconsistent = || DownloadError::Inconsistent { segment: *segment };
        let index = |bytes: u64| usize::try_from(bytes).map_err(|_| inconsistent());
        let in_file = file.cut.segment_range(*segment);
        buffer.resize(index(file.cut.padded_segment_len(*segment))?, 0);
        let blocks: Vec<(ShareNum, &[u8])> =
            blocks.iter().map(|(share, block)| (*share, &block[..])).collect();
        file.codec.decode(&blocks, buffer).map_err(|_| inconsistent())?;
        buffer.truncate(index(in_file.end - in_file.start)?);
        let leaf = self.crypttext.as_ref().and_then(|pages| pages.leaf(*segment).ok());
        if leaf != Some(Leaf::Known(crypttext_segment_hash(buffer))) {
            return Err(inconsistent());
        }
        let from = index(wanted.start.saturating_sub(in_file.start))?;
        let to = index(wanted.end.min(in_file.end).saturating_sub(in_file.start))?;
        let part = buffer.get_mut(from..to).ok_or_else(inconsistent)?;
        if let Some(key) = &self.key {
            Cipher::new(key, wanted.start).apply(part);
        }
        Ok(part)
    }

    /// Opens one more share ahead, so that a switch costs one round trip. Returns when to look again.
    fn keep_warm(&mut self, current: &mut Current, now: Moment) -> Option<Moment> {
        let client = self.client;
        let overdue = &client.policy().overdue;
        let mut look_again: Option<Moment> = None;
        let mut warming = false;
        for index in 0..self.shares.len() {
            let Some((server, num, heard)) = self.warming(index, current) else { continue };
            let expected = self.id(server).and_then(|id| client.health().expected(&id, 0));
            let late = heard + overdue.patience(expected);
            if now < late {
                warming = true;
                look_again = Some(look_again.map_or(late, |other| other.min(late)));
                continue;
            }
            self.overdue(server, Question::Metadata(num), now.since(heard));
            self.give_up_warming(index);
            current.fetch.on_suspect(server);
        }
        if self.whole || current.fetch.hungry() || warming || !overdue.warm_spare {
            return look_again;
        }
        let best = current.fetch.next_choice(now).and_then(|id| current.shares.get(id.0)).copied();
        if let Some(index) = best
            && self.may_warm(index)
        {
            let expected = self.shares.get(index).and_then(|share| self.id(share.server));
            let expected = expected.and_then(|id| client.health().expected(&id, 0));
            self.send_open(index, Some(overdue.patience(expected)));
            // The next round finds out how long it may take.
            look_again = Some(look_again.unwrap_or(now + overdue.floor));
        }
        look_again
    }
}
