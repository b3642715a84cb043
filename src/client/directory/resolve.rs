//! Following a path from directory to directory.

use super::error::ResolveError;
use crate::client::Client;
use crate::format::cap::{AnyCap, DirCap};
use crate::format::directory::{Child, Directory, Metadata};
use crate::net::Dial;

/// What a path leads to.
#[derive(Debug, Clone, PartialEq)]
pub struct Resolved {
    /// What it is. It writes only if every directory on the way was opened with the power to write.
    pub child: Child,
    /// What its directory says about it; nothing about where the path begins.
    pub metadata: Metadata,
}

impl<D: Dial + Clone> Client<D> {
    /// Follows the names in `path`, beginning in `root`. An empty path leads to `root`.
    pub async fn resolve(&self, root: &DirCap, path: &[&str]) -> Result<Resolved, ResolveError> {
        let mut here = AnyCap::from(root.clone());
        let mut found = None;
        for (depth, name) in path.iter().enumerate() {
            let walked = || path[..depth].join("/");
            let AnyCap::Directory(cap) = &here else {
                return Err(ResolveError::NotADirectory(walked()));
            };
            let listing = self.list_directory(cap).await;
            let listing = listing.map_err(|error| ResolveError::List { directory: walked(), error })?;
            let Some(entry) = listing.directory.get(name) else {
                return Err(ResolveError::NoSuchChild {
                    directory: walked(),
                    name: (*name).to_owned(),
                    similar: similar(&listing.directory, name),
                });
            };
            let resolved = Resolved { child: entry.child().clone(), metadata: entry.metadata().into_owned() };
            let is_last = depth + 1 == path.len();
            match resolved.child.cap() {
                Some(cap) => here = cap,
                None if is_last => {}
                None => return Err(ResolveError::NotADirectory(path[..=depth].join("/"))),
            }
            found = Some(resolved);
        }
        let root = || Resolved {
            child: Child::of_cap(&root.clone().into()).unwrap_or_default(),
            metadata: Metadata::new(),
        };
        Ok(found.unwrap_or_else(root))
    }
}

/// A name in the directory that differs from `wanted` in capitals and spaces only.
fn similar(directory: &Directory, wanted: &str) -> Option<String> {
    let plain = |name: &str| name.to_lowercase().split_whitespace().collect::<String>();
    let plain_wanted = plain(wanted);
    directory.entries().map(|entry| entry.name()).find(|name| plain(name) == plain_wanted).map(str::to_owned)
}
