//! Files of this machine, for operations that take them through traits: trees to back up, and the database of it.
//!
//! Calls block, as files do; nothing here is asynchronous but in form. Unix only.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncSeek, ReadBuf};

use crate::client::backup::{Item, Kind, MemoryDb, Tree};
use crate::format::backup::Attributes;

/// The tree below a directory.
#[derive(Debug, Clone)]
pub struct LocalTree {
    top: PathBuf,
    known_as: String,
}

impl LocalTree {
    /// Of the directory at `path`, which must be there and have a name in UTF-8.
    pub fn new(path: &Path) -> io::Result<Self> {
        let top = fs::canonicalize(path)?;
        let known_as = top.to_str().ok_or(io::ErrorKind::InvalidFilename)?.to_owned();
        Ok(Self { top, known_as })
    }
}

impl Tree for LocalTree {
    type File = LocalFile;

    fn known_as(&self, path: &str) -> String {
        format!("{}/{path}", self.known_as.trim_end_matches('/'))
    }

    async fn list(&self, path: &str) -> io::Result<Vec<Item>> {
        let mut items = Vec::new();
        for entry in fs::read_dir(self.top.join(path))? {
            let entry = entry?;
            let name = match entry.file_name().into_string() {
                Ok(name) => name,
                Err(name) => {
                    let name = name.to_string_lossy().into_owned();
                    items.push(Item { name, kind: Kind::Undecodable });
                    continue;
                }
            };
            let kind = match entry.metadata() {
                Ok(metadata) => kind(&metadata),
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(_) => Kind::Unreadable,
            };
            items.push(Item { name, kind });
        }
        Ok(items)
    }

    async fn open(&self, path: &str) -> io::Result<LocalFile> {
        File::open(self.top.join(path)).map(LocalFile)
    }
}

fn kind(metadata: &fs::Metadata) -> Kind {
    let seconds = |whole: i64, nanos: i64| whole as f64 + nanos as f64 / 1e9;
    let attributes = Attributes {
        ctime_s: seconds(metadata.ctime(), metadata.ctime_nsec()),
        mtime_s: seconds(metadata.mtime(), metadata.mtime_nsec()),
        mode: metadata.mode(),
        inode: metadata.ino(),
        device: metadata.dev(),
        user: metadata.uid(),
        group: metadata.gid(),
    };
    let file_type = metadata.file_type();
    if file_type.is_file() {
        Kind::File { size: metadata.len(), attributes }
    } else if file_type.is_dir() {
        Kind::Directory { attributes }
    } else if file_type.is_symlink() {
        Kind::Symlink
    } else {
        Kind::Special
    }
}

/// An open file.
#[derive(Debug)]
pub struct LocalFile(File);

impl AsyncRead for LocalFile {
    fn poll_read(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let count = (&self.0).read(buffer.initialize_unfilled())?;
        buffer.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncSeek for LocalFile {
    fn start_seek(self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
        (&self.0).seek(position).map(drop)
    }

    fn poll_complete(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<u64>> {
        Poll::Ready((&self.0).stream_position())
    }
}

/// The database of backups at `path`, made if it is not there. It is written anew, without what is out of date, and
/// every change is appended to it.
pub fn open_backup_db(path: &Path) -> io::Result<MemoryDb<File>> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error),
    };
    let db =
        MemoryDb::from_bytes(&bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    let file = OpenOptions::new().write(true).create(true).truncate(true).open(&new)?;
    let db = db.with_journal(file, true)?;
    // Whoever reads it finds the old one or the new one.
    fs::rename(&new, path)?;
    Ok(db)
}
