//! How many requests arrived at doors, by kind. Counts only.

use std::collections::BTreeMap;

use crate::trace::Request;

/// Requests that arrived, by the word that scenario files have for their kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Received {
    /// At storage servers.
    pub messages: BTreeMap<&'static str, u64>,
    /// At the bucket.
    pub objects: BTreeMap<&'static str, u64>,
}

impl Received {
    /// One more arrived.
    pub fn take(&mut self, request: Request) {
        let word = match request {
            Request::Version => "versions",
            Request::Shares => "shares",
            Request::Allocate => "allocations",
            Request::Write(_) => "writes",
            Request::TestWrite => "test-and-write",
            Request::Abort(_) => "aborts",
            Request::Read(_) => "reads",
            Request::Lease => "leases",
            Request::Corrupt(_) => "corruption reports",
            Request::Other => "others",
            Request::Object(object) => {
                *self.objects.entry(object.kind.word()).or_default() += 1;
                return;
            }
        };
        *self.messages.entry(word).or_default() += 1;
    }

    /// These arrived as well.
    pub fn add(&mut self, others: &Self) {
        let add = |to: &mut BTreeMap<&'static str, u64>, more: &BTreeMap<&'static str, u64>| {
            more.iter().for_each(|(word, count)| *to.entry(word).or_default() += count);
        };
        add(&mut self.messages, &others.messages);
        add(&mut self.objects, &others.objects);
    }

    /// What arrived after `before`, which is what had arrived until then.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        let rest = |all: &BTreeMap<&'static str, u64>, before: &BTreeMap<&'static str, u64>| {
            let since = |word| before.get(word).copied().unwrap_or_default();
            let left = all.iter().map(|(word, count)| (*word, count - since(word)));
            left.filter(|(_, count)| *count > 0).collect()
        };
        Self {
            messages: rest(&self.messages, &before.messages),
            objects: rest(&self.objects, &before.objects),
        }
    }

    /// All that storage servers were asked.
    pub fn messages(&self) -> u64 {
        self.messages.values().sum()
    }

    /// All that the bucket was asked.
    pub fn objects(&self) -> u64 {
        self.objects.values().sum()
    }
}
