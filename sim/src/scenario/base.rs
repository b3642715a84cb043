//! One file under another: finds and reads the base of a file, and merges the two. Reads no values.

use std::fs::File;
use std::io::Read as _;
use std::ops::Range;
use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::FILE_BYTES_MAX;
use super::diagnose::{Bad, Report, Source};
use super::keys;
use super::section::Field;

/// What each file says of itself alone.
const OWN: &[&str] = &["about", "from"];

/// The base that `document`, read from `path`, names; none if there is none, or if it cannot be read (and reported).
pub(super) fn find(path: &str, document: &DeTable<'_>, report: &mut Report<'_>) -> Option<Source> {
    let (value, key) = document.get("base").zip(keys::FILE.key("base"))?;
    let field = Field { key, value: value.get_ref(), span: value.span() };
    let base = Path::new(path).parent().unwrap_or(Path::new("")).join(field.text(report)?);
    let mut bad = |title: String, label: &str| {
        let help = "a path is seen from the folder of this file, for example \"../base/wan.toml\"";
        report.bad(field.span.clone(), Bad::new(title, label).help(help));
        None
    };
    let mut bytes = Vec::new();
    let read = File::open(&base).and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes));
    if let Err(error) = read {
        return bad(format!("cannot read the base {}: {error}", base.display()), "names no file");
    }
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return bad(format!("the base {} is larger than 1 MiB", base.display()), "too large");
    }
    match String::from_utf8(bytes) {
        Ok(text) => Some(Source { path: base.display().to_string(), text }),
        Err(_) => bad(format!("the base {} is not UTF-8", base.display()), "not a scenario file"),
    }
}

/// Why this is no base: it has one itself.
pub(super) fn check(base: &DeTable<'_>) -> Option<(Range<usize>, Bad)> {
    let second = base.get("base")?;
    let bad = Bad::new("a base that has a base", "one level is all there is");
    Some((second.span(), bad.help("put both into one file, or name that one in the scenario")))
}

/// Adds to `document` what only `base` says.
pub(super) fn merge<'a>(document: &mut DeTable<'a>, base: DeTable<'a>) {
    let inherited = base.into_iter().filter(|(key, _)| !OWN.contains(&key.get_ref().as_ref()));
    add(document, inherited.collect());
}

fn add<'a>(over: &mut DeTable<'a>, under: DeTable<'a>) {
    for (key, value) in under {
        match over.get_mut(key.get_ref().as_ref()) {
            None => {
                over.insert(key, value);
            }
            Some(own) => {
                if let (DeValue::Table(own), DeValue::Table(inherited)) = (own.get_mut(), value.into_inner())
                {
                    add(own, inherited);
                }
            }
        }
    }
}
