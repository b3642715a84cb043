//! The copy of a mutable file that a client has on its own disk: it grows by lines, and is written as a whole.

use bytes::Bytes;

use super::Ending;
use crate::model::Census;

/// A file of the client.
#[derive(Debug)]
pub(super) struct Copy {
    pub(super) content: Bytes,
    /// Where each line ends.
    ends: Vec<u64>,
    /// So many lines were in what was acknowledged last.
    acknowledged: usize,
}

impl Copy {
    /// Without a line yet.
    pub(super) fn of(content: Bytes) -> Self {
        Self { content, ends: Vec::new(), acknowledged: 0 }
    }

    /// One more line.
    pub(super) fn add(&mut self, line: &[u8]) {
        self.content = [&self.content[..], line].concat().into();
        self.ends.push(self.content.len() as u64);
    }

    /// It was written, and this is how that ended.
    pub(super) fn note(&mut self, ending: &Ending) {
        if matches!(ending, Ending::Wrote(_)) {
            self.acknowledged = self.ends.len();
        }
    }

    /// What the first so many bytes of it are.
    pub(super) fn census(&self, bytes: u64) -> Census {
        let lines = self.ends.partition_point(|end| *end <= bytes);
        Census {
            lines: lines as u64,
            unacknowledged: lines.saturating_sub(self.acknowledged) as u64,
            missing: self.acknowledged.saturating_sub(lines) as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::{Phase, Wrote};

    #[test]
    fn a_line_is_acknowledged_with_the_next_write_that_succeeds() {
        let mut copy = Copy::of(Bytes::from_static(b"head."));
        copy.add(b"one\n");
        copy.note(&Ending::Wrote(Wrote::default()));
        copy.add(b"two\n");
        copy.note(&Ending::failed(Phase::Writing, "lost"));
        assert_eq!(copy.census(9), Census { lines: 1, unacknowledged: 0, missing: 0 });
        assert_eq!(copy.census(13), Census { lines: 2, unacknowledged: 1, missing: 0 });
        assert_eq!(copy.census(5), Census { lines: 0, unacknowledged: 0, missing: 1 });
        copy.add(b"three\n");
        copy.note(&Ending::Wrote(Wrote::default()));
        assert_eq!(&copy.content[..], b"head.one\ntwo\nthree\n");
        assert_eq!(copy.census(13), Census { lines: 2, unacknowledged: 0, missing: 1 });
    }
}
