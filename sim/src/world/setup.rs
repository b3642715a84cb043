//! Runs that are not ordinary ones: measured in full, or with a client that knows everything.

use std::collections::BTreeSet;

use super::World;
use crate::engine::Engine;

/// How a run differs from an ordinary one.
#[derive(Debug, Clone, Default)]
pub struct Setup {
    /// What carries it.
    pub engine: Engine,
    /// Measure also what costs extra and nobody asks for.
    pub in_full: bool,
    /// The client of one step knows everything.
    pub omniscient: Option<Omniscient>,
}

/// A client that knows in advance what becomes of the servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Omniscient {
    /// The step, as its index in the schedule.
    pub step: usize,
    /// The servers it leaves aside, by name. The others are well: what would hold them up does not come.
    pub without: BTreeSet<String>,
    /// Whether it does the step once before, so that it knows how quick each server is.
    pub rehearses: bool,
}

impl World {
    /// Whether to measure also what costs extra.
    pub fn in_full(&self) -> bool {
        self.setup.in_full
    }

    /// Makes the client called `name` omniscient, if it is to be so in this step. Whether it rehearses the step.
    pub fn becomes_omniscient(&self, step: usize, name: &str) -> bool {
        let Some(omniscient) = self.setup.omniscient.as_ref().filter(|omniscient| omniscient.step == step)
        else {
            return false;
        };
        self.spared.set(true);
        if !omniscient.without.is_empty() {
            self.replace_client(name, |server| !omniscient.without.contains(server));
        }
        omniscient.rehearses
    }
}
