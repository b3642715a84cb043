//! Headers and layouts at the edges of what they take.

use super::header::{MDMF_SEGMENTS_MAX, SDMF_BYTES_MAX};
use super::*;
use crate::format::Encoding;
use crate::format::cap::MutableFormat;
use crate::format::hash::Digest;

fn three_of_ten() -> Encoding {
    Encoding::new(3, 10).unwrap()
}

fn sdmf(seqnum: u64, root: u8, len: u64) -> Header {
    Header::sdmf(seqnum, Digest([root; 32]), [5; 16], three_of_ten(), len).unwrap()
}

#[test]
fn versions_are_ordered_by_sequence_number_then_by_root_hash() {
    let order = [sdmf(1, 9, 100), sdmf(2, 1, 50), sdmf(2, 1, 60), sdmf(2, 2, 10), sdmf(256, 0, 0)];
    assert!(order.is_sorted_by(|a, b| a < b));
}

#[test]
fn a_segment_is_the_whole_file_rounded_up() {
    let header = sdmf(1, 0, 1000);
    assert_eq!((header.segment_size(), header.segments(), header.block_len(0)), (1002, 1, 334));
    assert_eq!((header.segment_len(0), header.segment_len(1)), (1000, 0));
    assert_eq!((header.signed_prefix().len(), header.checkstring().len()), (75, 57));
    let empty = sdmf(1, 0, 0);
    assert_eq!((empty.segments(), empty.stored_block_len(0), empty.cut()), (0, 0, None));
    assert_eq!(empty.block_tree().unwrap().nodes(), 1);
}

#[test]
fn mdmf_has_a_salt_in_front_of_every_block_and_a_short_tail() {
    let header = Header::mdmf(1, Digest([0; 32]), three_of_ten(), 200_000).unwrap();
    assert_eq!(
        (header.format(), header.segment_size(), header.segments()),
        (MutableFormat::Mdmf, 131_073, 2)
    );
    assert_eq!((header.stored_block_len(0), header.stored_block_len(1)), (43_707, 22_992));
    assert_eq!((header.signed_prefix().len(), header.checkstring().len()), (59, 41));
}

/// The header of ten bytes with some bytes of its numbers changed.
fn parse_changed(changes: &[(usize, u8)]) -> Result<Header, HeaderError> {
    let mut bytes = sdmf(1, 0, 10).signed_prefix();
    changes.iter().for_each(|(at, byte)| bytes[*at] = *byte);
    Header::parse(&bytes)
}

#[test]
fn numbers_that_do_not_fit_together_make_no_header() {
    parse_changed(&[]).unwrap();
    assert_eq!(parse_changed(&[(0, 2)]), Err(HeaderError::UnknownVersion(2)));
    assert!(matches!(parse_changed(&[(57, 0)]), Err(HeaderError::Encoding(_))));
    assert!(matches!(parse_changed(&[(58, 2)]), Err(HeaderError::Encoding(_))));
    assert!(matches!(parse_changed(&[(66, 15)]), Err(HeaderError::SegmentSize { .. })));
    assert!(matches!(parse_changed(&[(66, 0)]), Err(HeaderError::SegmentSize { .. })));
    assert!(matches!(parse_changed(&[(67, 0xff)]), Err(HeaderError::TooLong { .. })));
    assert_eq!(Header::parse(&[]), Err(HeaderError::TooShort { expected: 1, found: 0 }));
    assert_eq!(Header::parse(&[0; 74]), Err(HeaderError::TooShort { expected: 75, found: 74 }));
}

#[test]
fn files_have_limits() {
    let (root, salt, code) = (Digest([0; 32]), [0; 16], three_of_ten());
    Header::sdmf(1, root, salt, code, SDMF_BYTES_MAX).unwrap();
    for len in [SDMF_BYTES_MAX + 1, u64::MAX] {
        assert!(matches!(Header::sdmf(1, root, salt, code, len), Err(HeaderError::TooLong { .. })));
    }
    Header::mdmf(1, root, code, MDMF_SEGMENTS_MAX * 131_073).unwrap();
    for len in [MDMF_SEGMENTS_MAX * 131_073 + 1, u64::MAX] {
        assert!(matches!(Header::mdmf(1, root, code, len), Err(HeaderError::TooLong { .. })));
    }
    let wide = Encoding::new(3, 256).unwrap();
    assert_eq!(Header::sdmf(1, root, salt, wide, 5), Err(HeaderError::TooManyShares(wide)));
}

#[test]
fn a_new_share_has_its_parts_where_tahoe_has_them() {
    let layout = Layout::new(sdmf(1, 0, 1000), 294, 1218).unwrap();
    assert_eq!(layout.public_key().unwrap(), 107..401);
    assert_eq!(layout.signature().unwrap(), 401..657);
    assert_eq!((layout.chain().unwrap(), layout.block_tree().unwrap()), (657..793, 793..825));
    assert_eq!((layout.block(0).unwrap(), layout.private_key().unwrap()), (825..1159, 1159..2377));
    assert_eq!((layout.head_bytes().unwrap(), layout.proof_bytes().unwrap(), layout.end()), (657, 825, 2377));
    assert_eq!(Layout::parse(&layout.to_bytes()), Ok(layout));
    assert_eq!(layout.block(1), Err(LayoutError::NoSuchSegment { segment: 1, segments: 1 }));
}

/// The layout of a share whose offset at `at` (`width` bytes wide) is another.
fn with_offset(at: usize, width: usize, value: u64) -> Layout {
    let mut bytes = Layout::new(sdmf(1, 0, 1000), 294, 1218).unwrap().to_bytes();
    bytes[at..at + width].copy_from_slice(&value.to_be_bytes()[8 - width..]);
    Layout::parse(&bytes).unwrap()
}

#[test]
fn a_bad_offset_spoils_its_own_sections_only() {
    let bounds = |found: Result<_, LayoutError>| matches!(found, Err(LayoutError::OutOfBounds { .. }));
    let length = |found: Result<_, LayoutError>| matches!(found, Err(LayoutError::Length { .. }));
    let signature = with_offset(75, 4, 20);
    assert!(bounds(signature.public_key()) && bounds(signature.signature()) && signature.chain().is_ok());
    let long_key = with_offset(75, 4, 107 + 1025);
    assert!(length(long_key.public_key()));
    let chain = with_offset(79, 4, 658);
    assert!(length(chain.signature()) && length(chain.chain()) && chain.public_key().is_ok());
    let tree = with_offset(83, 4, 793 + 34 * 17);
    assert!(length(tree.chain()) && bounds(tree.block_tree()) && tree.signature().is_ok());
    let data = with_offset(87, 4, 0);
    assert!(bounds(data.block_tree()) && bounds(data.block(0)) && data.chain().is_ok());
    let key = with_offset(91, 8, u64::MAX);
    assert!(bounds(key.private_key()) && key.block(0).is_ok());
    let end = with_offset(99, 8, 1159 + 4097);
    assert!(length(end.private_key()) && end.block(0).is_ok());
    let nothing = with_offset(99, 8, 1159);
    assert!(length(nothing.private_key()));
}

#[test]
fn the_end_of_the_address_space_does_not_overflow() {
    let mut bytes = Header::mdmf(1, Digest([0; 32]), three_of_ten(), 1 << 34).unwrap().signed_prefix();
    bytes.extend([0xff; 64]);
    let layout = Layout::parse(&bytes).unwrap();
    for segment in [0, 1000, layout.header().segments() - 1, u64::MAX] {
        layout.block(segment).unwrap_err();
    }
    layout.proof_bytes().unwrap_err();
    layout.private_key().unwrap_err();
}
