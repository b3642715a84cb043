//! Faults before a bucket that is served outside of any run, as `squall serve-s3` does: their times are real there.
//!
//! No world is there: what strikes hosts, networks or disks cannot be served so, nor what waits for steps of a run.

use std::cell::RefCell;
use std::convert::Infallible;
use std::fmt;
use std::rc::Rc;

use http::{Request, Response};
use hyper::body::Incoming;
use lafs::net::serve::{Handle, ResponseBody};
use thiserror::Error;

use super::BucketFront;
use crate::fault::{Book, Due};
use crate::ledger::Ledger;
use crate::net::{Clock, HostId};
use crate::record::Recorder;
use crate::s3::Handler;
use crate::schedule::{BUCKET, Fault, FaultKind, Happening, Subject, Target, Trigger};
use crate::seed::Seed;
use crate::trace::{Entry, FaultEvent, Keep, Trace};
use crate::verdict::Receipt;
use crate::world::door::{Door, Effect};

/// The only host there is.
const HOST: HostId = HostId(0);

/// Faults that only a run can have, each with the reason.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub struct Unservable(pub Vec<(String, &'static str)>);

impl fmt::Display for Unservable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, (name, why)) in self.0.iter().enumerate() {
            let line = if n > 0 { "\n" } else { "" };
            write!(f, "{line}fault \"{name}\" cannot be served: {why}")?;
        }
        Ok(())
    }
}

/// A [`Handler`] behind faults. [`Served::run`] makes them come and go; serve it on [`crate::world::wire::Tampering`].
pub struct Served {
    front: BucketFront,
    faults: Vec<Fault>,
    door: Rc<RefCell<Door>>,
    recorder: Recorder,
    seed: Seed,
}

impl Served {
    /// Puts `faults` before `handler`. Their times count from now; what begins at the start is in force already. Call
    /// it inside a runtime with timers.
    ///
    /// # Errors
    ///
    /// Faults that are not at the door of the bucket, or that wait for what only happens in a run: all of them.
    pub fn new(handler: Handler, faults: &[Fault], seed: u64) -> Result<Self, Unservable> {
        let unservable = faults.iter().filter_map(|fault| Some((fault.name.clone(), obstacle(fault)?)));
        let unservable: Vec<_> = unservable.collect();
        if !unservable.is_empty() {
            return Err(Unservable(unservable));
        }
        let seed = Seed::root(seed);
        let book = Book::new(faults, &[BUCKET.to_owned()], 1, &seed);
        let recorder = Recorder::new(Trace::new(Keep::Last(0)), book, Ledger::default(), Clock::of_runtime());
        let door = Rc::new(RefCell::new(Door::default()));
        let front = BucketFront::new(handler, HOST, recorder.clone(), Rc::clone(&door), true);
        let served = Self { front, faults: faults.to_vec(), door, recorder, seed };
        served.settle();
        Ok(served)
    }

    /// Begins and ends faults as they become due.
    pub async fn run(&self) -> Infallible {
        loop {
            self.recorder.due().await;
            self.settle();
        }
    }

    /// What each fault has done so far.
    pub fn receipts(&self) -> Vec<Receipt> {
        self.recorder.records().book.receipts()
    }

    fn settle(&self) {
        let now = self.recorder.now();
        self.recorder.records().book.pass_time(now);
        loop {
            let due = self.recorder.records().book.take_due();
            if due.is_empty() {
                return;
            }
            self.recorder.stir();
            for item in due {
                match item {
                    Due::BeginAll { fault } | Due::Begin { fault, .. } => {
                        let admitted = self.recorder.records().book.admits(fault, HOST, |_, _| false);
                        if admitted && !self.recorder.records().book.joins_later(fault, HOST) {
                            self.begin(fault);
                        }
                    }
                    Due::BeginAgain { fault } => self.begin(fault),
                    Due::End { fault, host } => {
                        let now = self.recorder.now();
                        self.recorder.records().book.ended(fault, host, now);
                        self.door.borrow_mut().end(fault);
                        self.note(fault, FaultEvent::Ended);
                    }
                }
            }
        }
    }

    fn begin(&self, fault: usize) {
        let Some(plan) = self.faults.get(fault) else { return };
        let now = self.recorder.now();
        self.recorder.records().book.began(fault, HOST, now);
        self.note(fault, FaultEvent::Began);
        let round = self.recorder.records().book.round(fault);
        let stream = self.seed.child(&format!("fault {}", plan.name)).child("which");
        let rng = stream.child(BUCKET).child(&round.to_string()).rng();
        let mut door = self.door.borrow_mut();
        match &plan.kind {
            FaultKind::HangOnly(aim) => door.begin(fault, Effect::Hold, aim, rng),
            FaultKind::Answer(answer) => door.begin(fault, Effect::Spoil(answer.how), &answer.aim, rng),
            FaultKind::Throttle(throttle) => door.limit(fault, throttle, rng),
            // They are not let in.
            FaultKind::Hang
            | FaultKind::Lose(_)
            | FaultKind::Full
            | FaultKind::QueueFull
            | FaultKind::Clock(_)
            | FaultKind::Partition(_)
            | FaultKind::Groups(_)
            | FaultKind::Disconnect(_)
            | FaultKind::Crash
            | FaultKind::PowerLoss
            | FaultKind::Slow(_)
            | FaultKind::Corrupt { .. }
            | FaultKind::Cancel(_)
            | FaultKind::Pause(_)
            | FaultKind::Replace { .. }
            | FaultKind::Restore { .. } => {}
        }
    }

    fn note(&self, fault: usize, event: FaultEvent) {
        self.recorder.note(Entry::Fault { fault, host: Some(HOST), event });
    }
}

impl Handle for Served {
    async fn handle(&self, request: Request<Incoming>) -> Response<ResponseBody> {
        self.front.handle(request).await
    }
}

/// Why a fault needs a run; none if it does not.
fn obstacle(fault: &Fault) -> Option<&'static str> {
    let of_kind = match &fault.kind {
        FaultKind::HangOnly(_) | FaultKind::Answer(_) | FaultKind::Throttle(_) => None,
        FaultKind::Hang => Some("nothing can hang as a whole here; name requests with `only` or `keys`"),
        FaultKind::Slow(_) | FaultKind::Partition(_) | FaultKind::Groups(_) => {
            Some("there is no network of ours here")
        }
        FaultKind::Disconnect(_) => Some("connections end here by with = \"reset\" and the like only"),
        FaultKind::QueueFull | FaultKind::Crash | FaultKind::PowerLoss | FaultKind::Clock(_) => {
            Some("there is no simulated host here")
        }
        FaultKind::Lose(_)
        | FaultKind::Full
        | FaultKind::Corrupt { .. }
        | FaultKind::Replace { .. }
        | FaultKind::Restore { .. } => Some("there are no storage servers here"),
        FaultKind::Cancel(_) | FaultKind::Pause(_) => Some("there are no steps here"),
    };
    let is_here = matches!(&fault.on, Target::Hosts(names) if names.iter().all(|name| name == BUCKET));
    let elsewhere = (!is_here).then_some("it is not at the door of the bucket");
    let waits = [Some(&fault.when), fault.until.as_ref()].into_iter().flatten().find_map(unheard);
    of_kind.or(elsewhere).or(waits)
}

/// Why a trigger never fires outside of a run.
fn unheard(trigger: &Trigger) -> Option<&'static str> {
    let Trigger::Event { who, what, during, .. } = trigger else { return None };
    let counts = matches!(what, Happening::RequestReceived | Happening::RequestAnswered);
    let here = match who {
        Subject::It | Subject::AnyServer => true,
        Subject::Host(name) => name == BUCKET,
        Subject::AnyClient => false,
    };
    let heard = counts && here && during.is_none();
    (!heard)
        .then_some("it waits for what only happens in a run; give it a time, or count requests of the bucket")
}
