//! Repair of an immutable file: shares that are missing or spoilt are made anew, byte for byte, and go to servers
//! that have nothing of the file first.
//!
//! The ciphertext is downloaded and encoded at the same time; one segment or two are in memory. What is there is
//! never touched: servers do not let an immutable share be written over. A verify capability suffices.

use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;

use super::Check;
use super::remote::Remote;
use crate::client::Client;
use crate::client::download::{Answer, DownloadError, ShareState};
use crate::client::upload::{Existing, Holdings, UploadError, Uploaded};
use crate::format::cap::VerifyCap;
use crate::format::hash::uri_extension_hash;
use crate::format::{ServerId, ShareNum};
use crate::net::Dial;

/// How an immutable file is to be repaired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RepairOptions {
    /// A file of which all shares are there is left alone if it has so many servers of happiness. Where a repair
    /// is due, it aims for N, and does what can be done if that is less.
    pub happy: usize,
}

/// What a repair did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repair {
    /// How the file was stored before.
    pub before: Check,
    /// How it is stored now, as servers acknowledged; nothing is read again.
    pub after: Check,
    /// The shares written. None: there was nothing to do, or nobody to do it.
    pub placed: BTreeMap<ShareNum, BTreeSet<ServerId>>,
    /// Shares that a server took and lost again, and why; some may have another home by now.
    pub lost: Vec<(ServerId, ShareNum, String)>,
}

/// Why a file was not repaired. What was there is still there.
#[derive(Debug, Error)]
pub enum RepairError {
    /// The happiness asked for is not between 1 and N.
    #[error("{happy} servers of happiness cannot be had of {total} shares")]
    Happy {
        /// As asked for.
        happy: usize,
        /// N.
        total: usize,
    },
    /// There are fewer than k good shares within reach.
    #[error("there is too little to repair the file from: {0}")]
    NotEnoughShares(Box<Check>),
    /// The URI extension says things, or says them in a way, that this program would not: shares made anew would not
    /// belong to the capability.
    #[error("the URI extension of the file cannot be written again")]
    UriExtension,
    /// The ciphertext could not be had.
    #[error("cannot read the file: {0}")]
    Download(#[from] DownloadError),
    /// The shares could not be made or written.
    #[error(transparent)]
    Upload(#[from] UploadError),
}

impl<D: Dial + Clone> Client<D> {
    /// Restores shares until all N are there, on different servers where that can be. Reads every byte of every share.
    ///
    /// Writes nothing to a file that is healthy and spread over `options.happy` servers. It is no error if some shares
    /// find no home: see [`Repair::after`].
    pub async fn repair(&self, cap: &VerifyCap, options: &RepairOptions) -> Result<Repair, RepairError> {
        let (happy, total) = (options.happy, cap.encoding.total());
        if happy == 0 || happy > total {
            return Err(RepairError::Happy { happy, total });
        }
        let (before, file) = self.inspect(cap, true).await;
        if before.is_healthy() && before.happiness() >= happy {
            return Ok(Repair { after: before.clone(), before, placed: BTreeMap::new(), lost: Vec::new() });
        }
        let Some(file) = file.filter(|_| before.is_recoverable()) else {
            return Err(RepairError::NotEnoughShares(Box::new(before)));
        };
        if uri_extension_hash(&file.ueb.to_bytes()) != cap.ueb_hash {
            return Err(RepairError::UriExtension);
        }
        let holdings = holdings(&before);
        let existing = Existing { cap, cut: file.cut, holdings: &holdings };
        let (remote, mut reading) = Remote::new(self, cap);
        let (outcome, failed) = remote.beside(self.restore(&mut reading, &existing)).await;
        let Uploaded { placed, mut lost, moved, .. } = match (outcome, failed) {
            (Ok(restored), _) => restored,
            (Err(UploadError::Source(_)), Some(error)) => return Err(error.into()),
            (Err(error), _) => return Err(error.into()),
        };
        lost.extend(moved);
        Ok(Repair { after: with(&before, &placed), before, placed, lost })
    }
}

fn holdings(check: &Check) -> Holdings {
    let mut holdings = Holdings::default();
    for report in &check.servers {
        for (share, state) in &report.shares {
            match state {
                ShareState::Good => {
                    holdings.good.entry(report.server.clone()).or_default().insert(*share);
                }
                ShareState::Corrupt(_) => {
                    holdings.barred.insert(report.server.clone());
                }
                ShareState::Silent | ShareState::Failed(_) => {}
            }
        }
    }
    holdings
}

/// The check, had servers had these shares as well.
fn with(check: &Check, placed: &BTreeMap<ShareNum, BTreeSet<ServerId>>) -> Check {
    let mut check = check.clone();
    for report in &mut check.servers {
        for (share, _) in placed.iter().filter(|(_, servers)| servers.contains(&report.server)) {
            report.answer = Answer::Given;
            report.shares.retain(|(other, _)| other != share);
            report.shares.push((*share, ShareState::Good));
        }
        report.shares.sort_by_key(|(share, _)| *share);
    }
    check
}
