//! What an entry points to: the text of a capability that reads and, where there is one, of one that writes.
//!
//! The rules by which the two slots of an entry are read are here. Nothing is encrypted here.

use std::fmt;

use crate::format::cap::any::{IMMUTABLE, READ_ONLY};
use crate::format::cap::{AnyCap, CapRule};

/// Bytes of one capability, at most.
pub const CAP_BYTES_MAX: usize = 1 << 16;

/// What an entry points to. Its texts are secrets: `Debug` does not show them.
///
/// Known capabilities are held in their canonical form, unknown ones as given, the reading one behind `ro.` or
/// `imm.`.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Child {
    write: Option<String>,
    read: Option<String>,
}

impl Child {
    /// A child by its capabilities, as they are given to something mutable: one that can write and one that
    /// cannot. Of known capabilities one is enough, whichever; if both are given the first counts.
    pub fn new(write: Option<&str>, read: Option<&str>) -> Result<Self, CapRule> {
        Self::below(write, read, false)
    }

    /// A child of an immutable directory.
    pub fn immutable(read: &str) -> Result<Self, CapRule> {
        Self::below(None, Some(read), true)
    }

    /// A child by its capability.
    pub fn of_cap(cap: &AnyCap) -> Result<Self, CapRule> {
        Self::new(Some(&cap.to_string()), None)
    }

    pub(super) fn below(write: Option<&str>, read: Option<&str>, immutable: bool) -> Result<Self, CapRule> {
        let (write, read) = (filled(write), filled(read));
        let parse = if immutable { AnyCap::parse_immutable } else { AnyCap::parse };
        let Some(first) = write.or(read) else { return Ok(Self::default()) };
        let cap = parse(first);
        if cap.file().is_some() {
            let write = cap.can_write().then(|| cap.to_string());
            return Ok(Self { write, read: cap.read_only().map(|cap| cap.to_string()) });
        }
        // An unknown capability is taken if it says that it cannot write, or has one beside it that says so.
        let (write, read) = match (write, read) {
            (Some(only), None) if only.starts_with(IMMUTABLE) => (None, Some(only)),
            (Some(only), None) if only.starts_with(READ_ONLY) && !immutable => (None, Some(only)),
            (Some(only), None) => return Err(broken(parse(only)).unwrap_or(CapRule::UnknownWrite)),
            (Some(_), Some(read)) if immutable || read.starts_with(IMMUTABLE) => {
                return Err(CapRule::MustBeImmutable);
            }
            slots => slots,
        };
        if let Some(rule) = read.map(parse).and_then(broken) {
            return Err(rule);
        }
        let read = read.map(|read| match (immutable, bare(read)) {
            (true, bare) => format!("{IMMUTABLE}{bare}"),
            (false, bare) if bare.len() == read.len() => format!("{READ_ONLY}{read}"),
            (false, _) => read.to_owned(),
        });
        Ok(Self { write: write.map(str::to_owned), read })
    }

    /// What writes, as text.
    pub fn write(&self) -> Option<&str> {
        self.write.as_deref()
    }

    /// What reads, as text; without it nobody but who may write can do anything with the entry.
    pub fn read(&self) -> Option<&str> {
        self.read.as_deref()
    }

    /// The stronger of the two.
    pub fn cap(&self) -> Option<AnyCap> {
        self.write().or(self.read()).map(AnyCap::parse)
    }

    /// Whether it is known to be a directory.
    pub fn is_directory(&self) -> bool {
        self.cap().is_some_and(|cap| cap.is_directory())
    }

    /// The same child without the power to write.
    pub fn read_only(&self) -> Self {
        Self { write: None, read: self.read.clone() }
    }

    /// The rule that keeps it out of immutable directories, if one does. Unknown ones must be behind `imm.`.
    pub(super) fn kept_out_of_immutable(&self) -> Option<CapRule> {
        if self.write.is_some() {
            return Some(CapRule::MustBeImmutable);
        }
        match AnyCap::parse_immutable(self.read.as_deref()?) {
            AnyCap::Unknown(cap) if cap.error.is_some() => cap.error,
            AnyCap::Unknown(cap) => (!cap.text.starts_with(IMMUTABLE)).then_some(CapRule::MustBeImmutable),
            AnyCap::File(_) | AnyCap::Directory(_) => None,
        }
    }

    /// What reads as it is stored: what the directory says of it anyway is left out.
    pub(super) fn stored_read(&self, immutable: bool) -> &str {
        let text = self.read.as_deref().unwrap_or_default();
        if immutable { bare(text) } else { text.strip_prefix(READ_ONLY).unwrap_or(text) }
    }
}

/// Nothing if there is nothing in it but spaces behind.
fn filled(text: Option<&str>) -> Option<&str> {
    text.map(|text| text.trim_end_matches(' ')).filter(|text| !text.is_empty())
}

fn broken(cap: AnyCap) -> Option<CapRule> {
    match cap {
        AnyCap::Unknown(cap) => cap.error,
        AnyCap::File(_) | AnyCap::Directory(_) => None,
    }
}

fn bare(text: &str) -> &str {
    text.strip_prefix(IMMUTABLE).or_else(|| text.strip_prefix(READ_ONLY)).unwrap_or(text)
}

impl fmt::Debug for Child {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.cap(), self.write.is_some()) {
            (Some(cap), true) => write!(f, "Child(writes, {cap:?})"),
            (Some(cap), false) => write!(f, "Child({cap:?})"),
            (None, _) => f.write_str("Child(nothing)"),
        }
    }
}
