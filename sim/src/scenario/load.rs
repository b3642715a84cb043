//! From the bytes of a file, and of its base, to checked scenarios: one, or one for each variant.
//!
//! Mistakes of all variants are collected, each once; they point into the file they are in. What keys mean is not
//! known here.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use toml::de::DeTable;

use super::diagnose::{Bad, Diagnostics, Problem, Report, Source};
use super::{FILE_BYTES_MAX, Scenario, base, decode, experiment, matrix};
use crate::schedule::Fault;

/// Reads and checks a scenario file; of one with a matrix, this is the first variant.
///
/// # Errors
/// Every mistake of the file at once; or that it cannot be read, is not UTF-8, or is larger than `FILE_BYTES_MAX`.
pub fn load(path: impl AsRef<Path>) -> Result<Scenario, Diagnostics> {
    let name = path.as_ref().display().to_string();
    first(&name, load_all(path)?)
}

/// Reads and checks a scenario file, all variants of it.
///
/// # Errors
/// As `load`.
pub fn load_all(path: impl AsRef<Path>) -> Result<Vec<Scenario>, Diagnostics> {
    let name = path.as_ref().display().to_string();
    parse_all(&name, &bytes(path.as_ref())?)
}

fn bytes(path: &Path) -> Result<Vec<u8>, Diagnostics> {
    let unreadable = |error: std::io::Error| {
        let name = path.display().to_string();
        Diagnostics::unreadable(&name, format!("cannot read the file: {error}"), None)
    };
    let file = File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}

/// Checks the bytes of a scenario file that is called `path`; of one with a matrix, this is the first variant.
/// Its base, if it has one, is read from the file system.
///
/// # Errors
/// As `load`.
pub fn parse(path: &str, bytes: &[u8]) -> Result<Scenario, Diagnostics> {
    first(path, parse_all(path, bytes)?)
}

/// What stands for the run in a file that has faults only.
const NO_RUN: &str = "\
[grid]
servers  = 1
encoding = \"1-of-1\"
storage  = \"s3\"

[[steps]]
wait = \"1s\"
";

/// Reads the faults of a file that is served without a run, as this seed draws them. The file may leave out everything
/// else but `about`; of one with a matrix, this is the first variant.
///
/// # Errors
/// As `load`.
pub fn load_faults(path: impl AsRef<Path>, seed: u64) -> Result<Vec<Fault>, Diagnostics> {
    let name = path.as_ref().display().to_string();
    parse_faults(&name, &bytes(path.as_ref())?, seed)
}

/// Reads the bytes of a file like [`load_faults`].
///
/// # Errors
/// As `load`.
pub fn parse_faults(path: &str, bytes: &[u8], seed: u64) -> Result<Vec<Fault>, Diagnostics> {
    let nothing = Source { path: "what is assumed of a run".to_owned(), text: NO_RUN.to_owned() };
    let scenario = first(path, parse_over(path, bytes, Some(nothing))?)?;
    Ok(scenario.schedule(seed).faults)
}

fn first(path: &str, variants: Vec<Scenario>) -> Result<Scenario, Diagnostics> {
    let none = || Diagnostics::unreadable(path, "the file has no variant".to_owned(), None);
    variants.into_iter().next().ok_or_else(none)
}

/// Checks the bytes of a scenario file that is called `path`, all variants of it.
///
/// # Errors
/// As `load`.
pub fn parse_all(path: &str, bytes: &[u8]) -> Result<Vec<Scenario>, Diagnostics> {
    parse_over(path, bytes, None)
}

/// Checks the bytes of a file over its base, or over `base` if it names none.
fn parse_over(path: &str, bytes: &[u8], base: Option<Source>) -> Result<Vec<Scenario>, Diagnostics> {
    let source = text(path, bytes)?;
    let wrong = |report: Report<'_>| {
        Diagnostics::new(
            vec![Source { path: path.to_owned(), text: source.to_owned() }],
            report.into_problems(),
        )
    };
    let mut report = Report::new(source);
    let Some(mut document) = read(source, &mut report) else { return Err(wrong(report)) };
    let named = base::find(path, &document, &mut report);
    let base = if document.contains_key("base") { named } else { base };
    let Some(base) = base else {
        let problems = report.into_problems();
        let files = || vec![Source { path: path.to_owned(), text: source.to_owned() }];
        return variants(path, &document, source, problems, files);
    };
    // Both texts in one row: a place in the base is a place behind the file.
    let all = format!("{source}\n{}", base.text);
    let shifted = format!("{}{}", "\n".repeat(source.len() + 1), base.text);
    let files = || vec![Source { path: path.to_owned(), text: source.to_owned() }, base.clone()];
    let mut report = Report::new(&all);
    match read(&shifted, &mut report) {
        Some(under) => {
            if let Some((span, bad)) = base::check(&under) {
                report.bad(span, bad);
            }
            base::merge(&mut document, under);
            variants(path, &document, &all, report.into_problems(), files)
        }
        None => Err(Diagnostics::new(files(), report.into_problems())),
    }
}

/// The text of a file that is small enough.
fn text<'a>(path: &str, bytes: &'a [u8]) -> Result<&'a str, Diagnostics> {
    if bytes.len() as u64 > FILE_BYTES_MAX {
        let help = "a scenario is a page of text; content comes from the seed";
        let title = "the file is larger than 1 MiB".to_owned();
        return Err(Diagnostics::unreadable(path, title, Some(help.to_owned())));
    }
    std::str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to();
        let lossy = String::from_utf8_lossy(bytes);
        let mut report = Report::new(&lossy);
        report.bad(at..at + 1, Bad::new("the file is not UTF-8", format!("byte {at} begins no character")));
        let problems = report.into_problems();
        Diagnostics::new(vec![Source { path: path.to_owned(), text: lossy.into_owned() }], problems)
    })
}

/// Reads TOML; none if it is not (and reported).
fn read<'a>(source: &'a str, report: &mut Report<'_>) -> Option<DeTable<'a>> {
    let (document, errors) = DeTable::parse_recoverable(source);
    for error in &errors {
        let span = error.span().unwrap_or(0..0);
        let (title, label) = error.message().split_once(", expected ").unwrap_or((error.message(), ""));
        let label = if label.is_empty() { "not TOML".to_owned() } else { format!("expected {label}") };
        report.bad(span, Bad::new(format!("not TOML: {title}"), label));
    }
    errors.is_empty().then(|| document.into_inner())
}

/// Checks each variant of `document`; `found` is what is wrong already.
fn variants(
    path: &str,
    document: &DeTable<'_>,
    source: &str,
    found: Vec<Problem>,
    files: impl FnOnce() -> Vec<Source>,
) -> Result<Vec<Scenario>, Diagnostics> {
    let mut report = Report::new(source);
    let matrix = matrix::read(document, &mut report);
    let mut problems = found;
    problems.extend(report.into_problems());
    let variants = matrix::variants(&matrix);
    let mut scenarios = Vec::with_capacity(variants.len());
    let mut of_variants: Vec<(Problem, usize, Option<&str>)> = Vec::new();
    for variant in &variants {
        let mut report = Report::new(source);
        let name = variant.name.as_deref();
        let decoded = decode(path, name, &variant.document(document, &matrix), &mut report);
        scenarios.extend(decoded.map(|scenario| Scenario { varied: variant.words.clone(), ..scenario }));
        let tested = |name: Option<&str>| {
            scenarios
                .last()
                .and_then(Scenario::experiment)
                .is_none_or(|experiment| experiment.is_tested(name))
        };
        if !variants.iter().any(|variant| tested(variant.name.as_deref())) {
            experiment::none_tested(document, &mut report);
        }
        for problem in report.into_problems() {
            match of_variants.iter_mut().find(|(known, _, _)| *known == problem) {
                Some((_, count, _)) => *count += 1,
                None => of_variants.push((problem, 1, name)),
            }
        }
    }
    for (mut problem, count, name) in of_variants {
        let at = problem.span.as_ref().map_or(0, |span| span.start);
        let in_matrix = matrix.iter().any(|dimension| dimension.contains(at));
        if let Some(name) = name.filter(|_| count < variants.len() && !in_matrix) {
            let note = format!("this is so in the variant `{name}`");
            problem.help = Some(problem.help.map_or(note.clone(), |help| format!("{help}; {note}")));
        }
        problems.push(problem);
    }
    if problems.is_empty() { Ok(scenarios) } else { Err(Diagnostics::new(files(), problems)) }
}
