//! The run of one seed as a file of its own, short enough to be kept: whatever the seed chose is fixed, and whatever can
//! be left out without changing the run is left out.
//!
//! Knows no single key: it leaves something out, reads the result, and looks whether it is still the same run.

use toml::Value;

use super::explain::explain;
use super::write::Document;
use super::{Scenario, keys, parse};
use crate::schedule::Schedule;

/// In files with more tables of a kind than this, not every one is tried on its own.
const TABLES_TRIED_MAX: usize = 64;
/// So many servers at most are named after `all but`.
const EXCEPTIONS_MAX: usize = 3;

/// What every file keeps, although the run would be the same without.
const KEPT: &[&str] = &["from", "seeds"];

/// The run that a seed stands for, as a scenario that has only this one.
pub fn pin(scenario: &Scenario, seed: u64) -> String {
    let wanted = Schedule { variant: None, ..scenario.schedule(seed) };
    let explained = explain(scenario, seed);
    let Ok(mut values) = toml::from_str::<toml::Table>(&explained) else { return explained };
    values.insert("from".to_owned(), Value::String(origin(scenario, seed)));
    values.insert("seeds".to_owned(), Value::Table(toml::Table::new()));
    let servers: Vec<String> = wanted.grid.servers.iter().map(|server| server.name.clone()).collect();
    let place = |name: &str| {
        let server = servers.iter().position(|server| server == name);
        let file = || wanted.files.iter().position(|file| file.name == name);
        let tree = || wanted.trees.iter().position(|tree| tree.name == name);
        server.or_else(file).or_else(tree).unwrap_or(usize::MAX)
    };
    let mut document = Document::new(values, place);
    for block in document.blocks.iter_mut().filter(|block| block.table.name == keys::SEEDS.name) {
        // As text: not every seed is an integer of `toml`.
        let only = format!("[{{ seed = {seed}, why = \"the run that this file holds\" }}]");
        block.entries = vec![("count", "0".to_owned()), ("pinned", only)];
    }
    let same = |document: &Document| {
        let again = parse(scenario.path(), document.write().as_bytes());
        again.is_ok_and(|again| again.schedule(seed) == wanted)
    };
    shorten_lists(&mut document, &servers, &same);
    leave_out_tables(&mut document, &same);
    leave_out_keys(&mut document, &same);
    document.write()
}

/// Where the run comes from. A file that was pinned before keeps what it says.
fn origin(scenario: &Scenario, seed: u64) -> String {
    let pinned = format!("seed {seed} of ");
    match scenario.from() {
        Some(from) if from.starts_with(&pinned) => from.to_owned(),
        Some(from) => format!("{pinned}{}; {from}", scenario.name()),
        None => format!("{pinned}{}", scenario.name()),
    }
}

/// Writes `s4..s9` for six names and 10 for ten servers, where that means the same.
fn shorten_lists(document: &mut Document, servers: &[String], same: &impl Fn(&Document) -> bool) {
    for block in 0..document.blocks.len() {
        for entry in 0..document.blocks[block].entries.len() {
            let Some(names) = names(&document.blocks[block].entries[entry].1) else { continue };
            for shorter in phrases(&names, servers) {
                let mut tried = document.clone();
                tried.blocks[block].entries[entry].1 = shorter.to_string();
                if same(&tried) {
                    *document = tried;
                    break;
                }
            }
        }
    }
}

/// The names in a list of names.
fn names(text: &str) -> Option<Vec<String>> {
    let table = toml::from_str::<toml::Table>(&format!("x = {text}")).ok()?;
    let items = table.get("x")?.as_array()?;
    items.iter().map(|item| item.as_str().map(str::to_owned)).collect()
}

/// What could stand for a list of names, the shortest first.
fn phrases(names: &[String], servers: &[String]) -> Vec<Value> {
    let mut phrases: Vec<Value> = i64::try_from(names.len()).map(Value::Integer).into_iter().collect();
    let text = |text: String| Value::String(text);
    let missing: Vec<&str> =
        servers.iter().filter(|server| !names.contains(server)).map(String::as_str).collect();
    if missing.is_empty() {
        phrases.push(text("all".to_owned()));
    }
    if let [first, .., last] = names {
        phrases.push(text(format!("{first}..{last}")));
    }
    if !missing.is_empty() && missing.len() <= EXCEPTIONS_MAX && missing.len() < names.len() {
        phrases.push(text(format!("all but {}", missing.join(", "))));
    }
    phrases
}

fn leave_out_tables(document: &mut Document, same: &impl Fn(&Document) -> bool) {
    for block in (1..document.blocks.len()).rev() {
        if document.blocks[block].table.name == keys::SEEDS.name {
            continue;
        }
        let mut tried = document.clone();
        tried.blocks.remove(block);
        if same(&tried) {
            *document = tried;
        }
    }
}

/// Leaves keys out: of all tables of a kind at once, or else of each on its own.
fn leave_out_keys(document: &mut Document, same: &impl Fn(&Document) -> bool) {
    let mut kinds: Vec<&'static keys::Table> = Vec::new();
    for block in &document.blocks {
        if kinds.iter().all(|known| known.name != block.table.name) {
            kinds.push(block.table);
        }
    }
    for kind in kinds.into_iter().filter(|kind| kind.name != keys::SEEDS.name) {
        for key in kind
            .keys
            .iter()
            .map(|key| key.name)
            .filter(|key| !KEPT.contains(key) || kind.name != keys::FILE.name)
        {
            let having: Vec<usize> = (0..document.blocks.len())
                .filter(|n| document.blocks[*n].table.name == kind.name)
                .filter(|n| document.blocks[*n].entries.iter().any(|(name, _)| *name == key))
                .collect();
            let without = |document: &Document, blocks: &[usize]| {
                let mut tried = document.clone();
                for block in blocks {
                    tried.blocks[*block].entries.retain(|(name, _)| *name != key);
                }
                Some(tried).filter(same)
            };
            if having.is_empty() {
                continue;
            }
            if let Some(shorter) = without(document, &having) {
                *document = shorter;
            } else if (2..=TABLES_TRIED_MAX).contains(&having.len()) {
                for block in having {
                    if let Some(shorter) = without(document, &[block]) {
                        *document = shorter;
                    }
                }
            }
        }
    }
}
