//! Which bytes of an incomplete share have been written.

use std::ops::Range;

/// A set of bytes, as ascending ranges that neither touch nor overlap.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Spans(Vec<Range<u64>>);

impl Spans {
    /// The ranges of this set that touch or overlap `range`, as places in the list.
    fn near(&self, range: &Range<u64>) -> Range<usize> {
        let first = self.0.partition_point(|span| span.end < range.start);
        let last = self.0.partition_point(|span| span.start <= range.end);
        first..last
    }

    /// Adds `range`, which is not empty.
    pub(super) fn insert(&mut self, range: Range<u64>) {
        let near = self.near(&range);
        let start = self.0.get(near.start).map_or(range.start, |span| span.start.min(range.start));
        let end = near
            .clone()
            .last()
            .and_then(|last| self.0.get(last))
            .map_or(range.end, |span| span.end.max(range.end));
        let (start, end) = if near.is_empty() { (range.start, range.end) } else { (start, end) };
        self.0.splice(near, std::iter::once(start..end));
    }

    /// How many separate ranges there would be with `range`.
    pub(super) fn len_with(&self, range: &Range<u64>) -> usize {
        self.0.len() + 1 - self.near(range).len()
    }

    /// What of `range` is in this set, ascending.
    pub(super) fn within(&self, range: &Range<u64>) -> impl Iterator<Item = Range<u64>> {
        self.0[self.near(range)]
            .iter()
            .map(|span| span.start.max(range.start)..span.end.min(range.end))
            .filter(|overlap| !overlap.is_empty())
    }

    /// What of `0..size` is not in this set, ascending.
    pub(super) fn missing(&self, size: u64) -> Vec<Range<u64>> {
        let mut missing = Vec::new();
        let mut from = 0;
        for span in &self.0 {
            missing.push(from..span.start.min(size));
            from = span.end;
        }
        missing.push(from..size);
        missing.retain(|range| !range.is_empty());
        missing
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn spans_agree_with_a_list_of_bytes(
            writes in proptest::collection::vec((0u64..60, 1u64..12), 0..20),
        ) {
            let mut spans = Spans::default();
            let mut bytes = [false; 80];
            for (start, length) in writes {
                let range = start..start + length;
                let overlap: u64 = spans.within(&range).map(|part| part.end - part.start).sum();
                let expected = range.clone().filter(|&byte| bytes[usize::try_from(byte).unwrap()]).count();
                prop_assert_eq!(overlap, u64::try_from(expected).unwrap());
                let promised = spans.len_with(&range);
                spans.insert(range.clone());
                range.for_each(|byte| bytes[usize::try_from(byte).unwrap()] = true);
                prop_assert_eq!(promised, spans.0.len());
                prop_assert!(spans.0.windows(2).all(|pair| pair[0].end < pair[1].start));
            }
            let missing: Vec<u64> = spans.missing(80).into_iter().flatten().collect();
            let expected: Vec<u64> = (0..80).filter(|&byte| !bytes[usize::try_from(byte).unwrap()]).collect();
            prop_assert_eq!(missing, expected);
        }
    }
}
