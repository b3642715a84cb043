//! The private key of a file, which lies in every share.
//!
//! The client remembers the keys it used last.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::stream::StreamExt;

use super::error::PublishError;
use super::map::{Copy, ServerMap};
use super::slot::{Slot, read, slice};
use crate::crypto::rsa::SigningKey;
use crate::format::ShareNum;
use crate::format::mutable::WriteKey;
use crate::net::Dial;
use crate::version::{PrivateKeyError, open_private_key};

/// The key that signs versions of the file: as the client knows it, or as the first share with a good copy has it.
pub(super) async fn signing_key<D: Dial + Clone>(
    slot: &Slot<'_, D>,
    map: &ServerMap,
    key: &WriteKey,
) -> Result<Arc<SigningKey>, PublishError> {
    if let Some(known) = slot.client.signing_key(slot.index) {
        return Ok(known);
    }
    let mut flaw = None;
    let mut remember = |opened: Result<SigningKey, PrivateKeyError>| match opened {
        Ok(opened) => {
            let opened = Arc::new(opened);
            slot.client.remember_key(slot.index, &opened);
            Some(opened)
        }
        Err(error) => {
            flaw = Some(error);
            None
        }
    };
    let (mut further, mut of_server) = (Vec::new(), BTreeMap::<usize, usize>::new());
    for ((server, share), copy) in &map.copies {
        let Ok(range) = copy.layout.private_key() else { continue };
        match slice(&copy.front, &range) {
            Some(stored) => {
                if let Some(key) = remember(open_private_key(key, stored)) {
                    return Ok(key);
                }
            }
            None => {
                let nth = of_server.entry(*server).or_default();
                further.push((*nth, *server, *share, copy));
                *nth += 1;
            }
        }
    }
    // A few at a time, and every server before any is asked for a second share: one that is silent does not hold up
    // the others for long, however many shares it has.
    further.sort_by_key(|(nth, ..)| *nth);
    let further = further.into_iter().map(|(_, server, share, copy)| fetch(slot, server, share, copy));
    let mut further = futures_util::stream::iter(further).buffer_unordered(AT_A_TIME);
    let look = async {
        while let Some(stored) = further.next().await {
            let Some(stored) = stored else { continue };
            if let Some(key) = remember(open_private_key(key, &stored)) {
                return Some(key);
            }
        }
        None
    };
    let found = tokio::time::timeout_at(slot.end(), look).await;
    found.ok().flatten().ok_or(PublishError::NoPrivateKey(flaw))
}

/// Servers asked for the key at a time.
const AT_A_TIME: usize = 3;

async fn fetch<D: Dial + Clone>(
    slot: &Slot<'_, D>,
    server: usize,
    share: ShareNum,
    copy: &Copy,
) -> Option<bytes::Bytes> {
    let range = copy.layout.private_key().ok()?;
    // One that says nothing is passed over as soon as an answer is overdue.
    let patience = slot.client.policy().overdue.first;
    tokio::time::timeout(patience, read(slot, server, share, range, Some(patience))).await.ok()?.ok()
}
