//! Ground truth of mutable files: what stored SDMF shares are worth, and which versions they make up.
//!
//! Works from the verify capability and the bytes alone; only whether a private key can be opened takes the write key.
//! Shares of the other format (MDMF) are worth nothing here.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use lafs::crypto::Cipher;
use lafs::crypto::rsa::VerifyingKey;
use lafs::erasure::Codec;
use lafs::format::cap::{MutableReadCap, MutableVerifyCap};
use lafs::format::hash::{Digest, block_hash, sha256d};
use lafs::format::merkle::{Shape, empty_leaf};
use lafs::format::mutable::{Fingerprint, VersionId, WriteKey};
use lafs::format::{Encoding, ShareNum};

use super::sdmf::{Parts, SIGNED_BYTES, bytes};
use crate::net::HostId;
use crate::world::World;

/// Bytes of an entry of the share hash chain: the number of a node, and its hash.
const ENTRY_BYTES: usize = 34;

/// What is wrong with a stored share. The first three cost everything it says, the others only its block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Flaw {
    /// It is of another format, or its numbers make no sense.
    Header,
    /// Its public key is not that of the file.
    PublicKey,
    /// Its first bytes are not signed.
    Signature,
    /// Its block hash tree is not that of its block.
    BlockTree,
    /// Its block hash tree does not lead to the signed root.
    Chain,
    /// Its block is not the one that was signed.
    Block,
}

/// What one stored copy of a share is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judgement {
    /// Which version it says it is of.
    pub id: VersionId,
    /// k, as it says.
    pub needed: usize,
    /// N, as it says.
    pub total: usize,
    /// What is wrong with it, first things first; none if nothing is that a reader needs.
    pub flaw: Option<Flaw>,
}

impl Judgement {
    /// Whether a reader can use it.
    pub fn is_good(&self) -> bool {
        self.flaw.is_none()
    }
}

/// Signatures that were verified before in the same run: all shares of a version have the same, and no step makes
/// those of older versions worse.
#[derive(Debug, Default)]
pub struct Signatures(RefCell<BTreeMap<Digest, bool>>);

impl Signatures {
    fn hold(&self, message: &[u8], signature: &[u8], public_key: &[u8]) -> bool {
        let key = sha256d(&[&sha256d(message).0[..], &sha256d(signature).0, &sha256d(public_key).0].concat());
        let verify = || {
            let public_key = VerifyingKey::from_spki(public_key);
            public_key.is_ok_and(|public_key| public_key.verify(message, signature).is_ok())
        };
        *self.0.borrow_mut().entry(key).or_insert_with(verify)
    }
}

/// Judges the stored bytes of `share`. None if they are too few to say anything.
pub fn judge(
    stored: &[u8],
    share: ShareNum,
    cap: &MutableVerifyCap,
    signatures: &Signatures,
) -> Option<Judgement> {
    let parts = Parts::of(stored)?;
    let (needed, total) = (usize::from(parts.needed), usize::from(parts.total));
    let flaw = flaw(stored, &parts, share, cap, signatures);
    Some(Judgement { id: parts.id, needed, total, flaw })
}

fn flaw(
    stored: &[u8],
    parts: &Parts,
    share: ShareNum,
    cap: &MutableVerifyCap,
    signatures: &Signatures,
) -> Option<Flaw> {
    if parts.format != 0 {
        return Some(Flaw::Header);
    }
    let Some(public_key) =
        bytes(stored, &parts.public_key).filter(|key| Fingerprint::of_public_key(key) == cap.fingerprint)
    else {
        return Some(Flaw::PublicKey);
    };
    let signed = bytes(stored, &parts.signature)
        .is_some_and(|signature| signatures.hold(&stored[..SIGNED_BYTES], signature, public_key));
    if !signed {
        return Some(Flaw::Signature);
    }
    let Some(encoding) = encoding(parts).filter(|encoding| usize::from(share.0) < encoding.total()) else {
        return Some(Flaw::Header);
    };
    let found = match parts.data_bytes {
        // Nothing is stored, and one leaf stands for it.
        0 => Some(empty_leaf(0)),
        _ => bytes(stored, &parts.block).map(block_hash),
    };
    let tree = bytes(stored, &parts.block_tree).and_then(|node| Some(Digest(node.try_into().ok()?)));
    let tied = |leaf: Digest| {
        bytes(stored, &parts.chain).is_some_and(|chain| leads_to(chain, encoding, share, leaf, &parts.id))
    };
    match (found, tree) {
        (Some(found), Some(tree)) if found == tree => (!tied(tree)).then_some(Flaw::Chain),
        (_, Some(tree)) if tied(tree) => Some(Flaw::Block),
        (Some(found), _) if tied(found) => Some(Flaw::BlockTree),
        (_, None) => Some(Flaw::BlockTree),
        (_, Some(_)) => Some(Flaw::Chain),
    }
}

/// k and N, if they go together.
fn encoding(parts: &Parts) -> Option<Encoding> {
    Encoding::new(u64::from(parts.needed), u64::from(parts.total)).ok()
}

/// Whether the leaf of `share` and the stored hashes lead to the signed root.
fn leads_to(chain: &[u8], encoding: Encoding, share: ShareNum, leaf: Digest, id: &VersionId) -> bool {
    let mut entries = BTreeMap::new();
    for entry in chain.chunks_exact(ENTRY_BYTES) {
        let (number, hash) = entry.split_at(2);
        let number = u64::from(number[0]) << 8 | u64::from(number[1]);
        entries.extend(hash.try_into().ok().map(|hash| (number, Digest(hash))));
    }
    let Ok(shape) = Shape::new(encoding.total() as u64) else { return false };
    let Ok(siblings) = shape.siblings(u64::from(share.0)) else { return false };
    let siblings: Option<Vec<Digest>> = siblings.map(|node| entries.get(&node).copied()).collect();
    siblings.is_some_and(|siblings| shape.verify(u64::from(share.0), leaf, &siblings, &id.root_hash).is_ok())
}

/// Whether the private key in a stored share is whole.
pub fn has_private_key(stored: &[u8], key: &WriteKey) -> bool {
    let held = Parts::of(stored).and_then(|parts| bytes(stored, &parts.private_key));
    held.is_some_and(|held| {
        let mut opened = held.to_vec();
        Cipher::new(&key.cipher_key(), 0).apply(&mut opened);
        WriteKey::of_private_key(&opened) == *key
    })
}

/// A version of which there are good shares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredVersion {
    /// Which.
    pub id: VersionId,
    /// k.
    pub needed: usize,
    /// N.
    pub total: usize,
    /// Bytes of plaintext.
    pub bytes: u64,
    /// The good shares, and which servers (by name) have a good copy.
    pub shares: BTreeMap<ShareNum, BTreeSet<String>>,
}

impl StoredVersion {
    /// Whether there are enough good shares to read it.
    pub fn is_recoverable(&self) -> bool {
        self.shares.len() >= self.needed
    }
}

/// The versions of a mutable file of which any server has a good share that it can read, oldest first. Shares that
/// differ in anything that is signed are of different versions.
pub fn versions(world: &World, file: &str) -> Vec<StoredVersion> {
    versions_on(world, file, |_| true)
}

/// Like [`versions`], of the servers alone that `counts` says.
pub fn versions_on(world: &World, file: &str, counts: impl Fn(HostId) -> bool) -> Vec<StoredVersion> {
    let mut found: BTreeMap<(VersionId, Vec<u8>), StoredVersion> = BTreeMap::new();
    for Good { server, share, stored, judgement } in good_shares(world, file, counts) {
        let Judgement { id, needed, total, .. } = judgement;
        let bytes = Parts::of(&stored).map_or(0, |parts| parts.data_bytes);
        let version = found.entry((id, stored[..SIGNED_BYTES].to_vec())).or_insert_with(|| StoredVersion {
            id,
            needed,
            total,
            bytes,
            shares: BTreeMap::new(),
        });
        version.shares.entry(share).or_default().insert(server.to_owned());
    }
    found.into_values().collect()
}

/// Whether any good share, of the servers that `counts` says, gives the key without which nothing can be signed.
pub fn is_signable_on(world: &World, file: &str, counts: impl Fn(HostId) -> bool) -> bool {
    let Some(cap) = world.write_cap(file) else { return false };
    good_shares(world, file, counts).iter().any(|good| has_private_key(&good.stored, &cap.key))
}

/// A good share where it is stored.
struct Good<'w> {
    server: &'w str,
    share: ShareNum,
    stored: Bytes,
    judgement: Judgement,
}

/// Good shares that servers can read, of those that `counts` says.
fn good_shares<'w>(world: &'w World, file: &str, counts: impl Fn(HostId) -> bool) -> Vec<Good<'w>> {
    let Some(cap) = world.write_cap(file).map(|cap| cap.read_cap().verify_cap()) else { return Vec::new() };
    let mut found = Vec::new();
    for (host, server, disk) in world.servers().filter(|(host, ..)| counts(*host)) {
        let held = disk.list_mutable().into_iter().filter(|(index, _)| *index == cap.storage_index);
        for (index, share) in held.filter(|(index, share)| !world.is_unreadable(host, *index, *share)) {
            let Some(stored) = disk.get_mutable(index, share).map(|held| held.content) else { continue };
            let judgement = judge(&stored, share, &cap, world.signatures()).filter(Judgement::is_good);
            found.extend(judgement.map(|judgement| Good { server, share, stored, judgement }));
        }
    }
    found
}

/// Of `versions` (oldest first) the one that a reader must get who reaches all of it.
pub fn best(versions: &[StoredVersion]) -> Option<&StoredVersion> {
    versions.iter().rfind(|version| version.is_recoverable())
}

/// What a version says, from any k of its good shares.
pub fn content(world: &World, file: &str, version: &StoredVersion) -> Option<Bytes> {
    let cap = world.write_cap(file)?.read_cap();
    let index = cap.verify_cap().storage_index;
    let stored = version.shares.iter().filter_map(|(share, servers)| {
        let server = servers.first()?;
        let (.., disk) = world.servers().find(|(_, name, _)| *name == server.as_str())?;
        Some((*share, disk.get_mutable(index, *share)?.content))
    });
    decode(&stored.take(version.needed).collect::<Vec<_>>(), &cap)
}

/// The plaintext of k good shares of one version.
fn decode<'s>(shares: &'s [(ShareNum, Bytes)], cap: &MutableReadCap) -> Option<Bytes> {
    let (_, first) = shares.first()?;
    let parts = Parts::of(first)?;
    let encoding = encoding(&parts)?;
    let length = usize::try_from(parts.data_bytes).ok()?;
    if length == 0 {
        return Some(Bytes::new());
    }
    let block =
        |(share, stored): &'s (ShareNum, Bytes)| Some((*share, bytes(stored, &Parts::of(stored)?.block)?));
    let blocks: Vec<(ShareNum, &[u8])> = shares.iter().map(block).collect::<Option<_>>()?;
    let mut plain = vec![0; blocks.first()?.1.len() * encoding.needed()];
    Codec::new(encoding).decode(&blocks, &mut plain).ok()?;
    plain.truncate(length);
    let salt = first.get(41..57)?.try_into().ok()?;
    Cipher::new(&cap.key.data_key(salt), 0).apply(&mut plain);
    Some(plain.into())
}

#[cfg(test)]
mod tests;
