//! The faults in force at the door of one server, or of the bucket: which requests each of them strikes.
//!
//! It decides, and neither holds nor answers anything itself.

use std::collections::{BTreeMap, BTreeSet};
use std::task::{Context, Poll};
use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_core::Rng;

use super::rate::Rates;
use super::waiting::Waiting;
use crate::schedule::{Again, Aim, RequestKind, S3Code, Spoil, Throttle, Which};
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
    keys: Option<String>,
    choice: Choice,
    again: Option<Again>,
    /// What was struck last, by kind and key, and when.
    last: BTreeMap<(Option<RequestKind>, String), Duration>,
    /// Strikes only what exceeds them.
    rates: Option<Rates>,
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
            Which::Chance(chance) => self.happens(chance),
        }
    }

    /// Something of this chance.
    fn happens(&mut self, chance: f64) -> bool {
        unit(&mut self.rng) < chance
    }

    /// A fair coin.
    pub fn coin(&mut self) -> bool {
        self.rng.next_u32() & 1 == 0
    }
}

/// What stands before the door.
#[derive(Debug, Clone, Copy)]
pub struct Caller<'a> {
    /// What kind of request it is; none if nobody knows.
    pub kind: Option<RequestKind>,
    /// What it is about: the key of an object, the prefix of a listing, or the path at a storage server.
    pub key: &'a str,
    /// The time, from whenever the door's times are counted.
    pub now: Duration,
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
    /// From now on `fault` strikes here. `rng` is for nobody else.
    pub fn begin(&mut self, fault: usize, effect: Effect, aim: &Aim, rng: ChaCha8Rng) {
        let Aim { only, keys, which, again } = aim.clone();
        let strike = Strike {
            number: 0,
            effect,
            only,
            keys,
            choice: Choice::new(which, rng),
            again,
            last: BTreeMap::new(),
            rates: None,
        };
        self.put(fault, strike);
    }

    /// From now on `fault` turns away what comes too fast. `rng` is for nobody else.
    pub fn limit(&mut self, fault: usize, throttle: &Throttle, rng: ChaCha8Rng) {
        let code = S3Code::SLOW_DOWN;
        let how = Spoil::S3 {
            status: code.status(),
            code: Some(code),
            applied: false,
            retry_after: throttle.retry_after,
        };
        let strike = Strike {
            number: 0,
            effect: Effect::Spoil(how),
            only: None,
            keys: None,
            choice: Choice::new(Which::All, rng),
            again: None,
            last: BTreeMap::new(),
            rates: Some(Rates::new(throttle.puts_per_second, throttle.gets_per_second)),
        };
        self.put(fault, strike);
    }

    fn put(&mut self, fault: usize, strike: Strike) {
        self.begun += 1;
        self.strikes.insert(fault, Strike { number: self.begun, ..strike });
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
        caller: Caller<'_>,
        cx: &Context<'_>,
        mut held: impl FnMut(usize),
    ) -> Poll<Option<Spoilt>> {
        for strike in self.strikes.values_mut() {
            if strike.concerns(caller) && visit.asked.insert(strike.number) && strike.strikes(caller) {
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

impl Strike {
    /// Whether it could strike this request at all.
    fn concerns(&self, caller: Caller<'_>) -> bool {
        let of_kind = self.only.is_none_or(|only| Some(only) == caller.kind);
        let can = match self.effect {
            Effect::Hold => true,
            Effect::Spoil(how) => how.concerns(caller.kind),
        };
        of_kind && can && self.keys.as_ref().is_none_or(|keys| caller.key.starts_with(keys.as_str()))
    }

    fn strikes(&mut self, caller: Caller<'_>) -> bool {
        if self.rates.as_mut().is_some_and(|rates| !rates.exceeded(caller)) {
            return false;
        }
        let Some(again) = self.again else { return self.choice.chooses_next() };
        let same = (caller.kind, caller.key.to_owned());
        let in_time = |last: Duration| again.within.is_none_or(|within| caller.now - last <= within);
        let strikes = match self.last.remove(&same) {
            Some(last) if in_time(last) => self.choice.happens(again.chance),
            Some(_) | None => self.choice.chooses_next(),
        };
        if strikes {
            self.last.insert(same, caller.now);
        }
        strikes
    }
}

/// What kind of request it is.
pub fn kind_of(request: Request) -> Option<RequestKind> {
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
        Request::Object(request) => Some(request.kind),
        Request::Other => None,
    }
}

#[cfg(test)]
mod tests;
