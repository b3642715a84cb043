//! The hash of everything: SHA-256 applied twice, with a tag in front that says what is hashed.
//!
//! One function for each use in immutable files, so that no tag is spelled twice. Hash trees are in
//! `merkle`, lease secrets in `secret`, the convergent key in `crypto`.

use std::fmt;

use sha2::{Digest as _, Sha256};

use super::StorageIndex;

/// 32 bytes of hash. Ordered by bytes, shown in lower-case hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// Bytes of one hash.
    pub const BYTES: usize = 32;

    /// The first 16 bytes, which is how Tahoe makes keys and storage indexes of a hash.
    pub fn half(self) -> [u8; 16] {
        std::array::from_fn(|i| self.0[i])
    }

    /// Reads consecutive hashes; a rest shorter than 32 bytes is ignored.
    pub fn read_all(bytes: &[u8]) -> impl ExactSizeIterator<Item = Self> + '_ {
        let (hashes, _) = bytes.as_chunks::<{ Self::BYTES }>();
        hashes.iter().copied().map(Self)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

/// `data` preceded by its length in decimal and a colon, followed by a comma.
pub fn netstring(data: &[u8]) -> Vec<u8> {
    let mut out = data.len().to_string().into_bytes();
    out.reserve_exact(data.len() + 2);
    out.push(b':');
    out.extend_from_slice(data);
    out.push(b',');
    out
}

/// SHA-256 of the SHA-256 of `data`.
pub fn sha256d(data: &[u8]) -> Digest {
    Digest(Sha256::digest(Sha256::digest(data)).into())
}

/// [`sha256d`] over a tag, as a netstring, and the data as it is, in as many pieces as the caller likes.
#[derive(Clone, Debug)]
pub struct TaggedHasher(Sha256);

impl TaggedHasher {
    /// Nothing but the tag hashed so far.
    pub fn new(tag: &[u8]) -> Self {
        Self(Sha256::new_with_prefix(netstring(tag)))
    }

    /// Appends to the data.
    pub fn update(&mut self, data: &[u8]) -> &mut Self {
        self.0.update(data);
        self
    }

    /// The hash of everything appended.
    pub fn finish(self) -> Digest {
        Digest(Sha256::digest(self.0.finalize()).into())
    }
}

/// The hash of `data` under `tag`.
pub fn tagged(tag: &[u8], data: &[u8]) -> Digest {
    let mut hasher = TaggedHasher::new(tag);
    hasher.update(data);
    hasher.finish()
}

/// The hash of two values under `tag`, each made unambiguous by its length.
pub fn tagged_pair(tag: &[u8], a: &[u8], b: &[u8]) -> Digest {
    let mut hasher = TaggedHasher::new(tag);
    hasher.update(&netstring(a)).update(&netstring(b));
    hasher.finish()
}

/// Where the shares encrypted with `key` are filed.
pub fn storage_index_of(key: &[u8; 16]) -> StorageIndex {
    StorageIndex(tagged(b"allmydata_immutable_key_to_storage_index_v1", key).half())
}

/// Hashes one segment of ciphertext, without the padding that erasure coding adds: a leaf of the
/// crypttext hash tree.
pub fn crypttext_segment_hasher() -> TaggedHasher {
    TaggedHasher::new(b"allmydata_crypttext_segment_v1")
}

/// Hashes the whole ciphertext, without padding.
pub fn crypttext_hasher() -> TaggedHasher {
    TaggedHasher::new(b"allmydata_crypttext_v1")
}

/// Hashes one block of one share, padding included: a leaf of that share's block hash tree.
pub fn block_hasher() -> TaggedHasher {
    TaggedHasher::new(b"allmydata_encoded_subshare_v1")
}

/// The hash of one whole segment of ciphertext, see [`crypttext_segment_hasher`].
pub fn crypttext_segment_hash(segment: &[u8]) -> Digest {
    let mut hasher = crypttext_segment_hasher();
    hasher.update(segment);
    hasher.finish()
}

/// The hash of one whole block, see [`block_hasher`].
pub fn block_hash(block: &[u8]) -> Digest {
    let mut hasher = block_hasher();
    hasher.update(block);
    hasher.finish()
}

/// The hash of a URI extension block: what a capability vouches for.
pub fn uri_extension_hash(block: &[u8]) -> Digest {
    tagged(b"allmydata_uri_extension_v1", block)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_netstring_has_its_length_in_front() {
        assert_eq!(netstring(b"abc"), b"3:abc,");
        assert_eq!(netstring(b""), b"0:,");
    }

    #[test]
    fn a_tagged_hash_does_not_depend_on_the_pieces() {
        assert_eq!(
            tagged(b"x", b"y").to_string(),
            "a97f88df6100ef1e6332f84218a81a29fa1d91332b46c2fb4be3b209aa20e9bf"
        );
        let mut pieces = TaggedHasher::new(b"x");
        pieces.update(b"").update(b"y");
        assert_eq!(pieces.finish(), tagged(b"x", b"y"));
    }

    #[test]
    fn a_pair_is_not_a_concatenation() {
        assert_ne!(tagged_pair(b"t", b"ab", b"c"), tagged_pair(b"t", b"a", b"bc"));
    }

    #[test]
    fn a_key_has_one_storage_index() {
        let key = std::array::from_fn(|i| u8::try_from(i).unwrap());
        assert_eq!(storage_index_of(&key).to_string(), "hdis5iaveku6lnlaiccydyid7q");
    }
}
