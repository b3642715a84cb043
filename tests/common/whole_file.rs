//! A whole file to its shares and back, in memory, in the most obvious way: what the real uploader and
//! downloader do piece by piece over the network must give the same bytes.
#![allow(dead_code, reason = "every test binary uses another part of it")]

use lafs::crypto::{Cipher, ConvergentKey, Key};
use lafs::erasure::{Codec, Segmentation};
use lafs::format::ShareNum;
use lafs::format::cap::ReadCap;
use lafs::format::hash::{Digest, block_hash, crypttext_segment_hash};
use lafs::format::share::layout::segment_tree;
use lafs::format::share::{Layout, LayoutVersion, ShareHashChain, ShareHashes, UriExtension};

/// How a file's key comes about.
pub(crate) enum KeySource<'a> {
    Given(Key),
    Convergent(&'a [u8]),
}

/// A file that was encoded.
pub(crate) struct Encoded {
    pub(crate) cap: ReadCap,
    pub(crate) layout: Layout,
    pub(crate) uri_extension: UriExtension,
    pub(crate) shares: Vec<Vec<u8>>,
}

/// Encodes all shares of `plaintext`.
pub(crate) fn encode(
    plaintext: &[u8],
    cut: Segmentation,
    key: KeySource<'_>,
    version: Option<LayoutVersion>,
) -> Encoded {
    let encoding = cut.encoding();
    let key = match key {
        KeySource::Given(key) => key,
        KeySource::Convergent(secret) => {
            let mut key = ConvergentKey::new(encoding, cut.segment_size(), secret);
            plaintext.chunks(1000).for_each(|chunk| key.update(chunk));
            key.finish()
        }
    };
    let layout = version.map_or_else(|| Layout::for_upload(cut), |v| Layout::of_version(cut, v));
    let mut shares: Vec<Vec<u8>> = encoding.shares().map(|_| layout.header()).collect();
    let mut hashes = ShareHashes::new(cut);
    let mut cipher = Cipher::new(&key, 0);
    let codec = Codec::new(encoding);
    for segment in 0..cut.segments() {
        let mut bytes = plaintext[range(cut.segment_range(segment))].to_vec();
        cipher.apply(&mut bytes);
        hashes.segment(&bytes);
        bytes.resize(index(cut.padded_segment_len(segment)), 0);
        let len = index(cut.block_len(segment));
        let primary: Vec<&[u8]> = bytes.chunks(len).collect();
        let mut secondary = vec![vec![0; len]; encoding.total() - encoding.needed()];
        let mut room: Vec<&mut [u8]> = secondary.iter_mut().map(Vec::as_mut_slice).collect();
        codec.encode(&primary, &mut room).unwrap();
        let blocks = primary.into_iter().chain(secondary.iter().map(Vec::as_slice));
        for ((number, share), block) in encoding.shares().zip(&mut shares).zip(blocks) {
            hashes.block(number, block).unwrap();
            share.extend_from_slice(block);
        }
    }
    let trailers = hashes.finish(layout).unwrap();
    for (number, share) in encoding.shares().zip(&mut shares) {
        trailers.parts(number).unwrap().iter().for_each(|part| share.extend_from_slice(part));
        assert_eq!(share.len() as u64, layout.share_size(cut));
    }
    let size = plaintext.len() as u64;
    let cap = ReadCap { key, ueb_hash: trailers.ueb_hash(), encoding, size };
    Encoded { cap, layout, uri_extension: *trailers.uri_extension(), shares }
}

/// Reads a file back from k shares, verifying everything a reader verifies.
pub(crate) fn decode(cap: &ReadCap, shares: &[(ShareNum, &[u8])]) -> Vec<u8> {
    let mut plaintext = Vec::new();
    let codec = Codec::new(cap.encoding);
    let opened: Vec<_> = shares.iter().map(|(number, share)| open(cap, *number, share)).collect();
    let (_, ueb, _) = opened[0];
    let cut = ueb.segmentation;
    let mut cipher = Cipher::new(&cap.key, 0);
    for segment in 0..cut.segments() {
        let mut blocks = Vec::new();
        for ((number, share), (layout, _, share_root)) in shares.iter().zip(&opened) {
            let block = &share[range(layout.block_range(cut, segment))];
            let expected =
                leaf(cut, segment, *share_root, |page| &share[range(layout.block_page_range(page))]);
            assert_eq!(block_hash(block), expected);
            blocks.push((*number, block));
        }
        let mut bytes = vec![0; index(cut.padded_segment_len(segment))];
        codec.decode(&blocks, &mut bytes).unwrap();
        bytes.truncate(index(cut.segment_len(segment)));
        let (first, layout) = (shares[0].1, opened[0].0);
        let expected = leaf(cut, segment, ueb.crypttext_root_hash, |page| {
            &first[range(layout.crypttext_page_range(page))]
        });
        assert_eq!(crypttext_segment_hash(&bytes), expected);
        cipher.apply(&mut bytes);
        plaintext.extend(bytes);
    }
    plaintext
}

/// The layout of a share, what its URI extension block says, and the root of its block hash tree.
fn open(cap: &ReadCap, number: ShareNum, share: &[u8]) -> (Layout, UriExtension, Digest) {
    let layout = Layout::parse(&share[..68.min(share.len())]).unwrap();
    let length = &share[range(layout.uri_extension_length_range())];
    let ueb = &share[range(layout.uri_extension_range(length).unwrap())];
    let ueb = UriExtension::parse(ueb, cap).unwrap();
    layout.check_room(ueb.segmentation).unwrap();
    let chain = ShareHashChain::parse(&share[range(layout.chain_range())]).unwrap();
    let root = chain.verify(cap.encoding, number, &ueb.share_root_hash).unwrap();
    (layout, ueb, root)
}

/// Leaf `segment` of a tree with this root, read page by page.
fn leaf<'a>(
    cut: Segmentation,
    segment: u64,
    root: Digest,
    read: impl Fn(&lafs::format::merkle::Page) -> &'a [u8],
) -> Digest {
    let shape = segment_tree(cut).unwrap();
    let mut known = (0, vec![root]);
    for page in shape.pages(segment).unwrap() {
        let parent = known.1[index(page.parent() - known.0)];
        known = (page.nodes().start, page.verify(read(&page), &parent).unwrap());
    }
    known.1[index(shape.leaf(segment).unwrap() - known.0)]
}

fn index(number: u64) -> usize {
    usize::try_from(number).unwrap()
}

fn range(range: std::ops::Range<u64>) -> std::ops::Range<usize> {
    index(range.start)..index(range.end)
}
