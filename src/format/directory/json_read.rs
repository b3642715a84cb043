//! Reads JSON, see `json`: takes what Python takes (`NaN`, `Infinity`, a key twice), and nothing else.

use super::json::{JSON_DEPTH_MAX, Json, JsonError, JsonNumber, JsonObject, JsonText, escape, escape_unit};

/// Goes through a text once.
pub(super) struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    fn error<T>(&self, what: &'static str) -> Result<T, JsonError> {
        Err(JsonError { what, at: self.at })
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Goes past `word` if it is next.
    fn take(&mut self, word: &str) -> bool {
        let there = self.text.get(self.at..).is_some_and(|rest| rest.starts_with(word));
        if there {
            self.at += word.len();
        }
        there
    }

    /// The end of the text, but for white space.
    pub(super) fn end(&mut self) -> Result<(), JsonError> {
        self.space();
        if self.at < self.text.len() { self.error("something behind the value") } else { Ok(()) }
    }

    pub(super) fn value(&mut self, depth: usize) -> Result<Json, JsonError> {
        if depth > JSON_DEPTH_MAX {
            return self.error("too deep");
        }
        self.space();
        match self.peek() {
            Some(b'"') => self.string().map(Json::Text),
            Some(b'{') => self.object(depth),
            Some(b'[') => self.list(depth),
            _ if self.take("null") => Ok(Json::Null),
            _ if self.take("true") => Ok(Json::Bool(true)),
            _ if self.take("false") => Ok(Json::Bool(false)),
            _ if self.take("NaN") => Ok(f64::NAN.into()),
            _ if self.take("Infinity") => Ok(f64::INFINITY.into()),
            _ if self.take("-Infinity") => Ok(f64::NEG_INFINITY.into()),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => self.error("no value"),
        }
    }

    fn list(&mut self, depth: usize) -> Result<Json, JsonError> {
        self.at += 1;
        let mut list = Vec::new();
        self.space();
        if self.take("]") {
            return Ok(Json::List(list));
        }
        loop {
            list.push(self.value(depth + 1)?);
            self.space();
            if self.take("]") {
                return Ok(Json::List(list));
            }
            if !self.take(",") {
                return self.error("neither a comma nor the end of a list");
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Json, JsonError> {
        self.at += 1;
        let mut pairs = Vec::new();
        self.space();
        if self.take("}") {
            return Ok(Json::Object(JsonObject::of_pairs(pairs)));
        }
        loop {
            self.space();
            if self.peek() != Some(b'"') {
                return self.error("no key");
            }
            let key = self.string()?;
            self.space();
            if !self.take(":") {
                return self.error("no colon");
            }
            pairs.push((key, self.value(depth + 1)?));
            self.space();
            if self.take("}") {
                return Ok(Json::Object(JsonObject::of_pairs(pairs)));
            }
            if !self.take(",") {
                return self.error("neither a comma nor the end of an object");
            }
        }
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == start { self.error("no digit") } else { Ok(()) }
    }

    fn number(&mut self) -> Result<Json, JsonError> {
        let start = self.at;
        self.take("-");
        if !self.take("0") {
            self.digits()?;
        }
        if self.take(".") {
            self.digits()?;
        }
        if self.take("e") || self.take("E") {
            let _ = self.take("+") || self.take("-");
            self.digits()?;
        }
        Ok(Json::Number(JsonNumber::read(&self.text[start..self.at])))
    }

    fn string(&mut self) -> Result<JsonText, JsonError> {
        self.at += 1;
        let mut out = String::new();
        loop {
            let Some(c) = self.text.get(self.at..).and_then(|rest| rest.chars().next()) else {
                return self.error("no end of a text");
            };
            match c {
                '\0'..='\u{1f}' => return self.error("a control character in a text"),
                '"' => {
                    self.at += 1;
                    return Ok(JsonText::of_escaped(out));
                }
                '\\' => {
                    self.at += 1;
                    self.escape(&mut out)?;
                }
                c => {
                    self.at += c.len_utf8();
                    escape(c, &mut out);
                }
            }
        }
    }

    /// What follows a backslash.
    fn escape(&mut self, out: &mut String) -> Result<(), JsonError> {
        let c = match self.peek() {
            Some(b'u') => {
                self.at += 1;
                let digits = self.text.get(self.at..self.at + 4).unwrap_or_default();
                if digits.len() != 4 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                    return self.error("no four hexadecimal digits");
                }
                self.at += 4;
                let unit = u16::from_str_radix(digits, 16).unwrap_or_default();
                // What is not half of a pair may have a shorter form.
                match char::from_u32(u32::from(unit)) {
                    Some(c) => escape(c, out),
                    None => escape_unit(unit, out),
                }
                return Ok(());
            }
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'f') => '\u{c}',
            Some(b'b') => '\u{8}',
            _ => return self.error("an unknown escape"),
        };
        self.at += 1;
        escape(c, out);
        Ok(())
    }
}
