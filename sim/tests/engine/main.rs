//! The event engine, one claim at a time: what programs see on its network, and when.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod crash;
mod determinism;
mod disconnect;
mod hang;
mod link;
mod partition;
mod power;
mod queue;
mod random;
mod window;
mod world;
