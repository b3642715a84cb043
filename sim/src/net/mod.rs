//! What an engine of the virtual network offers, and the plain types it speaks in.
//!
//! Programs see only `lafs::net::{Dial, Listen}`; the world that runs them sees hosts, links, faults and
//! [`NetEvent`]s, through a [`Fabric`] that is woven by one of two engines: [`event`], of this project, and
//! [`turmoil`], which stands on a simulator that others wrote. Nothing here knows scenarios, servers or files, and
//! nothing here looks into the bytes it carries.

use std::rc::Rc;
use std::time::Duration;

use thiserror::Error;

pub use crate::schedule::Link as LinkSpec;
pub use clock::Clock;
pub use fabric::Fabric;
pub use notice::{EventLine, NetEvent, NetEventKind, Touch, Why};
pub use program::Program;
pub use stream::{Abort, Dialer, Listener, Stream};

mod clock;
pub mod event;
mod fabric;
mod notice;
mod program;
mod programs;
mod stream;
pub mod turmoil;

/// Told of every event, in order.
pub type Observer = Rc<dyn Fn(&NetEvent)>;

/// A machine of the virtual network. Numbered from 0 in the order in which hosts were added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostId(pub u32);

impl HostId {
    /// The position of the host in the order in which hosts were added.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// The ways, from and to, between a host and each other of the first so many: inward, outward or both.
fn ways(hosts: usize, host: HostId, inward: bool, outward: bool) -> impl Iterator<Item = (HostId, HostId)> {
    let others = (0..hosts as u32).map(HostId).filter(move |other| *other != host);
    others.flat_map(move |other| {
        let inward = inward.then_some((other, host));
        inward.into_iter().chain(outward.then_some((host, other)))
    })
}

/// A connection or an attempt at one. Numbered from 1 in the order of dialling, never reused in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(pub u32);

/// Bounds of the model. None of them is random.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one direction that may be in flight or unread at the receiver.
    pub window_bytes: u64,
    /// The most payload bytes in one message.
    pub message_bytes_max: usize,
    /// Connections a listener holds that its program has not accepted. A SYN beyond that vanishes.
    pub backlog_max: usize,
    /// Messages in a whole run; one more and the run reports [`Livelock::Messages`].
    pub messages_max: u64,
    /// Times programs are polled without virtual time moving; one more and the run reports [`Livelock::Polls`].
    pub polls_at_once_max: u64,
}

impl Limits {
    /// Windows like those of a busy Linux server, and bounds no sane run comes near.
    pub const USUAL: Self = Self {
        window_bytes: 256 * 1024,
        message_bytes_max: 64 * 1024,
        backlog_max: 4096,
        messages_max: 50_000_000,
        polls_at_once_max: 1_000_000,
    };
}

/// Why a run can make no progress although something always moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Livelock {
    /// More than [`Limits::messages_max`] messages were sent.
    #[error("more than {0} messages were sent")]
    Messages(u64),
    /// Programs were polled more than [`Limits::polls_at_once_max`] times at one instant.
    #[error("programs were polled more than {0} times at one instant")]
    Polls(u64),
}

/// Totals since the start of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Messages put on a link, handshakes and retransmissions included.
    pub messages: u64,
    /// Payload bytes that arrived at a receiving kernel.
    pub bytes_delivered: u64,
    /// Connection attempts.
    pub dials: u64,
}

/// One end of a connection as its host sees it, for whoever explains a hang.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndInfo {
    /// The connection.
    pub conn: ConnId,
    /// The other host.
    pub peer: HostId,
    /// Whether this end dialled.
    pub dialled: bool,
    /// Whether the handshake is over at this end.
    pub established: bool,
    /// Payload bytes the program wrote.
    pub sent_bytes: u64,
    /// Payload bytes among them that have not arrived.
    pub in_flight_bytes: u64,
    /// Payload bytes that arrived for the program.
    pub received_bytes: u64,
    /// Payload bytes among them that it has not read.
    pub unread_bytes: u64,
    /// When the program last wrote a byte.
    pub sent_last: Option<Duration>,
    /// When a byte last arrived.
    pub received_last: Option<Duration>,
    /// Since when something this end sent has stayed unacknowledged because of a loss.
    pub lost_since: Option<Duration>,
}
