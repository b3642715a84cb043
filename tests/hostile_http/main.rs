//! Peers that lie, stall, babble or vanish: every request ends with a typed error, every connection ends,
//! and nothing panics, hangs or grows without bound.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

#[path = "../in_memory/client.rs"]
mod a_client;
mod answers;
#[path = "../in_memory/mod.rs"]
mod in_memory;
mod requests;
