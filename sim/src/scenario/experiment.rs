//! Reads `[experiment]`: the question that all variants of a file together answer. Runs nothing.

use toml::de::DeTable;

use super::diagnose::{Bad, Report};
use super::section::Section;
use super::steps::{ActionPlan, StepPlan};
use crate::schedule::Upkeep;

/// The most requests that an operation can be said to need.
const REQUESTS_MAX: u64 = 1_000_000;

/// A question to all variants of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Experiment {
    /// In one line.
    pub question: String,
    /// What is an operation.
    pub counts: Counted,
    /// Requests that each of them needs when nothing is wrong; none means that an undisturbed run tells.
    pub requests: Option<u64>,
    /// Words in the names of the variants that the tests run; none means all of them.
    pub tested: Option<String>,
}

impl Experiment {
    /// Whether the tests run the variant of this name.
    pub(super) fn is_tested(&self, variant: Option<&str>) -> bool {
        let has = |name: &str, words: &str| format!(" {name} ").contains(&format!(" {words} "));
        let words = self.tested.as_deref().zip(variant);
        words.is_none_or(|(words, name)| has(name, words))
    }
}

/// What an experiment counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// Changes of mutable files that are there.
    Puts,
    /// Files of backups that have shares.
    Files,
    /// Backups.
    Backups,
}

impl Counted {
    /// Each with the word for it.
    pub const WORDS: [(&str, Self); 3] =
        [("puts", Self::Puts), ("files", Self::Files), ("backups", Self::Backups)];

    /// Several of them, in a word.
    pub fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(_, known)| *known == self).map_or("", |(word, _)| word)
    }
}

/// Reads the table; none if there is none, or if it is wrong (and reported).
pub(super) fn experiment(
    root: &Section<'_>,
    steps: &[StepPlan],
    report: &mut Report<'_>,
) -> Option<Experiment> {
    let field = root.field("experiment")?;
    let section = root.table("experiment", report)?;
    let question = section.line("question", report);
    let word = section.choice("counts", report);
    let requests = section.field("requests").is_some();
    let requests = requests.then(|| section.integer("requests", 1..=REQUESTS_MAX, report)).flatten();
    let tested = section.line("tested", report);
    let counts = Counted::WORDS.iter().find(|(known, _)| Some(*known) == word).map(|(_, counts)| *counts)?;
    if !steps.iter().any(|step| is_counted(counts, step)) {
        let bad = Bad::new(format!("no step makes any {}", counts.word()), "counts nothing");
        let needs = match counts {
            Counted::Puts => "write, append or link",
            Counted::Files | Counted::Backups => "backup",
        };
        let place = if word.is_some() { section.key_span("counts") } else { field.span };
        report.bad(place, bad.help(format!("add a step: {needs}")));
    }
    Some(Experiment { question: question?, counts, requests, tested })
}

/// Reports that no variant has the words of `tested` in its name: the tests would run none.
pub(super) fn none_tested(document: &DeTable<'_>, report: &mut Report<'_>) {
    let table = document.get("experiment").and_then(|table| table.get_ref().as_table());
    let span = table.and_then(|table| table.get("tested")).map_or(0..0, |tested| tested.span());
    let bad = Bad::new("no variant is tested", "no variant has these words in its name");
    report.bad(span, bad.help("write it as `squall list` shows the variants, for example \"retry=once\""));
}

fn is_counted(counts: Counted, step: &StepPlan) -> bool {
    match (&step.action, counts) {
        (ActionPlan::Mutable { act, .. }, Counted::Puts) => act.changes(),
        (ActionPlan::Upkeep(Upkeep::Backup { .. }), Counted::Files | Counted::Backups) => true,
        _ => false,
    }
}
