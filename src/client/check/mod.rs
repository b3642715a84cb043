//! How well immutable files are stored, and what is common to that and the same for mutable ones.

/// How closely a file is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckOptions {
    /// Whether every byte of every share is read. Otherwise servers are believed.
    pub verify: bool,
}

/// `2 servers`, `1 share`.
pub(super) fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
