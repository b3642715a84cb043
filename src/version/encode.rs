//! From the plaintext of a new version to all of its shares.
//!
//! The plaintext is copied once, to where the first k shares have their blocks, and encrypted there; the other blocks are
//! made where they belong. Which of the shares go where is not known here.

use bytes::Bytes;
use thiserror::Error;

use super::private_key::encrypt_private_key;
use crate::crypto::Cipher;
use crate::crypto::rsa::{RsaError, SigningKey};
use crate::erasure::{Codec, CodingError};
use crate::format::Encoding;
use crate::format::hash::{Digest, block_hash};
use crate::format::merkle::{Tree, empty_leaf};
use crate::format::mutable::keys::SALT_BYTES;
use crate::format::mutable::{Header, HeaderError, Layout, LayoutError, MutableChain};
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
    /// A share does not fit this machine's memory.
    #[error("a share of {0} bytes does not fit in memory")]
    Memory(u64),
}

/// What a new version is made with, beside the plaintext.
#[derive(Debug, Clone, Copy)]
pub struct NewVersion<'a> {
    /// Signs it, and gives the keys it is encrypted with.
    pub key: &'a SigningKey,
    /// 1 for a new file, else more than that of any version ever seen.
    pub seqnum: u64,
    /// Drawn anew for every version, also for one with the same plaintext: two plaintexts encrypted with the same salt
    /// give each other away.
    pub salt: [u8; SALT_BYTES],
    /// k and N; N at most 255.
    pub encoding: Encoding,
    /// Drawn anew for every version, from a secure source: see [`SigningKey::sign`].
    pub entropy: [u8; 32],
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
    let private_key = encrypt_private_key(key);
    // Where everything lies does not depend on the root hash, which is known last.
    let data_length = plaintext.len() as u64;
    let layout = |root| -> Result<Layout, EncodeError> {
        let header = Header::sdmf(seqnum, root, salt, encoding, data_length)?;
        Ok(Layout::sdmf(header, key.public_der().len() as u64, private_key.len() as u64)?)
    };
    let places = Places::of(&layout(Digest([0; 32]))?)?;

    let mut shares = vec![vec![0; places.end]; encoding.total()];
    let data_key = key.write_key().read_key().data_key(&salt);
    let mut blocks: Vec<&mut [u8]> =
        shares.iter_mut().map(|share| &mut share[places.data..places.private_key]).collect();
    code(&mut blocks, plaintext, &mut Cipher::new(&data_key, 0), encoding)?;

    // A tree over one leaf is that leaf.
    let root_of = |block: &[u8]| if block.is_empty() { empty_leaf(0) } else { block_hash(block) };
    let roots: Vec<Digest> = blocks.iter().map(|block| root_of(block)).collect();
    let tree = Tree::from_leaves(&roots);
    let layout = layout(tree.root())?;
    let header = *layout.header();
    let signature = key.sign(&header.signed_prefix(), entropy)?;
    let front = [&layout.to_bytes(), key.public_der(), &signature].concat();
    for ((number, share), root) in encoding.shares().zip(&mut shares).zip(&roots) {
        let chain = MutableChain::of(&tree, encoding, number)?.to_bytes();
        let parts = [&front[..], &chain[..], &root.0];
        let mut at = 0;
        for part in parts {
            share[at..at + part.len()].copy_from_slice(part);
            at += part.len();
        }
        share[places.private_key..].copy_from_slice(&private_key);
    }
    Ok(Encoded { header, shares: shares.into_iter().map(Bytes::from).collect() })
}

/// Encrypts the plaintext into the first k blocks and makes the others of them. All blocks are zeros before, and of the
/// same length.
fn code(
    blocks: &mut [&mut [u8]],
    plaintext: &[u8],
    cipher: &mut Cipher,
    encoding: Encoding,
) -> Result<(), CodingError> {
    let block_len = blocks.first().map_or(0, |block| block.len());
    let (primary, secondary) = blocks.split_at_mut(encoding.needed());
    // An empty file has no blocks to fill; `chunks` takes no zero.
    for (block, plain) in primary.iter_mut().zip(plaintext.chunks(block_len.max(1))) {
        let crypttext = &mut block[..plain.len()];
        crypttext.copy_from_slice(plain);
        cipher.apply(crypttext);
    }
    let primary: Vec<&[u8]> = primary.iter().map(|block| &**block).collect();
    Codec::new(encoding).encode(&primary, secondary)
}

/// Where in memory the parts of each share are.
struct Places {
    data: usize,
    private_key: usize,
    end: usize,
}

impl Places {
    fn of(layout: &Layout) -> Result<Self, EncodeError> {
        let in_memory = |at: u64| usize::try_from(at).map_err(|_| EncodeError::Memory(at));
        let (data, private_key) = (layout.block_tree()?.end, layout.private_key()?.start);
        Ok(Self {
            data: in_memory(data)?,
            private_key: in_memory(private_key)?,
            end: in_memory(layout.end())?,
        })
    }
}
