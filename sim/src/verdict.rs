//! What a run comes to: findings of the oracles, receipts of the faults, and the exit code.
//!
//! Nothing here looks at bytes or time; it only names and orders what others found.

use std::fmt;
use std::time::Duration;

/// Who found something wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Oracle {
    /// Wrong bytes, or an acknowledged upload that is not there.
    Safety,
    /// An operation failed although the ground truth says that it had to succeed.
    Availability,
    /// Requests, connections or allocations were left over, or an undisturbed operation wasted much.
    Economy,
    /// The scenario file promised something else.
    Expectation,
    /// An operation did not end.
    Hang,
    /// The run proves nothing: a fault never bit, or nothing was asserted.
    Invalid,
    /// The same seed gave two different traces.
    Determinism,
}

impl Oracle {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Safety,
        Self::Availability,
        Self::Economy,
        Self::Expectation,
        Self::Hang,
        Self::Invalid,
        Self::Determinism,
    ];

    /// When it objects.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Safety => {
                "a download gives a wrong byte, or a share that an upload acknowledged is not there"
            }
            Self::Availability => "an operation failed although servers that no fault touched held enough",
            Self::Economy => {
                "an operation left something behind (a request, a program, a busy connection, reserved space), or wasted much though no fault disturbed it"
            }
            Self::Expectation => "the scenario file promised something else",
            Self::Hang => "an operation was still waiting at the deadline of the scenario",
            Self::Invalid => "the run proves nothing: a fault touched nothing, or nothing was asserted",
            Self::Determinism => "the same seed gave two different traces",
        }
    }

    /// Those that a scenario file can name: two runs of one seed are compared outside of any file.
    pub const EXPECTABLE: [Self; 6] =
        [Self::Safety, Self::Availability, Self::Economy, Self::Expectation, Self::Hang, Self::Invalid];
}

impl fmt::Display for Oracle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Safety => "safety",
            Self::Availability => "availability",
            Self::Economy => "economy",
            Self::Expectation => "expectation",
            Self::Hang => "hang",
            Self::Invalid => "invalid",
            Self::Determinism => "determinism",
        })
    }
}

/// One thing that is wrong with a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Who says so.
    pub oracle: Oracle,
    /// What, with names and numbers; further lines are details.
    pub text: String,
}

/// The proof that a fault did something, or that it did not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Receipt {
    /// The fault.
    pub name: String,
    /// When it began, and on whom, in order.
    pub began: Vec<(Duration, String)>,
    /// How often it was over and began anew.
    pub again: u64,
    /// When it first touched something.
    pub bit: Option<Duration>,
    /// Messages, connections or reads it touched.
    pub touched: u64,
    /// Bytes among them.
    pub bytes: u64,
    /// When it last ended; none if it never did.
    pub ended: Option<Duration>,
    /// Whether the file allows it to stay inert.
    pub may_stay_inert: bool,
}

impl Receipt {
    /// Whether the fault did nothing although it should have.
    pub fn is_inert(&self) -> bool {
        self.bit.is_none() && !self.may_stay_inert
    }
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.name)?;
        match self.began.first() {
            None => write!(f, " never began")?,
            Some((at, _)) => {
                let hosts: Vec<&str> = self.began.iter().map(|(_, host)| host.as_str()).collect();
                write!(f, " began at {} on {}", seconds(*at), hosts.join(", "))?;
                match self.again {
                    0 => {}
                    1 => write!(f, " and once more")?,
                    times => write!(f, " and {times} times more")?,
                }
            }
        }
        match self.bit {
            None if self.may_stay_inert => write!(f, "; touched nothing, as it may")?,
            None => write!(f, "; INERT: touched nothing")?,
            Some(at) => {
                let times =
                    if self.touched == 1 { "once".to_owned() } else { format!("{} times", self.touched) };
                write!(f, "; bit {times}, first at {}", seconds(at))?;
                if self.bytes > 0 {
                    write!(f, ", {} B", self.bytes)?;
                }
            }
        }
        if let Some(at) = self.ended {
            write!(f, "; ended at {}", seconds(at))?;
        }
        Ok(())
    }
}

/// A span as people read it: seconds with three decimals.
pub fn seconds(span: Duration) -> String {
    format!("{:.3} s", span.as_secs_f64())
}

/// The documented exit codes of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum ExitCode {
    /// Everything passed.
    Passed = 0,
    /// A property failed.
    Failed = 1,
    /// The command line or a scenario file is wrong.
    Usage = 2,
    /// An operation was still waiting when its time was over.
    Hang = 3,
    /// A run proved nothing: a fault stayed inert, or nothing was asserted.
    Invalid = 4,
    /// The same seed gave two different traces.
    NotDeterministic = 5,
    /// The harness itself failed.
    Internal = 70,
}

impl ExitCode {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Passed,
        Self::Failed,
        Self::Usage,
        Self::Hang,
        Self::Invalid,
        Self::NotDeterministic,
        Self::Internal,
    ];

    /// The code of a run with these findings.
    pub fn of(findings: &[Finding]) -> Self {
        findings.iter().map(|finding| Self::of_oracle(finding.oracle)).fold(Self::Passed, Self::worse)
    }

    fn of_oracle(oracle: Oracle) -> Self {
        match oracle {
            Oracle::Safety | Oracle::Availability | Oracle::Economy | Oracle::Expectation => Self::Failed,
            Oracle::Hang => Self::Hang,
            Oracle::Invalid => Self::Invalid,
            Oracle::Determinism => Self::NotDeterministic,
        }
    }

    /// What a run with this code is called.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Usage => "mistakes",
            Self::Hang => "hang",
            Self::Invalid => "invalid",
            Self::NotDeterministic => "not deterministic",
            Self::Internal => "internal",
        }
    }

    /// What it says about everything that was done.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Passed => "all passed",
            Self::Failed => "a property failed",
            Self::Usage => "some scenario files have mistakes and were not run",
            Self::Hang => "an operation hung",
            Self::Invalid => "a run proved nothing",
            Self::NotDeterministic => "a seed gave two different traces",
            Self::Internal => "the harness itself failed, or lafs panicked",
        }
    }

    /// When the program ends with it.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Passed => "everything passed",
            Self::Failed => "a property failed",
            Self::Usage => {
                "the command line or a scenario file is wrong, or the engine can run none of the scenarios"
            }
            Self::Hang => "an operation hung: it was still waiting at the scenario's deadline",
            Self::Invalid => "a run proved nothing: a fault stayed inert, or nothing was asserted",
            Self::NotDeterministic => "the same seed gave two different traces",
            Self::Internal => "the harness itself failed, or lafs panicked",
        }
    }

    /// The code that speaks for both: internal, not deterministic, hang, failed, invalid, usage, in this order.
    #[must_use]
    pub fn worse(self, other: Self) -> Self {
        let rank = |code: Self| match code {
            Self::Passed => 0,
            Self::Usage => 1,
            Self::Invalid => 2,
            Self::Failed => 3,
            Self::Hang => 4,
            Self::NotDeterministic => 5,
            Self::Internal => 6,
        };
        if rank(self) >= rank(other) { self } else { other }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(oracle: Oracle) -> Finding {
        Finding { oracle, text: String::new() }
    }

    #[test]
    fn a_hang_outranks_a_failed_property_and_an_inert_fault() {
        let all = [finding(Oracle::Invalid), finding(Oracle::Hang), finding(Oracle::Safety)];
        assert_eq!(ExitCode::of(&all), ExitCode::Hang);
        assert_eq!(ExitCode::of(&all[..1]), ExitCode::Invalid);
        assert_eq!(ExitCode::of(&all[2..]), ExitCode::Failed);
        assert_eq!(ExitCode::of(&[]), ExitCode::Passed);
    }

    #[test]
    fn an_inert_fault_is_printed_in_capitals() {
        let receipt = Receipt {
            name: "cable".into(),
            began: vec![(Duration::ZERO, "s1".into())],
            ..Receipt::default()
        };
        assert_eq!(receipt.to_string(), "\"cable\" began at 0.000 s on s1; INERT: touched nothing");
        assert!(receipt.is_inert());
    }
}
