//! Shares as objects in a bucket.
//!
//! Below a prefix: `immutable/<index>/<share>` and `mutable/<index>/<share>` are shares, one object each; `leases/<index>` the
//! leases of an index; `staged/...` pieces of long shares that are not complete; `reports/...` corruption reports; `conditions`
//! shows whether the service keeps conditions. What it costs: listing shares one request, reading one another; a test
//! and write of a share that is there three, two of them for the test; a new share one, and one for its leases.
//!
//! One server writes below a prefix. Conditional requests make several safe for mutable shares and leases, but each
//! sweeps away what it takes for leftovers.
//!
//! What is locked while the service is asked is one index (some have a lock in common) or one staged share, and every
//! request to the service ends in time.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures_util::lock::{Mutex as AsyncMutex, MutexGuard as AsyncMutexGuard};
use rand_core::Rng;

use self::calls::Calls;
use self::keys::Keys;
use self::notes::Notes;
use self::room::Room;
use self::staging::Staging;
use super::{Backend, BackendError, Change, CorruptionReport, Lease, MutableHead};
use crate::format::{ShareNum, StorageIndex};
use crate::net::Dial;
use crate::net::http::TransportPolicy;
use crate::net::s3::{Endpoint, S3Client};
use crate::server::clock::Clock;

mod calls;
pub mod container;
mod immutable;
mod keys;
mod leases;
mod mutable;
mod notes;
mod objects;
mod publish;
pub mod retry;
mod room;
mod staging;
mod sweep;

pub use calls::Tally;
pub use leases::LEASE_SLACK_SECONDS;
pub use retry::RetryPolicy;
pub use staging::{MEMORY_BYTES_MAX, PIECE_BYTES, PIECES_HELD_MAX};

/// More indexes than this are never changed at the same moment.
const LOCKS: usize = 64;
/// How many bytes of every mutable share come along with its head.
const OPENING_BYTES: u64 = 4096;
/// The longest piece of an immutable share that is read at a time, in bytes.
const READ_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Where the bucket is and how it is used.
#[derive(Clone)]
pub struct S3Config {
    /// What [`Dial`] understands: `host:port` on TCP.
    pub address: String,
    /// The name the service goes by in HTTP, with a port unless it is 80.
    pub host: String,
    /// The bucket, which must exist. It is named in the path of requests.
    pub bucket: String,
    /// The region that signatures name.
    pub region: String,
    /// Put before every key, slash included: letters, digits, `-`, `_`, `.` and slashes. Empty for the whole bucket.
    pub prefix: String,
    /// Names who asks.
    pub access_key: String,
    /// Proves it.
    pub secret_key: String,
    /// What is tried again, and when.
    pub retry: RetryPolicy,
    /// Limits of single connections.
    pub transport: TransportPolicy,
    /// How many bytes shares may take together; without it there is no bound.
    pub capacity_bytes: Option<u64>,
}

// Neither key has any business in logs.
impl fmt::Debug for S3Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Config")
            .field("address", &self.address)
            .field("host", &self.host)
            .field("bucket", &self.bucket)
            .field("region", &self.region)
            .field("prefix", &self.prefix)
            .field("retry", &self.retry)
            .field("transport", &self.transport)
            .field("capacity_bytes", &self.capacity_bytes)
            .finish_non_exhaustive()
    }
}

/// A [`Backend`] on a bucket.
pub struct S3Backend<D: Dial> {
    client: S3Client<D>,
    calls: Calls,
    keys: Keys,
    staging: Staging,
    room: Room,
    notes: Mutex<Notes>,
    /// Whether the service keeps conditions, once that is known.
    conditions: Mutex<Option<bool>>,
    /// Whoever changes mutable shares of an index holds the first, its leases the second.
    slots: [AsyncMutex<()>; LOCKS],
    lease_locks: [AsyncMutex<()>; LOCKS],
    sweep: sweep::Due,
}

impl<D: Dial> fmt::Debug for S3Backend<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Backend").field("client", &self.client).finish_non_exhaustive()
    }
}

impl<D: Dial> S3Backend<D> {
    /// On the bucket of `config`. Nothing is sent before the first call; a configuration of which no request can be made
    /// shows in each of them. `clock` dates signatures; `rng` is for waits between attempts and for nonces, and need
    /// not be secret.
    pub fn new(dial: D, config: S3Config, clock: Clock, rng: impl Rng + 'static) -> Self {
        let endpoint = Endpoint {
            address: config.address,
            host: config.host,
            bucket: config.bucket,
            region: config.region,
            access_key: config.access_key,
            secret_key: config.secret_key,
        };
        let calls = Calls::new(config.retry, clock, rng);
        Self {
            client: S3Client::new(dial, &endpoint, config.transport),
            keys: Keys::new(config.prefix),
            calls,
            staging: Staging::default(),
            room: Room::new(config.capacity_bytes),
            notes: Mutex::new(Notes::default()),
            conditions: Mutex::new(None),
            slots: std::array::from_fn(|_| AsyncMutex::new(())),
            lease_locks: std::array::from_fn(|_| AsyncMutex::new(())),
            sweep: sweep::Due::default(),
        }
    }

    /// What requests have cost since the start.
    pub fn tally(&self) -> Tally {
        self.calls.tally()
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn lock_of(locks: &[AsyncMutex<()>; LOCKS], index: StorageIndex) -> AsyncMutexGuard<'_, ()> {
    locks[usize::from(index.0[0]) % LOCKS].lock().await
}

/// The length of something in memory.
fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

impl<D: Dial> Backend for S3Backend<D> {
    async fn shares(&self, index: StorageIndex) -> Result<BTreeSet<ShareNum>, BackendError> {
        self.list_immutable(index).await
    }

    async fn share_len(&self, index: StorageIndex, share: ShareNum) -> Result<Option<u64>, BackendError> {
        let head = self.head(&self.keys.immutable(index, share)).await?;
        Ok(head.map(|head| head.length))
    }

    async fn read(
        &self,
        index: StorageIndex,
        share: ShareNum,
        range: Range<u64>,
    ) -> Result<Option<Bytes>, BackendError> {
        self.read_immutable(index, share, range).await
    }

    fn read_bytes_max(&self) -> u64 {
        READ_BYTES_MAX
    }

    fn share_bytes_max(&self) -> u64 {
        staging::SHARE_BYTES_MAX
    }

    async fn create(&self, index: StorageIndex, share: ShareNum, size: u64) -> Result<(), BackendError> {
        self.stage(index, share, size).await
    }

    async fn write(
        &self,
        index: StorageIndex,
        share: ShareNum,
        offset: u64,
        data: Bytes,
    ) -> Result<(), BackendError> {
        self.write_staged(index, share, offset, data).await
    }

    async fn read_staged(
        &self,
        index: StorageIndex,
        share: ShareNum,
        range: Range<u64>,
    ) -> Result<Bytes, BackendError> {
        self.read_back(index, share, range).await
    }

    async fn publish(&self, index: StorageIndex, share: ShareNum) -> Result<(), BackendError> {
        self.publish_staged(index, share).await
    }

    async fn discard(&self, index: StorageIndex, share: ShareNum) -> Result<(), BackendError> {
        self.discard_staged(index, share).await;
        Ok(())
    }

    async fn discard_incomplete(&self) -> Result<(), BackendError> {
        self.staging.clear();
        self.sweep.make_due();
        self.sweep_if_due().await;
        Ok(())
    }

    async fn add_or_renew_lease(&self, index: StorageIndex, lease: Lease) -> Result<(), BackendError> {
        let is_new = self.notes().shares(index).is_some_and(BTreeSet::is_empty);
        self.add_lease(index, lease, is_new).await
    }

    async fn leases(&self, index: StorageIndex) -> Result<Vec<Lease>, BackendError> {
        self.all_leases(index).await
    }

    async fn record_corruption(&self, report: CorruptionReport) -> Result<(), BackendError> {
        self.report(report).await
    }

    async fn free_space(&self) -> Result<u64, BackendError> {
        self.free().await
    }

    async fn staged_bytes(&self) -> Result<u64, BackendError> {
        Ok(self.staging.promised())
    }

    async fn mutable_shares(&self, index: StorageIndex) -> Result<BTreeSet<ShareNum>, BackendError> {
        self.list_mutable(index).await
    }

    async fn mutable_slot(
        &self,
        index: StorageIndex,
    ) -> Result<BTreeMap<ShareNum, MutableHead>, BackendError> {
        self.slot(index).await
    }

    async fn mutable_read(
        &self,
        index: StorageIndex,
        share: ShareNum,
        range: Range<u64>,
    ) -> Result<Option<Bytes>, BackendError> {
        self.read_mutable(index, share, range).await
    }

    async fn mutable_store(
        &self,
        index: StorageIndex,
        changes: BTreeMap<ShareNum, Change>,
        lease: Option<Lease>,
    ) -> Result<(), BackendError> {
        self.store(index, changes, lease).await
    }
}
