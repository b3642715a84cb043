//! The outcome of a program, for whoever started it. The same for every engine.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// The outcome of a program, for whoever started it.
pub struct Program<T>(Rc<RefCell<Outcome<T>>>);

struct Outcome<T> {
    value: Option<T>,
    over: bool,
    waker: Option<Waker>,
}

impl<T: 'static> Program<T> {
    /// Makes of `program` a task without a value, and what tells of its end. A task that is dropped has died.
    pub(super) fn split(
        program: impl Future<Output = T> + 'static,
    ) -> (Self, Pin<Box<dyn Future<Output = ()>>>) {
        let outcome = Rc::new(RefCell::new(Outcome { value: None, over: false, waker: None }));
        let reporter = Reporter(Rc::clone(&outcome));
        let task = Box::pin(async move {
            let value = program.await;
            reporter.0.borrow_mut().value = Some(value);
        });
        (Self(outcome), task)
    }
}

impl<T> Program<T> {
    /// Whether it has ended or died.
    pub fn is_over(&self) -> bool {
        self.0.borrow().over
    }
}

impl<T> Future for Program<T> {
    type Output = Option<T>;

    /// Its value; none if its host died first.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let mut outcome = self.0.borrow_mut();
        if outcome.over {
            return Poll::Ready(outcome.value.take());
        }
        outcome.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

/// Reports the end of a program, however it comes about.
struct Reporter<T>(Rc<RefCell<Outcome<T>>>);

impl<T> Drop for Reporter<T> {
    fn drop(&mut self) {
        let mut outcome = self.0.borrow_mut();
        outcome.over = true;
        if let Some(waker) = outcome.waker.take() {
            waker.wake();
        }
    }
}
