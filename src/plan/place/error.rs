//! Why shares could not be spread widely enough, as data and as text.

use std::fmt;
use std::time::Duration;

use thiserror::Error;

use crate::format::ServerId;

/// What became of one server that was to hold shares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It holds, or would have taken, this many shares.
    Holds(usize),
    /// It answered, and has no room for a share.
    Full,
    /// It answered a request with an error, or not at all usably.
    Failed(String),
    /// It did not answer for this long, and was not waited for.
    Silent(Duration),
    /// It answered, and nothing was asked of it.
    Spare,
}

/// Too few servers hold shares for the happiness that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub struct UnhappyError {
    /// Servers of happiness that were reached.
    pub happiness: usize,
    /// Servers of happiness that were asked for.
    pub happy: usize,
    /// k of the encoding.
    pub needed: usize,
    /// N of the encoding.
    pub total: usize,
    /// Different shares that have a home.
    pub placed: usize,
    /// Every server that was asked, in the order of preference, and what became of it.
    pub servers: Vec<(ServerId, Outcome)>,
}

impl UnhappyError {
    /// Servers with at least one share.
    pub fn holders(&self) -> usize {
        self.count(|outcome| matches!(outcome, Outcome::Holds(count) if *count > 0))
    }

    /// Servers without room.
    pub fn full(&self) -> usize {
        self.count(|outcome| matches!(outcome, Outcome::Full))
    }

    /// Servers that failed.
    pub fn failed(&self) -> usize {
        self.count(|outcome| matches!(outcome, Outcome::Failed(_)))
    }

    /// Servers that did not answer.
    pub fn silent(&self) -> usize {
        self.count(|outcome| matches!(outcome, Outcome::Silent(_)))
    }

    /// Whether all that stood in the way was lack of room, so that trying again is of no use.
    pub fn is_full(&self) -> bool {
        self.full() > 0 && self.failed() == 0 && self.silent() == 0
    }

    fn count(&self, wanted: impl Fn(&Outcome) -> bool) -> usize {
        self.servers.iter().filter(|(_, outcome)| wanted(outcome)).count()
    }
}

impl fmt::Display for UnhappyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { happiness, happy, needed, total, placed, servers } = self;
        let holders = self.holders();
        if servers.is_empty() {
            return f.write_str("there are no servers to place shares on");
        }
        if holders < *needed {
            write!(
                f,
                "only {holders} server(s) hold or take shares, fewer than the {needed} that rebuild the file"
            )?;
        } else if happiness < needed {
            write!(
                f,
                "{holders} server(s) hold or take shares, but the shares are not spread out evenly enough: \
                 only {happiness} of these servers bring one of their own"
            )?;
        } else {
            write!(
                f,
                "only {happiness} server(s) could be found such that any {needed} of them rebuild the file"
            )?;
        }
        write!(
            f,
            "; {happy} were asked for; placed {placed} of {total} shares; of {} server(s) asked {} full, \
             {} failed, {} silent",
            servers.len(),
            self.full(),
            self.failed(),
            self.silent()
        )?;
        let last = servers.iter().rev().find_map(|(server, outcome)| match outcome {
            Outcome::Failed(reason) => Some((server, reason)),
            Outcome::Holds(_) | Outcome::Full | Outcome::Silent(_) | Outcome::Spare => None,
        });
        match last {
            Some((server, reason)) => write!(f, "; last failure: {server}: {reason}"),
            None => Ok(()),
        }
    }
}
