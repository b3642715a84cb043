//! What is done on both stages. A case is one function; nothing in it knows which stage it is on.

use std::pin::Pin;

use crate::stage::Stage;

mod closing;
mod processes;
mod queues;
mod silence;

/// How long the kernels of the real machines try, in cases that wait for the end of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patience {
    /// As Linux comes: longer than any case.
    Usual,
    /// A few seconds.
    Short,
}

/// A line of the log that is known to differ, and why it is left so.
pub(crate) struct Difference {
    pub(crate) linux: &'static str,
    pub(crate) engine: &'static str,
    pub(crate) reason: &'static str,
}

type Play = for<'a> fn(&'a mut Stage) -> Pin<Box<dyn Future<Output = ()> + 'a>>;

pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) patience: Patience,
    pub(crate) differs: &'static [Difference],
    pub(crate) play: Play,
}

impl Case {
    const fn new(name: &'static str, play: Play) -> Self {
        Self { name, patience: Patience::Usual, differs: &[], play }
    }

    const fn differs(mut self, differs: &'static [Difference]) -> Self {
        self.differs = differs;
        self
    }

    const fn short(mut self) -> Self {
        self.patience = Patience::Short;
        self
    }
}

/// A case of the name of its function.
macro_rules! case {
    ($play:ident) => {
        $crate::cases::Case::new(stringify!($play), |stage| Box::pin($play(stage)))
    };
}
use case;

pub(crate) fn all() -> Vec<Case> {
    [queues::cases(), silence::cases(), closing::cases(), processes::cases()].into_iter().flatten().collect()
}
