//! The bytes of a directory: one netstring for each entry, of four netstrings.
//!
//! Of two entries with the same name the later counts. Bytes behind the four fields of an entry are ignored, and
//! kept with it while nobody changes it.

use super::child::{CAP_BYTES_MAX, Child};
use super::error::{DirectoryError, PackError, Refused};
use super::metadata::{Metadata, MetadataError};
use super::{
    Access, DIRECTORY_BYTES_MAX, Directory, ENTRIES_MAX, Entry, Form, NAME_BYTES_MAX, normalised, seal,
};
use crate::format::cap::CapRule;
use crate::format::hash::netstring;

/// Digits of a length, at most; more than enough for [`DIRECTORY_BYTES_MAX`].
const LENGTH_DIGITS_MAX: usize = 10;
/// What [`seal`] adds to a capability.
const SEAL_BYTES: usize = 48;

/// Takes a netstring off the front.
fn take<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let digits = bytes.iter().take(LENGTH_DIGITS_MAX + 1).position(|byte| *byte == b':')?;
    let (length, rest) = (&bytes[..digits], &bytes[digits + 1..]);
    // The standard parser would take a plus sign.
    if !length.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let length: usize = std::str::from_utf8(length).ok()?.parse().ok()?;
    let (data, rest) = rest.split_at_checked(length)?;
    *bytes = rest.strip_prefix(b",")?;
    Some(data)
}

impl Directory {
    /// Reads the content of a directory, and tells which entries it left out. Takes at most
    /// [`DIRECTORY_BYTES_MAX`], [`ENTRIES_MAX`] and the limits of names, capabilities and metadata.
    pub fn parse(bytes: &[u8], access: Access) -> Result<(Self, Vec<Refused>), DirectoryError> {
        if bytes.len() > DIRECTORY_BYTES_MAX {
            return Err(DirectoryError::TooLong(bytes.len()));
        }
        let (mut directory, mut refused) = (Self::new(access), Vec::new());
        let mut rest = bytes;
        for number in 0.. {
            if rest.is_empty() {
                break;
            }
            if number >= ENTRIES_MAX {
                return Err(DirectoryError::TooManyEntries);
            }
            let raw = take(&mut rest).ok_or(DirectoryError::Entry(number))?;
            match read_entry(raw, access, number)? {
                Ok(entry) => drop(directory.put(entry)),
                Err(entry) => refused.push(entry),
            }
        }
        Ok((directory, refused))
    }

    /// The content of the directory. An empty one has none.
    pub fn pack(&self) -> Result<Vec<u8>, PackError> {
        if self.access == Access::Read {
            return Err(PackError::NoWriteKey);
        }
        if self.entries.len() > ENTRIES_MAX {
            return Err(PackError::TooManyEntries(self.entries.len()));
        }
        let mut out = Vec::new();
        for entry in self.entries.values() {
            match &entry.form {
                Form::Read { raw, .. } => out.extend(netstring(raw)),
                Form::Made(metadata) => {
                    out.extend(netstring(&write_entry(entry, metadata, self.access)?));
                }
            }
            if out.len() > DIRECTORY_BYTES_MAX {
                return Err(PackError::TooLong);
            }
        }
        Ok(out)
    }
}

fn read_entry(raw: &[u8], access: Access, number: usize) -> Result<Result<Entry, Refused>, DirectoryError> {
    let mut rest = raw;
    let mut field = || take(&mut rest).ok_or(DirectoryError::Fields(number));
    let (name, read, sealed, metadata) = (field()?, field()?, field()?, field()?);
    if name.len() > NAME_BYTES_MAX {
        return Err(DirectoryError::NameTooLong(number));
    }
    let name = normalised(std::str::from_utf8(name).map_err(|_| DirectoryError::Name(number))?);
    if read.len() > CAP_BYTES_MAX || sealed.len() > CAP_BYTES_MAX + SEAL_BYTES {
        return Err(DirectoryError::CapTooLong(number));
    }
    let damaged = |error| DirectoryError::Metadata(number, error);
    Metadata::parse(metadata).map_err(damaged)?;
    let metadata = std::str::from_utf8(metadata).map_err(|_| damaged(MetadataError::NotText))?;
    let write = match access {
        Access::Write(key) => seal::open(&key, sealed),
        Access::Read => Vec::new(),
        Access::Immutable if sealed.is_empty() => Vec::new(),
        Access::Immutable => return Err(DirectoryError::WriteCap(number)),
    };
    // What writes may be damaged without anybody having noticed: what reads is still good.
    let write = std::str::from_utf8(&write).ok();
    let child = match std::str::from_utf8(read) {
        Ok(read) => Child::below(write, Some(read), access == Access::Immutable),
        Err(_) => Err(CapRule::NotText),
    };
    Ok(match child {
        Ok(child) => {
            Ok(Entry { name, child, form: Form::Read { raw: raw.into(), metadata: metadata.into() } })
        }
        Err(rule) => Err(Refused { name, rule }),
    })
}

fn write_entry(entry: &Entry, metadata: &Metadata, access: Access) -> Result<Vec<u8>, PackError> {
    let Entry { name, child, .. } = entry;
    let immutable = access == Access::Immutable;
    if name.len() > NAME_BYTES_MAX {
        return Err(PackError::NameTooLong(name.len()));
    }
    if immutable && let Some(rule) = child.kept_out_of_immutable() {
        return Err(PackError::MustBeDeepImmutable { name: name.clone(), rule });
    }
    let (write, read) = (child.write().unwrap_or_default(), child.stored_read(immutable));
    if write.len() > CAP_BYTES_MAX || read.len() > CAP_BYTES_MAX {
        return Err(PackError::CapTooLong { name: name.clone() });
    }
    let sealed = match access {
        Access::Write(key) => seal::seal(&key, write.as_bytes()),
        Access::Read | Access::Immutable => Vec::new(),
    };
    let metadata = metadata.to_string();
    if let Err(error) = Metadata::parse(metadata.as_bytes()) {
        return Err(PackError::Metadata { name: name.clone(), error });
    }
    Ok([name.as_bytes(), read.as_bytes(), &sealed, metadata.as_bytes()].map(netstring).concat())
}
