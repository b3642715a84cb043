//! Payload on its way: sending, arriving, being lost and being sent again, and the window.
//!
//! Each direction is first-in-first-out. A message that meets a partition (or a machine that is off) when it is
//! due stays in the sender's queue; the sender tries again on TCP's schedule and gives up when its patience ends.
//! Handshakes and resets are elsewhere.

use std::io::ErrorKind;

use super::conn::{EndKey, Message, Payload, Phase};
use super::state::{Due, State};
use crate::net::{HostId, NetEventKind as K, Touch, Why};

/// Linux: the first retransmission comes after 200 ms, each next one after twice the time, at most 120 s.
const RTO_MIN: u64 = 200_000_000;
const RTO_MAX: u64 = 120_000_000_000;
/// Linux gives up at the 16th tick (`tcp_retries2` = 15): after 924.6 s.
pub(super) const PATIENCE: u64 = 924_600_000_000;

/// The first retransmission tick after `now` of a sender whose first loss was at `first`.
fn next_tick(first: u64, now: u64) -> u64 {
    let (mut at, mut step) = (first + RTO_MIN, RTO_MIN);
    while at <= now {
        step = (step * 2).min(RTO_MAX);
        at += step;
    }
    at
}

/// Payload of one Ethernet frame.
const FRAME_BYTES: usize = 1460;

impl State {
    /// Queues a message that leaves as soon as the link is free.
    pub(super) fn send(&mut self, end: EndKey, payload: Payload) {
        let now = self.now;
        let Some(sender) = self.end(end) else { return };
        if payload.len() > 0 {
            sender.sent += payload.len();
            sender.sent_at = Some(now);
        }
        sender.announced = sender.consumed;
        let consumed = sender.consumed;
        sender.out.push_back(Message { payload, consumed, ticket: 0, lost_at: None });
        self.offer(end);
    }

    /// Payload bytes that one message from `end` may carry now. On a narrow link that is what passes in a twentieth of
    /// a second, so that bytes arrive in a stream and not in lumps; never less than an Ethernet frame holds.
    pub(super) fn message_bytes(&mut self, end: EndKey) -> usize {
        let most = self.limits.message_bytes_max;
        let Some((from, to)) = self.route(end) else { return most };
        let Some(rate) = self.wire(from, to).spec.bandwidth else { return most };
        usize::try_from(rate / 20).unwrap_or(most).clamp(FRAME_BYTES.min(most), most)
    }

    /// The sender's next message leaves now, or queues for the link.
    fn offer(&mut self, end: EndKey) {
        let Some((from, to)) = self.route(end) else { return };
        let now = self.now;
        let wire = self.wire(from, to);
        if wire.busy_until <= now && wire.waiting.is_empty() {
            return self.depart(end, from, to);
        }
        wire.waiting.push_back(end);
        if !wire.armed {
            wire.armed = true;
            let free_at = wire.busy_until;
            self.schedule(free_at, Due::LinkFree(from, to));
        }
    }

    pub(super) fn on_link_free(&mut self, from: HostId, to: HostId) {
        let now = self.now;
        self.wire(from, to).armed = false;
        loop {
            let wire = self.wire(from, to);
            if wire.busy_until > now {
                if !wire.waiting.is_empty() {
                    wire.armed = true;
                    let free_at = wire.busy_until;
                    self.schedule(free_at, Due::LinkFree(from, to));
                }
                return;
            }
            let Some(end) = wire.waiting.pop_front() else { return };
            self.depart(end, from, to);
        }
    }

    /// Puts the sender's next message on the link.
    fn depart(&mut self, end: EndKey, from: HostId, to: HostId) {
        let now = self.now;
        let Some(sender) = self.end(end) else { return };
        let (wired, due_last) = (sender.wired, sender.due_last);
        let Some(message) = sender.out.get(wired) else { return };
        let bytes = message.payload.len();
        let at = self.wire(from, to).arrival(now, bytes).max(due_last);
        let ticket = self.schedule(at, Due::Deliver(end));
        self.count_message();
        let Some(sender) = self.end(end) else { return };
        sender.due_last = at;
        sender.out[wired].ticket = ticket;
        sender.wired += 1;
    }

    pub(super) fn on_deliver(&mut self, end: EndKey, ticket: u64) {
        let Some((from, to)) = self.route(end) else { return };
        let obstacle = self.obstacle(from, to);
        let conn = Self::id(end.key);
        let Some(sender) = self.end(end) else { return };
        let caught = sender.caught;
        let due = sender.out.get(caught).filter(|message| message.ticket == ticket);
        let Some((bytes, carries_data)) =
            due.map(|message| (message.payload.len(), matches!(message.payload, Payload::Data(_))))
        else {
            return;
        };
        let sender_gone = sender.phase == Phase::Gone;
        if let Some(why) = obstacle.or((caught > 0).then_some(Why::Order)) {
            if sender_gone {
                return self.abandon(end);
            }
            self.note(K::Held { conn, from, to, bytes, why });
            return self.catch(end);
        }
        let receiver = end.other();
        match self.end(receiver).map(|end| end.phase) {
            None => return,
            Some(Phase::Gone) | Some(Phase::SynSent) => return self.reject(end, from, to, bytes),
            // Data for a program that has closed: its kernel says so with a RST.
            Some(Phase::Orphan) if carries_data => {
                self.vanish(receiver);
                return self.reject(end, from, to, bytes);
            }
            Some(Phase::Embryo) => self.embryo_lives(receiver, to),
            Some(Phase::Orphan | Phase::Live) => {}
        }
        let Some(sender) = self.end(end) else { return };
        let Some(message) = sender.out.pop_front() else { return };
        sender.wired -= 1;
        self.acknowledge(end, from, to, message.payload.counts());
        self.arrive(receiver, message, from, to);
        self.reap(end.key);
    }

    /// What `message` does at the end it reached.
    fn arrive(&mut self, receiver: EndKey, message: Message, from: HostId, to: HostId) {
        let conn = Self::id(receiver.key);
        let now = self.now;
        let hung = self.host(to).hangs > 0;
        let bytes = message.payload.len();
        let Some(end) = self.end(receiver) else { return };
        // Whatever comes back acknowledges all that has arrived.
        let calmed = end.unacked && end.caught == 0;
        if calmed {
            end.calm();
        }
        if message.consumed > end.granted {
            end.granted = message.consumed;
            if let Some(waker) = end.writer.take() {
                waker.wake();
            }
        }
        match message.payload {
            Payload::Data(data) => {
                end.inbox.push_back(data);
                end.unread += bytes;
                end.arrived += bytes;
                end.arrived_at = Some(now);
                if let Some(waker) = end.reader.take() {
                    waker.wake();
                }
                self.stats.bytes_delivered += bytes;
                self.note(K::Delivered { conn, from, to, bytes });
                if hung {
                    self.note(K::HungHostTouched { host: to, by: Touch::Bytes(bytes) });
                }
            }
            Payload::Fin => {
                end.eof = true;
                if let Some(waker) = end.reader.take() {
                    waker.wake();
                }
                self.note(K::FinDelivered { conn, from, to });
                if hung {
                    self.note(K::HungHostTouched { host: to, by: Touch::Close });
                }
            }
            Payload::Window => self.note(K::WindowOpened { conn, from, to }),
            Payload::Ack => {}
        }
        if calmed {
            self.probe(receiver);
        }
    }

    /// A writer that waits for room asks for it from time to time. As long as the question and its answer pass,
    /// nothing comes of it; when they do not, the writer loses patience, or learns that its peer has forgotten it.
    pub(super) fn probe(&mut self, end: EndKey) {
        let limits = self.limits;
        let Some((from, to)) = self.route(end) else { return };
        let Some(own) = self.end(end) else { return };
        let asks = own.phase == Phase::Live && own.writer.is_some() && own.credit(&limits) == 0;
        let in_vain = asks && own.out.is_empty() && !own.unacked;
        if in_vain && (self.obstacle(from, to).is_some() || self.obstacle(to, from).is_some()) {
            self.unacknowledged(end);
        }
    }

    /// The writers on either side of a link that has just gone silent.
    pub(super) fn probe_all(&mut self, host: HostId, other: Option<HostId>) {
        for end in self.ends_of(host) {
            let Some((from, to)) = self.route(end) else { continue };
            if from == host && other.is_none_or(|other| other == to) {
                self.probe(end);
                self.probe(end.other());
            }
        }
    }

    /// Something of `end` arrived; its acknowledgement may not come back.
    fn acknowledge(&mut self, end: EndKey, from: HostId, to: HostId, counts: bool) {
        let lost = counts && self.wire(to, from).blocks > 0;
        let Some(sender) = self.end(end) else { return };
        if !counts || sender.phase == Phase::Gone {
            if !sender.unacked {
                sender.calm();
            }
            return;
        }
        if lost {
            self.unacknowledged(end);
        } else {
            sender.calm();
        }
    }

    /// From now on `end` keeps sending what arrived, because no acknowledgement did.
    pub(super) fn unacknowledged(&mut self, end: EndKey) {
        if let Some(sender) = self.end(end) {
            sender.unacked = true;
        }
        self.arm(end);
    }

    fn catch(&mut self, end: EndKey) {
        let now = self.now;
        let Some(sender) = self.end(end) else { return };
        if let Some(message) = sender.out.get_mut(sender.caught) {
            message.lost_at.get_or_insert(now);
            sender.caught += 1;
        }
        self.arm(end);
    }

    /// Makes sure that a retransmission tick is pending.
    fn arm(&mut self, end: EndKey) {
        let now = self.now;
        let Some(sender) = self.end(end) else { return };
        let first = *sender.lost_since.get_or_insert(now);
        if sender.tick == 0 {
            let ticket = self.schedule(next_tick(first, now), Due::Retry(end));
            if let Some(sender) = self.end(end) {
                sender.tick = ticket;
            }
        }
    }

    /// The receiver knows no such connection: a RST goes back, and until it arrives the sender keeps trying.
    fn reject(&mut self, end: EndKey, from: HostId, to: HostId, bytes: u64) {
        if self.end(end).is_none_or(|sender| sender.phase == Phase::Gone) {
            return self.abandon(end);
        }
        self.note(K::Held { conn: Self::id(end.key), from, to, bytes, why: Why::Unknown });
        self.catch(end);
        self.datagram(to, from, 0, Due::Rst(end));
    }

    pub(super) fn on_retry(&mut self, end: EndKey, ticket: u64) {
        let now = self.now;
        let Some((from, to)) = self.route(end) else { return };
        let Some(sender) = self.end(end) else { return };
        if sender.tick != ticket {
            return;
        }
        sender.tick = 0;
        let Some(first) = sender.lost_since else { return };
        let (caught, wired, unacked) = (sender.caught, sender.wired, sender.unacked);
        let mut lost = sender.out.iter().take(caught).filter(|message| message.payload.counts());
        let waits_since = if unacked { Some(first) } else { lost.next().and_then(|message| message.lost_at) };
        if waits_since.is_some_and(|since| now - since >= PATIENCE) {
            return self.give_up(end, from);
        }
        let wanted = unacked || sender.out.iter().any(|message| message.payload.counts());
        if sender.phase == Phase::Orphan && !wanted {
            // A closed end has no use for announcements, and nothing else keeps it.
            return self.vanish(end);
        }
        let forward = self.obstacle(from, to).is_none();
        let back = self.obstacle(to, from).is_none();
        let conn = Self::id(end.key);
        if caught > 0 {
            if !forward {
                return self.arm(end);
            }
            let Some(sender) = self.end(end) else { return };
            let bytes = sender.out.iter().take(caught).map(|message| message.payload.len()).sum();
            sender.caught = 0;
            sender.wired = 0;
            self.note(K::Retransmitted { conn, from, to, messages: caught as u64, bytes });
            // Everything behind the lost ones goes again too: order is kept, old arrivals are stale.
            for _ in 0..wired {
                self.offer(end);
            }
        } else if forward && back {
            self.note(K::Retransmitted { conn, from, to, messages: 1, bytes: 0 });
            if self.end(end.other()).is_none_or(|peer| peer.phase == Phase::Gone) {
                self.datagram(to, from, 0, Due::Rst(end));
                self.arm(end);
            } else if let Some(sender) = self.end(end) {
                sender.calm();
            }
        } else {
            self.arm(end);
        }
    }

    /// The kernel's patience with its peer is over.
    fn give_up(&mut self, end: EndKey, host: HostId) {
        self.note(K::TimedOut { conn: Self::id(end.key), host });
        self.vanish(end);
        if let Some(end) = self.end(end) {
            end.error = Some(ErrorKind::TimedOut);
            end.wake();
        }
        self.reap(end.key);
    }

    /// What `end` sent and has not arrived is lost for good.
    pub(super) fn abandon(&mut self, end: EndKey) {
        let Some((from, to)) = self.route(end) else { return };
        let Some(sender) = self.end(end) else { return };
        let (bytes, messages) = (sender.out_bytes(), sender.out.len());
        sender.out.clear();
        (sender.wired, sender.caught) = (0, 0);
        if messages > 0 {
            self.note(K::Dropped { conn: Self::id(end.key), from, to, bytes, why: Why::Abandoned });
        }
        self.reap(end.key);
    }

    /// The program has consumed bytes; announces room once half the window has been freed.
    pub(super) fn consume(&mut self, end: EndKey, bytes: u64) {
        let window = self.limits.window_bytes;
        let Some(reader) = self.end(end) else { return };
        reader.unread -= bytes;
        reader.consumed += bytes;
        if reader.consumed - reader.announced >= window / 2 && reader.phase == Phase::Live && !reader.eof {
            self.send(end, Payload::Window);
        }
    }
}
