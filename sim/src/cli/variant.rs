//! `--variant`: which variants of files with a matrix are meant. Runs nothing.

use crate::report;
use crate::scenario::{self, Scenario};
use crate::verdict::ExitCode;

use super::out::Out;

/// So many variants are listed where one has to be chosen.
const LISTED_MAX: usize = 32;

/// Those that are meant, of one file or of many.
pub(super) fn some(
    out: Out,
    scenarios: Vec<Scenario>,
    which: Option<&str>,
) -> Result<Vec<Scenario>, ExitCode> {
    let Some(which) = which else { return Ok(scenarios) };
    let all = listed(&scenarios);
    let files = scenarios.chunk_by(|a, b| a.path() == b.path());
    let chosen: Vec<Scenario> = files.flat_map(|file| scenario::choose(file, which)).cloned().collect();
    if chosen.is_empty() {
        Err(out.usage(&format!("no variant is called `{which}`{all}")))
    } else {
        Ok(chosen)
    }
}

/// The one of a file that is meant.
pub(super) fn one(out: Out, scenarios: Vec<Scenario>, which: Option<&str>) -> Result<Scenario, ExitCode> {
    let chosen = some(out, scenarios, which)?;
    let count = report::plural(chosen.len() as u64, "variant");
    let all = listed(&chosen);
    let mut chosen = chosen.into_iter();
    match (chosen.next(), chosen.next()) {
        (Some(only), None) => Ok(only),
        _ => Err(out.usage(&match which {
            None => format!("the file has {count}: say which with --variant{all}"),
            Some(which) => format!("{count} are called `{which}`: say more of the name{all}"),
        })),
    }
}

fn listed(scenarios: &[Scenario]) -> String {
    let names = scenarios.iter().filter_map(Scenario::variant).map(|name| format!("\n  {name}"));
    let (count, mut text) = (names.clone().count(), names.take(LISTED_MAX).collect::<String>());
    if count > LISTED_MAX {
        text.push_str(&format!("\n  and {} more", count - LISTED_MAX));
    }
    text
}
