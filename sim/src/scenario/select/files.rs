//! Files, trees and versions by name.

use lafs::format::cap::LITERAL_BYTES_MAX;

use super::Names;
use crate::scenario::diagnose::{Bad, suggest};
use crate::scenario::units::Spread;

impl Names {
    /// A tree by name.
    pub(in crate::scenario) fn tree(&self, name: &str) -> Result<String, Bad> {
        if self.trees.iter().any(|tree| tree == name) {
            return Ok(name.to_owned());
        }
        let known = self.trees.iter().map(String::as_str);
        let bad = Bad::new(format!("there is no tree called `{name}`"), "names nothing");
        Err(bad.help(match self.trees.is_empty() {
            true => format!("declare it: [trees.{name}]"),
            false => suggest(name, "trees", known),
        }))
    }

    /// A file by name, and its size.
    pub(in crate::scenario) fn file(&self, name: &str) -> Result<(String, Spread), Bad> {
        self.files.iter().find(|(known, _)| known == name).cloned().ok_or_else(|| {
            let known = self.files.iter().map(|(name, _)| name.as_str());
            Bad::new(format!("there is no file called `{name}`"), "names nothing").at(name).help(
                match self.files.is_empty() {
                    true => format!("declare it: [files.{name}]"),
                    false => suggest(name, "files", known),
                },
            )
        })
    }

    /// Whether a file is mutable.
    pub(in crate::scenario) fn is_mutable(&self, file: &str) -> bool {
        self.mutable.iter().any(|known| known == file)
    }

    /// A version of a mutable file, by its sequence number.
    pub(in crate::scenario) fn version(&self, number: &str, file: &str) -> Result<u64, Bad> {
        if !self.is_mutable(file) {
            return Err(Bad::new(format!("`{file}` has no versions"), "only mutable files do").at("version"));
        }
        number.parse::<u64>().ok().filter(|number| *number > 0).ok_or_else(|| {
            Bad::new(format!("there is no version `{number}`"), "versions are numbered from 1").at(number)
        })
    }

    /// A file that is large enough to have shares.
    pub(in crate::scenario) fn shared_file(&self, name: &str) -> Result<(String, Spread), Bad> {
        let (name_owned, size) = self.file(name)?;
        if !self.is_mutable(name) && size.min <= LITERAL_BYTES_MAX {
            return Err(Bad::new(format!("nobody holds a share of `{name}`"), "this file may be too small to have shares")
                .at(name)
                .help(format!("a file of at most {LITERAL_BYTES_MAX} bytes is stored in its capability: make it \"56 B\" or more")));
        }
        Ok((name_owned, size))
    }
}
