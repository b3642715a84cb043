//! The passes of one upload over its source: the first one for all shares, further ones for shares that lost
//! their home.
//!
//! The first pass is never begun again. When it ends without happiness, and there are servers left that might
//! bring it, the last piece of every share is held back, so that no share is complete before the upload is
//! sure of enough of them. A further pass writes only what is missing and then the last pieces of all.
//!
//! Nothing of a further pass is completed unless the whole source gave the same hash as the first time, which
//! covers every byte of every share. One segment is in memory at a time; of the first pass, only that hash.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncSeek, AsyncSeekExt};
use tokio::time::timeout_at;

use super::crew::Crew;
use super::encode::Encoder;
use super::job::Piece;
use super::push::{Push, Pushed};
use super::{UploadError, check_end, homes, read_whole, refuge};
use crate::client::event::Event;
use crate::crypto::Key;
use crate::erasure::{Segmentation, SegmentationError};
use crate::format::ShareNum;
use crate::format::hash::Digest;
use crate::format::share::Layout;
use crate::net::Dial;

/// The source of one upload, and what was learned by reading it.
pub(super) struct Passes<'s, S> {
    source: &'s mut S,
    cut: Segmentation,
    layout: Layout,
    /// None: the source is encrypted already.
    key: Option<&'s Key>,
    /// What the first pass came to, or must come to.
    ueb_hash: Option<Digest>,
    /// Shares that have everything but their last piece.
    held: BTreeSet<ShareNum>,
    segments_told: u64,
}

impl<'s, S: AsyncRead + AsyncSeek + Unpin> Passes<'s, S> {
    /// `source` is at its start.
    pub(super) fn new(source: &'s mut S, cut: Segmentation, layout: Layout, key: &'s Key) -> Self {
        let (held, segments_told) = (BTreeSet::new(), 0);
        Self { source, cut, layout, key: Some(key), ueb_hash: None, held, segments_told }
    }

    /// Of a file that exists: `source` is its ciphertext. No share is completed unless it belongs to `ueb_hash`.
    pub(super) fn again(source: &'s mut S, cut: Segmentation, layout: Layout, ueb_hash: Digest) -> Self {
        let (held, segments_told) = (BTreeSet::new(), 0);
        Self { source, cut, layout, key: None, ueb_hash: Some(ueb_hash), held, segments_told }
    }

    /// Everything between the key and the cleaning up.
    pub(super) async fn run<D: Dial + Clone>(
        mut self,
        crew: &mut Crew<'_, D>,
        happy: usize,
    ) -> Result<(Pushed, Digest), UploadError> {
        let client = crew.job.client;
        let homes = homes::find(crew, self.cut.encoding(), happy).await?;
        let rounds = client.policy().upload.anew_rounds_max;
        // Whatever is added to a file that exists is better than nothing.
        let least = if self.ueb_hash.is_some() { 1 } else { happy };
        let mut push = Push::new(self.cut.encoding(), least, rounds, homes);
        if let Some(ueb_hash) = self.ueb_hash
            && push.open().is_empty()
        {
            return Ok((push.finish(), ueb_hash));
        }
        let begun = client.now();
        let ueb_hash = self.pass(crew, &mut push).await?;
        self.ueb_hash = Some(ueb_hash);
        self.place_anew(crew, &mut push, client.now().since(begun)).await?;
        Ok((push.finish(), ueb_hash))
    }

    /// Finds other homes for shares that were lost and writes them, in a few rounds. Fails only if there is no
    /// happiness in the end. `took`: the first pass.
    async fn place_anew<D: Dial + Clone>(
        &mut self,
        crew: &mut Crew<'_, D>,
        push: &mut Push,
        took: Duration,
    ) -> Result<(), UploadError> {
        let client = crew.job.client;
        let policy = &client.policy().upload;
        // What is complete by then must not be lost to the deadline of the upload.
        let latest = crew.job.end - policy.abort_max - policy.answer_floor;
        let end = latest.min(client.now() + took + policy.anew_max);
        let mut trouble = None;
        while !push.missing().is_empty() && client.now() < end && push.begin_round() {
            match timeout_at(client.instant(end), self.round(crew, push)).await {
                Ok(Ok(true)) => {}
                Ok(Ok(false)) => break,
                Ok(Err(error)) => {
                    push.give_up(crew, &error.to_string());
                    trouble = Some(error);
                    break;
                }
                Err(_) => {
                    push.give_up(crew, "not placed anew in time");
                    break;
                }
            }
        }
        match push.is_happy() {
            true => Ok(()),
            false => Err(trouble.unwrap_or_else(|| push.unhappy(crew).into())),
        }
    }

    /// One more pass, for what found a home and what is held back. False if it would be of no use.
    async fn round<D: Dial + Clone>(
        &mut self,
        crew: &mut Crew<'_, D>,
        push: &mut Push,
    ) -> Result<bool, UploadError> {
        // Between passes nothing else is open.
        self.held = push.open();
        refuge::find(crew, push).await;
        if push.open().is_empty() || !push.is_happy() {
            return Ok(false);
        }
        self.source.rewind().await?;
        self.pass(crew, push).await?;
        Ok(true)
    }

    /// Reads the source from where it is to its end, and writes the shares that are open.
    async fn pass<D: Dial + Clone>(
        &mut self,
        crew: &mut Crew<'_, D>,
        push: &mut Push,
    ) -> Result<Digest, UploadError> {
        let cut = self.cut;
        let mut encoder = Encoder::new(cut, self.layout, self.key);
        for segment in 0..cut.segments() {
            read_whole(self.source, encoder.plaintext()?, cut.size()).await?;
            if segment == cut.last_segment() {
                check_end(self.source, cut.size()).await?;
            }
            let encoded = encoder.encode()?;
            let mut wanted = push.open();
            // The last piece makes a share complete.
            if let Some(ueb_hash) = encoded.ueb_hash() {
                if self.ueb_hash.is_some_and(|first| first != ueb_hash) {
                    return Err(UploadError::SourceDiffers);
                }
                if !push.is_happy() {
                    return Ok(ueb_hash);
                }
            } else {
                wanted.retain(|share| !self.held.contains(share));
            }
            let piece =
                |share| encoded.bytes(share).map(|data| Piece { share, offset: encoded.offset, data });
            let pieces = wanted.into_iter().map(piece).collect::<Result<_, _>>()?;
            push.send(crew, pieces, segment == cut.last_segment()).await?;
            if segment == self.segments_told {
                self.segments_told += 1;
                crew.job.client.tell(Event::SegmentDone { segment, segments: cut.segments() });
            }
            if let Some(ueb_hash) = encoded.ueb_hash() {
                return Ok(ueb_hash);
            }
            encoder.reclaim(encoded);
        }
        // A file that is no literal has a last segment.
        Err(UploadError::Segmentation(SegmentationError::Empty))
    }
}
