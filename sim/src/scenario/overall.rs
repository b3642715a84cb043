//! Reads `[over_all_seeds]`: what must hold of all runs of a file together. Counts nothing.

use std::time::Duration;

use toml::de::DeValue;

use super::diagnose::{Bad, Report};
use super::section::Section;
use super::steps::{ActionPlan, StepPlan};
use super::units;

/// The quantile that all are under, in [`SeedBound::Took`].
pub const EVERYTHING: u64 = 100_000;

/// What the steps of a file that can fail do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// They upload.
    Upload,
    /// They download.
    Download,
    /// They change mutable files.
    Put,
}

/// Something that must hold of all operations of one kind, of all runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeedBound {
    /// At most so many of so many fail.
    FailedMax(u64, u64),
    /// At least so many of so many fail.
    FailedMin(u64, u64),
    /// So many of [`EVERYTHING`] take no longer than this.
    Took(u64, Duration),
}

/// One promise of `[over_all_seeds]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promise {
    /// Whose.
    pub of: Operation,
    /// What.
    pub bound: SeedBound,
    /// As it is written.
    pub text: String,
}

type Parse = fn(&str) -> Result<SeedBound, Bad>;

const KEYS: &[(&str, Operation, Parse)] = &[
    ("uploads_failed", Operation::Upload, failed),
    ("downloads_failed", Operation::Download, failed),
    ("puts_failed", Operation::Put, failed),
    ("uploads_took", Operation::Upload, took),
    ("downloads_took", Operation::Download, took),
];

/// Reads all promises.
pub(super) fn promises(root: &Section<'_>, steps: &[StepPlan], report: &mut Report<'_>) -> Vec<Promise> {
    let Some(section) = root.table("over_all_seeds", report) else { return Vec::new() };
    let mut promises = Vec::new();
    for (key, of, parse) in KEYS {
        let Some(field) = section.field(key) else { continue };
        if !steps.iter().any(|step| operation(step) == Some(*of)) {
            let bad = Bad::new(format!("`{key}` of nothing"), "no step of this file does this");
            report.bad(section.key_span(key), bad);
        }
        let texts: Vec<_> = match field.value {
            DeValue::Array(items) => {
                items.iter().map(|item| (item.get_ref().as_str(), item.span())).collect()
            }
            other => vec![(other.as_str(), field.span.clone())],
        };
        for (text, span) in texts {
            let parsed = match text {
                Some(text) => parse(text).map(|bound| (bound, text)).map_err(|bad| bad.within(text)),
                None if field.value.is_array() => {
                    Err(Bad::new(format!("`{key}` takes a list of texts"), "expected a text"))
                }
                None => Err(field.wrong_type()),
            };
            match parsed {
                Ok((bound, text)) => promises.push(Promise { of: *of, bound, text: text.to_owned() }),
                Err(bad) => report.bad(span, bad),
            }
        }
    }
    promises
}

/// What a step does, if it can fail.
pub(super) fn operation(step: &StepPlan) -> Option<Operation> {
    match step.action {
        ActionPlan::Upload { .. } => Some(Operation::Upload),
        ActionPlan::Download { .. } => Some(Operation::Download),
        ActionPlan::Mutable { act, .. } if act.writes() => Some(Operation::Put),
        ActionPlan::Wait(_)
        | ActionPlan::Delete { .. }
        | ActionPlan::Copy { .. }
        | ActionPlan::Arrange { .. }
        | ActionPlan::Mutable { .. }
        | ActionPlan::Upkeep(_)
        | ActionPlan::Forget => None,
    }
}

/// `<= 2 of 1000` or `>= 1 of 10`.
fn failed(text: &str) -> Result<SeedBound, Bad> {
    let bad = || {
        Bad::new("this share of all is not understood", "expected a bound and what it is a share of")
            .help("write \"<= 2 of 1000\": at most two of a thousand fail, or \">= 1 of 10\"")
    };
    let text = text.trim();
    let (make, rest): (fn(u64, u64) -> SeedBound, &str) =
        match (text.strip_prefix("<="), text.strip_prefix(">=")) {
            (Some(rest), _) => (SeedBound::FailedMax, rest),
            (None, Some(rest)) => (SeedBound::FailedMin, rest),
            (None, None) => return Err(bad()),
        };
    let (count, of) = rest.split_once(" of ").ok_or_else(bad)?;
    let (count, of) = count.trim().parse::<u64>().ok().zip(of.trim().parse::<u64>().ok()).ok_or_else(bad)?;
    if of == 0 || count > of {
        return Err(Bad::new("a share that makes no sense", "from none of them to all of them"));
    }
    Ok(make(count, of))
}

/// `p99 <= 2s` or `max <= 5s`.
fn took(text: &str) -> Result<SeedBound, Bad> {
    let bad = || {
        Bad::new("this quantile is not understood", "expected a quantile, `<=` and a duration")
            .help("write \"p99 <= 2s\": 99 of 100 take two seconds at most, or \"max <= 5s\"")
    };
    let (quantile, within) = text.split_once("<=").ok_or_else(bad)?;
    let part = match quantile.trim() {
        "max" => EVERYTHING,
        quantile => quantile.strip_prefix('p').and_then(percent).ok_or_else(bad)?,
    };
    Ok(SeedBound::Took(part, units::duration(within)?))
}

/// A percentage with up to three decimals, in parts of [`EVERYTHING`].
fn percent(text: &str) -> Option<u64> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.len() <= 3 && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(decimals) {
        return None;
    }
    let parts = whole.parse::<u64>().ok()? * 1_000 + format!("{decimals:0<3}").parse::<u64>().ok()?;
    (1..=EVERYTHING).contains(&parts).then_some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_and_quantiles_mean_what_they_say() {
        assert_eq!(failed("<= 2 of 1000"), Ok(SeedBound::FailedMax(2, 1000)));
        assert_eq!(failed(" >=1 of 10"), Ok(SeedBound::FailedMin(1, 10)));
        assert_eq!(took("p99 <= 2s"), Ok(SeedBound::Took(99_000, Duration::from_secs(2))));
        assert_eq!(took("p99.9<=1m30s"), Ok(SeedBound::Took(99_900, Duration::from_secs(90))));
        assert_eq!(took("max <= 5s"), Ok(SeedBound::Took(EVERYTHING, Duration::from_secs(5))));
        for text in ["2 of 1000", "<= 2", "<= 3 of 2", "<= 0 of 0", "<= -1 of 5", "< 1 of 5", "<= 1 of"] {
            assert!(failed(text).is_err(), "{text}");
        }
        for text in
            ["p0 <= 2s", "p101 <= 2s", "99 <= 2s", "p99 >= 2s", "p99 <= 2", "p99.1234 <= 2s", "p. <= 1s"]
        {
            assert!(took(text).is_err(), "{text}");
        }
    }
}
