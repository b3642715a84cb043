//! Durations, sizes and rates as people write them, and ranges of them. Does not draw and knows no keys.

use std::time::Duration;

use super::diagnose::{Bad, closest};

/// The longest duration a scenario may name, in microseconds: a year.
const DURATION_MICROS_MAX: u64 = 365 * 24 * 3600 * 1_000_000;

/// Units of time, in microseconds, longest first.
const TIMES: &[(&str, u64)] = &[
    ("d", 86_400_000_000),
    ("h", 3_600_000_000),
    ("m", 60_000_000),
    ("s", 1_000_000),
    ("ms", 1_000),
    ("us", 1),
];

/// Units of size, in bytes, in the order in which the writer prefers them.
const SIZES: &[(&str, u64)] = &[
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("B", 1),
];

/// The units of time, longest first.
pub(super) fn time_units() -> impl Iterator<Item = &'static str> {
    TIMES.iter().map(|(unit, _)| *unit)
}

/// The units of size.
pub(super) fn size_units() -> impl Iterator<Item = &'static str> {
    SIZES.iter().map(|(unit, _)| *unit)
}

/// A number of which the seed chooses the value: `min` and `max` included, in steps of `step`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spread {
    pub(super) min: u64,
    pub(super) max: u64,
    pub(super) step: u64,
}

impl Spread {
    /// Always `value`.
    pub(super) fn fixed(value: u64) -> Self {
        Self { min: value, max: value, step: 1 }
    }
}

/// A duration such as `1m30s`.
pub(super) fn duration(text: &str) -> Result<Duration, Bad> {
    micros(text).map(Duration::from_micros)
}

/// A duration or a range of durations, in microseconds. Drawn in whole milliseconds if both ends are.
pub(super) fn durations(text: &str) -> Result<Spread, Bad> {
    let mut spread = spread(text, micros)?;
    if spread.min.is_multiple_of(1_000) && spread.max.is_multiple_of(1_000) {
        spread.step = 1_000;
    }
    Ok(spread)
}

/// The range each message draws its one-way delay from.
pub(super) fn latency(text: &str) -> Result<(Duration, Duration), Bad> {
    let range = spread(text, micros)?;
    Ok((Duration::from_micros(range.min), Duration::from_micros(range.max)))
}

/// A size in bytes such as `4 MiB`.
pub(super) fn size(text: &str) -> Result<u64, Bad> {
    quantity(text, SIZES, "size", "4 MiB")
}

/// A size or a range of sizes, in bytes.
pub(super) fn sizes(text: &str) -> Result<Spread, Bad> {
    spread(text, size)
}

/// A rate or a range of rates in bytes per second, such as `10 MiB/s`; none is `unlimited`.
pub(super) fn rates(text: &str) -> Result<Option<Spread>, Bad> {
    if text.trim() == "unlimited" {
        return Ok(None);
    }
    let range = spread(text, rate)?;
    if range.min == 0 {
        return Err(Bad::new("a bandwidth of nothing", "no byte would ever arrive")
            .help("to cut a link use a fault: `partition = ...`"));
    }
    Ok(Some(range))
}

/// Offset and length of a part of a file such as `100..200 B`: the end is not included.
pub(super) fn byte_range(text: &str) -> Result<(u64, u64), Bad> {
    if !text.contains("..") {
        return Err(Bad::new("not a range of bytes", "expected two sizes with `..` between them")
            .help("for example \"100..200 B\": from byte 100 up to, not including, byte 200"));
    }
    let range = spread(text, size)?;
    if range.min == range.max {
        return Err(Bad::new("an empty range of bytes", "the end is not included, so nothing is read"));
    }
    Ok((range.min, range.max - range.min))
}

/// Writes a duration so that `duration` reads it back.
pub(super) fn write_duration(duration: Duration) -> String {
    let mut rest = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
    let mut text = String::new();
    for (unit, scale) in TIMES {
        if rest >= *scale {
            text.push_str(&format!("{}{unit}", rest / scale));
            rest %= scale;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

/// Writes a size so that `size` reads it back.
pub(super) fn write_size(bytes: u64) -> String {
    let (unit, scale) = SIZES
        .iter()
        .find(|(unit, scale)| bytes >= *scale && bytes.is_multiple_of(*scale) && *unit != "kB")
        .unwrap_or(&("B", 1));
    format!("{} {unit}", bytes / scale)
}

fn micros(text: &str) -> Result<u64, Bad> {
    let mut total = 0u64;
    let mut rest = text.trim();
    let mut last_scale = u64::MAX;
    loop {
        let number_len = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let unit_len =
            rest[number_len..].find(|c: char| c.is_ascii_digit()).map_or(rest.len(), |n| number_len + n);
        let part = &rest[..unit_len];
        let value = quantity(part, TIMES, "duration", "30s")?;
        let unit = part[number_len..].trim();
        let scale = TIMES.iter().find(|(name, _)| *name == unit).map_or(1, |(_, scale)| *scale);
        if scale >= last_scale {
            return Err(Bad::new("a duration with its units out of order", "longer units come first")
                .help("for example \"1m30s\""));
        }
        last_scale = scale;
        total = total
            .checked_add(value)
            .filter(|sum| *sum <= DURATION_MICROS_MAX)
            .ok_or_else(|| Bad::new("a duration that makes no sense", "longer than a year (365d)"))?;
        rest = &rest[unit_len..];
        if rest.is_empty() {
            return Ok(total);
        }
    }
}

fn rate(text: &str) -> Result<u64, Bad> {
    let text = text.trim();
    let Some(size) = text.strip_suffix("/s") else {
        return Err(Bad::new(
            "a rate without a time",
            format!("`{text}` is not a number of bytes per second"),
        )
        .help("for example \"10 MiB/s\""));
    };
    quantity(size, SIZES, "rate", "10 MiB/s")
}

/// One number and one unit.
fn quantity(text: &str, units: &[(&str, u64)], what: &str, example: &str) -> Result<u64, Bad> {
    let text = text.trim();
    let number_len = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(number_len);
    let unit = unit.trim();
    if number.is_empty() {
        return Err(Bad::new(format!("not a {what}"), format!("expected a {what} such as \"{example}\"")));
    }
    let names: Vec<&str> = units.iter().map(|(name, _)| *name).collect();
    let Some((_, scale)) = units.iter().find(|(name, _)| *name == unit) else {
        let known = names.join(", ");
        if unit.is_empty() {
            let example = format!("{number}{}", example.trim_start_matches(|c: char| c.is_ascii_digit()));
            return Err(Bad::new(format!("a {what} without a unit"), format!("`{number}` of what?"))
                .help(format!("the units are {known}, as in \"{example}\"")));
        }
        let bad = Bad::new(format!("unknown unit `{unit}`"), format!("not a unit of a {what}")).at(unit);
        return Err(match closest_unit(unit, &names) {
            Some(near) => bad.help(format!("did you mean `{near}`? the units are {known}")),
            None => bad.help(format!("the units are {known}, as in \"{example}\"")),
        });
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let out_of_range = || Bad::new(format!("a {what} that makes no sense"), "this number is too large");
    let whole: u64 = whole.parse().map_err(|_| not_a_number(number, what))?;
    let mut value = whole.checked_mul(*scale).ok_or_else(out_of_range)?;
    if number.contains('.') {
        let digits: u64 = fraction.parse().map_err(|_| not_a_number(number, what))?;
        let tens = u32::try_from(fraction.len()).ok().and_then(|n| 10u64.checked_pow(n));
        let parts = digits.checked_mul(*scale).zip(tens);
        let (parts, tens) = parts.ok_or_else(|| not_a_number(number, what))?;
        if parts % tens != 0 {
            return Err(Bad::new(format!("too fine a {what}"), "not a whole number of the smallest unit"));
        }
        value = value.checked_add(parts / tens).ok_or_else(out_of_range)?;
    }
    Ok(value)
}

fn closest_unit<'a>(unit: &str, names: &[&'a str]) -> Option<&'a str> {
    if let Some(same) = names.iter().find(|name| name.eq_ignore_ascii_case(unit)) {
        return Some(same);
    }
    let spelt = match unit {
        "sec" | "secs" | "second" | "seconds" => "s",
        "min" | "mins" | "minute" | "minutes" => "m",
        "hour" | "hours" | "hr" => "h",
        "day" | "days" => "d",
        "msec" | "millis" => "ms",
        "µs" | "usec" | "micros" => "us",
        "b" | "byte" | "bytes" => "B",
        "K" | "k" => "KiB",
        "M" => "MiB",
        "G" => "GiB",
        _ => return closest(unit, names.iter().copied()),
    };
    names.iter().copied().find(|name| *name == spelt)
}

fn not_a_number(number: &str, what: &str) -> Bad {
    if number.chars().all(|c| c.is_ascii_digit()) {
        return Bad::new(format!("a {what} that makes no sense"), "this number is too large");
    }
    Bad::new(format!("`{number}` is not a number"), format!("expected a {what}"))
}

/// A single value, or two with `..` between them. A first value without a unit has that of the second.
fn spread(text: &str, parse: impl Fn(&str) -> Result<u64, Bad>) -> Result<Spread, Bad> {
    let Some((first, second)) = text.split_once("..") else {
        return parse(text).map(Spread::fixed);
    };
    let max = parse(second)?;
    let bare = !first.trim().is_empty() && first.trim().chars().all(|c| c.is_ascii_digit() || c == '.');
    let min = if bare {
        let unit = second.trim().trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        parse(&format!("{}{unit}", first.trim()))?
    } else {
        parse(first)?
    };
    if min > max {
        let bad = Bad::new("a range that ends before it begins", "the smaller value comes first");
        if bare {
            return Err(bad);
        }
        return Err(bad.help(format!("write \"{}..{}\"", second.trim(), first.trim())));
    }
    Ok(Spread { min, max, step: 1 })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_and_sizes_mean_what_people_mean() {
        let seconds = |text: &str| duration(text).map(|d| d.as_secs_f64());
        assert_eq!(seconds("1m30s"), Ok(90.0));
        assert_eq!(seconds("2h"), Ok(7200.0));
        assert_eq!(seconds("1.5s"), Ok(1.5));
        assert_eq!(seconds("250ms"), Ok(0.25));
        assert_eq!(size("4 MiB"), Ok(4 << 20));
        assert_eq!(size("1 MB"), Ok(1_000_000));
        assert_eq!(size("10KiB"), Ok(10 << 10));
        assert_eq!(rates("10 MiB/s"), Ok(Some(Spread::fixed(10 << 20))));
        assert_eq!(byte_range("100..200 B"), Ok((100, 100)));
        assert_eq!(byte_range("1 KiB..2 KiB"), Ok((1024, 1024)));
    }

    #[test]
    fn durations_without_sense_are_refused() {
        for text in ["", "s", "1", "1s1m", "1s1s", "8761h", "1.0000001s", "1..2", "-1s", "1 s 2"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(micros in 0..=DURATION_MICROS_MAX, bytes: u64, shift in 0u32..64) {
            let time = Duration::from_micros(micros);
            prop_assert_eq!(duration(&write_duration(time)), Ok(time));
            let bytes = (bytes >> shift) << (shift / 2);
            prop_assert_eq!(size(&write_size(bytes)), Ok(bytes));
        }
    }
}
