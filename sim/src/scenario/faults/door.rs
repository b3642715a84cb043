//! Reads faults at the door of a server: spoilt answers, lost shares, jumping clocks, and which requests they strike.

use super::super::diagnose::{Bad, Report, suggest};
use super::super::section::Section;
use super::super::select::Selector;
use super::super::units::{self, Spread};
use super::KindPlan;
use crate::schedule::{RequestKind, Spoil, Which};

/// What is wrong with answers, before the seed has chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::scenario) enum SpoilPlan {
    Fixed(Spoil),
    Drips(Spread),
}

/// A jump of a clock, before the seed has chosen: ahead or not, and how far in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::scenario) struct JumpPlan {
    pub(in crate::scenario) ahead: bool,
    pub(in crate::scenario) by: Spread,
}

/// What can be wrong with an answer.
pub(in crate::scenario) const SPOILT: &[&str] =
    &["500", "stops in mid-body", "drips", "truncated", "too long", "followed by garbage", "wrong length"];
/// Which requests can be struck.
pub(in crate::scenario) const CHOICES: &[&str] =
    &["all", "the first 2", "the 4th", "every 3rd", "with probability 0.01"];

const DRIPS: &str = "drips";
const SPOIL_HELP: &str = "write a status (\"500\") or \"stops in mid-body\", \"drips\", \"truncated\", \"too long\", \
     \"followed by garbage\" or \"wrong length\"";
const WHICH_HELP: &str =
    "write \"all\", \"the first 2\", \"the 4th\", \"every 3rd\" or \"with probability 0.01\"";

/// `hang`, with `only` and `which`.
pub(super) fn hang(section: &Section<'_>, on: Option<Selector>, report: &mut Report<'_>) -> Option<KindPlan> {
    let only = only(section, report);
    let which = section.read("which", report, which);
    if let Some(field) = section.field("which").filter(|_| section.field("only").is_none()) {
        let bad = Bad::new("`which` without `only`", "a program hangs as a whole, or for some requests");
        report.bad(field.span, bad.help("add only = \"reads\""));
    }
    Some(match only {
        Some(kind) => KindPlan::HangOnly(on?, kind, which?),
        None => KindPlan::Hang(on?),
    })
}

/// `answer`, with `with`, `rate`, `applied`, `only` and `which`.
pub(super) fn answer(
    section: &Section<'_>,
    on: Option<Selector>,
    report: &mut Report<'_>,
) -> Option<KindPlan> {
    let with = section.read("with", report, spoil);
    if section.field("with").is_none() {
        let bad = Bad::new("`answer` needs `with`", "what is wrong with the answers?");
        report.bad(section.key_span("answer"), bad.help(SPOIL_HELP));
    }
    let rate = section.field("rate").and_then(|_| section.read("rate", report, units::rates));
    let drips = with == Some(SpoilPlan::Drips(Spread::fixed(1)));
    match (section.field("rate"), with) {
        (Some(field), Some(_)) if !drips => {
            report.bad(field.span, Bad::new("`rate` without drips", "only for with = \"drips\""));
        }
        (None, Some(_)) if drips => {
            let bad = Bad::new("drips without a `rate`", "how fast does the body trickle?");
            let span = section.field("with").map_or(section.span.clone(), |field| field.span);
            report.bad(span, bad.help("add rate = \"10 B/s\""));
        }
        (Some(field), _) if rate == Some(None) => {
            report.bad(field.span, Bad::new("drips without a limit", "unlimited is no trickle"));
        }
        _ => {}
    }
    let applied = section.flag("applied", report);
    let how = match with? {
        SpoilPlan::Drips(_) => SpoilPlan::Drips(rate??),
        SpoilPlan::Fixed(Spoil::Status { status, .. }) => SpoilPlan::Fixed(Spoil::Status { status, applied }),
        fixed => {
            misplaced_applied(section, report);
            fixed
        }
    };
    if drips {
        misplaced_applied(section, report);
    }
    let which = section.read("which", report, which);
    Some(KindPlan::Answer { on: on?, how, only: only(section, report), which: which? })
}

/// `lose`, with `which`.
pub(super) fn lose(section: &Section<'_>, on: Option<Selector>, report: &mut Report<'_>) -> Option<KindPlan> {
    Some(KindPlan::Lose(on?, section.read("which", report, which)?))
}

/// `clock`, with `jump`.
pub(super) fn clock(
    section: &Section<'_>,
    on: Option<Selector>,
    report: &mut Report<'_>,
) -> Option<KindPlan> {
    if section.field("jump").is_none() {
        let bad = Bad::new("`clock` needs `jump`", "how far does it jump?");
        report.bad(section.key_span("clock"), bad.help("add jump = \"+3d\" or jump = \"-1h\""));
    }
    Some(KindPlan::Clock(on?, section.read("jump", report, jump)?))
}

fn misplaced_applied(section: &Section<'_>, report: &mut Report<'_>) {
    if let Some(field) = section.field("applied") {
        let bad = Bad::new("`applied` without a status", "a request that is answered is carried out");
        report.bad(field.span, bad.help("only with = \"500\" and the like can leave it undone"));
    }
}

fn only(section: &Section<'_>, report: &mut Report<'_>) -> Option<RequestKind> {
    let word = section.field("only").and_then(|_| section.choice("only", report));
    RequestKind::WORDS.iter().find(|(known, _)| Some(*known) == word).map(|(_, kind)| *kind)
}

fn spoil(text: &str) -> Result<SpoilPlan, Bad> {
    if text == DRIPS {
        return Ok(SpoilPlan::Drips(Spread::fixed(1)));
    }
    if let Some((_, spoil)) = Spoil::WORDS.iter().find(|(word, _)| *word == text) {
        return Ok(SpoilPlan::Fixed(*spoil));
    }
    if !text.is_empty() && text.chars().all(|c| c.is_ascii_digit()) {
        let status = text.parse::<u16>().ok().filter(|status| (400..600).contains(status));
        return match status {
            Some(status) => Ok(SpoilPlan::Fixed(Spoil::Status { status, applied: false })),
            None => {
                Err(Bad::new(format!("`{text}` is not the status of an error"), "must be from 400 to 599"))
            }
        };
    }
    let words = Spoil::WORDS.iter().map(|(word, _)| *word).chain([DRIPS]);
    let near = suggest(text, "words", words);
    let help = if near.starts_with("did you mean") { near } else { SPOIL_HELP.to_owned() };
    Err(Bad::new("this answer is not understood", "not a form it can take").help(help))
}

fn which(text: &str) -> Result<Which, Bad> {
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
        ["with", "probability", chance] => super::super::trigger::probability(chance).map(Which::Chance),
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

fn jump(text: &str) -> Result<JumpPlan, Bad> {
    let (ahead, rest) = match (text.strip_prefix('+'), text.strip_prefix('-')) {
        (Some(rest), _) => (true, rest),
        (None, Some(rest)) => (false, rest),
        (None, None) => {
            let bad = Bad::new("a jump without a direction", "ahead or back?");
            return Err(bad.help("begin with + or -, as in \"+3d\" or \"-1h\""));
        }
    };
    let mut by = units::durations(rest)?;
    if by.min.is_multiple_of(1_000_000) && by.max.is_multiple_of(1_000_000) {
        by.step = 1_000_000;
    }
    if by.min < 1_000_000 {
        return Err(Bad::new("a jump that nobody sees", "servers know whole seconds: at least 1s"));
    }
    Ok(JumpPlan { ahead, by })
}
