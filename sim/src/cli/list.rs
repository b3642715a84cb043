//! `squall list`: which scenarios there are, by folder.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::load::{files, load};
use super::out::{Done, Out};
use crate::report;
use crate::report::json::{Event, Listed, Summary};
use crate::scenario::Scenario;

/// Columns for text below which a terminal counts as this wide.
const TEXT_COLUMNS_MIN: usize = 30;
/// Columns of names; longer ones stand on lines of their own.
const NAME_COLUMNS_MAX: usize = 44;

/// `squall list`.
pub(super) fn list(out: Out, paths: &[PathBuf]) -> Done {
    let (scenarios, code) = load(out, paths)?;
    let _ = out.text(|| table(&scenarios, columns()));
    // Nobody reads on: the rest is of no use.
    let _ = scenarios.iter().try_for_each(|scenario| out.event(&Event::Scenario(Listed::of(scenario))));
    Ok(Summary { scenarios: files(&scenarios), ..out.summary(code) })
}

/// How wide the terminal is: what `COLUMNS` says, or the terminal itself; none where there is no terminal.
fn columns() -> Option<usize> {
    let said = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let seen = || terminal_size::terminal_size_of(std::io::stdout()).map(|(width, _)| usize::from(width.0));
    said.filter(|columns| *columns > 0).or_else(seen)
}

/// One block for each folder: name, seeds, faults, and what it shows, broken into lines of `columns`.
fn table(scenarios: &[Scenario], columns: Option<usize>) -> String {
    let mut out = String::new();
    let name_columns = scenarios.iter().map(|scenario| split(scenario.path()).1.chars().count()).max();
    let third = columns.map_or(NAME_COLUMNS_MAX, |columns| columns / 3).min(NAME_COLUMNS_MAX);
    let name_columns = name_columns.unwrap_or(0).min(third);
    let head = format!("  {:name_columns$}  seeds  faults  ", "");
    let text_columns = columns.map(|columns| columns.saturating_sub(head.len()).max(TEXT_COLUMNS_MIN));
    let mut folder = None;
    for variants in scenarios.chunk_by(|a, b| a.path() == b.path()) {
        let Some(scenario) = variants.first() else { continue };
        let (of, name) = split(scenario.path());
        if folder != Some(of) {
            let space = if folder.is_some() { "\n" } else { "" };
            let _ = writeln!(out, "{space}{}", format!("{of:name_columns$}    seeds  faults").trim_start());
            folder = Some(of);
        }
        let mut name = format!("  {name:name_columns$}");
        if name.chars().count() > name_columns + 2 {
            let _ = writeln!(out, "{name}");
            name = format!("  {:name_columns$}", "");
        }
        // Of an experiment not every variant is tested.
        let seeds = variants.iter().map(|variant| variant.seeds().len()).max().unwrap_or_default();
        let faults = scenario.fault_names().len();
        let mut lines = wrapped(&text(scenario, variants.len()), text_columns).into_iter();
        let _ = writeln!(out, "{name}  {seeds:5}  {faults:6}  {}", lines.next().unwrap_or_default());
        for line in lines {
            let _ = writeln!(out, "{:1$}{line}", "", head.len());
        }
    }
    let _ = writeln!(out, "\n{}", report::plural(files(scenarios) as u64, "scenario"));
    out
}

/// The folder and the name of a scenario file.
fn split(path: &str) -> (&str, &str) {
    let path = Path::new(path);
    let folder = path.parent().and_then(Path::to_str).filter(|folder| !folder.is_empty()).unwrap_or(".");
    (folder, path.file_name().and_then(|name| name.to_str()).unwrap_or_default())
}

/// What it shows, in how many variants, where it comes from, and how its failures are taken.
fn text(scenario: &Scenario, variants: usize) -> String {
    let mut text = scenario.about().to_owned();
    if variants > 1 {
        let _ = write!(text, " ({variants} variants)");
    }
    if let Some(from) = scenario.from() {
        let _ = write!(text, " (from: {from})");
    }
    if let Some(bug) = scenario.known_bug() {
        let _ = write!(text, " [known bug: {}: {}]", bug.verdict, bug.says);
    }
    if let Some(failure) = scenario.must_fail() {
        let _ = write!(text, " [must fail: {}: {}]", failure.verdict, failure.says);
    }
    text
}

/// `text` in lines of at most `columns`, broken between words where that is possible.
fn wrapped(text: &str, columns: Option<usize>) -> Vec<String> {
    let Some(columns) = columns else { return vec![text.to_owned()] };
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= columns => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_broken_between_words_and_only_where_a_width_is_known() {
        assert_eq!(wrapped("one two three", None), ["one two three"]);
        assert_eq!(wrapped("one two three", Some(7)), ["one two", "three"]);
        assert_eq!(wrapped("a-word-that-is-long or", Some(5)), ["a-word-that-is-long", "or"]);
        assert!(wrapped("", Some(7)).is_empty());
    }

    #[test]
    fn a_file_without_a_folder_is_in_the_current_one() {
        assert_eq!(split("a.toml"), (".", "a.toml"));
        assert_eq!(split("./a.toml"), (".", "a.toml"));
        assert_eq!(split("a/b c/d.toml"), ("a/b c", "d.toml"));
    }
}
