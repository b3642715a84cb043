//! JSON as Python's `json` module reads and writes it, byte for byte: order kept, ASCII only, numbers not
//! rounded. Metadata goes through this, because the bytes of an immutable directory decide its capability.
//!
//! Text is kept as it is written, escapes included, because Python carries halves of surrogate pairs that no
//! `String` can hold. Differences from Python: no other encodings than UTF-8, and a limit on depth.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use thiserror::Error;

/// How deep lists and objects may be in one another.
pub const JSON_DEPTH_MAX: usize = 100;

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Json {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(JsonNumber),
    /// A text.
    Text(JsonText),
    /// A list.
    List(Vec<Json>),
    /// An object.
    Object(JsonObject),
}

/// A number as it is written: an integer of any size, or the shortest text that reads back as the same float.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonNumber(String);

/// A text as it is written, without its quotes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct JsonText(String);

/// Keys and values in the order in which they came. A key that is given again keeps its place and takes the
/// later value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JsonObject(Vec<(JsonText, Json)>);

/// The text is not JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not JSON: {what} at byte {at}")]
pub struct JsonError {
    /// What was wrong.
    pub what: &'static str,
    /// Where, in bytes from the start.
    pub at: usize,
}

impl Json {
    /// Reads one value and nothing behind it but white space.
    pub fn parse(text: &str) -> Result<Self, JsonError> {
        let mut reader = super::json_read::Reader::new(text);
        let value = reader.value(0)?;
        reader.end()?;
        Ok(value)
    }

    /// Whether Python takes it for true: what is not null, false, zero or empty.
    pub fn is_truthy(&self) -> bool {
        match self {
            Self::Null => false,
            Self::Bool(value) => *value,
            Self::Number(number) => number.as_f64() != 0.0,
            Self::Text(text) => !text.0.is_empty(),
            Self::List(list) => !list.is_empty(),
            Self::Object(object) => !object.0.is_empty(),
        }
    }

    /// The object, if it is one.
    pub fn as_object(&self) -> Option<&JsonObject> {
        match self {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }
}

impl JsonNumber {
    /// A number that was checked to be one: an integer, or a float if it has a point or an exponent.
    pub(super) fn read(text: &str) -> Self {
        if text.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit()) {
            return Self(if text == "-0" { "0".to_owned() } else { text.to_owned() });
        }
        // Too large a number is infinite, as in Python.
        Self::from(text.parse::<f64>().unwrap_or(f64::INFINITY))
    }

    /// The number as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The nearest float.
    pub fn as_f64(&self) -> f64 {
        match self.0.as_str() {
            "Infinity" => f64::INFINITY,
            "-Infinity" => f64::NEG_INFINITY,
            text => text.parse().unwrap_or(f64::NAN),
        }
    }
}

/// Shortest digits that read back the same; an exponent from 1e16 on and below 1e-4, of at least two digits.
impl From<f64> for JsonNumber {
    fn from(value: f64) -> Self {
        if !value.is_finite() {
            let text = match (value.is_nan(), value > 0.0) {
                (true, _) => "NaN",
                (false, true) => "Infinity",
                (false, false) => "-Infinity",
            };
            return Self(text.to_owned());
        }
        let scientific = format!("{value:e}");
        let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
        let exponent: i32 = exponent.parse().unwrap_or(0);
        if (-4..16).contains(&exponent) {
            let plain = value.to_string();
            return Self(if plain.contains('.') { plain } else { format!("{plain}.0") });
        }
        let sign = if exponent < 0 { '-' } else { '+' };
        Self(format!("{digits}e{sign}{:02}", exponent.unsigned_abs()))
    }
}

impl From<f64> for Json {
    fn from(value: f64) -> Self {
        Self::Number(value.into())
    }
}

impl From<u64> for Json {
    fn from(value: u64) -> Self {
        Self::Number(JsonNumber(value.to_string()))
    }
}

impl From<i64> for Json {
    fn from(value: i64) -> Self {
        Self::Number(JsonNumber(value.to_string()))
    }
}

impl From<bool> for Json {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<&str> for Json {
    fn from(value: &str) -> Self {
        Self::Text(value.into())
    }
}

impl From<JsonObject> for Json {
    fn from(value: JsonObject) -> Self {
        Self::Object(value)
    }
}

impl JsonText {
    /// Of text whose escapes were read already, so that nothing in it is to be escaped again.
    pub(super) fn of_escaped(text: String) -> Self {
        Self(text)
    }

    /// The text. Halves of surrogate pairs become U+FFFD.
    pub fn decode(&self) -> String {
        let mut units = Vec::with_capacity(self.0.len());
        let mut rest = self.0.chars();
        while let Some(c) = rest.next() {
            units.push(match (c, c == '\\') {
                (c, false) => u16::try_from(u32::from(c)).unwrap_or(0xfffd),
                (_, true) => match rest.next() {
                    Some('u') => rest.by_ref().take(4).fold(0, |unit, digit| {
                        unit * 16 + digit.to_digit(16).and_then(|d| u16::try_from(d).ok()).unwrap_or(0)
                    }),
                    Some('n') => 0x0a,
                    Some('r') => 0x0d,
                    Some('t') => 0x09,
                    Some('f') => 0x0c,
                    Some('b') => 0x08,
                    Some(c) => u16::try_from(u32::from(c)).unwrap_or(0xfffd),
                    None => 0xfffd,
                },
            });
        }
        String::from_utf16_lossy(&units)
    }
}

impl From<&str> for JsonText {
    fn from(text: &str) -> Self {
        let mut escaped = String::with_capacity(text.len());
        text.chars().for_each(|c| escape(c, &mut escaped));
        Self(escaped)
    }
}

/// Appends `c` as it is written between quotes.
pub(super) fn escape(c: char, out: &mut String) {
    match c {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\u{c}' => out.push_str("\\f"),
        '\u{8}' => out.push_str("\\b"),
        ' '..='~' => out.push(c),
        _ => c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| escape_unit(*unit, out)),
    }
}

/// Appends one unit of UTF-16 as `\u` and four hexadecimal digits.
pub(super) fn escape_unit(unit: u16, out: &mut String) {
    // Writing to a `String` cannot fail.
    let _ = write!(out, "\\u{unit:04x}");
}

impl JsonObject {
    /// Nothing in it.
    pub fn new() -> Self {
        Self::default()
    }

    /// Of pairs as they were read.
    pub(super) fn of_pairs(pairs: Vec<(JsonText, Json)>) -> Self {
        let mut places: BTreeMap<JsonText, usize> = BTreeMap::new();
        let mut kept: Vec<(JsonText, Json)> = Vec::with_capacity(pairs.len());
        for (key, value) in pairs {
            match places.get(&key) {
                Some(place) => kept[*place].1 = value,
                None => {
                    places.insert(key.clone(), kept.len());
                    kept.push((key, value));
                }
            }
        }
        Self(kept)
    }

    /// The value of `key`.
    pub fn get(&self, key: &str) -> Option<&Json> {
        let key = JsonText::from(key);
        self.0.iter().find(|(other, _)| *other == key).map(|(_, value)| value)
    }

    /// Gives `key` a value, in its place if it has one, else at the end.
    pub fn set(&mut self, key: &str, value: impl Into<Json>) {
        let key = JsonText::from(key);
        match self.0.iter_mut().find(|(other, _)| *other == key) {
            Some((_, old)) => *old = value.into(),
            None => self.0.push((key, value.into())),
        }
    }

    /// Takes `key` and its value away.
    pub fn remove(&mut self, key: &str) -> Option<Json> {
        let key = JsonText::from(key);
        let place = self.0.iter().position(|(other, _)| *other == key)?;
        Some(self.0.remove(place).1)
    }

    /// Keys and values in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&JsonText, &Json)> {
        self.0.iter().map(|(key, value)| (key, value))
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => value.fmt(f),
            Self::Number(number) => f.write_str(&number.0),
            Self::Text(text) => text.fmt(f),
            Self::Object(object) => object.fmt(f),
            Self::List(list) => {
                f.write_char('[')?;
                for (i, value) in list.iter().enumerate() {
                    f.write_str(if i == 0 { "" } else { ", " })?;
                    value.fmt(f)?;
                }
                f.write_char(']')
            }
        }
    }
}

impl fmt::Display for JsonText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0)
    }
}

impl fmt::Display for JsonObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('{')?;
        for (i, (key, value)) in self.0.iter().enumerate() {
            write!(f, "{}{key}: {value}", if i == 0 { "" } else { ", " })?;
        }
        f.write_char('}')
    }
}

#[cfg(test)]
mod tests;
