//! Rates that a bucket bears: a token bucket for each prefix and each direction.
//!
//! S3 splits its keys among machines by their prefixes, as the load demands; here a prefix is the first two folders of
//! a key, which for a storage server means its immutable shares, its mutable ones, or its leases.

use std::collections::BTreeMap;
use std::time::Duration;

use super::door::Caller;
use crate::schedule::RequestKind;

/// The rates of one fault, and what is left of them.
#[derive(Debug)]
pub(super) struct Rates {
    puts_per_second: u64,
    gets_per_second: u64,
    /// By prefix, and whether it is for changes.
    left: BTreeMap<(String, bool), Left>,
}

#[derive(Debug)]
struct Left {
    requests: f64,
    at: Duration,
}

impl Rates {
    /// So many changes and so many others each second. A second's worth of them may come at once.
    pub(super) fn new(puts_per_second: u64, gets_per_second: u64) -> Self {
        Self { puts_per_second, gets_per_second, left: BTreeMap::new() }
    }

    /// Whether this request is one too many. It counts if it is not.
    pub(super) fn exceeded(&mut self, caller: Caller<'_>) -> bool {
        let changes = caller.kind.is_some_and(RequestKind::changes_objects);
        #[expect(
            clippy::cast_precision_loss,
            reason = "rates of that size do not matter to the last request"
        )]
        let rate = if changes { self.puts_per_second } else { self.gets_per_second }.max(1) as f64;
        let left = self.left.entry((prefix(caller.key).to_owned(), changes));
        let left = left.or_insert(Left { requests: rate, at: caller.now });
        let passed = caller.now.saturating_sub(left.at).as_secs_f64();
        left.requests = (left.requests + passed * rate).min(rate);
        left.at = caller.now;
        let exceeded = left.requests < 1.0;
        if !exceeded {
            left.requests -= 1.0;
        }
        exceeded
    }
}

/// The first two folders of a key, or as many as it has.
fn prefix(key: &str) -> &str {
    let ends = key.match_indices('/').map(|(at, _)| at + 1).take(2);
    &key[..ends.last().unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_the_first_two_folders() {
        assert_eq!(prefix("s0/mutable/abc/3"), "s0/mutable/");
        assert_eq!(prefix("s0/leases/abc"), "s0/leases/");
        assert_eq!(prefix("s0/mutable/"), "s0/mutable/");
        assert_eq!(prefix("a/b"), "a/");
        assert_eq!(prefix("b"), "");
    }

    #[test]
    fn each_prefix_and_direction_has_its_own_rate_and_it_fills_again() {
        let mut rates = Rates::new(2, 3);
        let mut ask = |kind, key, millis| {
            rates.exceeded(Caller { kind: Some(kind), key, now: Duration::from_millis(millis) })
        };
        let mut burst = |kind, key, millis| (0..5).filter(|_| !ask(kind, key, millis)).count();
        assert_eq!(burst(RequestKind::Put, "s0/mutable/a/0", 0), 2);
        assert_eq!(burst(RequestKind::Delete, "s0/mutable/b/0", 0), 0, "the same prefix");
        assert_eq!(burst(RequestKind::Get, "s0/mutable/a/0", 0), 3);
        assert_eq!(burst(RequestKind::List, "s0/mutable/", 0), 0);
        assert_eq!(burst(RequestKind::Put, "s0/immutable/a/0", 0), 2, "another prefix");
        assert_eq!(burst(RequestKind::Put, "s0/mutable/a/0", 500), 1, "half a second later");
        assert_eq!(burst(RequestKind::Put, "s0/mutable/a/0", 60_000), 2, "never more than a second's worth");
    }
}
