//! One table of a file, read through its descriptor: unknown keys, wrong types and missing values are reported here.
//!
//! Values are handed to parsers as text; what they mean is not known here.

use std::ops::{Range, RangeInclusive};

use toml::de::{DeTable, DeValue};

use super::diagnose::{Bad, Report, closest, suggest};
use super::keys::{Absent, Form, Key, Table};

/// So many tables in one list.
const TABLES_MAX: usize = 1_000;

/// A table of the file and what it may contain.
#[derive(Debug, Clone)]
pub(super) struct Section<'a> {
    doc: &'static Table,
    entries: Option<&'a DeTable<'a>>,
    /// Keys that were probably meant by unknown ones: they are not reported as missing as well.
    misspelt: Vec<&'static str>,
    /// Where it is, for what is missing from it.
    pub(super) span: Range<usize>,
}

/// A value and where it is.
#[derive(Debug, Clone)]
pub(super) struct Field<'a> {
    pub(super) key: &'static Key,
    pub(super) value: &'a DeValue<'a>,
    pub(super) span: Range<usize>,
}

impl<'a> Section<'a> {
    /// Opens a table and reports the keys it may not have.
    pub(super) fn open(
        doc: &'static Table,
        entries: &'a DeTable<'a>,
        span: Range<usize>,
        report: &mut Report<'_>,
    ) -> Self {
        let mut misspelt = Vec::new();
        for key in entries.keys().filter(|key| doc.key(key.get_ref()).is_none()) {
            let name = key.get_ref().as_ref();
            let known = doc.keys.iter().map(|key| key.name);
            let near = closest(name, known.clone());
            misspelt.extend(near);
            let help =
                near.map_or_else(|| suggest(name, "keys", known), |near| format!("did you mean `{near}`?"));
            let title = format!("unknown key `{name}` in {}", doc.name);
            report.bad(key.span(), Bad::new(title, "nothing reads this").help(help));
        }
        Self { doc, entries: Some(entries), misspelt, span }
    }

    /// A table that is not in the file: every key has its default.
    pub(super) fn absent(doc: &'static Table) -> Self {
        Self { doc, entries: None, misspelt: Vec::new(), span: 0..0 }
    }

    /// The value of a key, if it is there.
    pub(super) fn field(&self, name: &str) -> Option<Field<'a>> {
        let key = self.doc.key(name)?;
        let value = self.entries?.get(name)?;
        Some(Field { key, value: value.get_ref(), span: value.span() })
    }

    /// Where the word `name` stands, or the table if it does not.
    pub(super) fn key_span(&self, name: &str) -> Range<usize> {
        let key = self.entries.and_then(|entries| entries.keys().find(|key| key.get_ref() == name));
        key.map_or(self.span.clone(), |key| key.span())
    }

    /// Whether one of `names` was probably meant by an unknown key.
    pub(super) fn is_misspelt(&self, names: &[&'static str]) -> bool {
        self.misspelt.iter().any(|near| names.contains(near))
    }

    /// The names of those keys that are there, out of `names`.
    pub(super) fn present(&self, names: &[&'static str]) -> Vec<&'static str> {
        names.iter().copied().filter(|name| self.field(name).is_some()).collect()
    }

    /// Reads text with `parse`. None if the key is absent without a default, or if it is wrong (and reported).
    pub(super) fn read<T>(
        &self,
        name: &str,
        report: &mut Report<'_>,
        parse: impl FnOnce(&str) -> Result<T, Bad>,
    ) -> Option<T> {
        let Some(field) = self.field(name) else {
            return parse(self.default_text(name, report)?).ok();
        };
        let text = field.text(report)?;
        parse(text).map_err(|bad| report.bad(field.span, bad.within(text))).ok()
    }

    /// Reads a whole number between bounds.
    pub(super) fn integer(
        &self,
        name: &str,
        allowed: RangeInclusive<u64>,
        report: &mut Report<'_>,
    ) -> Option<u64> {
        let Some(field) = self.field(name) else {
            return self.default_text(name, report)?.parse().ok();
        };
        let number = field.number(report)?;
        if !allowed.contains(&number) {
            let title = format!("`{name}` is out of range");
            let label = format!("must be from {} to {}", allowed.start(), allowed.end());
            report.bad(field.span, Bad::new(title, label));
            return None;
        }
        Some(number)
    }

    /// Reads true or false.
    pub(super) fn flag(&self, name: &str, report: &mut Report<'_>) -> bool {
        match self.field(name).map(|field| (field.value, field)) {
            None => self.default_text(name, report) == Some("true"),
            Some((DeValue::Boolean(flag), _)) => *flag,
            Some((_, field)) => {
                report.bad(field.span.clone(), field.wrong_type());
                false
            }
        }
    }

    /// Reads one of the words the descriptor allows.
    pub(super) fn choice(&self, name: &str, report: &mut Report<'_>) -> Option<&'static str> {
        let Form::Choice(words) = self.doc.key(name)?.form else { return None };
        self.read(name, report, |text| {
            words.iter().copied().find(|word| *word == text).ok_or_else(|| {
                Bad::new(format!("`{name}` cannot be `{text}`"), "not one of its words").help(suggest(
                    text,
                    "words",
                    words.iter().copied(),
                ))
            })
        })
    }

    /// Reads one line of text.
    pub(super) fn line(&self, name: &str, report: &mut Report<'_>) -> Option<String> {
        self.read(name, report, |text| {
            if text.trim().is_empty() {
                return Err(Bad::new(format!("`{name}` is empty"), "say it in one line"));
            }
            if text.contains(['\n', '\r']) {
                return Err(Bad::new(format!("`{name}` has several lines"), "say it in one line"));
            }
            Ok(text.to_owned())
        })
    }

    /// Opens a table within this one.
    pub(super) fn table(&self, name: &str, report: &mut Report<'_>) -> Option<Section<'a>> {
        let Form::Table(doc) = self.doc.key(name)?.form else { return None };
        let Some(field) = self.field(name) else { return Some(Section::absent(doc)) };
        match field.value {
            DeValue::Table(entries) => Some(Section::open(doc, entries, field.span, report)),
            _ => {
                report.bad(field.span.clone(), field.wrong_type());
                None
            }
        }
    }

    /// Opens every table of a list; none if it is not a list of tables.
    pub(super) fn tables(&self, name: &str, report: &mut Report<'_>) -> Option<Vec<Section<'a>>> {
        let Form::Tables(doc) = self.doc.key(name)?.form else { return None };
        let Some(field) = self.field(name) else {
            self.default_text(name, report);
            return Some(Vec::new());
        };
        let DeValue::Array(items) = field.value else {
            let mut bad = field.wrong_type();
            if matches!(field.value, DeValue::Table(_)) {
                bad = bad.help(format!("write two pairs of brackets: [[{name}]]"));
            }
            report.bad(field.span, bad);
            return None;
        };
        if items.len() > TABLES_MAX {
            let title = format!("more than {TABLES_MAX} tables in `{name}`");
            report.bad(field.span, Bad::new(title, "too many"));
            return None;
        }
        let mut sections = Vec::with_capacity(items.len());
        for item in items.iter() {
            match item.get_ref() {
                DeValue::Table(entries) => sections.push(Section::open(doc, entries, item.span(), report)),
                _ => report
                    .bad(item.span(), Bad::new(format!("`{name}` is a list of tables"), "expected a table")),
            }
        }
        Some(sections)
    }

    /// Opens every table by name, in the order of the file.
    pub(super) fn named(
        &self,
        name: &str,
        report: &mut Report<'_>,
    ) -> Vec<(String, Range<usize>, Section<'a>)> {
        let Some((Form::Named(doc), field)) = self.doc.key(name).map(|key| key.form).zip(self.field(name))
        else {
            return Vec::new();
        };
        let DeValue::Table(entries) = field.value else {
            report.bad(field.span.clone(), field.wrong_type());
            return Vec::new();
        };
        let mut found = Vec::with_capacity(entries.len());
        for (key, value) in entries.iter() {
            let label = key.get_ref().to_string();
            match value.get_ref() {
                DeValue::Table(inner) => {
                    found.push((label, key.span(), Section::open(doc, inner, value.span(), report)));
                }
                _ => {
                    let bad = Bad::new(format!("`{name}.{label}` is not a table"), "expected a table");
                    report.bad(value.span(), bad.help(format!("write [{name}.{label}] and its keys below")));
                }
            }
        }
        found.sort_by_key(|(_, span, _)| span.start);
        found
    }

    /// The default of a key that is not there; a missing required key is reported.
    fn default_text(&self, name: &str, report: &mut Report<'_>) -> Option<&'static str> {
        let key = self.doc.key(name)?;
        match key.absent {
            Absent::Default(text) => Some(text),
            Absent::Means(_) => None,
            Absent::Required | Absent::RequiredHereOrInBase if self.misspelt.contains(&key.name) => None,
            Absent::Required | Absent::RequiredHereOrInBase => {
                let example = match key.form {
                    Form::Tables(_) => format!("add a [[{name}]] table"),
                    _ => format!("add {name} = {}", key.form.describe().1),
                };
                let bad = Bad::new(format!("`{name}` is missing from {}", self.doc.name), "required here");
                report.bad(self.span.clone(), bad.help(format!("{example}: {}", first_lower(key.doc))));
                None
            }
        }
    }
}

impl<'a> Field<'a> {
    /// The text of a string; anything else is reported.
    pub(super) fn text(&self, report: &mut Report<'_>) -> Option<&'a str> {
        let text = self.value.as_str();
        if text.is_none() {
            report.bad(self.span.clone(), self.wrong_type());
        }
        text
    }

    /// A whole number that is not negative; anything else is reported.
    pub(super) fn number(&self, report: &mut Report<'_>) -> Option<u64> {
        let number = match self.value {
            DeValue::Integer(number) => u64::from_str_radix(number.as_str(), number.radix()).ok(),
            _ => {
                report.bad(self.span.clone(), self.wrong_type());
                return None;
            }
        };
        if number.is_none() {
            let title = format!("`{}` is out of range", self.key.name);
            report.bad(self.span.clone(), Bad::new(title, "a number from 0 to 2^64 - 1"));
        }
        number
    }

    /// Says what was expected, and for a bare number shows it with a unit.
    pub(super) fn wrong_type(&self) -> Bad {
        let (what, example) = self.key.form.describe();
        let name = self.key.name;
        let bare = match self.value {
            DeValue::Integer(number) => Some(number.to_string()),
            DeValue::Float(number) => Some(number.as_str().to_owned()),
            _ => None,
        };
        if let Some((number, unit)) = bare.zip(self.key.form.unit()) {
            return Bad::new(format!("`{name}` is a number without a unit"), format!("expected {what}"))
                .help(format!("write the unit: {name} = \"{number}{unit}\""));
        }
        Bad::new(
            format!("`{name}` is {}, not {what}", article(self.value.type_str())),
            format!("expected {what}"),
        )
        .help(format!("for example {name} = {example}"))
    }
}

fn article(kind: &str) -> String {
    if kind.starts_with(['a', 'i']) { format!("an {kind}") } else { format!("a {kind}") }
}

fn first_lower(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|c| c.to_ascii_lowercase()).into_iter().chain(chars).collect()
}
