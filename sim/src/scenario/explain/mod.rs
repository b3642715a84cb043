//! Writes a schedule as a scenario file in which nothing is left to choose. Reading it back with the same seed
//! yields the same schedule.

mod fault;

use std::fmt::Write as _;

use super::Scenario;
use super::select::write_numbers;
use super::units::{write_duration, write_size};
use crate::schedule::{
    Action, Bound, Check, Degradation, ErrorKind, Link, MutableAct, Outcome, Schedule, Step, Storage, Target,
    Upkeep,
};

/// The run that a seed stands for, as text: every default and every draw is visible.
pub fn explain(scenario: &Scenario, seed: u64) -> String {
    let schedule = &scenario.schedule(seed);
    let mut out = Out(String::new());
    out.line(format_args!(
        "# {} with seed {}: every default and every draw.",
        scenario.name(),
        schedule.seed
    ));
    out.text("about", &schedule.about);
    if let Some(from) = scenario.from() {
        out.text("from", from);
    }
    out.text("deadline", &write_duration(schedule.deadline));
    if let Some(bug) = &schedule.known_bug {
        out.text("known_bug", &format!("{}: {}", bug.verdict, bug.says));
    }
    grid(&mut out, schedule);
    for file in &schedule.files {
        out.line(format_args!("\n[files.{}]", file.name));
        if !file.directory {
            out.text("size", &write_size(file.size));
        }
        match file.mutable {
            true if file.directory => out.text("kind", "directory"),
            true => out.text("kind", "mutable"),
            false => out.text("key", if file.random_key { "random" } else { "convergent" }),
        }
    }
    for tree in &schedule.trees {
        out.line(format_args!("\n[trees.{}]", tree.name));
        out.line(format_args!("files = {}\ndirectories = {}", tree.files, tree.directories));
        out.text("size", &write_size(tree.size_max));
    }
    for (step, number) in schedule.steps.iter().zip(1u64..) {
        out.line(format_args!("\n# step {number}\n[[steps]]"));
        self::step(&mut out, step);
    }
    for fault in &schedule.faults {
        out.line(format_args!("\n[[faults]]"));
        self::fault::fault(&mut out, fault);
    }
    if let Some(experiment) = scenario.experiment() {
        out.line(format_args!("\n[experiment]"));
        out.text("question", &experiment.question);
        out.text("counts", experiment.counts.word());
        if let Some(requests) = experiment.requests {
            out.line(format_args!("requests = {requests}"));
        }
    }
    if let Some(must_fail) = &schedule.must_fail {
        out.line(format_args!("\n[must_fail]"));
        out.text("verdict", &must_fail.verdict.to_string());
        out.text("says", &must_fail.says);
    }
    out.0
}

/// The text written so far.
struct Out(String);

impl Out {
    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "{line}");
    }

    fn text(&mut self, key: &str, value: &str) {
        self.line(format_args!("{key} = {}", quote(value)));
    }

    fn names(&mut self, key: &str, names: &[String]) {
        let list = names.iter().map(|name| quote(name)).collect::<Vec<_>>().join(", ");
        self.line(format_args!("{key} = [{list}]"));
    }

    fn groups(&mut self, key: &str, groups: &[Vec<String>]) {
        let group = |names: &Vec<String>| {
            format!("[{}]", names.iter().map(|name| quote(name)).collect::<Vec<_>>().join(", "))
        };
        let list = groups.iter().map(group).collect::<Vec<_>>().join(", ");
        self.line(format_args!("{key} = [{list}]"));
    }

    fn target(&mut self, key: &str, target: &Target) {
        match target {
            Target::Hosts(hosts) => match hosts.as_slice() {
                [one] => self.text(key, one),
                several => self.names(key, several),
            },
            Target::Holders { file, share, version, count, draw } => {
                let any = count.map_or(String::new(), |count| format!("any {count} "));
                let of = share.map_or(String::new(), |share| format!("share {share} of "));
                let of = of + &version.map_or(String::new(), |version| format!("version {version} of "));
                let noun = if *count == Some(1) { "holder" } else { "holders" };
                let phrase = quote(&format!("{any}{noun} of {of}{file}"));
                match count {
                    Some(_) => {
                        self.line(format_args!("{key} = {phrase}  # chosen when it begins, by {draw:016x}"))
                    }
                    None => self.line(format_args!("{key} = {phrase}")),
                }
            }
        }
    }

    fn link(&mut self, link: &Link) {
        let (min, max) = (write_duration(link.latency_min), write_duration(link.latency_max));
        self.text("latency", &if min == max { min } else { format!("{min}..{max}") });
        self.text(
            "bandwidth",
            &link.bandwidth.map_or("unlimited".to_owned(), |b| format!("{}/s", write_size(b))),
        );
    }
}

fn grid(out: &mut Out, schedule: &Schedule) {
    let grid = &schedule.grid;
    out.line(format_args!("\n[grid]"));
    out.names("servers", &grid.servers.iter().map(|server| server.name.clone()).collect::<Vec<_>>());
    out.names("clients", &grid.clients);
    out.text("encoding", &grid.encoding.to_string());
    out.line(format_args!("happy = {}", grid.happy));
    out.text("segment", &write_size(grid.segment_bytes_max));
    out.text("storage", if grid.storage == Storage::Memory { "memory" } else { "s3" });
    out.line(format_args!("client_retries = {}", grid.client_retries));
    let Some(first) = grid.servers.first() else { return };
    out.link(&first.link);
    out.text("space", &write_size(first.space_bytes));
    if let Some(bucket) = grid.storage.s3() {
        out.line(format_args!("\n[s3]"));
        out.link(&bucket.link);
        out.text("retry", &bucket.retry);
    }
    for server in &grid.servers {
        let own_most = server.share_bytes_max;
        if server.link != first.link || server.space_bytes != first.space_bytes || own_most.is_some() {
            out.line(format_args!("\n[server.{}]", server.name));
            out.link(&server.link);
            out.text("space", &write_size(server.space_bytes));
            if let Some(most) = own_most {
                out.text("share_size_max", &write_size(most));
            }
        }
    }
}

fn step(out: &mut Out, step: &Step) {
    let checked = match &step.action {
        Action::Upload { file } => {
            out.text("upload", file);
            true
        }
        Action::Download { file, range } => {
            out.text("download", file);
            if let Some((offset, length)) = range {
                out.text("range", &format!("{}..{}", write_size(*offset), write_size(offset + length)));
            }
            true
        }
        Action::Wait(time) => {
            out.text("wait", &write_duration(*time));
            false
        }
        Action::Delete { file, shares, on } => {
            out.text("delete", file);
            if let Some(shares) = shares {
                out.text("share", &write_numbers(shares));
            }
            out.target("on", on);
            false
        }
        Action::Copy { share, to } => {
            fault::shares(out, "copy", "from", share);
            out.target("to", to);
            false
        }
        Action::Arrange { file, layout } => {
            out.text("arrange", file);
            let entry = |(server, shares): &(String, Vec<u8>)| {
                format!("{server} = {}", quote(&write_numbers(shares)))
            };
            let entries = layout.iter().map(entry).collect::<Vec<_>>().join(", ");
            out.line(format_args!("shares = {{ {entries} }}"));
            false
        }
        Action::Mutable { file, act, times } => {
            mutable(out, file, *act, *times);
            true
        }
        Action::Upkeep(upkeep) => {
            self::upkeep(out, upkeep);
            true
        }
        Action::Forget => {
            out.text("forget", &step.by);
            false
        }
    };
    if checked {
        out.text("by", &step.by);
        if step.together {
            out.line(format_args!("together = true"));
        }
        if let Some(within) = step.within {
            out.text("within", &write_duration(within));
        }
        out.text("expect", outcome(&step.outcome));
        if let Some(happy) = step.happy {
            out.line(format_args!("happy = {happy}"));
        }
    }
    for check in &step.checks {
        match check {
            Check::SharesPlaced(bound) => out.text("placed", &write_bound(*bound)),
            Check::Happiness(bound) => out.text("happiness", &write_bound(*bound)),
            Check::NotFrom(target) => out.target("not_from", target),
            Check::FetchedPercentMax(percent) => out.text("fetched_at_most", &format!("{percent}%")),
            Check::Says(text) => out.text("says", text),
            Check::Asked(bound) => out.text("asked", &write_bound(*bound)),
            Check::NotAsked(target) => out.target("not_asked", target),
            Check::Health(bound) => out.text("health", &write_bound(*bound)),
            Check::PerServer(bound) => out.text("per_server", &write_bound(*bound)),
            Check::Requests(bound) => out.text("requests", &write_bound(*bound)),
            Check::SpareRequests(bound) => out.text("spare_requests", &write_bound(*bound)),
            Check::Connections(bound) => out.text("connections", &write_bound(*bound)),
            Check::Margin(bound) => out.text("margin", &write_bound(*bound)),
            Check::IdealMultipleMax(multiple) => out.text("ideal_at_most", &format!("{multiple}x")),
            Check::Degraded(degradation) => out.text("degraded", degradation_word(*degradation)),
            Check::Partial(degradation) => out.text("partial", degradation_word(*degradation)),
            Check::Healthy(healthy) => out.text("healthy", if *healthy { "yes" } else { "no" }),
            Check::FilesUploaded(bound) => out.text("uploaded", &write_bound(*bound)),
            Check::Skipped(bound) => out.text("skipped", &write_bound(*bound)),
            Check::Version(bound) => out.text("version", &write_bound(*bound)),
            Check::Versions(bound) => out.text("versions", &write_bound(*bound)),
            Check::Recoverable(bound) => out.text("recoverable", &write_bound(*bound)),
            Check::Collisions(bound) => out.text("collisions", &write_bound(*bound)),
            Check::Restarts(bound) => out.text("restarts", &write_bound(*bound)),
            Check::NothingAllocated => out.line(format_args!("nothing_allocated = true")),
            Check::CorruptionReports(bound) => out.text("corruption_reports", &write_bound(*bound)),
            Check::StallMultipleMax(multiple) => out.text("stall_at_most", &format!("{multiple}x")),
        }
    }
}

fn mutable(out: &mut Out, file: &str, act: MutableAct, times: u32) {
    match act {
        MutableAct::Create => out.text("create", file),
        MutableAct::Write { size, based_on } => {
            out.text("write", file);
            if let Some(size) = size {
                out.text("size", &write_size(size));
            }
            if let Some(step) = based_on {
                out.text("based_on", &format!("step {}", step + 1));
            }
        }
        MutableAct::Append { whole, read_back } => {
            out.text("append", file);
            if whole {
                out.line(format_args!("whole = true"));
            }
            if read_back {
                out.line(format_args!("read_back = true"));
            }
        }
        MutableAct::Read => out.text("read", file),
        MutableAct::Link => out.text("link", file),
        MutableAct::List => out.text("list", file),
    }
    if times > 1 {
        out.line(format_args!("times = {times}"));
    }
}

fn upkeep(out: &mut Out, upkeep: &Upkeep) {
    match upkeep {
        Upkeep::Check { file, verify } => {
            out.text("check", file);
            if *verify {
                out.line(format_args!("verify = true"));
            }
        }
        Upkeep::Repair { file, force } => {
            out.text("repair", file);
            if *force {
                out.line(format_args!("force = true"));
            }
        }
        Upkeep::Backup { tree, into, changed } => {
            out.text("backup", tree);
            out.text("in", into);
            if *changed > 0 {
                out.line(format_args!("changed = {changed}"));
            }
        }
        Upkeep::Restore { tree, from } => {
            out.text("restore", tree);
            out.text("in", from);
        }
    }
}

fn degradation_word(degradation: Degradation) -> &'static str {
    match degradation {
        Degradation::No => "no",
        Degradation::Yes => "yes",
        Degradation::Either => "either",
    }
}

fn outcome(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Success => "success",
        Outcome::Either => "either",
        Outcome::Cancelled => "cancelled",
        Outcome::Error(kind) => error_words(*kind),
    }
}

/// An error as scenario files name it.
pub(crate) fn error_words(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::NoShares => "no shares",
        ErrorKind::NotEnoughShares => "not enough shares",
        ErrorKind::Unreachable => "unreachable",
        ErrorKind::Unhappy => "unhappy",
        ErrorKind::Uncoordinated => "uncoordinated",
        ErrorKind::NotEnoughServers => "not enough servers",
        ErrorKind::Changing => "changing",
        ErrorKind::Refused => "refused",
    }
}

fn write_bound(bound: Bound) -> String {
    match (bound.min, bound.max) {
        (min, max) if min == max => min.to_string(),
        (0, max) => format!("<= {max}"),
        (min, u64::MAX) => format!(">= {min}"),
        (min, max) => format!("{min}..{max}"),
    }
}

/// A TOML basic string.
fn quote(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}
