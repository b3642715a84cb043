//! Overwriting and modifying: one attempt after the other until no other writer came first.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use tokio::time::sleep;

use super::error::{ModifyError, PublishError};
use super::key::signing_key;
use super::map::{ServerMap, survey};
use super::publish::{Parcel, Spreading, Trouble, publish};
use super::read::{Again, Stop, read_again, read_version};
use super::slot::Slot;
use super::{Degraded, PublishOptions, Published};
use crate::client::Client;
use crate::crypto::rsa::SigningKey;
use crate::format::cap::{MutableFormat, WriteCap};
use crate::format::mutable::VersionId;
use crate::format::{Encoding, ShareNum};
use crate::net::Dial;
use crate::plan::doubled;
use crate::plan::mutable::Mode;
use crate::version::{NewVersion, encode_sdmf};

/// The attempts of one write.
struct Attempts {
    /// Versions that it wrote at least in part, and was surprised at.
    own: Vec<VersionId>,
    found: Option<VersionId>,
    /// Shares that their servers were told are bad.
    told: BTreeSet<(usize, ShareNum)>,
    /// Shares that were signed and found to be bad.
    bad: Vec<((usize, ShareNum), VersionId)>,
}

impl<D: Dial + Clone> Client<D> {
    /// The whole of [`Client::create_mutable`].
    pub(super) async fn create(
        &self,
        key: &SigningKey,
        content: &Bytes,
        options: &PublishOptions,
    ) -> Result<Published, PublishError> {
        self.check_length(content)?;
        check_happy(options.happy, options.encoding)?;
        let write_key = key.write_key();
        let cap = WriteCap { format: MutableFormat::Sdmf, key: write_key, fingerprint: key.fingerprint() };
        let slot = Slot::new(self, write_key.read_key().storage_index());
        let policy = self.policy().for_short_answers();
        let servers = slot.servers.len();
        let map = ServerMap::empty(Mode::Write, servers, cap.fingerprint, options.encoding, None, policy);
        let parcel = self.encode(key, 1, options.encoding, content)?;
        match publish(&slot, &map, &write_key, &parcel, options.happy).await {
            Ok(spreading) => {
                self.remember_key(slot.index, &Arc::new(key.clone()));
                Ok(self.acknowledge(&slot, &cap, &parcel, spreading, 0))
            }
            Err(Trouble::Surprise) => Err(PublishError::Uncoordinated { attempts: 1, found: None }),
            Err(Trouble::Failed(error)) => Err(error),
        }
    }

    /// The whole of [`Client::modify`]; `change` is told whether it may have been made before.
    pub(super) async fn change<E>(
        &self,
        cap: &WriteCap,
        options: &PublishOptions,
        mut change: impl FnMut(Option<&Bytes>) -> Result<Option<Bytes>, E>,
        reads: bool,
    ) -> Result<Option<Published>, ModifyError<E>> {
        if cap.format == MutableFormat::Mdmf {
            return Err(PublishError::Mdmf.into());
        }
        let policy = &self.policy().mutable;
        let slot = Slot::new(self, cap.key.read_key().storage_index());
        let mut second_looks = 0;
        let mut attempts = Attempts { own: Vec::new(), found: None, told: BTreeSet::new(), bad: Vec::new() };
        for attempt in 0..policy.attempts_max.max(1) {
            if attempt > 0 {
                let pause = doubled(policy.collision_after, u32::try_from(attempt - 1).unwrap_or(u32::MAX));
                sleep(pause / 2 + pause.mul_f64(self.fraction())).await;
            }
            let mode = if attempt == 0 { Mode::Write } else { Mode::Check };
            let mut map = self.survey_for(&slot, cap, options, mode).await;
            map.reject_again(&attempts.bad);
            slot.complain(&mut attempts.told, std::mem::take(&mut map.complaints)).await;
            if let Some(wanted) = options.based_on
                && map.survey.best().is_none_or(|best| best.id != wanted)
            {
                let found = map.survey.versions().last().map(|version| version.id);
                return Err(PublishError::Uncoordinated { attempts: attempt + 1, found }.into());
            }
            let base = match reads {
                true => Some(self.base(&slot, &mut map, cap, &attempts.own).await),
                false => None,
            };
            attempts.bad = map.bad_copies();
            slot.complain(&mut attempts.told, std::mem::take(&mut map.complaints)).await;
            let base = match base.transpose() {
                Ok(base) => base,
                Err(Stop::Final(error)) => return Err(ModifyError::Retrieve(error)),
                Err(stop) => {
                    // The search before a write is cut short. The next one asks everybody, as a reader's does.
                    let error = map.missing(&slot).into_error();
                    let short = !matches!(stop, Stop::Changed);
                    let found_out =
                        second_looks >= policy.second_looks_max || read_again(&error) == Again::No;
                    if short && found_out || slot.is_over() || attempt + 1 >= policy.attempts_max {
                        return Err(ModifyError::Retrieve(error));
                    }
                    second_looks += u32::from(short);
                    continue;
                }
            };
            let content = match (change(base.as_ref()).map_err(ModifyError::Change)?, base) {
                (Some(content), _) => content,
                // What is there already was perhaps written by an attempt of ours that is not known to have
                // reached enough servers.
                (None, Some(content)) if !attempts.own.is_empty() => content,
                (None, _) => return Ok(None),
            };
            self.check_length(&content)?;
            match self.attempt(&slot, &map, cap, options, &content, attempt, &mut attempts).await? {
                Some(published) => return Ok(Some(published)),
                None if slot.is_over() => break,
                None => {}
            }
        }
        let Attempts { own, found, .. } = attempts;
        Err(PublishError::Uncoordinated { attempts: own.len(), found }.into())
    }

    /// Writes `content` as the next version. `None`: others came first.
    #[expect(clippy::too_many_arguments, reason = "one turn of a loop, split for reading")]
    async fn attempt(
        &self,
        slot: &Slot<'_, D>,
        map: &ServerMap,
        cap: &WriteCap,
        options: &PublishOptions,
        content: &Bytes,
        attempt: usize,
        attempts: &mut Attempts,
    ) -> Result<Option<Published>, PublishError> {
        let Some(newest) = map.survey.versions().last().cloned() else {
            return Err(PublishError::Unreadable(map.missing(slot).into_error()));
        };
        let key = signing_key(slot, map, &cap.key).await?;
        check_happy(options.happy, newest.encoding)?;
        let known = self.newest(slot.index).map_or(0, |id| id.seqnum);
        let seqnum =
            map.survey.seqnum_max().max(known).checked_add(1).ok_or_else(|| PublishError::Uncoordinated {
                attempts: attempt + 1,
                found: Some(newest.id),
            })?;
        let parcel = self.encode(&key, seqnum, newest.encoding, content)?;
        match publish(slot, map, &cap.key, &parcel, options.happy).await {
            Ok(spreading) => Ok(Some(self.acknowledge(slot, cap, &parcel, spreading, attempts.own.len()))),
            Err(Trouble::Surprise) => {
                attempts.own.push((&parcel.header).into());
                attempts.found = Some(newest.id);
                Ok(None)
            }
            Err(Trouble::Failed(error)) => Err(error),
        }
    }

    /// The content to change: of the newest version, but rather of somebody else's than of an attempt of ours.
    async fn base(
        &self,
        slot: &Slot<'_, D>,
        map: &mut ServerMap,
        cap: &WriteCap,
        own: &[VersionId],
    ) -> Result<Bytes, Stop> {
        // What this client wrote or read before may be where nobody answers: to change what is older would undo it.
        let best = map.survey.best().map(|best| best.id);
        if self.newest(slot.index) > best && !map.missing(slot).is_complete() {
            return Err(Stop::Nothing);
        }
        let mut content = Vec::new();
        let avoid = |id: &VersionId| own.contains(id);
        read_version(slot, map, &cap.read_cap(), avoid, &mut content).await?;
        Ok(content.into())
    }

    async fn survey_for(
        &self,
        slot: &Slot<'_, D>,
        cap: &WriteCap,
        options: &PublishOptions,
        mode: Mode,
    ) -> ServerMap {
        let mut policy = self.policy().for_short_answers();
        if mode == Mode::Check {
            // Everybody is asked, but nobody holds up a write for as long as a check.
            policy.ceiling = policy.first;
        }
        let floor = self.newest(slot.index);
        let map =
            ServerMap::empty(mode, slot.servers.len(), cap.fingerprint, options.encoding, floor, policy);
        survey(slot, map, options.happy).await
    }

    pub(super) fn encode(
        &self,
        key: &SigningKey,
        seqnum: u64,
        encoding: Encoding,
        content: &Bytes,
    ) -> Result<Parcel, PublishError> {
        let new = NewVersion { key, seqnum, salt: self.random(), encoding, entropy: self.random() };
        let encoded = encode_sdmf(&new, content)?;
        Ok(Parcel { header: encoded.header, shares: encoded.shares })
    }

    fn acknowledge(
        &self,
        slot: &Slot<'_, D>,
        cap: &WriteCap,
        parcel: &Parcel,
        spreading: Spreading,
        collisions: usize,
    ) -> Published {
        let version = VersionId::from(&parcel.header);
        self.note_version(slot.index, version);
        let Spreading { standing, placed, lost } = spreading;
        let encoding = parcel.header.encoding();
        let degraded = (!standing.is_good(encoding)).then_some(Degraded {
            happiness: standing.happiness,
            wanted: standing.wanted,
            older_left: standing.older_left,
            needed: encoding.needed(),
        });
        let happiness = standing.happiness;
        Published { cap: cap.clone(), version, placed, lost, happiness, collisions, degraded }
    }

    fn check_length(&self, content: &Bytes) -> Result<(), PublishError> {
        let (size, max) = (content.len() as u64, self.policy().mutable.bytes_max);
        if size > max { Err(PublishError::TooLong { size, max }) } else { Ok(()) }
    }

    /// A number from 0 to 1.
    pub(crate) fn fraction(&self) -> f64 {
        f64::from(u16::from_be_bytes(self.random())) / f64::from(u16::MAX)
    }
}

fn check_happy(happy: usize, encoding: Encoding) -> Result<(), PublishError> {
    if happy == 0 || happy > encoding.total() {
        return Err(PublishError::Happy { happy, total: encoding.total() });
    }
    Ok(())
}
