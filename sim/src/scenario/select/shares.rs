//! Phrases that name shares of a file and parts of a share.

use super::super::diagnose::{Bad, closest};
use super::{Names, SharePick, Shares};
use crate::schedule::{MutableAct, ShareField};

/// How shares are named.
pub(in crate::scenario) const SHARE_FORMS: &[&str] =
    &["share 2 of movie", "any share of movie", "shares of movie"];

/// How parts of a share are named.
pub(in crate::scenario) const PART_FORMS: &[&str] = &[
    "data",
    "block 0",
    "uri extension",
    "share hashes",
    "block hash 3",
    "crypttext hash 0",
    "version",
    "offsets",
    "container version",
    "forged block tree",
    "sequence number",
    "root hash",
    "salt",
    "k",
    "N",
    "segment size",
    "data length",
    "offset of signature",
    "offset of share hashes",
    "offset of block hashes",
    "offset of data",
    "offset of private key",
    "offset of end",
    "public key",
    "signature",
    "share hash index",
    "private key",
];

impl Names {
    pub(in crate::scenario) fn share_number(&self, number: &str) -> Result<u8, Bad> {
        let parsed = number.parse::<u8>().ok().filter(|n| u64::from(*n) < self.shares);
        parsed.ok_or_else(|| {
            let last = self.shares.saturating_sub(1);
            Bad::new(format!("there is no share `{number}`"), format!("shares are numbered from 0 to {last}"))
                .at(number)
        })
    }

    /// `share 2 of movie`, `any share of movie` or `shares of movie`.
    pub(in crate::scenario) fn shares(&self, text: &str) -> Result<Shares, Bad> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let (pick, file) = match words.as_slice() {
            ["share", number, "of", file] => (SharePick::Number(self.share_number(number)?), file),
            ["any", "share", "of", file] => (SharePick::Drawn, file),
            ["shares", "of", file] => (SharePick::All, file),
            _ => {
                return Err(Bad::new("these shares are not understood", "not a form it can take").help(
                    "write \"share 2 of movie\", \"any share of movie\" (the seed chooses its number) or \
                     \"shares of movie\" (all of them)",
                ));
            }
        };
        let (file, _) = self.shared_file(file)?;
        Ok(Shares { file, pick })
    }

    /// The first step that makes shares of `file`.
    pub(in crate::scenario) fn maker(&self, file: &str) -> Option<u64> {
        let uploads = self.uploads.iter().map(|(made, step)| (made, *step));
        let created = self.mutable_steps.iter().filter(|(.., act)| *act == MutableAct::Create);
        let mut all = uploads.chain(created.map(|(made, step, _)| (made, *step)));
        all.find(|(made, _)| *made == file).map(|(_, step)| step)
    }

    /// A part of a share of `file`.
    pub(in crate::scenario) fn part(&self, text: &str, file: Option<&str>) -> Result<ShareField, Bad> {
        let size = file.and_then(|file| self.file(file).ok()).map(|(_, size)| size.min);
        let mutable = file.is_some_and(|file| self.is_mutable(file));
        // Mutable files are in one piece.
        let size = if mutable { Some(1) } else { size };
        let segments = size.map_or(u64::MAX, |size| size.div_ceil(self.segment.max(1)).max(1));
        let nodes = segments.checked_next_power_of_two().and_then(|leaves| leaves.checked_mul(2));
        let nodes = nodes.map_or(u64::MAX, |nodes| nodes - 1);
        let words: Vec<&str> = text.split_whitespace().collect();
        let below = |number: &str, count: u64, what: &str| {
            let bad = |label: String| Bad::new(format!("there is no {what} `{number}`"), label).at(number);
            let value = number.parse::<u64>().map_err(|_| bad(format!("the {what}s are numbered from 0")))?;
            let last = count.saturating_sub(1);
            if value >= count {
                Err(bad(format!("the {what}s of this file are 0 to {last}")))
            } else {
                Ok(value)
            }
        };
        let field = match words.as_slice() {
            ["data"] => ShareField::Data,
            ["version"] => ShareField::Version,
            ["offsets"] => ShareField::Offsets,
            ["container", "version"] => ShareField::Container,
            ["forged", "block", "tree"] => ShareField::ForgedTree,
            ["share", "hashes"] => ShareField::ShareHashes,
            ["uri", "extension"] => ShareField::UriExtension,
            ["block", "hash", number] => ShareField::BlockHash(below(number, nodes, "block hash")?),
            ["crypttext", "hash", number] => {
                ShareField::CrypttextHash(below(number, nodes, "crypttext hash")?)
            }
            ["block", number] => ShareField::Block(below(number, segments, "block")?),
            _ if let Some((_, field)) =
                ShareField::MUTABLE_WORDS.iter().find(|(word, _)| *word == words.join(" ")) =>
            {
                *field
            }
            _ => {
                let forms =
                    PART_FORMS.iter().map(|form| format!("\"{form}\"")).collect::<Vec<_>>().join(", ");
                let near = closest(text, PART_FORMS.iter().copied())
                    .map_or(String::new(), |n| format!("did you mean \"{n}\"? "));
                return Err(Bad::new("this part of a share is not understood", "not a form it can take")
                    .help(format!("{near}the parts are {forms}")));
            }
        };
        let only_immutable = matches!(field, ShareField::UriExtension | ShareField::CrypttextHash(_));
        let only_mutable = ShareField::MUTABLE_WORDS.iter().any(|(_, known)| *known == field);
        match file {
            Some(file) if mutable && only_immutable => Err(Bad::new(
                format!("shares of `{file}` have no such part"),
                "only those of immutable files do",
            )),
            Some(file) if !mutable && only_mutable => Err(Bad::new(
                format!("shares of `{file}` have no such part"),
                "only those of mutable files do",
            )),
            Some(_) | None => Ok(field),
        }
    }
}
