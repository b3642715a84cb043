//! Repair of a mutable file: the newest version that can be read gets all its shares back, unchanged, and whatever
//! else there is of older versions is written over.
//!
//! A version keeps its sequence number, so that a repair never hides what somebody else wrote, and rolls forward what
//! was written in part. Where that would lose something, nothing is done unless it is forced. Good shares are never
//! touched. Health is judged in `check`, homes are chosen in `plan::mutable::spread`.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use thiserror::Error;
use tokio::time::sleep;

use super::check::{CheckError, CheckedVersion, Look, MutableCheck};
use super::error::{PublishError, RetrieveError};
use super::key::signing_key;
use super::map::{ServerMap, survey};
use super::publish::{Parcel, Spreading, Trouble, publish};
use super::read::{Stop, read_version};
use super::slot::{Slot, slice};
use super::verify::Salts;
use crate::client::Client;
use crate::crypto::rsa::{SIGNATURE_BYTES, SigningKey};
use crate::format::cap::{MutableFormat, WriteCap};
use crate::format::mutable::{Header, VersionId};
use crate::format::{ServerId, ShareNum};
use crate::net::Dial;
use crate::plan::doubled;
use crate::plan::mutable::Mode;
use crate::version::{EncodeError, Signed, encode_again};

/// How a mutable file is to be repaired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RepairOptions {
    /// The servers of happiness aimed for.
    pub happy: usize,
    /// Whether the best version is published as a new one where a repair would lose another version.
    pub force: bool,
}

/// What a repair did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MutableRepair {
    /// How the file was stored before.
    pub before: MutableCheck,
    /// How it is stored now, as servers acknowledged; nothing is read again.
    pub after: MutableCheck,
    /// Which version it is now: the best one there was, unless the repair was forced to publish a new one.
    pub version: VersionId,
    /// The shares written, in all attempts. None: there was nothing to do.
    pub written: BTreeMap<ShareNum, BTreeSet<ServerId>>,
    /// Shares that a server did not take, and why; most have another home by now.
    pub lost: Vec<(ServerId, ShareNum, String)>,
    /// Attempts that others came ahead of.
    pub collisions: usize,
}

/// Why a file was not repaired.
#[derive(Debug, Error)]
pub enum RepairError {
    /// It could not be found out what there is.
    #[error(transparent)]
    Check(#[from] CheckError),
    /// There is a newer version, or was when this client saw the file last, and it cannot be read: a repair would
    /// give it up. Its shares may be on servers that are out of reach.
    #[error(
        "{newer} is newer than {best}, but only {shares} of the {needed} shares that it takes are within reach: \
         repairing {best} would give it up"
    )]
    Newer {
        /// The newest version that can be read.
        best: VersionId,
        /// The newest version.
        newer: VersionId,
        /// Different good shares of it.
        shares: usize,
        /// k.
        needed: usize,
    },
    /// Two writers came to the same number: a repair would give one of them up.
    #[error("{one} and {other} can both be read and neither is newer: a repair would give one of them up")]
    Merge {
        /// Of the two, the one that readers prefer.
        one: VersionId,
        /// The other one.
        other: VersionId,
    },
    /// There is nothing to restore.
    #[error(transparent)]
    Unreadable(#[from] RetrieveError),
    /// What was read does not give the shares that were signed, so their writer made them in another way.
    #[error("{id} cannot be made anew: {error}")]
    Encode {
        /// Which version.
        id: VersionId,
        /// Why not.
        error: EncodeError,
    },
    /// Others wrote at the same time, again and again.
    #[error("somebody else changed the file at the same time ({0} attempts)")]
    Uncoordinated(usize),
    /// Shares could not be made or written. Those that were there are still there.
    #[error(transparent)]
    Publish(#[from] PublishError),
}

/// What a repair is going to do.
enum Plan {
    Nothing,
    /// Write shares of a version that exists.
    Restore,
    /// Publish its content with this number.
    Publish(u64),
}

impl<D: Dial + Clone> Client<D> {
    /// Restores the newest version that can be read. Reads every byte of every share.
    ///
    /// Writes nothing to a file that is healthy and spread over `options.happy` servers (or all there are shares for).
    /// Starts again when others write meanwhile. Ends within `policy.mutable.deadline`.
    pub async fn repair_mutable(
        &self,
        cap: &WriteCap,
        options: &RepairOptions,
    ) -> Result<MutableRepair, RepairError> {
        let policy = &self.policy().mutable;
        let slot = Slot::new(self, cap.key.read_key().storage_index());
        let mut first = None;
        let mut collisions = 0;
        let (mut written, mut lost) = (BTreeMap::<_, BTreeSet<_>>::new(), Vec::new());
        loop {
            let Look { mut map, salts } = self.look(&slot, cap.fingerprint, true, Some(&cap.key)).await?;
            let check = MutableCheck::of(&slot, &map, true);
            let before = first.get_or_insert(check.clone()).clone();
            let Some(best) = check.best() else {
                return Err(map.missing(&slot).into_error().into());
            };
            if options.happy == 0 || options.happy > best.encoding.total() {
                let (happy, total) = (options.happy, best.encoding.total());
                return Err(PublishError::Happy { happy, total }.into());
            }
            let parcel = match self.plan(&slot, &map, &check, best, options)? {
                Plan::Nothing => {
                    let version = best.id;
                    return Ok(MutableRepair { before, after: check, version, written, lost, collisions });
                }
                Plan::Restore => self.restored(&slot, &mut map, cap, best.id, &salts).await?,
                Plan::Publish(seqnum) => self.anew(&slot, &mut map, cap, best, seqnum).await?,
            };
            match publish(&slot, &map, &cap.key, &parcel, options.happy).await {
                Ok(Spreading { placed, lost: more, .. }) => {
                    let version = VersionId::from(&parcel.header);
                    self.note_version(slot.index, version);
                    lost.extend(more);
                    for (share, servers) in note_written(&slot, &mut map, &parcel, placed) {
                        written.entry(share).or_default().extend(servers);
                    }
                    if written.is_empty() || self.newest_now(&slot, cap).await <= Some(version) {
                        let after = MutableCheck::of(&slot, &map, true);
                        return Ok(MutableRepair { before, after, version, written, lost, collisions });
                    }
                }
                Err(Trouble::Failed(error)) => return Err(error.into()),
                Err(Trouble::Surprise) => {}
            }
            collisions += 1;
            if collisions >= policy.attempts_max.max(1) || slot.is_over() {
                return Err(RepairError::Uncoordinated(collisions));
            }
            let pause = doubled(policy.collision_after, u32::try_from(collisions - 1).unwrap_or(u32::MAX));
            sleep(pause / 2 + pause.mul_f64(self.fraction())).await;
        }
    }

    /// The newest version that servers show. A share that is written where none was meets no test, so that a repair
    /// does not notice who wrote elsewhere meanwhile.
    async fn newest_now(&self, slot: &Slot<'_, D>, cap: &WriteCap) -> Option<VersionId> {
        let mut patience = self.policy().for_short_answers();
        patience.ceiling = patience.first;
        let (servers, expected) = (slot.servers.len(), self.policy().mutable.expected);
        let map = ServerMap::empty(Mode::Check, servers, cap.fingerprint, expected, None, patience);
        survey(slot, map, usize::MAX).await.survey.versions().last().map(|newest| newest.id)
    }

    fn plan(
        &self,
        slot: &Slot<'_, D>,
        map: &ServerMap,
        check: &MutableCheck,
        best: &CheckedVersion,
        options: &RepairOptions,
    ) -> Result<Plan, RepairError> {
        let known = self.newest(slot.index).filter(|known| *known > best.id);
        let seen = check.versions.last().filter(|newest| newest.id > best.id);
        let newer = seen.map(|newest| (newest.id, newest.shares.len(), newest.encoding.needed()));
        let newer = newer.max(known.map(|known| (known, 0, best.encoding.needed())));
        let rival =
            check.versions.iter().rev().find(|other| {
                other.is_recoverable() && other.id.seqnum == best.id.seqnum && other.id != best.id
            });
        let loss = match (newer, rival) {
            (Some((newer, shares, needed)), _) => {
                Some(RepairError::Newer { best: best.id, newer, shares, needed })
            }
            (None, Some(rival)) => Some(RepairError::Merge { one: best.id, other: rival.id }),
            (None, None) => None,
        };
        if let Some(loss) = loss {
            if !options.force {
                return Err(loss);
            }
            let newest = newer.map_or(best.id.seqnum, |(newer, ..)| newer.seqnum);
            let newest = newest.max(map.survey.seqnum_max());
            return newest.checked_add(1).map(Plan::Publish).ok_or(loss);
        }
        let is_spread = best.happiness >= options.happy;
        Ok(if check.is_healthy() && is_spread { Plan::Nothing } else { Plan::Restore })
    }

    /// The shares of `id` as they were published.
    async fn restored(
        &self,
        slot: &Slot<'_, D>,
        map: &mut ServerMap,
        cap: &WriteCap,
        id: VersionId,
        salts: &BTreeMap<VersionId, Salts>,
    ) -> Result<Parcel, RepairError> {
        let (key, content) = self.key_and_content(slot, map, cap).await?;
        let (header, signature) = signed(map, &id).ok_or_else(|| map.missing(slot).into_error())?;
        let own = header.salt().map(|salt| vec![salt]);
        let salts = own.or_else(|| salts.get(&id).cloned()).unwrap_or_default();
        let signed = Signed { key: &key, header: &header, signature: &signature, salts: &salts };
        let encoded = encode_again(&signed, &content).map_err(|error| RepairError::Encode { id, error })?;
        Ok(Parcel { header: encoded.header, shares: encoded.shares })
    }

    /// The content of the best version as a new one.
    async fn anew(
        &self,
        slot: &Slot<'_, D>,
        map: &mut ServerMap,
        cap: &WriteCap,
        best: &CheckedVersion,
        seqnum: u64,
    ) -> Result<Parcel, RepairError> {
        if cap.format == MutableFormat::Mdmf {
            return Err(PublishError::Mdmf.into());
        }
        let (key, content) = self.key_and_content(slot, map, cap).await?;
        Ok(self.encode(&key, seqnum, best.encoding, &content)?)
    }

    async fn key_and_content(
        &self,
        slot: &Slot<'_, D>,
        map: &mut ServerMap,
        cap: &WriteCap,
    ) -> Result<(std::sync::Arc<SigningKey>, Bytes), RepairError> {
        let key = signing_key(slot, map, &cap.key).await?;
        let mut content = Vec::new();
        let max = self.policy().mutable.bytes_max;
        let best = map.survey.best().and_then(|best| map.header(&best.id));
        if let Some(size) = best.map(|header| header.data_length()).filter(|size| *size > max) {
            return Err(RetrieveError::TooLong { size, max }.into());
        }
        match read_version(slot, map, &cap.read_cap(), |_| false, &mut content).await {
            Ok(_) => Ok((key, content.into())),
            Err(Stop::Final(error)) => Err(error.into()),
            Err(Stop::Nothing | Stop::Short | Stop::Changed) => Err(map.missing(slot).into_error().into()),
        }
    }
}

/// Header and signature of a version, from a share that has both.
fn signed(map: &ServerMap, id: &VersionId) -> Option<(Header, [u8; SIGNATURE_BYTES])> {
    let header = map.header(id)?;
    let copies = map.copies.values().filter(|copy| *copy.layout.header() == header);
    let mut signatures = copies.filter_map(|copy| {
        let range = copy.layout.signature().ok()?;
        slice(&copy.front, &range)?.try_into().ok()
    });
    Some((header, signatures.next()?))
}

/// Notes in `map` what servers took. Returns what was not there before.
fn note_written<D: Dial + Clone>(
    slot: &Slot<'_, D>,
    map: &mut ServerMap,
    parcel: &Parcel,
    mut placed: BTreeMap<ShareNum, BTreeSet<ServerId>>,
) -> BTreeMap<ShareNum, BTreeSet<ServerId>> {
    for (share, servers) in &mut placed {
        for server in 0..slot.servers.len() {
            let was_there =
                map.copies.get(&(server, *share)).is_some_and(|copy| *copy.layout.header() == parcel.header);
            if was_there {
                servers.remove(slot.id(server));
            } else if servers.contains(slot.id(server))
                && let Some(content) = parcel.shares.get(usize::from(share.0))
            {
                map.written(server, *share, content);
            }
        }
    }
    placed.retain(|_, servers| !servers.is_empty());
    placed
}
