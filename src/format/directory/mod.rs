//! Directories as bytes: names, what they point to, and metadata, in the content of a mutable or immutable file.
//!
//! Entries nobody touched are written again byte for byte, whatever is in them. Files are read and written
//! elsewhere; here is no randomness, and no clock: whoever links says when.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use unicode_normalization::UnicodeNormalization;

use super::cap::{Cap, DirCap, LITERAL_BYTES_MAX, LiteralCap};
use super::mutable::WriteKey;

pub mod change;
pub mod child;
mod error;
pub mod json;
mod json_read;
pub mod metadata;
mod packed;
mod seal;

pub use change::{Applied, Change, ChangeError, Only, Replace};
pub use child::{CAP_BYTES_MAX, Child};
pub use error::{DirectoryError, PackError, Refused};
pub use json::{Json, JsonError, JsonNumber, JsonObject, JsonText};
pub use metadata::{METADATA_BYTES_MAX, Metadata, MetadataError, UnixTime};

/// Bytes of a directory, at most, read or written.
pub const DIRECTORY_BYTES_MAX: usize = 64 << 20;
/// Entries of a directory, at most, read or written.
pub const ENTRIES_MAX: usize = 1 << 18;
/// UTF-8 bytes of a name, at most, read or written.
pub const NAME_BYTES_MAX: usize = 1 << 14;

/// What its reader may do with a directory, and what kind it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Mutable, with the write key of its file: sees what writes the children.
    Write(WriteKey),
    /// Mutable, without it: sees what reads the children, and cannot pack.
    Read,
    /// Immutable, all the way down.
    Immutable,
}

/// The entries of a directory, by name. Names differ after normalisation to NFC and are in the order of their
/// code points, which is that of their UTF-8 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directory {
    access: Access,
    entries: BTreeMap<String, Entry>,
}

/// One entry.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    name: String,
    child: Child,
    form: Form,
}

/// Metadata is kept as text until somebody asks: parsed, a hostile one takes many times its length.
#[derive(Clone, PartialEq, Eq)]
enum Form {
    /// As it was read: the four fields and what follows them, and the text of the last field.
    Read { raw: Box<[u8]>, metadata: Box<str> },
    /// Not written yet.
    Made(Metadata),
}

impl Entry {
    /// Its name, in NFC.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it points to.
    pub fn child(&self) -> &Child {
        &self.child
    }

    /// What is said about it; parsed at each call for an entry that was read.
    pub fn metadata(&self) -> Cow<'_, Metadata> {
        match &self.form {
            // Whether it can be parsed was seen when it was read.
            Form::Read { metadata, .. } => {
                Cow::Owned(Metadata::parse(metadata.as_bytes()).unwrap_or_default())
            }
            Form::Made(metadata) => Cow::Borrowed(metadata),
        }
    }
}

/// Keys are not shown.
impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {:?} {}", self.name, self.child, self.metadata())
    }
}

impl Directory {
    /// Without entries.
    pub fn new(access: Access) -> Self {
        Self { access, entries: BTreeMap::new() }
    }

    /// What may be done with it.
    pub fn access(&self) -> Access {
        self.access
    }

    /// Its entries, in order.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = &Entry> {
        self.entries.values()
    }

    /// The entry called `name`, however its accents are composed.
    pub fn get(&self, name: &str) -> Option<&Entry> {
        self.entries.get(&normalised(name))
    }

    /// Links `child` under `name` with exactly this metadata, in place of what was there. What may be in the
    /// directory is checked when it is packed. For changes of mutable directories, which stamp times and have
    /// conditions, see [`Change`].
    pub fn insert(&mut self, name: &str, child: Child, metadata: Metadata) -> Option<Entry> {
        self.put(Entry { name: normalised(name), child, form: Form::Made(metadata) })
    }

    /// Takes the entry called `name` away.
    pub fn remove(&mut self, name: &str) -> Option<Entry> {
        self.entries.remove(&normalised(name))
    }

    fn put(&mut self, entry: Entry) -> Option<Entry> {
        self.entries.insert(entry.name.clone(), entry)
    }
}

/// `name` as directories hold it: in NFC.
pub fn normalised(name: &str) -> String {
    name.nfc().collect()
}

/// The capability of the immutable directory that is `packed`, if it is short enough to be its own capability.
/// Others are uploaded as files; [`DirCap`] makes the directory's capability of the file's.
pub fn literal(packed: &[u8]) -> Option<DirCap> {
    let short = packed.len() as u64 <= LITERAL_BYTES_MAX;
    short.then(|| Cap::Literal(LiteralCap { data: packed.to_vec() }).into())
}

#[cfg(test)]
mod tests;
