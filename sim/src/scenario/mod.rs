//! Scenario files: TOML to `Scenario`, and `Scenario` and a seed to `Schedule`.
//!
//! `keys` lists what a file may say; `section` reads tables through that list; `units`, `select` and `trigger` parse
//! phrases; `grid`, `steps` and `faults` put them together; `resolve` draws; `explain` writes. Nothing here runs anything.

mod diagnose;
mod explain;
mod faults;
mod form;
mod grid;
pub mod keys;
mod resolve;
mod section;
mod select;
mod steps;
mod trigger;
mod units;

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use lafs::format::Encoding;
use toml::de::DeTable;

pub use self::diagnose::{Diagnostics, Problem};
pub(crate) use self::explain::error_words;
pub use self::explain::explain;
pub use self::grid::Pinned;

pub(crate) use self::diagnose::suggest;
use self::diagnose::{Bad, Report};
use self::faults::FaultPlan;
use self::grid::{FilePlan, GridPlan};
use self::section::Section;
use self::select::Names;
use self::steps::{ActionPlan, StepPlan};
use crate::schedule::{Failure, Schedule};
use crate::verdict::Oracle;

/// The largest file that is read, in bytes.
pub const FILE_BYTES_MAX: u64 = 1 << 20;

/// The version of the format this program reads.
const VERSION: u64 = 1;

/// A scenario file, checked: a family of runs, one for each seed.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    path: String,
    about: String,
    from: Option<String>,
    deadline: Duration,
    seed_count: u64,
    pinned: Vec<Pinned>,
    encoding: Encoding,
    grid: GridPlan,
    files: Vec<FilePlan>,
    steps: Vec<StepPlan>,
    faults: Vec<FaultPlan>,
    must_fail: Option<Failure>,
    known_bug: Option<Failure>,
}

/// Reads and checks a scenario file.
///
/// # Errors
/// Every mistake of the file at once; or that it cannot be read, is not UTF-8, or is larger than `FILE_BYTES_MAX`.
pub fn load(path: impl AsRef<Path>) -> Result<Scenario, Diagnostics> {
    let name = path.as_ref().display().to_string();
    let unreadable = |error: std::io::Error| {
        Diagnostics::unreadable(&name, format!("cannot read the file: {error}"), None)
    };
    let file = File::open(path.as_ref()).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    parse(&name, &bytes)
}

/// Checks the bytes of a scenario file that is called `path`.
///
/// # Errors
/// As `load`.
pub fn parse(path: &str, bytes: &[u8]) -> Result<Scenario, Diagnostics> {
    if bytes.len() as u64 > FILE_BYTES_MAX {
        let help = "a scenario is a page of text; content comes from the seed";
        return Err(Diagnostics::unreadable(
            path,
            "the file is larger than 1 MiB".to_owned(),
            Some(help.to_owned()),
        ));
    }
    let source = match std::str::from_utf8(bytes) {
        Ok(source) => source,
        Err(error) => {
            let at = error.valid_up_to();
            let lossy = String::from_utf8_lossy(bytes);
            let mut report = Report::new(&lossy);
            report
                .bad(at..at + 1, Bad::new("the file is not UTF-8", format!("byte {at} begins no character")));
            return Err(Diagnostics::new(path, &lossy, report.into_problems()));
        }
    };
    let (document, errors) = DeTable::parse_recoverable(source);
    let mut report = Report::new(source);
    for error in &errors {
        let span = error.span().unwrap_or(0..0);
        let (title, label) = error.message().split_once(", expected ").unwrap_or((error.message(), ""));
        let label = if label.is_empty() { "not TOML".to_owned() } else { format!("expected {label}") };
        report.bad(span, Bad::new(format!("not TOML: {title}"), label));
    }
    if !errors.is_empty() {
        return Err(Diagnostics::new(path, source, report.into_problems()));
    }
    let scenario = decode(path, document.get_ref(), &mut report);
    let problems = report.into_problems();
    match scenario {
        Some(scenario) if problems.is_empty() => Ok(scenario),
        _ => Err(Diagnostics::new(path, source, problems)),
    }
}

fn decode(path: &str, document: &DeTable<'_>, report: &mut Report<'_>) -> Option<Scenario> {
    let root = Section::open(&keys::FILE, document, 0..0, report);
    let about = root.line("about", report);
    let from = root.line("from", report);
    root.integer("version", VERSION..=VERSION, report);
    let deadline = root.read("deadline", report, |text| {
        let deadline = units::duration(text)?;
        if deadline.is_zero() {
            Err(Bad::new("a deadline of nothing", "must be above 0"))
        } else {
            Ok(deadline)
        }
    });
    let deadline = deadline.unwrap_or(Duration::MAX);
    let (seed_count, pinned) = grid::seeds(&root, report);
    let grid = grid::grid(&root, report);
    let files = grid::files(&root, report);
    let step_sections = root.tables("steps", report);
    let mut names = Names {
        servers: grid.servers.iter().map(|server| server.name.clone()).collect(),
        clients: grid.clients.clone(),
        files: files.iter().map(|file| (file.name.clone(), file.size)).collect(),
        shares: grid.encoding.map_or(Ok(256), |e| u64::try_from(e.total())).unwrap_or(u64::MAX),
        needed: grid.encoding.map_or(Ok(1), |e| u64::try_from(e.needed())).unwrap_or(u64::MAX),
        steps: step_sections.as_ref().map_or(u64::MAX, |sections| sections.len() as u64),
        uploads: Vec::new(),
        downloads: Vec::new(),
        segment: grid.segment,
        hosts_known: grid.hosts_known,
    };
    let mut steps = Vec::new();
    for (section, number) in step_sections.unwrap_or_default().into_iter().zip(1u64..) {
        let step = steps::step(&section, &names, deadline, report);
        match step.as_ref().map(|step| &step.action) {
            Some(ActionPlan::Upload { file }) => names.uploads.push((file.clone(), number)),
            Some(ActionPlan::Download { .. }) => names.downloads.push(number),
            _ => {}
        }
        if number == 1 && step.as_ref().is_some_and(|step| step.together) {
            let bad = Bad::new("the first step has nothing to begin together with", "no step before it");
            report.bad(section.key_span("together"), bad);
        }
        steps.extend(step);
    }
    let mut faults = Vec::new();
    for section in root.tables("faults", report).unwrap_or_default() {
        let fault = faults::fault(&section, &names, grid.link, report);
        faults.extend(fault.map(|fault| (fault, section.key_span("name"))));
    }
    faults::check_names(&faults, report);
    let must_fail = must_fail(&root, report);
    let known_bug = root.read("known_bug", report, known_bug);
    let faults = faults.into_iter().map(|(fault, _)| fault).collect();
    let (path, encoding) = (path.to_owned(), grid.encoding?);
    Some(Scenario {
        path,
        about: about?,
        encoding,
        from,
        deadline,
        seed_count,
        pinned,
        grid,
        files,
        steps,
        faults,
        must_fail,
        known_bug,
    })
}

fn must_fail(root: &Section<'_>, report: &mut Report<'_>) -> Option<Failure> {
    root.field("must_fail")?;
    let section = root.table("must_fail", report)?;
    let says = section.line("says", report);
    let verdict = oracle(section.choice("verdict", report)?)?;
    Some(Failure { verdict, says: says? })
}

/// Reads `availability: had to succeed`.
fn known_bug(text: &str) -> Result<Failure, Bad> {
    let (verdict, says) = text.split_once(':').unwrap_or((text, ""));
    match oracle(verdict.trim()) {
        Some(verdict) if !says.trim().is_empty() => Ok(Failure { verdict, says: says.trim().to_owned() }),
        Some(_) => Err(Bad::new("a known bug without its failure", "says nothing")
            .help(format!("add words that the finding contains: \"{}: had to succeed\"", verdict.trim()))),
        None => Err(Bad::new(format!("`{}` is no oracle", verdict.trim()), "expected ORACLE: words")
            .at(verdict.trim())
            .help(suggest(verdict.trim(), "oracles", keys::VERDICTS.iter().copied()))),
    }
}

fn oracle(word: &str) -> Option<Oracle> {
    Oracle::EXPECTABLE.into_iter().find(|oracle| oracle.to_string() == word)
}

impl Scenario {
    /// The file it was read from.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What it shows, in one line.
    pub fn about(&self) -> &str {
        &self.about
    }

    /// Where it comes from, if the file says so.
    pub fn from(&self) -> Option<&str> {
        self.from.as_deref()
    }

    /// The seeds the tests run: the pinned ones first, then from 0 as many as the file says.
    pub fn seeds(&self) -> Vec<u64> {
        let pinned = self.pinned.iter().map(|pinned| pinned.seed);
        let others =
            (0..self.seed_count).filter(|seed| self.pinned.iter().all(|pinned| pinned.seed != *seed));
        pinned.chain(others).collect()
    }

    /// Seeds that always run, and why.
    pub fn pinned(&self) -> &[Pinned] {
        &self.pinned
    }

    /// The names of its faults, in order.
    pub fn fault_names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.faults.iter().map(|fault| fault.name.as_str())
    }

    /// The failure that every run must show.
    pub fn must_fail(&self) -> Option<&Failure> {
        self.must_fail.as_ref()
    }

    /// The failure of a bug that is known and not mended yet.
    pub fn known_bug(&self) -> Option<&Failure> {
        self.known_bug.as_ref()
    }

    /// The run that this seed stands for.
    pub fn schedule(&self, seed: u64) -> Schedule {
        resolve::schedule(self, seed)
    }
}
