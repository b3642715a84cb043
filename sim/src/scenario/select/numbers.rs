//! Numbers of shares, and who has which.

use toml::de::DeValue;

use super::super::diagnose::{Bad, Report};
use super::super::section::Section;
use super::{Names, Scope};

const NUMBER_FORMS: &str = "share numbers are \"0\", \"1..9\" (both included), \"0, 3..5\" or \"all\"";

impl Names {
    /// `0`, `1..9`, `0, 3..5` or `all`; in order, each once.
    pub(in crate::scenario) fn share_numbers(&self, text: &str) -> Result<Vec<u8>, Bad> {
        if text.trim() == "all" {
            let last = u8::try_from(self.shares.saturating_sub(1)).unwrap_or(u8::MAX);
            return Ok((0..=last).collect());
        }
        let mut numbers = Vec::new();
        for part in text.split(',').flat_map(|part| part.split(" and ")).map(str::trim) {
            if !part.starts_with(|c: char| c.is_ascii_digit()) {
                let bad = Bad::new("these share numbers are not understood", "not a form they can take");
                return Err(bad.at(part).help(NUMBER_FORMS));
            }
            let (first, last) = part.split_once("..").unwrap_or((part, part));
            let (first, last) = (self.share_number(first.trim())?, self.share_number(last.trim())?);
            if first > last {
                let bad =
                    Bad::new("a range that ends before it begins", "the lower number comes first").at(part);
                return Err(bad.help(format!("write \"{last}..{first}\"")));
            }
            numbers.extend(first..=last);
        }
        numbers.sort_unstable();
        numbers.dedup();
        Ok(numbers)
    }

    /// Reads share numbers: text, or one number.
    pub(in crate::scenario) fn numbers(
        &self,
        section: &Section<'_>,
        key: &str,
        report: &mut Report<'_>,
    ) -> Option<Vec<u8>> {
        match section.field(key) {
            Some(field) if field.value.is_integer() => {
                let number = field.number(report)?.to_string();
                self.share_numbers(&number).map_err(|bad| report.bad(field.span, bad)).ok()
            }
            _ => section.read(key, report, |text| self.share_numbers(text)),
        }
    }

    /// Reads a table of share numbers by server, or by a selector of servers. In the order of the grid.
    pub(in crate::scenario) fn layout(
        &self,
        section: &Section<'_>,
        key: &str,
        report: &mut Report<'_>,
    ) -> Option<Vec<(String, Vec<u8>)>> {
        let field = section.field(key)?;
        let DeValue::Table(entries) = field.value else {
            report.bad(field.span.clone(), field.wrong_type());
            return None;
        };
        if entries.is_empty() {
            let bad = Bad::new("an empty layout", "nobody has anything");
            report.bad(field.span, bad.help("to remove all shares write a step with `delete`"));
            return None;
        }
        let (mut layout, mut good) = (Vec::new(), true);
        for (name, value) in entries.iter() {
            let hosts = self.hosts(name.get_ref(), Scope::Servers).map_err(|bad| bad.within(name.get_ref()));
            let numbers = match value.get_ref() {
                DeValue::String(text) => self.share_numbers(text).map_err(|bad| bad.within(text)),
                DeValue::Integer(number) => self.share_numbers(number.as_str()),
                _ => Err(Bad::new("these share numbers are not text", "not a form they can take")
                    .help(NUMBER_FORMS)),
            };
            let (hosts, numbers) = match (hosts, numbers) {
                (Ok(hosts), Ok(numbers)) => (hosts, numbers),
                (hosts, numbers) => {
                    hosts.err().into_iter().for_each(|bad| report.bad(name.span(), bad));
                    numbers.err().into_iter().for_each(|bad| report.bad(value.span(), bad));
                    good = false;
                    continue;
                }
            };
            for host in hosts {
                if layout.iter().any(|(known, _)| *known == host) {
                    let bad = Bad::new(format!("`{host}` is there twice"), "once is enough");
                    report.bad(name.span(), bad.help("write all its shares in one place"));
                    good = false;
                }
                layout.push((host, numbers.clone()));
            }
        }
        layout.sort_by_key(|(name, _)| self.servers.iter().position(|server| server == name));
        good.then_some(layout)
    }
}

/// Writes numbers (in order, each once) so that `share_numbers` reads them back.
pub(in crate::scenario) fn write_numbers(numbers: &[u8]) -> String {
    let mut ranges: Vec<(u8, u8)> = Vec::new();
    for &number in numbers {
        match ranges.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(number) => *last = number,
            Some(_) | None => ranges.push((number, number)),
        }
    }
    let write = |(first, last): &(u8, u8)| match first == last {
        true => first.to_string(),
        false => format!("{first}..{last}"),
    };
    ranges.iter().map(write).collect::<Vec<_>>().join(", ")
}
