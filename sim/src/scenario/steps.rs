//! Reads `[[steps]]`: what is done, how it must end, and what else must hold.

use std::time::Duration;

use super::diagnose::{Bad, Report};
use super::mutable;
use super::section::Section;
use super::select::{Names, Scope, Selector, Shares};
use super::units::{self, Spread};
use super::upkeep;
use crate::schedule::{Bound, Check, ErrorKind, MutableAct, Outcome, Upkeep};

#[derive(Debug, Clone, PartialEq)]
pub(super) struct StepPlan {
    pub(super) action: ActionPlan,
    pub(super) together: bool,
    pub(super) by: String,
    pub(super) outcome: Outcome,
    pub(super) happy: Option<usize>,
    pub(super) within: Option<Duration>,
    pub(super) checks: Vec<CheckPlan>,
}

/// An action before the seed has chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ActionPlan {
    Upload {
        file: String,
    },
    Download {
        file: String,
        range: Option<(u64, u64)>,
    },
    /// Microseconds.
    Wait(Spread),
    Delete {
        file: String,
        shares: Option<Vec<u8>>,
        on: Selector,
    },
    Copy {
        shares: Shares,
        from: Option<Selector>,
        to: Selector,
    },
    Arrange {
        file: String,
        layout: Vec<(String, Vec<u8>)>,
    },
    Mutable {
        file: String,
        act: MutableAct,
        times: u32,
    },
    Upkeep(Upkeep),
    Forget,
}

/// A check before the seed has chosen.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum CheckPlan {
    NotFrom(Selector),
    NotAsked(Selector),
    /// Nothing to choose.
    Fixed(Check),
}

const ACTIONS: &[&str] = &[
    "upload", "download", "create", "write", "append", "read", "link", "list", "check", "repair", "backup",
    "restore", "wait", "delete", "copy", "arrange", "forget",
];

/// The actions that a client does on the grid.
const BY_CLIENTS: &[&str] = &[
    "upload", "download", "create", "write", "append", "read", "link", "list", "check", "repair", "backup",
    "restore",
];
/// Those that write shares.
const WRITES: &[&str] = &["upload", "create", "write", "append", "link"];
/// Those that read them.
const READS: &[&str] = &["download", "read", "list"];
/// Those after which it makes sense to count what is stored.
const STORED: &[&str] = &[
    "upload", "download", "create", "write", "append", "read", "link", "list", "check", "repair", "delete",
    "copy", "arrange",
];

/// Keys that mean something for some actions only, and for which.
const ONLY_FOR: &[(&str, &[&str])] = &[
    ("by", BY_CLIENTS),
    ("together", BY_CLIENTS),
    ("times", &["write", "append", "read", "link", "list"]),
    ("verify", &["check"]),
    ("force", &["repair"]),
    ("in", &["backup", "restore"]),
    ("changed", &["backup"]),
    ("partial", &["backup"]),
    ("uploaded", &["backup"]),
    ("skipped", &["backup"]),
    ("healthy", &["check", "repair"]),
    ("size", &["write"]),
    ("read_back", &["append"]),
    ("whole", &["append"]),
    ("based_on", &["write"]),
    ("degraded", &["create", "write", "append", "link"]),
    ("version", &mutable::ACTIONS),
    ("versions", STORED),
    ("recoverable", STORED),
    ("collisions", &["write", "append", "link"]),
    ("restarts", &["read"]),
    ("on", &["delete"]),
    ("share", &["delete"]),
    ("from", &["copy"]),
    ("to", &["copy"]),
    ("shares", &["arrange"]),
    ("range", &["download"]),
    ("within", BY_CLIENTS),
    ("expect", BY_CLIENTS),
    ("happy", WRITES),
    ("says", BY_CLIENTS),
    ("asked", BY_CLIENTS),
    ("not_asked", BY_CLIENTS),
    ("health", STORED),
    ("per_server", WRITES),
    ("placed", WRITES),
    ("happiness", WRITES),
    ("not_from", READS),
    ("fetched_at_most", &["download"]),
    ("requests", BY_CLIENTS),
    ("spare_requests", BY_CLIENTS),
    ("connections", BY_CLIENTS),
    ("margin", &["upload", "download"]),
    ("ideal_at_most", &["upload", "download"]),
    ("nothing_allocated", &["upload", "download", "wait"]),
    ("corruption_reports", &["download", "create", "write", "append", "read"]),
    ("stall_at_most", &["download"]),
];

/// The actions that a key means something for; none if for all.
pub(super) fn only_for(key: &str) -> Vec<&'static str> {
    let entry = ONLY_FOR.iter().find(|(known, _)| *known == key);
    entry.map_or(Vec::new(), |(_, kinds)| kinds.to_vec())
}

/// Reads one step; none if it is wrong (and reported).
pub(super) fn step(
    section: &Section<'_>,
    names: &Names,
    deadline: Duration,
    report: &mut Report<'_>,
) -> Option<StepPlan> {
    let kind = one_kind(section, ACTIONS, ("action", "actions"), report);
    for (key, kinds) in ONLY_FOR {
        let Some(field) = section.field(key).filter(|_| kind.is_some_and(|kind| !kinds.contains(&kind)))
        else {
            continue;
        };
        let title = format!("`{key}` means nothing for `{}`", kind.unwrap_or_default());
        report.bad(field.span, Bad::new(title, format!("only for {}", kinds.join(" and "))));
    }
    let action = kind.and_then(|kind| action(kind, section, names, report));
    let by = section.read("by", report, |text| names.client(text));
    let by = match kind {
        Some("forget") => section.read("forget", report, |text| names.client(text)).unwrap_or_default(),
        _ => by.or_else(|| names.clients.first().cloned()).unwrap_or_default(),
    };
    let within = section.read("within", report, |text| {
        let within = units::duration(text)?;
        if within.is_zero() || within > deadline {
            let label =
                format!("must be above 0 and at most the deadline of {}", units::write_duration(deadline));
            return Err(Bad::new("a limit that makes no sense", label));
        }
        Ok(within)
    });
    let together = section.flag("together", report);
    let outcome = outcome(section, kind, report);
    let happy = section.field("happy").and_then(|_| section.integer("happy", 1..=names.shares, report));
    let happy = happy.and_then(|happy| usize::try_from(happy).ok());
    let mut checks = checks(section, names, report);
    mutable::checks(kind, action.as_ref(), section, names, report, &mut checks);
    upkeep::checks(kind, section, report, &mut checks);
    Some(StepPlan { action: action?, together, by, outcome, happy, within, checks })
}

/// The one key out of `kinds` that is there; none or several are reported.
pub(super) fn one_kind(
    section: &Section<'_>,
    kinds: &'static [&'static str],
    (what, plural): (&str, &str),
    report: &mut Report<'_>,
) -> Option<&'static str> {
    match section.present(kinds).as_slice() {
        [only] => Some(only),
        [] if section.is_misspelt(kinds) => None,
        [] => {
            let bad = Bad::new(format!("there is no {what} here"), format!("needs exactly one {what}"));
            report.bad(section.span.clone(), bad.help(format!("one of {}", kinds.join(", "))));
            None
        }
        [first, second, ..] => {
            let bad = Bad::new(format!("two {plural} in one table"), format!("`{first}` is there already"));
            report.bad(section.key_span(second), bad.help("write a table for each"));
            None
        }
    }
}

fn action(kind: &str, section: &Section<'_>, names: &Names, report: &mut Report<'_>) -> Option<ActionPlan> {
    let file = |key: &str, report: &mut Report<'_>| section.read(key, report, |text| names.file(text));
    let immutable = |key: &str, report: &mut Report<'_>| {
        section.read(key, report, |text| {
            let found = names.file(text)?;
            mutable::immutable(key, text, names).map(|()| found)
        })
    };
    Some(match kind {
        kind if mutable::ACTIONS.contains(&kind) => return mutable::action(kind, section, names, report),
        kind if upkeep::ACTIONS.contains(&kind) => return upkeep::action(kind, section, names, report),
        "upload" => ActionPlan::Upload { file: immutable("upload", report)?.0 },
        "download" => {
            let file = immutable("download", report);
            let size = file.as_ref().map(|(_, size)| size.min);
            let range = section.read("range", report, |text| {
                let (offset, length) = units::byte_range(text)?;
                match size {
                    Some(size) if offset.saturating_add(length) > size => {
                        let label = format!("the file has only {}", units::write_size(size));
                        Err(Bad::new("a range past the end of the file", label))
                    }
                    _ => Ok((offset, length)),
                }
            });
            ActionPlan::Download { file: file?.0, range }
        }
        "wait" => ActionPlan::Wait(section.read("wait", report, |text| {
            let wait = units::durations(text)?;
            if wait.max == 0 {
                Err(Bad::new("a wait that makes no sense", "takes no time"))
            } else {
                Ok(wait)
            }
        })?),
        "delete" => {
            let file = file("delete", report);
            let on = names.selector(section, "on", Scope::Servers, report);
            let shares = names.numbers(section, "share", report);
            ActionPlan::Delete { file: file?.0, shares, on: on? }
        }
        "copy" => {
            let shares = section.read("copy", report, |text| names.shares(text));
            let from = names.selector(section, "from", Scope::Servers, report);
            let to = names.selector(section, "to", Scope::Servers, report);
            if section.field("to").is_none() {
                let bad = Bad::new("`copy` needs `to`", "to whom?");
                report.bad(
                    section.key_span("copy"),
                    bad.help("add to = \"s3\": the servers that get the copy"),
                );
            }
            ActionPlan::Copy { shares: shares?, from, to: to? }
        }
        "arrange" => {
            let file = section.read("arrange", report, |text| names.shared_file(text));
            let layout = names.layout(section, "shares", report);
            if section.field("shares").is_none() {
                let bad = Bad::new("`arrange` needs `shares`", "who has which?");
                report.bad(
                    section.key_span("arrange"),
                    bad.help("add shares = { s0 = \"1..9\", s1 = \"0\" }: nobody else has any then"),
                );
            }
            ActionPlan::Arrange { file: file?.0, layout: layout? }
        }
        _ => ActionPlan::Forget,
    })
}

fn outcome(section: &Section<'_>, kind: Option<&str>, report: &mut Report<'_>) -> Outcome {
    let word = section.choice("expect", report).unwrap_or("success");
    if let Some(field) = section.field("says").filter(|_| word == "success") {
        let bad = Bad::new("a success says nothing", "only an error has a text");
        report.bad(field.span, bad.help("say how it must end: expect = \"unhappy\""));
    }
    let outcome = match word {
        "either" => Outcome::Either,
        "no shares" => Outcome::Error(ErrorKind::NoShares),
        "not enough shares" => Outcome::Error(ErrorKind::NotEnoughShares),
        "unreachable" => Outcome::Error(ErrorKind::Unreachable),
        "unhappy" => Outcome::Error(ErrorKind::Unhappy),
        "uncoordinated" => Outcome::Error(ErrorKind::Uncoordinated),
        "not enough servers" => Outcome::Error(ErrorKind::NotEnoughServers),
        "changing" => Outcome::Error(ErrorKind::Changing),
        "refused" => Outcome::Error(ErrorKind::Refused),
        "cancelled" => Outcome::Cancelled,
        _ => Outcome::Success,
    };
    let wrong = match (kind, &outcome) {
        (Some(kind), Outcome::Error(error)) => !ends(kind, *error),
        _ => false,
    };
    if let Some(field) = section.field("expect").filter(|_| wrong) {
        let bad =
            Bad::new(format!("`{}` never ends like this", kind.unwrap_or_default()), "of another action");
        report
            .bad(field.span, bad.help("uploads end unhappy; downloads with no shares or not enough shares"));
    }
    outcome
}

/// Whether an action of this kind can end with such an error.
fn ends(kind: &str, error: ErrorKind) -> bool {
    match error {
        ErrorKind::NoShares | ErrorKind::NotEnoughShares => kind != "upload" && kind != "create",
        ErrorKind::Unreachable => true,
        ErrorKind::Unhappy => kind == "upload",
        ErrorKind::Refused => kind == "repair",
        ErrorKind::Uncoordinated | ErrorKind::NotEnoughServers => {
            (WRITES.contains(&kind) && kind != "upload") || kind == "repair"
        }
        ErrorKind::Changing => READS.contains(&kind) && kind != "download",
    }
}

fn checks(section: &Section<'_>, names: &Names, report: &mut Report<'_>) -> Vec<CheckPlan> {
    let mut checks = Vec::new();
    let bound =
        |key: &str, make: fn(Bound) -> Check, report: &mut Report<'_>| bound(section, key, make, report);
    checks.extend(bound("placed", Check::SharesPlaced, report));
    checks.extend(bound("happiness", Check::Happiness, report));
    checks.extend(bound("per_server", Check::PerServer, report));
    checks.extend(bound("health", Check::Health, report));
    checks.extend(bound("asked", Check::Asked, report));
    let says = section.field("says").and_then(|_| section.line("says", report));
    checks.extend(says.map(|says| CheckPlan::Fixed(Check::Says(says))));
    checks.extend(bound("requests", Check::Requests, report));
    checks.extend(bound("spare_requests", Check::SpareRequests, report));
    checks.extend(bound("connections", Check::Connections, report));
    checks.extend(bound("margin", Check::Margin, report));
    checks.extend(bound("corruption_reports", Check::CorruptionReports, report));
    checks.extend(names.selector(section, "not_from", Scope::Servers, report).map(CheckPlan::NotFrom));
    checks.extend(names.selector(section, "not_asked", Scope::Servers, report).map(CheckPlan::NotAsked));
    let percent = section.read("fetched_at_most", report, |text| suffixed(text, "%", "percentage", "120%"));
    checks.extend(percent.map(|percent| CheckPlan::Fixed(Check::FetchedPercentMax(percent))));
    if section.flag("nothing_allocated", report) {
        checks.push(CheckPlan::Fixed(Check::NothingAllocated));
    }
    let multiple = |key: &str, make: fn(u32) -> Check, report: &mut Report<'_>| {
        let multiple = section.read(key, report, |text| suffixed(text, "x", "multiple", "4x"));
        let multiple = multiple.map(|multiple| u32::try_from(multiple).unwrap_or(u32::MAX));
        multiple.map(|multiple| CheckPlan::Fixed(make(multiple)))
    };
    checks.extend(multiple("stall_at_most", Check::StallMultipleMax, report));
    checks.extend(multiple("ideal_at_most", Check::IdealMultipleMax, report));
    checks
}

/// The check on a bound, if there is one.
pub(super) fn bound(
    section: &Section<'_>,
    key: &str,
    make: fn(Bound) -> Check,
    report: &mut Report<'_>,
) -> Option<CheckPlan> {
    let found = section.field(key).and_then(|_| read_bound(section, key, report));
    found.map(|bound| CheckPlan::Fixed(make(bound)))
}

/// A number, or text such as `>= 9`, `<= 3` or `3..5`.
fn read_bound(section: &Section<'_>, key: &str, report: &mut Report<'_>) -> Option<Bound> {
    if section.field(key).is_some_and(|field| field.value.is_integer()) {
        let number = section.integer(key, 0..=u64::MAX, report)?;
        return Some(Bound { min: number, max: number });
    }
    section.read(key, report, |text| {
        let number = |text: &str| text.trim().parse::<u64>().ok();
        let bound = if let Some(least) = text.strip_prefix(">=") {
            number(least).map(|min| Bound { min, max: u64::MAX })
        } else if let Some(most) = text.strip_prefix("<=") {
            number(most).map(|max| Bound { min: 0, max })
        } else if let Some((low, high)) = text.split_once("..") {
            number(low).zip(number(high)).map(|(min, max)| Bound { min, max })
        } else {
            number(text).map(|exact| Bound { min: exact, max: exact })
        };
        bound.filter(|bound| bound.min <= bound.max).ok_or_else(|| {
            Bad::new(format!("`{key}` is not a bound"), "expected a number or a bound")
                .help("write 9, \">= 9\", \"<= 9\" or \"3..5\" (both included)")
        })
    })
}

fn suffixed(text: &str, suffix: &str, what: &str, example: &str) -> Result<u64, Bad> {
    let number = text.strip_suffix(suffix).and_then(|number| number.trim().parse::<u64>().ok());
    number.ok_or_else(|| {
        Bad::new(format!("not a {what}"), format!("expected a {what} in whole numbers such as \"{example}\""))
    })
}
