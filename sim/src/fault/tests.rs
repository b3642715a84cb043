//! The accounts of faults: when they begin and end, on whom, and which event of the network is their work.

use std::time::Duration;

use lafs::client::Event;
use lafs::format::{ServerId, ShareNum};

use super::*;
use crate::net::{ConnId, NetEvent, NetEventKind as K, Touch, Why};
use crate::schedule::{Direction, Disconnect, Happening, Link, ShareField, ShareTarget, Substitute};
use crate::trace::{Request, ServerEvent};

mod begin;
mod blame;
mod end;

const S0: HostId = HostId(0);
const S1: HostId = HostId(1);
const S2: HostId = HostId(2);
const CLIENT: HostId = HostId(3);
const LINK: Link = Link { latency_min: Duration::ZERO, latency_max: Duration::ZERO, bandwidth: None };

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn hosts(names: &[&str]) -> Target {
    Target::Hosts(names.iter().map(|name| (*name).to_owned()).collect())
}

fn fault(kind: FaultKind, on: Target, when: Trigger) -> Fault {
    Fault { name: "fault".to_owned(), kind, on, when, until: None, every: None, may_stay_inert: false }
}

fn book(faults: &[Fault]) -> Book {
    let hosts = ["s0", "s1", "s2", "client"].map(str::to_owned);
    Book::new(faults, &hosts, 3, &Seed::root(7))
}

/// A book of one hang of s0 to s2, begun by `when`.
fn hang(when: Trigger) -> Book {
    book(&[fault(FaultKind::Hang, hosts(&["s0", "s1", "s2"]), when)])
}

fn event(who: Subject, count: u64) -> Trigger {
    Trigger::Event { who, what: Happening::BlockServed, count, probability: 1.0, during: None }
}

fn serves(host: HostId, blocks: u64) -> Entry {
    let request = Request::Read(ShareNum(0));
    Entry::Server { host, event: ServerEvent::Answered { request, status: 206, bytes: 10 * blocks, blocks } }
}

fn ended(step: usize) -> Entry {
    Entry::Step { step, event: StepEvent::Ended(String::new()) }
}

fn step(step: usize) -> Entry {
    Entry::Step { step, event: StepEvent::Began(String::new()) }
}

/// How many of these entries it takes until something is due, and what.
fn first_due(book: &mut Book, entries: impl IntoIterator<Item = Entry>) -> Option<(usize, Vec<Due>)> {
    (1..).zip(entries).find_map(|(number, entry)| {
        book.hear(&entry);
        book.has_due().then(|| (number, book.take_due()))
    })
}

const ALL: Due = Due::BeginAll { fault: 0 };
