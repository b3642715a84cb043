//! Which engine carries a run, and what it cannot express.
//!
//! The event engine can do whatever a schedule may ask for. Turmoil cannot, and a run it cannot express is not run on
//! it at all: what it cannot do is never approximated in silence.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;

use crate::schedule::{Direction, FaultKind, Link, Schedule};

/// Hosts that one run on turmoil may have: it goes through all pairs of hosts for every host at every tick.
pub const TURMOIL_HOSTS_MAX: usize = 16;

/// The tick of a turmoil run. Shorter ones cost more.
pub const TICK_USUAL: Duration = Duration::from_millis(10);
/// The tick of a turmoil run whose links differ by less than the usual one.
pub const TICK_SHORT: Duration = Duration::from_millis(1);

/// What carries a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Engine {
    /// The event engine of this project.
    #[default]
    Event,
    /// The turmoil crate.
    Turmoil,
}

impl Engine {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Event, Self::Turmoil];
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Event => "event",
            Self::Turmoil => "turmoil",
        })
    }
}

/// There is no such engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("no engine of this name; there are `event` and `turmoil`")]
pub struct UnknownEngine;

impl FromStr for Engine {
    type Err = UnknownEngine;

    fn from_str(text: &str) -> Result<Self, UnknownEngine> {
        Self::ALL.into_iter().find(|engine| engine.to_string() == text).ok_or(UnknownEngine)
    }
}

/// Why an engine cannot express a schedule.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Reason {
    /// Too many machines.
    #[error(
        "{hosts} hosts, and turmoil's time for a tick grows with their cube: at most {TURMOIL_HOSTS_MAX}"
    )]
    Hosts {
        /// Servers and clients.
        hosts: usize,
    },
    /// A bucket.
    #[error("shares are kept in S3, and servers that are clients as well are not expressed on turmoil")]
    Storage,
    /// A link with a bandwidth.
    #[error("{what} has a bandwidth, and turmoil's links have none")]
    Bandwidth {
        /// The server or fault it belongs to.
        what: String,
    },
    /// A partition that cuts one way.
    #[error(
        "{what} cuts one way, and what turmoil cuts one way it loses for good, instead of holding it back"
    )]
    OneWay {
        /// The fault.
        what: String,
    },
    /// A full accept queue.
    #[error("{what} fills an accept queue, and a full one ends a simulation of turmoil")]
    Queue {
        /// The fault.
        what: String,
    },
}

/// Why `engine` cannot express `schedule`; none if it can.
pub fn unsupported(engine: Engine, schedule: &Schedule) -> Option<Reason> {
    match engine {
        Engine::Event => None,
        Engine::Turmoil => beyond_turmoil(schedule),
    }
}

fn beyond_turmoil(schedule: &Schedule) -> Option<Reason> {
    if schedule.grid.storage.s3().is_some() {
        return Some(Reason::Storage);
    }
    let hosts = schedule.grid.servers.len() + schedule.grid.clients.len();
    if hosts > TURMOIL_HOSTS_MAX {
        return Some(Reason::Hosts { hosts });
    }
    if let Some(server) = schedule.grid.servers.iter().find(|server| server.link.bandwidth.is_some()) {
        return Some(Reason::Bandwidth { what: format!("server {}", server.name) });
    }
    schedule.faults.iter().find_map(|fault| {
        let what = format!("fault \"{}\"", fault.name);
        if matches!(fault.kind, FaultKind::Partition(Direction::To | Direction::From)) {
            return Some(Reason::OneWay { what });
        }
        if matches!(fault.kind, FaultKind::QueueFull) {
            return Some(Reason::Queue { what });
        }
        let slow = matches!(fault.kind, FaultKind::Slow(link) if link.bandwidth.is_some());
        slow.then_some(Reason::Bandwidth { what })
    })
}

/// How much of virtual time every host of a turmoil run lives through in its turn; messages arrive at ticks only. A
/// schedule in which links differ by less than the usual tick gets the shortest one there is.
pub fn tick(schedule: &Schedule) -> Duration {
    let slow = schedule.faults.iter().filter_map(|fault| match fault.kind {
        FaultKind::Slow(link) => Some(link),
        _ => None,
    });
    let links: Vec<Link> = schedule.grid.servers.iter().map(|server| server.link).chain(slow).collect();
    let ticks = |latency: Duration| latency.as_nanos().div_ceil(TICK_USUAL.as_nanos()).max(1);
    let alike = |a: &Link, b: &Link| {
        a != b && ticks(a.latency_min) <= ticks(b.latency_max) && ticks(b.latency_min) <= ticks(a.latency_max)
    };
    let blurred = links.iter().any(|a| links.iter().any(|b| alike(a, b)));
    if blurred { TICK_SHORT } else { TICK_USUAL }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Why turmoil cannot run three servers with these additions, and the tick it would take.
    fn judged(grid: &str, rest: &str) -> (Option<String>, Duration) {
        let text = format!(
            "about = \"x\"\nfiles.a.size = \"1 B\"\n[[steps]]\nupload = \"a\"\n\
             [grid]\nservers = 3\nencoding = \"1-of-3\"\nlatency = \"5ms..20ms\"\n{grid}\n{rest}"
        );
        let scenario = crate::scenario::parse("test", text.as_bytes())
            .unwrap_or_else(|mistakes| panic!("{}", mistakes.render(false)));
        let schedule = scenario.schedule(0);
        assert_eq!(unsupported(Engine::Event, &schedule), None);
        (unsupported(Engine::Turmoil, &schedule).map(|reason| reason.to_string()), tick(&schedule))
    }

    fn fault(kind: &str) -> (Option<String>, Duration) {
        judged("", &format!("[[faults]]\nname = \"f\"\nwhen = \"1s\"\n{kind}"))
    }

    #[test]
    fn what_turmoil_cannot_express_is_told_from_what_it_can() {
        assert_eq!(judged("", "").0, None);
        assert_eq!(judged("clients = 13", "").0, None, "16 hosts");
        assert!(judged("clients = 14", "").0.unwrap().starts_with("17 hosts"));
        assert!(judged("bandwidth = \"1 MiB/s\"", "").0.unwrap().starts_with("server s0 has a bandwidth"));
        assert_eq!(fault("slow = \"s1\"\nlatency = \"1s\"").0, None);
        let slow = fault("slow = \"s1\"\nbandwidth = \"1 MiB/s\"").0.unwrap();
        assert!(slow.starts_with("fault \"f\" has a bandwidth"), "{slow}");
        assert_eq!(fault("partition = \"s1\"").0, None);
        for direction in ["to", "from"] {
            let reason = fault(&format!("partition = \"s1\"\ndirection = \"{direction}\"")).0.unwrap();
            assert!(reason.starts_with("fault \"f\" cuts one way"), "{reason}");
        }
    }

    #[test]
    fn links_that_differ_by_less_than_a_tick_make_it_short() {
        assert_eq!(judged("", "").1, TICK_USUAL);
        assert_eq!(judged("", "[server.s1]\nlatency = \"300ms\"").1, TICK_USUAL);
        assert_eq!(judged("", "[server.s1]\nlatency = \"2ms..4ms\"").1, TICK_SHORT);
        assert_eq!(fault("slow = \"s1\"\nlatency = \"15ms..30ms\"").1, TICK_SHORT);
    }

    #[test]
    fn engines_are_called_by_their_names() {
        for engine in Engine::ALL {
            assert_eq!(engine.to_string().parse(), Ok(engine));
        }
        assert_eq!("Event".parse::<Engine>(), Err(UnknownEngine));
    }
}
