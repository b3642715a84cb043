//! The version message and leases: what concerns a storage index as a whole.

use http::request::Parts;
use http::{Response, StatusCode};

use super::access::Secrets;
use super::backend::{Backend, Lease};
use super::reply::{self, Refusal};
use super::{LEASE_SECONDS, MUTABLE_SHARE_BYTES_MAX, StorageServer};
use crate::format::StorageIndex;
use crate::net::message::Version;
use crate::net::serve::ResponseBody;

impl<B: Backend> StorageServer<B> {
    pub(super) async fn version(&self, head: &Parts) -> Result<Response<ResponseBody>, Refusal> {
        reply::accepts_cbor(&head.headers)?;
        let space = self.backend.free_space().await?;
        let version = Version {
            maximum_immutable_share_size: space.min(self.backend.share_bytes_max()),
            maximum_mutable_share_size: MUTABLE_SHARE_BYTES_MAX.min(self.backend.share_bytes_max()),
            available_space: space,
            application_version: concat!("lafs/", env!("CARGO_PKG_VERSION")).into(),
        };
        Ok(reply::cbor(StatusCode::OK, version.encode()))
    }

    pub(super) async fn renew(
        &self,
        index: StorageIndex,
        secrets: &Secrets,
    ) -> Result<Response<ResponseBody>, Refusal> {
        let held = !self.backend.shares(index).await?.is_empty()
            || !self.backend.mutable_shares(index).await?.is_empty();
        if !held {
            return Err(Refusal::new(StatusCode::NOT_FOUND));
        }
        self.backend.add_or_renew_lease(index, self.new_lease(secrets)).await?;
        Ok(reply::empty(StatusCode::NO_CONTENT))
    }

    /// The lease that these secrets get now.
    pub(super) fn new_lease(&self, secrets: &Secrets) -> Lease {
        let secrets = secrets.lease();
        let expires = (self.clock)().plus(LEASE_SECONDS);
        Lease { renew: secrets.renew, cancel: secrets.cancel, expires }
    }
}
