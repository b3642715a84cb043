//! A storage client on a [`Wire`], and something to ask it for.

use lafs::format::{ServerId, ShareNum, StorageIndex};
use lafs::net::ServerInfo;
use lafs::net::client::StorageClient;
use lafs::net::message::{LeaseSecrets, UploadSecret};
use lafs::plan::Policy;
use lafs::plan::policy::TransportPolicy;

use crate::in_memory::{SWISSNUM, Wire};

pub(crate) const INDEX: StorageIndex = StorageIndex([7; 16]);
pub(crate) const SHARE: ShareNum = ShareNum(3);
pub(crate) const SECRET: UploadSecret = UploadSecret([9; 20]);
pub(crate) const LEASES: LeaseSecrets = LeaseSecrets { renew: [1; 32], cancel: [2; 32] };

pub(crate) fn info() -> ServerInfo {
    ServerInfo {
        id: ServerId::new("test"),
        address: "storage.test:1".to_owned(),
        swissnum: SWISSNUM.to_vec(),
        permutation_seed: Vec::new(),
        lease_seed: [0; 20],
    }
}

pub(crate) fn transport() -> TransportPolicy {
    Policy::default().transport
}

pub(crate) fn client(wire: &Wire) -> StorageClient<Wire> {
    StorageClient::new(wire.clone(), info(), transport())
}
