//! How a file is cut into segments and blocks: arithmetic only.
//!
//! All numbers are bytes unless they say otherwise. A [`Segmentation`] that exists has been checked: none
//! of its methods overflows or divides by zero, for any argument.

use std::ops::Range;

use thiserror::Error;

use crate::format::Encoding;
use crate::format::merkle::LEAVES_MAX;

/// The longest file handled: 1 EiB.
pub const FILE_BYTES_MAX: u64 = 1 << 60;

/// The longest segment handled. A reader keeps a few whole segments in memory and learns their length
/// from the file; Tahoe's default is 1 MiB.
pub const SEGMENT_BYTES_MAX: u64 = 128 << 20;

/// The most segments a file may have: every one is a leaf of its hash trees.
pub const SEGMENTS_MAX: u64 = LEAVES_MAX;

/// A file cannot be cut this way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SegmentationError {
    /// No bytes: such files are literals and never cut.
    #[error("an empty file has no segments")]
    Empty,
    /// Longer than [`FILE_BYTES_MAX`].
    #[error("a file of {0} bytes is longer than any supported")]
    FileTooLong(u64),
    /// Longer than [`SEGMENT_BYTES_MAX`].
    #[error("segments of {0} bytes are longer than any supported")]
    SegmentTooLong(u64),
    /// The segment length is 0.
    #[error("segments of 0 bytes")]
    ZeroSegment,
    /// The segment length cannot be divided into k equal blocks.
    #[error("segments of {segment_size} bytes cannot be cut into {needed} equal blocks")]
    NotMultiple {
        /// S as given.
        segment_size: u64,
        /// k.
        needed: usize,
    },
    /// More than [`SEGMENTS_MAX`].
    #[error("{0} segments are more than supported")]
    TooManySegments(u64),
}

/// How one file is cut. The last segment may be shorter than the others; it is padded with zeros, after
/// encryption, to a multiple of k.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segmentation {
    size: u64,
    encoding: Encoding,
    segment_size: u64,
}

impl Segmentation {
    /// For writers: segments of at most `segment_size_max` bytes, rounded up to a multiple of k.
    pub fn new(size: u64, encoding: Encoding, segment_size_max: u64) -> Result<Self, SegmentationError> {
        let wanted = size.min(segment_size_max);
        if wanted > SEGMENT_BYTES_MAX {
            return Err(SegmentationError::SegmentTooLong(wanted));
        }
        Self::from_segment_size(size, encoding, wanted.next_multiple_of(encoding.needed() as u64))
    }

    /// For readers: segments as long as the file says.
    pub fn from_segment_size(
        size: u64,
        encoding: Encoding,
        segment_size: u64,
    ) -> Result<Self, SegmentationError> {
        if size == 0 {
            return Err(SegmentationError::Empty);
        }
        if size > FILE_BYTES_MAX {
            return Err(SegmentationError::FileTooLong(size));
        }
        if segment_size == 0 {
            return Err(SegmentationError::ZeroSegment);
        }
        if segment_size > SEGMENT_BYTES_MAX + u64::from(Encoding::TOTAL_MAX) {
            return Err(SegmentationError::SegmentTooLong(segment_size));
        }
        if !segment_size.is_multiple_of(encoding.needed() as u64) {
            return Err(SegmentationError::NotMultiple { segment_size, needed: encoding.needed() });
        }
        let segments = size.div_ceil(segment_size);
        if segments > SEGMENTS_MAX {
            return Err(SegmentationError::TooManySegments(segments));
        }
        Ok(Self { size, encoding, segment_size })
    }

    /// Bytes of the file.
    pub fn size(self) -> u64 {
        self.size
    }

    /// k and N.
    pub fn encoding(self) -> Encoding {
        self.encoding
    }

    fn needed(self) -> u64 {
        self.encoding.needed() as u64
    }

    /// S: bytes of every segment but the last, a multiple of k. May exceed the file.
    pub fn segment_size(self) -> u64 {
        self.segment_size
    }

    /// q: how many segments there are, at least one.
    pub fn segments(self) -> u64 {
        self.size.div_ceil(self.segment_size)
    }

    /// The number of the last segment.
    pub fn last_segment(self) -> u64 {
        self.segments() - 1
    }

    /// B: bytes of a block of every segment but the last.
    pub fn block_size(self) -> u64 {
        self.segment_size / self.needed()
    }

    /// Bytes in the last segment, at least one.
    pub fn tail_size(self) -> u64 {
        self.size - self.last_segment() * self.segment_size
    }

    /// Bytes in the last segment once padded to a multiple of k.
    pub fn tail_padded_size(self) -> u64 {
        self.tail_size().next_multiple_of(self.needed())
    }

    /// Bytes of a block of the last segment.
    pub fn tail_block_size(self) -> u64 {
        self.tail_padded_size() / self.needed()
    }

    /// D: bytes of all the blocks of one share.
    pub fn share_data_size(self) -> u64 {
        self.size.div_ceil(self.needed())
    }

    /// Bytes of segment `segment` without padding; 0 past the end.
    pub fn segment_len(self, segment: u64) -> u64 {
        let range = self.segment_range(segment);
        range.end - range.start
    }

    /// Bytes of segment `segment` with padding; 0 past the end.
    pub fn padded_segment_len(self, segment: u64) -> u64 {
        self.block_len(segment) * self.needed()
    }

    /// Bytes of a block of segment `segment`; 0 past the end.
    pub fn block_len(self, segment: u64) -> u64 {
        let range = self.block_range(segment);
        range.end - range.start
    }

    /// Where segment `segment` lies in the file; empty past the end.
    pub fn segment_range(self, segment: u64) -> Range<u64> {
        let start = segment.saturating_mul(self.segment_size).min(self.size);
        start..start.saturating_add(self.segment_size).min(self.size)
    }

    /// Where block `segment` of a share lies among its blocks; empty past the end.
    pub fn block_range(self, segment: u64) -> Range<u64> {
        let data = self.share_data_size();
        let start = segment.saturating_mul(self.block_size()).min(data);
        start..start.saturating_add(self.block_size()).min(data)
    }

    /// The segments that contain bytes `range` of the file; none for an empty range or one past the end.
    pub fn segments_of(self, range: Range<u64>) -> Range<u64> {
        let end = range.end.min(self.size);
        if range.start >= end {
            return 0..0;
        }
        range.start / self.segment_size..(end - 1) / self.segment_size + 1
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encoding(k: u64, n: u64) -> Encoding {
        Encoding::new(k, n).unwrap()
    }

    #[test]
    fn a_small_file_is_one_segment_rounded_up() {
        let cut = Segmentation::new(56, encoding(3, 10), 1 << 20).unwrap();
        assert_eq!((cut.segment_size(), cut.segments(), cut.tail_size()), (57, 1, 56));
        assert_eq!((cut.tail_padded_size(), cut.block_size(), cut.share_data_size()), (57, 19, 19));
    }

    #[test]
    fn the_segment_is_rounded_up_past_the_maximum() {
        let cut = Segmentation::new(5 << 20, encoding(3, 10), 1 << 20).unwrap();
        assert_eq!(cut.segment_size(), 1_048_578);
        assert_eq!(cut.segment_range(4), 4 * 1_048_578..5 << 20);
        assert_eq!(cut.segments_of(1_048_577..1_048_579), 0..2);
        assert_eq!(cut.segments_of(9 << 20..10 << 20), 0..0);
    }

    #[test]
    fn what_cannot_be_cut_is_an_error() {
        let code = encoding(3, 10);
        assert_eq!(Segmentation::new(0, code, 100), Err(SegmentationError::Empty));
        assert_eq!(Segmentation::new(5, code, 0), Err(SegmentationError::ZeroSegment));
        assert_eq!(Segmentation::new(u64::MAX, code, 1 << 20), Err(SegmentationError::FileTooLong(u64::MAX)));
        assert!(Segmentation::new(u64::MAX, code, u64::MAX).is_err());
        assert!(Segmentation::from_segment_size(10, code, 10).is_err());
        assert!(Segmentation::from_segment_size(10, code, u64::MAX).is_err());
        assert!(Segmentation::from_segment_size(FILE_BYTES_MAX, code, 3).is_err());
    }

    proptest! {
        #[test]
        fn nothing_overflows(size: u64, n in 1u64..=256, k in 1u64..=256, segment_size: u64, i: u64) {
            let code = encoding(k.min(n), n);
            for cut in [
                Segmentation::new(size, code, segment_size),
                Segmentation::new(size, code, segment_size % SEGMENT_BYTES_MAX),
                Segmentation::new(size % FILE_BYTES_MAX, code, segment_size % SEGMENT_BYTES_MAX),
                Segmentation::from_segment_size(size, code, segment_size),
            ].into_iter().flatten() {
                prop_assert!(cut.segment_range(i).end <= cut.size());
                prop_assert!(cut.block_range(i).end <= cut.share_data_size());
                prop_assert!(cut.padded_segment_len(i) >= cut.segment_len(i));
                prop_assert_eq!(cut.block_len(cut.last_segment()), cut.tail_block_size());
            }
        }

        #[test]
        fn the_pieces_are_the_whole(size in 1u64..5000, n in 1u64..=40, k in 1u64..=40, max in 1u64..2000) {
            let cut = Segmentation::new(size, encoding(k.min(n), n), max).unwrap();
            let (mut bytes, mut blocks) = (0, 0);
            for segment in 0..cut.segments() {
                prop_assert_eq!(cut.segment_range(segment).start, bytes);
                prop_assert_eq!(cut.block_range(segment).start, blocks);
                bytes += cut.segment_len(segment);
                blocks += cut.block_len(segment);
                prop_assert!(cut.segments_of(bytes - 1..bytes) == (segment..segment + 1));
            }
            prop_assert_eq!((bytes, blocks), (size, cut.share_data_size()));
            prop_assert_eq!(cut.segment_len(cut.segments()), 0);
        }
    }
}
