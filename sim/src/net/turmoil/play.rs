//! Driving turmoil: a world of its making for the hosts of a run, one tick after the other.

use std::panic::resume_unwind;
use std::rc::Rc;
use std::time::UNIX_EPOCH;

use ::turmoil::{Builder, Sim};
use tokio::task::JoinError;

use super::host::Kernel;
use super::{Inner, Stopped};

/// Lets time pass until `over`.
pub(super) fn until(net: &Rc<Inner>, over: impl Fn() -> bool) -> Result<(), Stopped> {
    let mut sim = build(net);
    let mut registered = 0;
    loop {
        register(net, &mut sim, &mut registered);
        net.carry_out(&mut sim);
        if over() {
            return Ok(());
        }
        if let Err(error) = sim.step() {
            return Err(panicked(error));
        }
        net.ticks.reach(sim.elapsed());
        if let Some(livelock) = net.livelock.get() {
            return Err(livelock.into());
        }
    }
}

fn build(net: &Inner) -> Sim<'static> {
    let seed = net.seed.child("turmoil").bytes();
    let seed = seed.iter().take(8).fold(0, |seed, byte| seed << 8 | u64::from(*byte));
    // Turmoil counts pieces where the window here counts bytes. With one more than there are bytes, its queue is never
    // exactly full, in which case it would lose a FIN.
    let pieces = usize::try_from(net.limits.window_bytes).unwrap_or(usize::MAX / 16).saturating_add(1);
    Builder::new()
        .tick_duration(net.ticks.tick())
        .epoch(UNIX_EPOCH)
        .rng_seed(seed)
        .tcp_capacity(pieces)
        .build()
}

/// Makes turmoil know the hosts that were added.
fn register(net: &Rc<Inner>, sim: &mut Sim<'static>, registered: &mut usize) {
    let hosts = net.hosts.borrow().clone();
    for host in hosts.iter().skip(*registered) {
        net.wires.borrow_mut().relink(host.id);
        let (net, host) = (Rc::clone(net), Rc::clone(host));
        let ip = host.ip();
        sim.host(ip, move || tokio::task::unconstrained(Kernel::new(Rc::clone(&net), Rc::clone(&host))));
    }
    *registered = hosts.len();
}

/// A panic of a program goes on where the run was started.
fn panicked(error: Box<dyn std::error::Error>) -> Stopped {
    match error.downcast::<JoinError>() {
        Ok(error) if error.is_panic() => resume_unwind(error.into_panic()),
        Ok(error) => Stopped::Turmoil(error.to_string()),
        Err(error) => Stopped::Turmoil(error.to_string()),
    }
}
