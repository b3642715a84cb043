//! Reads `[[faults]]`: what goes wrong, on whom, from when until when.

use super::diagnose::{Bad, Report};
use super::grid::{LinkPlan, link_over};
use super::section::Section;
use super::select::{Names, Scope, Selector, Shares};
use super::steps::one_kind;
use super::trigger::{self, When};
use super::units::{self, Spread};
use crate::schedule::{Direction, Disconnect, Happening, RequestKind, ShareField, Subject};

#[derive(Debug, Clone, PartialEq)]
pub(super) struct FaultPlan {
    pub(super) name: String,
    /// The key that stands for the kind; draws are keyed by it.
    pub(super) key: &'static str,
    pub(super) kind: KindPlan,
    pub(super) when: When,
    pub(super) until: Option<When>,
    pub(super) may_stay_inert: bool,
}

/// A kind of fault and its target before the seed has chosen.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum KindPlan {
    Hang(Selector),
    HangOnly(Selector, RequestKind),
    Partition(Selector, Direction),
    Disconnect(Selector, Disconnect),
    Crash(Selector),
    PowerLoss(Selector),
    Slow(Selector, LinkPlan),
    Corrupt { shares: Shares, on: Option<Selector>, field: ShareField },
}

impl KindPlan {
    /// The hosts it is about; none for damage to shares, wherever they are.
    fn selector(&self) -> Option<&Selector> {
        match self {
            Self::Hang(on)
            | Self::HangOnly(on, _)
            | Self::Partition(on, _)
            | Self::Disconnect(on, _)
            | Self::Crash(on)
            | Self::PowerLoss(on)
            | Self::Slow(on, _) => Some(on),
            Self::Corrupt { .. } => None,
        }
    }
}

const KINDS: &[&str] = &["hang", "partition", "disconnect", "crash", "power_loss", "slow", "corrupt"];

/// Keys that mean something for one kind only.
const ONLY_FOR: &[(&str, &str)] = &[
    ("on", "corrupt"),
    ("field", "corrupt"),
    ("direction", "partition"),
    ("how", "disconnect"),
    ("only", "hang"),
    ("latency", "slow"),
    ("bandwidth", "slow"),
];

/// Reads one fault; none if it is wrong (and reported).
pub(super) fn fault(
    section: &Section<'_>,
    names: &Names,
    grid_link: LinkPlan,
    report: &mut Report<'_>,
) -> Option<FaultPlan> {
    let key = one_kind(section, KINDS, ("kind of fault", "kinds of fault"), report);
    for (name, only) in ONLY_FOR {
        if let Some(field) = section.field(name).filter(|_| key.is_some_and(|key| key != *only)) {
            let title = format!("`{name}` means nothing for `{}`", key.unwrap_or_default());
            report.bad(field.span, Bad::new(title, format!("only for {only}")));
        }
    }
    let kind = key.and_then(|key| kind(key, section, names, grid_link, report));
    let when = section.read("when", report, |text| trigger::parse(text, names));
    let until = until(section, names, report);
    if let (Some(kind), Some(when)) = (&kind, &when) {
        check_start(section, kind, when, names, report);
        check_times(section, kind, when, until.as_ref(), names, report);
    }
    let name = match section.field("name") {
        Some(_) => section.line("name", report)?,
        None => default_name(section, key?),
    };
    let may_stay_inert = section.flag("may_stay_inert", report);
    Some(FaultPlan { name, key: key?, kind: kind?, when: when?, until, may_stay_inert })
}

/// The kind and its target, as they are written.
fn default_name(section: &Section<'_>, key: &'static str) -> String {
    let Some(field) = section.field(key) else { return key.to_owned() };
    let target = match field.value.as_array() {
        Some(items) => items.iter().filter_map(|i| i.get_ref().as_str()).collect::<Vec<_>>().join(", "),
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
    if key == "corrupt" {
        return corrupt(section, names, report);
    }
    let on = names.selector(section, key, Scope::ServersAndClients, report);
    Some(match key {
        "hang" => {
            let word = section.field("only").and_then(|_| section.choice("only", report));
            let only = RequestKind::WORDS.iter().find(|(known, _)| Some(*known) == word);
            match only {
                Some((_, kind)) => KindPlan::HangOnly(on?, *kind),
                None => KindPlan::Hang(on?),
            }
        }
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

fn check_times(
    section: &Section<'_>,
    kind: &KindPlan,
    when: &When,
    until: Option<&When>,
    names: &Names,
    report: &mut Report<'_>,
) {
    let end_key = if section.field("until").is_some() { "until" } else { "for" };
    let end_span = || section.field(end_key).map_or(section.span.clone(), |field| field.span);
    let once = match kind {
        KindPlan::Corrupt { .. } => Some("corruption"),
        KindPlan::Disconnect(_, Disconnect::Reset | Disconnect::Close) => Some("a disconnect"),
        KindPlan::Disconnect(_, Disconnect::Refuse)
        | KindPlan::Hang(_)
        | KindPlan::HangOnly(..)
        | KindPlan::Partition(..)
        | KindPlan::Crash(_)
        | KindPlan::PowerLoss(_)
        | KindPlan::Slow(..) => None,
    };
    if let (Some(what), Some(_)) = (once, until) {
        let bad = Bad::new(format!("{what} has no end"), "it happens once");
        report
            .bad(end_span(), bad.help("remove this; only `how = \"refuse\"` and other kinds of fault last"));
    }
    let inverted = match (when, until) {
        (When::At(begin), Some(When::At(end))) => end.min <= begin.max,
        (When::Event { what: begin, .. }, Some(When::Event { what: end, .. })) => {
            step_order(*begin).zip(step_order(*end)).is_some_and(|(begin, end)| end <= begin)
        }
        _ => false,
    };
    if inverted {
        let bad = Bad::new("the fault ends before it begins", "not after `when`");
        report.bad(end_span(), bad.help("`for` says how long it lasts, whenever it begins"));
    }
    for (trigger, key) in [(Some(when), "when"), (until, "until")] {
        let (Some(When::Event { who: Subject::It, what, .. }), Some(field)) = (trigger, section.field(key))
        else {
            continue;
        };
        let Some(server_side) = trigger::server_side(*what) else { continue };
        if has_others(kind, server_side, names) {
            let side = if server_side { "servers" } else { "clients" };
            let bad = Bad::new("this never happens to `it`", format!("only {side} do this"));
            report.bad(
                field.span,
                bad.help(format!("`it` is the target of the fault; name one of the {side} instead")),
            );
        }
    }
}

/// Whether some target is not on the side that does what is counted.
fn has_others(kind: &KindPlan, server_side: bool, names: &Names) -> bool {
    let hosts: Vec<&String> = match kind.selector() {
        Some(Selector::Hosts { named, any }) => {
            named.iter().chain(any.iter().flat_map(|(_, of)| of)).collect()
        }
        Some(Selector::Holders { .. }) | None => return !server_side,
    };
    names.hosts_known && hosts.iter().any(|host| names.clients.contains(host) == server_side)
}

/// The place of a step's beginning or end in the order of the run.
fn step_order(what: Happening) -> Option<u64> {
    match what {
        Happening::StepStarted(step) => Some(step * 2),
        Happening::StepEnded(step) => Some(step * 2 + 1),
        Happening::BlockServed
        | Happening::RequestAnswered
        | Happening::RequestReceived
        | Happening::AllocationAnswered
        | Happening::WriteAnswered
        | Happening::SharesAnswered
        | Happening::ShareFound
        | Happening::SegmentDone => None,
    }
}

/// Reports a fault on shares of a file that begins before there are any.
fn check_start(section: &Section<'_>, kind: &KindPlan, when: &When, names: &Names, report: &mut Report<'_>) {
    let file = match (kind, kind.selector()) {
        (KindPlan::Corrupt { shares, .. }, _) => &shares.file,
        (_, Some(Selector::Holders { file, .. })) => file,
        (_, Some(Selector::Hosts { .. }) | None) => return,
    };
    let When::At(Spread { max: 0, .. }) = when else { return };
    let upload = names.uploads.iter().find(|(uploaded, _)| uploaded == file);
    let help = match upload {
        Some((_, step)) => format!("write when = \"step {step} ends\": the end of its upload"),
        None => "no step uploads it".to_owned(),
    };
    let bad =
        Bad::new(format!("at the start nobody holds a share of `{file}`"), "this fault would touch nothing");
    let key = section.present(&["when"]).first().copied().or(section.present(KINDS).first().copied());
    report.bad(key.map_or(section.span.clone(), |key| section.key_span(key)), bad.help(help));
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
