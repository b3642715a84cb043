//! The database of backups in memory, and as lines of text that can be appended to a file one by one.
//!
//! A line is a JSON array: the first says what the text is, each further one is a change. A last line that is cut
//! off, as after a crash, is as if it were not there. Files are not touched here.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde_json::{Value, json};
use thiserror::Error;

use super::db::{BackupDb, FileStat, Stored};
use crate::format::backup::SCHEMA_VERSION;

const TITLE: &str = "lafs backup database";

/// The text is no database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DbError {
    /// Something else, or a version not known here.
    #[error("not a backup database of version {SCHEMA_VERSION}")]
    NotADatabase,
    /// A line, counted from 1, is damaged.
    #[error("line {0} of the backup database is damaged")]
    Line(usize),
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Times {
    uploaded_s: f64,
    checked_s: f64,
}

/// A database in memory. If there is a journal, each change is a line written to it.
#[derive(Debug, Clone, Default)]
pub struct MemoryDb<W = io::Sink> {
    files: BTreeMap<String, (FileStat, String)>,
    /// By hash; the capabilities with their times.
    directories: BTreeMap<String, String>,
    caps: BTreeMap<String, Times>,
    journal: Option<W>,
}

impl MemoryDb {
    /// Knows nothing.
    pub fn new() -> Self {
        Self { files: BTreeMap::new(), directories: BTreeMap::new(), caps: BTreeMap::new(), journal: None }
    }

    /// Reads what [`MemoryDb::to_bytes`] and a journal wrote. Nothing at all is an empty database.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DbError> {
        let mut db = Self::new();
        // What comes after the last line break was cut off.
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let lines = bytes[..whole].split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        for (number, line) in lines.enumerate() {
            let line: Option<Value> = serde_json::from_slice(line).ok();
            match (number, line) {
                (0, Some(line)) if line == title() => {}
                (0, _) => return Err(DbError::NotADatabase),
                (_, line) => line.and_then(|line| db.replay(&line)).ok_or(DbError::Line(number + 1))?,
            }
        }
        Ok(db)
    }

    /// Writes each change to `journal` from now on: first what it knows already if `all`, for a new file; else
    /// only what changes, for the end of the file that it was read from, behind its last whole line.
    pub fn with_journal<W: Write>(self, mut journal: W, all: bool) -> io::Result<MemoryDb<W>> {
        if all {
            journal.write_all(&self.to_bytes())?;
            journal.flush()?;
        }
        let Self { files, directories, caps, .. } = self;
        Ok(MemoryDb { files, directories, caps, journal: Some(journal) })
    }
}

impl<W> MemoryDb<W> {
    /// All it knows, without what was known before.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut lines = vec![title()];
        for (path, (stat, cap)) in &self.files {
            lines.push(file_line(path, stat, cap, self.caps.get(cap).map_or(0.0, |times| times.uploaded_s)));
        }
        for (hash, cap) in &self.directories {
            let uploaded_s = self.caps.get(cap).map_or(0.0, |times| times.uploaded_s);
            lines.push(json!(["directory", hash, cap, uploaded_s]));
        }
        for (cap, times) in &self.caps {
            lines.push(json!(["healthy", cap, times.checked_s]));
        }
        lines.iter().flat_map(|line| format!("{line}\n").into_bytes()).collect()
    }

    /// Makes the change that a line says; `None` if it says none.
    fn replay(&mut self, line: &Value) -> Option<()> {
        let line = line.as_array()?;
        let text = |at: usize| line.get(at).and_then(Value::as_str);
        let seconds = |at: usize| line.get(at).and_then(Value::as_f64);
        match (text(0)?, line.len()) {
            ("file", 7) => {
                let (size, mtime_s, ctime_s) = (line[2].as_u64()?, line[3].as_i64()?, line[4].as_i64()?);
                let stat = FileStat { size, mtime_s, ctime_s };
                self.files.insert(text(1)?.to_owned(), (stat, text(5)?.to_owned()));
                self.stored(text(5)?, seconds(6)?);
            }
            ("forget", 2) => drop(self.files.remove(text(1)?)),
            ("directory", 4) => {
                self.directories.insert(text(1)?.to_owned(), text(2)?.to_owned());
                self.stored(text(2)?, seconds(3)?);
            }
            ("healthy", 3) => {
                if let Some(times) = self.caps.get_mut(text(1)?) {
                    times.checked_s = seconds(2)?;
                }
            }
            _ => return None,
        }
        Some(())
    }

    fn stored(&mut self, cap: &str, now_s: f64) {
        self.caps.insert(cap.to_owned(), Times { uploaded_s: now_s, checked_s: now_s });
    }

    fn known(&self, cap: &str) -> Option<Stored> {
        let Times { uploaded_s, checked_s } = *self.caps.get(cap)?;
        Some(Stored { cap: cap.to_owned(), uploaded_s, checked_s })
    }
}

impl<W: Write> MemoryDb<W> {
    fn change(&mut self, line: &Value) -> io::Result<()> {
        self.replay(line);
        match &mut self.journal {
            Some(journal) => {
                journal.write_all(format!("{line}\n").as_bytes())?;
                journal.flush()
            }
            None => Ok(()),
        }
    }
}

impl<W: Write> BackupDb for MemoryDb<W> {
    fn file(&mut self, path: &str) -> io::Result<Option<(FileStat, Stored)>> {
        Ok(self.files.get(path).and_then(|(stat, cap)| Some((*stat, self.known(cap)?))))
    }

    fn forget_file(&mut self, path: &str) -> io::Result<()> {
        match self.files.contains_key(path) {
            true => self.change(&json!(["forget", path])),
            false => Ok(()),
        }
    }

    fn note_file(&mut self, path: &str, stat: &FileStat, cap: &str, now_s: f64) -> io::Result<()> {
        self.change(&file_line(path, stat, cap, now_s))
    }

    fn directory(&mut self, hash: &str) -> io::Result<Option<Stored>> {
        Ok(self.directories.get(hash).and_then(|cap| self.known(cap)))
    }

    fn note_directory(&mut self, hash: &str, cap: &str, now_s: f64) -> io::Result<()> {
        self.change(&json!(["directory", hash, cap, now_s]))
    }

    fn note_healthy(&mut self, cap: &str, now_s: f64) -> io::Result<()> {
        self.change(&json!(["healthy", cap, now_s]))
    }
}

fn title() -> Value {
    json!([TITLE, SCHEMA_VERSION])
}

fn file_line(path: &str, stat: &FileStat, cap: &str, now_s: f64) -> Value {
    json!(["file", path, stat.size, stat.mtime_s, stat.ctime_s, cap, now_s])
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: FileStat = FileStat { size: 5, mtime_s: -1, ctime_s: 2 };

    fn filled() -> MemoryDb {
        let mut db = MemoryDb::new();
        db.note_file("/a", &STAT, "cap 1", 10.5).unwrap();
        db.note_file("/b", &STAT, "cap 1", 11.0).unwrap();
        db.note_directory("hash", "cap 2", 12.0).unwrap();
        db.note_healthy("cap 1", 20.0).unwrap();
        db
    }

    #[test]
    fn a_database_is_read_as_it_was_written() {
        let db = filled();
        assert_eq!(MemoryDb::from_bytes(&db.to_bytes()).unwrap().caps, db.caps);
        assert_eq!(MemoryDb::from_bytes(&db.to_bytes()).unwrap().to_bytes(), db.to_bytes());
        assert_eq!(MemoryDb::from_bytes(b"").unwrap().to_bytes(), MemoryDb::new().to_bytes());
        let (stat, stored) = MemoryDb::from_bytes(&db.to_bytes()).unwrap().file("/a").unwrap().unwrap();
        assert_eq!((stat, stored.uploaded_s, stored.checked_s), (STAT, 11.0, 20.0));
    }

    #[test]
    fn its_text_stays_as_it_is() {
        let text = "[\"lafs backup database\",2]\n[\"file\",\"/a\",5,-1,2,\"cap 1\",11.0]\n\
                    [\"file\",\"/b\",5,-1,2,\"cap 1\",11.0]\n[\"directory\",\"hash\",\"cap 2\",12.0]\n\
                    [\"healthy\",\"cap 1\",20.0]\n[\"healthy\",\"cap 2\",12.0]\n";
        assert_eq!(String::from_utf8(filled().to_bytes()).unwrap(), text);
    }

    #[test]
    fn a_journal_that_is_cut_off_anywhere_gives_what_was_known_then() {
        let mut journal = Vec::new();
        let mut db = MemoryDb::new().with_journal(&mut journal, true).unwrap();
        db.note_file("/a", &STAT, "cap 1", 10.5).unwrap();
        db.note_directory("hash", "cap 2", 12.0).unwrap();
        db.forget_file("/a").unwrap();
        for end in 0..=journal.len() {
            let mut db = MemoryDb::from_bytes(&journal[..end]).unwrap();
            let lines = journal[..end].iter().filter(|byte| **byte == b'\n').count();
            assert_eq!(db.file("/a").unwrap().is_some(), lines == 2 || lines == 3, "{end}");
            assert_eq!(db.directory("hash").unwrap().is_some(), lines >= 3, "{end}");
        }
    }

    #[test]
    fn other_text_is_refused() {
        assert_eq!(MemoryDb::from_bytes(b"[1]\n").unwrap_err(), DbError::NotADatabase);
        let title = "[\"lafs backup database\",2]\n";
        for line in ["x", "[]", "[\"file\",1]", "[\"new\"]", "{}", "[\"file\",\"/a\",5.5,1,2,\"c\",1]"] {
            let text = format!("{title}{line}\n");
            assert_eq!(MemoryDb::from_bytes(text.as_bytes()).unwrap_err(), DbError::Line(2), "{line}");
        }
    }
}
