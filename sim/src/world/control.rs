//! What whoever asked for a result does to it: gives it up, or takes no more bytes for a while.
//!
//! Holds state and wakes; that it happened is told to the recorder by those whom it stops.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use tokio::io::AsyncWrite;

use super::content::Compare;
use super::waiting::Waiting;
use crate::record::Recorder;

/// How the asker of one step stands to it.
#[derive(Debug, Default)]
pub struct Control {
    cancelled: Cell<Option<usize>>,
    /// Faults that pause it.
    paused: RefCell<BTreeSet<usize>>,
    waiting: RefCell<Waiting>,
}

impl Control {
    /// The asker gives the step up, because of `fault`.
    pub fn cancel(&self, fault: usize) {
        self.cancelled.set(self.cancelled.get().or(Some(fault)));
        self.wake();
    }

    /// The asker takes no bytes, because of `fault`.
    pub fn pause(&self, fault: usize) {
        self.paused.borrow_mut().insert(fault);
    }

    /// `fault` no longer keeps the asker from taking bytes.
    pub fn resume(&self, fault: usize) {
        self.paused.borrow_mut().remove(&fault);
        self.wake();
    }

    /// Waits until the step is given up; returns the fault that did it.
    pub async fn cancelled(&self) -> usize {
        poll_fn(|cx| match self.cancelled.get() {
            Some(fault) => Poll::Ready(fault),
            None => self.wait(cx),
        })
        .await
    }

    fn wait<T>(&self, cx: &mut Context<'_>) -> Poll<T> {
        self.waiting.borrow_mut().join(cx);
        Poll::Pending
    }

    fn wake(&self) {
        self.waiting.borrow_mut().wake_all();
    }
}

/// A sink that takes bytes while the asker does. What came stays readable when the writer is gone.
pub struct Paced {
    sink: Rc<RefCell<Compare>>,
    control: Rc<Control>,
    recorder: Recorder,
    /// The fault that is already known to have stopped a write.
    bitten: Option<usize>,
}

impl Paced {
    /// Passes bytes on to `sink`.
    pub fn new(sink: Rc<RefCell<Compare>>, control: Rc<Control>, recorder: Recorder) -> Self {
        Self { sink, control, recorder, bitten: None }
    }
}

impl AsyncWrite for Paced {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let pausing = self.control.paused.borrow().first().copied();
        if let Some(fault) = pausing {
            if self.bitten.replace(fault) != Some(fault) {
                self.recorder.bite(fault, 1, 0);
            }
            return self.control.wait(cx);
        }
        Pin::new(&mut *self.sink.borrow_mut()).poll_write(cx, data)
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
