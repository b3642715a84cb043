//! The faults in force at the door of one server: which requests each of them strikes.
//!
//! It decides, and neither holds nor answers anything itself.

use std::collections::{BTreeMap, BTreeSet};
use std::task::{Context, Poll};

use rand_chacha::ChaCha8Rng;
use rand_core::Rng;

use super::waiting::Waiting;
use crate::schedule::{RequestKind, Spoil, Which};
use crate::seed::unit;
use crate::trace::Request;

/// Faults at one door, by their index in the schedule.
#[derive(Debug, Default)]
pub struct Door {
    strikes: BTreeMap<usize, Strike>,
    /// How many faults have begun here: the same fault twice is two.
    begun: u64,
    waiting: Waiting,
}

#[derive(Debug)]
struct Strike {
    number: u64,
    effect: Effect,
    only: Option<RequestKind>,
    choice: Choice,
}

/// What a fault does to the requests it strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// They wait until it is over.
    Hold,
    /// Their answers are spoilt.
    Spoil(Spoil),
}

/// Chooses some out of many, as they come.
#[derive(Debug)]
pub struct Choice {
    which: Which,
    seen: u64,
    rng: ChaCha8Rng,
}

impl Choice {
    /// `rng` is for nobody else.
    pub fn new(which: Which, rng: ChaCha8Rng) -> Self {
        Self { which, seen: 0, rng }
    }

    /// Whether the next one is chosen.
    pub fn chooses_next(&mut self) -> bool {
        self.seen += 1;
        match self.which {
            Which::All => true,
            Which::First(count) => self.seen <= count,
            Which::Nth(number) => self.seen == number,
            Which::Every(step) => self.seen.is_multiple_of(step.max(1)),
            Which::Chance(chance) => unit(&mut self.rng) < chance,
        }
    }

    /// A fair coin.
    pub fn coin(&mut self) -> bool {
        self.rng.next_u32() & 1 == 0
    }
}

/// One request at the door.
#[derive(Debug, Default)]
pub struct Visit {
    /// The faults that have decided about it.
    asked: BTreeSet<u64>,
    /// Those of them that strike it.
    struck: BTreeSet<u64>,
    held_by: Option<usize>,
}

/// How a spoilt answer is spoilt, and by which fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spoilt {
    /// The fault's index in the schedule.
    pub fault: usize,
    /// What it does.
    pub how: Spoil,
    /// Drawn for this answer alone.
    pub coin: bool,
}

impl Door {
    /// From now on `fault` strikes here.
    pub fn begin(&mut self, fault: usize, effect: Effect, only: Option<RequestKind>, choice: Choice) {
        self.begun += 1;
        self.strikes.insert(fault, Strike { number: self.begun, effect, only, choice });
        self.waiting.wake_all();
    }

    /// From now on `fault` strikes no more, and whom it held may go on.
    pub fn end(&mut self, fault: usize) {
        self.strikes.remove(&fault);
        self.waiting.wake_all();
    }

    /// Pending while a fault holds the request; `held` is told by which, once for each. Then how its answer is spoilt,
    /// if it is.
    pub fn poll_pass(
        &mut self,
        visit: &mut Visit,
        request: Request,
        cx: &Context<'_>,
        mut held: impl FnMut(usize),
    ) -> Poll<Option<Spoilt>> {
        let kind = kind_of(request);
        for strike in self.strikes.values_mut() {
            let concerned = strike.only.is_none_or(|only| Some(only) == kind);
            if concerned && visit.asked.insert(strike.number) && strike.choice.chooses_next() {
                visit.struck.insert(strike.number);
            }
        }
        let struck = self.strikes.iter_mut().filter(|(_, strike)| visit.struck.contains(&strike.number));
        let mut spoilt = None;
        for (&fault, strike) in struck {
            match strike.effect {
                Effect::Hold => {
                    self.waiting.join(cx);
                    if visit.held_by.replace(fault) != Some(fault) {
                        held(fault);
                    }
                    return Poll::Pending;
                }
                Effect::Spoil(how) if spoilt.is_none() => {
                    let coin = how == Spoil::WrongLength && strike.choice.coin();
                    spoilt = Some(Spoilt { fault, how, coin });
                }
                Effect::Spoil(_) => {}
            }
        }
        Poll::Ready(spoilt)
    }
}

fn kind_of(request: Request) -> Option<RequestKind> {
    match request {
        Request::Version => Some(RequestKind::Version),
        Request::Shares => Some(RequestKind::Shares),
        Request::Allocate => Some(RequestKind::Allocate),
        Request::Write(_) => Some(RequestKind::Write),
        Request::Read(_) => Some(RequestKind::Read),
        Request::TestWrite => Some(RequestKind::TestWrite),
        Request::Abort(_) => Some(RequestKind::Abort),
        Request::Lease => Some(RequestKind::Lease),
        Request::Corrupt(_) => Some(RequestKind::Report),
        Request::Other => None,
    }
}
