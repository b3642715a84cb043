//! The rules: what a content can consist of, what must be in it, and what cannot come after what.

use bytes::Bytes;
use lafs::format::mutable::VersionId;

use super::{Census, Change, Content, History, Kind, Parsed, Read};
use crate::verdict::seconds;

/// Of unknown bytes so many are shown.
const SHOWN_BYTES_MAX: usize = 40;

/// What a content that was read may consist of: changes by their place in the history.
#[derive(Debug)]
pub(super) struct Explanation {
    base: usize,
    /// Of each change, whether its line is there.
    lines: Vec<bool>,
    pub(super) parsed: Parsed,
}

impl Explanation {
    fn shows(&self, place: usize) -> bool {
        place == self.base || self.lines.get(place).copied().unwrap_or_default()
    }
}

impl History {
    /// Everything the content can consist of: that of one write, and lines behind it, each once, none begun later than
    /// the read ended.
    ///
    /// # Errors
    /// It can consist of nothing that is known: the finding.
    pub(super) fn explain(&self, read: &Read) -> Result<Vec<Explanation>, String> {
        let whole = self.changes.iter().enumerate().filter_map(|(base, change)| match &change.kind {
            Kind::Whole(content) => Some((base, change, content)),
            Kind::Line(_) => None,
        });
        let mut explanations = Vec::new();
        for (base, change, content) in whole.clone() {
            // Nobody appends to it: only what is as long can be it.
            let can_be = !self.lines.is_empty() || content.len() == read.content.len();
            if can_be
                && change.began <= read.ended
                && read.content.starts_with(content)
                && let Ok((lines, parsed)) = self.behind(read, content.len())
            {
                explanations.push(Explanation { base, lines, parsed });
            }
        }
        if !explanations.is_empty() {
            return Ok(explanations);
        }
        // The longest common beginning says best what is wrong.
        let same = |content: &Bytes| content.iter().zip(&read.content).take_while(|(a, b)| a == b).count();
        let nearest = whole.map(|(_, change, content)| (same(content), change, content));
        let reason = match nearest.max_by_key(|(same, ..)| *same) {
            None => ", but nobody ever wrote anything".to_owned(),
            Some((same, change, content)) => format!(": {}", self.unlike(read, change, content, same)),
        };
        Err(format!("{}{reason}", read.told()))
    }

    /// Why a content that was read is not what this change wrote, nor that with lines behind it; so many bytes are the same.
    fn unlike(&self, read: &Read, change: &Change, content: &Bytes, same: usize) -> String {
        if change.began > read.ended {
            return format!("what {} wrote, which had not begun", change.told());
        }
        if same < content.len() {
            let short = same == read.content.len();
            let how = if short { "ends after byte" } else { "is something else from byte" };
            let like = change.told();
            return format!("no content that was ever written: most like that of {like}, it {how} {same}");
        }
        let reason = self.behind(read, same).err().unwrap_or_default();
        format!("what {} wrote, but behind it {reason}", change.told())
    }

    /// The lines behind the first `from` bytes, or what is wrong with them.
    fn behind(&self, read: &Read, from: usize) -> Result<(Vec<bool>, Parsed), String> {
        let tail = read.content.slice(from.min(read.content.len())..);
        let begins_alike =
            |last: &&Parsed| last.from == from && last.tail.ends_with(b"\n") && tail.starts_with(&last.tail);
        let known = self.last.as_ref().filter(begins_alike);
        let mut places = known.map_or(Vec::new(), |last| last.places.clone());
        let rest = tail.get(known.map_or(0, |last| last.tail.len())..).unwrap_or_default();
        for line in rest.split_inclusive(|byte| *byte == b'\n') {
            let Some(place) = self.lines.get(line) else {
                let shown = String::from_utf8_lossy(line.get(..SHOWN_BYTES_MAX).unwrap_or(line)).into_owned();
                return Err(format!("a line that nobody appended: {shown:?}"));
            };
            places.push(*place);
        }
        let mut found = vec![false; self.changes.len()];
        for place in &places {
            let Some((change, found)) = self.changes.get(*place).zip(found.get_mut(*place)) else { continue };
            if change.began > read.ended {
                return Err(format!("the line of {}, which had not begun", change.told()));
            }
            if std::mem::replace(found, true) {
                return Err(format!("the line of {} twice", change.told()));
            }
        }
        Ok((found, Parsed { from, tail, places }))
    }

    /// The lines that an explanation has and lacks.
    pub(super) fn count(&self, explained: &Explanation) -> Census {
        let mut census = Census { lines: 0, unacknowledged: 0, missing: 0 };
        let base = self.changes.get(explained.base);
        for (place, change) in self.changes.iter().enumerate() {
            let (Kind::Line(_), acknowledged) = (&change.kind, change.acknowledged_at().is_some()) else {
                continue;
            };
            if explained.shows(place) {
                census.lines += 1;
                census.unacknowledged += u64::from(!acknowledged);
            } else if acknowledged && base.is_some_and(|base| is_before(base, change)) {
                census.missing += 1;
            }
        }
        census
    }

    /// Changes that had been acknowledged when the read began, and are neither in what it got nor overwritten by it.
    pub(super) fn lost(
        &self,
        read: &Read,
        explained: &Explanation,
        excused: &impl Fn(VersionId) -> bool,
    ) -> Vec<String> {
        let Some(base) = self.changes.get(explained.base) else { return Vec::new() };
        let mut lost = Vec::new();
        for (place, change) in self.changes.iter().enumerate() {
            if explained.shows(place) || !change.is_acknowledged_by(read.began) {
                continue;
            }
            let stale = change.version().is_some_and(|version| read.version < version);
            if !stale && !is_before(base, change) {
                continue;
            }
            let out_of_reach = match change.version() {
                Some(version) => stale && excused(version),
                None => self.newer_than(read.version).any(excused),
            };
            if !out_of_reach {
                lost.push(format!(
                    "{}, without what {} had acknowledged: it has what {} wrote",
                    read.told(),
                    change.told(),
                    base.told()
                ));
            }
        }
        // The latest says most.
        lost.reverse();
        lost
    }

    /// Versions that are known to be newer.
    fn newer_than(&self, version: VersionId) -> impl Iterator<Item = VersionId> {
        let written = self.changes.iter().filter_map(Change::version);
        let read = self.reads.iter().map(|read| read.version);
        written.chain(read).filter(move |known| *known > version)
    }

    /// A client does not read an older version than it wrote or read before.
    pub(super) fn older_than_before(
        &self,
        read: &Read,
        excused: &impl Fn(VersionId) -> bool,
    ) -> Option<String> {
        let own = |client: &str| client == read.who.client;
        let written = self.changes.iter().filter(|change| own(&change.who.client));
        let written = written.filter(|change| change.is_acknowledged_by(read.began));
        let written = written.filter_map(|change| Some((change.version()?, Seen::Written(change))));
        let read_before = self.reads.iter().filter(|before| own(&before.who.client));
        let read_before = read_before.filter(|before| before.ended <= read.began);
        let read_before = read_before.map(|before| (before.version, Seen::Read(before)));
        let (newest, how) = written.chain(read_before).max_by_key(|(version, _)| *version)?;
        (read.version < newest && !excused(newest))
            .then(|| format!("{}, older than what the same client had seen: {}", read.told(), how.told()))
    }

    /// A version that is acknowledged is newer than all that were acknowledged before its writer began.
    pub(super) fn not_higher(
        &self,
        change: &Change,
        version: VersionId,
        excused: impl Fn(VersionId) -> bool,
    ) -> Option<String> {
        let before = self.changes.iter().filter(|before| before.is_acknowledged_by(change.began));
        let before = before.filter_map(|before| Some((before.version()?, before)));
        let (newest, by) = before.max_by_key(|(version, _)| *version)?;
        (version <= newest && !excused(newest)).then(|| {
            format!(
                "{}, begun at {}, made version {version}, no newer than what {} had acknowledged before",
                change.who,
                seconds(change.began),
                by.told()
            )
        })
    }

    /// A version has one content.
    pub(super) fn another_content(&mut self, version: VersionId, bytes: Bytes, by: String) -> Option<String> {
        let Some(known) = self.contents.get(&version) else {
            self.contents.insert(version, Content { bytes, by });
            return None;
        };
        if known.bytes == bytes {
            return None;
        }
        let same = known.bytes.iter().zip(&bytes).take_while(|(a, b)| a == b).count();
        Some(format!(
            "two contents of version {version}, different from byte {same}: {} one of {} B, {by} one of {} B",
            known.by,
            known.bytes.len(),
            bytes.len()
        ))
    }
}

/// How a client knows of a version.
enum Seen<'a> {
    Written(&'a Change),
    Read(&'a Read),
}

impl Seen<'_> {
    fn told(&self) -> String {
        match self {
            Self::Written(change) => change.told(),
            Self::Read(read) => read.told(),
        }
    }
}

/// Whether one change was over, or superseded, before the other, so that it cannot have overwritten it.
fn is_before(one: &Change, other: &Change) -> bool {
    let Some(ended) = one.acknowledged_at() else { return false };
    let versions = one.version().zip(other.version());
    ended <= other.began || versions.is_some_and(|(one, other)| one < other)
}
