//! Scenarios to begin with: one for each kind of thing that can go wrong, commented, and passing as it is.
//!
//! Only holds them; `squall new` hands them out.

/// A scenario to begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Starter {
    /// What goes wrong, in one word.
    pub kind: &'static str,
    /// The file.
    pub text: &'static str,
}

macro_rules! starters {
    ($($kind:literal)*) => {
        &[$(Starter { kind: $kind, text: include_str!(concat!($kind, ".toml")) }),*]
    };
}

/// All starters, the most usual first.
pub const ALL: &[Starter] = starters!(
    "hang" "mute" "partition" "disconnect" "crash" "power-loss" "slow" "answer" "queue-full" "corrupt" "replace" "upload"
    "full" "lose" "restore" "clock" "groups" "clients" "mutable" "cancel" "pause" "bad-day" "random"
);

/// The starter of this kind; `power_loss` is as good as `power-loss`.
pub fn find(kind: &str) -> Option<&'static Starter> {
    let kind = kind.replace('_', "-");
    ALL.iter().find(|starter| starter.kind == kind)
}

impl Starter {
    /// What it shows, in one line.
    pub fn about(&self) -> &'static str {
        let rest = self.text.split_once("about = \"").map_or("", |(_, rest)| rest);
        rest.split_once('"').map_or("", |(about, _)| about)
    }
}
