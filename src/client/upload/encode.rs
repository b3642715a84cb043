//! Turns the plaintext of one segment after the other into the bytes of all shares.
//!
//! One buffer holds a segment: the plaintext is read into it, encrypted where it is, and is then the
//! blocks of the first k shares; the others are made behind it. Knows no servers and reads no source.

use bytes::{Bytes, BytesMut};

use super::UploadError;
use crate::crypto::{Cipher, Key};
use crate::erasure::{Codec, Segmentation};
use crate::format::ShareNum;
use crate::format::hash::Digest;
use crate::format::share::{Layout, ShareHashes, ShareTrailers};

/// The bytes of one segment in every share, and where they belong.
pub(super) struct Segment {
    /// In every share.
    pub(super) offset: u64,
    header: Vec<u8>,
    blocks: Bytes,
    block_len: usize,
    trailers: Option<ShareTrailers>,
}

/// Encodes the segments of one file, in order.
pub(super) struct Encoder {
    cut: Segmentation,
    layout: Layout,
    codec: Codec,
    /// None: what is encoded is encrypted already.
    cipher: Option<Cipher>,
    hashes: ShareHashes,
    /// The next one.
    segment: u64,
    buffer: BytesMut,
}

impl Encoder {
    pub(super) fn new(cut: Segmentation, layout: Layout, key: Option<&Key>) -> Self {
        Self {
            cut,
            layout,
            codec: Codec::new(cut.encoding()),
            cipher: key.map(|key| Cipher::new(key, 0)),
            hashes: ShareHashes::new(cut),
            segment: 0,
            buffer: BytesMut::new(),
        }
    }

    /// Where the plaintext of the next segment has to be put, exactly as long as it is.
    pub(super) fn plaintext(&mut self) -> Result<&mut [u8], UploadError> {
        let whole = self.cut.block_len(self.segment).saturating_mul(self.cut.encoding().total() as u64);
        self.buffer.resize(in_memory(whole)?, 0);
        let plaintext = in_memory(self.cut.segment_len(self.segment))?;
        Ok(&mut self.buffer[..plaintext])
    }

    /// Encodes the segment whose plaintext was put there.
    pub(super) fn encode(&mut self) -> Result<Segment, UploadError> {
        let (cut, segment) = (self.cut, self.segment);
        let block_len = in_memory(cut.block_len(segment))?;
        let (primary, secondary) = self.buffer.split_at_mut(block_len * cut.encoding().needed());
        let (crypttext, padding) = primary.split_at_mut(in_memory(cut.segment_len(segment))?);
        if let Some(cipher) = &mut self.cipher {
            cipher.apply(crypttext);
        }
        padding.fill(0);
        self.hashes.segment(crypttext);
        let blocks: Vec<&[u8]> = primary.chunks_exact(block_len).collect();
        let mut others: Vec<&mut [u8]> = secondary.chunks_exact_mut(block_len).collect();
        self.codec.encode(&blocks, &mut others)?;
        for (share, block) in cut.encoding().shares().zip(self.buffer.chunks_exact(block_len)) {
            self.hashes.block(share, block)?;
        }
        self.segment += 1;
        let is_first = segment == 0;
        let is_last = self.segment == cut.segments();
        let trailers = match is_last {
            true => Some(std::mem::replace(&mut self.hashes, ShareHashes::new(cut)).finish(self.layout)?),
            false => None,
        };
        Ok(Segment {
            offset: if is_first { 0 } else { self.layout.block_range(cut, segment).start },
            header: if is_first { self.layout.header() } else { Vec::new() },
            blocks: self.buffer.split().freeze(),
            block_len,
            trailers,
        })
    }

    /// Takes the memory of a segment back, if nobody uses it any more.
    pub(super) fn reclaim(&mut self, segment: Segment) {
        if let Ok(buffer) = segment.blocks.try_into_mut() {
            self.buffer = buffer;
        }
    }
}

impl Segment {
    /// What `share` gets of it: with the first block the header, with the last all that follows.
    pub(super) fn bytes(&self, share: ShareNum) -> Result<Bytes, UploadError> {
        let start = usize::from(share.0) * self.block_len;
        let block = self.blocks.slice(start..start + self.block_len);
        if self.header.is_empty() && self.trailers.is_none() {
            return Ok(block);
        }
        let trailer = match &self.trailers {
            Some(trailers) => trailers.parts(share)?,
            None => Default::default(),
        };
        let len = self.header.len() + block.len() + trailer.iter().map(Bytes::len).sum::<usize>();
        let mut whole = BytesMut::with_capacity(len);
        whole.extend_from_slice(&self.header);
        whole.extend_from_slice(&block);
        trailer.iter().for_each(|part| whole.extend_from_slice(part));
        Ok(whole.freeze())
    }

    /// The hash the capability is made of, with the last segment.
    pub(super) fn ueb_hash(&self) -> Option<Digest> {
        self.trailers.as_ref().map(ShareTrailers::ueb_hash)
    }
}

/// A length that has to fit this machine's memory.
fn in_memory(bytes: u64) -> Result<usize, UploadError> {
    usize::try_from(bytes).map_err(|_| UploadError::SegmentTooLong(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::Encoding;

    #[test]
    fn every_segment_is_encoded_in_the_same_memory() {
        let cut = Segmentation::new(100_000, Encoding::new(3, 10).unwrap(), 9_999).unwrap();
        let mut encoder = Encoder::new(cut, Layout::for_upload(cut), Some(&Key([1; 16])));
        let mut places = Vec::new();
        for _ in 0..cut.segments() {
            places.push(encoder.plaintext().unwrap().as_ptr());
            let segment = encoder.encode().unwrap();
            let pieces: Vec<_> = cut.encoding().shares().map(|share| segment.bytes(share).unwrap()).collect();
            drop(pieces);
            encoder.reclaim(segment);
        }
        places.dedup();
        assert_eq!(places.len(), 1);
    }
}
