//! Scenario files: TOML to `Scenario`, and `Scenario` and a seed to `Schedule`.
//!
//! `load` reads files, with `base` and `matrix`; `keys` lists what a file may say; `section` reads tables through that
//! list; `units`, `select` and `trigger` parse phrases; `grid`, `steps` and `faults` put them together; `resolve` draws;
//! `explain` and `pin` write a run; `schema` and `reference` write what there is to know. Nothing here runs anything.

mod base;
mod diagnose;
mod experiment;
mod explain;
mod faults;
mod form;
mod grammar;
mod grid;
pub mod keys;
mod load;
mod matrix;
mod mutable;
mod overall;
mod pin;
mod reference;
mod resolve;
mod schema;
mod section;
mod select;
mod steps;
mod trigger;
mod units;
mod upkeep;
mod variant;
mod write;

use std::time::Duration;

use lafs::format::Encoding;
use toml::de::DeTable;

pub use self::diagnose::{Diagnostics, Problem};
pub use self::experiment::{Counted, Experiment};
pub(crate) use self::explain::error_words;
pub use self::explain::explain;
pub use self::grid::Pinned;
pub use self::load::{load, load_all, load_faults, parse, parse_all, parse_faults};
pub use self::overall::{EVERYTHING, Operation, Promise, SeedBound};
pub use self::pin::pin;
pub use self::reference::reference;
pub use self::schema::schema;
pub use self::variant::choose;
pub(crate) use self::variant::name;

pub(crate) use self::diagnose::suggest;
use self::diagnose::{Bad, Report};
use self::faults::FaultPlan;
use self::grid::{FilePlan, GridPlan, StoragePlan};
use self::section::Section;
use self::select::Names;
use self::steps::{ActionPlan, StepPlan};
use crate::schedule::{Failure, Schedule, Tree};
use crate::verdict::Oracle;

/// The largest file that is read, in bytes.
pub const FILE_BYTES_MAX: u64 = 1 << 20;

/// The version of the format this program reads.
const VERSION: u64 = 1;

/// A scenario file, or one variant of it, checked: a family of runs, one for each seed.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    path: String,
    variant: Option<String>,
    varied: Vec<(String, String)>,
    about: String,
    from: Option<String>,
    deadline: Duration,
    seed_count: u64,
    pinned: Vec<Pinned>,
    encoding: Encoding,
    grid: GridPlan,
    files: Vec<FilePlan>,
    trees: Vec<Tree>,
    steps: Vec<StepPlan>,
    faults: Vec<FaultPlan>,
    must_fail: Option<Failure>,
    known_bug: Option<Failure>,
    over_all_seeds: Vec<Promise>,
    experiment: Option<Experiment>,
}

fn decode(
    path: &str,
    variant: Option<&str>,
    document: &DeTable<'_>,
    report: &mut Report<'_>,
) -> Option<Scenario> {
    let root = Section::open(&keys::FILE, document, 0..0, report);
    let about = root.line("about", report);
    let from = root.line("from", report);
    version(&root, report);
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
    let trees = grid::trees(&root, report);
    let step_sections = root.tables("steps", report);
    let mut names = Names {
        servers: grid.servers.iter().map(|server| server.name.clone()).collect(),
        clients: grid.clients.clone(),
        files: files.iter().map(|file| (file.name.clone(), file.size)).collect(),
        mutable: files.iter().filter(|file| file.mutable).map(|file| file.name.clone()).collect(),
        directories: files.iter().filter(|file| file.directory).map(|file| file.name.clone()).collect(),
        trees: trees.iter().map(|tree| tree.name.clone()).collect(),
        others: Vec::new(),
        shares: grid.encoding.map_or(Ok(256), |e| u64::try_from(e.total())).unwrap_or(u64::MAX),
        needed: grid.encoding.map_or(Ok(1), |e| u64::try_from(e.needed())).unwrap_or(u64::MAX),
        steps: step_sections.as_ref().map_or(u64::MAX, |sections| sections.len() as u64),
        uploads: Vec::new(),
        mutable_steps: Vec::new(),
        downloads: Vec::new(),
        begins_with: Vec::new(),
        segment: grid.segment,
        hosts_known: grid.hosts_known,
        bucket: matches!(grid.storage, StoragePlan::S3 { .. }),
    };
    let mut steps = Vec::new();
    for (section, number) in step_sections.unwrap_or_default().into_iter().zip(1u64..) {
        let step = steps::step(&section, &names, deadline, report);
        match step.as_ref().map(|step| &step.action) {
            Some(ActionPlan::Upload { file }) => names.uploads.push((file.clone(), number)),
            Some(ActionPlan::Download { .. }) => names.downloads.push(number),
            Some(ActionPlan::Mutable { file, act, .. }) => {
                names.mutable_steps.push((file.clone(), number, *act));
                names.others.push(number);
            }
            Some(ActionPlan::Upkeep(_)) => names.others.push(number),
            _ => {}
        }
        let together = step.as_ref().is_some_and(|step| step.together);
        let first = names.begins_with.last().copied().filter(|_| together);
        names.begins_with.push(first.unwrap_or(number));
        if number == 1 && together {
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
    let over_all_seeds = overall::promises(&root, &steps, report);
    let experiment = experiment::experiment(&root, &steps, report);
    let known_bug = root.read("known_bug", report, known_bug);
    let faults = faults.into_iter().map(|(fault, _)| fault).collect();
    let (path, encoding) = (path.to_owned(), grid.encoding?);
    Some(Scenario {
        path,
        variant: variant.map(str::to_owned),
        varied: Vec::new(),
        about: about?,
        encoding,
        from,
        deadline,
        seed_count,
        pinned,
        grid,
        files,
        trees,
        steps,
        faults,
        must_fail,
        known_bug,
        over_all_seeds,
        experiment,
    })
}

/// Reports a version that this program does not read.
fn version(root: &Section<'_>, report: &mut Report<'_>) {
    let Some(field) = root.field("version") else { return };
    if let Some(version) = field.number(report).filter(|version| *version != VERSION) {
        let bad = Bad::new(format!("version {version} of the format is not known"), "not of this program");
        report.bad(field.span, bad.help(format!("this program reads version {VERSION}")));
    }
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

    /// Which variant of the file it is, named after the values of its matrix; none if it has no matrix.
    pub fn variant(&self) -> Option<&str> {
        self.variant.as_deref()
    }

    /// What is special about this variant: what each dimension of the matrix is called, and its value.
    pub fn varied(&self) -> &[(String, String)] {
        &self.varied
    }

    /// The file, and the variant if there are several.
    pub fn name(&self) -> String {
        variant::name(&self.path, self.variant())
    }

    /// What it shows, in one line.
    pub fn about(&self) -> &str {
        &self.about
    }

    /// Where it comes from, if the file says so.
    pub fn from(&self) -> Option<&str> {
        self.from.as_deref()
    }

    /// The seeds the tests run: the pinned ones first, then from 0 as many as the file says; none if this is a variant of
    /// an experiment that is left out of the tests.
    pub fn seeds(&self) -> Vec<u64> {
        let left_out = self.experiment.as_ref().is_some_and(|it| !it.is_tested(self.variant()));
        if left_out { Vec::new() } else { self.all_seeds() }
    }

    /// The seeds that an experiment runs, whether the tests do or not.
    pub fn all_seeds(&self) -> Vec<u64> {
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

    /// What must hold of all runs together.
    pub fn over_all_seeds(&self) -> &[Promise] {
        &self.over_all_seeds
    }

    /// The question it is asked together with the other variants.
    pub fn experiment(&self) -> Option<&Experiment> {
        self.experiment.as_ref()
    }

    /// What each step does, if it is something that can fail.
    pub fn operations(&self) -> Vec<Option<Operation>> {
        self.steps.iter().map(overall::operation).collect()
    }

    /// The run that this seed stands for.
    pub fn schedule(&self, seed: u64) -> Schedule {
        resolve::schedule(self, seed)
    }
}
