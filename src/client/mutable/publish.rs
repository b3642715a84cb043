//! Writing the shares of one version: carries out what `plan::mutable::spread` decides, each share by one message
//! that tests what is there before it writes.
//!
//! A write of which the answer was lost is sent again; if its test fails then because our own share is there, it is done.
//! What to do when others came first is for the caller to say.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{sleep, timeout};

use super::error::{NotWritten, PublishError};
use super::map::ServerMap;
use super::slot::Slot;
use crate::client::ask::{is_gone, may_pass};
use crate::client::event::{Event, Question};
use crate::client::flight::Flight;
use crate::format::mutable::{Header, VersionId, WriteKey};
use crate::format::{ServerId, ShareNum};
use crate::net::Dial;
use crate::net::client::{Progress, RequestError};
use crate::net::message::{ReadSpan, ReadTestWrite, TestWrite, TestWritten, Write};
use crate::plan::Moment;
use crate::plan::mutable::Spread;
use crate::plan::mutable::spread::Standing;
use crate::plan::mutable::survey::Sighting;

/// What the buffers of a connection may hold back, in bytes.
const BUFFERED_BYTES: u64 = 64 * 1024;

/// A version ready to be written.
pub(super) struct Parcel {
    pub(super) header: Header,
    /// All N shares, by number.
    pub(super) shares: Vec<Bytes>,
}

/// What became of a version.
pub(super) struct Spreading {
    pub(super) standing: Standing,
    pub(super) placed: BTreeMap<ShareNum, BTreeSet<ServerId>>,
    pub(super) lost: Vec<(ServerId, ShareNum, String)>,
}

/// Why a version was not written.
pub(super) enum Trouble {
    /// Somebody else's share is where none, or another one, was expected.
    Surprise,
    /// It is not known to be written.
    Failed(PublishError),
}

/// How one write ended.
enum Delivery {
    Written,
    /// Something else than expected was there.
    Surprised,
    Failed(RequestError),
}

/// A write under way: when a byte of it moved last, and how long nothing may.
struct UnderWay {
    heard: Moment,
    patience: Duration,
    overdue: bool,
}

/// Writes `parcel` over what `map` says is there, aiming for `happy` servers of happiness.
pub(super) async fn publish<D: Dial + Clone>(
    slot: &Slot<'_, D>,
    map: &ServerMap,
    key: &WriteKey,
    parcel: &Parcel,
    happy: usize,
) -> Result<Spreading, Trouble> {
    let client = slot.client;
    let mut spread = begin(slot, map, parcel, happy);
    let mut flight = Flight::new();
    let mut under_way: BTreeMap<(usize, ShareNum), UnderWay> = BTreeMap::new();
    let mut lost = Vec::new();
    let mut useful = client.now();
    loop {
        let now = client.now();
        for (server, share) in spread.to_write() {
            let patience = patience(slot, server, parcel);
            let progress = Progress::default();
            let request = deliver(slot, map, key, parcel, server, share, Arc::clone(&progress), patience);
            flight.send((server, share), progress, request);
            under_way.insert((server, share), UnderWay { heard: now, patience, overdue: false });
        }
        if spread.is_done() || flight.is_empty() || now >= slot.end {
            break;
        }
        let stalled = useful + client.policy().mutable.stall_max;
        if now >= stalled {
            break;
        }
        let late =
            under_way.values().filter(|write| !write.overdue).map(|write| write.heard + write.patience);
        let until = late.fold(slot.end.min(stalled), Moment::min);
        let landed = flight.wait(client.instant(until)).await;
        let now = client.now();
        for (pair, _) in landed.moved {
            useful = now;
            under_way.entry(pair).and_modify(|write| write.heard = now);
        }
        for ((server, share), delivery) in landed.ended {
            useful = now;
            under_way.remove(&(server, share));
            match delivery {
                Delivery::Written => {
                    spread.on_written(server, share);
                    client.tell(Event::SharePlaced {
                        server: slot.id(server).clone(),
                        share,
                        existing: false,
                    });
                }
                Delivery::Surprised => return Err(Trouble::Surprise),
                Delivery::Failed(error) => {
                    spread.on_failed(server, share, !is_gone(&error));
                    lose(slot, &mut lost, server, share, NotWritten::Failed(error));
                }
            }
        }
        for ((server, share), write) in &mut under_way {
            if !write.overdue && now.since(write.heard) >= write.patience {
                write.overdue = true;
                slot.note_overdue(*server, Question::TestAndWrite(*share), now.since(write.heard));
                spread.on_overdue(*server, *share);
            }
        }
    }
    for ((server, share), _) in under_way {
        lose(slot, &mut lost, server, share, NotWritten::Late);
    }
    let standing = spread.standing();
    let needed = parcel.header.encoding().needed();
    if standing.shares < needed {
        let failed = match slot.is_over() {
            true => PublishError::Deadline(client.policy().mutable.deadline),
            false => PublishError::NotEnoughServers { placed: standing.shares, needed, failures: lost },
        };
        return Err(Trouble::Failed(failed));
    }
    let mut placed: BTreeMap<ShareNum, BTreeSet<ServerId>> = BTreeMap::new();
    for (server, share) in spread.written() {
        placed.entry(share).or_default().insert(slot.id(server).clone());
    }
    let lost = lost.into_iter().map(|(server, share, why)| (server, share, why.to_string())).collect();
    Ok(Spreading { standing, placed, lost })
}

/// What is known before the first write.
fn begin<D: Dial + Clone>(slot: &Slot<'_, D>, map: &ServerMap, parcel: &Parcel, happy: usize) -> Spread {
    let mut spread = Spread::new(slot.servers.len(), parcel.header.encoding(), happy);
    let ours = VersionId::from(&parcel.header);
    for (server, share, sighting) in map.survey.sightings() {
        match sighting {
            Sighting::Good(id) if id == ours => spread.on_written(server, share),
            Sighting::Good(id) => spread.on_old(server, share, Some(id)),
            Sighting::Bad => spread.on_old(server, share, None),
        }
    }
    map.sealed.iter().for_each(|(server, share)| spread.on_sealed(*server, *share));
    let servers = 0..slot.servers.len();
    let unusable = |server: &usize| !map.survey.is_usable(*server);
    let suspect = |server: &usize| !map.survey.has_answered(*server) && slot.is_suspect(*server);
    let well = servers.clone().filter(|server| !unusable(server) && !suspect(server)).count();
    for server in servers {
        // Those who failed lately are passed over as long as there are enough others.
        if unusable(&server) || (suspect(&server) && well >= happy) {
            spread.on_unusable(server, !map.survey.is_silent(server) && !suspect(&server));
        }
    }
    spread
}

fn lose<D: Dial + Clone>(
    slot: &Slot<'_, D>,
    lost: &mut Vec<(ServerId, ShareNum, NotWritten)>,
    server: usize,
    share: ShareNum,
    why: NotWritten,
) {
    let server = slot.id(server).clone();
    slot.client.tell(Event::ShareLost { server: server.clone(), share, reason: why.to_string() });
    lost.push((server, share, why));
}

/// How long nothing may move while a share is written to `server`.
fn patience<D: Dial + Clone>(slot: &Slot<'_, D>, server: usize, parcel: &Parcel) -> Duration {
    let policy = slot.client.policy();
    let bytes = parcel.shares.first().map_or(0, Bytes::len) as u64;
    let expected = slot.client.health().expected(slot.id(server), 0);
    let answer = policy.overdue.patience(expected).max(policy.mutable.write_floor);
    // What moved before is out of the way; what a connection has taken may still lie in its buffers.
    answer + Duration::from_secs(bytes.min(BUFFERED_BYTES) / policy.upload.write_rate_min.max(1))
}

/// Writes one share, again if need be.
#[expect(clippy::too_many_arguments, reason = "one message, and whatever it is made of")]
async fn deliver<D: Dial + Clone>(
    slot: &Slot<'_, D>,
    map: &ServerMap,
    key: &WriteKey,
    parcel: &Parcel,
    server: usize,
    share: ShareNum,
    progress: Progress,
    patience: Duration,
) -> Delivery {
    let storage = &slot.servers[server];
    let enabler = key.write_enabler(&storage.info().lease_seed);
    let leases = slot.leases(server);
    let ours = Bytes::from(parcel.header.checkstring());
    let Some(content) = parcel.shares.get(usize::from(share.0)).cloned() else {
        return Delivery::Failed(RequestError::Status(400));
    };
    let test = map.test(server, share);
    let write =
        TestWrite { test: vec![test], write: vec![Write { offset: 0, data: content }], new_length: None };
    let message = ReadTestWrite {
        vectors: BTreeMap::from([(share, write)]),
        read: vec![ReadSpan { offset: 0, size: ours.len() as u64 }],
    };
    let policy = &slot.client.policy().mutable;
    let mut retry = 0;
    loop {
        let request = storage.read_test_write(slot.index, &message, &enabler, &leases, &progress);
        // How long bytes take upward says nothing about answers.
        let request = slot.ask(server, Question::TestAndWrite(share), Some(patience), |_| None, request);
        // An answer that stays away may be lost: the same is sent again, on another connection.
        let last = retry >= policy.retries_max;
        let again_after = slot.client.policy().overdue.again_after(patience, retry);
        let answer = match timeout_unless(last, again_after, request).await {
            Some(answer) => answer,
            None => {
                retry += 1;
                continue;
            }
        };
        match answer {
            Ok(answer) => return judge(map, server, share, &ours, &answer),
            Err(error) if may_pass(&error) && !last => {
                sleep(slot.client.pause(&error, policy.retry_after, retry)).await;
                retry += 1;
            }
            Err(error) => return Delivery::Failed(error),
        }
    }
}

/// What comes of `work` within `span`, or at any time if `forever`.
async fn timeout_unless<T>(forever: bool, span: Duration, work: impl Future<Output = T>) -> Option<T> {
    if forever { Some(work.await) } else { timeout(span, work).await.ok() }
}

/// Where the sequence number lies in the first bytes of a share.
const SEQNUM: Range<usize> = 1..9;

/// What an answer means: whether the share is there, and nothing else than expected.
fn judge(map: &ServerMap, server: usize, share: ShareNum, ours: &Bytes, answer: &TestWritten) -> Delivery {
    let foreign = answer.data.iter().any(|(other, pieces)| {
        let there = pieces.first();
        let expected = map.expected(server, *other);
        let as_expected = |piece: &Bytes| {
            expected
                .as_ref()
                .is_some_and(|expected| expected.starts_with(piece) || piece.starts_with(expected))
        };
        // One that its server did not show may be of any version that is known, or of one that was before.
        let known = |piece: &Bytes| {
            map.sealed.contains(&(server, *other)) && (is_older(piece, ours) || map.is_known(piece))
        };
        there.is_some_and(|piece| piece != ours && !as_expected(piece) && !known(piece))
    });
    let there = answer.data.get(&share).and_then(|pieces| pieces.first());
    if foreign || !(answer.success || there == Some(ours)) { Delivery::Surprised } else { Delivery::Written }
}

/// Whether the first bytes of a share have a lower sequence number than others.
fn is_older(one: &Bytes, other: &Bytes) -> bool {
    one.get(SEQNUM) < other.get(SEQNUM)
}
