//! Which fault an event of the network is the work of: the evidence for receipts.

use super::Book;
use crate::net::{HostId, NetEvent, NetEventKind, Touch, Why};
use crate::schedule::{Direction, Disconnect, FaultKind};

impl Book {
    /// The fault that caused `event`, and the bytes it touched; none if nobody is to blame.
    pub fn blame(&self, event: &NetEvent) -> Option<(usize, u64)> {
        use NetEventKind as K;
        match event.kind {
            K::HungHostTouched { host, by } => {
                let bytes = if let Touch::Bytes(bytes) = by { bytes } else { 0 };
                Some((self.active_on(host, |kind| matches!(kind, FaultKind::Hang))?, bytes))
            }
            K::Held { from, to, bytes, why, .. } | K::Dropped { from, to, bytes, why, .. } => {
                self.blame_loss(from, to, why).map(|fault| (fault, bytes))
            }
            K::FinDelivered { from, .. } | K::RstDelivered { from, .. } => {
                Some((self.active_on(from, |kind| matches!(kind, FaultKind::Crash))?, 0))
            }
            K::Refused { to, .. } => {
                let refuses = |kind: &FaultKind| {
                    matches!(kind, FaultKind::Crash | FaultKind::Disconnect(Disconnect::Refuse))
                };
                Some((self.active_on(to, refuses)?, 0))
            }
            K::Delivered { from, to, bytes, .. } => Some((self.slow_between(from, to)?, bytes)),
            // A link may be so slow that nothing arrives before the run ends.
            K::ConnectSent { from, to, .. } => Some((self.slow_between(from, to)?, 0)),
            K::Connected { .. }
            | K::AcceptQueued { .. }
            | K::Accepted { .. }
            | K::WindowOpened { .. }
            | K::Retransmitted { .. }
            | K::TimedOut { .. }
            | K::Blocked { .. }
            | K::Unblocked { .. }
            | K::LinkChanged { .. }
            | K::PairChanged { .. }
            | K::Refusing { .. }
            | K::QueueFull { .. }
            | K::HostHung { .. }
            | K::HostReleased { .. }
            | K::HostCrashed { .. }
            | K::PoweredOff { .. }
            | K::PoweredOn { .. } => None,
        }
    }

    /// The fault because of which `host` is down.
    pub fn killer(&self, host: HostId) -> Option<usize> {
        self.active_on(host, |kind| matches!(kind, FaultKind::Crash | FaultKind::PowerLoss))
    }

    fn name(&self, host: HostId) -> &str {
        self.hosts.get(host.index()).map(String::as_str).unwrap_or_default()
    }

    fn slow_between(&self, from: HostId, to: HostId) -> Option<usize> {
        self.slow_link(from).or_else(|| self.slow_link(to)).map(|(fault, _)| fault)
    }

    fn blame_loss(&self, from: HostId, to: HostId, why: Why) -> Option<usize> {
        let cuts = |inward: Direction| move |kind: &FaultKind| matches!(kind, FaultKind::Partition(way) if *way == Direction::Both || *way == inward);
        match why {
            Why::Blocked => self
                .active_on(to, cuts(Direction::To))
                .or_else(|| self.active_on(from, cuts(Direction::From)))
                .or_else(|| self.active_on(from, |kind| kind.parts(self.name(from), self.name(to)))),
            Why::PowerOff | Why::Unknown => {
                let dark = |kind: &FaultKind| matches!(kind, FaultKind::PowerLoss);
                self.active_on(to, dark).or_else(|| self.last_on(to, dark))
            }
            Why::Backlog => self.active_on(to, |kind| matches!(kind, FaultKind::QueueFull)),
            Why::Order | Why::Abandoned => None,
        }
    }
}
