//! Shares in S3: the host that keeps them, what each server keeps there, and the copies on which the world looks at it.
//!
//! The bucket is a simulated S3 and servers are the real ones on the real backend, so nothing here speaks S3. Whatever
//! becomes of an object that is a share is done to the disk of its server as well. No faults.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use futures_util::FutureExt;
use lafs::format::{ShareNum, StorageIndex};
use lafs::net::serve::{ServeLimits, serve};
use lafs::plan::Policy;
use lafs::server::backend::s3::{RetryPolicy, S3Backend, S3Config, container};
use lafs::server::backend::{Backend, MemoryBackend, MutableShare};
use lafs::server::clock::Clock;

use super::door::Door;
use super::front::Annotations;
use super::slots::{self, Held, Kind, Shelf};
use super::wire::{self, Tampering};
use super::{ServerHost, World};
use crate::net::{Dialer, HostId};
use crate::s3::front::BucketFront;
use crate::s3::{Handler, Object, Store};
use crate::schedule::{BUCKET, Link};

/// What the bucket is called in S3's protocol.
const NAME: &str = "grid";
const REGION: &str = "us-east-1";
/// What servers sign with. Nothing is secret here.
const ACCESS_KEY: &str = "squall";
const SECRET_KEY: &str = "squall squall squall";
/// Before the name of whatever S3 keeps with an object for its user.
const METADATA: &str = "x-amz-meta-";
/// Room that no run fills: it is not counted, since that takes requests.
const AMPLE_BYTES: u64 = 1 << 40;

/// What the program of a server keeps its shares in.
pub(super) type InS3 = S3Backend<Dialer>;

/// The host that keeps the shares of all servers.
pub(super) struct Bucket {
    host: HostId,
    store: Store,
    /// The faults at its door.
    pub(super) door: Rc<RefCell<Door>>,
    /// How often its program was started.
    lives: Cell<u64>,
}

impl Bucket {
    /// An empty one on `host`, which goes by `clock`.
    pub(super) fn new(host: HostId, clock: Clock) -> Self {
        let store = Store::new(clock);
        // A new store has no bucket, and room for one.
        let _ = store.create_bucket(NAME);
        Self { host, store, door: Rc::default(), lives: Cell::new(0) }
    }

    /// What the server called `name` keeps here: `disk` becomes a copy of it.
    pub(super) fn shelf(&self, name: &str, disk: MemoryBackend, known: &Rc<RefCell<Annotations>>) -> Shelf {
        let (store, prefix) = (self.store.clone(), prefix(name));
        let objects = Objects { store, prefix, by_hand: Rc::default(), changes: Rc::default() };
        let (copy, known, shelf) = (disk.clone(), Rc::clone(known), objects.clone());
        self.store.on_change(move |_, key, object| {
            let Some((kind, index, share)) = shelf.share_of(key) else { return };
            if object.is_some() {
                known.borrow_mut().lost.remove(&(index, share));
            }
            // Whoever changes shares by hand says what is damaged; what a server writes is not.
            if !shelf.by_hand.get() {
                known.borrow_mut().damage.remove(&(index, share));
            }
            match object.and_then(|object| held(kind, object)) {
                Some(held) => slots::put(&copy, index, share, held),
                None => slots::remove(&copy, kind, index, share),
            }
        });
        Shelf::in_bucket(disk, objects)
    }

    /// Bytes of pieces of shares that are not complete, of the server called `name`.
    fn staged_bytes(&self, name: &str) -> u64 {
        let keys = self.store.list(NAME, &format!("{}staged/", prefix(name)));
        let pieces = keys.iter().filter_map(|key| self.store.get(NAME, key));
        let pieces: u64 = pieces.map(|object| object.content.len() as u64).sum();
        let uploads =
            self.store.uploads(NAME).into_iter().filter(|upload| upload.key.starts_with(&prefix(name)));
        pieces + uploads.map(|upload| upload.bytes).sum::<u64>()
    }
}

/// Below which the objects of a server are.
fn prefix(server: &str) -> String {
    format!("{server}/")
}

/// An object as a share, if it is one.
fn held(kind: Kind, object: &Object) -> Option<Held> {
    if kind == Kind::Immutable {
        return Some(Held { content: object.content.clone(), enabler: None });
    }
    let metadata = object.headers.iter();
    let metadata =
        metadata.filter_map(|(name, text)| Some((name.strip_prefix(METADATA)?.to_owned(), text.clone())));
    let MutableShare { enabler, content } = container::open(&metadata.collect(), &object.content)?;
    Some(Held { content, enabler: Some(enabler) })
}

/// The objects of one server.
#[derive(Clone)]
pub(super) struct Objects {
    store: Store,
    prefix: String,
    /// They are being changed behind the server's back.
    by_hand: Rc<Cell<bool>>,
    /// How often they were.
    changes: Rc<Cell<u128>>,
}

impl Objects {
    fn key(&self, kind: Kind, index: StorageIndex, share: ShareNum) -> String {
        let area = match kind {
            Kind::Immutable => "immutable",
            Kind::Mutable => "mutable",
        };
        format!("{}{area}/{index}/{share}", self.prefix)
    }

    /// The share that a key stands for, if it is one of these.
    fn share_of(&self, key: &str) -> Option<(Kind, StorageIndex, ShareNum)> {
        let mut parts = key.strip_prefix(&self.prefix)?.split('/');
        let kind = match parts.next()? {
            "immutable" => Kind::Immutable,
            "mutable" => Kind::Mutable,
            _ => return None,
        };
        let (index, share) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        parts.next().is_none().then_some((kind, index, ShareNum(share)))
    }

    pub(super) fn put(&self, index: StorageIndex, share: ShareNum, held: Held) {
        let (kind, object) = match held.enabler {
            None => (Kind::Immutable, Object::new(held.content, Default::default())),
            Some(enabler) => {
                let nonce = self.changes.replace(self.changes.get() + 1).to_be_bytes();
                let headers = container::headers(&enabler).into_iter();
                let headers = headers.map(|(name, text)| (name.to_owned(), text)).collect();
                (Kind::Mutable, Object::new(container::seal(&held.content, &nonce), headers))
            }
        };
        // It is a share that was stored before, so it is not too long.
        let _ = self.behind_its_back(|store| store.put(NAME, &self.key(kind, index, share), object));
    }

    pub(super) fn remove(&self, kind: Kind, index: StorageIndex, share: ShareNum) {
        self.behind_its_back(|store| store.remove(NAME, &self.key(kind, index, share)));
    }

    fn behind_its_back<T>(&self, change: impl FnOnce(&Store) -> T) -> T {
        self.store.tell();
        self.by_hand.set(true);
        let done = change(&self.store);
        self.by_hand.set(false);
        done
    }
}

impl World {
    /// Starts the program of the bucket, if there is one, on what it has stored.
    pub(super) fn start_bucket(&self) {
        let Some(bucket) = &self.bucket else { return };
        let Ok(listener) = self.net.listen(bucket.host) else { return };
        let life = bucket.lives.replace(bucket.lives.get() + 1);
        let ids = self.seed.child(BUCKET).child(&format!("life {life}")).rng();
        let handler = Handler::new(bucket.store.clone(), ids);
        let tampers = self.schedule.faults.iter().any(|fault| wire::is_needed_for(&fault.kind));
        let (recorder, door) = (self.recorder.clone(), Rc::clone(&bucket.door));
        let shelves = self.servers.iter();
        let shelves = shelves
            .filter_map(|server| Some((server.shelf.objects()?.clone(), Rc::clone(&server.annotations))));
        let shelves: Vec<_> = shelves.collect();
        let front = BucketFront::new(handler, bucket.host, recorder, door, tampers);
        let front = front.telling_losses(move |key| {
            for (objects, known) in &shelves {
                if let Some((_, index, share)) = objects.share_of(key) {
                    known.borrow_mut().lost.insert((index, share));
                }
            }
        });
        let program = async move {
            if tampers {
                serve(Tampering(listener), &front, &ServeLimits::default()).await;
            } else {
                serve(listener, &front, &ServeLimits::default()).await;
            }
        };
        drop(self.net.spawn(bucket.host, program));
    }

    /// What a new program of `server` keeps its shares in.
    pub(super) fn backend_in(&self, server: &ServerHost) -> Rc<InS3> {
        let params = self.schedule.grid.storage.s3();
        let retry =
            params.and_then(|params| RetryPolicy::named(&params.retry)).unwrap_or_else(RetryPolicy::ours);
        let known = self.schedule.grid.servers.iter().find(|known| known.name == server.name);
        let space = known.map(|known| known.space_bytes);
        let config = S3Config {
            address: BUCKET.to_owned(),
            host: BUCKET.to_owned(),
            bucket: NAME.to_owned(),
            region: REGION.to_owned(),
            prefix: prefix(&server.name),
            access_key: ACCESS_KEY.to_owned(),
            secret_key: SECRET_KEY.to_owned(),
            retry,
            transport: Policy::default().transport,
            capacity_bytes: space.filter(|space| *space < AMPLE_BYTES),
        };
        let life = server.lives.replace(server.lives.get() + 1);
        let rng = self.seed.child(&format!("s3 {}", server.name)).child(&format!("life {life}")).rng();
        let backend = S3Backend::new(self.net.dialer(server.host), config, self.clock(server.host), rng);
        let backend = Rc::new(backend);
        server.in_s3.replace(Rc::downgrade(&backend));
        backend
    }

    /// Bytes that a server reserves for shares that are not complete, or that are left of them in the bucket.
    pub(super) fn staged_by(&self, server: &ServerHost) -> u64 {
        let Some(bucket) = &self.bucket else {
            return server.shelf.disk().staged_bytes().now_or_never().and_then(Result::ok).unwrap_or(0);
        };
        let program = server.in_s3.borrow().upgrade();
        let promised = program.and_then(|program| program.staged_bytes().now_or_never()?.ok());
        promised.unwrap_or(0).max(bucket.staged_bytes(&server.name))
    }

    /// Whether `host` is the bucket.
    pub fn is_bucket(&self, host: HostId) -> bool {
        self.bucket.as_ref().is_some_and(|bucket| bucket.host == host)
    }

    /// The hosts without which `host` can do nothing: itself, and the bucket if it is a server that keeps its shares
    /// there.
    pub fn needs(&self, host: HostId) -> impl Iterator<Item = HostId> + use<> {
        let bucket = self.bucket.as_ref().filter(|_| self.server_on(host).is_some());
        let bucket = bucket.map(|bucket| bucket.host);
        std::iter::once(host).chain(bucket)
    }

    /// The hosts that can do nothing without `host`: itself, and all servers if they keep their shares there.
    pub fn dependents(&self, host: HostId) -> impl Iterator<Item = HostId> {
        let servers = self.servers.iter().filter(move |_| self.is_bucket(host));
        std::iter::once(host).chain(servers.map(|server| server.host))
    }

    /// The link of a host before any fault changed it.
    pub(super) fn own_link(&self, host: HostId) -> Option<Link> {
        let grid = &self.schedule.grid;
        let bucket = || grid.storage.s3().filter(|_| self.is_bucket(host)).map(|params| params.link);
        grid.servers.get(host.index()).map(|server| server.link).or_else(bucket)
    }
}

/// What the program of a server keeps its shares in, as long as it runs.
pub(super) type Running = RefCell<Weak<InS3>>;
