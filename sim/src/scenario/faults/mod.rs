//! Reads `[[faults]]`: what goes wrong, on whom, from when until when.

mod aim;
mod check;
mod door;
mod shares;

use toml::de::DeValue;

use super::diagnose::{Bad, Report};
use super::grid::{LinkPlan, link_over};
use super::section::Section;
use super::select::{Names, Scope, Selector, Shares};
use super::steps::one_kind;
use super::trigger::{self, When};
use super::units::{self, Spread};
use crate::schedule::{Aim, Direction, Disconnect, ShareField, Substitute, Throttle, Which};

pub(super) use aim::{CHOICES, write_which};
pub(super) use door::{JumpPlan, SPOILT, SpoilPlan};
pub(super) use shares::SUBSTITUTES;

#[derive(Debug, Clone, PartialEq)]
pub(super) struct FaultPlan {
    pub(super) name: String,
    /// The key that stands for the kind; draws are keyed by it.
    pub(super) key: &'static str,
    pub(super) kind: KindPlan,
    pub(super) when: When,
    pub(super) until: Option<When>,
    /// From one beginning to the next, in microseconds.
    pub(super) every: Option<Spread>,
    pub(super) may_stay_inert: bool,
}

/// A kind of fault and its target before the seed has chosen.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum KindPlan {
    Hang(Selector),
    HangOnly(Selector, Aim),
    Answer {
        on: Selector,
        how: SpoilPlan,
        aim: Aim,
    },
    Throttle(Selector, Throttle),
    Lose(Selector, Which),
    Full(Selector),
    QueueFull(Selector),
    Clock(Selector, JumpPlan),
    Partition(Selector, Direction),
    Groups(Vec<Vec<String>>),
    Disconnect(Selector, Disconnect),
    Crash(Selector),
    PowerLoss(Selector),
    Slow(Selector, LinkPlan),
    Corrupt {
        shares: Shares,
        on: Option<Selector>,
        field: ShareField,
    },
    /// A step by its index.
    Cancel(usize),
    /// A step by its index.
    Pause(usize),
    Replace {
        shares: Shares,
        on: Option<Selector>,
        by: Substitute,
    },
    /// To the beginning of this step, from 1.
    Restore(Selector, u64),
}

impl KindPlan {
    /// The hosts it is about; none for damage to shares, wherever they are, and for groups.
    fn selector(&self) -> Option<&Selector> {
        match self {
            Self::Hang(on)
            | Self::HangOnly(on, ..)
            | Self::Answer { on, .. }
            | Self::Throttle(on, _)
            | Self::Lose(on, _)
            | Self::Full(on)
            | Self::QueueFull(on)
            | Self::Clock(on, _)
            | Self::Partition(on, _)
            | Self::Disconnect(on, _)
            | Self::Crash(on)
            | Self::PowerLoss(on)
            | Self::Slow(on, _)
            | Self::Restore(on, _) => Some(on),
            Self::Corrupt { .. }
            | Self::Replace { .. }
            | Self::Groups(_)
            | Self::Cancel(_)
            | Self::Pause(_) => None,
        }
    }
}

const KINDS: &[&str] = &[
    "hang",
    "answer",
    "throttle",
    "lose",
    "full",
    "queue_full",
    "clock",
    "partition",
    "disconnect",
    "crash",
    "power_loss",
    "slow",
    "corrupt",
    "replace",
    "restore",
    "cancel",
    "pause",
];

/// Keys that mean something for some kinds only.
const ONLY_FOR: &[(&str, &[&str])] = &[
    ("on", &["corrupt", "replace"]),
    ("field", &["corrupt"]),
    ("direction", &["partition"]),
    ("how", &["disconnect"]),
    ("only", &["hang", "answer"]),
    ("keys", &["hang", "answer"]),
    ("again", &["hang", "answer"]),
    ("again_within", &["hang", "answer"]),
    ("retry_after", &["answer", "throttle"]),
    ("puts_per_second", &["throttle"]),
    ("gets_per_second", &["throttle"]),
    ("which", &["hang", "answer", "lose"]),
    ("with", &["answer"]),
    ("rate", &["answer"]),
    ("applied", &["answer"]),
    ("by", &["replace"]),
    ("to", &["restore"]),
    ("jump", &["clock"]),
    ("latency", &["slow"]),
    ("bandwidth", &["slow"]),
];

/// The kinds of fault that a key means something for; none if for all.
pub(super) fn only_for(key: &str) -> Vec<&'static str> {
    ONLY_FOR.iter().filter(|(known, _)| *known == key).flat_map(|(_, only)| only.iter().copied()).collect()
}

/// Reads one fault; none if it is wrong (and reported).
pub(super) fn fault(
    section: &Section<'_>,
    names: &Names,
    grid_link: LinkPlan,
    report: &mut Report<'_>,
) -> Option<FaultPlan> {
    let key = one_kind(section, KINDS, ("kind of fault", "kinds of fault"), report);
    for (name, only) in ONLY_FOR {
        if let Some(field) = section.field(name).filter(|_| key.is_some_and(|key| !only.contains(&key))) {
            let title = format!("`{name}` means nothing for `{}`", key.unwrap_or_default());
            report.bad(field.span, Bad::new(title, format!("only for {}", only.join(", "))));
        }
    }
    let kind = key.and_then(|key| kind(key, section, names, grid_link, report));
    let when = section.read("when", report, |text| trigger::parse(text, names));
    let until = until(section, names, report);
    let every = every(section, until.as_ref(), report);
    if let (Some(kind), Some(when)) = (&kind, &when) {
        check::check_start(section, kind, when, names, report);
        check::check_times(section, kind, when, until.as_ref(), names, report);
        check::check_every(section, kind, report);
    }
    let name = match section.field("name") {
        Some(_) => section.line("name", report)?,
        None => default_name(section, key?),
    };
    let may_stay_inert = section.flag("may_stay_inert", report);
    Some(FaultPlan { name, key: key?, kind: kind?, when: when?, until, every, may_stay_inert })
}

/// The kind and its target, as they are written.
fn default_name(section: &Section<'_>, key: &'static str) -> String {
    let Some(field) = section.field(key) else { return key.to_owned() };
    let target = match field.value.as_array() {
        Some(items) => {
            let words = |item: &DeValue<'_>| match item.as_array() {
                Some(group) => {
                    let words: Vec<&str> = group.iter().filter_map(|i| i.get_ref().as_str()).collect();
                    format!("({})", words.join(", "))
                }
                None => item.as_str().unwrap_or_default().to_owned(),
            };
            items.iter().map(|item| words(item.get_ref())).collect::<Vec<_>>().join(", ")
        }
        None => field.value.as_str().unwrap_or_default().to_owned(),
    };
    format!("{key} {target}")
}

fn kind(
    key: &'static str,
    section: &Section<'_>,
    names: &Names,
    grid_link: LinkPlan,
    report: &mut Report<'_>,
) -> Option<KindPlan> {
    match key {
        "corrupt" => return corrupt(section, names, report),
        "replace" => return shares::replace(section, names, report),
        "restore" => return shares::restore(section, names, report),
        "partition" if is_groups(section) => return groups(section, names, report),
        "cancel" | "pause" => return halt(key, section, names, report),
        _ => {}
    }
    let scope = match key {
        "lose" | "full" | "clock" => Scope::Servers,
        "answer" | "throttle" | "queue_full" => Scope::ServersAndBucket,
        _ => Scope::ServersAndClients,
    };
    let on = names.selector(section, key, scope, report);
    Some(match key {
        "hang" => door::hang(section, on, report)?,
        "answer" => door::answer(section, on, report)?,
        "throttle" => door::throttle(section, on, report)?,
        "lose" => door::lose(section, on, report)?,
        "full" => KindPlan::Full(on?),
        "queue_full" => KindPlan::QueueFull(on?),
        "clock" => door::clock(section, on, report)?,
        "partition" => {
            let direction = match section.choice("direction", report)? {
                "to" => Direction::To,
                "from" => Direction::From,
                _ => Direction::Both,
            };
            KindPlan::Partition(on?, direction)
        }
        "disconnect" => {
            let how = match section.choice("how", report)? {
                "close" => Disconnect::Close,
                "refuse" => Disconnect::Refuse,
                _ => Disconnect::Reset,
            };
            KindPlan::Disconnect(on?, how)
        }
        "crash" => KindPlan::Crash(on?),
        "power_loss" => KindPlan::PowerLoss(on?),
        _ => {
            if section.present(&["latency", "bandwidth"]).is_empty() {
                let bad = Bad::new("`slow` needs `latency` or `bandwidth`", "slow in what way?");
                report.bad(section.key_span("slow"), bad.help("add latency = \"500ms..2s\""));
            }
            KindPlan::Slow(on?, link_over(section, grid_link, report))
        }
    })
}

/// What is done to a step by the client itself: `cancel` or `pause`.
fn halt(key: &str, section: &Section<'_>, names: &Names, report: &mut Report<'_>) -> Option<KindPlan> {
    let step = section.read(key, report, |text| {
        let not_understood =
            || Bad::new("this step is not understood", "expected a step by its number, such as \"step 2\"");
        let step = trigger::step_name(text, names, not_understood)?;
        let uploads = names.uploads.iter().any(|(_, number)| *number == step) || names.others.contains(&step);
        let uploads = uploads && key == "cancel";
        if !uploads && !names.downloads.contains(&step) {
            let what = if key == "cancel" { "a client does" } else { "downloads" };
            return Err(Bad::new(
                format!("step {step} cannot be made to {key}"),
                format!("not a step that {what}"),
            ));
        }
        Ok(step)
    })?;
    let index = usize::try_from(step - 1).ok()?;
    Some(if key == "cancel" { KindPlan::Cancel(index) } else { KindPlan::Pause(index) })
}

/// Whether `partition` is a list of lists.
fn is_groups(section: &Section<'_>) -> bool {
    let items = section.field("partition").and_then(|field| field.value.as_array());
    items.is_some_and(|items| items.iter().any(|item| item.get_ref().is_array()))
}

fn groups(section: &Section<'_>, names: &Names, report: &mut Report<'_>) -> Option<KindPlan> {
    if let Some(field) = section.field("direction") {
        let bad = Bad::new("`direction` means nothing for groups", "they are cut off from each other");
        report.bad(field.span, bad);
    }
    names.groups(section, "partition", report).map(KindPlan::Groups)
}

fn corrupt(section: &Section<'_>, names: &Names, report: &mut Report<'_>) -> Option<KindPlan> {
    let shares = section.read("corrupt", report, |text| names.shares(text));
    let on = names.selector(section, "on", Scope::Servers, report);
    let file = shares.as_ref().map(|shares| shares.file.as_str());
    let part = section.read("field", report, |text| names.part(text, file));
    if section.field("field").is_none() {
        let bad = Bad::new("`corrupt` needs `field`", "which part of the share?");
        report.bad(
            section.key_span("corrupt"),
            bad.help("add field = \"block 0\" (or \"data\", \"uri extension\", \"share hashes\", ...)"),
        );
    }
    Some(KindPlan::Corrupt { shares: shares?, on, field: part? })
}

fn until(section: &Section<'_>, names: &Names, report: &mut Report<'_>) -> Option<When> {
    let until = section.read("until", report, |text| trigger::parse(text, names));
    let lasts = section.read("for", report, |text| {
        let lasts = units::durations(text)?;
        if lasts.min == 0 {
            Err(Bad::new("a fault that lasts no time", "must be above 0"))
        } else {
            Ok(lasts)
        }
    });
    if let Some(field) = section.field("for").filter(|_| section.field("until").is_some()) {
        report.bad(field.span, Bad::new("both `until` and `for`", "one of them must go"));
    }
    until.or(lasts.map(When::After))
}

/// From one beginning of a fault that recurs to the next.
fn every(section: &Section<'_>, lasts: Option<&When>, report: &mut Report<'_>) -> Option<Spread> {
    let field = section.field("every")?;
    let every = section.read("every", report, units::durations)?;
    match lasts {
        _ if every.min < 1000 => {
            let bad = Bad::new("a fault that recurs too often", "less than a millisecond");
            report.bad(field.span, bad.help("faults begin at whole milliseconds"));
        }
        Some(When::After(lasts)) if every.min > lasts.max => return Some(every),
        Some(When::After(_)) => {
            let bad = Bad::new("the fault recurs before it is over", "not longer than `for`");
            report.bad(field.span, bad.help("`every` counts from one beginning to the next"));
        }
        Some(When::At(_) | When::Event { .. }) | None if section.field("for").is_none() => {
            let bad = Bad::new("`every` without `for`", "how long does it last each time?");
            report.bad(field.span, bad.help("add for = \"1s\""));
        }
        Some(When::At(_) | When::Event { .. }) | None => {}
    }
    None
}

/// Reports faults that have the same name.
pub(super) fn check_names(faults: &[(FaultPlan, std::ops::Range<usize>)], report: &mut Report<'_>) {
    for (n, (fault, span)) in faults.iter().enumerate() {
        if faults[..n].iter().any(|(other, _)| other.name == fault.name) {
            let bad = Bad::new(format!("two faults are called `{}`", fault.name), "names must differ");
            report.bad(
                span.clone(),
                bad.help("give it a `name` of its own: what the seed chooses for it is keyed by it"),
            );
        }
    }
}
