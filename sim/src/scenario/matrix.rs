//! `[matrix]`: the dimensions of a file, and its variants, one for each combination of their values.
//!
//! Values are put where their keys are, and keep their place in the file, so that mistakes point at them. What they
//! mean is not known here.

use std::borrow::Cow;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::diagnose::{Bad, Report, closest, suggest};
use super::keys::{self, Form, Table};
use super::section::Field;

/// So many variants of one file.
pub(super) const VARIANTS_MAX: usize = 256;
/// What is said of the file as a whole.
const NOT_VARIED: &[&str] = &["about", "from", "version", "base", "matrix"];

/// A key and its values.
#[derive(Debug)]
pub(super) struct Dimension<'a> {
    /// The path as it is written.
    path: Vec<String>,
    /// The way to the key.
    places: Vec<Place>,
    span: Range<usize>,
    values: Vec<(String, Spanned<DeValue<'a>>)>,
}

/// One step on the way to a key.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Key(String),
    /// Of a list.
    Item(usize),
}

impl Place {
    fn written(&self) -> String {
        match self {
            Self::Key(name) => name.clone(),
            Self::Item(at) => (at + 1).to_string(),
        }
    }
}

/// A part of a path and where it stands.
type Part<'t> = (&'t str, Range<usize>);

/// One combination of values.
#[derive(Debug)]
pub(super) struct Variant {
    /// Named after its values; none if there is no matrix.
    pub(super) name: Option<String>,
    /// What each dimension is called, and its value.
    pub(super) words: Vec<(String, String)>,
    /// Which value of each dimension.
    picks: Vec<usize>,
}

/// Reads `[matrix]`; none if something is wrong (and reported).
pub(super) fn read<'a>(document: &DeTable<'a>, report: &mut Report<'_>) -> Vec<Dimension<'a>> {
    let Some((value, key)) = document.get("matrix").zip(keys::FILE.key("matrix")) else { return Vec::new() };
    let DeValue::Table(entries) = value.get_ref() else {
        let field = Field { key, value: value.get_ref(), span: value.span() };
        report.bad(field.span.clone(), field.wrong_type());
        return Vec::new();
    };
    let mut found = Vec::new();
    dimensions(entries, &[], document, &mut found, report);
    found.sort_by_key(|dimension: &Dimension<'_>| dimension.span.start);
    for (n, dimension) in found.iter().enumerate() {
        if found[..n].iter().any(|other| other.places == dimension.places) {
            let bad = Bad::new(format!("`{}` is varied twice", dimension.path.join(".")), "once is enough");
            report.bad(dimension.span.clone(), bad.help("put all values into one list"));
        }
    }
    let count = found.iter().try_fold(1usize, |all, dimension| all.checked_mul(dimension.values.len()));
    if count.is_none_or(|count| count > VARIANTS_MAX) {
        let count = count.map_or("far too many".to_owned(), |count| format!("{count}"));
        let bad = Bad::new(format!("a matrix of {count} variants"), format!("at most {VARIANTS_MAX}"));
        report.bad(value.span(), bad.help("let the seed choose instead: a range such as \"1 KiB..1 MiB\""));
        return Vec::new();
    }
    found
}

fn dimensions<'a>(
    entries: &DeTable<'a>,
    above: &[Part<'_>],
    document: &DeTable<'a>,
    found: &mut Vec<Dimension<'a>>,
    report: &mut Report<'_>,
) {
    for (key, value) in entries {
        let mut parts = above.to_vec();
        parts.extend(split(key.get_ref(), key.span()));
        match value.get_ref() {
            DeValue::Table(inner) => dimensions(inner, &parts, document, found, report),
            DeValue::Array(items) => {
                let values = values(items, value.span(), report);
                match place(&parts, document) {
                    Ok(places) => found.extend(values.map(|values| Dimension {
                        path: parts.iter().map(|(part, _)| (*part).to_owned()).collect(),
                        places,
                        span: key.span(),
                        values,
                    })),
                    Err(misplaced) => report.bad(misplaced.0, misplaced.1),
                }
            }
            _ => {
                let bad = Bad::new("a matrix takes lists", "expected a list of values");
                report
                    .bad(value.span(), bad.help("for example \"grid.encoding\" = [\"3-of-10\", \"1-of-1\"]"));
            }
        }
    }
}

/// The parts of a key that may have dots, each with its place if the key is written letter by letter.
fn split<'t>(key: &'t str, span: Range<usize>) -> Vec<Part<'t>> {
    let quotes = span.len().checked_sub(key.len()).filter(|quotes| *quotes == 0 || *quotes == 2);
    let mut at = 0;
    let mut parts = Vec::new();
    for part in key.split('.') {
        let place = quotes.map_or(span.clone(), |quotes| {
            let start = span.start + quotes / 2 + at;
            start..start + part.len()
        });
        parts.push((part, place));
        at += part.len() + 1;
    }
    parts
}

fn values<'a>(
    items: &[Spanned<DeValue<'a>>],
    span: Range<usize>,
    report: &mut Report<'_>,
) -> Option<Vec<(String, Spanned<DeValue<'a>>)>> {
    let mut values: Vec<(String, Spanned<DeValue<'a>>)> = Vec::new();
    let mut good = true;
    for item in items {
        let bad = match text_of(item.get_ref()) {
            None => Bad::new(
                "this cannot be varied",
                "expected a text, a number, true or false, or a list of texts",
            ),
            Some(text) if values.iter().any(|(known, _)| *known == text) => {
                Bad::new(format!("`{text}` is tried twice"), "variants must differ")
            }
            Some(text) => {
                values.push((text, item.clone()));
                continue;
            }
        };
        report.bad(item.span(), bad);
        good = false;
    }
    if items.is_empty() {
        report.bad(span, Bad::new("an empty list of values", "nothing to try"));
        return None;
    }
    good.then_some(values)
}

/// A value in the name of a variant.
fn text_of(value: &DeValue<'_>) -> Option<String> {
    let line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    match value {
        DeValue::String(text) => Some(line(text)),
        DeValue::Integer(number) => Some(number.to_string()),
        DeValue::Boolean(flag) => Some(flag.to_string()),
        DeValue::Array(items) => {
            let texts: Option<Vec<String>> =
                items.iter().map(|item| item.get_ref().as_str().map(line)).collect();
            texts.map(|texts| texts.join(","))
        }
        DeValue::Float(number) => Some(number.to_string()),
        DeValue::Datetime(_) | DeValue::Table(_) => None,
    }
}

/// What is wrong with a path, and where.
type Misplaced = Box<(Range<usize>, Bad)>;

/// The way along `parts`.
fn place(parts: &[Part<'_>], document: &DeTable<'_>) -> Result<Vec<Place>, Misplaced> {
    let mut places = Vec::new();
    let mut table: &'static Table = &keys::FILE;
    let mut entries = Some(document);
    let mut parts = parts.iter();
    while let Some((part, span)) = parts.next() {
        let wrong = |bad: Bad| Err(Box::new((span.clone(), bad)));
        let Some(key) = table.key(part) else {
            let known = table.keys.iter().map(|key| key.name);
            let help = closest(part, known.clone())
                .map_or_else(|| suggest(part, "keys", known), |near| format!("did you mean `{near}`?"));
            return wrong(
                Bad::new(format!("there is no key `{part}` in {}", table.name), "nothing reads this")
                    .help(help),
            );
        };
        if places.is_empty() && NOT_VARIED.contains(&key.name) {
            return wrong(Bad::new(format!("`{part}` cannot be varied"), "said of the file as a whole"));
        }
        places.push(Place::Key(key.name.to_owned()));
        let value = entries.and_then(|entries| entries.get(key.name)).map(Spanned::get_ref);
        let (inner, below) = match key.form {
            Form::Table(inner) => (inner, value.and_then(DeValue::as_table)),
            Form::Named(inner) | Form::Tables(inner) => {
                let Some((name, span)) = parts.next() else {
                    return wrong(no_key(key.name, table_example(key.form)));
                };
                let (place, below) = member(key, name, value).map_err(|bad| Box::new((span.clone(), bad)))?;
                places.push(place);
                (inner, below)
            }
            _ => match parts.next() {
                None => return Ok(places),
                Some((part, span)) => {
                    let bad = Bad::new(format!("`{}` has no key `{part}`", key.name), "a value, not a table");
                    return Err(Box::new((span.clone(), bad)));
                }
            },
        };
        (table, entries) = (inner, below);
        if parts.len() == 0 {
            let example = inner.keys.first().map_or("", |key| key.name);
            let so_far = places.iter().map(Place::written).collect::<Vec<_>>().join(".");
            return wrong(no_key(&so_far, example));
        }
    }
    Ok(places)
}

fn table_example(form: Form) -> &'static str {
    if matches!(form, Form::Tables(_)) { "NAME.KEY` or `1.KEY" } else { "NAME.KEY" }
}

fn no_key(table: &str, example: &str) -> Bad {
    Bad::new(format!("`{table}` is not a single value"), "which key of it?")
        .help(format!("add the rest of the path, such as `{table}.{example}`"))
}

/// One of several tables: by its name in the file, its `name`, or its number from 1.
fn member<'d, 'a>(
    key: &keys::Key,
    wanted: &str,
    value: Option<&'d DeValue<'a>>,
) -> Result<(Place, Option<&'d DeTable<'a>>), Bad> {
    let list = key.name;
    let nobody = |known: Vec<&str>| {
        Bad::new(format!("there is no `{wanted}` in `{list}`"), "names nothing").help(suggest(
            wanted,
            list,
            known.into_iter(),
        ))
    };
    match value {
        Some(DeValue::Table(tables)) => match tables.get(wanted) {
            Some(found) => Ok((Place::Key(wanted.to_owned()), found.get_ref().as_table())),
            None => Err(nobody(tables.keys().map(|key| key.get_ref().as_ref()).collect())),
        },
        Some(DeValue::Array(items)) => {
            let name = |item: &'d Spanned<DeValue<'a>>| item.get_ref().get("name")?.get_ref().as_str();
            let number = wanted.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
            let at = items.iter().position(|item| name(item) == Some(wanted)).or(number);
            match at.and_then(|at| items.get(at).map(|item| (at, item))) {
                Some((at, item)) => Ok((Place::Item(at), item.get_ref().as_table())),
                None if items.iter().any(|item| name(item).is_some()) => {
                    Err(nobody(items.iter().filter_map(name).collect()))
                }
                None => {
                    let named = matches!(key.form, Form::Tables(table) if table.key("name").is_some());
                    let or_name = if named { ", or give one a `name` and write that" } else { "" };
                    let help = format!("write a number from 1 to {}{or_name}", items.len());
                    Err(Bad::new(format!("there is no `{wanted}` in `{list}`"), "names nothing").help(help))
                }
            }
        }
        _ => Err(Bad::new(format!("there are no `{list}` in this file"), "names nothing")),
    }
}

/// Every combination of values, the last dimension first to change.
pub(super) fn variants(matrix: &[Dimension<'_>]) -> Vec<Variant> {
    let mut all = vec![Vec::new()];
    for dimension in matrix {
        let longer = |picks: &Vec<usize>| {
            let picks = picks.clone();
            (0..dimension.values.len()).map(move |pick| [picks.as_slice(), &[pick]].concat())
        };
        all = all.iter().flat_map(longer).collect();
    }
    let labels: Vec<String> = (0..matrix.len()).map(|n| label(matrix, n)).collect();
    let named = |picks: Vec<usize>| {
        let values = matrix.iter().zip(&picks).filter_map(|(dimension, pick)| dimension.values.get(*pick));
        let words: Vec<(String, String)> =
            labels.iter().zip(values).map(|(label, (text, _))| (label.clone(), text.clone())).collect();
        let name = words.iter().map(|(label, text)| format!("{label}={text}")).collect::<Vec<_>>().join(" ");
        Variant { name: (!picks.is_empty()).then_some(name), words, picks }
    };
    all.into_iter().map(named).collect()
}

/// The end of a path, as much of it as no other path has.
fn label(matrix: &[Dimension<'_>], n: usize) -> String {
    let path = &matrix[n].path;
    let end = |path: &[String], length: usize| path[path.len().saturating_sub(length)..].join(".");
    let alone = |length: &usize| {
        let others = matrix.iter().enumerate().filter(|(other, _)| *other != n);
        others.into_iter().all(|(_, other)| end(&other.path, *length) != end(path, *length))
    };
    end(path, (1..path.len()).find(alone).unwrap_or(path.len()))
}

impl Dimension<'_> {
    /// Whether this place of the file is in one of the values.
    pub(super) fn contains(&self, at: usize) -> bool {
        self.values.iter().any(|(_, value)| value.span().contains(&at))
    }
}

impl Variant {
    /// The document with the values of this variant.
    pub(super) fn document<'a>(&self, document: &DeTable<'a>, matrix: &[Dimension<'a>]) -> DeTable<'a> {
        let mut document = document.clone();
        for (dimension, pick) in matrix.iter().zip(&self.picks) {
            let Some((_, value)) = dimension.values.get(*pick) else { continue };
            put(&mut document, &dimension.places, &dimension.span, value.clone());
        }
        document
    }
}

/// Puts a value where it belongs, unless there is something on the way that is not what it should be.
fn put<'a>(table: &mut DeTable<'a>, places: &[Place], span: &Range<usize>, value: Spanned<DeValue<'a>>) {
    let Some((Place::Key(name), rest)) = places.split_first() else { return };
    let new = || Spanned::new(span.clone(), Cow::Owned(name.clone()));
    let rest = match rest {
        [] => {
            table.insert(new(), value);
            return;
        }
        rest => rest,
    };
    if !table.contains_key(name.as_str()) {
        table.insert(new(), Spanned::new(span.clone(), DeValue::Table(DeTable::new())));
    }
    match (table.get_mut(name.as_str()).map(Spanned::get_mut), rest) {
        (Some(DeValue::Table(inner)), rest) => put(inner, rest, span, value),
        (Some(DeValue::Array(items)), [Place::Item(at), rest @ ..]) => {
            if let Some(DeValue::Table(inner)) = items.get_mut(*at).map(Spanned::get_mut) {
                put(inner, rest, span, value);
            }
        }
        _ => {}
    }
}
