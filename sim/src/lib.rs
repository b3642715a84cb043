//! A deterministic fault-injection harness: the real uploader and downloader of `lafs`, simulated servers on
//! a seeded virtual network, scenarios in TOML, oracles that judge each run, replay of any seed.

pub mod net;
pub mod scenario;
pub mod schedule;
pub mod seed;
pub mod trace;
