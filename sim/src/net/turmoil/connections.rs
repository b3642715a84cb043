//! Connections from the first dial to the last close, and what is told of them.
//!
//! Polled by nobody: programs' streams and the kernels of hosts call in.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::rc::Rc;

use ::turmoil::net::TcpStream;

use super::conn::{Conn, Parting, Phase};
use super::host::{Backlog, Host};
use super::{Dial, Inner};
use crate::net::{ConnId, HostId, NetEventKind as K, Touch, Why};

impl Inner {
    /// A program dials.
    pub(super) fn dialled(&self, from: HostId, to: HostId) -> Dial {
        let conn = self.number();
        let dial = Dial { conn, from, to };
        self.dials.borrow_mut().push(dial);
        self.count(|stats| {
            stats.dials += 1;
            stats.messages += 1;
        });
        self.note(K::ConnectSent { conn, from, to });
        if let Some(why) = self.obstacle(from, to) {
            self.note(K::Held { conn, from, to, bytes: 0, why });
        }
        dial
    }

    fn number(&self) -> ConnId {
        let conn = ConnId(self.dialled.get() + 1);
        self.dialled.set(conn.0);
        conn
    }

    /// A dial has failed or was given up. If a later one was accepted in its name, that one's name is free.
    pub(super) fn dial_failed(&self, failed: Dial) {
        let mut dials = self.dials.borrow_mut();
        let own = dials.iter().position(|dial| dial.conn == failed.conn);
        let other = || dials.iter().position(|dial| (dial.from, dial.to) == (failed.from, failed.to));
        if let Some(at) = own.or_else(other) {
            dials.remove(at);
        }
    }

    /// The kernel of `host` accepted a connection.
    pub(super) fn accepted(&self, host: &Host, tcp: TcpStream, origin: SocketAddr) {
        let to = host.id;
        let Some(from) = Host::of_ip(origin.ip()) else { return host.close(Some(tcp)) };
        let oldest = {
            let mut dials = self.dials.borrow_mut();
            let oldest = dials.iter().position(|dial| dial.from == from && dial.to == to);
            oldest.map(|at| dials.remove(at).conn)
        };
        let id = oldest.unwrap_or_else(|| self.number());
        let conn = Rc::new(Conn::new(id, [from, to], origin, tcp));
        self.conns.borrow_mut().push(Rc::clone(&conn));
        let queued = match &mut *host.backlog.borrow_mut() {
            Some(backlog) => {
                backlog.queue.push_back(Rc::clone(&conn));
                backlog.waker.take().into_iter().for_each(|waker| waker.wake());
                true
            }
            None => false,
        };
        if !queued {
            return self.close_end(&conn, 1, Parting::Reset, None);
        }
        self.note(K::AcceptQueued { conn: id, host: to });
        if host.is_hung() {
            self.note(K::HungHostTouched { host: to, by: Touch::Connect });
        }
    }

    /// The dialler at `origin` learns that it was accepted. None if that has been undone already.
    pub(super) fn connected(&self, origin: SocketAddr, to: HostId, tcp: TcpStream) -> Option<Rc<Conn>> {
        let conn = self.conns.borrow().iter().find(|conn| conn.is(origin, to)).cloned();
        let Some(conn) = conn else {
            if let Some(host) = Host::of_ip(origin.ip()) {
                self.host(host).close(Some(tcp));
            }
            return None;
        };
        let from = conn.host(0);
        let gone = {
            let mut end = conn.end(0);
            end.tcp = Some(tcp);
            let gone = matches!(end.phase, Phase::Gone(_));
            if !gone {
                end.phase = Phase::Live;
            }
            gone
        };
        if gone {
            let tcp = conn.end(0).tcp.take();
            self.host(from).close(tcp);
            return None;
        }
        self.note(K::Connected { conn: conn.id, from, to });
        Some(conn)
    }

    /// The serial of the new listener; none if the host has one already.
    pub(super) fn listen(&self, host: &Host) -> Option<u32> {
        let mut backlog = host.backlog.borrow_mut();
        if backlog.is_some() {
            return None;
        }
        let serial = self.listeners.get() + 1;
        self.listeners.set(serial);
        *backlog = Some(Backlog { serial, queue: VecDeque::new(), waker: None });
        host.programs.ready.wake_driver();
        Some(serial)
    }

    /// A listener is gone, if it is still the one with this serial; what waits in its queue is closed.
    pub(super) fn close_listener(&self, host: &Host, serial: Option<u32>, parting: Parting) {
        let backlog = {
            let mut backlog = host.backlog.borrow_mut();
            let other = |backlog: &Backlog| serial.is_some_and(|serial| serial != backlog.serial);
            if backlog.as_ref().is_none_or(other) {
                return;
            }
            backlog.take()
        };
        for conn in backlog.into_iter().flat_map(|backlog| backlog.queue) {
            self.close_end(&conn, 1, parting, None);
        }
        host.programs.ready.wake_driver();
    }

    /// Bytes were handed to turmoil by the program at `side`.
    pub(super) fn written(&self, conn: &Conn, side: usize, bytes: u64) {
        let (from, to) = (conn.host(side), conn.host(1 - side));
        self.count(|stats| stats.messages += 1);
        let dark = matches!(conn.phase(1 - side), Phase::Gone(Parting::Dark));
        if let Some(why) = self.obstacle(from, to).or(dark.then_some(Why::Unknown)) {
            self.note(K::Held { conn: conn.id, from, to, bytes, why });
        }
    }

    /// Bytes were read by the program at `side`.
    pub(super) fn delivered(&self, conn: &Conn, side: usize, bytes: u64) {
        let (from, to) = (conn.host(1 - side), conn.host(side));
        {
            let mut sender = conn.end(1 - side);
            sender.unread = sender.unread.saturating_sub(bytes);
            if let Some(waker) = sender.writer.take() {
                waker.wake();
            }
        }
        self.count(|stats| stats.bytes_delivered += bytes);
        self.note(K::Delivered { conn: conn.id, from, to, bytes });
    }

    /// Closes one end, if it is open; its program is told `error`, if it still holds it.
    pub(super) fn close_end(&self, conn: &Rc<Conn>, side: usize, parting: Parting, error: Option<ErrorKind>) {
        let tcp = {
            let mut end = conn.end(side);
            if matches!(end.phase, Phase::Gone(_)) {
                return;
            }
            end.phase = Phase::Gone(parting);
            end.error = error;
            end.wake();
            end.tcp.take()
        };
        self.host(conn.host(side)).close(tcp);
        let writer = conn.end(1 - side).writer.take();
        if let Some(writer) = writer {
            writer.wake();
        }
        if conn.is_over() {
            self.conns.borrow_mut().retain(|other| !Rc::ptr_eq(other, conn));
        }
    }

    /// The open ends at `host`, oldest first.
    pub(super) fn ends_at(&self, host: HostId) -> Vec<(Rc<Conn>, usize)> {
        let conns = self.conns.borrow();
        conns.iter().filter_map(|conn| Some((Rc::clone(conn), conn.side_at(host)?))).collect()
    }

    /// Why nothing arrives at `to` from `from` right now.
    fn obstacle(&self, from: HostId, to: HostId) -> Option<Why> {
        if self.wires.borrow().is_blocked(from, to) {
            Some(Why::Blocked)
        } else if self.host(to).off.get() {
            Some(Why::PowerOff)
        } else {
            None
        }
    }
}
