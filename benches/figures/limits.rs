//! What a file costs at least: the hashing, ciphering and coding of its upload and download, and nothing else.

use lafs::crypto::{Cipher, ConvergentKey, Key};
use lafs::erasure::{Codec, Segmentation};
use lafs::format::hash::{block_hash, crypttext_hasher, crypttext_segment_hash};
use lafs::format::{Encoding, ShareNum};

/// Does the arithmetic of one upload and one download of `plaintext` at 3-of-10.
pub(crate) fn arithmetic(plaintext: &[u8], segment_bytes_max: u64) {
    let encoding = Encoding::new(3, 10).expect("an encoding");
    let cut = Segmentation::new(plaintext.len() as u64, encoding, segment_bytes_max).expect("a small file");
    let codec = Codec::new(encoding);
    let mut key = ConvergentKey::new(encoding, cut.segment_size(), b"limit");
    key.update(plaintext);
    let key = key.finish();
    let mut whole = crypttext_hasher();
    let mut cipher = Cipher::new(&key, 0);
    let mut back = Cipher::new(&Key([7; 16]), 0);
    for segment in 0..cut.segments() {
        let range = cut.segment_range(segment);
        let block = usize::try_from(cut.block_len(segment)).expect("a small block");
        let mut text = plaintext[range.start as usize..range.end as usize].to_vec();
        cipher.apply(&mut text);
        whole.update(&text);
        std::hint::black_box(crypttext_segment_hash(&text));
        text.resize(3 * block, 0);
        let primary: Vec<&[u8]> = text.chunks(block).collect();
        let mut secondary = vec![vec![0; block]; 7];
        let mut outputs: Vec<&mut [u8]> = secondary.iter_mut().map(Vec::as_mut_slice).collect();
        codec.encode(&primary, &mut outputs).expect("equal blocks");
        for data in primary.iter().copied().chain(secondary.iter().map(Vec::as_slice)) {
            std::hint::black_box(block_hash(data));
        }
        let read: Vec<(ShareNum, &[u8])> = secondary
            .iter()
            .take(3)
            .enumerate()
            .map(|(i, data)| (ShareNum(3 + i as u8), data.as_slice()))
            .collect();
        for (_, data) in &read {
            std::hint::black_box(block_hash(data));
        }
        let mut decoded = vec![0; 3 * block];
        codec.decode(&read, &mut decoded).expect("three blocks");
        std::hint::black_box(crypttext_segment_hash(&decoded));
        back.apply(&mut decoded);
        std::hint::black_box(decoded);
    }
    std::hint::black_box(whole.finish());
}
