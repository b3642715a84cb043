//! Finding out which versions of a file there are, and on whom: carries out what `plan::mutable::survey` decides,
//! and checks the signature of every share that is shown.
//!
//! Blocks are not looked at here, but those of small files come along.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use thiserror::Error;

use super::error::{Holding, Missing, ServerReport, ShareReport};
use super::slot::{Complaint, Slot, read, slice};
use crate::client::event::{Event, Question};
use crate::client::flight::Flight;
use crate::format::mutable::header::SDMF_PREFIX_BYTES;
use crate::format::mutable::{Fingerprint, Header, Layout, LayoutError, VersionId};
use crate::format::{Encoding, ShareNum};
use crate::net::Dial;
use crate::net::client::{Progress, RequestError};
use crate::net::message::Test;
use crate::plan::mutable::survey::Sighting;
use crate::plan::mutable::{Mode, Survey};
use crate::plan::policy::OverduePolicy;
use crate::version::{HeadError, Heads};

/// No header, key and signature are longer than this together, in bytes.
const HEAD_BYTES_MAX: u64 = 64 * 1024;

/// A share whose signature is good.
#[derive(Debug, Clone)]
pub(super) struct Copy {
    pub(super) layout: Layout,
    /// Its first bytes: as many as were read.
    pub(super) front: Bytes,
}

/// A share that is none of this file's.
#[derive(Debug, Clone)]
pub(super) struct Reject {
    pub(super) reason: String,
    pub(super) front: Bytes,
}

/// What a server showed of a share.
type Shown = (ShareNum, Result<Bytes, RequestError>);

#[derive(Debug, Clone, PartialEq, Eq, Error)]
enum Flaw {
    #[error(transparent)]
    Layout(#[from] LayoutError),
    #[error("it ends before its signature does")]
    Short,
    #[error(transparent)]
    Head(#[from] HeadError),
    #[error("the file has no share of this number")]
    Number,
    #[error("it is another version with the number and the root hash of {0}")]
    Twin(VersionId),
}

/// What is known of a file on its grid.
pub(super) struct ServerMap {
    pub(super) survey: Survey,
    heads: Heads,
    headers: BTreeMap<VersionId, Header>,
    pub(super) copies: BTreeMap<(usize, ShareNum), Copy>,
    pub(super) rejects: BTreeMap<(usize, ShareNum), Reject>,
    failures: BTreeMap<usize, RequestError>,
    /// Shares that could not be had whole, and why.
    pub(super) unread: BTreeMap<(usize, ShareNum), String>,
    /// Shares that their servers listed and did not show. They may be anything: nothing is written over them.
    pub(super) sealed: BTreeSet<(usize, ShareNum)>,
    /// Not told to their servers yet.
    pub(super) complaints: Vec<Complaint>,
}

impl ServerMap {
    /// Nothing is known, as of a file that does not exist.
    pub(super) fn empty(
        mode: Mode,
        servers: usize,
        fingerprint: Fingerprint,
        encoding: Encoding,
        floor: Option<VersionId>,
        policy: OverduePolicy,
    ) -> Self {
        Self {
            survey: Survey::new(mode, servers, encoding, floor, policy),
            heads: Heads::new(fingerprint),
            headers: BTreeMap::new(),
            copies: BTreeMap::new(),
            rejects: BTreeMap::new(),
            failures: BTreeMap::new(),
            unread: BTreeMap::new(),
            sealed: BTreeSet::new(),
            complaints: Vec::new(),
        }
    }

    pub(super) fn header(&self, id: &VersionId) -> Option<Header> {
        self.headers.get(id).copied()
    }

    /// What a server is expected to have as the first bytes of a share: nothing if it has none.
    pub(super) fn expected(&self, server: usize, share: ShareNum) -> Option<Bytes> {
        if let Some(copy) = self.copies.get(&(server, share)) {
            return Some(copy.layout.header().checkstring().into());
        }
        let reject = self.rejects.get(&(server, share))?;
        Some(reject.front.slice(..reject.front.len().min(SDMF_PREFIX_BYTES)))
    }

    /// What a write of this share asks its server to test: that there is what this map knows of.
    pub(super) fn test(&self, server: usize, share: ShareNum) -> Test {
        match self.expected(server, share) {
            // It may be shorter than what is tested.
            Some(specimen) if self.rejects.contains_key(&(server, share)) => {
                Test { offset: 0, size: SDMF_PREFIX_BYTES as u64, specimen }
            }
            Some(specimen) => Test { offset: 0, size: specimen.len() as u64, specimen },
            None => Test::absent(),
        }
    }

    /// Whether a share of a version that was seen begins like this.
    pub(super) fn is_known(&self, checkstring: &[u8]) -> bool {
        self.headers.values().any(|header| header.checkstring() == checkstring)
    }

    /// A share turned out to be bad though its signature is good.
    pub(super) fn reject(&mut self, server: usize, share: ShareNum, reason: String) {
        let Some(copy) = self.copies.remove(&(server, share)) else { return };
        self.survey.on_bad(server, share);
        self.complaints.push(Complaint { server, share, reason: reason.clone() });
        self.rejects.insert((server, share), Reject { reason, front: copy.front });
    }

    /// A share could not be had whole: it is not counted on, and its server is not written to.
    pub(super) fn unread(&mut self, server: usize, share: ShareNum, reason: String) {
        self.copies.remove(&(server, share));
        self.survey.on_unread(server, share);
        self.unread.insert((server, share), reason);
    }

    /// A server took this share.
    pub(super) fn written(&mut self, server: usize, share: ShareNum, content: &Bytes) {
        let Ok(layout) = Layout::parse(content) else { return };
        let header = *layout.header();
        let id = VersionId::from(&header);
        self.headers.insert(id, header);
        self.survey.on_version(id, header.encoding());
        self.survey.on_written(server, share, id);
        self.rejects.remove(&(server, share));
        self.copies.insert((server, share), Copy { layout, front: content.clone() });
    }

    /// What a server said when asked for its shares.
    pub(super) fn holding(&self, server: usize) -> Holding {
        if let Some(error) = self.failures.get(&server) {
            Holding::Failed(error.clone())
        } else if self.survey.has_answered(server) || self.has_unread(server) {
            Holding::Answered
        } else if self.survey.is_silent(server) {
            Holding::Silent
        } else {
            Holding::NotAsked
        }
    }

    fn has_unread(&self, server: usize) -> bool {
        self.unread.range((server, ShareNum(0))..=(server, ShareNum(u8::MAX))).next().is_some()
    }

    /// The shares that were signed and are bad all the same, with the version that they say they are of.
    pub(super) fn bad_copies(&self) -> Vec<((usize, ShareNum), VersionId)> {
        let version =
            |reject: &Reject| Layout::parse(&reject.front).ok().map(|layout| layout.header().into());
        self.rejects.iter().filter_map(|(at, reject)| Some((*at, version(reject)?))).collect()
    }

    /// What an earlier look found to be bad, and is still there, is bad.
    pub(super) fn reject_again(&mut self, bad: &[((usize, ShareNum), VersionId)]) {
        for ((server, share), id) in bad {
            let there = self.copies.get(&(*server, *share)).map(|copy| VersionId::from(copy.layout.header()));
            if there == Some(*id) {
                self.reject(*server, *share, "it was bad before".to_owned());
            }
        }
    }

    /// Takes what a server showed. Answers with a share that could not be read, if there is one.
    fn take(
        &mut self,
        server: usize,
        shown: Vec<Shown>,
    ) -> (BTreeMap<ShareNum, Sighting>, Option<RequestError>) {
        let (mut sightings, mut failure) = (BTreeMap::new(), None);
        for (share, front) in shown {
            let front = match front {
                Ok(front) => front,
                // It was listed, and is gone by now.
                Err(RequestError::Status(404)) => continue,
                Err(error) => {
                    self.sealed.insert((server, share));
                    failure = Some(error);
                    continue;
                }
            };
            let sighting = match self.judge(share, &front) {
                Ok(layout) => {
                    let id = VersionId::from(layout.header());
                    self.survey.on_version(id, layout.header().encoding());
                    self.copies.insert((server, share), Copy { layout, front });
                    Sighting::Good(id)
                }
                Err(flaw) => {
                    let reason = flaw.to_string();
                    self.complaints.push(Complaint { server, share, reason: reason.clone() });
                    self.rejects.insert((server, share), Reject { reason, front });
                    Sighting::Bad
                }
            };
            sightings.insert(share, sighting);
        }
        (sightings, failure)
    }

    /// Whether a share that begins like this was signed by the owner of the file.
    fn judge(&mut self, share: ShareNum, front: &Bytes) -> Result<Layout, Flaw> {
        let layout = Layout::parse(front)?;
        let (key, signature) = (layout.public_key()?, layout.signature()?);
        let (key, signature) =
            (slice(front, &key).ok_or(Flaw::Short)?, slice(front, &signature).ok_or(Flaw::Short)?);
        self.heads.check(layout.header(), key, signature)?;
        let header = *layout.header();
        // The signature says nothing of the number: one server could show as many as make a version look readable.
        if usize::from(share.0) >= header.encoding().total() {
            return Err(Flaw::Number);
        }
        let id = VersionId::from(&header);
        let known = self.headers.entry(id).or_insert(header);
        if *known == header { Ok(layout) } else { Err(Flaw::Twin(id)) }
    }

    /// What there is, for an error.
    pub(super) fn missing<D: Dial + Clone>(&self, slot: &Slot<'_, D>) -> Missing {
        let report = |server: usize| {
            let good = self.copies.range((server, ShareNum(0))..=(server, ShareNum(u8::MAX)));
            let good =
                good.map(|((_, share), copy)| (*share, ShareReport::Version(copy.layout.header().into())));
            let bad = self.rejects.range((server, ShareNum(0))..=(server, ShareNum(u8::MAX)));
            let bad = bad.map(|((_, share), reject)| (*share, ShareReport::Bad(reject.reason.clone())));
            let mut shares: Vec<(ShareNum, ShareReport)> = good.chain(bad).collect();
            shares.sort_by_key(|(share, _)| *share);
            ServerReport { server: slot.id(server).clone(), holding: self.holding(server), shares }
        };
        let versions = self.survey.versions();
        Missing {
            versions: versions
                .iter()
                .map(|version| (version.id, version.shares.len(), version.encoding))
                .collect(),
            servers: (0..slot.servers.len()).map(report).collect(),
        }
    }
}

/// Finds out what there is.
///
/// Ends when the survey is satisfied, when nobody is left, or when the operation must end. Servers that failed lately
/// are not waited for if at least `enough` others did not.
pub(super) async fn survey<D: Dial + Clone>(
    slot: &Slot<'_, D>,
    mut map: ServerMap,
    enough: usize,
) -> ServerMap {
    let suspects: Vec<usize> = (0..slot.servers.len()).filter(|server| slot.is_suspect(*server)).collect();
    if slot.servers.len() - suspects.len() >= enough {
        suspects.into_iter().for_each(|server| map.survey.on_suspect(server));
    }
    let mut flight = Flight::new();
    loop {
        let decision = map.survey.decide(slot.client.now());
        let patience = decision.patience;
        for (server, after) in decision.overdue {
            slot.note_overdue(server, Question::Shares, after);
        }
        for server in decision.ask {
            let progress = Progress::default();
            flight.send(server, Arc::clone(&progress), look(slot, server, patience, progress));
        }
        if decision.done || slot.is_over() {
            return map;
        }
        let until = decision.until.map_or(slot.end, |until| until.min(slot.end));
        let landed = flight.wait(slot.client.instant(until)).await;
        for (server, _) in landed.moved {
            map.survey.on_progress(server, slot.client.now());
        }
        for (server, seen) in landed.ended {
            absorb(slot, &mut map, server, seen);
        }
    }
}

fn absorb<D: Dial + Clone>(
    slot: &Slot<'_, D>,
    map: &mut ServerMap,
    server: usize,
    seen: Result<Vec<Shown>, RequestError>,
) {
    match seen {
        Ok(shown) => {
            let listed = shown.len();
            let (sightings, failure) = map.take(server, shown);
            for share in sightings.keys() {
                slot.client.tell(Event::ShareFound { server: slot.id(server).clone(), share: *share });
            }
            map.survey.on_answer(server, sightings, slot.client.now());
            if let Some(error) = failure {
                if map.sealed.iter().filter(|(at, _)| *at == server).count() == listed {
                    map.survey.on_failed(server);
                }
                map.failures.insert(server, error);
            }
        }
        Err(error) => {
            map.survey.on_failed(server);
            map.failures.insert(server, error);
        }
    }
}

/// Asks one server for its shares, and for the first bytes of each, a few at a time.
async fn look<D: Dial + Clone>(
    slot: &Slot<'_, D>,
    server: usize,
    patience: Duration,
    progress: Progress,
) -> Result<Vec<Shown>, RequestError> {
    let storage = &slot.servers[server];
    let shares = slot
        .ask_again(
            server,
            Question::Shares,
            Some(patience),
            |_| Some(0),
            || storage.mutable_shares(slot.index),
        )
        .await?;
    // Each answer says that it is there.
    progress.fetch_add(1, Relaxed);
    let fronts = shares.into_iter().map(|share| {
        let progress = &progress;
        async move {
            let front = front(slot, server, share, patience).await;
            progress.fetch_add(1, Relaxed);
            (share, front)
        }
    });
    let at_a_time = slot.client.policy().transport.idle_connections_max.max(1);
    let mut shown: Vec<Shown> = stream::iter(fronts).buffered(at_a_time).collect().await;
    let is_missing = |front: &Result<Bytes, RequestError>| matches!(front, Err(RequestError::Status(404)));
    if shown.iter().any(|(_, front)| is_missing(front)) {
        // What was removed meanwhile is not listed any more. What still is would surprise every write.
        let list = || storage.mutable_shares(slot.index);
        let listed = slot.ask_again(server, Question::Shares, Some(patience), |_| Some(0), list).await?;
        for (share, front) in &mut shown {
            if is_missing(front) && listed.contains(share) {
                *front = Err(RequestError::Malformed("a share that is listed and not there".to_owned()));
            }
        }
    }
    Ok(shown)
}

/// The first bytes of a share, its signature among them wherever it lies.
async fn front<D: Dial + Clone>(
    slot: &Slot<'_, D>,
    server: usize,
    share: ShareNum,
    patience: Duration,
) -> Result<Bytes, RequestError> {
    let first = slot.client.policy().mutable.first_read_bytes;
    let bytes = read(slot, server, share, 0..first, Some(patience)).await?;
    match Layout::parse(&bytes).ok().and_then(|layout| layout.head_bytes().ok()) {
        Some(head) if head > bytes.len() as u64 && bytes.len() as u64 == first && head <= HEAD_BYTES_MAX => {
            read(slot, server, share, 0..head, Some(patience)).await
        }
        _ => Ok(bytes),
    }
}
