//! Faults that are well written and still make no sense: they end before they begin, or strike nothing.

use super::super::diagnose::{Bad, Report};
use super::super::section::Section;
use super::super::select::{Names, Selector};
use super::super::trigger::{self, When};
use super::super::units::Spread;
use super::{KINDS, KindPlan};
use crate::schedule::{Disconnect, Happening, Subject};

pub(super) fn check_times(
    section: &Section<'_>,
    kind: &KindPlan,
    when: &When,
    until: Option<&When>,
    names: &Names,
    report: &mut Report<'_>,
) {
    let end_key = if section.field("until").is_some() { "until" } else { "for" };
    let end_span = || section.field(end_key).map_or(section.span.clone(), |field| field.span);
    let once = once(kind);
    if let (Some(what), Some(_)) = (once, until) {
        let bad = Bad::new(format!("{what} has no end"), "it happens once");
        report
            .bad(end_span(), bad.help("remove this; only `how = \"refuse\"` and other kinds of fault last"));
    }
    if let (KindPlan::Restore(_, step), When::Event { what, .. }) = (kind, when)
        && step_order(*what).is_some_and(|at| at <= step * 2)
        && !may_come_later(*what, *step, names)
    {
        let bad = Bad::new("there is no such backup yet", format!("step {step} has yet to begin"));
        let span = section.field("to").map_or(section.span.clone(), |field| field.span);
        report.bad(span, bad.help("name a step that begins before the fault does"));
    }
    let inverted = match (when, until) {
        (When::At(begin), Some(When::At(end))) => end.min <= begin.max,
        (When::Event { what: begin, .. }, Some(When::Event { what: end, .. })) => {
            step_order(*begin).zip(step_order(*end)).is_some_and(|(first, last)| {
                last <= first && (begin == end || !may_come_later(*end, first / 2, names))
            })
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
        if matches!(kind, KindPlan::Groups(_)) {
            let bad = Bad::new("`it` is nobody here", "the fault has several groups as its target");
            report.bad(field.span, bad.help("name a server or a client instead"));
            continue;
        }
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

/// What happens once and has no end, in words; none for a fault that lasts.
fn once(kind: &KindPlan) -> Option<&'static str> {
    match kind {
        KindPlan::Corrupt { .. } => Some("corruption"),
        KindPlan::Replace { .. } => Some("a replacement"),
        KindPlan::Restore(..) => Some("restoring a backup"),
        KindPlan::Cancel(_) => Some("a cancellation"),
        KindPlan::Disconnect(_, Disconnect::Reset | Disconnect::Close) => Some("a disconnect"),
        KindPlan::Disconnect(_, Disconnect::Refuse)
        | KindPlan::Hang(_)
        | KindPlan::HangOnly(..)
        | KindPlan::Answer { .. }
        | KindPlan::Throttle(..)
        | KindPlan::Lose(..)
        | KindPlan::Full(_)
        | KindPlan::QueueFull(_)
        | KindPlan::Clock(..)
        | KindPlan::Partition(..)
        | KindPlan::Groups(_)
        | KindPlan::Crash(_)
        | KindPlan::PowerLoss(_)
        | KindPlan::Slow(..)
        | KindPlan::Pause(_) => None,
    }
}

/// Reports a fault that recurs although it has no end.
pub(super) fn check_every(section: &Section<'_>, kind: &KindPlan, report: &mut Report<'_>) {
    if let Some((what, field)) = once(kind).zip(section.field("every")) {
        let bad = Bad::new(format!("{what} does not recur"), "it happens once");
        report.bad(field.span, bad.help("only faults that last can recur"));
    }
}

/// Whether some target is not on the side that does what is counted.
fn has_others(kind: &KindPlan, server_side: bool, names: &Names) -> bool {
    let hosts: Vec<&String> = match kind.selector() {
        Some(Selector::Hosts { named, any }) => {
            named.iter().chain(any.iter().flat_map(|(_, of)| of)).collect()
        }
        Some(Selector::Holders { .. }) => return !server_side,
        None if matches!(kind, KindPlan::Cancel(_) | KindPlan::Pause(_)) => return server_side,
        None => return !server_side,
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

/// Whether this is the end of a step that runs together with `step`, so that `step` has begun before.
fn may_come_later(what: Happening, step: u64, names: &Names) -> bool {
    let first = usize::try_from(step).ok().and_then(|step| names.begins_with.get(step.checked_sub(1)?));
    matches!(what, Happening::StepEnded(ended) if first.is_some_and(|first| *first <= ended))
}

/// Reports a fault on shares of a file that begins before there are any.
pub(super) fn check_start(
    section: &Section<'_>,
    kind: &KindPlan,
    when: &When,
    names: &Names,
    report: &mut Report<'_>,
) {
    let file = match (kind, kind.selector()) {
        (KindPlan::Corrupt { shares, .. } | KindPlan::Replace { shares, .. }, _) => &shares.file,
        (_, Some(Selector::Holders { file, .. })) => file,
        (_, Some(Selector::Hosts { .. }) | None) => return,
    };
    let When::At(Spread { max: 0, .. }) = when else { return };
    let (made, makes) = if names.is_mutable(file) { ("creation", "creates") } else { ("upload", "uploads") };
    let help = match names.maker(file) {
        Some(step) => format!("write when = \"step {step} ends\": the end of its {made}"),
        None => format!("no step {makes} it"),
    };
    let bad =
        Bad::new(format!("at the start nobody holds a share of `{file}`"), "this fault would touch nothing");
    let key = section.present(&["when"]).first().copied().or(section.present(KINDS).first().copied());
    report.bad(key.map_or(section.span.clone(), |key| section.key_span(key)), bad.help(help));
}
