//! From the plaintext of a new version to all of its shares.
//!
//! The plaintext is copied once, to where the first k shares have their blocks, and encrypted there; the other blocks are
//! made where they belong. Which of the shares go where is not known here.

use std::ops::Range;

use bytes::Bytes;
use thiserror::Error;

use super::private_key::encrypt_private_key;
use crate::crypto::Cipher;
use crate::crypto::rsa::{RsaError, SIGNATURE_BYTES, SigningKey};
use crate::erasure::{Codec, CodingError};
use crate::format::Encoding;
use crate::format::hash::{Digest, block_hash};
use crate::format::merkle::Tree;
use crate::format::mutable::keys::SALT_BYTES;
use crate::format::mutable::{Header, HeaderError, Layout, LayoutError, MutableChain, ReadKey};
use crate::format::share::chain::ChainError;

/// No shares can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum EncodeError {
    /// Too long, or too many shares.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The parts have no place.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// The blocks cannot be coded.
    #[error(transparent)]
    Coding(#[from] CodingError),
    /// The shares cannot be tied together.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The header cannot be signed.
    #[error(transparent)]
    Sign(#[from] RsaError),
    /// Not one salt for each segment.
    #[error("{found} salts for {expected} segments")]
    Salts {
        /// How many segments there are.
        expected: u64,
        /// How many salts were given.
        found: u64,
    },
    /// A share does not fit this machine's memory.
    #[error("a share of {0} bytes does not fit in memory")]
    Memory(u64),
    /// The plaintext is not the one whose shares were signed, or was encoded in another way.
    #[error("the shares made anew do not have the signed root hash")]
    Root,
}

/// What a new version is made with, beside the plaintext. `S` is one salt for SDMF, a slice of them for MDMF.
#[derive(Debug, Clone, Copy)]
pub struct NewVersion<'a, S = [u8; SALT_BYTES]> {
    /// Signs it, and gives the keys it is encrypted with.
    pub key: &'a SigningKey,
    /// 1 for a new file, else more than that of any version ever seen.
    pub seqnum: u64,
    /// Drawn anew for every version (in MDMF also for every segment), even for one with the same plaintext: two
    /// plaintexts encrypted with the same salt give each other away.
    pub salt: S,
    /// k and N; N at most 255.
    pub encoding: Encoding,
    /// Drawn anew for every version, from a secure source: see [`SigningKey::sign`].
    pub entropy: [u8; 32],
}

/// A version that exists: what its shares have in common, beside the keys.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'a> {
    /// Signs the file, but not this time; gives the keys it is encrypted with.
    pub key: &'a SigningKey,
    /// As it was signed.
    pub header: &'a Header,
    /// Of that header. It is not verified here.
    pub signature: &'a [u8; SIGNATURE_BYTES],
    /// Those it was encrypted with, one for each segment.
    pub salts: &'a [[u8; SALT_BYTES]],
}

/// A version about to be published.
#[derive(Debug, Clone)]
pub struct Encoded {
    /// What all shares say at their start.
    pub header: Header,
    /// All N shares whole, by share number.
    pub shares: Vec<Bytes>,
}

/// Makes the N shares of an SDMF version. Takes about N/k times the plaintext in memory.
pub fn encode_sdmf(new: &NewVersion<'_>, plaintext: &[u8]) -> Result<Encoded, EncodeError> {
    let NewVersion { key, seqnum, salt, encoding, entropy } = *new;
    let header = |root| Header::sdmf(seqnum, root, salt, encoding, plaintext.len() as u64);
    encode(key, entropy, &[salt], plaintext, header)
}

/// Makes the N shares of an MDMF version, with one salt for each segment ([`Header::segments`]). Takes about N/k times
/// the plaintext in memory.
pub fn encode_mdmf(
    new: &NewVersion<'_, &[[u8; SALT_BYTES]]>,
    plaintext: &[u8],
) -> Result<Encoded, EncodeError> {
    let NewVersion { key, seqnum, salt: salts, encoding, entropy } = *new;
    let header = |root| Header::mdmf(seqnum, root, encoding, plaintext.len() as u64);
    let (expected, found) = (header(Digest([0; 32]))?.segments(), salts.len() as u64);
    if found != expected {
        return Err(EncodeError::Salts { expected, found });
    }
    encode(key, entropy, salts, plaintext, header)
}

/// Makes the N shares of a version that exists anew, equal to those that were published, byte for byte. Takes about N/k
/// times the plaintext in memory.
pub fn encode_again(signed: &Signed<'_>, plaintext: &[u8]) -> Result<Encoded, EncodeError> {
    let Signed { key, header, signature, salts } = *signed;
    let (expected, found) = (header.segments(), salts.len() as u64);
    // The one salt of an empty file encrypts nothing.
    if found != expected && !(header.salt().is_some() && found == 1) {
        return Err(EncodeError::Salts { expected, found });
    }
    let same = |root: Digest| match root == header.root_hash() {
        true => Ok(*signature),
        false => Err(EncodeError::Root),
    };
    assemble(key, salts, plaintext, |_| Ok(*header), |_, root| same(root))
}

fn encode(
    key: &SigningKey,
    entropy: [u8; 32],
    salts: &[[u8; SALT_BYTES]],
    plaintext: &[u8],
    header: impl Fn(Digest) -> Result<Header, HeaderError>,
) -> Result<Encoded, EncodeError> {
    let sign = |header: &Header, _| Ok(key.sign(&header.signed_prefix(), entropy)?);
    assemble(key, salts, plaintext, header, sign)
}

/// Makes the shares; `sign` gives the signature of a header, knowing the root hash that came out.
fn assemble(
    key: &SigningKey,
    salts: &[[u8; SALT_BYTES]],
    plaintext: &[u8],
    header: impl Fn(Digest) -> Result<Header, HeaderError>,
    sign: impl FnOnce(&Header, Digest) -> Result<[u8; SIGNATURE_BYTES], EncodeError>,
) -> Result<Encoded, EncodeError> {
    let private_key = encrypt_private_key(key);
    let layout = |root| -> Result<Layout, EncodeError> {
        Ok(Layout::new(header(root)?, key.public_der().len() as u64, private_key.len() as u64)?)
    };
    // Where everything lies does not depend on the root hash, which is known last.
    let places = layout(Digest([0; 32]))?;
    let encoding = places.header().encoding();
    let len = in_memory(places.end())?;
    let mut shares: Vec<Vec<u8>> = encoding.shares().map(|_| vec![0; len]).collect();
    let trees = fill_in_blocks(&mut shares, &places, &key.write_key().read_key(), salts, plaintext)?;

    let roots: Vec<Digest> = trees.iter().map(Tree::root).collect();
    let over_all = Tree::from_leaves(&roots);
    let layout = layout(over_all.root())?;
    let header = *layout.header();
    let signature = sign(&header, over_all.root())?;
    let front = layout.to_bytes();
    for ((number, share), tree) in encoding.shares().zip(&mut shares).zip(&trees) {
        let chain = MutableChain::of(&over_all, encoding, number)?.to_bytes();
        let parts: [(Range<u64>, &[u8]); 6] = [
            (0..front.len() as u64, &front),
            (layout.public_key()?, key.public_der()),
            (layout.signature()?, &signature),
            (layout.chain()?, &chain),
            (layout.block_tree()?, &tree.to_bytes()),
            (layout.private_key()?, &private_key),
        ];
        for (range, part) in parts {
            share[in_memory(range.start)?..in_memory(range.end)?].copy_from_slice(part);
        }
    }
    Ok(Encoded { header, shares: shares.into_iter().map(Bytes::from).collect() })
}

/// Puts the blocks of all segments where they belong in `shares`, which are zeros before, and gives the block hash tree
/// of each share.
fn fill_in_blocks(
    shares: &mut [Vec<u8>],
    places: &Layout,
    key: &ReadKey,
    salts: &[[u8; SALT_BYTES]],
    plaintext: &[u8],
) -> Result<Vec<Tree>, EncodeError> {
    let header = places.header();
    let codec = Codec::new(header.encoding());
    let salt_len = in_memory(header.block_salt_bytes())?;
    let mut leaves = vec![Vec::new(); shares.len()];
    let mut rest = plaintext;
    for (segment, salt) in (0..header.segments()).zip(salts) {
        let block = places.block(segment)?;
        let block = in_memory(block.start)?..in_memory(block.end)?;
        let plain = rest.split_off(..in_memory(header.segment_len(segment))?).unwrap_or_default();
        let mut blocks = Vec::with_capacity(shares.len());
        for share in &mut *shares {
            let (in_front, block) = share[block.clone()].split_at_mut(salt_len);
            in_front.copy_from_slice(&salt[..salt_len]);
            blocks.push(block);
        }
        code(&codec, &mut blocks, plain, &mut Cipher::new(&key.data_key(salt), 0))?;
        for (share, leaves) in shares.iter().zip(&mut leaves) {
            leaves.push(block_hash(&share[block.clone()]));
        }
    }
    Ok(leaves.iter().map(|leaves| Tree::from_leaves(leaves)).collect())
}

/// Encrypts the plaintext of a segment into the first k blocks and makes the others of them. All blocks are zeros
/// before, and of the same length, k of which have room for the plaintext.
fn code(
    codec: &Codec,
    blocks: &mut [&mut [u8]],
    plain: &[u8],
    cipher: &mut Cipher,
) -> Result<(), CodingError> {
    let block_len = blocks.first().map_or(0, |block| block.len());
    let (primary, secondary) = blocks.split_at_mut(codec.encoding().needed());
    // No segment is empty, so no block is; `chunks` would not take a zero.
    for (block, plain) in primary.iter_mut().zip(plain.chunks(block_len.max(1))) {
        let crypttext = &mut block[..plain.len()];
        crypttext.copy_from_slice(plain);
        cipher.apply(crypttext);
    }
    let primary: Vec<&[u8]> = primary.iter().map(|block| &**block).collect();
    codec.encode(&primary, secondary)
}

/// A place that has to be in this machine's memory.
fn in_memory(at: u64) -> Result<usize, EncodeError> {
    usize::try_from(at).map_err(|_| EncodeError::Memory(at))
}
