//! Writes shares of a file that exists, exactly as they were when it was uploaded.
//!
//! The source is the ciphertext. Servers are not believed about what they hold: that was found out before. What is
//! missing goes to servers that have nothing of the file first, as in an upload. It is no failure if not everything
//! finds a home; nothing that is there is touched.

use std::collections::{BTreeMap, BTreeSet};

use tokio::io::{AsyncRead, AsyncSeek};

use super::passes::Passes;
use super::push::Pushed;
use super::{UploadError, Uploaded};
use crate::client::Client;
use crate::erasure::Segmentation;
use crate::format::cap::{Cap, VerifyCap};
use crate::format::share::Layout;
use crate::format::{ServerId, ShareNum};
use crate::net::Dial;

/// What servers hold of a file.
#[derive(Debug, Clone, Default)]
pub(in crate::client) struct Holdings {
    /// Shares that are known to be good.
    pub(in crate::client) good: BTreeMap<ServerId, BTreeSet<ShareNum>>,
    /// Servers that spoilt a share: it cannot be written over, and they are not trusted with another one.
    pub(in crate::client) barred: BTreeSet<ServerId>,
}

impl Holdings {
    pub(super) fn has_good(&self, server: &ServerId, share: ShareNum) -> bool {
        self.good.get(server).is_some_and(|shares| shares.contains(&share))
    }

    pub(super) fn is_barred(&self, server: &ServerId) -> bool {
        self.barred.contains(server)
    }
}

/// A file that exists.
pub(in crate::client) struct Existing<'a> {
    pub(in crate::client) cap: &'a VerifyCap,
    /// As its URI extension says.
    pub(in crate::client) cut: Segmentation,
    pub(in crate::client) holdings: &'a Holdings,
}

impl<D: Dial + Clone> Client<D> {
    /// Writes what is missing of `file`, whose ciphertext is `source`, to as many servers as there are shares if
    /// possible.
    pub(in crate::client) async fn restore<S>(
        &self,
        source: &mut S,
        file: &Existing<'_>,
    ) -> Result<Uploaded, UploadError>
    where
        S: AsyncRead + AsyncSeek + Unpin,
    {
        let Existing { cap, cut, holdings } = *file;
        let layout = Layout::for_upload(cut);
        let job = self.job(cap.storage_index, layout.share_size(cut), self.now(), Some(holdings));
        let passes = Passes::again(source, cut, layout, cap.ueb_hash);
        let (pushed, _): (Pushed, _) = self.push(&job, passes, cap.encoding.total()).await?;
        Ok(Uploaded::new(Cap::Verify(cap.clone()), &job, pushed))
    }
}
