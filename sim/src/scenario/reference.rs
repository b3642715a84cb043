//! The reference of the format as Markdown, made from the list of keys, the grammar of their forms, the oracles and the
//! exit codes. What is not in those tables is not in here.

use std::fmt::Write as _;

use super::form::Form;
use super::grammar;
use super::keys::{self, Absent, Key, OUTCOMES, Table};
use super::{faults, steps, trigger};
use crate::verdict::{ExitCode, Oracle};

const HEAD: &str = "\
# Reference of scenario files

Made by `cargo squall reference > sim/REFERENCE.md` from the tables that the program itself reads with; a test says when
it is out of date. [README](../README.md) has the introduction, [scenarios](../scenarios) the examples.

A file is TOML. A bare number where a unit belongs is a mistake, as is every key that is not listed here.
";

/// The reference, ready to be written to a file.
pub fn reference() -> String {
    let mut out = HEAD.to_owned();
    let (mut tables, mut forms) = (Vec::new(), Vec::new());
    collect(&keys::FILE, &mut tables, &mut forms);
    out.push_str("\n## Tables\n");
    for table in &tables {
        self::table(&mut out, table);
    }
    out.push_str("\n## Values\n");
    for form in forms {
        self::form(&mut out, form);
    }
    outcomes(&mut out);
    verdicts(&mut out);
    out
}

/// All tables and all forms that need words, in the order of the format.
fn collect(table: &'static Table, tables: &mut Vec<&'static Table>, forms: &mut Vec<Form>) {
    if tables.iter().any(|known| known.name == table.name) {
        return;
    }
    tables.push(table);
    for key in table.keys {
        match key.form {
            Form::Table(inner) | Form::Tables(inner) | Form::Named(inner) => collect(inner, tables, forms),
            Form::Choice(_) => {}
            form if forms.iter().any(|known| title(*known) == title(form)) => {}
            form => forms.push(form),
        }
    }
}

fn table(out: &mut String, table: &Table) {
    let _ = write!(out, "\n### {}\n\n{}\n\n", heading(table), cell(table.doc));
    out.push_str("| Key | Value | Without it | Meaning |\n|---|---|---|---|\n");
    for key in table.keys {
        let without = match key.absent {
            Absent::Required => "required".to_owned(),
            Absent::RequiredHereOrInBase => "required, here or in the base".to_owned(),
            Absent::Default(text) => format!("`{text}`"),
            Absent::Means(text) => text.to_owned(),
        };
        let only = match table.name {
            name if name == keys::STEP.name => steps::only_for(key.name),
            name if name == keys::FAULT.name => faults::only_for(key.name),
            _ => Vec::new(),
        };
        let only = match only.as_slice() {
            [] => String::new(),
            kinds => format!(" (Only with {}.)", grammar::code(kinds.iter().copied())),
        };
        let (value, doc) = (value(key), cell(key.doc));
        let _ = writeln!(out, "| `{}` | {value} | {} | {doc}{only} |", key.name, cell(&without));
    }
}

/// What a key takes, with a link to more about it.
fn value(key: &Key) -> String {
    let (what, _) = key.form.describe();
    match key.form {
        Form::Choice(words) => cell(&grammar::code(words.iter().copied())),
        Form::Table(inner) | Form::Tables(inner) | Form::Named(inner) => {
            format!("[{what}](#{})", slug(&heading(inner)))
        }
        form => format!("[{}](#{})", cell(what), slug(&title(form))),
    }
}

fn form(out: &mut String, form: Form) {
    let grammar = grammar::of(form);
    let _ = write!(out, "\n### {}\n\n{}\n", title(form), grammar.doc);
    if !grammar.examples.is_empty() {
        let examples: Vec<String> = grammar.examples.iter().map(|example| format!("`{example}`")).collect();
        let _ = write!(out, "\nFor example {}.\n", examples.join(", "));
    }
    if let Form::Trigger = form {
        out.push_str("\nWhat is counted:\n\n");
        for (verb, noun) in trigger::countable() {
            let verb = if verb.is_empty() { String::new() } else { format!("{verb} ") };
            let _ = writeln!(out, "- `... has {verb}2 {noun}s`");
        }
    }
}

fn outcomes(out: &mut String) {
    out.push_str("\n## Outcomes of a step\n\n| `expect` | Meaning |\n|---|---|\n");
    for (word, meaning) in OUTCOMES {
        let _ = writeln!(out, "| `{word}` | {meaning} |");
    }
}

fn verdicts(out: &mut String) {
    out.push_str("\n## Oracles\n\n| Oracle | Objects when |\n|---|---|\n");
    for oracle in Oracle::ALL {
        let _ = writeln!(out, "| `{oracle}` | {} |", oracle.meaning());
    }
    out.push_str("\n## Exit codes\n\n| Code | Called | Meaning |\n|---|---|---|\n");
    for code in ExitCode::ALL {
        let _ = writeln!(out, "| {} | {} | {} |", code as u8, code.noun(), code.meaning());
    }
}

fn heading(table: &Table) -> String {
    if table.name.starts_with('[') { format!("`{}`", table.name) } else { table.name.to_owned() }
}

/// `ByteRange` as `Byte range`.
fn title(form: Form) -> String {
    let mut title = String::new();
    for (n, c) in format!("{form:?}").chars().enumerate() {
        if n > 0 && c.is_ascii_uppercase() {
            title.push(' ');
        }
        title.push(if n > 0 { c.to_ascii_lowercase() } else { c });
    }
    title
}

/// The anchor that a heading gets.
fn slug(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_ascii_alphanumeric() || *c == ' ' || *c == '_');
    kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
}

/// Text within a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;")
}
