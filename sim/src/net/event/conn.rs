//! A connection as the kernels of its two hosts know it. Plain data; the handlers are elsewhere.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::task::Waker;

use bytes::Bytes;

use crate::net::{HostId, Limits};

/// A connection; the serial tells a slot's tenants apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) slot: u32,
    pub(super) serial: u32,
}

/// One end of a connection: the dialler is side 0, the acceptor side 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EndKey {
    pub(super) key: Key,
    pub(super) side: u8,
}

impl EndKey {
    pub(super) fn other(self) -> Self {
        Self { key: self.key, side: 1 - self.side }
    }
}

/// What a kernel knows of its end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// A SYN left and nothing came back.
    SynSent,
    /// A SYN arrived; the acceptor waits for the end of the handshake.
    Embryo,
    /// Both directions may be used.
    Live,
    /// Closed by the program (or a fault); what was sent before is still being delivered.
    Orphan,
    /// Unknown: whatever arrives is answered with a RST.
    Gone,
}

pub(super) enum Payload {
    Data(Bytes),
    /// Announces room in the window.
    Window,
    /// The end of the handshake.
    Ack,
    Fin,
}

impl Payload {
    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Data(bytes) => bytes.len() as u64,
            Self::Window | Self::Ack | Self::Fin => 0,
        }
    }

    /// Whether TCP would want it acknowledged.
    pub(super) fn counts(&self) -> bool {
        match self {
            Self::Data(_) | Self::Fin => true,
            Self::Window | Self::Ack => false,
        }
    }
}

pub(super) struct Message {
    pub(super) payload: Payload,
    /// Bytes the sender of this message had consumed of the other direction.
    pub(super) consumed: u64,
    /// The event that delivers it; any other event for it is stale.
    pub(super) ticket: u64,
    /// When it was first lost.
    pub(super) lost_at: Option<u64>,
}

/// One end of a connection with the direction that leaves it.
pub(super) struct End {
    pub(super) host: HostId,
    pub(super) phase: Phase,
    /// Whether a program (or an accept queue) still holds this end.
    pub(super) held: bool,
    /// Sent and not yet arrived, oldest first: `caught` lost ones, then up to `wired` under way, then the rest.
    pub(super) out: VecDeque<Message>,
    pub(super) wired: usize,
    pub(super) caught: usize,
    pub(super) due_last: u64,
    pub(super) fin_sent: bool,
    pub(super) sent: u64,
    pub(super) arrived: u64,
    pub(super) arrived_at: Option<u64>,
    /// Bytes of this direction that the receiver is known to have consumed.
    pub(super) granted: u64,
    /// Something arrived whose acknowledgement did not.
    pub(super) unacked: bool,
    /// Time of the first loss nothing has made good since.
    pub(super) lost_since: Option<u64>,
    /// The pending retransmission tick; 0 is none.
    pub(super) tick: u64,
    pub(super) inbox: VecDeque<Bytes>,
    pub(super) unread: u64,
    pub(super) consumed: u64,
    pub(super) announced: u64,
    pub(super) eof: bool,
    /// Reported once, to whoever reads or writes first.
    pub(super) error: Option<ErrorKind>,
    pub(super) sent_at: Option<u64>,
    pub(super) reader: Option<Waker>,
    pub(super) writer: Option<Waker>,
}

impl End {
    pub(super) fn new(host: HostId) -> Self {
        Self {
            host,
            phase: Phase::Gone,
            held: false,
            out: VecDeque::new(),
            wired: 0,
            caught: 0,
            due_last: 0,
            fin_sent: false,
            sent: 0,
            arrived: 0,
            arrived_at: None,
            granted: 0,
            unacked: false,
            lost_since: None,
            tick: 0,
            inbox: VecDeque::new(),
            unread: 0,
            consumed: 0,
            announced: 0,
            eof: false,
            error: None,
            sent_at: None,
            reader: None,
            writer: None,
        }
    }

    /// Makes a fresh end of a used one, keeping the room of its queues.
    pub(super) fn reset(&mut self, host: HostId) {
        let (mut out, mut inbox) = (std::mem::take(&mut self.out), std::mem::take(&mut self.inbox));
        out.clear();
        inbox.clear();
        *self = Self { out, inbox, ..Self::new(host) };
    }

    pub(super) fn credit(&self, limits: &Limits) -> u64 {
        limits.window_bytes.saturating_sub(self.sent - self.granted)
    }

    pub(super) fn wake(&mut self) {
        for waker in [self.reader.take(), self.writer.take()].into_iter().flatten() {
            waker.wake();
        }
    }

    pub(super) fn out_bytes(&self) -> u64 {
        self.out.iter().map(|message| message.payload.len()).sum()
    }

    /// Nothing sent from here will be sent again.
    pub(super) fn calm(&mut self) {
        self.unacked = false;
        self.lost_since = None;
        self.tick = 0;
    }
}

pub(super) struct Conn {
    pub(super) serial: u32,
    pub(super) ends: [End; 2],
    pub(super) dialled_at: u64,
}
