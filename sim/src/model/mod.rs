//! What can be read of a mutable file, given what was done to it: every operation with its beginning and end, and the
//! rules that hold however they interleave.
//!
//! Pure: knows no client, no server and no bytes but those handed in. Which versions servers could have given is for the
//! caller to say (`excused`).

mod rules;

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use lafs::format::mutable::VersionId;

use crate::verdict::seconds;

/// What was done to one file, and what was read of it.
#[derive(Debug, Default)]
pub struct History {
    changes: Vec<Change>,
    reads: Vec<Read>,
    contents: BTreeMap<VersionId, Content>,
    /// The lines that changes add, and which changes.
    lines: BTreeMap<Bytes, usize>,
    /// What was read last, taken apart.
    last: Option<Parsed>,
    census: Option<Census>,
}

/// What is behind the content of a write: taken apart once, for contents that begin alike.
#[derive(Debug)]
struct Parsed {
    /// Bytes of the content before it.
    from: usize,
    tail: Bytes,
    /// The changes whose lines these are, in order.
    places: Vec<usize>,
}

/// The lines of a content that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Census {
    /// How many somebody appended.
    pub lines: u64,
    /// Those of them that were not acknowledged when the read ended.
    pub unacknowledged: u64,
    /// Lines that were acknowledged, are not there, and were not overwritten by what is.
    pub missing: u64,
}

/// A change that was begun, by its place in the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(usize);

/// Who does something, and what, for the findings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Who {
    /// The client.
    pub client: String,
    /// Which of its operations, in a few words.
    pub what: String,
}

/// What a change makes of the content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// All of it is this now: the file is created or overwritten.
    Whole(Bytes),
    /// This is behind it now. Ends with its only line feed, and is unlike every other line of the file.
    Line(Bytes),
}

/// A successful read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// Who read.
    pub who: Who,
    /// When it began.
    pub began: Duration,
    /// When it ended.
    pub ended: Duration,
    /// Which version it says it got.
    pub version: VersionId,
    /// What it got.
    pub content: Bytes,
}

/// A change and what is known of it.
#[derive(Debug)]
struct Change {
    who: Who,
    began: Duration,
    kind: Kind,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    InFlight,
    /// At that time. The version is not known of a line that was found to be there already.
    Acknowledged(Duration, Option<VersionId>),
    /// Nobody knows whether it was, or will be, applied.
    Failed,
}

/// The content of a version, and who says so.
#[derive(Debug)]
struct Content {
    bytes: Bytes,
    by: String,
}

impl History {
    /// Somebody begins to change the file at `now`.
    pub fn begin(&mut self, who: Who, now: Duration, kind: Kind) -> Ticket {
        if let Kind::Line(line) = &kind {
            self.lines.insert(line.clone(), self.changes.len());
        }
        self.changes.push(Change { who, began: now, kind, state: State::InFlight });
        Ticket(self.changes.len() - 1)
    }

    /// The change failed: it may have been applied, may yet be, or never.
    pub fn failed(&mut self, ticket: Ticket) {
        if let Some(change) = self.changes.get_mut(ticket.0) {
            change.state = State::Failed;
        }
    }

    /// The change was acknowledged at `now` as this version; `None` if it was found to be there already. Answers with what
    /// is wrong about that. `excused` says of a version that neither it nor a newer one could be read.
    pub fn acknowledged(
        &mut self,
        ticket: Ticket,
        now: Duration,
        version: Option<VersionId>,
        excused: impl Fn(VersionId) -> bool,
    ) -> Vec<String> {
        let mut findings = Vec::new();
        let Some(change) = self.changes.get(ticket.0) else { return findings };
        if let Some(version) = version {
            findings.extend(self.not_higher(change, version, excused));
            if let Kind::Whole(content) = &change.kind {
                let (content, by) = (content.clone(), format!("{} wrote", change.who));
                findings.extend(self.another_content(version, content, by));
            }
        }
        if let Some(change) = self.changes.get_mut(ticket.0) {
            change.state = State::Acknowledged(now, version);
        }
        findings
    }

    /// Takes a read that has just ended; answers with what is wrong about it. `excused` as in [`Self::acknowledged`].
    pub fn read(&mut self, read: Read, excused: impl Fn(VersionId) -> bool) -> Vec<String> {
        let mut findings: Vec<String> = match self.explain(&read) {
            Err(impossible) => {
                self.census = None;
                vec![impossible]
            }
            Ok(explanations) => {
                let losses = explanations.into_iter().map(|explained| {
                    let lost = self.lost(&read, &explained, &excused);
                    (lost, explained)
                });
                let best = losses.min_by_key(|(lost, _)| lost.len());
                best.map(|(lost, explained)| {
                    self.census = Some(self.count(&explained));
                    self.last = Some(explained.parsed);
                    summed_up(&lost)
                })
                .unwrap_or_default()
            }
        };
        findings.extend(self.older_than_before(&read, &excused));
        let by = format!("{} read", read.who);
        findings.extend(self.another_content(read.version, read.content.clone(), by));
        self.reads.push(read);
        findings
    }

    /// The lines of what was read last; none if it was nothing that was ever written.
    pub fn census(&self) -> Option<Census> {
        self.census
    }
}

impl Change {
    /// When it was acknowledged.
    fn acknowledged_at(&self) -> Option<Duration> {
        match self.state {
            State::Acknowledged(at, _) => Some(at),
            State::InFlight | State::Failed => None,
        }
    }

    fn version(&self) -> Option<VersionId> {
        match self.state {
            State::Acknowledged(_, version) => version,
            State::InFlight | State::Failed => None,
        }
    }

    /// Whether it was acknowledged when something began at `moment`.
    fn is_acknowledged_by(&self, moment: Duration) -> bool {
        self.acknowledged_at().is_some_and(|at| at <= moment)
    }

    /// Who did it and when, for findings.
    fn told(&self) -> String {
        let began = seconds(self.began);
        match self.state {
            State::InFlight => format!("{} (since {began})", self.who),
            State::Failed => format!("{} (from {began}, failed)", self.who),
            State::Acknowledged(at, None) => format!("{} ({began} to {})", self.who, seconds(at)),
            State::Acknowledged(at, Some(version)) => {
                format!("{} ({began} to {}, {version})", self.who, seconds(at))
            }
        }
    }
}

impl Read {
    fn told(&self) -> String {
        format!("{} ({} to {}) read {}", self.who, seconds(self.began), seconds(self.ended), self.version)
    }
}

impl std::fmt::Display for Who {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}, {}", self.client, self.what)
    }
}

/// The first of several findings of one rule, and how many more there are.
fn summed_up(findings: &[String]) -> Vec<String> {
    let more = match findings.len() {
        0 | 1 => String::new(),
        count => format!("; and {} more of the kind", count - 1),
    };
    findings.first().map(|first| format!("{first}{more}")).into_iter().collect()
}

#[cfg(test)]
mod tests;
