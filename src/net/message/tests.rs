//! Messages as they were seen on the wire, and what is refused.

use super::*;

fn hex(text: &str) -> Vec<u8> {
    data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap()
}

fn shares(numbers: impl IntoIterator<Item = u8>) -> BTreeSet<ShareNum> {
    numbers.into_iter().map(ShareNum).collect()
}

#[test]
fn an_allocation_is_encoded_as_tahoe_encodes_it() {
    let bytes = hex("a26d73686172652d6e756d62657273d90102830001026e616c6c6f63617465642d73697a651864");
    let message = Allocate { share_numbers: shares(0..3), allocated_size: 100 };
    assert_eq!(message.encode(), bytes);
    assert_eq!(Allocate::decode(&bytes), Ok(message));
}

#[test]
fn answers_are_encoded_as_tahoe_encodes_them() {
    let bytes = hex("a26c616c72656164792d68617665d901028069616c6c6f6361746564d9010283000102");
    let message = Allocated { already_have: shares([]), allocated: shares(0..3) };
    assert_eq!(message.encode(), bytes);
    assert_eq!(Allocated::decode(&bytes), Ok(message));

    let bytes = hex("a168726571756972656482a265626567696e0063656e640aa265626567696e1463656e641864");
    let message = Written { complete: false, required: vec![0..10, 20..100] };
    assert_eq!(message.encode(), bytes);
    assert_eq!(Written::decode(&bytes, false), Ok(message));
    assert_eq!(Written::decode(&bytes, true), Err(MessageError::Bound("required")));

    assert_eq!(encode_shares(&shares([0, 2])), hex("d90102820002"));
    assert_eq!(encode_reason("hash mismatch"), hex("a166726561736f6e6d68617368206d69736d61746368"));
}

#[test]
fn messages_survive_a_round_trip_at_every_integer_width() {
    for number in [1, 23, 24, 255, 256, 65535, 65536, u64::from(u32::MAX), 1 << 32, u64::MAX - 2] {
        let version = Version {
            maximum_immutable_share_size: number,
            maximum_mutable_share_size: number + 1,
            available_space: 7,
            application_version: b"x/1".to_vec(),
        };
        assert_eq!(Version::decode(&version.encode()), Ok(version));
        let written = Written { complete: false, required: vec![0..number, number + 1..u64::MAX] };
        assert_eq!(Written::decode(&written.encode(), false), Ok(written));
    }
    assert_eq!(decode_shares(&encode_shares(&shares(0..=255))), Ok(shares(0..=255)));
}

#[test]
fn sets_need_their_tag_and_maps_are_closed() {
    let refused = |text: &str| Allocate::decode(&hex(text)).unwrap_err();
    let untagged = "a26d73686172652d6e756d6265727381006e616c6c6f63617465642d73697a650a";
    assert_eq!(refused(untagged), MessageError::Field("share-numbers"));
    let surplus = "a36d73686172652d6e756d62657273d9010281006e616c6c6f63617465642d73697a650a617801";
    assert_eq!(refused(surplus), MessageError::Key);
    let repeated = "a26e616c6c6f63617465642d73697a650a6e616c6c6f63617465642d73697a650a";
    assert_eq!(refused(repeated), MessageError::Key);
    let missing = "a16e616c6c6f63617465642d73697a650a";
    assert_eq!(refused(missing), MessageError::Field("share-numbers"));
    let negative = "a26d73686172652d6e756d62657273d9010281206e616c6c6f63617465642d73697a650a";
    assert_eq!(refused(negative), MessageError::Field("share-numbers"));
    let high = "a26d73686172652d6e756d62657273d901028119ffff6e616c6c6f63617465642d73697a650a";
    assert_eq!(refused(high), MessageError::Bound("share-numbers"));
}

#[test]
fn items_of_indefinite_length_are_understood() {
    let bytes = hex("bf6d73686172652d6e756d62657273d901029f00ff6e616c6c6f63617465642d73697a650aff");
    assert_eq!(Allocate::decode(&bytes), Ok(Allocate { share_numbers: shares([0]), allocated_size: 10 }));
}

#[test]
fn share_numbers_that_no_encoding_has_are_left_out() {
    assert_eq!(decode_shares(&hex("d901028201190100")), Ok(shares([1])));
}

#[test]
fn bytes_after_the_message_are_refused() {
    assert_eq!(decode_shares(&hex("d901028000")), Err(MessageError::Cbor));
}

#[test]
fn counts_and_nesting_beyond_the_message_cost_nothing() {
    for bytes in
        ["d901029bffffffffffffffff00", "bbffffffffffffffff", "c25bffffffffffffffff", "5f5bffffffffffffffff"]
    {
        assert_eq!(decode_shares(&hex(bytes)), Err(MessageError::Cbor), "{bytes}");
    }
    // Arrays, maps and tags within each other, of definite and indefinite length.
    for head in [&[0x81][..], &[0x9f], &[0xa1], &[0xbf], &[0xc2], &[0xd9, 1, 2], &[0x5f], &[0x7f]] {
        assert_eq!(decode_shares(&head.repeat(60_000)), Err(MessageError::Cbor), "{head:02x?}");
    }
}

#[test]
fn missing_ranges_must_ascend() {
    let decode = |required| Written::decode(&Written { complete: false, required }.encode(), false);
    for required in
        [vec![10..20, 5..8], vec![10..20, 15..30], vec![0..2, Range { start: 5, end: 4 }], vec![0..2, 4..4]]
    {
        assert_eq!(decode(required), Err(MessageError::Bound("required")));
    }
}

#[test]
fn a_reason_is_cut_between_characters_and_never_empty() {
    let long = "é".repeat(REASON_BYTES_MAX);
    let cut = decode_reason(&encode_reason(&long)).unwrap();
    assert!(cut.len() <= REASON_BYTES_MAX && cut.len() > REASON_BYTES_MAX - 2);
    assert!(!decode_reason(&encode_reason("")).unwrap().is_empty());
    assert_eq!(decode_reason(&hex("a166726561736f6e60")), Err(MessageError::Bound("reason")));
}

mod mutable;
