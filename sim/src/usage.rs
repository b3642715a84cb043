//! What a step cost and what it left behind, measured from outside: on the wire, at the client's kernel, on the
//! servers' disks. Counts only; the economy oracle says what is too much.

use std::collections::BTreeMap;

use lafs::erasure::Segmentation;
use lafs::format::cap::LITERAL_BYTES_MAX;
use lafs::format::share::Layout;

use crate::ledger::Traffic;
use crate::net::EndInfo;
use crate::report::plural;
use crate::schedule::{Action, Step};
use crate::world::World;

/// What had been moved, and what stood on the servers' disks, before a step.
#[derive(Debug)]
pub struct Before {
    traffic: Traffic,
    staged: BTreeMap<String, u64>,
}

impl Before {
    /// As things are now, for a step by this client.
    pub fn of(world: &World, by: &str) -> Self {
        Self { traffic: traffic(world, by), staged: world.staged_bytes() }
    }
}

/// What one step cost, and what was left when it had ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Usage {
    /// Plaintext bytes a download asked for.
    pub asked_bytes: Option<u64>,
    /// Bytes of all N shares of the file an upload was to spread, hashes included; none for a file without shares.
    pub ideal_bytes: Option<u64>,
    /// Bytes that arrived at the client, heads of answers included.
    pub received_bytes: u64,
    /// Bytes of the client that arrived at servers, heads of requests included.
    pub sent_bytes: u64,
    /// Connections the client tried to open.
    pub connections_opened: u64,
    /// Connections it keeps, by the name of the server.
    pub connections_kept: BTreeMap<String, u64>,
    /// Servers with which it has a connection on which something is still under way.
    pub connections_busy: Vec<String>,
    /// Programs that still run on its host.
    pub programs_left: u64,
    /// Bytes that servers reserve for incomplete shares and did not before the step, by their names.
    pub staged_left: BTreeMap<String, u64>,
}

impl Usage {
    /// What `step`, which has just ended, cost.
    pub fn of(world: &World, step: &Step, before: &Before) -> Self {
        let Some(host) = world.host(&step.by).filter(|_| uses_grid(step)) else { return Self::default() };
        let traffic = traffic(world, &step.by);
        let connections = world.net().ends(host);
        let peer = |end: &EndInfo| world.names().host(end.peer).to_owned();
        let mut connections_kept = BTreeMap::new();
        connections.iter().for_each(|end| *connections_kept.entry(peer(end)).or_default() += 1);
        let staged = world.staged_bytes().into_iter().filter_map(|(name, staged)| {
            let more = staged.saturating_sub(before.staged.get(&name).copied().unwrap_or_default());
            (more > 0).then_some((name, more))
        });
        Self {
            asked_bytes: asked_bytes(world, step),
            ideal_bytes: ideal_bytes(world, step),
            received_bytes: traffic.received_bytes - before.traffic.received_bytes,
            sent_bytes: traffic.sent_bytes - before.traffic.sent_bytes,
            connections_opened: traffic.dials - before.traffic.dials,
            connections_kept,
            connections_busy: connections.iter().filter(|end| is_busy(end)).map(peer).collect(),
            programs_left: world.net().programs(host) as u64,
            staged_left: staged.collect(),
        }
    }

    /// Everything in one line; `requests` and `spare` come from the ledger.
    pub fn line(&self, requests: u64, spare: u64) -> String {
        let of = |bytes: u64, whole: Option<u64>, what: &str| {
            let percent = whole.filter(|whole| *whole > 0).map(|whole| bytes * 100 / whole);
            percent.map_or(String::new(), |percent| format!(" ({percent}% of {what})"))
        };
        let moved = match self.asked_bytes {
            Some(asked) => format!(
                "received {} B{}",
                self.received_bytes,
                of(self.received_bytes, Some(asked), "what was asked for")
            ),
            None => format!(
                "sent {} B{}",
                self.sent_bytes,
                of(self.sent_bytes, self.ideal_bytes, "all its shares")
            ),
        };
        let mut line = format!(
            "{moved}; {}, {spare} spare; {} opened, {} kept",
            plural(requests, "request"),
            plural(self.connections_opened, "connection"),
            self.connections_kept.values().sum::<u64>(),
        );
        let staged: u64 = self.staged_left.values().sum();
        if staged > 0 {
            line += &format!("; {staged} B still reserved on {}", names(&self.staged_left));
        }
        if self.programs_left > 0 {
            line += &format!("; {} still there", plural(self.programs_left, "program"));
        }
        line
    }
}

/// The names of a table of counts.
pub fn names(table: &BTreeMap<String, u64>) -> String {
    table.keys().map(String::as_str).collect::<Vec<&str>>().join(", ")
}

/// Whether a step uploads or downloads.
pub fn uses_grid(step: &Step) -> bool {
    matches!(
        step.action,
        Action::Upload { .. } | Action::Download { .. } | Action::Mutable { .. } | Action::Upkeep(_)
    )
}

/// Whether something is under way on a connection: it is not established, or bytes are on their way or unread.
fn is_busy(end: &EndInfo) -> bool {
    !end.established || end.in_flight_bytes > 0 || end.unread_bytes > 0
}

/// Connections on which nothing is under way that each server, by name, keeps to the bucket.
pub fn kept_in_bucket(world: &World) -> BTreeMap<String, u64> {
    let kept = |host| {
        let ends = world.net().ends(host).into_iter();
        ends.filter(|end| world.is_bucket(end.peer) && !is_busy(end)).count() as u64
    };
    world.servers().map(|(host, name, _)| (name.to_owned(), kept(host))).collect()
}

fn traffic(world: &World, by: &str) -> Traffic {
    world.host(by).map(|host| world.recorder().records().ledger.traffic(host)).unwrap_or_default()
}

/// Whether other steps run at the same time as step `number`: what only the whole shows is then not the work of one.
pub fn in_company(world: &World, number: usize) -> bool {
    let together = |at: usize| world.schedule().steps.get(at).is_some_and(|step| step.together);
    together(number) || together(number + 1)
}

/// Plaintext bytes that a download asks for.
pub fn asked_bytes(world: &World, step: &Step) -> Option<u64> {
    match &step.action {
        Action::Download { range: Some((_, length)), .. } => Some(*length),
        Action::Download { file, range: None } => Some(world.content(file).len() as u64),
        Action::Upload { .. }
        | Action::Wait(_)
        | Action::Delete { .. }
        | Action::Copy { .. }
        | Action::Arrange { .. }
        | Action::Mutable { .. }
        | Action::Upkeep(_)
        | Action::Forget => None,
    }
}

fn ideal_bytes(world: &World, step: &Step) -> Option<u64> {
    let Action::Upload { file } = &step.action else { return None };
    cut(world, file).map(spread_bytes)
}

/// Bytes of all N shares of a file, hashes included.
pub fn spread_bytes(cut: Segmentation) -> u64 {
    Layout::for_upload(cut).share_size(cut) * cut.encoding().total() as u64
}

/// How a file is cut; none for one so small that it has no shares.
pub fn cut(world: &World, file: &str) -> Option<Segmentation> {
    let grid = &world.schedule().grid;
    let size = world.content(file).len() as u64;
    let cut = Segmentation::new(size, grid.encoding, grid.segment_bytes_max).ok();
    cut.filter(|_| size > LITERAL_BYTES_MAX)
}
