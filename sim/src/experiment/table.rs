//! An experiment as text for people: a row for each arm with how often operations failed, and another with what else was
//! seen. No line is longer than [`COLUMNS`].

use std::fmt::Write as _;

use super::arm::Arm;
use super::{Trials, answer};
use crate::report::plural;
use crate::scenario::Counted;
use crate::verdict::ExitCode;
use crate::workload::Phase;

/// The longest line.
const COLUMNS: usize = 110;

/// What is shown for nothing.
const NONE: &str = "-";

/// Everything: the arms, the answer, and the verdict.
pub fn table(trials: &Trials) -> String {
    let what = trials.experiment.counts.word();
    let mut text = wrapped(&trials.experiment.question, "");
    text.push('\n');
    text += &aligned(&failures(trials, what));
    text.push('\n');
    text += &aligned(&sights(trials));
    if trials.experiment.counts != Counted::Puts {
        text.push('\n');
        text += &aligned(&backups(trials));
    }
    text.push('\n');
    for sentence in answer(trials) {
        text += &wrapped(&sentence, "  ");
    }
    text.push('\n');
    text += &wrapped(&verdict(trials), "");
    text
}

/// How often operations failed, beside the closed form.
fn failures(trials: &Trials, what: &str) -> Vec<Vec<String>> {
    let besides = trials.arms.iter().any(|arm| !arm.besides.is_empty());
    let head = ["arm", "p", "again", "policy", what, "failed", "of 1000", "95 % interval", "form", "agrees"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for (number, arm) in (1..).zip(&trials.arms) {
        let interval = arm.interval();
        let mut row = vec![
            format!("{number}"),
            percent(arm.conditions.rate),
            arm.conditions.burst.map_or(NONE.to_owned(), percent),
            arm.conditions.policy.clone(),
            arm.operations.to_string(),
            arm.failed.to_string(),
            figures(arm.of_1000()),
            format!("{}-{}", figures(1000.0 * interval.low), figures(1000.0 * interval.high)),
            figures(1000.0 * arm.expected()),
            match (arm.operations, arm.agrees()) {
                (0, _) => "-",
                (_, true) => "yes",
                (_, false) => "NO",
            }
            .to_owned(),
        ];
        if besides {
            row.push(arm.besides.clone());
        }
        rows.push(row);
    }
    if besides {
        rows[0].push("besides".to_owned());
    }
    rows
}

/// What else was seen: how operations failed, what was there, and what it took.
fn sights(trials: &Trials) -> Vec<Vec<String>> {
    let puts = trials.experiment.counts == Counted::Puts;
    let mut head = vec!["arm"];
    if puts {
        head.extend(["reading", "writing", "lost", "unasked", "unread"]);
    }
    head.extend(["lists", "gets", "puts", "others", "faults", "retries", "messages", "seconds"]);
    let mut rows = vec![head.into_iter().map(str::to_owned).collect()];
    for (number, arm) in (1..).zip(&trials.arms) {
        let mut row = vec![format!("{number}")];
        if puts {
            let in_phase = |phase| failed_in(arm, phase).to_string();
            row.extend([in_phase(Phase::Reading), in_phase(Phase::Writing)]);
            let seen = arm.read_back;
            row.extend([seen.missing, seen.unacknowledged, seen.unread].map(|count| count.to_string()));
        }
        let objects = |word| arm.received.objects.get(word).copied().unwrap_or_default();
        let known = ["lists", "gets", "puts"].map(objects);
        let others = arm.received.objects() - known.iter().sum::<u64>();
        row.extend(known.map(|count| count.to_string()));
        row.extend([others, arm.faults.values().sum(), arm.retries()].map(|count| count.to_string()));
        row.push(arm.received.messages().to_string());
        row.push(format!("{:.1}", arm.busy.as_secs_f64()));
        rows.push(row);
    }
    rows
}

/// What became of backups and their files.
fn backups(trials: &Trials) -> Vec<Vec<String>> {
    let head = ["arm", "complete", "partial", "not made", "uploaded", "literal", "reused", "skipped"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for (number, arm) in (1..).zip(&trials.arms) {
        let (backups, files) = (arm.backups, arm.files);
        let counts = [
            backups.complete,
            backups.partial,
            backups.failed,
            files.uploaded,
            files.literal,
            files.reused,
            files.skipped,
        ];
        rows.push([vec![format!("{number}")], counts.map(|count| count.to_string()).to_vec()].concat());
    }
    rows
}

/// How many failed while they did this.
pub(super) fn failed_in(arm: &Arm, phase: Phase) -> u64 {
    arm.failures.iter().filter(|(failure, _)| failure.phase == phase).map(|(_, count)| count).sum()
}

fn verdict(trials: &Trials) -> String {
    let arms = trials.arms.len() as u64;
    let silent = trials.arms.iter().filter(|arm| arm.operations == 0).count() as u64;
    let disagree = trials.arms.iter().filter(|arm| !arm.agrees()).count() as u64 - silent;
    let missing: u64 = trials.arms.iter().map(|arm| arm.read_back.missing).sum();
    let failed: u64 = trials.arms.iter().map(|arm| arm.failed_runs).sum();
    let agree = match disagree {
        0 => "all agree with the closed form at the 99 % level".to_owned(),
        count => {
            format!("{count} disagree with the closed form at the 99 % level (by chance, one in 100 does)")
        }
    };
    let agree = match silent {
        0 => agree,
        count => format!("{agree}; nothing was counted in {count}"),
    };
    let lost = match missing {
        0 => "nothing acknowledged was lost".to_owned(),
        count => format!("{} MISSING", plural(count, "acknowledged line")),
    };
    let oracles = match failed {
        0 => "no oracle objects".to_owned(),
        count => format!("an oracle objects to {}: see `squall run`", plural(count, "run")),
    };
    let word = if trials.code() == ExitCode::Passed { "ok" } else { "FAIL" };
    format!("{word}: of {}, {agree}; {lost}; {oracles}.", plural(arms, "arm"))
}

/// A chance as people read it.
pub(super) fn percent(chance: f64) -> String {
    format!("{} %", figures(100.0 * chance))
}

/// Three figures of a number, no zeros behind the point, and a power of ten where it is tiny.
pub(super) fn figures(number: f64) -> String {
    if number == 0.0 {
        return "0".to_owned();
    }
    if number.abs() < 0.0005 {
        return format!("{number:.0e}");
    }
    let decimals = (2.0 - number.abs().log10().floor()).clamp(0.0, 6.0) as usize;
    let text = format!("{number:.decimals$}");
    if !text.contains('.') {
        return text;
    }
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Rows with their columns below each other: numbers to the right, words to the left.
fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let cell = |row: &Vec<String>, column: usize| row.get(column).cloned().unwrap_or_default();
    let widths: Vec<usize> = (0..columns)
        .map(|column| rows.iter().map(|row| cell(row, column).chars().count()).max().unwrap_or_default())
        .collect();
    let is_number = |text: &str| text.starts_with(|first: char| first.is_ascii_digit() || first == '-');
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, width) in widths.iter().enumerate() {
            let right = rows.iter().skip(1).all(|row| is_number(&cell(row, column)));
            let cell = cell(row, column);
            let gap = if column == 0 { "" } else { "  " };
            // Writing to a string cannot fail.
            let _ =
                if right { write!(line, "{gap}{cell:>width$}") } else { write!(line, "{gap}{cell:<width$}") };
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}

/// A paragraph in lines that are short enough; all but the first begin with `indent`.
fn wrapped(paragraph: &str, indent: &str) -> String {
    let mut lines = vec![String::new()];
    for word in paragraph.split_whitespace() {
        let Some(line) = lines.last_mut() else { continue };
        if !line.trim().is_empty() && line.chars().count() + 1 + word.chars().count() > COLUMNS {
            lines.push(format!("{indent}{word}"));
            continue;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.into_iter().map(|line| line + "\n").collect()
}
