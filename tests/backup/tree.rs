//! A tree in memory, with files that can be broken.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Cursor};

use lafs::client::backup::{Item, Kind, Tree};
use lafs::format::backup::Attributes;

#[derive(Clone, Default)]
pub(crate) struct FakeTree {
    files: BTreeMap<String, (Vec<u8>, f64)>,
    directories: BTreeSet<String>,
    others: BTreeMap<String, Kind>,
    /// What cannot be opened or listed, and why.
    pub(crate) broken: BTreeMap<String, io::ErrorKind>,
}

pub(crate) fn attributes(mtime_s: f64) -> Attributes {
    Attributes { ctime_s: mtime_s + 0.25, mtime_s, mode: 0o100_644, inode: 7, device: 3, user: 1, group: 2 }
}

impl FakeTree {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Five files, two of them of up to 55 bytes, in three directories.
    pub(crate) fn small() -> Self {
        let tree = Self::new().file("a", &[1; 1000]).file("empty", b"").file("sub/b", &[2; 2000]);
        tree.file("sub/deep/c", &[3; 3000]).file("sub/deep/note", b"hello")
    }

    pub(crate) fn file(mut self, path: &str, content: &[u8]) -> Self {
        self.write(path, content, 1000.25);
        self
    }

    pub(crate) fn write(&mut self, path: &str, content: &[u8], mtime_s: f64) {
        self.files.insert(path.to_owned(), (content.to_vec(), mtime_s));
        for (at, _) in path.match_indices('/') {
            self.directories.insert(path[..at].to_owned());
        }
    }

    pub(crate) fn other(mut self, path: &str, kind: Kind) -> Self {
        self.others.insert(path.to_owned(), kind);
        self
    }

    pub(crate) fn contents(&self) -> BTreeMap<String, Vec<u8>> {
        self.files.iter().map(|(path, (content, _))| (path.clone(), content.clone())).collect()
    }

    fn check(&self, path: &str) -> io::Result<()> {
        self.broken.get(path).map_or(Ok(()), |kind| Err((*kind).into()))
    }
}

impl Tree for FakeTree {
    type File = Cursor<Vec<u8>>;

    fn known_as(&self, path: &str) -> String {
        format!("/top/{path}")
    }

    async fn list(&self, path: &str) -> io::Result<Vec<Item>> {
        self.check(path)?;
        let above = if path.is_empty() { String::new() } else { format!("{path}/") };
        let files = self.files.iter().map(|(path, (content, mtime_s))| {
            (path, Kind::File { size: content.len() as u64, attributes: attributes(*mtime_s) })
        });
        let directories =
            self.directories.iter().map(|path| (path, Kind::Directory { attributes: attributes(1.0) }));
        let all = files.chain(directories).chain(self.others.iter().map(|(path, kind)| (path, *kind)));
        let here = all.filter_map(|(path, kind)| {
            let name = path.strip_prefix(&above).filter(|name| !name.contains('/'))?;
            Some(Item { name: name.to_owned(), kind })
        });
        Ok(here.collect())
    }

    async fn open(&self, path: &str) -> io::Result<Cursor<Vec<u8>>> {
        self.check(path)?;
        Ok(Cursor::new(self.files[path].0.clone()))
    }
}
