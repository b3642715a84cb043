//! What was learned about each server, kept across the operations of one client.

/// What is known about the servers of a grid.
#[derive(Debug, Default)]
pub struct Health {}
