//! How well immutable files are stored, and their repair; what is common to that and the same for mutable files.
//!
//! A check asks every server, and on request reads every byte of every share. A repair reads all of them, restores
//! what is missing from what is good, and touches nothing that is there. Mutable files are in `client::mutable`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::download::{Answer, ServerReport, ShareState};
use crate::format::{Encoding, ServerId, ShareNum};
use crate::plan::place::happiness;

mod inspect;
mod remote;
mod repair;

pub use repair::{Repair, RepairError, RepairOptions};

/// How closely a file is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckOptions {
    /// Whether every byte of every share is read. Otherwise servers are believed.
    pub verify: bool,
}

/// How well an immutable file is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// k and N.
    pub encoding: Encoding,
    /// Whether every byte was read.
    pub verified: bool,
    /// Every server of the grid, in the order in which they are asked for this file, and what it has.
    pub servers: Vec<ServerReport>,
}

impl Check {
    /// Who has which good share. Those of others that could not be read do not count.
    pub fn good(&self) -> BTreeMap<ShareNum, BTreeSet<ServerId>> {
        let mut good: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for ServerReport { server, shares, .. } in &self.servers {
            for (share, _) in shares.iter().filter(|(_, state)| *state == ShareState::Good) {
                good.entry(*share).or_default().insert(server.clone());
            }
        }
        good
    }

    /// The servers of happiness of the good shares.
    pub fn happiness(&self) -> usize {
        let good = |report: &ServerReport| {
            let good = report.shares.iter().filter(|(_, state)| *state == ShareState::Good);
            good.map(|(share, _)| *share).collect::<BTreeSet<_>>()
        };
        happiness(&self.servers.iter().map(good).collect::<Vec<_>>())
    }

    /// Whether k different good shares are there.
    pub fn is_recoverable(&self) -> bool {
        self.good().len() >= self.encoding.needed()
    }

    /// Whether all N shares are there and good. There may be spoilt ones beside them, which nobody can take away.
    pub fn is_healthy(&self) -> bool {
        self.good().len() == self.encoding.total()
    }
}

impl fmt::Display for Check {
    /// One paragraph: the verdict, then whatever is not as it should be.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.is_healthy(), self.is_recoverable()) {
            (true, _) => "healthy",
            (false, true) => "unhealthy",
            (false, false) => "not recoverable",
        })?;
        let servers = count(self.happiness(), "server");
        write!(f, ": {} of {} shares on {servers}", self.good().len(), self.encoding.total())?;
        if !self.is_recoverable() {
            write!(f, " ({} needed)", self.encoding.needed())?;
        }
        for ServerReport { server, answer, shares } in &self.servers {
            match answer {
                Answer::Given => {}
                Answer::NotAsked => write!(f, "; {server} was not asked")?,
                Answer::Silent => write!(f, "; {server} did not answer")?,
                Answer::Failed(error) => write!(f, "; {server} failed ({error})")?,
            }
            for (share, state) in shares {
                match state {
                    ShareState::Good => {}
                    ShareState::Corrupt(flaw) => {
                        write!(f, "; share {share} on {server} is corrupt ({flaw})")?
                    }
                    ShareState::Silent => write!(f, "; share {share} on {server} was not served in time")?,
                    ShareState::Failed(error) => {
                        write!(f, "; share {share} on {server} could not be read ({error})")?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// `2 servers`, `1 share`.
pub(super) fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
