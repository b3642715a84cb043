//! Reads the steps that use mutable files: what is done, and what only they can promise.

use super::diagnose::{Bad, Report};
use super::section::Section;
use super::select::{Names, Shares};
use super::steps::{ActionPlan, CheckPlan, bound};
use super::trigger;
use super::units;
use crate::schedule::{Check, Degradation, MutableAct};

/// How often a step can repeat itself.
const TIMES_MAX: u64 = 10_000;

/// The actions on mutable files.
pub(super) const ACTIONS: [&str; 6] = ["create", "write", "append", "read", "link", "list"];

/// Reads what is done; none if it is wrong (and reported).
pub(super) fn action(
    kind: &str,
    section: &Section<'_>,
    names: &Names,
    report: &mut Report<'_>,
) -> Option<ActionPlan> {
    let file = section.read(kind, report, |text| {
        let (file, _) = names.file(text)?;
        let directory = names.directories.contains(&file);
        if directory != matches!(kind, "link" | "list") && kind != "create" && names.is_mutable(&file) {
            let (is, verbs) =
                if directory { ("a", "link and list") } else { ("no", "write, append and read") };
            let bad = Bad::new(format!("`{file}` is {is} directory"), format!("cannot {kind} it")).at(text);
            return Err(bad.help(format!("{verbs} are for it")));
        }
        if names.is_mutable(&file) {
            return Ok(file);
        }
        let bad =
            Bad::new(format!("`{file}` is not a mutable file"), format!("nothing to {kind} here")).at(text);
        Err(bad.help(format!("say [files.{file}] kind = \"mutable\", or use upload and download")))
    });
    let times = match section.field("times") {
        Some(_) => section.integer("times", 1..=TIMES_MAX, report),
        None => Some(1),
    };
    let size = section.field("size").and_then(|_| section.read("size", report, units::size));
    let based_on = section.read("based_on", report, |text| {
        let not_understood = || Bad::new("this is not a step", "expected a step").help("such as \"step 2\"");
        let step = trigger::step_name(text, names, not_understood)?;
        // The file is wrong, and reported.
        let Some(file) = &file else { return Ok(step) };
        // Steps after this one are not known yet.
        if names.mutable_steps.iter().any(|(known, number, _)| *number == step && known == file) {
            return Ok(step);
        }
        let title = format!("step {step} leaves no version to base this on");
        Err(Bad::new(title, "not an earlier step that writes or reads this file"))
    });
    let based_on = based_on.and_then(|step| usize::try_from(step - 1).ok());
    let act = match kind {
        "create" => MutableAct::Create,
        "write" => MutableAct::Write { size, based_on },
        "append" => MutableAct::Append {
            whole: section.flag("whole", report),
            read_back: section.flag("read_back", report),
        },
        "link" => MutableAct::Link,
        "list" => MutableAct::List,
        _ => MutableAct::Read,
    };
    let times = times.and_then(|times| u32::try_from(times).ok())?;
    Some(ActionPlan::Mutable { file: file?, act, times })
}

/// An immutable file for an action that takes no other.
pub(super) fn immutable(kind: &str, name: &str, names: &Names) -> Result<(), Bad> {
    if !names.is_mutable(name) {
        return Ok(());
    }
    let other = if kind == "upload" { "create or write" } else { "read" };
    let bad = Bad::new(format!("`{name}` is a mutable file"), format!("cannot be {kind}ed")).at(name);
    Err(bad.help(format!("to {kind} a mutable file, {other} it")))
}

/// What can be promised of mutable files alone.
pub(super) fn checks(
    kind: Option<&str>,
    action: Option<&ActionPlan>,
    section: &Section<'_>,
    names: &Names,
    report: &mut Report<'_>,
    checks: &mut Vec<CheckPlan>,
) {
    if let Some(
        ActionPlan::Delete { file, .. }
        | ActionPlan::Copy { shares: Shares { file, .. }, .. }
        | ActionPlan::Arrange { file, .. },
    ) = action
        && !names.is_mutable(file)
    {
        for key in section.present(&["versions", "recoverable"]) {
            let bad = Bad::new(format!("`{file}` has no versions"), "only mutable files do");
            report.bad(section.key_span(key), bad);
        }
    }
    if matches!(kind, Some("create" | "write" | "append" | "link")) {
        checks.push(CheckPlan::Fixed(Check::Degraded(match section.choice("degraded", report) {
            Some("yes") => Degradation::Yes,
            Some("either") => Degradation::Either,
            _ => Degradation::No,
        })));
    }
    checks.extend(bound(section, "version", Check::Version, report));
    checks.extend(bound(section, "versions", Check::Versions, report));
    checks.extend(bound(section, "recoverable", Check::Recoverable, report));
    checks.extend(bound(section, "collisions", Check::Collisions, report));
    checks.extend(bound(section, "restarts", Check::Restarts, report));
}
