//! A deterministic fault-injection harness: the real uploader and downloader of `lafs`, simulated servers on
//! a seeded virtual network, scenarios in TOML, oracles that judge each run, replay of any seed.
//!
//! From a file to a verdict: [`scenario`] reads TOML, [`schedule`] is what one seed makes of it, [`run`] builds the
//! [`world`] on a virtual network ([`net`]) and lets the workload and the faults ([`fault`]) loose, [`record`]
//! hears everything into a [`trace`], [`oracle`] judges, [`report`] tells.

pub mod batch;
pub mod blame;
pub mod cli;
pub mod engine;
pub mod experiment;
pub mod fault;
pub mod ledger;
pub mod model;
pub mod net;
pub mod oracle;
pub mod record;
pub mod report;
pub mod run;
pub mod s3;
pub mod scenario;
pub mod schedule;
pub mod seed;
pub mod starter;
pub mod trace;
pub mod usage;
pub mod verdict;
pub mod workload;
pub mod world;
