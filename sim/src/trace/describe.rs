//! Trace entries as lines that people read. The wording is free to change: no fingerprint depends on it.

use std::time::Duration;

use lafs::client::Event;
use lafs::client::event::Question;

use super::{Entry, FaultEvent, ObjectRequest, Request, ServerEvent, StepEvent};
use crate::net::HostId;
use crate::schedule::RequestKind;

/// Longer host names push the rest of their line to the right.
const WHO_CHARS_MAX: usize = 16;

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

    /// One line for one entry, in columns: the time in seconds, who, what.
    pub fn line(&self, at: Duration, entry: &Entry) -> String {
        let (who, what) = match entry {
            Entry::Net(event) => ("net".to_owned(), event.display(&self.hosts).to_string()),
            Entry::Client { host, event, .. } => (self.host(*host).to_owned(), client_event(event)),
            Entry::Server { host, event } => (self.host(*host).to_owned(), self.server_event(event)),
            Entry::Fault { fault, host, event } => {
                let name = self.faults.get(*fault).map_or("?", String::as_str);
                let what = match event {
                    FaultEvent::Began => "begins",
                    FaultEvent::Bit => "bites",
                    FaultEvent::Ended => "ends",
                };
                let place = host.map(|host| format!(" on {}", self.host(host))).unwrap_or_default();
                ("FAULT".to_owned(), format!("\"{name}\" {what}{place}"))
            }
            Entry::Step { step, event } => {
                let what = match event {
                    StepEvent::Began(what) => format!("begins: {what}"),
                    StepEvent::Ended(how) => format!("ends: {how}"),
                };
                (format!("STEP {}", step + 1), what)
            }
        };
        let (seconds, micros) = (at.as_secs(), at.subsec_micros());
        format!("{seconds:>5}.{micros:06}  {who:<width$}  {what}", width = self.column())
    }

    /// Characters of the column that says who: the longest name, within reason.
    fn column(&self) -> usize {
        let longest = self.hosts.iter().map(|name| name.chars().count()).max().unwrap_or(0);
        longest.clamp("STEP 10".len(), WHO_CHARS_MAX)
    }
}

fn client_event(event: &Event) -> String {
    match event {
        Event::Asked { server, question, .. } => format!("asks {server} for {}", question_text(*question)),
        Event::Answered { server, question } => format!("got from {server} {}", question_text(*question)),
        Event::Failed { server, question, reason } => {
            format!("did not get from {server} {}: {reason}", question_text(*question))
        }
        Event::Cancelled { server, question } => {
            format!("no longer needs from {server} {}", question_text(*question))
        }
        Event::Overdue { server, question, after } => {
            format!("finds {server} overdue after {after:?} with {}", question_text(*question))
        }
        Event::ShareFound { server, share } => format!("knows of share {share} on {server}"),
        Event::ShareCorrupt { server, share, reason } => {
            format!("finds share {share} on {server} corrupt: {reason}")
        }
        Event::SegmentDone { segment, segments } => {
            format!("has done segment {segment} (the last is {})", segments.saturating_sub(1))
        }
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
        Question::TestAndWrite(share) => format!("the test and write of share {share}"),
        Question::ReportCorrupt(share) => format!("the report that share {share} is corrupt"),
    }
}

impl Names {
    fn server_event(&self, event: &ServerEvent) -> String {
        match event {
            ServerEvent::Received(request) => format!("is asked for {}", request_text(*request)),
            ServerEvent::Answered { request, status, bytes, .. } => {
                format!("answers {}: {status}, {bytes} B", request_text(*request))
            }
            ServerEvent::Spoilt { request, fault, how } => {
                let name = self.faults.get(*fault).map_or("?", String::as_str);
                format!("\"{name}\" spoils its answer to {}: {}", request_text(*request), how.words())
            }
        }
    }
}

fn request_text(request: Request) -> String {
    match request {
        Request::Version => "its version".to_owned(),
        Request::Shares => "the list of its shares".to_owned(),
        Request::Allocate => "room for shares".to_owned(),
        Request::Write(share) => format!("a write to share {share}"),
        Request::TestWrite => "a test and write".to_owned(),
        Request::Abort(share) => format!("the abort of share {share}"),
        Request::Read(share) => format!("bytes of share {share}"),
        Request::Lease => "a lease".to_owned(),
        Request::Corrupt(share) => format!("a note that share {share} is corrupt"),
        Request::Object(request) => object_text(request),
        Request::Other => "something it does not know".to_owned(),
    }
}

fn object_text(ObjectRequest { kind, share }: ObjectRequest) -> String {
    let object = share.map_or("an object".to_owned(), |share| format!("the object of share {share}"));
    match kind {
        RequestKind::Put => format!("the storing of {object}"),
        RequestKind::Get => object,
        RequestKind::Head => format!("the head of {object}"),
        RequestKind::List => "a list of objects".to_owned(),
        RequestKind::Delete => format!("the deletion of {object}"),
        RequestKind::Multipart => format!("a part or copy of {object}"),
        RequestKind::Version
        | RequestKind::Shares
        | RequestKind::Allocate
        | RequestKind::Write
        | RequestKind::Read
        | RequestKind::TestWrite
        | RequestKind::Abort
        | RequestKind::Lease
        | RequestKind::Report => "something it does not know".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use lafs::client::Deadlines;
    use lafs::format::{ServerId, ShareNum};

    use super::*;
    use crate::net::{ConnId, NetEvent, NetEventKind};

    fn lines(hosts: [&str; 2]) -> Vec<String> {
        let names = Names { hosts: hosts.map(str::to_owned).to_vec(), faults: vec!["cable".to_owned()] };
        let (server, client) = (HostId(0), HostId(1));
        let at = Duration::new(12, 345_678_999);
        let kind = NetEventKind::Delivered { conn: ConnId(3), from: server, to: client, bytes: 74 };
        let question = Question::Block { share: ShareNum(2), segment: 5 };
        let asked =
            Event::Asked { server: ServerId::new(hosts[0]), question, deadlines: Deadlines::default() };
        let read = Request::Read(ShareNum(2));
        let answer = ServerEvent::Answered { request: read, status: 206, bytes: 70, blocks: 1 };
        [
            Entry::Net(NetEvent { at, kind }),
            Entry::Client { host: client, step: 0, event: asked },
            Entry::Server { host: server, event: answer },
            Entry::Fault { fault: 0, host: Some(server), event: FaultEvent::Began },
            Entry::Step { step: 11, event: StepEvent::Ended("done".to_owned()) },
        ]
        .iter()
        .map(|entry| names.line(at, entry))
        .collect()
    }

    #[test]
    fn a_line_tells_the_time_once_then_who_then_what() {
        assert_eq!(
            lines(["s0", "client"]),
            [
                "   12.345678  net      #3 s0 -> client 74 B",
                "   12.345678  client   asks s0 for block 5 of share 2",
                "   12.345678  s0       answers bytes of share 2: 206, 70 B",
                "   12.345678  FAULT    \"cable\" begins on s0",
                "   12.345678  STEP 12  ends: done",
            ]
        );
    }

    #[test]
    fn the_columns_hold_for_long_names() {
        for line in lines(["storage-nine", "client"]) {
            let what = &line[12 + 2 + "storage-nine".len()..];
            assert!(what.starts_with("  ") && !what.starts_with("   "), "{line}");
        }
    }
}
