//! Reads everything that stands still: seeds, grid, servers and files.

use std::time::Duration;

use lafs::format::Encoding;
use toml::de::DeValue;

use super::diagnose::{Bad, Report, suggest};
use super::keys;
use super::section::Section;
use super::units::{self, Spread};
use crate::schedule::{BUCKET, Tree};
use crate::world::MUTABLE_FILES_MAX;

/// Files and directories that a tree can have.
const TREE_FILES_MAX: u64 = 10_000;
const SERVERS_MAX: u64 = 1_000;
const CLIENTS_MAX: u64 = 100;
const SEEDS_MAX: u64 = 1_000_000;
const FILE_BYTES_MAX: u64 = 1 << 30;
/// Servers of happiness unless the file says otherwise (and there are so many shares and servers).
const HAPPY_DEFAULT: usize = 7;

/// Words that phrases use, which no host or file can be called.
const RESERVED: &[&str] =
    &["all", "any", "but", "it", "of", "the", "has", "and", "step", "share", "shares", "holder", "holders"];

/// A seed that always runs, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pinned {
    /// The seed.
    pub seed: u64,
    /// What it showed.
    pub why: String,
}

/// A link before the seed has chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LinkPlan {
    pub(super) latency: (Duration, Duration),
    pub(super) bandwidth: Option<Spread>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ServerPlan {
    pub(super) name: String,
    pub(super) link: LinkPlan,
    pub(super) space: Spread,
    pub(super) share_max: Option<Spread>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct GridPlan {
    pub(super) servers: Vec<ServerPlan>,
    pub(super) clients: Vec<String>,
    /// None if it is wrong (and reported).
    pub(super) encoding: Option<Encoding>,
    pub(super) happy: usize,
    pub(super) segment: u64,
    /// The link of a server that says nothing else.
    pub(super) link: LinkPlan,
    /// Whether the names of hosts could be read.
    pub(super) hosts_known: bool,
    pub(super) storage: StoragePlan,
    pub(super) client_retries: bool,
}

/// Where servers keep their shares, before the seed has chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum StoragePlan {
    Memory,
    S3 { link: LinkPlan, retry: &'static str },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FilePlan {
    pub(super) name: String,
    pub(super) size: Spread,
    pub(super) random_key: bool,
    pub(super) mutable: bool,
    pub(super) directory: bool,
}

/// Reads `[seeds]`: how many, and those that are pinned.
pub(super) fn seeds(root: &Section<'_>, report: &mut Report<'_>) -> (u64, Vec<Pinned>) {
    let Some(section) = root.table("seeds", report) else { return (0, Vec::new()) };
    let count = section.integer("count", 0..=SEEDS_MAX, report).unwrap_or(0);
    let mut pinned: Vec<Pinned> = Vec::new();
    for entry in section.tables("pinned", report).unwrap_or_default() {
        let seed = entry.integer("seed", 0..=u64::MAX, report);
        let why = entry.line("why", report);
        let Some((seed, why)) = seed.zip(why) else { continue };
        if pinned.iter().any(|other| other.seed == seed) {
            let bad = Bad::new(format!("seed {seed} is pinned twice"), "once is enough");
            report.bad(entry.span, bad.help("put both reasons into one line"));
            continue;
        }
        pinned.push(Pinned { seed, why });
    }
    (count, pinned)
}

/// Reads `[grid]` and `[server.NAME]`. Falls back to defaults where something is wrong (and reported).
pub(super) fn grid(root: &Section<'_>, report: &mut Report<'_>) -> GridPlan {
    let section = root.table("grid", report);
    let section_known = section.is_some();
    let section = section.unwrap_or(Section::absent(&keys::GRID));
    let servers = hosts(&section, "servers", SERVERS_MAX, report, |n, _| format!("s{n}"));
    let clients = hosts(&section, "clients", CLIENTS_MAX, report, |n, count| {
        if count == 1 { "client".to_owned() } else { format!("c{n}") }
    });
    let hosts_known = section_known && servers.is_some() && clients.is_some();
    let servers = servers.unwrap_or_default();
    let clients = clients.unwrap_or_default();
    if let Some(both) = clients.iter().find(|client| servers.contains(client)) {
        let bad = Bad::new(format!("`{both}` is both a server and a client"), "names must differ");
        report.bad(section.key_span("clients"), bad);
    }
    let storage = storage(root, &section, report);
    let reserved = |name: &&String| matches!(storage, StoragePlan::S3 { .. }) && **name == BUCKET;
    for key in ["servers", "clients"] {
        let names = if key == "servers" { &servers } else { &clients };
        if names.iter().find(reserved).is_some() {
            let bad = Bad::new(format!("`{BUCKET}` cannot be a name here"), "the host that keeps all shares");
            report.bad(section.key_span(key), bad.help("shares are kept in S3: call it something else"));
        }
    }
    let encoding = section.read("encoding", report, encoding);
    let total = encoding.map_or(Encoding::TOTAL_MAX.into(), Encoding::total);
    let happy_max = u64::try_from(total).unwrap_or(u64::MAX);
    let happy = section.integer("happy", 1..=happy_max, report).and_then(|n| usize::try_from(n).ok());
    let happy = happy.unwrap_or(HAPPY_DEFAULT.min(total).min(servers.len().max(1)));
    let segment = section.read("segment", report, |text| {
        let segment = units::size(text)?;
        if segment == 0 { Err(Bad::new("a segment of no bytes", "at least 1 B")) } else { Ok(segment) }
    });
    let link = link(&section, report);
    let space = section.read("space", report, units::sizes).unwrap_or(Spread::fixed(0));
    let share_max = section.read("share_size_max", report, units::sizes);
    let servers = servers.into_iter().map(|name| ServerPlan { name, link, space, share_max });
    let mut grid = GridPlan {
        servers: servers.collect(),
        clients,
        encoding,
        happy,
        segment: segment.unwrap_or(1),
        link,
        hosts_known,
        storage,
        client_retries: section.flag("client_retries", report),
    };
    for (name, span, section) in root.named("server", report) {
        let own = link_over(&section, grid.link, report);
        let space = section.read("space", report, units::sizes);
        let share_max = section.read("share_size_max", report, units::sizes);
        match grid.servers.iter_mut().find(|server| server.name == name) {
            Some(server) => {
                server.link = own;
                server.space = space.unwrap_or(server.space);
                server.share_max = share_max.or(server.share_max);
            }
            None if hosts_known => {
                let known = grid.servers.iter().map(|server| server.name.as_str());
                let bad = Bad::new(format!("there is no server called `{name}`"), "names nobody");
                report.bad(span, bad.help(suggest(&name, "servers", known)));
            }
            None => {}
        }
    }
    grid
}

/// Reads `[s3]`, where shares are kept in S3.
fn storage(root: &Section<'_>, grid: &Section<'_>, report: &mut Report<'_>) -> StoragePlan {
    let in_s3 = grid.choice("storage", report) == Some("s3");
    if !in_s3 {
        if root.field("s3").is_some() {
            let bad = Bad::new("`s3` without a bucket", "servers keep their shares on disks");
            report.bad(root.key_span("s3"), bad.help("add storage = \"s3\" to [grid]"));
        }
        return StoragePlan::Memory;
    }
    let section = root.table("s3", report).unwrap_or(Section::absent(&keys::S3));
    let link = link(&section, report);
    StoragePlan::S3 { link, retry: section.choice("retry", report).unwrap_or_default() }
}

/// Reads `[files.NAME]`.
pub(super) fn files(root: &Section<'_>, report: &mut Report<'_>) -> Vec<FilePlan> {
    let mut files = Vec::new();
    for (name, span, section) in root.named("files", report) {
        if let Err(bad) = check_name(&name) {
            report.bad(span, bad);
        }
        let size = section.read("size", report, |text| {
            let size = units::sizes(text)?;
            if size.max > FILE_BYTES_MAX {
                return Err(Bad::new("a file that is too large", "at most 1 GiB: content is kept in memory"));
            }
            Ok(size)
        });
        let key = section.choice("key", report);
        // Where the size is wrong, phrases about the file should not be reported as well.
        let size = size.unwrap_or(Spread::fixed(FILE_BYTES_MAX));
        let kind = section.choice("kind", report);
        let directory = kind == Some("directory");
        let mutable = directory || kind == Some("mutable");
        if let Some(field) = section.field("size").filter(|_| directory) {
            report.bad(field.span, Bad::new("`size` means nothing for a directory", "it begins empty"));
        }
        if let Some(field) = section.field("key").filter(|_| mutable) {
            let bad = Bad::new("`key` means nothing for a mutable file", "its keys are random");
            report.bad(field.span, bad);
        }
        let others = files.iter().filter(|file: &&FilePlan| file.mutable).count();
        if mutable && others >= MUTABLE_FILES_MAX {
            let label = format!("one more than {MUTABLE_FILES_MAX}");
            report.bad(
                section.span.clone(),
                Bad::new("too many mutable files", label).help("each needs a key of its own"),
            );
        }
        files.push(FilePlan { name, size, random_key: key == Some("random"), mutable, directory });
    }
    files
}

/// Reads `[trees.NAME]`.
pub(super) fn trees(root: &Section<'_>, report: &mut Report<'_>) -> Vec<Tree> {
    let mut trees = Vec::new();
    for (name, _, section) in root.named("trees", report) {
        let files = section.integer("files", 1..=TREE_FILES_MAX, report);
        let directories = section.integer("directories", 0..=TREE_FILES_MAX, report);
        let size_max = section.read("size", report, units::size);
        if let Some(((files, directories), size_max)) = files.zip(directories).zip(size_max) {
            trees.push(Tree { name, files, directories, size_max });
        }
    }
    trees
}

/// Reads `latency` and `bandwidth`, with the given link where they are absent.
pub(super) fn link_over(section: &Section<'_>, under: LinkPlan, report: &mut Report<'_>) -> LinkPlan {
    LinkPlan {
        latency: section.read("latency", report, units::latency).unwrap_or(under.latency),
        bandwidth: section.read("bandwidth", report, units::rates).unwrap_or(under.bandwidth),
    }
}

fn link(section: &Section<'_>, report: &mut Report<'_>) -> LinkPlan {
    link_over(section, LinkPlan { latency: (Duration::ZERO, Duration::ZERO), bandwidth: None }, report)
}

fn encoding(text: &str) -> Result<Encoding, Bad> {
    let parsed = text.split_once("-of-").and_then(|(k, n)| k.trim().parse().ok().zip(n.trim().parse().ok()));
    let Some((needed, total)) = parsed else {
        return Err(
            Bad::new("this encoding is not understood", "expected k-of-N").help("for example \"3-of-10\"")
        );
    };
    Encoding::new(needed, total).map_err(|error| Bad::new(error.to_string(), "k shares of N rebuild a file"))
}

/// A number of hosts, named by `name`, or a list of names.
fn hosts(
    section: &Section<'_>,
    key: &str,
    max: u64,
    report: &mut Report<'_>,
    name: impl Fn(u64, u64) -> String,
) -> Option<Vec<String>> {
    let Some(field) = section.field(key).filter(|field| field.value.is_array()) else {
        let count = section.integer(key, 1..=max, report)?;
        return Some((0..count).map(|n| name(n, count)).collect());
    };
    let DeValue::Array(items) = field.value else { return None };
    let mut names: Vec<String> = Vec::new();
    let mut good = true;
    for item in items.iter() {
        let checked = match item.get_ref().as_str() {
            Some(text) if names.iter().any(|name| name == text) => {
                Err(Bad::new(format!("`{text}` is named twice"), "names must differ"))
            }
            Some(text) => check_name(text).map(|()| text.to_owned()),
            None => Err(field.wrong_type()),
        };
        match checked {
            Ok(name) => names.push(name),
            Err(bad) => {
                report.bad(item.span(), bad);
                good = false;
            }
        }
    }
    if items.is_empty() || names.len() as u64 > max {
        let bad = Bad::new(format!("`{key}` is out of range"), format!("from 1 to {max} names"));
        report.bad(field.span, bad);
        good = false;
    }
    good.then_some(names)
}

/// Names stand in phrases, so they are words.
fn check_name(name: &str) -> Result<(), Bad> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if RESERVED.contains(&name) {
        return Err(Bad::new(format!("`{name}` cannot be a name"), "phrases use this word"));
    }
    if name.is_empty() || name.len() > 64 || !name.chars().all(word) {
        return Err(Bad::new(
            format!("`{name}` cannot be a name"),
            "letters, digits, `-` and `_`, at most 64",
        ));
    }
    Ok(())
}
