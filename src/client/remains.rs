//! Incomplete shares that ended uploads left on servers, and the secrets with which they can be aborted.
//!
//! An upload whose future is dropped cannot tell servers to forget what it began, nor can any upload tell a server
//! that is silent. The next upload of the same file does, so that its own shares find room. Held in memory only
//! and bounded; what is not remembered is discarded by its server after a while. Sends nothing itself.

use std::collections::VecDeque;

use crate::format::{ServerId, ShareNum, StorageIndex};
use crate::net::message::UploadSecret;

/// Shares remembered at a time; the oldest are forgotten first.
const REMAINS_MAX: usize = 4096;

/// One share that may be staged on a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Remain {
    pub(crate) server: ServerId,
    pub(crate) index: StorageIndex,
    pub(crate) share: ShareNum,
    /// Of the upload that began it.
    pub(crate) secret: UploadSecret,
}

/// All that is remembered.
#[derive(Debug, Default)]
pub(crate) struct Remains(VecDeque<Remain>);

impl Remains {
    pub(crate) fn note(&mut self, remain: Remain) {
        if self.0.len() >= REMAINS_MAX {
            self.0.pop_front();
        }
        self.0.push_back(remain);
    }

    /// What may be staged on `server` of the file with `index`.
    pub(crate) fn of(&self, server: &ServerId, index: StorageIndex) -> Vec<Remain> {
        let here = self.0.iter().filter(|remain| remain.index == index && remain.server == *server);
        here.cloned().collect()
    }

    /// It is not staged any more.
    pub(crate) fn forget(&mut self, gone: &Remain) {
        self.0.retain(|remain| remain != gone);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_are_forgotten_when_there_are_too_many() {
        let mut remains = Remains::default();
        let server = ServerId::new("s0");
        let remain = |n: usize| {
            let mut secret = UploadSecret([0; 20]);
            secret.0[..8].copy_from_slice(&n.to_le_bytes());
            Remain { server: server.clone(), index: StorageIndex([1; 16]), share: ShareNum(0), secret }
        };
        (0..=REMAINS_MAX).for_each(|n| remains.note(remain(n)));
        let kept = remains.of(&server, StorageIndex([1; 16]));
        assert_eq!((kept.len(), &kept[0]), (REMAINS_MAX, &remain(1)));
        remains.forget(&remain(1));
        assert_eq!(remains.of(&server, StorageIndex([1; 16]))[0], remain(2));
        assert_eq!(remains.of(&server, StorageIndex([2; 16])), []);
    }
}
