//! Every table and key of the format, as data: name, form, default and documentation.
//!
//! The reader, the reference and the schema are all made from this list, so a key that is not here does not exist.
//! Nothing here reads a file.

mod fault;
mod file;
mod step;

pub use self::fault::FAULT;
pub use self::file::{
    EXPERIMENT, FILE, FILES, GRID, MUST_FAIL, OVER_ALL_SEEDS, PINNED, S3, SEEDS, SERVER, TREES,
};
pub use self::step::STEP;
pub use super::form::Form;

pub(super) use self::file::VERDICTS;
pub(super) use self::step::OUTCOMES;

/// A table of the format.
#[derive(Debug)]
pub struct Table {
    /// How it is written.
    pub name: &'static str,
    /// What it is for.
    pub doc: &'static str,
    /// The keys it may have.
    pub keys: &'static [Key],
}

/// A key of a table.
#[derive(Debug)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// How its value is written.
    pub form: Form,
    /// What it means when it is not there.
    pub absent: Absent,
    /// What it is for.
    pub doc: &'static str,
}

/// What the absence of a key means.
#[derive(Debug, Clone, Copy)]
pub enum Absent {
    /// It is a mistake.
    Required,
    /// It is a mistake, unless the base of the file has it.
    RequiredHereOrInBase,
    /// The same as this value.
    Default(&'static str),
    /// Something that is not a value: said in words.
    Means(&'static str),
}

impl Table {
    /// The key called `name`.
    pub fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }
}

const fn key(name: &'static str, form: Form, absent: Absent, doc: &'static str) -> Key {
    Key { name, form, absent, doc }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn each(table: &'static Table, visit: &mut impl FnMut(&'static Table)) {
        visit(table);
        for key in table.keys {
            if let Form::Table(inner) | Form::Tables(inner) | Form::Named(inner) = key.form {
                each(inner, visit);
            }
        }
    }

    #[test]
    fn every_key_is_documented_and_listed_once() {
        each(&FILE, &mut |table| {
            assert!(table.doc.ends_with('.'), "{}", table.name);
            for (n, key) in table.keys.iter().enumerate() {
                assert!(key.doc.ends_with('.'), "{} in {}", key.name, table.name);
                assert!(table.keys[..n].iter().all(|other| other.name != key.name), "{}", key.name);
            }
        });
    }
}
