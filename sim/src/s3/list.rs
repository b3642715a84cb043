//! One page of a listing: prefix, delimiter, where it goes on. No XML.

use std::ops::Bound;
use std::sync::Arc;

use super::store::{Object, Shelf};

/// What is asked of a listing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Query<'a> {
    /// Only keys that begin so.
    pub prefix: &'a str,
    /// Keys that have it after the prefix are rolled up to where it ends. Empty: none is.
    pub delimiter: &'a str,
    /// Only keys after this one, in the order of bytes, and not what is rolled up to exactly this.
    pub after: &'a str,
    /// How many items at most.
    pub items_max: usize,
}

/// One line of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// An object.
    Object(Arc<str>, Arc<Object>),
    /// What several keys begin with.
    Common(String),
}

impl Item {
    /// What it is sorted by.
    pub fn name(&self) -> &str {
        match self {
            Self::Object(key, _) => key,
            Self::Common(prefix) => prefix,
        }
    }
}

/// Some lines of a listing, in the order of bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// At most as many as asked for.
    pub items: Vec<Item>,
    /// Whether there are more.
    pub truncated: bool,
}

impl Page {
    /// After which the next page goes on, if there is one.
    pub fn next(&self) -> Option<&str> {
        self.items.last().filter(|_| self.truncated).map(Item::name)
    }
}

/// Looks at the objects of a bucket, or at those that were there before the last change below the prefix.
pub(super) fn list(shelf: &Shelf, query: Query<'_>, before: bool) -> Page {
    let mut page = Page::default();
    if query.items_max == 0 {
        return page;
    }
    let below = |from| shelf.range::<str, _>((from, Bound::Unbounded));
    let matching = |key: &Arc<str>| key.starts_with(query.prefix);
    let undone = if before {
        let all = below(Bound::Included(query.prefix)).take_while(|(key, _)| matching(key));
        all.map(|(_, entry)| entry.changed).max()
    } else {
        None
    };
    let from = if !query.after.is_empty() && query.after >= query.prefix {
        Bound::Excluded(query.after)
    } else {
        Bound::Included(query.prefix)
    };
    let mut rolled: Option<&str> = query.after.ends_with(query.delimiter).then_some(query.after);
    for (key, entry) in below(from).take_while(|(key, _)| matching(key)) {
        let shown = if undone == Some(entry.changed) { &entry.before } else { &entry.now };
        let Some(object) = shown else { continue };
        let common = common(key, query);
        if common.is_some() && common == rolled {
            continue;
        }
        if page.items.len() == query.items_max {
            page.truncated = true;
            break;
        }
        page.items.push(match common {
            Some(common) => Item::Common(common.to_owned()),
            None => Item::Object(key.clone(), object.clone()),
        });
        rolled = common;
    }
    page
}

/// What a key is rolled up to.
fn common<'k>(key: &'k str, query: Query<'_>) -> Option<&'k str> {
    if query.delimiter.is_empty() {
        return None;
    }
    let start = query.prefix.len();
    let at = key.get(start..)?.find(query.delimiter)?;
    key.get(..start + at + query.delimiter.len())
}
