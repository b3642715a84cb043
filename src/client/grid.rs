//! What one client keeps between its operations: the servers, their health, its secrets.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand_core::Rng;
use tokio::time::Instant;

use crate::client::event::{Event, Observe};
use crate::client::known::Known;
use crate::client::remains::Remains;
use crate::crypto::rsa::SigningKey;
use crate::format::mutable::VersionId;
use crate::format::{ServerId, StorageIndex};
use crate::net::client::StorageClient;
use crate::net::{Dial, ServerInfo};
use crate::plan::health::Health;
use crate::plan::{Moment, Policy, permute};

/// What a client must keep to itself.
#[derive(Clone)]
pub struct Secrets {
    /// Lease secrets are derived from this (storage-http, "Lease secrets").
    pub lease: [u8; 32],
    /// Added to what convergent keys are derived from; may be empty.
    pub convergence: Vec<u8>,
}

/// A client of one grid. Operations borrow it; any number may run at once.
///
/// Copies share everything but the observer: servers, connections, and what was learned about them.
pub struct Client<D: Dial> {
    shared: Arc<Shared<D>>,
    observer: Arc<dyn Observe>,
}

struct Shared<D: Dial> {
    servers: Vec<Arc<StorageClient<D>>>,
    policy: Policy,
    secrets: Secrets,
    health: Mutex<Health>,
    /// The longest share each server takes, in bytes, and when it said so.
    rooms: Mutex<BTreeMap<ServerId, (u64, Moment)>>,
    /// What uploads left on servers.
    remains: Mutex<Remains>,
    /// What is known of mutable files.
    known: Mutex<Known>,
    rng: Mutex<Box<dyn Rng + Send>>,
    origin: Instant,
}

impl<D: Dial> Clone for Client<D> {
    fn clone(&self) -> Self {
        self.watched_by(Arc::clone(&self.observer))
    }
}

impl<D: Dial + Clone> Client<D> {
    /// A client of `servers`, all reached through `dial`. `rng` is its only source of randomness:
    /// hand in a cryptographically secure one wherever keys or secrets matter.
    pub fn new(
        dial: &D,
        servers: Vec<ServerInfo>,
        policy: Policy,
        secrets: Secrets,
        rng: Box<dyn Rng + Send>,
        observer: Arc<dyn Observe>,
    ) -> Self {
        let health = Mutex::new(Health::new(policy.overdue.clone()));
        let servers = servers
            .into_iter()
            .map(|info| Arc::new(StorageClient::new(dial.clone(), info, policy.transport.clone())))
            .collect();
        let shared = Shared {
            servers,
            policy,
            secrets,
            health,
            rooms: Mutex::new(BTreeMap::new()),
            remains: Mutex::default(),
            known: Mutex::default(),
            rng: Mutex::new(rng),
            origin: Instant::now(),
        };
        Self { shared: Arc::new(shared), observer }
    }
}

impl<D: Dial> Client<D> {
    /// The same client, whose operations tell `observer` what they do: to tell apart those that run at once,
    /// or to hear of one alone. Costs next to nothing.
    pub fn watched_by(&self, observer: Arc<dyn Observe>) -> Self {
        Self { shared: Arc::clone(&self.shared), observer }
    }

    /// The timeouts and budgets in force.
    pub fn policy(&self) -> &Policy {
        &self.shared.policy
    }

    /// The secrets given at the start.
    pub fn secrets(&self) -> &Secrets {
        &self.shared.secrets
    }

    /// The servers in the order in which they are asked for `index`.
    pub fn permuted(&self, index: StorageIndex) -> Vec<Arc<StorageClient<D>>> {
        permute::order(index, &self.shared.servers, |server| &server.info().permutation_seed)
            .into_iter()
            .cloned()
            .collect()
    }

    /// Now, on this client's own scale.
    pub fn now(&self) -> Moment {
        Moment(self.shared.origin.elapsed())
    }

    /// A moment of this client on tokio's scale; one too far away for it is as late as there is a time for.
    pub fn instant(&self, moment: Moment) -> Instant {
        const YEARS_30: Duration = Duration::from_secs(30 * 365 * 24 * 3600);
        self.shared.origin.checked_add(moment.0).unwrap_or_else(|| self.shared.origin + YEARS_30)
    }

    /// What is known about the servers. Held only for the length of a statement.
    pub fn health(&self) -> MutexGuard<'_, Health> {
        self.shared.health.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The longest share `server` takes, in bytes, if it said so not long ago.
    pub(crate) fn room(&self, server: &ServerId) -> Option<u64> {
        let rooms = self.shared.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        let (room, since) = rooms.get(server)?;
        (self.now().since(*since) < self.shared.policy.upload.room_age_max).then_some(*room)
    }

    /// `server` says that it takes shares of at most `room` bytes.
    pub(crate) fn note_room(&self, server: &ServerId, room: u64) {
        let mut rooms = self.shared.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        rooms.insert(server.clone(), (room, self.now()));
    }

    /// What uploads left on servers. Held only for the length of a statement.
    pub(crate) fn remains(&self) -> MutexGuard<'_, Remains> {
        self.shared.remains.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The newest version of a mutable file that this client wrote or read, if it remembers.
    pub(crate) fn newest(&self, index: StorageIndex) -> Option<VersionId> {
        self.known().newest(index)
    }

    /// A version of a mutable file was written or read.
    pub(crate) fn note_version(&self, index: StorageIndex, version: VersionId) {
        self.known().note_version(index, version);
    }

    /// What signs a mutable file, if it was used lately.
    pub(crate) fn signing_key(&self, index: StorageIndex) -> Option<Arc<SigningKey>> {
        self.known().key(index)
    }

    /// What signs a mutable file, for the next time.
    pub(crate) fn remember_key(&self, index: StorageIndex, key: &Arc<SigningKey>) {
        self.known().remember_key(index, key);
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.shared.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `N` random bytes.
    pub fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.shared.rng.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(&mut bytes);
        bytes
    }

    /// Tells the observer.
    pub(crate) fn tell(&self, event: Event) {
        self.observer.on_event(&event);
    }
}
