//! What a directory says about an entry besides its name and capability: a JSON object.
//!
//! Under the key `tahoe` are the times of linking, which belong to whoever changes the directory; the rest is
//! the user's. No clock here: whoever links says when.

use std::fmt;

use thiserror::Error;

use super::json::{Json, JsonError, JsonObject};

/// Bytes of metadata of one entry, at most.
pub const METADATA_BYTES_MAX: usize = 1 << 20;

/// Seconds since 1970 in UTC, with a fraction.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct UnixTime(pub f64);

/// The metadata of an entry, in the order in which it is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata(pub JsonObject);

/// The bytes are not metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum MetadataError {
    /// Longer than [`METADATA_BYTES_MAX`].
    #[error("{0} bytes, at most {METADATA_BYTES_MAX} are taken")]
    TooLong(usize),
    /// Not UTF-8.
    #[error("not UTF-8")]
    NotText,
    /// Not JSON.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// JSON of another kind.
    #[error("not a JSON object")]
    NotAnObject,
}

const SYSTEM: &str = "tahoe";
const CREATED: &str = "linkcrtime";
const CHANGED: &str = "linkmotime";

impl Metadata {
    /// Nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads a JSON object.
    pub fn parse(bytes: &[u8]) -> Result<Self, MetadataError> {
        if bytes.len() > METADATA_BYTES_MAX {
            return Err(MetadataError::TooLong(bytes.len()));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| MetadataError::NotText)?;
        match Json::parse(text)? {
            Json::Object(object) => Ok(Self(object)),
            _ => Err(MetadataError::NotAnObject),
        }
    }

    /// When the entry was last linked, if that is known: `tahoe.linkmotime`.
    pub fn linked(&self) -> Option<UnixTime> {
        self.system_time(CHANGED)
    }

    /// When the name was first linked, if that is known: `tahoe.linkcrtime`.
    pub fn created(&self) -> Option<UnixTime> {
        self.system_time(CREATED)
    }

    fn system_time(&self, key: &str) -> Option<UnixTime> {
        match self.0.get(SYSTEM)?.as_object()?.get(key)? {
            Json::Number(number) => Some(UnixTime(number.as_f64())),
            _ => None,
        }
    }

    /// Whether the child is to be linked without the power to write: `no-write`.
    pub fn is_no_write(&self) -> bool {
        self.0.get("no-write").is_some_and(Json::is_truthy)
    }

    /// The metadata of an entry that is linked `at` this time over one with metadata `old`. `new` takes the place
    /// of everything but what is under `tahoe`; without it the old is kept. When the name was first linked is
    /// kept, or taken from an old `ctime`, where early versions kept it, or is now.
    pub fn relinked(old: Option<&Self>, new: Option<&Self>, at: UnixTime) -> Self {
        let old_ctime = old.and_then(|old| old.0.get("ctime"));
        let mut metadata = match new {
            None => old.cloned().unwrap_or_default(),
            Some(new) => {
                let mut metadata = new.clone();
                metadata.0.remove(SYSTEM);
                if let Some(system) = old.and_then(|old| old.0.get(SYSTEM)) {
                    metadata.0.set(SYSTEM, system.clone());
                }
                metadata
            }
        };
        let mut system = metadata.0.get(SYSTEM).and_then(Json::as_object).cloned().unwrap_or_default();
        if system.get(CREATED).is_none() {
            system.set(CREATED, old_ctime.cloned().unwrap_or(at.0.into()));
        }
        system.set(CHANGED, at.0);
        metadata.0.set(SYSTEM, system);
        metadata
    }
}

impl fmt::Display for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(text: &str) -> Metadata {
        Metadata::parse(text.as_bytes()).unwrap()
    }

    fn relinked(old: Option<&str>, new: Option<&str>) -> String {
        let (old, new) = (old.map(metadata), new.map(metadata));
        Metadata::relinked(old.as_ref(), new.as_ref(), UnixTime(7.0)).to_string()
    }

    #[test]
    fn linking_stamps_and_keeps_the_first_time() {
        let stamped = r#"{"tahoe": {"linkcrtime": 7.0, "linkmotime": 7.0}}"#;
        assert_eq!(relinked(None, None), stamped);
        assert_eq!(relinked(None, Some(r#"{"tahoe": {"linkcrtime": 1}}"#)), stamped);
        assert_eq!(relinked(Some(r#"{"tahoe": 5}"#), None), stamped);
        assert_eq!(
            relinked(
                Some(r#"{"tahoe": {"x": 1, "linkmotime": 2, "linkcrtime": 3}, "old": 4}"#),
                Some(r#"{"new": 5}"#)
            ),
            r#"{"new": 5, "tahoe": {"x": 1, "linkmotime": 7.0, "linkcrtime": 3}}"#
        );
        assert_eq!(
            relinked(Some(r#"{"tahoe": {"linkcrtime": 3.5}, "old": 4}"#), None),
            r#"{"tahoe": {"linkcrtime": 3.5, "linkmotime": 7.0}, "old": 4}"#
        );
    }

    #[test]
    fn an_old_ctime_becomes_the_first_time() {
        let stamps = r#""tahoe": {"linkcrtime": 12345678901234567890, "linkmotime": 7.0}}"#;
        let old = r#"{"ctime": 12345678901234567890}"#;
        assert_eq!(relinked(Some(old), Some("{}")), format!("{{{stamps}"));
        assert_eq!(relinked(Some(old), None), format!("{}, {stamps}", old.trim_end_matches('}')));
        assert_eq!(
            relinked(None, Some(r#"{"ctime": 1}"#)),
            r#"{"ctime": 1, "tahoe": {"linkcrtime": 7.0, "linkmotime": 7.0}}"#
        );
    }

    #[test]
    fn no_write_is_what_python_takes_for_true() {
        for (text, expected) in [("true", true), ("1", true), ("\"no\"", true), ("0.0", false), ("[]", false)]
        {
            assert_eq!(metadata(&format!("{{\"no-write\": {text}}}")).is_no_write(), expected, "{text}");
        }
        assert!(!metadata("{}").is_no_write());
    }
}
