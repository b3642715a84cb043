//! Reads the steps that look after what is stored: checks, repairs, backups.

use super::diagnose::{Bad, Report};
use super::section::Section;
use super::select::Names;
use super::steps::{ActionPlan, CheckPlan, bound};
use crate::schedule::{Check, Degradation, Upkeep};

/// The actions.
pub(super) const ACTIONS: [&str; 4] = ["check", "repair", "backup", "restore"];

/// Files of a tree that one step can change.
const CHANGED_MAX: u64 = 10_000;

/// Reads what is done; none if it is wrong (and reported).
pub(super) fn action(
    kind: &str,
    section: &Section<'_>,
    names: &Names,
    report: &mut Report<'_>,
) -> Option<ActionPlan> {
    if matches!(kind, "check" | "repair") {
        let file = section.read(kind, report, |text| names.shared_file(text));
        let (verify, force) = (section.flag("verify", report), section.flag("force", report));
        let file = file?.0;
        return Some(ActionPlan::Upkeep(match kind {
            "check" => Upkeep::Check { file, verify },
            _ => Upkeep::Repair { file, force },
        }));
    }
    let tree = section.read(kind, report, |text| names.tree(text));
    let directory = section.read("in", report, |text| {
        let (file, _) = names.file(text)?;
        if names.directories.contains(&file) {
            return Ok(file);
        }
        let bad = Bad::new(format!("`{file}` is no directory"), "backups are linked in directories").at(text);
        Err(bad.help(format!("say [files.{file}] kind = \"directory\"")))
    });
    if section.field("in").is_none() {
        let bad = Bad::new(format!("`{kind}` needs `in`"), "in which directory?");
        report.bad(section.key_span(kind), bad.help("add in = \"home\": a file of kind \"directory\""));
    }
    let changed = match section.field("changed") {
        Some(_) => section.integer("changed", 0..=CHANGED_MAX, report),
        None => Some(0),
    };
    let (tree, directory, changed) = (tree?, directory?, changed?);
    Some(ActionPlan::Upkeep(match kind {
        "backup" => Upkeep::Backup { tree, into: directory, changed },
        _ => Upkeep::Restore { tree, from: directory },
    }))
}

/// What only these steps can promise.
pub(super) fn checks(
    kind: Option<&str>,
    section: &Section<'_>,
    report: &mut Report<'_>,
    checks: &mut Vec<CheckPlan>,
) {
    if kind == Some("backup") {
        checks.push(CheckPlan::Fixed(Check::Partial(match section.choice("partial", report) {
            Some("yes") => Degradation::Yes,
            Some("either") => Degradation::Either,
            _ => Degradation::No,
        })));
    }
    if section.field("healthy").is_some()
        && let Some(word) = section.choice("healthy", report)
    {
        checks.push(CheckPlan::Fixed(Check::Healthy(word == "yes")));
    }
    checks.extend(bound(section, "uploaded", Check::FilesUploaded, report));
    checks.extend(bound(section, "skipped", Check::Skipped, report));
}
