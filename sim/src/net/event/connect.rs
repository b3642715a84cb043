//! How a connection comes to be: SYN, SYN-ACK, refusal, and the last step of the handshake.
//!
//! The three are datagrams: a lost one is made good by the dialler's next SYN, on the schedule of Linux. The
//! acceptor's program sees the connection when the handshake is complete. Closing is elsewhere.
//!
//! The schedule is that of kernels before 6.5. Later ones send four more SYNs, a second apart, before the pauses
//! double (`tcp_syn_linear_timeouts`), and give up after 131 s.

use std::io::{self, ErrorKind};

use super::conn::{EndKey, Key, Payload, Phase};
use super::state::{Due, State};
use crate::net::{HostId, NetEventKind as K, Touch, Why};

const SECOND: u64 = 1_000_000_000;

/// When a dialler that heard nothing sends its SYN again; at the last it gives up (`tcp_syn_retries` = 6).
const SYN_TICKS: [u64; 7] =
    [SECOND, 3 * SECOND, 7 * SECOND, 15 * SECOND, 31 * SECOND, 63 * SECOND, 127 * SECOND];

impl State {
    /// Sends the first SYN.
    pub(super) fn dial(&mut self, from: HostId, to: HostId) -> io::Result<EndKey> {
        if self.host(from).off {
            return Err(ErrorKind::NetworkDown.into());
        }
        let key = self.conn_new(from, to);
        let dialler = EndKey { key, side: 0 };
        if let Some(end) = self.end(dialler) {
            end.phase = Phase::SynSent;
            end.held = true;
        }
        self.stats.dials += 1;
        self.note(K::ConnectSent { conn: Self::id(key), from, to });
        self.datagram(from, to, 0, Due::Syn(key));
        Ok(dialler)
    }

    /// Sends something small that is never retransmitted for its own sake; it arrives after `not_before`.
    pub(super) fn datagram(&mut self, from: HostId, to: HostId, not_before: u64, due: Due) {
        let now = self.now;
        let at = self.wire(from, to).arrival(now, 0).max(not_before);
        self.schedule(at, due);
        self.count_message();
    }

    fn dialling(&mut self, key: Key) -> Option<(HostId, HostId, Phase)> {
        let conn = self.conn(key)?;
        Some((conn.ends[0].host, conn.ends[1].host, conn.ends[0].phase))
    }

    pub(super) fn on_syn(&mut self, key: Key) {
        let Some((client, server, Phase::SynSent)) = self.dialling(key) else { return };
        if let Some(why) = self.obstacle(client, server) {
            return self.syn_lost(key, client, server, why);
        }
        let acceptor = EndKey { key, side: 1 };
        let known = self.end(acceptor).is_some_and(|end| end.phase == Phase::Embryo);
        if !known {
            if self.host(server).hangs > 0 {
                self.note(K::HungHostTouched { host: server, by: Touch::Connect });
            }
            let backlog_max = self.limits.backlog_max;
            let host = self.host(server);
            match &mut host.backlog {
                Some(backlog) if !host.refuse => {
                    if host.queue_full || backlog.queue.len() + backlog.embryos >= backlog_max {
                        return self.syn_lost(key, client, server, Why::Backlog);
                    }
                    backlog.embryos += 1;
                }
                Some(_) | None => return self.datagram(server, client, 0, Due::Refusal(key)),
            }
            if let Some(end) = self.end(acceptor) {
                end.phase = Phase::Embryo;
            }
        }
        self.datagram(server, client, 0, Due::SynAck(key));
    }

    pub(super) fn on_syn_ack(&mut self, key: Key) {
        let Some((client, server, phase)) = self.dialling(key) else { return };
        if let Some(why) = self.obstacle(server, client) {
            if phase == Phase::SynSent {
                self.syn_lost(key, server, client, why);
            } else {
                // Nobody is left to ask again; the acceptor's kernel would forget the attempt in a minute.
                self.embryo_dies(key);
            }
            return;
        }
        if phase != Phase::SynSent {
            return self.datagram(client, server, 0, Due::Rst(EndKey { key, side: 1 }));
        }
        self.note(K::Connected { conn: Self::id(key), from: client, to: server });
        let dialler = EndKey { key, side: 0 };
        if let Some(end) = self.end(dialler) {
            end.phase = Phase::Live;
            end.wake();
        }
        self.send(dialler, Payload::Ack);
    }

    pub(super) fn on_refusal(&mut self, key: Key) {
        let Some((client, server, Phase::SynSent)) = self.dialling(key) else { return };
        if let Some(why) = self.obstacle(server, client) {
            return self.syn_lost(key, server, client, why);
        }
        self.note(K::Refused { conn: Self::id(key), from: client, to: server });
        self.dial_fails(key, ErrorKind::ConnectionRefused);
    }

    pub(super) fn on_syn_tick(&mut self, key: Key) {
        let Some((client, server, Phase::SynSent)) = self.dialling(key) else { return };
        let waited = self.now - self.conn(key).map_or(0, |conn| conn.dialled_at);
        if waited >= SYN_TICKS[SYN_TICKS.len() - 1] {
            self.note(K::TimedOut { conn: Self::id(key), host: client });
            return self.dial_fails(key, ErrorKind::TimedOut);
        }
        self.note(K::Retransmitted { conn: Self::id(key), from: client, to: server, messages: 1, bytes: 0 });
        self.datagram(client, server, 0, Due::Syn(key));
    }

    fn syn_lost(&mut self, key: Key, from: HostId, to: HostId, why: Why) {
        self.note(K::Held { conn: Self::id(key), from, to, bytes: 0, why });
        let (now, dialled_at) = (self.now, self.conn(key).map_or(0, |conn| conn.dialled_at));
        let give_up = SYN_TICKS[SYN_TICKS.len() - 1];
        let tick = SYN_TICKS.into_iter().find(|tick| dialled_at + tick > now).unwrap_or(give_up);
        self.schedule((dialled_at + tick).max(now), Due::SynTick(key));
    }

    fn dial_fails(&mut self, key: Key, error: ErrorKind) {
        if let Some(end) = self.end(EndKey { key, side: 0 }) {
            end.phase = Phase::Gone;
            end.error = Some(error);
            end.wake();
        }
        self.embryo_dies(key);
        self.reap(key);
    }

    /// The acceptor's kernel forgets a handshake that will not complete.
    pub(super) fn embryo_dies(&mut self, key: Key) {
        let Some(end) = self.end(EndKey { key, side: 1 }) else { return };
        if end.phase == Phase::Embryo {
            end.phase = Phase::Gone;
            let host = end.host;
            if let Some(backlog) = &mut self.host(host).backlog {
                backlog.embryos = backlog.embryos.saturating_sub(1);
            }
            self.reap(key);
        }
    }

    /// The handshake is complete: the connection waits to be accepted.
    pub(super) fn embryo_lives(&mut self, acceptor: EndKey, host: HostId) {
        if let Some(end) = self.end(acceptor) {
            end.phase = Phase::Live;
            end.held = true;
        }
        if let Some(backlog) = &mut self.host(host).backlog {
            backlog.embryos = backlog.embryos.saturating_sub(1);
            backlog.queue.push_back(acceptor.key);
            if let Some(waker) = backlog.waker.take() {
                waker.wake();
            }
        }
        self.note(K::AcceptQueued { conn: Self::id(acceptor.key), host });
    }
}
