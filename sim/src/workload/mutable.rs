//! The steps on mutable files. What is read is held against the history of the file at once; so is what is
//! acknowledged.

use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use lafs::client::directory::{ChangeDirectoryError, CreateDirectoryError, ListError, Listing};
use lafs::client::mutable::{ModifyError, PublishError, PublishOptions, Published, RetrieveError};
use lafs::format::cap::DirCap;
use lafs::format::directory::{Change, Child, Replace, UnixTime};

use super::{Ending, ReadBack, Wrote, operate};
use crate::model::{Kind, Read, Ticket, Who};
use crate::oracle::availability::{Span, in_reach};
use crate::oracle::truth::mutable::versions_on;
use crate::schedule::{ErrorKind, MutableAct, Outcome, Step};
use crate::world::World;
use lafs::format::mutable::VersionId;

/// What entries of directories point to: an empty file.
const CHILD: &str = "URI:LIT:";

/// Does it, again and again until it fails or was done often enough.
pub(super) async fn perform(
    world: &Rc<World>,
    number: usize,
    step: &Step,
    file: &str,
    act: MutableAct,
    times: u32,
) -> Ending {
    let (mut collisions, mut restarts) = (0, 0);
    let mut degraded = None;
    let mut last = Ending::Done;
    for repetition in 0..times {
        let turn = Turn { world, number, step, file, repetition, times };
        last = match act {
            MutableAct::Create => turn.create().await,
            MutableAct::Write { size, based_on } => turn.write(size, based_on).await,
            MutableAct::Append => turn.append().await,
            MutableAct::Read => turn.read().await,
            MutableAct::Link => turn.link().await,
            MutableAct::List => turn.list().await,
        };
        match &mut last {
            Ending::Wrote(wrote) => {
                collisions += wrote.collisions;
                wrote.collisions = collisions;
                // The first one that was.
                degraded = degraded.or(wrote.degraded.take());
                wrote.degraded.clone_from(&degraded);
            }
            Ending::Read(read) => {
                restarts += read.restarts;
                read.restarts = restarts;
            }
            // Where either will do, one that fails does not end it.
            Ending::Failed { .. } if step.outcome == Outcome::Either => {}
            _ => break,
        }
    }
    last
}

/// One repetition of a step.
struct Turn<'a> {
    world: &'a Rc<World>,
    number: usize,
    step: &'a Step,
    file: &'a str,
    repetition: u32,
    times: u32,
}

impl Turn<'_> {
    async fn create(&self) -> Ending {
        let Some(key) = self.world.signing_key(self.file) else { return failed("there is no key for it") };
        let content = self.world.content(self.file);
        // It can be found from now on, whatever becomes of this.
        let write_key = key.write_key();
        let fingerprint = key.fingerprint();
        let format = lafs::format::cap::MutableFormat::Sdmf;
        self.world
            .note_write_cap(self.file, lafs::format::cap::WriteCap { format, key: write_key, fingerprint });
        let (began, ticket) = self.begin(Kind::Whole(content.clone()));
        let (client, options) = (self.world.client(&self.step.by, self.number), self.options(None));
        let is_directory = self.world.is_directory(self.file);
        let operation = async move {
            if !is_directory {
                return client.create_mutable(&key, &content, &options).await;
            }
            match client.create_directory(&key, &[], &options).await {
                Ok((_, published)) => Ok(published),
                Err(CreateDirectoryError::Publish(error)) => Err(error),
                // Nothing is in it that could not be packed.
                Err(CreateDirectoryError::Pack(_)) => Err(PublishError::Mdmf),
            }
        };
        match operate(self.world, self.number, &self.step.by, operation).await {
            Ok(Ok(published)) => self.wrote(began, ticket, Some(published)),
            Ok(Err(error)) => self.not_written(ticket, &error),
            Err(unfinished) => {
                self.give_up(ticket);
                unfinished.ending(None)
            }
        }
    }

    async fn write(&self, size: Option<u64>, based_on: Option<usize>) -> Ending {
        let Some(cap) = self.world.write_cap(self.file) else { return failed("it was never created") };
        let based_on = match based_on.map(|step| self.world.version_of_step(step)) {
            Some(None) => return failed("the step it is based on wrote and read no version"),
            Some(version) => version,
            None => None,
        };
        let size = size.unwrap_or(self.world.content(self.file).len() as u64);
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let content = self.world.new_content(self.file, size, self.number, self.repetition);
        let (began, ticket) = self.begin(Kind::Whole(content.clone()));
        let (client, options) = (self.world.client(&self.step.by, self.number), self.options(based_on));
        let operation = async move { client.overwrite(&cap, &content, &options).await };
        match operate(self.world, self.number, &self.step.by, operation).await {
            Ok(Ok(published)) => self.wrote(began, ticket, Some(published)),
            Ok(Err(error)) => self.not_written(ticket, &error),
            Err(unfinished) => {
                self.give_up(ticket);
                unfinished.ending(None)
            }
        }
    }

    async fn append(&self) -> Ending {
        let Some(cap) = self.world.write_cap(self.file) else { return failed("it was never created") };
        let Self { number, repetition, times, .. } = self;
        let line = format!("step {} by {}, {} of {times}\n", number + 1, self.step.by, repetition + 1);
        let line = Bytes::from(line);
        let (began, ticket) = self.begin(Kind::Line(line.clone()));
        let (client, options) = (self.world.client(&self.step.by, self.number), self.options(None));
        let operation = async move {
            let change = |old: &Bytes| {
                let there = old.windows(line.len()).any(|bytes| bytes == line);
                Ok::<_, std::convert::Infallible>((!there).then(|| [&old[..], &line[..]].concat().into()))
            };
            client.modify(&cap, change, &options).await
        };
        match operate(self.world, self.number, &self.step.by, operation).await {
            Ok(Ok(published)) => self.wrote(began, ticket, published),
            Ok(Err(error)) => {
                self.give_up(ticket);
                match error {
                    ModifyError::Publish(error) => not_written(&error),
                    ModifyError::Retrieve(error) => not_read(&error),
                    ModifyError::Change(never) => match never {},
                }
            }
            Err(unfinished) => {
                self.give_up(ticket);
                unfinished.ending(None)
            }
        }
    }

    /// The name of an entry, and the line that stands for it in the history.
    fn entry(&self) -> (String, Bytes) {
        let Self { number, repetition, times, .. } = self;
        let name = format!("step {} by {}, {} of {times}", number + 1, self.step.by, repetition + 1);
        (name.clone(), Bytes::from(name + "\n"))
    }

    async fn link(&self) -> Ending {
        let Some(cap) = self.world.write_cap(self.file) else { return failed("it was never created") };
        let (name, line) = self.entry();
        let (began, ticket) = self.begin(Kind::Line(line));
        let (client, options) = (self.world.client(&self.step.by, self.number), self.options(None));
        let Ok(child) = Child::immutable(CHILD) else { return failed("its child is none") };
        // Different for different writers.
        let at = UnixTime(self.world.unix_seconds() + self.number as f64 / 1024.0);
        let change = Change::Link { name, child, metadata: None, replace: Replace::Never, at };
        let directory = DirCap::from(cap);
        let operation = async move { client.change_directory(&directory, &[change], &options).await };
        match operate(self.world, self.number, &self.step.by, operation).await {
            Ok(Ok(changed)) => self.wrote(began, ticket, changed.published),
            Ok(Err(error)) => {
                self.give_up(ticket);
                match error {
                    ChangeDirectoryError::Publish(error) => not_written(&error),
                    ChangeDirectoryError::Retrieve(error) => not_read(&error),
                    other => failed(&other.to_string()),
                }
            }
            Err(unfinished) => {
                self.give_up(ticket);
                unfinished.ending(None)
            }
        }
    }

    async fn list(&self) -> Ending {
        let Some(cap) = self.world.write_cap(self.file) else { return failed("it was never created") };
        let client = self.world.client(&self.step.by, self.number);
        let began = self.world.recorder().now();
        let directory = DirCap::from(cap.read_cap());
        let operation = async move { client.list_directory(&directory).await };
        match operate(self.world, self.number, &self.step.by, operation).await {
            Ok(Ok(Listing { directory, version: Some(version), .. })) => {
                let names = directory.entries().flat_map(|entry| [entry.name(), "\n"]);
                let content = Bytes::from(names.collect::<String>());
                self.took(began, version, content, 0)
            }
            Ok(Ok(Listing { version: None, .. })) => failed("it has no versions"),
            Ok(Err(ListError::Retrieve(error))) => not_read(&error),
            Ok(Err(error)) => failed(&error.to_string()),
            Err(unfinished) => unfinished.ending(None),
        }
    }

    async fn read(&self) -> Ending {
        let Some(cap) = self.world.write_cap(self.file) else { return failed("it was never created") };
        let client = self.world.client(&self.step.by, self.number);
        let began = self.world.recorder().now();
        let operation = async move {
            let mut content = Vec::new();
            let read = client.read_mutable(&cap.read_cap(), &mut content).await;
            read.map(|read| (read, Bytes::from(content)))
        };
        match operate(self.world, self.number, &self.step.by, operation).await {
            Ok(Ok((retrieved, content))) => {
                self.took(began, retrieved.version, content, retrieved.restarts as u64)
            }
            Ok(Err(error)) => not_read(&error),
            Err(unfinished) => unfinished.ending(None),
        }
    }

    /// Holds what was read against the history.
    fn took(&self, began: Duration, version: VersionId, content: Bytes, restarts: u64) -> Ending {
        let ended = self.world.recorder().now();
        let bytes = content.len() as u64;
        let read = Read { who: self.who(), began, ended, version, content };
        let excused = self.excused(began);
        let violations = self.world.history(self.file).map(|mut history| history.read(read, excused));
        self.world.note_violations(self.number, violations.unwrap_or_default());
        self.world.note_version(self.number, version);
        Ending::Read(ReadBack { version, bytes, restarts })
    }

    fn options(&self, based_on: Option<VersionId>) -> PublishOptions {
        let grid = &self.world.schedule().grid;
        PublishOptions { encoding: grid.encoding, happy: self.step.happy.unwrap_or(grid.happy), based_on }
    }

    fn who(&self) -> Who {
        let Self { number, repetition, .. } = self;
        let what = match self.times {
            1 => format!("step {}", number + 1),
            times => format!("step {}, {} of {times}", number + 1, repetition + 1),
        };
        Who { client: self.step.by.clone(), what }
    }

    fn begin(&self, kind: Kind) -> (Duration, Option<Ticket>) {
        let now = self.world.recorder().now();
        let history = self.world.history(self.file);
        (now, history.map(|mut history| history.begin(self.who(), now, kind)))
    }

    fn give_up(&self, ticket: Option<Ticket>) {
        if let Some((mut history, ticket)) = self.world.history(self.file).zip(ticket) {
            history.failed(ticket);
        }
    }

    fn not_written(&self, ticket: Option<Ticket>, error: &PublishError) -> Ending {
        self.give_up(ticket);
        not_written(error)
    }

    fn wrote(&self, began: Duration, ticket: Option<Ticket>, published: Option<Published>) -> Ending {
        let now = self.world.recorder().now();
        let version = published.as_ref().map(|published| published.version);
        let excused = self.excused(began);
        if let Some((mut history, ticket)) = self.world.history(self.file).zip(ticket) {
            let violations = history.acknowledged(ticket, now, version, excused);
            drop(history);
            self.world.note_violations(self.number, violations);
        }
        if let Some(version) = version {
            self.world.note_version(self.number, version);
        }
        Ending::Wrote(published.map_or_else(Wrote::default, Wrote::of))
    }

    /// Whether neither a version nor a newer one could be read, from a moment on until now.
    fn excused(&self, began: Duration) -> impl Fn(VersionId) -> bool {
        let (world, step, file) = (Rc::clone(self.world), self.step.clone(), self.file.to_owned());
        let span = Span { began, ended: world.recorder().now() };
        let versions = std::cell::OnceCell::new();
        move |version| {
            let versions = versions.get_or_init(|| match in_reach(&world, &step, span) {
                Some(well) => versions_on(&world, &file, well),
                None => Vec::new(),
            });
            !versions.iter().any(|stored| stored.id >= version && stored.is_recoverable())
        }
    }
}

fn failed(text: &str) -> Ending {
    Ending::Failed { kind: None, text: text.to_owned(), wrong_at: None }
}

fn not_read(error: &RetrieveError) -> Ending {
    Ending::Failed { kind: kind_of(error), text: error.to_string(), wrong_at: None }
}

fn not_written(error: &PublishError) -> Ending {
    let kind = match error {
        PublishError::Uncoordinated { .. } => Some(ErrorKind::Uncoordinated),
        PublishError::NotEnoughServers { .. } => Some(ErrorKind::NotEnoughServers),
        PublishError::Unreadable(error) => kind_of(error),
        _ => None,
    };
    Ending::Failed { kind, text: error.to_string(), wrong_at: None }
}

pub(super) fn kind_of(error: &RetrieveError) -> Option<ErrorKind> {
    match error {
        RetrieveError::NoShares(_) => Some(ErrorKind::NoShares),
        RetrieveError::NotEnoughShares(_) => Some(ErrorKind::NotEnoughShares),
        RetrieveError::Unreachable(_) => Some(ErrorKind::Unreachable),
        RetrieveError::Changing(_) => Some(ErrorKind::Changing),
        _ => None,
    }
}
