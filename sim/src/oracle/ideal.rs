//! Omniscient time: how long a step took against a client that knows in advance what becomes of every server.
//!
//! Says which servers such a client leaves aside, and what to think of the comparison. The other run itself is made
//! next to the ordinary ones, since only whole runs tell how long things take.

use std::collections::BTreeSet;
use std::time::Duration;

use super::availability;
use crate::schedule::{Action, Disconnect, FaultKind, Step};
use crate::usage::uses_grid;
use crate::verdict::{Finding, Oracle, seconds};
use crate::workload::{Ending, StepReport};
use crate::world::{Omniscient, World};

/// What an omniscient client makes of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ideal {
    /// It succeeds in this time.
    Takes(Duration),
    /// It cannot do without the servers that faults struck.
    Impossible,
}

/// The omniscient clients that `step` is to be compared with; the quickest of them counts. One leaves all servers
/// aside that any fault touched or that hold a damaged share. The other only those that something lasting held up: it
/// is for grids of which too much was slow or was struck for a moment.
pub fn detours(world: &World, step: &Step, report: &StepReport) -> Vec<Omniscient> {
    if !uses_grid(step) {
        return Vec::new();
    }
    let during = super::during(world, report);
    let faults = &world.schedule().faults;
    let named = |lasting: bool| -> BTreeSet<String> {
        let counts = |fault: usize| match faults.get(fault).map(|fault| &fault.kind) {
            Some(
                FaultKind::Slow(_)
                | FaultKind::Corrupt { .. }
                | FaultKind::Replace { .. }
                | FaultKind::Restore { .. }
                | FaultKind::Lose(_)
                | FaultKind::Clock(_)
                | FaultKind::Disconnect(Disconnect::Reset | Disconnect::Close),
            ) => !lasting,
            Some(
                FaultKind::Hang
                | FaultKind::HangOnly(..)
                | FaultKind::Answer(_)
                | FaultKind::Throttle(_)
                | FaultKind::Full
                | FaultKind::QueueFull
                | FaultKind::Partition(_)
                | FaultKind::Groups(_)
                | FaultKind::Disconnect(Disconnect::Refuse)
                | FaultKind::Crash
                | FaultKind::PowerLoss,
            ) => true,
            Some(FaultKind::Cancel(_) | FaultKind::Pause(_)) | None => false,
        };
        let struck = during.iter().filter(|interval| counts(interval.fault));
        let hosts = struck.flat_map(|interval| super::struck(world, interval));
        let servers = hosts.filter(|host| host.index() < world.schedule().grid.servers.len());
        servers.map(|host| world.names().host(host).to_owned()).collect()
    };
    let mut all = named(false);
    let mut rehearses = false;
    if let Action::Download { file, .. } = &step.action {
        all.extend(damaged(world, file));
        // What strikes the client itself would strike the rehearsal instead.
        rehearses = world.host(&step.by).is_some_and(|client| during.iter().all(|at| at.host != client));
    }
    let mut sets = vec![all];
    let lasting = named(true);
    if !sets.contains(&lasting) {
        sets.push(lasting);
    }
    let (step, differs) = (report.step, |without: &BTreeSet<String>| rehearses || !without.is_empty());
    let sets = sets.into_iter().filter(differs);
    sets.map(|without| Omniscient { step, without, rehearses }).collect()
}

/// Servers that hold a share of the file which is not whole.
fn damaged(world: &World, file: &str) -> Vec<String> {
    let Some(cap) = world.read_cap(file) else { return Vec::new() };
    // A broken container is no damage to the bytes in it.
    let listed = availability::listed(world, &cap, &|_, _| true).into_iter();
    listed.filter(|(.., quality)| !quality.is_whole()).map(|(_, name, _)| name).collect()
}

impl Ideal {
    /// How the step compares, to be put behind the time it took.
    pub fn aside(&self, report: &StepReport) -> String {
        let failed = matches!(report.ending, Ending::Failed { .. });
        match self {
            Self::Impossible if failed => "; no client could have".to_owned(),
            Self::Impossible => {
                "; no client could have done without the servers that faults struck".to_owned()
            }
            Self::Takes(time) if failed => format!("; an omniscient client succeeds in {}", seconds(*time)),
            Self::Takes(time) => match multiple(report.took, *time) {
                Some(multiple) => format!(", {multiple:.1} times what an omniscient client needs"),
                None => String::new(),
            },
        }
    }

    /// What is wrong if `report` had to be no slower than `at_most` times this.
    pub fn judge(&self, report: &StepReport, at_most: u32) -> Option<Finding> {
        let name = format!("step {}, {}", report.step + 1, report.what);
        match self {
            Self::Impossible => {
                let text = format!(
                    "{name}: `ideal_at_most` says nothing: without the servers that faults struck no client could have"
                );
                Some(Finding { oracle: Oracle::Invalid, text })
            }
            // That it failed is for others to object to.
            Self::Takes(_) if matches!(report.ending, Ending::Failed { .. }) => None,
            Self::Takes(time) => {
                if report.took <= time.saturating_mul(at_most) {
                    return None;
                }
                let multiple = multiple(report.took, *time);
                let times =
                    multiple.map_or("more than ".to_owned(), |multiple| format!("{multiple:.1} times "));
                let text = format!(
                    "{name}: took {}, {times}the {} that an omniscient client needs; at most {at_most} times allowed",
                    seconds(report.took),
                    seconds(*time)
                );
                Some(Finding { oracle: Oracle::Expectation, text })
            }
        }
    }
}

/// None where the other takes no time at all.
fn multiple(took: Duration, ideal: Duration) -> Option<f64> {
    (!ideal.is_zero()).then(|| took.as_secs_f64() / ideal.as_secs_f64())
}
