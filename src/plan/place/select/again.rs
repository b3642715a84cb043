//! Allocations that are made once more, because the first one failed for a reason that may have passed.
//!
//! How often, after how long, and what it takes to make sure that the first one left nothing, is for the caller
//! to say.

use super::{Pending, Selection};
use crate::plan::Moment;

impl Selection {
    /// The allocation that `server` has just failed at, or answered by taking less than it was asked to, is made
    /// again: it counts as under way, and as asked at `at`. False if `server` is not waited for any more.
    pub fn allocate_again(&mut self, server: usize, at: Moment) -> bool {
        match &mut self.servers[server].allocating {
            Some((_, pending)) if !pending.overdue => {
                *pending = Pending { since: at, overdue: false };
                true
            }
            _ => false,
        }
    }
}
