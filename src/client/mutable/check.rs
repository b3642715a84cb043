//! How well a mutable file is stored: every server is asked, and on request every byte of every share is read.
//!
//! Writes nothing, but tells servers of shares that are bad. A verify capability suffices.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use thiserror::Error;
use tokio::time::sleep;

use super::error::Holding;
use super::map::{ServerMap, survey};
use super::slot::Slot;
use super::verify::{Salts, verify};
use crate::client::Client;
use crate::client::check::{CheckOptions, count};
use crate::format::cap::MutableVerifyCap;
use crate::format::mutable::{Fingerprint, VersionId, WriteKey};
use crate::format::{Encoding, ServerId, ShareNum};
use crate::net::Dial;
use crate::plan::doubled;
use crate::plan::mutable::Mode;
use crate::plan::place::happiness;

/// Why a file was not checked. Servers that fail are no reason: they are in the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CheckError {
    /// Others kept writing: what was found is of no moment in particular.
    #[error("the file kept changing while it was checked, {0} times")]
    Changing(usize),
    /// It took too long.
    #[error("not done after {} s", .0.as_secs_f32())]
    Deadline(Duration),
}

/// How well a mutable file is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MutableCheck {
    /// Whether every byte was read; otherwise the signature of each share was checked, but no block.
    pub verified: bool,
    /// Every version of which there is a good share, the newest last.
    pub versions: Vec<CheckedVersion>,
    /// Whether two versions that can be read have the highest sequence number.
    pub needs_merge: bool,
    /// Every server of the grid, in the order in which they are asked for this file.
    pub servers: Vec<CheckedServer>,
}

/// A version of which there is a good share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedVersion {
    /// Which.
    pub id: VersionId,
    /// k and N.
    pub encoding: Encoding,
    /// Who has which share; those of others that cannot be read or are bad do not count.
    pub shares: BTreeMap<ShareNum, BTreeSet<ServerId>>,
    /// Its servers of happiness.
    pub happiness: usize,
}

/// What is known of one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedServer {
    /// Which.
    pub server: ServerId,
    /// What it said when asked for its shares.
    pub holding: Holding,
    /// The shares it showed.
    pub shares: Vec<(ShareNum, CheckedShare)>,
}

/// What a share is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckedShare {
    /// A good one, of this version.
    Good(VersionId),
    /// Not what it should be, and why.
    Bad(String),
    /// Its signature is good, but the rest of it could not be had, and why.
    Unread(String),
}

impl CheckedVersion {
    /// Whether there are k different shares of it.
    pub fn is_recoverable(&self) -> bool {
        self.shares.len() >= self.encoding.needed()
    }
}

impl MutableCheck {
    /// The newest version that can be read.
    pub fn best(&self) -> Option<&CheckedVersion> {
        self.versions.iter().rev().find(|version| version.is_recoverable())
    }

    /// The versions that cannot be read: newer than the best one, or leftovers.
    pub fn unrecoverable(&self) -> impl Iterator<Item = &CheckedVersion> {
        self.versions.iter().filter(|version| !version.is_recoverable())
    }

    /// Whether there is one version and nothing else, it can be read, and all N shares of it are good.
    pub fn is_healthy(&self) -> bool {
        let [only] = self.versions.as_slice() else { return false };
        only.is_recoverable() && only.shares.len() == only.encoding.total() && self.bad().next().is_none()
    }

    /// Shares that are not what they should be.
    pub fn bad(&self) -> impl Iterator<Item = (&ServerId, ShareNum, &str)> {
        self.servers.iter().flat_map(|at| {
            at.shares.iter().filter_map(|(share, state)| match state {
                CheckedShare::Bad(reason) => Some((&at.server, *share, reason.as_str())),
                CheckedShare::Good(_) | CheckedShare::Unread(_) => None,
            })
        })
    }

    pub(super) fn of<D: Dial + Clone>(slot: &Slot<'_, D>, map: &ServerMap, verified: bool) -> Self {
        let servers = 0..slot.servers.len();
        let version = |version: crate::plan::mutable::survey::Version| {
            let held = |server: usize| {
                let here = version.shares.iter().filter(|(_, servers)| servers.contains(&server));
                here.map(|(share, _)| *share).collect::<BTreeSet<_>>()
            };
            let happiness = happiness(&servers.clone().map(held).collect::<Vec<_>>());
            let names = |(share, servers): (&ShareNum, &BTreeSet<usize>)| {
                (*share, servers.iter().map(|server| slot.id(*server).clone()).collect())
            };
            let shares = version.shares.iter().map(names).collect();
            CheckedVersion { id: version.id, encoding: version.encoding, shares, happiness }
        };
        let server = |server: usize| {
            let here = |at: &(usize, ShareNum)| at.0 == server;
            let mut shares = BTreeMap::new();
            for (at, copy) in map.copies.iter().filter(|(at, _)| here(at)) {
                shares.insert(at.1, CheckedShare::Good(copy.layout.header().into()));
            }
            for (at, reject) in map.rejects.iter().filter(|(at, _)| here(at)) {
                shares.insert(at.1, CheckedShare::Bad(reject.reason.clone()));
            }
            for (at, reason) in map.unread.iter().filter(|(at, _)| here(at)) {
                shares.insert(at.1, CheckedShare::Unread(reason.clone()));
            }
            let shares = shares.into_iter().collect();
            CheckedServer { server: slot.id(server).clone(), holding: map.holding(server), shares }
        };
        Self {
            verified,
            versions: map.survey.versions().into_iter().map(version).collect(),
            needs_merge: map.survey.needs_merge(),
            servers: servers.clone().map(server).collect(),
        }
    }
}

impl fmt::Display for MutableCheck {
    /// One paragraph: the verdict, the best version, then whatever is not as it should be.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.is_healthy(), self.best()) {
            (true, _) => f.write_str("healthy: ")?,
            (false, Some(_)) => f.write_str("unhealthy: ")?,
            (false, None) => f.write_str("not recoverable: ")?,
        }
        let best = self.best();
        match best {
            Some(CheckedVersion { id, encoding, shares, happiness }) => {
                let (there, servers) = (shares.len(), count(*happiness, "server"));
                write!(f, "{there} of {} shares of {id} on {servers}", encoding.total())?;
            }
            None => f.write_str("no version has enough good shares")?,
        }
        for CheckedVersion { id, encoding, shares, .. } in
            self.versions.iter().filter(|version| Some(version.id) != best.map(|best| best.id))
        {
            write!(f, "; {} of {id} ({} needed)", count(shares.len(), "share"), encoding.needed())?;
        }
        if self.needs_merge {
            f.write_str("; two versions need a merge")?;
        }
        for CheckedServer { server, holding, shares } in &self.servers {
            match holding {
                Holding::Answered => {}
                Holding::NotAsked => write!(f, "; {server} was not asked")?,
                Holding::Silent => write!(f, "; {server} did not answer")?,
                Holding::Failed(error) => write!(f, "; {server} failed ({error})")?,
            }
            for (share, state) in shares {
                match state {
                    CheckedShare::Good(_) => {}
                    CheckedShare::Bad(reason) => write!(f, "; share {share} on {server} is bad ({reason})")?,
                    CheckedShare::Unread(reason) => {
                        write!(f, "; share {share} on {server} could not be read ({reason})")?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// What a look at all servers came to.
pub(super) struct Look {
    pub(super) map: ServerMap,
    /// Of versions in MDMF, if every byte was read.
    pub(super) salts: BTreeMap<VersionId, Salts>,
}

impl<D: Dial + Clone> Client<D> {
    /// How well the file is stored. Every server is asked, and waited for as long as an answer may take.
    ///
    /// With `verify` every byte of every share is read, a few shares at a time; memory does not grow with their number.
    /// Servers are told of bad shares. Ends within `policy.mutable.deadline`.
    pub async fn check_mutable(
        &self,
        cap: &MutableVerifyCap,
        options: &CheckOptions,
    ) -> Result<MutableCheck, CheckError> {
        let slot = Slot::new(self, cap.storage_index);
        let Look { map, .. } = self.look(&slot, cap.fingerprint, options.verify, None).await?;
        Ok(MutableCheck::of(&slot, &map, options.verify))
    }

    /// Asks every server, and again if others write meanwhile. With `key`, private keys are verified, too.
    pub(super) async fn look(
        &self,
        slot: &Slot<'_, D>,
        fingerprint: Fingerprint,
        verify_all: bool,
        key: Option<&WriteKey>,
    ) -> Result<Look, CheckError> {
        let policy = &self.policy().mutable;
        let (mut restarts, mut told) = (0, BTreeSet::new());
        loop {
            let patience = self.policy().for_short_answers();
            let (servers, floor) = (slot.servers.len(), self.newest(slot.index));
            let map = ServerMap::empty(Mode::Check, servers, fingerprint, policy.expected, floor, patience);
            // Nobody is excused.
            let mut map = survey(slot, map, usize::MAX).await;
            let verified = match verify_all {
                true => verify(slot, &mut map, key).await,
                false => Default::default(),
            };
            slot.complain(&mut told, std::mem::take(&mut map.complaints)).await;
            if slot.is_over() {
                return Err(CheckError::Deadline(policy.deadline));
            }
            if verified.changed.is_empty() {
                return Ok(Look { map, salts: verified.salts });
            }
            if restarts >= policy.restarts_max {
                return Err(CheckError::Changing(restarts));
            }
            sleep(doubled(policy.retry_after, u32::try_from(restarts).unwrap_or(u32::MAX))).await;
            restarts += 1;
        }
    }
}
