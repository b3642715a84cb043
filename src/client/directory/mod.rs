//! Directories: making, listing and changing them, and following paths.
//!
//! A directory is the content of a file: of a mutable one if it can be changed, else of an immutable one. What its
//! bytes mean is in `format::directory`; here they are read and written. No clock: changes carry their time.

use std::io::Cursor;

use super::Client;
use super::mutable::{PublishOptions, Published};
use super::upload::{UploadOptions, Uploaded};
use crate::crypto::rsa::SigningKey;
use crate::format::cap::{Cap, DirCap, FileCap, MutableReadCap};
use crate::format::directory::{Access, Child, DIRECTORY_BYTES_MAX, Directory, Metadata, PackError, Refused};
use crate::format::mutable::VersionId;
use crate::net::Dial;

mod change;
mod error;
mod make;
mod resolve;
mod room;

pub use change::Changed;
pub use error::{
    ChangeDirectoryError, CreateDirectoryError, CreateImmutableError, ListError, MakeDirectoriesError,
    ResolveError,
};
pub use resolve::Resolved;

use room::Room;

/// An entry of a directory that is to be made.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEntry {
    /// Its name. Of several with the same name the last counts.
    pub name: String,
    /// What it points to.
    pub child: Child,
    /// What is said about it, stored as given.
    pub metadata: Metadata,
}

/// What is in a directory.
#[derive(Debug, Clone, PartialEq)]
pub struct Listing {
    /// The entries.
    pub directory: Directory,
    /// Entries that are left out, because they break a rule, and which. A change of the directory drops them.
    pub refused: Vec<Refused>,
    /// Which version this is, if the directory is mutable.
    pub version: Option<VersionId>,
}

impl<D: Dial + Clone> Client<D> {
    /// Makes a mutable directory with `entries`, written and read with `key`, which no other file may have.
    pub async fn create_directory(
        &self,
        key: &SigningKey,
        entries: &[NewEntry],
        options: &PublishOptions,
    ) -> Result<(DirCap, Published), CreateDirectoryError> {
        let content = packed(Access::Write(key.write_key()), entries)?;
        let published = self.create_mutable(key, &content.into(), options).await?;
        Ok((published.cap.clone().into(), published))
    }

    /// Makes a directory that never changes, nor anything below it. A short one, of up to 55 bytes, is in its
    /// capability, and no server is asked. Tahoe takes convergent keys.
    pub async fn create_immutable_directory(
        &self,
        entries: &[NewEntry],
        options: &UploadOptions,
    ) -> Result<(DirCap, Uploaded), CreateImmutableError> {
        let content = packed(Access::Immutable, entries)?;
        let uploaded = self.upload(&mut Cursor::new(content), options).await?;
        Ok((uploaded.cap.clone().into(), uploaded))
    }

    /// Reads a directory of any kind, if the capability can read. A mutable one may be as long as a mutable file,
    /// `policy.mutable.bytes_max`, and so may an immutable one; none more than [`DIRECTORY_BYTES_MAX`].
    pub async fn list_directory(&self, cap: &DirCap) -> Result<Listing, ListError> {
        match cap.file() {
            FileCap::Write(write) => self.list_mutable(&write.read_cap(), Access::Write(write.key)).await,
            FileCap::Read(read) => self.list_mutable(read, Access::Read).await,
            FileCap::Immutable(file @ (Cap::Chk(_) | Cap::Literal(_))) => self.list_immutable(file).await,
            FileCap::Immutable(Cap::Verify(_)) | FileCap::Verify(_) => Err(ListError::VerifyOnly),
        }
    }

    async fn list_mutable(&self, cap: &MutableReadCap, access: Access) -> Result<Listing, ListError> {
        let mut sink = self.directory_room();
        let read = self.read_mutable(cap, &mut sink).await;
        let retrieved = sink.checked(read)?;
        let (directory, refused) = Directory::parse(&sink.bytes, access)?;
        Ok(Listing { directory, refused, version: Some(retrieved.version) })
    }

    async fn list_immutable(&self, cap: &Cap) -> Result<Listing, ListError> {
        let mut sink = self.directory_room();
        if cap.size() > sink.bytes_max {
            return Err(ListError::TooLong { max: sink.bytes_max });
        }
        let read = self.download(cap, None, &mut sink).await;
        sink.checked(read)?;
        let (directory, refused) = Directory::parse(&sink.bytes, Access::Immutable)?;
        Ok(Listing { directory, refused, version: None })
    }

    /// A sink for the content of a directory.
    fn directory_room(&self) -> Room {
        Room::new(self.policy().mutable.bytes_max.min(DIRECTORY_BYTES_MAX as u64))
    }
}

/// The content of a directory with these entries.
pub(super) fn packed(access: Access, entries: &[NewEntry]) -> Result<Vec<u8>, PackError> {
    let mut directory = Directory::new(access);
    for NewEntry { name, child, metadata } in entries {
        directory.insert(name, child.clone(), metadata.clone());
    }
    directory.pack()
}
