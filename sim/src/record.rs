//! The one place every event of a run passes: into the trace, the accounts of the faults and the ledger of the step.
//!
//! It only records. Faults that become due are carried out by whoever waits on [`Recorder::due`].

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

use lafs::client::{Event, Observe};
use tokio::time::Instant;

use crate::fault::Book;
use crate::ledger::Ledger;
use crate::net::{Clock, HostId, NetEvent};
use crate::trace::{Entry, FaultEvent, ServerEvent, StepEvent, Trace};

/// A handle on the records of one run; clones share them.
#[derive(Clone)]
pub struct Recorder {
    records: Arc<Mutex<Records>>,
    clock: Clock,
}

/// What is recorded.
pub struct Records {
    /// Everything, in order.
    pub trace: Trace,
    /// The accounts of the faults.
    pub book: Book,
    /// What the current step asked and got.
    pub ledger: Ledger,
    /// The plan of faults changed, so that the next due time may be another one.
    stirred: bool,
    waker: Option<Waker>,
}

impl Recorder {
    /// Records whose times `clock` tells.
    pub fn new(trace: Trace, book: Book, ledger: Ledger, clock: Clock) -> Self {
        let records = Records { trace, book, ledger, stirred: false, waker: None };
        Self { records: Arc::new(Mutex::new(records)), clock }
    }

    /// Virtual time since the start of the run.
    pub fn now(&self) -> Duration {
        self.clock.now()
    }

    /// A moment of the run on the scale of the runtime at hand.
    pub fn instant(&self, at: Duration) -> Instant {
        self.clock.instant(at)
    }

    /// The records. Held only for the length of a statement.
    pub fn records(&self) -> MutexGuard<'_, Records> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an entry that happened now.
    pub fn note(&self, entry: Entry) {
        let now = self.now();
        self.records().take(now, entry);
    }

    /// Takes an event of the network, and gives the faults that caused it their receipt.
    pub fn note_net(&self, event: &NetEvent) {
        let mut records = self.records();
        if let Some((fault, bytes)) = records.book.blame(event) {
            records.bite(fault, event.at, 1, bytes);
        }
        records.ledger.hear_net(event);
        records.trace.push(event.at, Entry::Net(*event));
    }

    /// Notes that a fault touched something now.
    pub fn bite(&self, fault: usize, times: u64, bytes: u64) {
        let now = self.now();
        self.records().bite(fault, now, times, bytes);
    }

    /// Takes an event at the front door of a server.
    pub fn note_server(&self, host: HostId, event: ServerEvent) {
        self.note(Entry::Server { host, event });
    }

    /// Takes the beginning or the end of a step.
    pub fn note_step(&self, step: usize, event: StepEvent) {
        self.note(Entry::Step { step, event });
    }

    /// Tells whoever waits on [`Recorder::due`] that faults began or ended.
    pub fn stir(&self) {
        let mut records = self.records();
        records.stirred = true;
        if let Some(waker) = records.waker.take() {
            waker.wake();
        }
    }

    /// Waits until a fault is due, whether by its time or by what happened. May return early.
    pub async fn due(&self) {
        let happened = poll_fn(|cx| {
            let mut records = self.records();
            if records.book.has_due() || std::mem::take(&mut records.stirred) {
                return Poll::Ready(());
            }
            records.waker = Some(cx.waker().clone());
            Poll::Pending
        });
        let next = self.records().book.next_time();
        match next {
            None => happened.await,
            Some(at) => {
                tokio::select! {
                    biased;
                    () = happened => {}
                    () = tokio::time::sleep_until(self.instant(at)) => {}
                }
            }
        }
    }
}

impl Records {
    fn take(&mut self, now: Duration, entry: Entry) {
        self.book.hear(&entry);
        self.ledger.hear(now, &entry);
        self.trace.push(now, entry);
        if self.book.has_due()
            && let Some(waker) = self.waker.take()
        {
            waker.wake();
        }
    }

    fn bite(&mut self, fault: usize, now: Duration, times: u64, bytes: u64) {
        if self.book.bit(fault, now, times, bytes) {
            self.trace.push(now, Entry::Fault { fault, host: None, event: FaultEvent::Bit });
        }
    }
}

/// Hands the events of one step of one client to the recorder.
pub struct ClientObserver {
    recorder: Recorder,
    host: HostId,
    step: usize,
}

impl ClientObserver {
    /// For a step of the client on `host`.
    pub fn new(recorder: Recorder, host: HostId, step: usize) -> Self {
        Self { recorder, host, step }
    }
}

impl Observe for ClientObserver {
    fn on_event(&self, event: &Event) {
        self.recorder.note(Entry::Client { host: self.host, step: self.step, event: event.clone() });
    }
}
