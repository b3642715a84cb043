//! How connections end: FIN, RST, a kernel that forgets, and the faults that cause them.
//!
//! As on Linux: closing with unread bytes resets, closing without them is orderly, and what arrives for a
//! connection nobody knows is answered with a RST (in `transfer`).

use std::io::ErrorKind;

use super::conn::{EndKey, Payload, Phase};
use super::state::{Due, State};
use crate::net::{HostId, NetEventKind as K, Touch};

impl State {
    /// The program dropped its end.
    pub(super) fn release_end(&mut self, end: EndKey) {
        let Some(own) = self.end(end) else { return };
        own.held = false;
        (own.reader, own.writer) = (None, None);
        self.close(end);
    }

    /// What closing a socket does; the program may still hold the end.
    pub(super) fn close(&mut self, end: EndKey) {
        let Some(own) = self.end(end) else { return };
        match own.phase {
            Phase::Live if own.unread > 0 => self.send_rst(end),
            Phase::Live => self.close_orderly(end),
            Phase::SynSent => own.phase = Phase::Gone,
            Phase::Embryo | Phase::Orphan | Phase::Gone => {}
        }
        self.reap(end.key);
    }

    /// FIN after everything sent so far; whatever arrives from now on is unwelcome.
    pub(super) fn close_orderly(&mut self, end: EndKey) {
        self.shut_write(end);
        let Some(own) = self.end(end) else { return };
        if own.phase == Phase::Live {
            own.phase = Phase::Orphan;
            own.wake();
        }
        self.reap(end.key);
    }

    /// Half-close: FIN after everything sent so far.
    pub(super) fn shut_write(&mut self, end: EndKey) {
        let Some(own) = self.end(end) else { return };
        if own.phase == Phase::Live && !own.fin_sent {
            own.fin_sent = true;
            self.send(end, Payload::Fin);
        }
    }

    /// Forgets the end and tells the peer with a RST, behind what is already on the link.
    pub(super) fn send_rst(&mut self, end: EndKey) {
        let Some((from, to)) = self.route(end) else { return };
        let Some(own) = self.end(end) else { return };
        let not_before = own.due_last;
        self.vanish(end);
        self.datagram(from, to, not_before, Due::Rst(end.other()));
    }

    /// The kernel forgets its end without a word. What has left stays under way; what has not is lost, and so
    /// is what would have to be sent again.
    pub(super) fn vanish(&mut self, end: EndKey) {
        let Some(own) = self.end(end) else { return };
        own.phase = Phase::Gone;
        own.calm();
        if own.caught > 0 {
            self.abandon(end);
        } else {
            own.out.truncate(own.wired);
        }
    }

    pub(super) fn on_rst(&mut self, target: EndKey) {
        let Some((from, to)) = self.route(target.other()) else { return };
        let conn = Self::id(target.key);
        if let Some(why) = self.obstacle(from, to) {
            self.note(K::Dropped { conn, from, to, bytes: 0, why });
            return self.embryo_dies_if_acceptor(target);
        }
        let Some(own) = self.end(target) else { return };
        match own.phase {
            Phase::SynSent | Phase::Gone => return,
            Phase::Embryo => return self.embryo_dies_if_acceptor(target),
            Phase::Live | Phase::Orphan => {}
        }
        self.note(K::RstDelivered { conn, from, to });
        if self.host(to).hangs > 0 {
            self.note(K::HungHostTouched { host: to, by: Touch::Close });
        }
        // Linux leaves what arrived before the RST readable.
        let Some(own) = self.end(target) else { return };
        own.phase = Phase::Gone;
        own.calm();
        own.error = Some(if own.eof { ErrorKind::BrokenPipe } else { ErrorKind::ConnectionReset });
        own.wake();
        self.abandon(target);
        self.reap(target.key);
    }

    fn embryo_dies_if_acceptor(&mut self, target: EndKey) {
        if target.side == 1 {
            self.embryo_dies(target.key);
        }
    }

    /// A fault resets the connection from this end: what is under way is lost, both programs see an error.
    /// False if there is nothing to reset.
    pub(super) fn fault_reset(&mut self, end: EndKey) -> bool {
        match self.end(end).map(|own| own.phase) {
            Some(Phase::Live | Phase::Orphan) => {}
            Some(Phase::SynSent | Phase::Embryo | Phase::Gone) | None => return false,
        }
        self.abandon(end);
        if let Some(own) = self.end(end) {
            own.due_last = 0;
            own.error = Some(ErrorKind::ConnectionReset);
            own.wake();
        }
        self.send_rst(end);
        self.reap(end.key);
        true
    }

    /// A fault closes the connection from this end in good order. False if it is closed already.
    pub(super) fn fault_close(&mut self, end: EndKey) -> bool {
        if self.end(end).is_none_or(|own| own.phase != Phase::Live) {
            return false;
        }
        self.close_orderly(end);
        true
    }

    /// The listener is gone: what waits in its queue is reset.
    pub(super) fn close_listener(&mut self, host: HostId, quietly: bool) {
        let Some(backlog) = self.host(host).backlog.take() else { return };
        if let Some(waker) = backlog.waker {
            waker.wake();
        }
        for key in backlog.queue {
            let end = EndKey { key, side: 1 };
            if let Some(own) = self.end(end) {
                own.held = false;
                match own.phase {
                    Phase::Live | Phase::Orphan if !quietly => self.send_rst(end),
                    Phase::Live | Phase::Orphan | Phase::SynSent | Phase::Embryo | Phase::Gone => {}
                }
            }
            self.reap(key);
        }
        for end in self.ends_of(host) {
            if end.side == 1 {
                self.embryo_dies(end.key);
            }
        }
    }

    /// The program of `host` is dead: its kernel closes what it held.
    pub(super) fn process_dies(&mut self, host: HostId) {
        self.host(host).hangs = 0;
        self.close_listener(host, false);
        for end in self.ends_of(host) {
            if let Some(own) = self.end(end)
                && own.held
            {
                own.error = Some(ErrorKind::ConnectionAborted);
                own.wake();
                self.close(end);
            }
        }
    }

    /// The machine is dark: it forgets everything and says nothing.
    pub(super) fn machine_dies(&mut self, host: HostId) {
        let own = self.host(host);
        own.hangs = 0;
        own.off = true;
        self.close_listener(host, true);
        for end in self.ends_of(host) {
            self.vanish(end);
            if let Some(own) = self.end(end) {
                own.inbox.clear();
                own.unread = 0;
                own.error = Some(ErrorKind::NetworkDown);
                own.wake();
            }
            self.reap(end.key);
        }
        self.probe_all(host, None);
    }
}
