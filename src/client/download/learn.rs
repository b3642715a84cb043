//! What is learned from the answers: which shares there are, what is in them, what is wrong with them.
//!
//! Records it and tells the machine and the finder. Decides nothing about who is asked next.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use bytes::Bytes;

use super::CorruptShare;
use super::error::ShareState;
use super::jobs::Pending;
use super::operation::{Current, Operation, Outcome, Share};
use super::pages::Pages;
use super::share::{FileShape, Flaw, Opened, ReadError, Trees};
use crate::client::event::{Event, Question};
use crate::format::ShareNum;
use crate::format::share::layout::segment_tree;
use crate::net::Dial;
use crate::net::client::RequestError;

impl<D: Dial + Clone> Operation<'_, D> {
    /// Takes the outcome of a request.
    pub(super) fn on_outcome(&mut self, job: u64, outcome: Outcome, current: &mut Current) {
        let Some(pending) = self.pending.remove(&job) else { return };
        let Some(server) = self.id(pending.server) else { return };
        let now = self.client.now();
        let bytes = pending.watch.done_bytes.load(Relaxed) - pending.done_bytes;
        let error = match &outcome {
            Outcome::Shares(result) => result.as_ref().err().map(|error| ReadError::Request(error.clone())),
            Outcome::Reported(result) => result.as_ref().err().map(|error| ReadError::Request(error.clone())),
            Outcome::Opened(result) => result.as_ref().as_ref().err().cloned(),
            Outcome::Block(result) => result.as_ref().err().cloned(),
        };
        if matches!(pending.question, Question::Metadata(_) | Question::Block { .. }) {
            self.done.reads += pending.steps + 1;
            self.done.bytes_read += pending.watch.done_bytes.load(Relaxed);
        }
        let question = pending.question;
        match &error {
            None | Some(ReadError::Corrupt(_)) => {
                self.useful = now;
                self.client.health().success(&server, bytes, now.since(pending.sent));
            }
            // A refusal is an answer: the server is well.
            Some(ReadError::Request(error @ RequestError::Status(_))) if !error.may_pass() => {
                self.client.health().success(&server, bytes, now.since(pending.sent));
            }
            Some(ReadError::Request(_)) => {
                self.client.health().failed(&server, now);
            }
        }
        self.client.tell(match error {
            None => Event::Answered { server, question },
            Some(error) => Event::Failed { server, question, reason: error.to_string() },
        });
        if let Some(share) = pending.share.and_then(|share| self.shares.get_mut(share))
            && share.job == Some(job)
        {
            share.job = None;
        }
        match (outcome, pending.share) {
            (Outcome::Shares(result), _) => self.on_shares(pending.server, result, current),
            (Outcome::Opened(result), Some(share)) => self.on_opened(share, *result, current),
            (Outcome::Block(result), Some(share)) => self.on_block(share, result, current),
            (Outcome::Reported(_) | Outcome::Opened(_) | Outcome::Block(_), _) => {}
        }
    }

    fn on_shares(
        &mut self,
        server: usize,
        result: Result<BTreeSet<ShareNum>, RequestError>,
        current: &mut Current,
    ) {
        let now = self.client.now();
        let found = match result {
            Ok(found) => found,
            Err(error) => {
                let may_pass = error.may_pass();
                self.finder.on_failed(server, error, may_pass, now, self.client.policy());
                return;
            }
        };
        self.finder.on_answer(server, now);
        let known = self.shares.iter().any(|share| share.server == server);
        let Some(id) = self.id(server).filter(|_| !known) else { return };
        for num in found.into_iter().filter(|num| usize::from(num.0) < self.cap.encoding.total()) {
            self.client.tell(Event::ShareFound { server: id.clone(), share: num });
            let (opened, job, state) = (None, None, ShareState::Good);
            let share = Share {
                server,
                num,
                opened,
                job,
                state,
                gone: false,
                bad_crypttext_tree: false,
                warm_failed: false,
            };
            if let Some(source) = self.source(&share, self.block_bytes(current.segment)) {
                current.fetch.add_source(source);
                current.shares.push(self.shares.len());
            }
            self.shares.push(share);
        }
        if self.usable() >= self.cap.encoding.needed() {
            self.finder.on_enough();
        }
    }

    fn on_opened(
        &mut self,
        index: usize,
        result: Result<(Opened, Arc<FileShape>), ReadError>,
        current: &mut Current,
    ) {
        let (opened, file) = match result {
            Ok(opened) => opened,
            Err(error) => return self.on_share_failed(index, error, current),
        };
        if self.file.is_none() {
            self.crypttext =
                segment_tree(file.cut).ok().map(|shape| Pages::new(shape, file.ueb.crypttext_root_hash));
            self.file = Some(Arc::clone(&file));
        }
        let segment = *current.segment.get_or_insert(current.start / file.cut.segment_size());
        current.fetch.on_block_bytes(file.cut.block_len(segment));
        if let Some(share) = self.shares.get_mut(index) {
            share.opened = Some(opened);
            share.is_well();
        }
        let Some(id) = current.source_of(index) else { return };
        let asked = current.fetch.is_asked(id);
        if asked {
            self.send_block(index, current);
        }
        // A block that was at hand has been taken by now.
        if !asked || current.fetch.is_asked(id) {
            current.fetch.on_opened(id, self.client.now());
        }
    }

    pub(super) fn on_block(
        &mut self,
        index: usize,
        result: Result<(Bytes, Trees), ReadError>,
        current: &mut Current,
    ) {
        let (block, trees) = match result {
            Ok(block) => block,
            Err(error) => return self.on_share_failed(index, error, current),
        };
        if let Some(crypttext) = trees.crypttext {
            self.crypttext = Some(crypttext);
        }
        if let Some(share) = self.shares.get_mut(index) {
            share.is_well();
            if let Some(opened) = &mut share.opened {
                // The trees are known now, or too large to have been read with the rest.
                opened.pieces.retain(|(start, _)| *start == 0);
                opened.blocks = trees.blocks;
            }
        }
        if let Some(id) = current.source_of(index) {
            current.fetch.on_block(id, self.client.now());
            current.blocks.insert(id, block);
        }
    }

    fn on_share_failed(&mut self, index: usize, error: ReadError, current: &mut Current) {
        let Some(share) = self.shares.get_mut(index) else { return };
        let id = current.source_of(index);
        match error {
            ReadError::Corrupt(flaw) => {
                (share.gone, share.state) = (true, ShareState::Corrupt(flaw.clone()));
                share.bad_crypttext_tree |= matches!(flaw, Flaw::CrypttextTree(_));
                if let Some(id) = id {
                    current.fetch.on_bad(id);
                }
                let (server, num) = (share.server, share.num);
                self.report(server, num, flaw);
            }
            ReadError::Request(error) => {
                let may_pass = error.may_pass();
                share.gone = !may_pass;
                share.warm_failed = true;
                share.state = ShareState::Failed(error);
                current.fetch.on_suspect(share.server);
                if let Some(id) = id {
                    match may_pass {
                        true => current.fetch.on_failed(id, true, self.client.now()),
                        false => current.fetch.on_bad(id),
                    }
                }
            }
        }
    }

    /// Nothing else is left: a corrupt share may serve this segment if only another block of it is bad, or only
    /// its crypttext hash tree. Every block is checked as ever. Whether there is such a share.
    pub(super) fn readmit(&mut self, current: &mut Current) -> bool {
        let serves = |share: &Share| match &share.state {
            ShareState::Corrupt(Flaw::Block(bad)) => current.segment.is_some_and(|segment| segment != *bad),
            ShareState::Corrupt(Flaw::CrypttextTree(_)) => true,
            ShareState::Corrupt(_) | ShareState::Good | ShareState::Silent | ShareState::Failed(_) => false,
        };
        let again = |(index, share): (usize, &Share)| (share.gone && serves(share)).then_some(index);
        let again: Vec<usize> = self.shares.iter().enumerate().filter_map(again).collect();
        for &index in &again {
            let Some(share) = self.shares.get_mut(index) else { continue };
            share.gone = false;
            let Some(share) = self.shares.get(index) else { continue };
            if let Some(source) = self.source(share, self.block_bytes(current.segment)) {
                current.fetch.add_source(source);
                current.shares.push(index);
            }
        }
        !again.is_empty()
    }

    fn report(&mut self, index: usize, share: ShareNum, flaw: Flaw) {
        let Some(server) = self.servers.get(index).cloned() else { return };
        let (id, reason) = (server.info().id.clone(), flaw.to_string());
        self.client.tell(Event::ShareCorrupt { server: id.clone(), share, reason: reason.clone() });
        self.done.corrupt.push(CorruptShare { server: id, share, flaw });
        let reports = |pending: &&Pending| matches!(pending.question, Question::ReportCorrupt(_));
        if self.pending.values().filter(reports).count() < self.client.policy().download.reports_max {
            let storage_index = self.cap.storage_index;
            let report =
                async move { Outcome::Reported(server.report_corrupt(storage_index, share, &reason).await) };
            self.send(index, None, Question::ReportCorrupt(share), None, Arc::default(), report);
        }
    }
}

impl Share {
    /// It served something good, which does not mend what is corrupt elsewhere in it.
    fn is_well(&mut self) {
        if !matches!(self.state, ShareState::Corrupt(_)) {
            self.state = ShareState::Good;
        }
    }
}
