//! What runs look like to a person: one line when all is well, everything that helps when it is not.
//!
//! Plain text without colour codes, the same for the same runs; the command line adds colour where a terminal is.

pub mod json;

use std::fmt::Write as _;

use crate::batch::{FailedSeeds, Tally};
use crate::engine::{Engine, Reason};
use crate::run::{RunReport, first_unfinished};
use crate::scenario;
use crate::verdict::{ExitCode, Finding, seconds};
use crate::workload::Ending;

/// Events printed below a failing run.
pub const LAST_EVENTS: usize = 40;
/// Stretches of failing seeds that are listed.
const STRETCHES_MAX: usize = 12;

/// What names a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run<'a> {
    /// The scenario file.
    pub path: &'a str,
    /// Which variant of it, if it has a matrix.
    pub variant: Option<&'a str>,
    /// The seed.
    pub seed: u64,
    /// What carries it.
    pub engine: Engine,
}

impl<'a> Run<'a> {
    /// The run that this is the report of.
    pub fn of(report: &'a RunReport) -> Self {
        Self {
            path: &report.path,
            variant: report.variant.as_deref(),
            seed: report.seed,
            engine: report.engine,
        }
    }
}

/// The one command that repeats a run exactly.
pub fn replay_command(run: Run<'_>) -> String {
    let variant = run.variant.map_or(String::new(), |variant| format!(" --variant {}", shell_word(variant)));
    let engine = match run.engine {
        Engine::Event => String::new(),
        Engine::Turmoil => format!(" --engine {}", run.engine),
    };
    format!("cargo squall replay {} --seed {}{variant}{engine}", shell_word(run.path), run.seed)
}

/// `text` so that a shell takes it as one word, and no program as an option.
pub(crate) fn shell_word(text: &str) -> String {
    let text = if text.starts_with('-') { format!("./{text}") } else { text.to_owned() };
    let plain = |c: char| c.is_alphanumeric() || "/._-+,:@%=".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text;
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Everything about a failing run.
pub fn failure(report: &RunReport) -> String {
    let mut out = head("FAIL", Run::of(report), &report.about);
    if let Some(missing) = report.missing() {
        item(&mut out, "verdict", &missing);
    }
    for finding in &report.findings {
        item(&mut out, "verdict", &told(finding));
    }
    body(&mut out, report);
    out
}

/// A passing run in full, for `replay`.
pub fn success(report: &RunReport) -> String {
    let mut out = head("PASS", Run::of(report), &report.about);
    for finding in &report.findings {
        item(&mut out, "wanted", &told(finding));
    }
    body(&mut out, report);
    out
}

/// A run that ended without a report.
pub fn no_report(run: Run<'_>, about: &str, why: &str) -> String {
    let mut out = head("BROKEN", run, about);
    item(&mut out, "verdict", &format!("internal: {why}"));
    item(&mut out, "replay", &replay_command(run));
    out
}

/// A run that its engine cannot express.
pub fn not_run(run: Run<'_>, about: &str, reason: &Reason) -> String {
    let mut out = head("NOT RUN", run, about);
    item(&mut out, "reason", &format!("{} cannot express it: {reason}", run.engine));
    out
}

pub(crate) fn head(word: &str, run: Run<'_>, about: &str) -> String {
    let mut out = String::new();
    let name = scenario::name(run.path, run.variant);
    item(&mut out, word, &format!("{name}, seed {}", run.seed));
    item(&mut out, "about", about);
    out
}

fn told(finding: &Finding) -> String {
    format!("{}: {}", finding.oracle, finding.text)
}

/// One entry; the further lines of its text are indented below the first.
pub(crate) fn item(out: &mut String, label: &str, text: &str) {
    let mut lines = text.lines();
    let _ = writeln!(out, "{label:<8} {}", lines.next().unwrap_or_default());
    for line in lines {
        let _ = writeln!(out, "           {line}");
    }
}

fn body(out: &mut String, report: &RunReport) {
    for step in &report.steps {
        let mut text = format!("{}: {}; took {}", step.what, step.outcome, seconds(step.took));
        if let Some(ideal) = &step.ideal {
            let _ = write!(text, "{}", ideal.aside(step));
        }
        if !matches!(step.ending, Ending::Done) {
            if let Some(margin) = step.margin {
                let _ = write!(text, "\nmargin: {margin}");
            }
            let _ = write!(text, "\n{}", step.usage.line(step.counts.requests, step.counts.spare_requests));
        }
        item(out, &format!("step {}", step.step + 1), &text);
    }
    if let Some(step) = &report.unfinished {
        let number = first_unfinished(&report.steps).unwrap_or_default();
        item(out, &format!("step {}", number + 1), &format!("{step}: did not end"));
    }
    for receipt in &report.receipts {
        item(out, "fault", &receipt.to_string());
    }
    let (shown, all) = (report.events.len() as u64, report.entries);
    let part = if shown < all { format!("the last {shown} of {all}") } else { format!("all {all}") };
    item(out, "events", &format!("{part}; the run ended at {}", seconds(report.ended_at)));
    for event in &report.events {
        let _ = writeln!(out, "{event}");
    }
    item(out, "trace", &report.fingerprint);
    item(out, "replay", &replay_command(Run::of(report)));
}

/// One line about all runs of a scenario: how many failed, which seeds and how; and one for each promise that it
/// makes of all seeds together.
pub fn tally(path: &str, tally: &Tally) -> String {
    let promises = tally.overall.lines().into_iter().map(|line| format!("\n      {line}"));
    promises.fold(seeds(path, tally), |all, line| all + &line)
}

fn seeds(path: &str, tally: &Tally) -> String {
    let mut seeds = plural(tally.runs, "seed");
    if let Some(reason) = &tally.why_not {
        if tally.runs == 0 {
            return format!("{path} (not run: {reason})");
        }
        seeds += &format!(" and {} not run: {reason}", tally.not_run);
    }
    if tally.bug_is_gone() && tally.failed.is_empty() {
        return format!("{path} ({seeds}; none shows the known bug: remove `known_bug`, and keep the file)");
    }
    if tally.failed.is_empty() && tally.known_bug {
        return format!("{path} ({seeds}; {} show the known bug)", tally.known_bug_shown);
    }
    if tally.failed.is_empty() {
        return format!("{path} ({seeds})");
    }
    let how = |(code, failed): (&ExitCode, &FailedSeeds)| format!("{}: {}", code.noun(), stretches(failed));
    let how: Vec<String> = tally.failed.iter().map(how).collect();
    format!("{path} ({} of {seeds}; {})", tally.failures(), how.join("; "))
}

/// Failing seeds as `0-3, 7`.
fn stretches(failed: &FailedSeeds) -> String {
    let mut stretches: Vec<(u64, u64)> = Vec::new();
    for &seed in failed.seeds.values() {
        match stretches.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(seed) => *last = seed,
            _ => stretches.push((seed, seed)),
        }
    }
    stretches.truncate(STRETCHES_MAX);
    let listed: u64 = stretches.iter().map(|(first, last)| last - first + 1).sum();
    let words: Vec<String> = stretches
        .iter()
        .map(|(first, last)| if first == last { first.to_string() } else { format!("{first}-{last}") })
        .collect();
    let more = failed.count - listed;
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let s = if failed.count == 1 { "" } else { "s" };
    format!("seed{s} {}{more}", words.join(", "))
}

/// What a whole invocation comes to, in one line.
pub fn summary(scenarios: usize, runs: u64, not_run: u64, failed: u64, code: ExitCode) -> String {
    let scenarios = plural(scenarios as u64, "scenario");
    let nothing_run = runs == 0 && not_run > 0;
    let mut runs = plural(runs, "run");
    if not_run > 0 {
        runs += &format!(", {not_run} not run");
    }
    match code {
        ExitCode::Usage if nothing_run => {
            format!("{scenarios}, {runs}: nothing could be run on this engine (exit code {})", code as u8)
        }
        ExitCode::Passed => format!("{scenarios}, {runs}: all passed"),
        code => {
            format!("{scenarios}, {runs}, {failed} failed: {} (exit code {})", code.sentence(), code as u8)
        }
    }
}

/// What is said after the summary of a batch that ended early.
pub fn stopped(failed: u64, left_out: u64) -> String {
    format!("; stopped after {}: {} left out", plural(failed, "failure"), plural(left_out, "run"))
}

/// `count` things, in words that fit the number.
pub fn plural(count: u64, thing: &str) -> String {
    if count == 1 { format!("1 {thing}") } else { format!("{count} {thing}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_steps_that_run_together_the_one_that_hangs_keeps_its_number() {
        let text = "about = \"x\"\ndeadline = \"5s\"\ngrid = { servers = 3, encoding = \"1-of-3\", clients = 2 }\n\
            files.a.size = \"1 KiB\"\n[[steps]]\nupload = \"a\"\n[[steps]]\ndownload = \"a\"\nby = \"c0\"\n\
            [[steps]]\ndownload = \"a\"\nby = \"c1\"\ntogether = true\n\
            [[faults]]\nname = \"f\"\nhang = \"c0\"\nwhen = \"step 2 starts\"\n";
        let scenario = scenario::parse("test", text.as_bytes());
        let scenario = scenario.unwrap_or_else(|mistakes| panic!("{}", mistakes.render(false)));
        let report = crate::run::run(&scenario.schedule(0), crate::trace::Keep::Last(0)).unwrap();
        let text = failure(&report);
        assert!(text.contains("\nstep 3   c1 downloads a: success"), "{text}");
        assert!(text.contains("\nstep 2   c0 downloads a: did not end"), "{text}");
    }

    fn failed(count: u64, seeds: impl IntoIterator<Item = u64>) -> FailedSeeds {
        FailedSeeds { count, seeds: (0..).zip(seeds).collect() }
    }

    #[test]
    fn failing_seeds_are_listed_in_stretches_and_the_rest_is_counted() {
        assert_eq!(stretches(&failed(1, [7])), "seed 7");
        assert_eq!(stretches(&failed(5, [90, 0, 1, 2, 7])), "seeds 90, 0-2, 7");
        assert_eq!(stretches(&failed(9, [3, 4])), "seeds 3-4 and 7 more");
        assert_eq!(stretches(&failed(1, [u64::MAX])), format!("seed {}", u64::MAX));
        let odd = failed(40, (0..40).map(|number| 2 * number));
        assert_eq!(stretches(&odd), "seeds 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22 and 28 more");
    }

    #[test]
    fn a_replay_names_the_variant() {
        let run = Run { path: "a.toml", variant: Some("k=1 size=1 KiB"), seed: 3, engine: Engine::Event };
        assert_eq!(replay_command(run), "cargo squall replay a.toml --seed 3 --variant 'k=1 size=1 KiB'");
    }

    #[test]
    fn a_path_that_a_shell_would_take_apart_is_quoted() {
        let replay_command =
            |path, seed| replay_command(Run { path, variant: None, seed, engine: Engine::Event });
        assert_eq!(replay_command("a/b-c.toml", 7), "cargo squall replay a/b-c.toml --seed 7");
        assert_eq!(replay_command("my file.toml", 7), "cargo squall replay 'my file.toml' --seed 7");
        assert_eq!(replay_command("it's", 0), r"cargo squall replay 'it'\''s' --seed 0");
        assert_eq!(replay_command("$HOME;x", 0), "cargo squall replay '$HOME;x' --seed 0");
        assert_eq!(replay_command("-x.toml", 0), "cargo squall replay ./-x.toml --seed 0");
    }
}
