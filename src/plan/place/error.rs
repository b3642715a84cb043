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

/// Requests for room, and what came of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Offers {
    /// Sent to servers.
    pub made: usize,
    /// Answered by taking shares, or having them already.
    pub taken: usize,
    /// Answered by taking none: the server is full.
    pub full: usize,
    /// Answered with an error, or not usably.
    pub failed: usize,
}

/// A server that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Which.
    pub server: ServerId,
    /// Why, in one line.
    pub reason: String,
}

/// In which way it is not enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shortfall {
    /// There was nobody to ask.
    NoServers,
    /// Fewer servers have shares than it takes to rebuild the file.
    TooFewServers,
    /// Enough servers have shares, but too many have none of their own: some servers, as many as it takes,
    /// would not bring enough different shares.
    Uneven,
    /// Those servers that do bring enough are fewer than were asked for.
    TooFewOfThem,
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
    /// Requests for room that were sent to them.
    pub offers: Offers,
    /// The server that failed last, and why.
    pub last_failure: Option<Box<Failure>>,
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

    /// In which way it is not enough.
    pub fn shortfall(&self) -> Shortfall {
        if self.servers.is_empty() {
            Shortfall::NoServers
        } else if self.holders() < self.needed {
            Shortfall::TooFewServers
        } else if self.happiness < self.needed {
            Shortfall::Uneven
        } else {
            Shortfall::TooFewOfThem
        }
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
        let Self { happiness, happy, needed, total, placed, servers, offers, last_failure } = self;
        let holders = some(self.holders(), "server");
        match self.shortfall() {
            Shortfall::NoServers => return f.write_str("there are no servers to place shares on"),
            Shortfall::TooFewServers => write!(
                f,
                "only {holders} with shares or room for them, fewer than the {needed} that rebuild the file"
            )?,
            Shortfall::Uneven => write!(
                f,
                "{holders} with shares or room for them, but the shares are not spread out evenly enough: \
                 only {happiness} of these servers would bring one of their own"
            )?,
            Shortfall::TooFewOfThem => {
                let happiness = some(*happiness, "server");
                write!(f, "only {happiness} could be found such that any {needed} of them rebuild the file")?;
            }
        }
        write!(
            f,
            "; {happy} were asked for; placed {placed} of {total} shares; {} asked: {} full, {} failed, {} silent",
            some(servers.len(), "server"),
            self.full(),
            self.failed(),
            self.silent()
        )?;
        if offers.made > 0 {
            let Offers { made, taken, full, failed } = offers;
            let made = some(*made, "request");
            write!(f, "; {made} for room: {taken} granted, {full} refused as full, {failed} failed")?;
        }
        match last_failure {
            Some(failure) => write!(f, "; last failure: {}: {}", failure.server, failure.reason),
            None => Ok(()),
        }
    }
}

/// "1 server", "5 servers".
fn some(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
