//! Reading the newest version: find out what there is, fetch it, and begin anew if others wrote meanwhile.

use std::collections::BTreeSet;
use std::io;

use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::time::{sleep, timeout_at};

use super::Retrieved;
use super::error::RetrieveError;
use super::map::{ServerMap, survey};
use super::retrieve::{Lack, Retrieval};
use super::slot::Slot;
use crate::client::Client;
use crate::format::cap::MutableReadCap;
use crate::format::mutable::{Header, VersionId};
use crate::net::Dial;
use crate::plan::doubled;
use crate::plan::mutable::Mode;

/// Why the reading of one version stopped.
pub(super) enum Stop {
    /// No version can be read.
    Nothing,
    /// Its shares were written over.
    Changed,
    /// Too many of its shares are bad, or cannot be fetched.
    Short,
    /// Another look does not help.
    Final(RetrieveError),
}

impl<D: Dial + Clone> Client<D> {
    /// The whole of [`Client::read_mutable`].
    pub(super) async fn read<W: AsyncWrite + Unpin>(
        &self,
        cap: &MutableReadCap,
        sink: &mut W,
    ) -> Result<Retrieved, RetrieveError> {
        let slot = Slot::new(self, cap.key.storage_index());
        let (mut restarts, mut second_looks, mut told) = (0, 0, BTreeSet::new());
        let mut bad = Vec::new();
        loop {
            // Whoever begins anew looks closer.
            let mode = if restarts == 0 { Mode::Read } else { Mode::Check };
            let mut map = self.map_for(&slot, cap, mode).await;
            map.reject_again(&bad);
            let read = read_version(&slot, &mut map, cap, |_| false, sink).await;
            slot.complain(&mut told, std::mem::take(&mut map.complaints)).await;
            bad = map.bad_copies();
            match read {
                Ok((version, bytes)) => {
                    self.note_version(slot.index, version);
                    return Ok(Retrieved { version, bytes, restarts });
                }
                Err(Stop::Final(error)) => return Err(error),
                Err(_) if slot.is_over() => {
                    return Err(RetrieveError::Deadline(self.policy().mutable.deadline));
                }
                Err(Stop::Changed) if restarts >= self.policy().mutable.restarts_max => {
                    return Err(RetrieveError::Changing(restarts));
                }
                Err(Stop::Changed) => {}
                Err(Stop::Nothing | Stop::Short) => {
                    let error = map.missing(&slot).into_error();
                    if second_looks >= self.policy().mutable.second_looks_max
                        || read_again(&error) == Again::No
                    {
                        return Err(error);
                    }
                    sleep(doubled(self.policy().download.retry_after, second_looks)).await;
                    second_looks += 1;
                }
            }
            restarts += 1;
        }
    }

    async fn map_for(&self, slot: &Slot<'_, D>, cap: &MutableReadCap, mode: Mode) -> ServerMap {
        let mut policy = self.policy().for_short_answers();
        policy.ceiling = policy.ceiling.min(policy.first);
        let (servers, expected) = (slot.servers.len(), self.policy().mutable.expected);
        let floor = self.newest(slot.index);
        let map = ServerMap::empty(mode, servers, cap.fingerprint, expected, floor, policy);
        survey(slot, map, expected.needed()).await
    }
}

/// Whether another look may find more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    Maybe,
    No,
}

/// Says so of what a look found. Servers that gave no answer were perhaps not waited for.
pub(super) fn read_again(error: &RetrieveError) -> Again {
    match error {
        RetrieveError::NotEnoughShares(_) => Again::Maybe,
        RetrieveError::Unreachable(missing) if missing.may_change() => Again::Maybe,
        _ => Again::No,
    }
}

/// Reads the newest version that `map` knows and that can be read. One for which `avoid` says so gives way to another
/// one of the same sequence number.
pub(super) async fn read_version<D: Dial + Clone, W: AsyncWrite + Unpin>(
    slot: &Slot<'_, D>,
    map: &mut ServerMap,
    cap: &MutableReadCap,
    avoid: impl Fn(&VersionId) -> bool,
    sink: &mut W,
) -> Result<(VersionId, u64), Stop> {
    let (id, header) = choose(map, avoid).ok_or(Stop::Nothing)?;
    let (size, max) = (header.data_length(), slot.client.policy().mutable.bytes_max);
    if header.segment_len(0) > max {
        return Err(Stop::Final(RetrieveError::TooLong { size, max }));
    }
    let mut retrieval = Retrieval::new(slot, map, header, &cap.key);
    let sunk = |error: io::Error| Stop::Final(RetrieveError::Sink(error));
    let late = |_| Stop::Final(RetrieveError::Deadline(slot.client.policy().mutable.deadline));
    for segment in 0..header.segments() {
        let plain = match retrieval.segment(segment, map).await {
            Ok(plain) => plain,
            Err(Lack::Fatal(error)) => return Err(Stop::Final(error)),
            // What was passed on cannot be taken back.
            Err(Lack::Changed) if segment > 0 => return Err(Stop::Final(RetrieveError::Changing(1))),
            Err(Lack::Short | Lack::Late) if segment > 0 => {
                return Err(Stop::Final(map.missing(slot).into_error()));
            }
            Err(Lack::Changed) => return Err(Stop::Changed),
            Err(Lack::Short) => return Err(Stop::Short),
            Err(Lack::Late) => return Err(Stop::Final(map.missing(slot).into_error())),
        };
        timeout_at(slot.end(), sink.write_all(&plain)).await.map_err(late)?.map_err(sunk)?;
    }
    timeout_at(slot.end(), sink.flush()).await.map_err(late)?.map_err(sunk)?;
    Ok((id, size))
}

fn choose(map: &ServerMap, avoid: impl Fn(&VersionId) -> bool) -> Option<(VersionId, Header)> {
    let versions = map.survey.versions();
    let readable =
        || versions.iter().rev().filter(|version| version.is_recoverable()).map(|version| version.id);
    let best = readable().next()?;
    let rival = readable().find(|id| id.seqnum == best.seqnum && !avoid(id));
    let id = if avoid(&best) { rival.unwrap_or(best) } else { best };
    Some((id, map.header(&id)?))
}
