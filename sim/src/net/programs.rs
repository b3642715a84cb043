//! The programs of the hosts: who is polled, who is hung, who dies.
//!
//! Not a general executor: one thread, first woken first polled, and a program belongs to a host. The program
//! of a hung host is not polled; that it was woken is remembered. Nothing here knows connections, nor which engine
//! polls.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Wake, Waker};

use super::HostId;

type Task = Pin<Box<dyn Future<Output = ()>>>;

/// Where a program lives; the serial tells a slot's tenants apart.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Place {
    slot: usize,
    serial: u64,
}

struct Slot {
    serial: u64,
    host: HostId,
    /// Absent while it is being polled.
    task: Option<Task>,
}

/// Who has been woken, shared with all wakers.
pub(super) struct Ready {
    inner: Mutex<Woken>,
}

struct Woken {
    queue: VecDeque<Arc<Bell>>,
    /// Wakes the driver; absent while it runs, because it looks at the queue anyway.
    driver: Option<Waker>,
}

impl Ready {
    fn lock(&self) -> MutexGuard<'_, Woken> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, bell: Arc<Bell>) {
        let driver = {
            let mut woken = self.lock();
            woken.queue.push_back(bell);
            woken.driver.take()
        };
        if let Some(driver) = driver {
            driver.wake();
        }
    }

    /// Says whom to wake when a program is woken from outside.
    pub(super) fn set_driver(&self, driver: Option<Waker>) {
        self.lock().driver = driver;
    }

    /// Wakes whoever polls, if it does not run already.
    pub(super) fn wake_driver(&self) {
        let driver = self.lock().driver.take();
        if let Some(driver) = driver {
            driver.wake();
        }
    }

    fn pop(&self) -> Option<Arc<Bell>> {
        self.lock().queue.pop_front()
    }
}

/// The waker of one program.
struct Bell {
    place: Place,
    rung: AtomicBool,
    /// Not an owner: a program that was woken and never ran would keep the queue it stands in for ever.
    ready: Weak<Ready>,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        if !self.rung.swap(true, Ordering::Relaxed)
            && let Some(ready) = self.ready.upgrade()
        {
            ready.push(self);
        }
    }

    fn wake_by_ref(self: &Arc<Self>) {
        Arc::clone(self).wake();
    }
}

#[derive(Default)]
struct Slots {
    slots: Vec<Slot>,
    free: Vec<usize>,
    serial: u64,
    /// Woken while their host was hung, in the order of waking.
    stalled: Vec<(HostId, Arc<Bell>)>,
}

pub(super) struct Programs {
    slots: RefCell<Slots>,
    pub(super) ready: Arc<Ready>,
    late: RefCell<VecDeque<Arc<Bell>>>,
}

impl Programs {
    pub(super) fn new() -> Self {
        let inner = Mutex::new(Woken { queue: VecDeque::new(), driver: None });
        Self { slots: RefCell::default(), ready: Arc::new(Ready { inner }), late: RefCell::default() }
    }

    pub(super) fn add(&self, host: HostId, task: Task) {
        let mut slots = self.slots.borrow_mut();
        slots.serial += 1;
        let serial = slots.serial;
        let index = slots.free.pop().unwrap_or(slots.slots.len());
        let place = Place { slot: index, serial };
        let bell = Arc::new(Bell { place, rung: AtomicBool::new(false), ready: Arc::downgrade(&self.ready) });
        let slot = Slot { serial, host, task: Some(task) };
        match slots.slots.get_mut(index) {
            Some(place) => *place = slot,
            None => slots.slots.push(slot),
        }
        drop(slots);
        bell.wake();
    }

    /// Sets aside what tokio's timers have woken: it runs after everything the network does earlier.
    pub(super) fn set_aside(&self) {
        let mut late = self.late.borrow_mut();
        std::mem::swap(&mut self.ready.lock().queue, &mut late);
        for bell in late.iter() {
            bell.rung.store(false, Ordering::Relaxed);
        }
    }

    /// Wakes what was set aside.
    pub(super) fn bring_back(&self) {
        let late = std::mem::take(&mut *self.late.borrow_mut());
        for bell in late {
            bell.wake();
        }
    }

    /// Polls the program that was woken first, unless its host is `hung`: then that host is `touched`. False if none
    /// was woken.
    pub(super) fn poll_one(&self, hung: impl FnOnce(HostId) -> bool, touched: impl FnOnce(HostId)) -> bool {
        let Some(bell) = self.ready.pop() else { return false };
        let place = bell.place;
        let task = {
            let mut slots = self.slots.borrow_mut();
            let Some(slot) = slots.slots.get_mut(place.slot).filter(|slot| slot.serial == place.serial)
            else {
                return true;
            };
            let host = slot.host;
            if hung(host) {
                // `rung` stays set, so that it queues no second time before it is released.
                slots.stalled.push((host, bell));
                drop(slots);
                touched(host);
                return true;
            }
            slot.task.take()
        };
        let Some(mut task) = task else { return true };
        bell.rung.store(false, Ordering::Relaxed);
        let waker = Waker::from(Arc::clone(&bell));
        let poll = task.as_mut().poll(&mut Context::from_waker(&waker));
        let finished = {
            let mut slots = self.slots.borrow_mut();
            match slots.slots.get_mut(place.slot).filter(|slot| slot.serial == place.serial) {
                Some(slot) if poll.is_pending() => {
                    slot.task = Some(task);
                    None
                }
                Some(slot) => {
                    slot.serial = 0;
                    slots.free.push(place.slot);
                    Some(task)
                }
                // Its host died while it ran.
                None => Some(task),
            }
        };
        drop(finished);
        true
    }

    /// How many programs `host` has.
    pub(super) fn count(&self, host: HostId) -> usize {
        self.slots.borrow().slots.iter().filter(|slot| slot.serial != 0 && slot.host == host).count()
    }

    /// Lets the programs of a host run that were woken while it was hung.
    pub(super) fn resume(&self, host: HostId) {
        let mut slots = self.slots.borrow_mut();
        let stalled = std::mem::take(&mut slots.stalled);
        let (resumed, rest) = stalled.into_iter().partition(|(of, _)| *of == host);
        slots.stalled = rest;
        drop(slots);
        let resumed: Vec<(HostId, Arc<Bell>)> = resumed;
        for (_, bell) in resumed {
            self.ready.push(bell);
        }
    }

    /// Drops the programs of `host`, or all. One that is being polled right now goes when its poll returns.
    pub(super) fn kill(&self, host: Option<HostId>) {
        let mut dead = Vec::new();
        let mut slots = self.slots.borrow_mut();
        let Slots { slots: list, free, stalled, .. } = &mut *slots;
        for (index, slot) in list.iter_mut().enumerate() {
            if slot.serial != 0 && host.is_none_or(|host| host == slot.host) {
                slot.serial = 0;
                dead.extend(slot.task.take());
                free.push(index);
            }
        }
        stalled.retain(|(of, _)| host.is_some_and(|host| host != *of));
        drop(slots);
        drop(dead);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_was_woken_and_never_ran_does_not_outlive_its_network() {
        let programs = Programs::new();
        programs.add(HostId(0), Box::pin(std::future::pending()));
        let ready = Arc::downgrade(&programs.ready);
        drop(programs);
        assert!(ready.upgrade().is_none());
    }
}
