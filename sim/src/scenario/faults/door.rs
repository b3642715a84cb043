//! Reads faults at the door of a server or of the bucket: spoilt answers, what hangs or comes too fast; lost shares and
//! jumping clocks. Which requests they strike is read elsewhere.

use std::time::Duration;

use super::super::diagnose::{Bad, Report, suggest};
use super::super::section::Section;
use super::super::select::Selector;
use super::super::units::{self, Spread};
use super::KindPlan;
use super::aim::{self, Place};
use crate::schedule::{Aim, BUCKET, RequestKind, S3Code, Spoil, Throttle};

/// The longest time after which to come again that an answer names.
const RETRY_AFTER_MAX: Duration = Duration::from_hours(1);
/// The highest rate of a bucket, in requests per second.
const RATE_MAX: u64 = 1_000_000;

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
pub(in crate::scenario) const SPOILT: &[&str] = &[
    "500",
    "503 SlowDown",
    "200 InternalError",
    "stops in mid-body",
    "drips",
    "truncated",
    "too long",
    "followed by garbage",
    "wrong length",
    "reset",
    "wrong etag",
    "stale",
    "lost",
];
const DRIPS: &str = "drips";
const SPOIL_HELP: &str = "write a status (\"500\") or \"stops in mid-body\", \"drips\", \"truncated\", \"too long\", \
     \"followed by garbage\", \"wrong length\" or \"reset\"; at the bucket also \"500 InternalError\", \"wrong etag\", \
     \"stale\" or \"lost\"";

/// `hang`, with `only`, `keys` and what goes with them.
pub(super) fn hang(section: &Section<'_>, on: Option<Selector>, report: &mut Report<'_>) -> Option<KindPlan> {
    if section.present(&["only", "keys"]).is_empty() {
        let whole = ["which", "again", "again_within"];
        for (name, field) in whole.into_iter().filter_map(|name| Some((name, section.field(name)?))) {
            let title = format!("`{name}` without `only`");
            let bad = Bad::new(title, "a program hangs as a whole, or for some requests");
            report.bad(field.span, bad.help("add only = \"reads\", or at the bucket \"gets\""));
        }
        return Some(KindPlan::Hang(on?));
    }
    let place = aim::place(section, "hang", on.as_ref()?, report)?;
    Some(KindPlan::HangOnly(on?, aim::aim(section, place, report)?))
}

/// `answer`, with `with`, `rate`, `applied`, `retry_after` and which answers.
pub(super) fn answer(
    section: &Section<'_>,
    on: Option<Selector>,
    report: &mut Report<'_>,
) -> Option<KindPlan> {
    let place = match &on {
        Some(on) => aim::place(section, "answer", on, report),
        None => None,
    };
    let with = section.read("with", report, |text| spoil(text, place));
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
    let retry_after = retry_after(section, report);
    let how = match with? {
        SpoilPlan::Drips(_) => {
            misplaced(section, None, report);
            SpoilPlan::Drips(rate??)
        }
        SpoilPlan::Fixed(how) => {
            misplaced(section, Some(how), report);
            SpoilPlan::Fixed(match how {
                Spoil::Status { status, .. } => Spoil::Status { status, applied },
                Spoil::S3 { status, code, .. } => {
                    Spoil::S3 { status, code, applied, retry_after: retry_after? }
                }
                Spoil::Reset { .. } => Spoil::Reset { applied },
                other => other,
            })
        }
    };
    let aim = aim::aim(section, place?, report)?;
    senseless(section, how, &aim, report);
    Some(KindPlan::Answer { on: on?, how, aim })
}

/// `throttle`, with its rates and `retry_after`.
pub(super) fn throttle(
    section: &Section<'_>,
    on: Option<Selector>,
    report: &mut Report<'_>,
) -> Option<KindPlan> {
    let mut rate = |name| section.integer(name, 1..=RATE_MAX, report);
    let (puts, gets) = (rate("puts_per_second"), rate("gets_per_second"));
    let retry_after = retry_after(section, report);
    let on = on?;
    if aim::place(section, "throttle", &on, report)? == Place::Servers {
        let bad = Bad::new("a storage server is not throttled", "only the bucket has a rate");
        let span = section.field("throttle").map_or(section.span.clone(), |field| field.span);
        report.bad(span, bad.help("write throttle = \"bucket\""));
        return None;
    }
    let throttle = Throttle { puts_per_second: puts?, gets_per_second: gets?, retry_after: retry_after? };
    Some(KindPlan::Throttle(on, throttle))
}

/// When to come again, if anything is said. None if that is wrong (and reported).
fn retry_after(section: &Section<'_>, report: &mut Report<'_>) -> Option<Option<Duration>> {
    if section.field("retry_after").is_none() {
        return Some(None);
    }
    let whole = section.read("retry_after", report, |text| {
        let after = units::duration(text)?;
        match after.subsec_nanos() == 0 && after <= RETRY_AFTER_MAX {
            true => Ok(after),
            false => Err(Bad::new("this cannot be said in an answer", "whole seconds, at most 1h")),
        }
    });
    whole.map(Some)
}

/// `lose`, with `which`.
pub(super) fn lose(section: &Section<'_>, on: Option<Selector>, report: &mut Report<'_>) -> Option<KindPlan> {
    Some(KindPlan::Lose(on?, section.read("which", report, aim::which)?))
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

/// Reports keys that only some spoilt answers have; `how` is none for drips.
fn misplaced(section: &Section<'_>, how: Option<Spoil>, report: &mut Report<'_>) {
    let undone = how.and_then(Spoil::applied).is_some();
    if let Some(field) = section.field("applied").filter(|_| !undone) {
        let (title, label) = match how {
            Some(Spoil::Lost) => ("`applied` of what is lost", "it is acknowledged and not done"),
            _ => ("`applied` without a status", "a request that is answered is carried out"),
        };
        let help = "only with = \"500\" and the like, or \"reset\", can leave it undone";
        report.bad(field.span, Bad::new(title, label).help(help));
    }
    let of_s3 = matches!(how, Some(Spoil::S3 { .. }));
    if let Some(field) = section.field("retry_after").filter(|_| !of_s3) {
        let bad = Bad::new("`retry_after` without an error of S3", "only such an answer says it");
        report.bad(field.span, bad.help("for answer = \"bucket\" with = \"503 SlowDown\" and the like"));
    }
}

/// Reports what no request of the kind that is named can suffer.
fn senseless(section: &Section<'_>, how: SpoilPlan, aim: &Aim, report: &mut Report<'_>) {
    let Some((kind, field)) = aim.only.zip(section.field("only")) else { return };
    let how = match how {
        SpoilPlan::Fixed(how) => how,
        SpoilPlan::Drips(_) => Spoil::Drips { rate: 1 },
    };
    if !how.concerns(Some(kind)) {
        let title = format!("no answer to {} is \"{}\"", kind.word(), how.words());
        let able =
            RequestKind::WORDS.iter().filter(|(_, other)| other.is_of_s3() && how.concerns(Some(*other)));
        let able = able.map(|(word, _)| format!("`{word}`")).collect::<Vec<_>>().join(", ");
        report.bad(
            field.span,
            Bad::new(title, "this fault would touch nothing").help(format!("only for {able}")),
        );
    } else if how.applied() == Some(true) && kind.is_of_s3() && !kind.changes_objects() {
        let field = section.field("applied").unwrap_or(field);
        let bad = Bad::new(format!("`applied` means nothing for {}", kind.word()), "they change nothing");
        report.bad(field.span, bad);
    }
}

fn spoil(text: &str, place: Option<Place>) -> Result<SpoilPlan, Bad> {
    if text == DRIPS {
        return Ok(SpoilPlan::Drips(Spread::fixed(1)));
    }
    if let Some((_, spoil)) = Spoil::WORDS.iter().find(|(word, _)| *word == text) {
        return match place {
            Some(Place::Servers) if spoil.is_of_s3() => Err(of_s3_only(&format!("`{text}`"))),
            _ => Ok(SpoilPlan::Fixed(*spoil)),
        };
    }
    let (number, code) =
        text.split_once(' ').map_or((text, None), |(number, code)| (number, Some(code.trim())));
    if !number.is_empty() && number.chars().all(|c| c.is_ascii_digit()) {
        return error(number, code, place).map(SpoilPlan::Fixed);
    }
    if let Some(code) = S3Code::find(text) {
        let help = format!("write \"{} {text}\"", code.status());
        return Err(Bad::new("an error without its status", "which status?").help(help));
    }
    let words = Spoil::WORDS.iter().map(|(word, _)| *word).chain([DRIPS]);
    let near = suggest(text, "words", words);
    let help = if near.starts_with("did you mean") { near } else { SPOIL_HELP.to_owned() };
    Err(Bad::new("this answer is not understood", "not a form it can take").help(help))
}

/// `500`, or `500 InternalError`.
fn error(number: &str, code: Option<&str>, place: Option<Place>) -> Result<Spoil, Bad> {
    let status = number.parse::<u16>().ok();
    let fails = status.filter(|status| (400..600).contains(status));
    // An error document may come under a status of success.
    let status = fails.or(status.filter(|status| *status == 200 && code.is_some()));
    let Some(status) = status else {
        let bad = Bad::new(format!("`{number}` is not the status of an error"), "must be from 400 to 599");
        let help = "an error document under a status of success is \"200 InternalError\"";
        return Err(if number == "200" && place == Some(Place::Bucket) { bad.help(help) } else { bad });
    };
    let of_s3 = |code| Spoil::S3 { status, code, applied: false, retry_after: None };
    match code {
        Some(_) if place == Some(Place::Servers) => {
            Err(of_s3_only("an error of S3").help(format!("write \"{status}\", or strike \"{BUCKET}\"")))
        }
        Some(name) => match S3Code::find(name) {
            Some(code) => Ok(of_s3(Some(code))),
            None => {
                let bad = Bad::new(format!("`{name}` is no error code of S3"), "not one that is known");
                Err(bad.at(name).help(suggest(name, "codes", S3Code::names())))
            }
        },
        None if place == Some(Place::Bucket) => Ok(of_s3(S3Code::usual(status))),
        None => Ok(Spoil::Status { status, applied: false }),
    }
}

fn of_s3_only(what: &str) -> Bad {
    let bad = Bad::new(format!("{what} at a storage server"), "only the bucket answers so");
    bad.help(format!("strike \"{BUCKET}\" instead"))
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
