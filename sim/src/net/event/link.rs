//! One direction between two hosts: how long a message takes, and whether anything passes at all.
//!
//! Messages serialise one after another when there is a bandwidth. What waits for its turn is kept as a
//! queue of senders, so that a change of bandwidth holds for everything that has not left yet. Nothing
//! here knows connections beyond their key.

use std::collections::VecDeque;

use rand_chacha::ChaCha8Rng;
use rand_core::Rng;

use super::conn::EndKey;
use crate::net::LinkSpec;

/// One direction between two hosts.
pub(super) struct Wire {
    /// What one message takes.
    pub(super) spec: LinkSpec,
    /// Set for this pair alone; otherwise `spec` follows from the links of the two hosts.
    pub(super) own: Option<LinkSpec>,
    /// Partitions that stand in the way.
    pub(super) blocks: u32,
    /// Senders whose next message waits for the link, in order.
    pub(super) waiting: VecDeque<EndKey>,
    /// Whether an event is due when the link becomes free.
    pub(super) armed: bool,
    /// When the last byte put on the link has left.
    pub(super) busy_until: u64,
    rng: ChaCha8Rng,
}

impl Wire {
    pub(super) fn new(spec: LinkSpec, rng: ChaCha8Rng) -> Self {
        Self { spec, own: None, blocks: 0, waiting: VecDeque::new(), armed: false, busy_until: 0, rng }
    }

    /// When a message of `bytes` arrives that leaves at `now` or as soon as the link is free. Every message
    /// takes one draw, whatever the range, so that changing a range shifts no later draw.
    pub(super) fn arrival(&mut self, now: u64, bytes: u64) -> u64 {
        let serialise = match self.spec.bandwidth {
            Some(rate) => u128::from(bytes) * 1_000_000_000 / u128::from(rate.max(1)),
            None => 0,
        };
        let left = self.busy_until.max(now).saturating_add(u64::try_from(serialise).unwrap_or(u64::MAX));
        if bytes > 0 {
            self.busy_until = left;
        }
        let (min, max) = (nanos(self.spec.latency_min), nanos(self.spec.latency_max));
        let span = u128::from(max.saturating_sub(min)) + 1;
        let drawn = (u128::from(self.rng.next_u64()) * span) >> 64;
        left.saturating_add(min).saturating_add(u64::try_from(drawn).unwrap_or(u64::MAX))
    }
}

/// Two links one behind the other.
pub(super) fn series(a: &LinkSpec, b: &LinkSpec) -> LinkSpec {
    LinkSpec {
        latency_min: a.latency_min.saturating_add(b.latency_min),
        latency_max: a.latency_max.saturating_add(b.latency_max),
        bandwidth: match (a.bandwidth, b.bandwidth) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (one, other) => one.or(other),
        },
    }
}

pub(super) fn nanos(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
