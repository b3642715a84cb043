//! Reads faults that change which shares are stored: replaced ones, and backups restored.

use super::super::diagnose::{Bad, Report};
use super::super::section::Section;
use super::super::select::{Names, Scope};
use super::super::trigger;
use super::super::units;
use super::KindPlan;
use crate::schedule::Substitute;

/// What a share can be replaced by.
pub(in crate::scenario) const SUBSTITUTES: &[&str] =
    &["truncated to 50%", "truncated to 100 B", "share 5 of movie", "share 2 of other", "version 1"];

const SUBSTITUTE_FORMS: &str = "write \"truncated to 50%\", \"truncated to 100 B\", \"share 5 of movie\", \
     \"share 2 of other\" or, for a mutable file, \"version 1\"";

pub(super) fn replace(section: &Section<'_>, names: &Names, report: &mut Report<'_>) -> Option<KindPlan> {
    let shares = section.read("replace", report, |text| names.shares(text));
    let on = names.selector(section, "on", Scope::Servers, report);
    let by = section.read("by", report, |text| {
        substitute(text, shares.as_ref().map(|shares| shares.file.as_str()), names)
    });
    if section.field("by").is_none() {
        let bad = Bad::new("`replace` needs `by`", "what is there instead?");
        report.bad(section.key_span("replace"), bad.help(SUBSTITUTE_FORMS));
    }
    Some(KindPlan::Replace { shares: shares?, on, by: by? })
}

fn substitute(text: &str, replaced: Option<&str>, names: &Names) -> Result<Substitute, Bad> {
    let not_understood =
        || Bad::new("this substitute is not understood", "not a form it can take").help(SUBSTITUTE_FORMS);
    if let Some(length) = text.strip_prefix("truncated to ") {
        let Some(percent) = length.trim().strip_suffix('%') else {
            return Ok(Substitute::Bytes(units::size(length)?));
        };
        let percent = percent.trim().parse::<u64>().ok().filter(|percent| *percent < 100);
        return percent
            .map(Substitute::Percent)
            .ok_or_else(|| Bad::new("not a part of a share", "expected 0% to 99%").at(length));
    }
    match text.split_whitespace().collect::<Vec<_>>().as_slice() {
        ["share", number, "of", file] => {
            let number = names.share_number(number)?;
            let (file, _) = names.shared_file(file)?;
            if names.maker(&file).is_none() {
                let how = if names.is_mutable(&file) { "create" } else { "upload" };
                let label = format!("no step {how}s it");
                let bad = Bad::new(format!("nobody ever holds a share of `{file}`"), label);
                return Err(bad.help(format!("add a step with `{how}`, before the fault begins")));
            }
            if let Some(replaced) =
                replaced.filter(|replaced| names.is_mutable(replaced) != names.is_mutable(&file))
            {
                let bad = Bad::new("a share of another kind", "one of the two files is mutable");
                return Err(bad.help(format!("name a file that is like `{replaced}`")));
            }
            Ok(Substitute::Share { number, file })
        }
        ["version", number] => match replaced {
            Some(replaced) => names.version(number, replaced).map(Substitute::Version),
            // What is replaced is wrong, and reported.
            None => Ok(Substitute::Version(1)),
        },
        _ => Err(not_understood()),
    }
}

pub(super) fn restore(section: &Section<'_>, names: &Names, report: &mut Report<'_>) -> Option<KindPlan> {
    let on = names.selector(section, "restore", Scope::Servers, report);
    let not_understood = || {
        Bad::new("this backup is not understood", "expected a step")
            .help("write to = \"step 2\": the disk as it was when that step began")
    };
    let step = section.read("to", report, |text| trigger::step_name(text, names, not_understood));
    if section.field("to").is_none() {
        let bad = Bad::new("`restore` needs `to`", "how old is the backup?");
        report.bad(
            section.key_span("restore"),
            bad.help("add to = \"step 2\": the disk as it was when that step began"),
        );
    }
    Some(KindPlan::Restore(on?, step?))
}
