//! The world of one run: real servers and real clients on virtual hosts, their disks, and the files.
//!
//! Builds and changes hosts; `storm` carries out faults on them, `shelf` changes what they store. What happens is recorded elsewhere, and nothing
//! here judges.

mod bucket;
pub mod content;
pub mod control;
mod disk;
pub mod door;
mod files;
pub mod front;
mod notes;
mod programs;
mod rate;
mod setup;
pub mod shelf;
mod slots;
pub(crate) mod spoil;
mod storm;
pub(crate) mod told;
mod trees;
mod waiting;
pub mod wire;

use std::cell::{Cell, LazyCell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use lafs::client::Client;
use lafs::client::grid::Secrets;
use lafs::format::ServerId;
use lafs::format::cap::{Cap, WriteCap};
use lafs::format::mutable::VersionId;
use lafs::net::ServerInfo;
use lafs::plan::Policy;
use lafs::server::backend::MemoryBackend;

use crate::engine;
use crate::fault::Book;
use crate::ledger::Ledger;
use crate::model::History;
use crate::net::{Dialer, Fabric, HostId, Limits};
use crate::oracle::truth::mutable::Signatures;
use crate::record::{ClientObserver, Recorder};
use crate::schedule::{BUCKET, FaultKind, Link, Schedule, Server, Substitute, Target};
use crate::seed::Seed;
use crate::trace::{Keep, Names, Trace};
use crate::workload::Database;
use bucket::{Bucket, Running};
use control::Control;
use front::Annotations;
pub use notes::MUTABLE_FILES_MAX;
pub use setup::{Omniscient, Setup};
use shelf::Backup;
pub use slots::Kind;
use slots::Shelf;
pub use trees::Snapshot;

/// The link between two hosts that have none of their own: nothing but the server's link counts.
const WIRE: Link = Link { latency_min: Duration::ZERO, latency_max: Duration::ZERO, bandwidth: None };
/// Wall time at the start of every run, in Unix seconds.
const EPOCH_SECONDS: u64 = 1_900_000_000;
/// Bytes of a server's swissnum.
const SWISSNUM: &[u8] = b"squallsquallsquallsquallsquall22";

/// Everything that exists in one run.
pub struct World {
    schedule: Schedule,
    setup: Setup,
    /// Servers are spared from now on: what makes them slow or changes their bytes still comes.
    pub(super) spared: Cell<bool>,
    seed: Seed,
    net: Fabric,
    recorder: Recorder,
    names: Names,
    servers: Vec<ServerHost>,
    /// Where the shares of all servers are, if they are kept in S3.
    bucket: Option<Bucket>,
    clients: RefCell<BTreeMap<String, ClientHost>>,
    files: BTreeMap<String, FileState>,
    /// By step.
    controls: RefCell<BTreeMap<usize, Rc<Control>>>,
    /// What was on the disks when a step (from 1) began, by server.
    backups: RefCell<BTreeMap<u64, Vec<Backup>>>,
    signatures: Signatures,
    /// What became of the backups of each tree.
    archives: RefCell<BTreeMap<String, trees::Archive>>,
    /// What clients keep of their backups, by client and tree.
    databases: RefCell<BTreeMap<(String, String), Database>>,
    /// The version that each step wrote or read.
    versions: RefCell<BTreeMap<usize, VersionId>>,
    /// What was wrong about what each step read or was told.
    violations: RefCell<BTreeMap<usize, Vec<String>>>,
}

struct ServerHost {
    host: HostId,
    name: String,
    /// How often its program was started in S3.
    lives: Cell<u64>,
    in_s3: Running,
    shelf: Shelf,
    annotations: Rc<RefCell<Annotations>>,
}

struct ClientHost {
    host: HostId,
    lives: u64,
    client: Rc<LateClient>,
}

/// A client that comes to be when a program of its host first uses it: it keeps time by the clock of that host.
pub type LateClient = LazyCell<Client<Dialer>, Box<dyn FnOnce() -> Client<Dialer>>>;

struct FileState {
    content: Bytes,
    random_key: bool,
    /// The capability of the last acknowledged upload.
    cap: RefCell<Option<Cap>>,
    /// Of a mutable file that was written.
    write_cap: RefCell<Option<WriteCap>>,
    /// What was done to a mutable file.
    history: RefCell<History>,
}

fn new_disk(server: &Server) -> MemoryBackend {
    let disk = MemoryBackend::new(server.space_bytes);
    disk.set_share_bytes_max(server.share_bytes_max.unwrap_or(u64::MAX));
    disk
}

impl World {
    /// Builds all hosts of `schedule` on the event engine and starts their programs. Call it inside a runtime with
    /// paused time.
    pub fn new(schedule: &Schedule, keep: Keep) -> Rc<Self> {
        Self::with(schedule, keep, Setup::default())
    }

    /// Like [`World::new`] for a run that is not ordinary, or on another engine. With turmoil no runtime is needed.
    pub fn with(schedule: &Schedule, keep: Keep, setup: Setup) -> Rc<Self> {
        let engine = setup.engine;
        let seed = Seed::root(schedule.seed);
        let servers = schedule.grid.servers.iter().map(|server| server.name.clone());
        let mut hosts: Vec<String> = servers.chain(schedule.grid.clients.iter().cloned()).collect();
        hosts.extend(schedule.grid.storage.s3().map(|_| BUCKET.to_owned()));
        let book = Book::new(&schedule.faults, &hosts, schedule.grid.servers.len(), &seed);
        let clock = Fabric::clock(engine, engine::tick(schedule));
        let recorder = Recorder::new(Trace::new(keep), book, Ledger::default(), clock.clone());
        let observer = recorder.clone();
        let net = Fabric::new(
            &clock,
            &seed.child("net"),
            WIRE,
            Limits::USUAL,
            Rc::new(move |event| observer.note_net(event)),
        );
        let ids: Vec<HostId> = hosts.iter().map(|name| net.add_host(name)).collect();
        let names = Names { hosts, faults: schedule.faults.iter().map(|fault| fault.name.clone()).collect() };
        let looks_back =
            |kind: &FaultKind| matches!(kind, FaultKind::Replace { by: Substitute::Version(_), .. });
        let keeps_history = schedule.faults.iter().any(|fault| looks_back(&fault.kind));
        let bucket = schedule.grid.storage.s3().zip(net.host(BUCKET)).map(|(params, host)| {
            net.set_link(host, Some(params.link));
            Bucket::new(host, programs::clock(&recorder, host))
        });
        let servers = schedule.grid.servers.iter().zip(&ids).map(|(server, &host)| {
            net.set_link(host, Some(server.link));
            let annotations = Annotations { keeps_history, ..Annotations::default() };
            let annotations = Rc::new(RefCell::new(annotations));
            let (disk, name) = (new_disk(server), server.name.clone());
            let shelf = match &bucket {
                Some(bucket) => bucket.shelf(&name, disk, &annotations),
                None => Shelf::new(disk),
            };
            ServerHost { host, name, shelf, annotations, lives: Cell::new(0), in_s3: Running::default() }
        });
        let files = schedule.files.iter().map(|file| {
            let content = if file.directory { Bytes::new() } else { content::of(file, &seed) };
            let state = FileState {
                content,
                random_key: file.random_key,
                cap: RefCell::default(),
                write_cap: RefCell::default(),
                history: RefCell::default(),
            };
            (file.name.clone(), state)
        });
        let world = Rc::new(Self {
            servers: servers.collect(),
            bucket,
            files: files.collect(),
            backups: RefCell::default(),
            signatures: Signatures::default(),
            archives: RefCell::default(),
            databases: RefCell::default(),
            versions: RefCell::default(),
            violations: RefCell::default(),
            clients: RefCell::default(),
            controls: RefCell::default(),
            schedule: schedule.clone(),
            setup,
            spared: Cell::new(false),
            seed,
            net,
            recorder,
            names,
        });
        world.start_bucket();
        for server in &world.servers {
            world.start_server(server);
        }
        for (name, &host) in world.schedule.grid.clients.iter().zip(&ids[world.servers.len()..]) {
            let client = world.new_client(name, host, 0, |_| true);
            world.clients.borrow_mut().insert(name.clone(), ClientHost { host, lives: 0, client });
        }
        world
    }

    fn new_client(
        &self,
        name: &str,
        host: HostId,
        life: u64,
        knows: impl Fn(&str) -> bool,
    ) -> Rc<LateClient> {
        let seed = self.seed.child(&format!("client {name}"));
        let servers = self.servers.iter().filter(|server| knows(&server.name));
        let infos = servers.map(|server| ServerInfo {
            id: ServerId::new(&server.name),
            address: server.name.clone(),
            swissnum: SWISSNUM.to_vec(),
            permutation_seed: self.seed.child(&format!("server {}", server.name)).bytes().to_vec(),
            lease_seed: [0; 20],
        });
        let mut policy = Policy::default();
        policy.upload.segment_bytes_max = self.schedule.grid.segment_bytes_max;
        if !self.schedule.grid.client_retries {
            policy = policy.without_retries();
        }
        let secrets = Secrets {
            lease: seed.child("lease").bytes(),
            convergence: seed.child("convergence").bytes().to_vec(),
        };
        let rng = Box::new(seed.child(&format!("life {life}")).rng());
        // Each step watches its own operation.
        let observer = Arc::new(lafs::client::event::Ignore);
        let (dialer, infos) = (self.net.dialer(host), infos.collect());
        let make = move || Client::new(&dialer, infos, policy, secrets, rng, observer);
        Rc::new(LazyCell::new(Box::new(make)))
    }

    /// The plan of this run.
    pub fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    /// The network.
    pub fn net(&self) -> &Fabric {
        &self.net
    }

    /// The records.
    pub fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// The names that records refer to by number.
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// The number of the host called `name`.
    pub fn host(&self, name: &str) -> Option<HostId> {
        self.net.host(name)
    }

    /// The client called `name` (the first one if there is none of that name), as `step` uses it: what its
    /// operations tell is recorded for that step.
    pub fn client(&self, name: &str, step: usize) -> LateClient {
        let clients = self.clients.borrow();
        let entry = clients.get(name).or_else(|| clients.values().next());
        let entry = entry.expect("a scenario has at least one client");
        let client = Rc::clone(&entry.client);
        let observer = Arc::new(ClientObserver::new(self.recorder.clone(), entry.host, step));
        LazyCell::new(Box::new(move || client.watched_by(observer)))
    }

    /// What faults do to a step as a whole.
    pub fn control(&self, step: usize) -> Rc<Control> {
        Rc::clone(self.controls.borrow_mut().entry(step).or_default())
    }

    /// Runs a program on the host of a client. None if the host is down or died before it ended.
    pub async fn on_client<T: 'static>(
        &self,
        name: &str,
        program: impl Future<Output = T> + 'static,
    ) -> Option<T> {
        let host = self.host(name)?;
        let result = if self.is_down(host) { None } else { self.net.spawn(host, program).await };
        if result.is_none() {
            let killer = self.recorder.records().book.killer(host);
            killer.into_iter().for_each(|fault| self.recorder.bite(fault, 1, 0));
        }
        result
    }

    /// Replaces a client by one that remembers nothing.
    pub fn forget_client(&self, name: &str) {
        self.replace_client(name, |_| true);
    }

    fn replace_client(&self, name: &str, knows: impl Fn(&str) -> bool) {
        let Some((host, life)) = self.clients.borrow().get(name).map(|entry| (entry.host, entry.lives + 1))
        else {
            return;
        };
        let client = self.new_client(name, host, life, knows);
        self.recorder.records().ledger.forget(host);
        self.clients.borrow_mut().insert(name.to_owned(), ClientHost { host, lives: life, client });
    }

    /// Drops all clients and with them their idle connections.
    pub fn drop_clients(&self) -> Vec<HostId> {
        std::mem::take(&mut *self.clients.borrow_mut()).into_values().map(|entry| entry.host).collect()
    }

    /// Servers as (host, name, disk), in the order of the file.
    pub fn servers(&self) -> impl Iterator<Item = (HostId, &str, &MemoryBackend)> {
        self.servers.iter().map(|server| (server.host, server.name.as_str(), server.shelf.disk()))
    }

    /// Bytes that servers which are well reserve for shares that are not complete.
    pub fn allocated_bytes(&self) -> u64 {
        let well = |server: &ServerHost| {
            let book = &self.recorder.records().book;
            self.needs(server.host).all(|host| book.names_on(host).is_empty())
        };
        self.staged().filter(|(server, _)| well(server)).map(|(_, bytes)| bytes).sum()
    }

    /// Bytes each server, by name, reserves for shares that are not complete; without those that reserve none.
    pub fn staged_bytes(&self) -> BTreeMap<String, u64> {
        self.staged().map(|(server, bytes)| (server.name.clone(), bytes)).collect()
    }

    /// Servers that reserve bytes for shares that are not complete, and how many.
    fn staged(&self) -> impl Iterator<Item = (&ServerHost, u64)> {
        let servers = self.servers.iter().map(|server| (server, self.staged_by(server)));
        servers.filter(|(_, bytes)| *bytes > 0)
    }

    /// The server on a host; none if a client is there.
    fn server_on(&self, host: HostId) -> Option<&ServerHost> {
        self.servers.iter().find(|server| server.host == host)
    }

    fn select_servers(&self, target: &Target) -> Vec<&ServerHost> {
        let hosts = self.select(target);
        self.servers.iter().filter(|server| hosts.contains(&server.host)).collect()
    }
}
