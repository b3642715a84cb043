//! Settling for less than was aimed for. That nobody is left to ask or to wait for is for the caller to notice.

use super::Selection;
use crate::plan::place::place;

impl Selection {
    /// Aims for no more happiness than can be reached as things stand. False if that is what it aims for already.
    pub fn aim_lower(&mut self) -> bool {
        let reachable = place(&self.candidates(false), self.encoding).happiness;
        let is_less = reachable < self.happy;
        self.happy = self.happy.min(reachable);
        is_less
    }
}
