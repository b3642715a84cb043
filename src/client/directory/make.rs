//! Making the directories of a path that are not there yet.

use super::error::{ChangeDirectoryError, ListError, MakeDirectoriesError, ResolveError};
use crate::client::Client;
use crate::client::mutable::PublishOptions;
use crate::crypto::rsa::{RsaError, SigningKey};
use crate::format::cap::{AnyCap, DirCap};
use crate::format::directory::{Change, ChangeError, Child, Replace, UnixTime};
use crate::net::Dial;

impl<D: Dial + Clone> Client<D> {
    /// Follows the names in `path`, beginning in `root`, and makes the directories that are missing, with keys from
    /// `new_key`, as if linked at the time `at`. One that somebody else makes meanwhile is taken as it is. Answers
    /// with the last.
    pub async fn make_directories(
        &self,
        root: &DirCap,
        path: &[&str],
        mut new_key: impl FnMut() -> Result<SigningKey, RsaError>,
        at: UnixTime,
        options: &PublishOptions,
    ) -> Result<DirCap, MakeDirectoriesError> {
        let mut here = root.clone();
        for (depth, name) in path.iter().enumerate() {
            let (above, walked) = (path[..depth].join("/"), path[..=depth].join("/"));
            if let Some(known) = self.directory_in(&here, name, &above, &walked).await? {
                here = known;
                continue;
            }
            let failed = |error| MakeDirectoriesError::Link { path: walked.clone(), error };
            if !here.file().can_write() {
                return Err(failed(ChangeDirectoryError::ReadOnly));
            }
            let created = self.create_directory(&new_key()?, &[], options).await;
            let (made, _) =
                created.map_err(|error| MakeDirectoriesError::Create { path: walked.clone(), error })?;
            let child = Child::of_cap(&made.clone().into()).unwrap_or_default();
            let name = (*name).to_owned();
            let link = Change::Link { name, child, metadata: None, replace: Replace::Never, at };
            here = match self.change_directory(&here, &[link], options).await {
                Ok(_) => made,
                Err(error @ ChangeDirectoryError::Conflict(ChangeError::Exists(_))) => {
                    let theirs = self.directory_in(&here, path[depth], &above, &walked).await?;
                    theirs.ok_or_else(|| failed(error))?
                }
                Err(error) => return Err(failed(error)),
            };
        }
        Ok(here)
    }

    /// The directory called `name` in `cap`, if there is one. `above` and `path` are for errors.
    async fn directory_in(
        &self,
        cap: &DirCap,
        name: &str,
        above: &str,
        path: &str,
    ) -> Result<Option<DirCap>, ResolveError> {
        let failed = |error: ListError| ResolveError::List { directory: above.to_owned(), error };
        let listing = self.list_directory(cap).await.map_err(failed)?;
        match listing.directory.get(name).map(|entry| entry.child().cap()) {
            None => Ok(None),
            Some(Some(AnyCap::Directory(cap))) => Ok(Some(cap)),
            Some(_) => Err(ResolveError::NotADirectory(path.to_owned())),
        }
    }
}
