//! Changing a directory: read, apply, write, and again on the newest version whenever another writer came first.
//!
//! An attempt that others came ahead of may nevertheless be in what they wrote. That is recognised by the entries
//! that it touched: if all of them are as it left them, it took effect.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::Listing;
use super::error::ChangeDirectoryError;
use crate::client::Client;
use crate::client::mutable::{ModifyError, PublishOptions, Published};
use crate::format::cap::{DirCap, FileCap};
use crate::format::directory::{Access, Applied, Change, Directory, Entry, Refused};
use crate::format::mutable::WriteKey;
use crate::net::Dial;

/// A directory that is as wanted.
#[derive(Debug, Clone, PartialEq)]
pub struct Changed {
    /// What is in it now. Entries in `refused` are not in it any more, if something was written.
    pub listing: Listing,
    /// What was written; nothing if it was as wanted already.
    pub published: Option<Published>,
}

/// The changes as they are applied to one version after the other.
struct Attempts<'a> {
    changes: &'a [Change],
    key: WriteKey,
    /// Whether a version was written that others came ahead of.
    is_repeated: bool,
    /// What the last attempt left under the names that it touched.
    left: BTreeMap<String, Option<Entry>>,
    /// What is there, or would be if the last attempt were written.
    outcome: Option<(Directory, Vec<Refused>)>,
}

impl<D: Dial + Clone> Client<D> {
    /// Makes `changes`, in this order, all of them or none. Changes that others make at the same time stay; the
    /// time in a change is how it is recognised, so give those of different writers different ones.
    pub async fn change_directory(
        &self,
        cap: &DirCap,
        changes: &[Change],
        options: &PublishOptions,
    ) -> Result<Changed, ChangeDirectoryError> {
        let FileCap::Write(file) = cap.file() else { return Err(ChangeDirectoryError::ReadOnly) };
        let mut attempts =
            Attempts { changes, key: file.key, is_repeated: false, left: BTreeMap::new(), outcome: None };
        let published = self.modify(file, |content| attempts.apply(content), options).await?;
        let version = published.as_ref().map(|published| published.version);
        let (directory, refused) =
            attempts.outcome.unwrap_or_else(|| (Directory::new(Access::Write(file.key)), Vec::new()));
        Ok(Changed { listing: Listing { directory, refused, version }, published })
    }
}

impl Attempts<'_> {
    fn apply(&mut self, content: &Bytes) -> Result<Option<Bytes>, ChangeDirectoryError> {
        let (old, refused) = Directory::parse(content, Access::Write(self.key))?;
        let is_left = |(name, left): (&String, &Option<Entry>)| same(old.get(name), left.as_ref());
        if self.is_repeated && self.left.iter().all(is_left) {
            self.outcome = Some((old, refused));
            return Ok(None);
        }
        let mut new = old.clone();
        let mut is_changed = false;
        for change in self.changes {
            if self.is_repeated && change.took_effect(&new) {
                continue;
            }
            is_changed |= change.apply(&mut new)? == Applied::Now;
        }
        if !is_changed || new == old {
            self.outcome = Some((old, refused));
            return Ok(None);
        }
        let content = new.pack()?;
        self.is_repeated = true;
        self.left = self.names().map(|name| (name.to_owned(), new.get(name).cloned())).collect();
        self.outcome = Some((new, refused));
        Ok(Some(content.into()))
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.changes.iter().flat_map(|change| {
            let (first, second) = match change {
                Change::Link { name, .. } | Change::Unlink { name, .. } | Change::Describe { name, .. } => {
                    (name, None)
                }
                Change::Rename { from, to, .. } => (from, Some(to)),
            };
            std::iter::once(first).chain(second).map(String::as_str)
        })
    }
}

/// Whether two entries of one name say the same, whatever bytes they were read from.
fn same(one: Option<&Entry>, other: Option<&Entry>) -> bool {
    let said = |entry: &Entry| (entry.child().clone(), entry.metadata().into_owned());
    one.map(said) == other.map(said)
}

impl From<ModifyError<Self>> for ChangeDirectoryError {
    fn from(error: ModifyError<Self>) -> Self {
        match error {
            ModifyError::Change(error) => error,
            ModifyError::Retrieve(error) => Self::Retrieve(error),
            ModifyError::Publish(error) => Self::Publish(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::directory::{Child, Replace, UnixTime};

    fn link(name: &str) -> Change {
        let child = Child::new(Some("URI:LIT:"), None).expect("a capability");
        Change::Link {
            name: name.to_owned(),
            child,
            metadata: None,
            replace: Replace::Never,
            at: UnixTime(1.0),
        }
    }

    fn apply_to_own_outcome(changes: &[Change], before: &Bytes) -> Option<Bytes> {
        let key = WriteKey([3; 16]);
        let mut attempts =
            Attempts { changes, key, is_repeated: false, left: BTreeMap::new(), outcome: None };
        let ours = attempts.apply(before).expect("a change").expect("something new");
        let (mut theirs, _) = Directory::parse(&ours, Access::Write(key)).expect("a directory");
        link("theirs").apply(&mut theirs).expect("another change");
        attempts.apply(&theirs.pack().expect("a directory").into()).expect("no conflict with itself")
    }

    #[test]
    fn an_attempt_that_others_wrote_over_is_recognised_by_what_it_left() {
        let rename = |from: &str, to: &str| Change::Rename {
            from: from.to_owned(),
            to: to.to_owned(),
            replace: Replace::Never,
            at: UnixTime(1.0),
        };
        for changes in
            [vec![link("a")], vec![link("a"), rename("a", "b")], vec![link("a"), rename("a", "b"), link("a")]]
        {
            assert_eq!(apply_to_own_outcome(&changes, &Bytes::new()), None, "{changes:?}");
        }
    }
}
