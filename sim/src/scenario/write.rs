//! A scenario as text that a person would have written: tables and keys in the order of the format, columns aligned.
//! Decides nothing about what is written.

use toml::{Table as Values, Value};

use super::keys::{self, Form, Table};

/// The line that tells editors where the schema is, seen from a folder of `scenarios/`.
pub(super) const SCHEMA_LINE: &str = "#:schema ../scenario.schema.json";

/// The tables of a file, in the order of the format; the first is the file itself.
#[derive(Debug, Clone)]
pub(super) struct Document {
    pub(super) blocks: Vec<Block>,
}

/// One table with its heading.
#[derive(Debug, Clone)]
pub(super) struct Block {
    /// As it is written, with its brackets; empty for the file itself.
    heading: String,
    /// Which table of the format it is.
    pub(super) table: &'static Table,
    /// Keys and values, as they are written.
    pub(super) entries: Vec<(&'static str, String)>,
}

impl Document {
    /// Takes the values of a file apart. Of tables with names of their own, `order` tells which comes first.
    pub(super) fn new(mut file: Values, order: impl Fn(&str) -> usize) -> Self {
        let mut root = Block { heading: String::new(), table: &keys::FILE, entries: Vec::new() };
        let mut blocks = Vec::new();
        for key in keys::FILE.keys {
            let Some(value) = file.remove(key.name) else { continue };
            let block =
                |heading: String, table, value| Block { heading, table, entries: entries(table, value) };
            match (key.form, value) {
                (Form::Table(inner), value) => blocks.push(block(format!("[{}]", key.name), inner, value)),
                (Form::Named(inner), Value::Table(named)) => {
                    let mut named: Vec<(String, Value)> = named.into_iter().collect();
                    named.sort_by_key(|(name, _)| order(name));
                    let heading = |name: &str| format!("[{}.{name}]", key.name);
                    blocks.extend(named.into_iter().map(|(name, value)| block(heading(&name), inner, value)));
                }
                (Form::Tables(inner), Value::Array(items)) => {
                    blocks.extend(
                        items.into_iter().map(|item| block(format!("[[{}]]", key.name), inner, item)),
                    );
                }
                (_, value) => root.entries.push((key.name, value.to_string())),
            }
        }
        blocks.insert(0, root);
        Self { blocks }
    }

    /// The text.
    pub(super) fn write(&self) -> String {
        let mut text = format!("{SCHEMA_LINE}\n");
        for block in &self.blocks {
            if !block.heading.is_empty() {
                text.push_str(&format!("\n{}\n", block.heading));
            }
            let width = block.entries.iter().map(|(key, _)| key.len()).max().unwrap_or(0);
            for (key, value) in &block.entries {
                text.push_str(&format!("{key:<width$} = {value}\n"));
            }
        }
        text
    }
}

/// The keys of one table, in the order of the format.
fn entries(table: &'static Table, value: Value) -> Vec<(&'static str, String)> {
    let Value::Table(mut values) = value else { return Vec::new() };
    table.keys.iter().filter_map(|key| Some((key.name, values.remove(key.name)?.to_string()))).collect()
}
