//! Faults at the door of a server, as they look on the wire: raw HTTP goes in, and these bytes come out.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod answers;
mod choices;
mod clock;
mod disk;
mod mutable;
mod raw;
