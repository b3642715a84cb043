//! Wall time as a server sees it: handed in, never read here.

use std::sync::Arc;

/// Seconds since 1970-01-01 00:00 UTC, as lease expirations are written down.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixTime(pub u64);

impl UnixTime {
    /// This moment and `seconds` more, at most the end of time.
    pub fn plus(self, seconds: u64) -> Self {
        Self(self.0.saturating_add(seconds))
    }
}

/// Tells a server what time it is. It may jump: nothing but lease expirations and the age of
/// uploads depends on it.
pub type Clock = Arc<dyn Fn() -> UnixTime + Send + Sync>;
