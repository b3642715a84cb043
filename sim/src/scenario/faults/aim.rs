//! Reads which requests a fault at a door strikes: `only`, `keys`, `which`, `again` and `again_within`.

use toml::de::DeValue;

use super::super::diagnose::{Bad, Report};
use super::super::section::Section;
use super::super::select::Selector;
use super::super::{trigger, units};
use crate::schedule::{Again, Aim, BUCKET, RequestKind, Which};

/// Which requests can be struck.
pub(in crate::scenario) const CHOICES: &[&str] =
    &["all", "the first 2", "the 4th", "every 3rd", "with probability 0.01"];

const WHICH_HELP: &str =
    "write \"all\", \"the first 2\", \"the 4th\", \"every 3rd\" or \"with probability 0.01\"";
/// S3 takes no longer keys.
const KEY_BYTES_MAX: usize = 1024;

/// At whose door a fault is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Servers,
    Bucket,
}

/// At whose door the fault is that strikes `on`; reported, if it is at both.
pub(super) fn place(
    section: &Section<'_>,
    key: &str,
    on: &Selector,
    report: &mut Report<'_>,
) -> Option<Place> {
    let Selector::Hosts { named, any } = on else { return Some(Place::Servers) };
    let others = !any.is_empty() || named.iter().any(|name| name != BUCKET);
    match (named.iter().any(|name| name == BUCKET), others) {
        (false, _) => Some(Place::Servers),
        (true, false) => Some(Place::Bucket),
        (true, true) => {
            let bad = Bad::new("the bucket and others in one fault", "they are asked different things");
            let span = section.field(key).map_or(section.span.clone(), |field| field.span);
            report.bad(span, bad.help("write a second fault for the bucket"));
            None
        }
    }
}

/// All of it, at this door.
pub(super) fn aim(section: &Section<'_>, place: Place, report: &mut Report<'_>) -> Option<Aim> {
    let only = only(section, place, report);
    let keys = keys(section, place, report);
    let which = section.read("which", report, which);
    let chance = section.field("again").map(|_| chance(section, report));
    let within = section.field("again_within").map(|_| section.read("again_within", report, units::duration));
    if let (Some(field), None) = (section.field("again_within"), &chance) {
        let bad = Bad::new("`again_within` without `again`", "within this time of what?");
        report.bad(field.span, bad.help("add again = 0.25: the chance that the next one is struck, too"));
    }
    let again = match chance {
        Some(chance) => Some(Again {
            chance: chance?,
            within: match within {
                Some(within) => Some(within?),
                None => None,
            },
        }),
        None => None,
    };
    Some(Aim { only: only?, keys: keys?, which: which?, again })
}

/// The kind of request, if one is named. None if what is named is wrong (and reported).
fn only(section: &Section<'_>, place: Place, report: &mut Report<'_>) -> Option<Option<RequestKind>> {
    let Some(field) = section.field("only") else { return Some(None) };
    let word = section.choice("only", report)?;
    let (_, kind) = RequestKind::WORDS.into_iter().find(|(known, _)| *known == word)?;
    let fits = kind.is_of_s3() == (place == Place::Bucket);
    if fits {
        return Some(Some(kind));
    }
    let fitting = RequestKind::WORDS.iter().filter(|(_, other)| other.is_of_s3() != kind.is_of_s3());
    let list = fitting.map(|(word, _)| format!("`{word}`")).collect::<Vec<_>>().join(", ");
    let (who, other) = match place {
        Place::Servers => ("a storage server", "the bucket is"),
        Place::Bucket => ("the bucket", "storage servers are"),
    };
    let bad = Bad::new(format!("{who} is never asked for {word}"), other);
    report.bad(field.span, bad.help(format!("its requests are {list}")));
    None
}

fn keys(section: &Section<'_>, place: Place, report: &mut Report<'_>) -> Option<Option<String>> {
    let Some(field) = section.field("keys") else { return Some(None) };
    if place == Place::Servers {
        let bad = Bad::new("`keys` at a storage server", "only the bucket has keys");
        report.bad(field.span, bad.help(format!("strike \"{BUCKET}\" instead")));
        return None;
    }
    section.line("keys", report).and_then(|keys| {
        let bad = match keys.len() {
            length if length > KEY_BYTES_MAX => {
                Bad::new("a prefix that no key has", format!("keys have at most {KEY_BYTES_MAX} bytes"))
            }
            _ if keys.starts_with('/') => Bad::new("a prefix that no key has", "keys begin without a slash")
                .help("write \"s0/mutable/\""),
            _ => return Some(Some(keys)),
        };
        report.bad(field.span, bad);
        None
    })
}

/// A number from 0 to 1.
fn chance(section: &Section<'_>, report: &mut Report<'_>) -> Option<f64> {
    let field = section.field("again")?;
    let number = match field.value {
        DeValue::Float(number) => number.as_str().parse::<f64>().ok(),
        DeValue::Integer(number) => number.as_str().parse::<f64>().ok(),
        _ => {
            report.bad(field.span.clone(), field.wrong_type());
            return None;
        }
    };
    let chance = number.filter(|chance| (0.0..=1.0).contains(chance));
    if chance.is_none() {
        report.bad(field.span, Bad::new("`again` is not a chance", "must be from 0 to 1"));
    }
    chance
}

pub(super) fn which(text: &str) -> Result<Which, Bad> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let not_understood =
        || Bad::new("this choice is not understood", "not a form it can take").help(WHICH_HELP);
    let counted = |word: &str, digits: &str| {
        digits.parse::<u64>().ok().filter(|count| *count > 0).ok_or_else(|| {
            Bad::new(format!("`{word}` is not a number of requests"), "expected a number, at least 1")
                .at(word)
                .help(WHICH_HELP)
        })
    };
    let ordinal = |word: &str| {
        let digits = ["st", "nd", "rd", "th"].iter().find_map(|end| word.strip_suffix(end));
        counted(word, digits.ok_or_else(not_understood)?)
    };
    match words.as_slice() {
        ["all"] => Ok(Which::All),
        ["the", "first"] => Ok(Which::First(1)),
        ["the", "first", count] => counted(count, count).map(Which::First),
        ["the", nth] => ordinal(nth).map(Which::Nth),
        ["every", nth] => ordinal(nth).map(Which::Every),
        ["with", "probability", chance] => trigger::probability(chance).map(Which::Chance),
        _ => Err(not_understood()),
    }
}

/// Writes a choice so that it is read back.
pub(in crate::scenario) fn write_which(which: Which) -> String {
    match which {
        Which::All => "all".to_owned(),
        Which::First(count) => format!("the first {count}"),
        Which::Nth(count) => format!("the {}", write_ordinal(count)),
        Which::Every(count) => format!("every {}", write_ordinal(count)),
        Which::Chance(chance) => format!("with probability {chance}"),
    }
}

fn write_ordinal(number: u64) -> String {
    let end = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{end}")
}
