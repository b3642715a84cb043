//! What happened on the virtual network: a closed enum, its canonical bytes and its line of text.
//!
//! The bytes feed the fingerprint of a run, so both the order of the variants and the encoding of their fields are
//! part of what a fingerprint means. Nothing here decides anything.

use std::fmt;
use std::time::Duration;

use super::{ConnId, HostId};

/// Something that happened, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NetEvent {
    /// Virtual time since the start of the run, exact to the nanosecond.
    pub at: Duration,
    /// What happened.
    pub kind: NetEventKind,
}

/// Why a message did not arrive when it was due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// A partition stands in the way.
    Blocked,
    /// The receiving machine is off.
    PowerOff,
    /// An earlier message of the same direction is missing.
    Order,
    /// The listener holds as many connections as it may.
    Backlog,
    /// The receiving machine knows no such connection and answers with a RST.
    Unknown,
    /// Its sender gave the connection up, so nobody will send it again.
    Abandoned,
}

/// How the outside reached for a hung program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Touch {
    /// One of its tasks was woken.
    Wake,
    /// Payload bytes arrived.
    Bytes(u64),
    /// A connection attempt arrived.
    Connect,
    /// The other end closed or reset a connection.
    Close,
}

/// What happened. Hosts are sender and receiver of the message where there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are hosts, connections and counts, named by what they are")]
pub enum NetEventKind {
    /// A program dialled; the first SYN left.
    ConnectSent { conn: ConnId, from: HostId, to: HostId },
    /// The dialler has its connection.
    Connected { conn: ConnId, from: HostId, to: HostId },
    /// The dialler was refused.
    Refused { conn: ConnId, from: HostId, to: HostId },
    /// The connection waits for the program of `host` to accept it.
    AcceptQueued { conn: ConnId, host: HostId },
    /// The program of `host` accepted the connection.
    Accepted { conn: ConnId, host: HostId },
    /// Payload arrived at the receiving kernel.
    Delivered { conn: ConnId, from: HostId, to: HostId, bytes: u64 },
    /// Room in the window was announced to a sender that may have waited for it.
    WindowOpened { conn: ConnId, from: HostId, to: HostId },
    /// A message was due and did not arrive; its sender will try again while it has patience.
    Held { conn: ConnId, from: HostId, to: HostId, bytes: u64, why: Why },
    /// Messages that had been held left once more.
    Retransmitted { conn: ConnId, from: HostId, to: HostId, messages: u64, bytes: u64 },
    /// An orderly close arrived.
    FinDelivered { conn: ConnId, from: HostId, to: HostId },
    /// A reset arrived.
    RstDelivered { conn: ConnId, from: HostId, to: HostId },
    /// The kernel of `host` lost patience with its peer.
    TimedOut { conn: ConnId, host: HostId },
    /// Messages were lost for good.
    Dropped { conn: ConnId, from: HostId, to: HostId, bytes: u64, why: Why },
    /// From now on nothing arrives at `to` from `from`.
    Blocked { from: HostId, to: HostId },
    /// One reason for nothing to arrive at `to` from `from` is gone.
    Unblocked { from: HostId, to: HostId },
    /// The link of `host` changed.
    LinkChanged { host: HostId },
    /// The link from one host to another changed.
    PairChanged { from: HostId, to: HostId },
    /// `host` refuses new connections from now on, or no longer.
    Refusing { host: HostId, on: bool },
    /// The accept queue of `host` counts as full from now on, or no longer.
    QueueFull { host: HostId, on: bool },
    /// The program of `host` stopped running.
    HostHung { host: HostId },
    /// The program of `host` runs again.
    HostReleased { host: HostId },
    /// Something reached for the program of a hung host.
    HungHostTouched { host: HostId, by: Touch },
    /// The program of `host` died.
    HostCrashed { host: HostId },
    /// The machine went dark.
    PoweredOff { host: HostId },
    /// The machine is on again; no program runs yet.
    PoweredOn { host: HostId },
}

impl NetEvent {
    /// Appends the canonical bytes: the time in nanoseconds, a tag, the fields in order, each number LEB128.
    pub fn encode(&self, out: &mut Vec<u8>) {
        use NetEventKind as K;
        number(out, u64::try_from(self.at.as_nanos()).unwrap_or(u64::MAX));
        let mut put = |tag: u8, fields: &[u64]| {
            out.push(tag);
            for field in fields {
                number(out, *field);
            }
        };
        let h = |host: HostId| u64::from(host.0);
        let c = |conn: ConnId| u64::from(conn.0);
        match self.kind {
            K::ConnectSent { conn, from, to } => put(1, &[c(conn), h(from), h(to)]),
            K::Connected { conn, from, to } => put(2, &[c(conn), h(from), h(to)]),
            K::Refused { conn, from, to } => put(3, &[c(conn), h(from), h(to)]),
            K::AcceptQueued { conn, host } => put(4, &[c(conn), h(host)]),
            K::Accepted { conn, host } => put(5, &[c(conn), h(host)]),
            K::Delivered { conn, from, to, bytes } => put(6, &[c(conn), h(from), h(to), bytes]),
            K::WindowOpened { conn, from, to } => put(7, &[c(conn), h(from), h(to)]),
            K::Held { conn, from, to, bytes, why } => put(8, &[c(conn), h(from), h(to), bytes, why as u64]),
            K::Retransmitted { conn, from, to, messages, bytes } => {
                put(9, &[c(conn), h(from), h(to), messages, bytes]);
            }
            K::FinDelivered { conn, from, to } => put(10, &[c(conn), h(from), h(to)]),
            K::RstDelivered { conn, from, to } => put(11, &[c(conn), h(from), h(to)]),
            K::TimedOut { conn, host } => put(12, &[c(conn), h(host)]),
            K::Dropped { conn, from, to, bytes, why } => {
                put(13, &[c(conn), h(from), h(to), bytes, why as u64]);
            }
            K::Blocked { from, to } => put(14, &[h(from), h(to)]),
            K::Unblocked { from, to } => put(15, &[h(from), h(to)]),
            K::LinkChanged { host } => put(16, &[h(host)]),
            K::PairChanged { from, to } => put(17, &[h(from), h(to)]),
            K::Refusing { host, on } => put(18, &[h(host), u64::from(on)]),
            K::HostHung { host } => put(19, &[h(host)]),
            K::HostReleased { host } => put(20, &[h(host)]),
            K::HungHostTouched { host, by } => match by {
                Touch::Wake => put(21, &[h(host), 0]),
                Touch::Bytes(bytes) => put(21, &[h(host), 1, bytes]),
                Touch::Connect => put(21, &[h(host), 2]),
                Touch::Close => put(21, &[h(host), 3]),
            },
            K::HostCrashed { host } => put(22, &[h(host)]),
            K::PoweredOff { host } => put(23, &[h(host)]),
            K::PoweredOn { host } => put(24, &[h(host)]),
            K::QueueFull { host, on } => put(25, &[h(host), u64::from(on)]),
        }
    }

    /// What happened as one line for people, without its time. `names` are the host names by [`HostId::index`].
    pub fn display<'a, S: AsRef<str>>(&'a self, names: &'a [S]) -> EventLine<'a, S> {
        EventLine { event: self, names }
    }
}

fn number(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// An event as one line of text, hosts by name. Made by [`NetEvent::display`].
#[derive(Debug)]
pub struct EventLine<'a, S> {
    event: &'a NetEvent,
    names: &'a [S],
}

impl<S: AsRef<str>> EventLine<'_, S> {
    fn name(&self, host: HostId) -> Name<'_> {
        Name(host, self.names.get(host.index()).map(AsRef::as_ref))
    }
}

struct Name<'a>(HostId, Option<&'a str>);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            Some(name) => f.write_str(name),
            None => write!(f, "host {}", self.0.0),
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Blocked => "partition",
            Self::PowerOff => "receiver is off",
            Self::Order => "waits for an earlier message",
            Self::Backlog => "accept queue is full",
            Self::Unknown => "connection unknown to the receiver",
            Self::Abandoned => "given up by the sender",
        })
    }
}

impl fmt::Display for Touch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wake => f.write_str("a task woke"),
            Self::Bytes(bytes) => write!(f, "{bytes} B arrived"),
            Self::Connect => f.write_str("a connection attempt arrived"),
            Self::Close => f.write_str("a connection was closed"),
        }
    }
}

impl<S: AsRef<str>> fmt::Display for EventLine<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use NetEventKind as K;
        let n = |host| self.name(host);
        match self.event.kind {
            K::ConnectSent { conn, from, to } => write!(f, "#{} {} dials {}", conn.0, n(from), n(to)),
            K::Connected { conn, from, to } => write!(f, "#{} {} connected to {}", conn.0, n(from), n(to)),
            K::Refused { conn, from, to } => write!(f, "#{} {} refused by {}", conn.0, n(from), n(to)),
            K::AcceptQueued { conn, host } => write!(f, "#{} waits to be accepted by {}", conn.0, n(host)),
            K::Accepted { conn, host } => write!(f, "#{} accepted by {}", conn.0, n(host)),
            K::Delivered { conn, from, to, bytes } => {
                write!(f, "#{} {} -> {} {bytes} B", conn.0, n(from), n(to))
            }
            K::WindowOpened { conn, from, to } => {
                write!(f, "#{} {} -> {} window update", conn.0, n(from), n(to))
            }
            K::Held { conn, from, to, bytes, why } => {
                write!(f, "#{} {} -> {} {bytes} B held: {why}", conn.0, n(from), n(to))
            }
            K::Retransmitted { conn, from, to, messages, bytes } => {
                write!(f, "#{} {} -> {} {bytes} B sent again in {messages} messages", conn.0, n(from), n(to))
            }
            K::FinDelivered { conn, from, to } => write!(f, "#{} {} -> {} FIN", conn.0, n(from), n(to)),
            K::RstDelivered { conn, from, to } => write!(f, "#{} {} -> {} RST", conn.0, n(from), n(to)),
            K::TimedOut { conn, host } => write!(f, "#{} timed out at {}", conn.0, n(host)),
            K::Dropped { conn, from, to, bytes, why } => {
                write!(f, "#{} {} -> {} {bytes} B lost: {why}", conn.0, n(from), n(to))
            }
            K::Blocked { from, to } => write!(f, "{} -> {} blocked", n(from), n(to)),
            K::Unblocked { from, to } => write!(f, "{} -> {} unblocked", n(from), n(to)),
            K::LinkChanged { host } => write!(f, "link of {} changed", n(host)),
            K::PairChanged { from, to } => write!(f, "link {} -> {} changed", n(from), n(to)),
            K::Refusing { host, on: true } => write!(f, "{} refuses connections", n(host)),
            K::Refusing { host, on: false } => write!(f, "{} takes connections", n(host)),
            K::QueueFull { host, on: true } => write!(f, "the accept queue of {} is full", n(host)),
            K::QueueFull { host, on: false } => write!(f, "the accept queue of {} has room", n(host)),
            K::HostHung { host } => write!(f, "{} hangs", n(host)),
            K::HostReleased { host } => write!(f, "{} runs again", n(host)),
            K::HungHostTouched { host, by } => write!(f, "{} is hung: {by}", n(host)),
            K::HostCrashed { host } => write!(f, "{} crashed", n(host)),
            K::PoweredOff { host } => write!(f, "{} lost power", n(host)),
            K::PoweredOn { host } => write!(f, "{} has power again", n(host)),
        }
    }
}
