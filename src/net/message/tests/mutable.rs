//! The messages about mutable shares: as they were seen on the wire, round trips, damage.

use bytes::Bytes;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use super::super::*;
use super::hex;

fn message(text: &str) -> Bytes {
    Bytes::from(hex(text))
}

#[test]
fn a_first_write_is_encoded_as_tahoe_encodes_it() {
    let bytes = message(
        "a272746573742d77726974652d766563746f7273a103a3647465737481a3666f6666736574006473697a65016873706563696d656e40\
         657772697465\
         81a2666f66667365740064646174614a787878787878787878786a6e65772d6c656e677468f66b726561642d766563746f7280",
    );
    let write = Write { offset: 0, data: Bytes::from_static(b"xxxxxxxxxx") };
    let share = TestWrite { test: vec![Test::absent()], write: vec![write], new_length: None };
    let asked = ReadTestWrite { vectors: [(ShareNum(3), share)].into(), read: Vec::new() };
    assert_eq!(asked.encode(), bytes);
    assert_eq!(ReadTestWrite::decode(&bytes), Ok(asked));

    let bytes = message("a26773756363657373f56464617461a1038343787878417840");
    let pieces = ["xxx", "x", ""].map(Bytes::from).to_vec();
    let answer = TestWritten { success: true, data: [(ShareNum(3), pieces)].into() };
    assert_eq!(answer.encode(), bytes);
    assert_eq!(TestWritten::decode(&bytes), Ok(answer));
}

#[test]
fn data_stays_a_part_of_the_message() {
    let write = Write { offset: 0, data: Bytes::from(vec![7; 1000]) };
    let share = TestWrite { write: vec![write], ..TestWrite::default() };
    let asked = ReadTestWrite { vectors: [(ShareNum(0), share)].into(), read: Vec::new() };
    let message = Bytes::from(asked.encode());
    let decoded = ReadTestWrite::decode(&message).unwrap();
    let data = &decoded.vectors[&ShareNum(0)].write[0].data;
    assert!(message.as_ptr_range().contains(&data.as_ptr()));
}

#[test]
fn what_is_of_indefinite_length_is_understood() {
    let bytes = message(
        "bf72746573742d77726974652d766563746f7273bf03bf64746573749fff6577726974659fbf666f666673657400\
         64646174615f4161426263ffffff6a6e65772d6c656e6774681bffffffffffffffffffff6b726561642d766563746f729fffff",
    );
    let write = Write { offset: 0, data: Bytes::from_static(b"abc") };
    let share = TestWrite { test: Vec::new(), write: vec![write], new_length: Some(u64::MAX) };
    let asked = ReadTestWrite { vectors: [(ShareNum(3), share)].into(), read: Vec::new() };
    assert_eq!(ReadTestWrite::decode(&bytes), Ok(asked));
}

#[test]
fn types_are_exact_and_maps_are_closed() {
    let request = |text: &str| ReadTestWrite::decode(&message(text)).unwrap_err();
    let answer = |text: &str| TestWritten::decode(&message(text)).unwrap_err();
    assert_eq!(request("a16b726561642d766563746f7280"), MessageError::Field("test-write-vectors"));
    assert_eq!(request("a26b726561642d766563746f72806b726561642d766563746f7280"), MessageError::Key);
    assert_eq!(request("a1617800"), MessageError::Key);
    assert_eq!(request("a14178"), MessageError::Field("key"));
    // Share 256, and a share named by text.
    assert_eq!(
        request("a272746573742d77726974652d766563746f7273a1190100"),
        MessageError::Bound("test-write-vectors")
    );
    assert_eq!(
        request("a272746573742d77726974652d766563746f7273a16133"),
        MessageError::Field("test-write-vectors")
    );
    // Success as a number, as null and as a float; a piece as text; a share twice; a list as a number.
    assert_eq!(answer("a2677375636365737301"), MessageError::Field("success"));
    assert_eq!(answer("a26773756363657373f6"), MessageError::Field("success"));
    assert_eq!(answer("a26773756363657373f56464617461a103816178"), MessageError::Field("data"));
    assert_eq!(answer("a26773756363657373f56464617461a203800380"), MessageError::Key);
    assert_eq!(answer("a26773756363657373f56464617461a000"), MessageError::Cbor);
    assert_eq!(answer("a26773756363657373f93c00"), MessageError::Cbor);
}

#[test]
fn lists_that_are_too_long_are_refused() {
    let bound = |share: TestWrite, reads: usize| {
        let read = vec![ReadSpan { offset: 0, size: 1 }; reads];
        let asked = ReadTestWrite { vectors: [(ShareNum(0), share)].into(), read };
        ReadTestWrite::decode(&Bytes::from(asked.encode())).map(drop)
    };
    let write = Write { offset: 0, data: Bytes::new() };
    let tests = |count| TestWrite { test: vec![Test::absent(); count], ..TestWrite::default() };
    let writes = |count| TestWrite { write: vec![write.clone(); count], ..TestWrite::default() };
    assert_eq!(bound(tests(TESTS_MAX), READS_MAX), Ok(()));
    assert_eq!(bound(writes(WRITES_MAX), 0), Ok(()));
    assert_eq!(bound(tests(TESTS_MAX + 1), 0), Err(MessageError::Bound("test")));
    assert_eq!(bound(writes(WRITES_MAX + 1), 0), Err(MessageError::Bound("write")));
    assert_eq!(bound(tests(0), READS_MAX + 1), Err(MessageError::Bound("read-vector")));
}

#[test]
fn lengths_beyond_the_message_cost_nothing() {
    for length in ["5bffffffffffffffff", "5b0000ffffffffffff", "5f5bffffffffffffffff", "9bffffffffffffffff"] {
        let bytes = message(&format!("a26773756363657373f56464617461a10381{length}"));
        assert!(TestWritten::decode(&bytes).is_err(), "{length}");
    }
    for count in ["9bffffffffffffffff", "9f", "bbffffffffffffffff"] {
        let bytes = message(&format!("a26773756363657373f56464617461a103{count}"));
        assert!(TestWritten::decode(&bytes).is_err(), "{count}");
    }
}

fn data() -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 0..300).prop_map(Bytes::from)
}

prop_compose! {
    fn shares()(
        test in vec((any::<u64>(), any::<u64>(), data()), 0..4),
        write in vec((any::<u64>(), data()), 0..4),
        new_length: Option<u64>,
    ) -> TestWrite {
        let test = test.into_iter().map(|(offset, size, specimen)| Test { offset, size, specimen }).collect();
        let write = write.into_iter().map(|(offset, data)| Write { offset, data }).collect();
        TestWrite { test, write, new_length }
    }
}

prop_compose! {
    fn requests()(
        vectors in btree_map(any::<u8>().prop_map(ShareNum), shares(), 0..4),
        read in vec((any::<u64>(), any::<u64>()), 0..4),
    ) -> ReadTestWrite {
        let read = read.into_iter().map(|(offset, size)| ReadSpan { offset, size }).collect();
        ReadTestWrite { vectors, read }
    }
}

prop_compose! {
    fn answers()(
        success: bool,
        data in btree_map(any::<u8>().prop_map(ShareNum), vec(data(), 0..4), 0..4),
    ) -> TestWritten {
        TestWritten { success, data }
    }
}

proptest! {
    #[test]
    fn messages_survive_a_round_trip(asked in requests(), answer in answers()) {
        prop_assert_eq!(ReadTestWrite::decode(&Bytes::from(asked.encode())), Ok(asked));
        prop_assert_eq!(TestWritten::decode(&Bytes::from(answer.encode())), Ok(answer));
    }

    #[test]
    fn our_encoding_is_what_any_cbor_library_reads(asked in requests(), answer in answers()) {
        for bytes in [asked.encode(), answer.encode()] {
            let value: Value = ciborium::from_reader(&*bytes).unwrap();
            let mut again = Vec::new();
            ciborium::into_writer(&value, &mut again).unwrap();
            prop_assert_eq!(bytes, again);
        }
    }

    #[test]
    fn a_message_cut_short_is_an_error(asked in requests(), answer in answers(), at: prop::sample::Index) {
        let bytes = Bytes::from(asked.encode());
        prop_assert!(ReadTestWrite::decode(&bytes.slice(..at.index(bytes.len()))).is_err());
        let bytes = Bytes::from(answer.encode());
        prop_assert!(TestWritten::decode(&bytes.slice(..at.index(bytes.len()))).is_err());
    }

    #[test]
    fn damage_never_panics(asked in requests(), hits in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        let mut bytes = asked.encode();
        for (at, byte) in hits {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let bytes = Bytes::from(bytes);
        // Either is fine; what is understood has a proper encoding.
        if let Ok(asked) = ReadTestWrite::decode(&bytes) {
            prop_assert_eq!(ReadTestWrite::decode(&Bytes::from(asked.encode())), Ok(asked));
        }
        let _ = TestWritten::decode(&bytes);
    }

    #[test]
    fn any_bytes_are_a_message_or_an_error(bytes: Vec<u8>) {
        let bytes = Bytes::from(bytes);
        let _ = (ReadTestWrite::decode(&bytes), TestWritten::decode(&bytes));
    }
}
