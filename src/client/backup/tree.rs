//! What a backup is made of: a tree of files, wherever it is. No file system is touched here.

use std::future::Future;
use std::io;

use tokio::io::{AsyncRead, AsyncSeek};

use crate::format::backup::Attributes;

/// A tree of files and directories.
///
/// A path is the names from the top down, joined by `/`; that of the top is empty.
pub trait Tree {
    /// An open file.
    type File: AsyncRead + AsyncSeek + Unpin;

    /// The name under which the database knows what is at `path`: on file systems the absolute path.
    fn known_as(&self, path: &str) -> String;

    /// What is in the directory at `path`, in any order.
    fn list(&self, path: &str) -> impl Future<Output = io::Result<Vec<Item>>>;

    /// Opens the file at `path`. The operation reads it twice and again when it must be tried again.
    fn open(&self, path: &str) -> impl Future<Output = io::Result<Self::File>>;
}

/// Something in a directory.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: Kind,
}

/// What something in a directory is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// A file of `size` bytes.
    File {
        /// Its length in bytes.
        size: u64,
        /// What the file system says about it.
        attributes: Attributes,
    },
    /// A directory.
    Directory {
        /// What the file system says about it.
        attributes: Attributes,
    },
    /// A symbolic link; not followed.
    Symlink,
    /// A device, a pipe or a socket.
    Special,
    /// Something whose name is not UTF-8; the name here only resembles it.
    Undecodable,
    /// Something whose kind and attributes may not be read.
    Unreadable,
}
