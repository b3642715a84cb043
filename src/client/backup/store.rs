//! Stores one thing of a backup: checks what is there, or uploads it, and again if that fails.
//!
//! Of things with the same content only one is uploaded at a time; the others get its capability.

use std::cell::RefCell;
use std::io::Cursor;
use std::sync::Arc;

use futures_util::lock::Mutex;
use indexmap::IndexMap;
use tokio::io::{AsyncRead, AsyncSeek};
use tokio::time::sleep;

use super::db::Reusable;
use super::error::ItemError;
use super::tree::{Item, Tree};
use crate::client::Client;
use crate::client::directory::{NewEntry, packed};
use crate::client::upload::{Prepared, UploadOptions};
use crate::format::StorageIndex;
use crate::format::cap::{AnyCap, Cap};
use crate::format::directory::{Access, PackError};
use crate::net::Dial;
use crate::plan::doubled;

/// Uploaded contents that are remembered within a run.
const CONTENTS_MAX: usize = 4096;

/// The capability of a content, once it has one. Locked while it is uploaded.
type Content = Arc<Mutex<Option<Cap>>>;

/// Where things are stored.
pub(super) struct Store<'a, D: Dial, T, C> {
    pub(super) client: &'a Client<D>,
    pub(super) tree: &'a T,
    check: C,
    upload: UploadOptions,
    contents: RefCell<IndexMap<StorageIndex, Content>>,
}

/// What is to be stored.
pub(super) enum Source {
    /// The file at this path.
    File(String),
    /// A directory of these.
    Directory(Vec<NewEntry>),
}

/// What became of it.
pub(super) struct Outcome {
    pub(super) cap: Result<AnyCap, ItemError>,
    pub(super) how: How,
    pub(super) was_checked: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// It was there already, and is well.
    Reused,
    Uploaded,
    /// Its content was uploaded under another name.
    Same,
}

impl<'a, D: Dial + Clone, T: Tree, C: AsyncFn(&AnyCap) -> bool> Store<'a, D, T, C> {
    pub(super) fn new(client: &'a Client<D>, tree: &'a T, check: C, upload: UploadOptions) -> Self {
        Self { client, tree, check, upload, contents: RefCell::default() }
    }

    /// What is in the directory at `path`.
    pub(super) async fn list(&self, path: &str) -> Result<Vec<Item>, ItemError> {
        retried(self.client, || async { Ok(self.tree.list(path).await?) }, ItemError::may_pass).await
    }

    /// Stores something, unless it was stored before and is well.
    pub(super) async fn store(&self, source: Source, known: Option<Reusable>) -> Outcome {
        let was_checked = known.is_some();
        if let Some(Reusable { cap, .. }) = known {
            let cap = AnyCap::parse(&cap);
            if (self.check)(&cap).await {
                return Outcome { cap: Ok(cap), how: How::Reused, was_checked };
            }
        }
        let again = was_checked;
        let stored = match source {
            Source::File(path) => {
                let once = || async {
                    let mut file = self.tree.open(&path).await?;
                    self.put(&mut file, again).await
                };
                retried(self.client, once, ItemError::may_pass).await.map(|(cap, how)| (cap.into(), how))
            }
            Source::Directory(entries) => {
                let content = packed(Access::Immutable, &entries);
                let once = || async {
                    let content = content.as_ref().map_err(PackError::clone)?;
                    self.put(&mut Cursor::new(content.as_slice()), again).await
                };
                let stored = retried(self.client, once, ItemError::may_pass).await;
                stored.map(|(cap, how)| (AnyCap::Directory(cap.into()), how))
            }
        };
        match stored {
            Ok((cap, how)) => Outcome { cap: Ok(cap), how, was_checked },
            Err(error) => Outcome { cap: Err(error), how: How::Uploaded, was_checked },
        }
    }

    async fn put<S>(&self, source: &mut S, again: bool) -> Result<(Cap, How), ItemError>
    where
        S: AsyncRead + AsyncSeek + Unpin,
    {
        let failed = |error| ItemError::Upload { error };
        let begun = self.client.now();
        let prepared = self.client.prepare_upload(source, &self.upload).await.map_err(failed)?;
        let Prepared::Segments(_, key) = &prepared else {
            let uploaded = self.client.upload_prepared(source, prepared, self.upload.happy, begun).await;
            return Ok((uploaded.map_err(failed)?.cap, How::Uploaded));
        };
        let content = self.content(key.storage_index());
        let mut stored = content.lock().await;
        if let Some(cap) = stored.as_ref().filter(|_| !again) {
            return Ok((cap.clone(), How::Same));
        }
        // Waiting for another upload does not count.
        let begun = self.client.now();
        let uploaded = self.client.upload_prepared(source, prepared, self.upload.happy, begun).await;
        let cap = uploaded.map_err(failed)?.cap;
        *stored = Some(cap.clone());
        Ok((cap, How::Uploaded))
    }

    fn content(&self, index: StorageIndex) -> Content {
        let mut contents = self.contents.borrow_mut();
        let content = Arc::clone(contents.entry(index).or_default());
        if contents.len() > CONTENTS_MAX {
            // One that is in use stays.
            let idle = contents.values().position(|content| Arc::strong_count(content) == 1);
            idle.map(|oldest| contents.shift_remove_index(oldest));
        }
        content
    }
}

/// Does something, and again a little later if it fails for a reason that may pass.
pub(super) async fn retried<D: Dial + Clone, R, E>(
    client: &Client<D>,
    once: impl AsyncFnMut() -> Result<R, E>,
    may_pass: impl Fn(&E) -> bool,
) -> Result<R, E> {
    let mut once = once;
    let policy = &client.policy().backup;
    let mut retries = 0;
    loop {
        match once().await {
            Err(error) if retries < policy.retries_max && may_pass(&error) => {
                let pause = doubled(policy.retry_after, retries).min(policy.retry_after_max);
                sleep(pause / 2 + pause.mul_f64(client.fraction())).await;
                retries += 1;
            }
            outcome => return outcome,
        }
    }
}
