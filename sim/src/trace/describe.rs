//! Trace entries as lines that people read. The wording is free to change: no fingerprint depends on it.

use std::time::Duration;

use lafs::client::Event;
use lafs::client::event::Question;

use super::{Entry, FaultEvent, Request, ServerEvent, StepEvent};
use crate::net::HostId;

/// The names that entries refer to by number.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// Of hosts, by [`HostId`].
    pub hosts: Vec<String>,
    /// Of faults, in the order of the schedule.
    pub faults: Vec<String>,
}

impl Names {
    /// The name of a host.
    pub fn host(&self, host: HostId) -> &str {
        self.hosts.get(host.index()).map_or("?", String::as_str)
    }

    /// One line for one entry, with its time.
    pub fn line(&self, at: Duration, entry: &Entry) -> String {
        let text = match entry {
            Entry::Net(event) => format!("net     {}", event.display(&self.hosts)),
            Entry::Client { host, event } => format!("{:<7} {}", self.host(*host), client_event(event)),
            Entry::Server { host, event } => format!("{:<7} {}", self.host(*host), server_event(event)),
            Entry::Fault { fault, host, event } => {
                let name = self.faults.get(*fault).map_or("?", String::as_str);
                let what = match event {
                    FaultEvent::Began => "begins",
                    FaultEvent::Bit => "bites",
                    FaultEvent::Ended => "ends",
                };
                match host {
                    Some(host) => format!("FAULT   \"{name}\" {what} on {}", self.host(*host)),
                    None => format!("FAULT   \"{name}\" {what}"),
                }
            }
            Entry::Step { step, event } => match event {
                StepEvent::Began(what) => format!("STEP {}  {what}", step + 1),
                StepEvent::Ended(how) => format!("STEP {}  ends: {how}", step + 1),
            },
        };
        format!("{:>11.6}  {text}", at.as_secs_f64())
    }
}

fn client_event(event: &Event) -> String {
    match event {
        Event::Asked { server, question } => format!("asks {server} for {}", question_text(*question)),
        Event::Answered { server, question } => format!("has from {server} {}", question_text(*question)),
        Event::Failed { server, question, reason } => {
            format!("does not get from {server} {}: {reason}", question_text(*question))
        }
        Event::Cancelled { server, question } => {
            format!("no longer needs from {server} {}", question_text(*question))
        }
        Event::Overdue { server, question, after } => {
            format!("finds {server} overdue after {after:?} with {}", question_text(*question))
        }
        Event::ShareFound { server, share } => format!("knows share {share} on {server}"),
        Event::ShareCorrupt { server, share, reason } => {
            format!("finds share {share} on {server} corrupt: {reason}")
        }
        Event::SegmentDone { segment, segments } => format!("has done segment {} of {segments}", segment + 1),
        Event::SharePlaced { server, share, existing: true } => {
            format!("found share {share} on {server} already")
        }
        Event::SharePlaced { server, share, existing: false } => format!("placed share {share} on {server}"),
        Event::ShareLost { server, share, reason } => format!("gives up share {share} on {server}: {reason}"),
    }
}

/// What was asked, as a noun.
pub fn question_text(question: Question) -> String {
    match question {
        Question::Version => "its version".to_owned(),
        Question::Shares => "the list of its shares".to_owned(),
        Question::Allocate => "room for shares".to_owned(),
        Question::Write(share) => format!("the write of share {share}"),
        Question::Abort(share) => format!("the end of unfinished share {share}"),
        Question::Metadata(share) => format!("hashes of share {share}"),
        Question::Block { share, segment } => format!("block {segment} of share {share}"),
        Question::ReportCorrupt(share) => format!("the report that share {share} is corrupt"),
    }
}

fn server_event(event: &ServerEvent) -> String {
    match event {
        ServerEvent::Received(request) => format!("is asked for {}", request_text(*request)),
        ServerEvent::Answered { request, status, bytes, .. } => {
            format!("has answered {} with {status}, {bytes} B", request_text(*request))
        }
    }
}

fn request_text(request: Request) -> String {
    match request {
        Request::Version => "its version".to_owned(),
        Request::Shares => "the list of its shares".to_owned(),
        Request::Allocate => "room for shares".to_owned(),
        Request::Write(share) => format!("a write to share {share}"),
        Request::Abort(share) => format!("the abort of share {share}"),
        Request::Read(share) => format!("bytes of share {share}"),
        Request::Lease => "a lease".to_owned(),
        Request::Corrupt(share) => format!("a note that share {share} is corrupt"),
        Request::Other => "something it does not know".to_owned(),
    }
}
