//! Any k of N give the file back; everything else is refused.

use proptest::prelude::*;

use super::*;

fn codec(k: u64, n: u64) -> Codec {
    Codec::new(Encoding::new(k, n).unwrap())
}

/// Every block of a segment: primary ones as given, the others coded.
fn all_blocks(codec: &Codec, primary: &[&[u8]]) -> Vec<Vec<u8>> {
    let len = primary[0].len();
    let mut secondary = vec![vec![0xee; len]; codec.encoding().total() - primary.len()];
    let mut room: Vec<&mut [u8]> = secondary.iter_mut().map(Vec::as_mut_slice).collect();
    codec.encode(primary, &mut room).unwrap();
    primary.iter().map(|block| block.to_vec()).chain(secondary).collect()
}

#[test]
fn what_does_not_fit_is_refused() {
    let codec = codec(2, 4);
    let (a, b, short): (&[u8], &[u8], &[u8]) = (&[1, 2], &[3, 4], &[5]);
    let mut out = [0; 4];
    let (zero, one, four) = (ShareNum(0), ShareNum(1), ShareNum(4));
    assert_eq!(codec.decode(&[(zero, a)], &mut out), Err(CodingError::BlockCount { expected: 2, found: 1 }));
    assert_eq!(codec.decode(&[(zero, a), (zero, b)], &mut out), Err(CodingError::DuplicateShare(zero)));
    assert!(matches!(codec.decode(&[(zero, a), (four, b)], &mut out), Err(CodingError::NoSuchShare { .. })));
    assert_eq!(
        codec.decode(&[(zero, a), (one, short)], &mut out),
        Err(CodingError::BlockLength { expected: 2, found: 1 })
    );
    assert_eq!(
        codec.decode(&[(zero, a), (one, b)], &mut out[..3]),
        Err(CodingError::OutputLength { expected: 4, found: 3 })
    );
    assert!(codec.encode_share(four, &[a, b], &mut out[..2]).is_err());
    assert!(codec.encode_share(one, &[a], &mut out[..2]).is_err());
    assert!(codec.encode_share(one, &[a, b], &mut out).is_err());
    assert!(codec.encode(&[a, b], &mut []).is_err());
    assert!(codec.row(four).is_err());
}

#[test]
fn empty_blocks_are_coded_to_empty_blocks() {
    let codec = codec(2, 4);
    assert_eq!(all_blocks(&codec, &[&[], &[]]), [[0u8; 0]; 4]);
    codec.decode(&[(ShareNum(3), &[]), (ShareNum(2), &[])], &mut []).unwrap();
    codec.encode_share(ShareNum(3), &[&[], &[]], &mut []).unwrap();
}

fn any_code() -> impl Strategy<Value = (u64, u64)> {
    prop_oneof![
        (1u64..=12).prop_flat_map(|n| (1..=n, Just(n))),
        (1u64..=256).prop_flat_map(|n| (1..=n, Just(n))),
        (1u64..=256).prop_map(|k| (k, 256)),
    ]
}

proptest! {
    #[test]
    fn any_k_shares_give_the_segment_back(
        (k, n) in any_code(),
        order in Just((0u8..=255).collect::<Vec<_>>()).prop_shuffle(),
        len in prop_oneof![1usize..70, Just(CHUNK_BYTES + 1)],
        seed: u8,
    ) {
        let len = if k > 20 { len.min(40) } else { len };
        let segment: Vec<u8> =
            (0..len * usize::try_from(k).unwrap()).map(|i| ((i * 131) >> 3) as u8 ^ seed).collect();
        let primary: Vec<&[u8]> = segment.chunks(len).collect();
        let codec = codec(k, n);
        let blocks = all_blocks(&codec, &primary);
        let chosen: Vec<(ShareNum, &[u8])> = order
            .iter()
            .filter(|share| u64::from(**share) < n)
            .take(primary.len())
            .map(|share| (ShareNum(*share), blocks[usize::from(*share)].as_slice()))
            .collect();
        let mut out = vec![0xdd; segment.len()];
        codec.decode(&chosen, &mut out).unwrap();
        prop_assert_eq!(&out, &segment);

        let (share, block) = chosen[0];
        let mut one = vec![0xcc; len];
        codec.encode_share(share, &primary, &mut one).unwrap();
        prop_assert_eq!(one, block);
    }
}
