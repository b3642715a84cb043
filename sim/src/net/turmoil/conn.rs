//! A connection as its two ends see it: turmoil's streams, and what turmoil has no word for.
//!
//! Turmoil has no reset by an outsider and no window in bytes; both are here, shared by the two ends. What travels
//! between them travels through turmoil.

use std::cell::{Ref, RefCell, RefMut};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::task::Waker;

use ::turmoil::net::TcpStream;

use crate::net::{ConnId, HostId};

/// How an end ended, for the other end to make sense of what it hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Parting {
    /// With a FIN; turmoil makes it a RST if bytes were unread.
    Orderly,
    /// With what the other end has to take for a RST.
    Reset,
    /// Without a word: its machine went dark.
    Dark,
}

/// How far an end has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// The dialler does not know yet that it was accepted.
    Embryo,
    /// Open.
    Live,
    /// Closed at this end.
    Gone(Parting),
}

/// What one host knows of a connection.
pub(super) struct End {
    pub(super) phase: Phase,
    /// Turmoil's end, as long as it is open.
    pub(super) tcp: Option<TcpStream>,
    /// What its program is told next.
    pub(super) error: Option<ErrorKind>,
    /// The other end's closing has been heard.
    pub(super) heard_end: bool,
    /// Bytes its program wrote and the other end's program has not read.
    pub(super) unread: u64,
    pub(super) reader: Option<Waker>,
    pub(super) writer: Option<Waker>,
}

impl End {
    fn new(phase: Phase, tcp: Option<TcpStream>) -> Self {
        Self { phase, tcp, error: None, heard_end: false, unread: 0, reader: None, writer: None }
    }

    pub(super) fn wake(&mut self) {
        for waker in [self.reader.take(), self.writer.take()].into_iter().flatten() {
            waker.wake();
        }
    }
}

/// A connection. Side 0 dialled.
pub(super) struct Conn {
    pub(super) id: ConnId,
    hosts: [HostId; 2],
    /// The dialler's address, by which it finds the connection that was accepted.
    origin: SocketAddr,
    ends: [RefCell<End>; 2],
}

impl Conn {
    /// One that was just accepted.
    pub(super) fn new(id: ConnId, hosts: [HostId; 2], origin: SocketAddr, accepted: TcpStream) -> Self {
        let ends = [End::new(Phase::Embryo, None), End::new(Phase::Live, Some(accepted))];
        Self { id, hosts, origin, ends: ends.map(RefCell::new) }
    }

    pub(super) fn host(&self, side: usize) -> HostId {
        self.hosts[side]
    }

    pub(super) fn end(&self, side: usize) -> RefMut<'_, End> {
        self.ends[side].borrow_mut()
    }

    pub(super) fn phase(&self, side: usize) -> Phase {
        Ref::map(self.ends[side].borrow(), |end| &end.phase).to_owned()
    }

    /// Whether this is what `origin` dialled `to` for.
    pub(super) fn is(&self, origin: SocketAddr, to: HostId) -> bool {
        self.origin == origin && self.hosts[1] == to
    }

    /// The side at `host`, if that end is open.
    pub(super) fn side_at(&self, host: HostId) -> Option<usize> {
        (0..2).find(|&side| self.hosts[side] == host && self.phase(side) == Phase::Live)
    }

    /// Whether nobody has it any more.
    pub(super) fn is_over(&self) -> bool {
        (0..2).all(|side| matches!(self.phase(side), Phase::Gone(_)))
    }
}
