//! What happens to stored shares behind the protocol's back: taken away, copied, arranged, damaged.
//!
//! Works on the disks and on what the front doors know of them; when it happens is not known here.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use lafs::format::{ShareNum, StorageIndex};
use thiserror::Error;

use super::slots::{self, Held, Kind};
use super::{ServerHost, World};
use crate::fault::damage::Damage;
use crate::net::HostId;
use crate::schedule::{FaultKind, ShareField, ShareTarget, Substitute, Target};

/// Why shares could not be arranged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ArrangeError {
    /// No upload of the file succeeded.
    #[error("the file has no shares: it was not uploaded")]
    NeverUploaded,
    /// A share that was asked for is nowhere.
    #[error("no server has share {0}, so it cannot be moved")]
    Nowhere(ShareNum),
}

/// What was on a disk, and how damaged it was.
pub(super) struct Backup {
    shares: BTreeMap<(Kind, StorageIndex, ShareNum), Held>,
    damage: BTreeMap<(StorageIndex, ShareNum), Vec<Damage>>,
}

impl ServerHost {
    fn stored(&self) -> BTreeMap<(Kind, StorageIndex, ShareNum), Held> {
        let all = slots::list(self.shelf.disk());
        all.filter_map(|at @ (kind, index, share)| Some((at, self.held(kind, index, share)?))).collect()
    }

    /// One of its shares.
    pub(super) fn held(&self, kind: Kind, index: StorageIndex, share: ShareNum) -> Option<Held> {
        self.shelf.get(kind, index, share)
    }

    fn place(&self, index: StorageIndex, share: ShareNum, held: Held, damage: Vec<Damage>) {
        self.shelf.put(index, share, held);
        self.annotations.borrow_mut().damage.insert((index, share), damage);
    }

    fn take_away(&self, kind: Kind, index: StorageIndex, share: ShareNum) {
        self.shelf.remove(kind, index, share);
        self.annotations.borrow_mut().damage.remove(&(index, share));
    }

    fn damage(&self, index: StorageIndex, share: ShareNum) -> Vec<Damage> {
        self.annotations.borrow().damage.get(&(index, share)).cloned().unwrap_or_default()
    }
}

impl World {
    /// Takes shares of a file (`numbers`, or all) away from servers, behind their backs.
    pub fn delete_shares(&self, file: &str, numbers: Option<&[u8]>, on: &Target) {
        let Some((index, kind)) = self.storage_index(file) else { return };
        for server in self.select_servers(on) {
            let held = Self::shares_on(server, index, kind).into_iter();
            for share in held.filter(|share| numbers.is_none_or(|numbers| numbers.contains(&share.0))) {
                server.take_away(kind, index, share);
            }
        }
    }

    /// Copies shares to servers, behind their backs, with whatever damage they have.
    pub fn copy_shares(&self, shares: &ShareTarget, to: &Target) {
        let Some((index, kind)) = self.storage_index(&shares.file) else { return };
        let targets = self.select_servers(to);
        let sources = match &shares.on {
            Some(on) => self.select_servers(on),
            None => self.servers.iter().collect(),
        };
        for server in sources {
            for share in Self::shares_on(server, index, kind) {
                if shares.share.is_none_or(|number| number == share.0)
                    && let Some(held) = server.held(kind, index, share)
                {
                    let damage = server.damage(index, share);
                    for target in targets.iter().filter(|target| target.host != server.host) {
                        target.place(index, share, held.clone(), damage.clone());
                    }
                }
            }
        }
    }

    /// Moves the shares of a file so that each server has those that `layout` says, and no other server any.
    /// What is to stay stays as it is; the rest is copied from the first server that has an undamaged one, or
    /// any, with its damage. There is always room.
    ///
    /// # Errors
    /// A share that nobody has cannot be moved; then nothing is.
    pub fn arrange_shares(&self, file: &str, layout: &[(String, Vec<u8>)]) -> Result<(), ArrangeError> {
        let (index, kind) = self.storage_index(file).ok_or(ArrangeError::NeverUploaded)?;
        let mut stock: BTreeMap<ShareNum, (Held, Vec<Damage>)> = BTreeMap::new();
        for server in &self.servers {
            for share in Self::shares_on(server, index, kind) {
                let Some(held) = server.held(kind, index, share) else { continue };
                let damage = server.damage(index, share);
                // Of mutable shares the newest: copies need not be of the same version.
                let rank = (damage.is_empty(), held.version());
                if stock.get(&share).is_none_or(|(other, known)| (known.is_empty(), other.version()) < rank) {
                    stock.insert(share, (held, damage));
                }
            }
        }
        let mut wanted = layout.iter().flat_map(|(_, shares)| shares).map(|share| ShareNum(*share));
        if let Some(missing) = wanted.find(|share| !stock.contains_key(share)) {
            return Err(ArrangeError::Nowhere(missing));
        }
        for server in &self.servers {
            let named = layout.iter().filter(|(name, _)| *name == server.name);
            let wanted: BTreeSet<ShareNum> =
                named.flat_map(|(_, shares)| shares).map(|share| ShareNum(*share)).collect();
            let held: BTreeSet<ShareNum> = Self::shares_on(server, index, kind).into_iter().collect();
            for share in &held - &wanted {
                server.take_away(kind, index, share);
            }
            for share in &wanted - &held {
                if let Some((held, damage)) = stock.get(&share) {
                    server.place(index, share, held.clone(), damage.clone());
                }
            }
        }
        Ok(())
    }

    /// Damages the stored copies of shares on a server.
    pub(super) fn rot(&self, fault: usize, host: HostId, share: &ShareTarget, field: ShareField) {
        let Some(server) = self.server_on(host) else { return };
        let Some((index, kind)) = self.storage_index(&share.file) else { return };
        let Some(plan) = self.schedule.faults.get(fault) else { return };
        let blocks = server.annotations.borrow().blocks.get(&index).copied();
        if kind == Kind::Immutable && blocks.is_none() {
            return;
        }
        for number in Self::shares_on(server, index, kind) {
            if share.share.is_some_and(|wanted| wanted != number.0) {
                continue;
            }
            let Some(held) = server.held(kind, index, number) else { continue };
            let stream = format!("damage {} {} {number}", plan.name, server.name);
            let mut rng = self.seed.child(&stream).rng();
            let damaged = Damage::to_field(fault, field, blocks.as_ref(), number, &held.content, &mut rng);
            let Some((damage, after)) = damaged else { continue };
            server.shelf.put(index, number, held.with(after));
            server.annotations.borrow_mut().damage.entry((index, number)).or_default().push(damage);
        }
    }

    /// Puts something else in the place of stored copies of shares on a server.
    pub(super) fn substitute(&self, fault: usize, host: HostId, share: &ShareTarget, by: &Substitute) {
        let Some(server) = self.server_on(host) else { return };
        let Some((index, kind)) = self.storage_index(&share.file) else { return };
        for number in Self::shares_on(server, index, kind) {
            if share.share.is_some_and(|wanted| wanted != number.0) {
                continue;
            }
            let Some(held) = server.held(kind, index, number) else { continue };
            let before = held.content.clone();
            let first = |bytes: u64| {
                let len = usize::try_from(bytes).unwrap_or(usize::MAX).min(before.len());
                Some(before.slice(..len))
            };
            let after = match by {
                Substitute::Percent(percent) => first((before.len() as u64).saturating_mul(*percent) / 100),
                Substitute::Bytes(bytes) => first(*bytes),
                Substitute::Share { number, file } => self.any_copy(file, ShareNum(*number)),
                Substitute::Version(version) => self.older(server, index, number, *version),
            };
            if let Some(after) = after.filter(|after| *after != before) {
                let damage = Damage::replaced(fault, Some(before), Some(after.clone()));
                server.place(index, number, held.with(after), vec![damage]);
            }
        }
    }

    fn any_copy(&self, file: &str, share: ShareNum) -> Option<Bytes> {
        let (index, kind) = self.storage_index(file)?;
        self.servers.iter().find_map(|server| server.held(kind, index, share)).map(|held| held.content)
    }

    /// What a mutable share was in this version, on `server` itself if it has had that, else anywhere.
    fn older(
        &self,
        server: &ServerHost,
        index: StorageIndex,
        share: ShareNum,
        version: u64,
    ) -> Option<Bytes> {
        let others = self.servers.iter().filter(|other| other.host != server.host);
        std::iter::once(server).chain(others).find_map(|server| {
            let annotations = server.annotations.borrow();
            let past = annotations.history.get(&(index, share)).into_iter().flatten().cloned();
            let now = server.held(Kind::Mutable, index, share).map(|held| held.content);
            now.into_iter().chain(past).find(|content| slots::version_of(content) == Some(version))
        })
    }

    /// Keeps what is on all disks when `step` (from 1) begins, if a fault will want it back.
    pub fn back_up(&self, step: u64) {
        let wanted = |kind: &FaultKind| matches!(kind, FaultKind::Restore { step: from } if *from == step);
        if self.schedule.faults.iter().any(|fault| wanted(&fault.kind)) {
            let backups = self.servers.iter().map(|server| Backup {
                shares: server.stored(),
                damage: server.annotations.borrow().damage.clone(),
            });
            self.backups.borrow_mut().insert(step, backups.collect());
        }
    }

    /// Gives a server the shares it had when `step` (from 1) began.
    pub(super) fn restore(&self, fault: usize, host: HostId, step: u64) {
        let Some(server) = self.server_on(host) else { return };
        let backups = self.backups.borrow();
        let Some(backup) = backups.get(&step).and_then(|backups| backups.get(host.index())) else { return };
        let mut now = server.stored();
        for (at @ &(_, index, share), old) in &backup.shares {
            let new = now.remove(at);
            if new.as_ref() != Some(old) {
                let mut damage = backup.damage.get(&(index, share)).cloned().unwrap_or_default();
                let new = new.map(|new| new.content);
                damage.push(Damage::replaced(fault, new, Some(old.content.clone())));
                server.place(index, share, old.clone(), damage);
            }
        }
        for ((kind, index, share), new) in now {
            server.take_away(kind, index, share);
            let damage = vec![Damage::replaced(fault, Some(new.content), None)];
            server.annotations.borrow_mut().damage.insert((index, share), damage);
        }
    }

    /// Whether a fault changed a share on a server, and it was not written anew since.
    pub fn is_damaged(&self, host: HostId, index: StorageIndex, share: ShareNum) -> bool {
        self.server_on(host).is_some_and(|server| !server.damage(index, share).is_empty())
    }

    /// Whether a server cannot read a share that it lists.
    pub fn is_unreadable(&self, host: HostId, index: StorageIndex, share: ShareNum) -> bool {
        self.server_on(host)
            .is_some_and(|server| server.annotations.borrow().unreadable(index, share).is_some())
    }
}
