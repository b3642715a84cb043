//! Blame in words.

use super::{Blame, Failure, SEARCH_RUNS_MAX, Set, Without};
use crate::engine::Engine;
use crate::report::{Run, head, item, replay_command};
use crate::schedule::Schedule;

/// Who is to blame, for a person.
pub fn text(blame: &Blame, schedule: &Schedule) -> String {
    let run = Run {
        path: &schedule.path,
        variant: schedule.variant.as_deref(),
        seed: schedule.seed,
        engine: Engine::Event,
    };
    let mut out = head("BLAME", run, &schedule.about);
    blame.failure.lines().for_each(|line| item(&mut out, "failure", line));
    for (fault, without) in schedule.faults.iter().zip(&blame.without) {
        let effect = match without {
            Without::Passes => "necessary: without it the run passes".to_owned(),
            Without::FailsAlike => "makes no difference".to_owned(),
            Without::FailsOtherwise(other) => format!("without it the failure is another\n{}", list(other)),
        };
        item(&mut out, "fault", &format!("\"{}\" {effect}", fault.name));
    }
    match &blame.without_all {
        Without::Passes => {}
        Without::FailsAlike if schedule.faults.is_empty() => {
            item(&mut out, "none", "it fails without any fault");
        }
        Without::FailsAlike => {
            item(&mut out, "none", "it fails in the same way without any fault: none of them is to blame");
        }
        Without::FailsOtherwise(other) => {
            item(
                &mut out,
                "none",
                &format!("it fails without any fault, too, in another way\n{}", list(other)),
            );
        }
    }
    if let Some(cure) = &blame.cure {
        let names = names(cure, schedule);
        item(
            &mut out,
            "cure",
            &format!("no single one is necessary; without {names} the run passes{}", limit(cure)),
        );
    }
    if let Some(enough) = blame.enough.as_ref().filter(|_| schedule.faults.len() > 1) {
        let names = names(enough, schedule);
        item(&mut out, "enough", &format!("{names} alone: the same failure{}", limit(enough)));
    }
    item(&mut out, "runs", &format!("{} made", blame.runs));
    item(&mut out, "replay", &replay_command(run));
    out
}

fn list(failure: &Failure) -> String {
    failure.lines().collect::<Vec<&str>>().join("\n")
}

fn names(set: &Set, schedule: &Schedule) -> String {
    let named = set.faults.iter().filter_map(|fault| schedule.faults.get(*fault));
    let names: Vec<String> = named.map(|fault| format!("\"{}\"", fault.name)).collect();
    match names.split_last() {
        None => "nothing".to_owned(),
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
    }
}

fn limit(set: &Set) -> String {
    if set.smallest {
        return String::new();
    }
    format!(" (found in {SEARCH_RUNS_MAX} runs; there may be a smaller set)")
}
