//! The answer to an experiment in a few sentences, made of what was measured and of the closed form; each says which.

use super::Trials;
use super::arm::Arm;
use super::form;
use super::table::{figures, percent};
use crate::scenario::Counted;

/// The chance of failure that is spoken of, if it was tried.
const SPOKEN_OF: f64 = 0.01;
/// Files of a backup of a thousand that have shares, and the requests that each needed in 2012, as far as is known.
const BACKUP: (f64, f64) = (994.0, 3.0);

/// One sentence about independent failures, and one about bursts, as far as either was tried.
pub fn answer(trials: &Trials) -> Vec<String> {
    [false, true].into_iter().filter_map(|bursts| sentence(trials, bursts)).collect()
}

fn sentence(trials: &Trials, bursts: bool) -> Option<String> {
    let of_kind = |arm: &&Arm| arm.conditions.burst.is_some() == bursts && arm.conditions.rate > 0.0;
    let distance = |arm: &&Arm| (arm.conditions.rate - SPOKEN_OF).abs();
    let nearest = trials.arms.iter().filter(of_kind).min_by(|a, b| distance(a).total_cmp(&distance(b)))?;
    let same = |arm: &&Arm| {
        arm.conditions.rate == nearest.conditions.rate
            && arm.conditions.burst == nearest.conditions.burst
            && arm.besides == nearest.besides
    };
    let clauses: Vec<String> =
        trials.arms.iter().filter(same).map(|arm| clause(trials.experiment.counts, arm)).collect();
    let burst = nearest.conditions.burst.map_or(String::new(), |again| {
        format!(", and {} of what is tried again at once fails again", percent(again))
    });
    let besides = match nearest.besides.as_str() {
        "" => String::new(),
        besides => format!(" ({besides})"),
    };
    let rate = percent(nearest.conditions.rate);
    Some(format!("Where {rate} of requests fail{burst}{besides}: {}.", clauses.join("; ")))
}

/// What one policy comes to.
fn clause(counts: Counted, arm: &Arm) -> String {
    let what = counts.word();
    let name = policy(&arm.conditions.policy);
    let (form, interval) = (1000.0 * arm.expected(), arm.interval());
    let measured = format!(
        "{name}, {} of 1000 {what} fail ({} of {} measured, which means {} to {} of 1000 at 95 %; {} by the form)",
        figures(arm.of_1000()),
        arm.failed,
        arm.operations,
        figures(1000.0 * interval.low),
        figures(1000.0 * interval.high),
        figures(form)
    );
    match counts {
        Counted::Puts => {
            let (files, requests) = BACKUP;
            let fails = form::any_of(arm.conditions.chances().operation_fails(requests), files);
            format!(
                "{measured}, and {} backups of 1,000 files lack one (by the form, {requests} requests each, as in 2012)",
                whole_percent(fails)
            )
        }
        Counted::Files => {
            let backups = arm.backups.complete + arm.backups.partial + arm.backups.failed;
            let lacking = backups - arm.backups.complete;
            format!("{measured}, and {lacking} of {backups} backups are not complete (measured)")
        }
        Counted::Backups => measured,
    }
}

/// A share of many, without a digit that nobody reads.
fn whole_percent(share: f64) -> String {
    if share > 0.995 {
        return "all".to_owned();
    }
    if share < 0.005 { format!("{} of", percent(share)) } else { format!("{:.0} % of", 100.0 * share) }
}

/// A policy in words.
fn policy(name: &str) -> String {
    match name {
        "none" => "without a retry".to_owned(),
        "once" => "with one retry at once".to_owned(),
        "aws-standard" => "with two delayed retries (aws-standard)".to_owned(),
        "ours" => "with five delayed retries (ours)".to_owned(),
        other => format!("with {other}"),
    }
}
