//! The steps on mutable files. What is read is held against the history of the file at once; so is what is
//! acknowledged.

use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use lafs::client::directory::{ChangeDirectoryError, CreateDirectoryError, ListError, Listing};
use lafs::client::mutable::{ModifyError, PublishError, PublishOptions, Published, RetrieveError};
use lafs::format::cap::DirCap;
use lafs::format::directory::{Change, Child, Replace, UnixTime};

use super::copy::Copy;
use super::{Ending, Phase, ReadBack, Tally, Wrote, operate};
use crate::model::{Census, Kind, Read, Ticket, Who};
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
    tally: &mut Tally,
) -> Ending {
    let (mut collisions, mut restarts) = (0, 0);
    let mut degraded = None;
    let mut last = Ending::Done;
    let mut copy = Copy::of(world.content(file));
    for repetition in 0..times {
        let turn = Turn { world, number, step, file, repetition, times };
        last = tally.count(world, number, turn.act(act, &mut copy)).await;
        if let MutableAct::Append { whole, read_back: true } = act {
            tally.read_back.take(turn.read_back(whole.then_some(&copy)).await);
        }
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
    async fn act(&self, act: MutableAct, copy: &mut Copy) -> Ending {
        match act {
            MutableAct::Create => self.create().await,
            MutableAct::Write { size, based_on } => self.write(size, based_on).await,
            MutableAct::Append { whole: true, .. } => {
                copy.add(&self.entry().1);
                let ending = self.overwrite(copy.content.clone(), None).await;
                copy.note(&ending);
                ending
            }
            MutableAct::Append { whole: false, .. } => self.append().await,
            MutableAct::Read => self.read().await,
            MutableAct::Link => self.link().await,
            MutableAct::List => self.list().await,
        }
    }

    /// What is in the file after a change, of `copy` if that is what was written; nothing if it could not be read, or
    /// is nothing that was ever written.
    async fn read_back(&self, copy: Option<&Copy>) -> Option<Census> {
        let Ending::Read(read) = self.read().await else { return None };
        let known = self.world.history(self.file).and_then(|history| history.census());
        copy.map_or(known, |copy| known.map(|_| copy.census(read.bytes)))
    }

    async fn create(&self) -> Ending {
        let Some(key) = self.world.signing_key(self.file) else {
            return Ending::failed(Phase::Reading, "there is no key for it");
        };
        let content = self.world.content(self.file);
        // It can be found from now on, whatever becomes of this.
        let write_key = key.write_key();
        let fingerprint = key.fingerprint();
        let format = lafs::format::cap::MutableFormat::Sdmf;
        self.world
            .note_write_cap(self.file, lafs::format::cap::WriteCap { format, key: write_key, fingerprint });
        let kind = Kind::Whole(content.clone());
        let (client, options) = (self.world.client(&self.step.by, self.number), self.options(None));
        let is_directory = self.world.is_directory(self.file);
        self.change(kind, async move {
            let created = match is_directory {
                false => client.create_mutable(&key, &content, &options).await,
                true => match client.create_directory(&key, &[], &options).await {
                    Ok((_, published)) => Ok(published),
                    Err(CreateDirectoryError::Publish(error)) => Err(error),
                    // Nothing is in it that could not be packed.
                    Err(CreateDirectoryError::Pack(_)) => Err(PublishError::Mdmf),
                },
            };
            created.map(Some).map_err(|error| not_written(&error))
        })
        .await
    }

    async fn write(&self, size: Option<u64>, based_on: Option<usize>) -> Ending {
        let based_on = match based_on.map(|step| self.world.version_of_step(step)) {
            Some(None) => {
                let text = "the step it is based on wrote and read no version";
                return Ending::failed(Phase::Reading, text);
            }
            Some(version) => version,
            None => None,
        };
        let size = size.unwrap_or(self.world.content(self.file).len() as u64);
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let content = self.world.new_content(self.file, size, self.number, self.repetition);
        self.overwrite(content, based_on).await
    }

    async fn overwrite(&self, content: Bytes, based_on: Option<VersionId>) -> Ending {
        let Some(cap) = self.world.write_cap(self.file) else { return never_created() };
        let (client, options) = (self.world.client(&self.step.by, self.number), self.options(based_on));
        self.change(Kind::Whole(content.clone()), async move {
            let written = client.overwrite(&cap, &content, &options).await;
            written.map(Some).map_err(|error| not_written(&error))
        })
        .await
    }

    async fn append(&self) -> Ending {
        let Some(cap) = self.world.write_cap(self.file) else { return never_created() };
        let (_, line) = self.entry();
        let (client, options) = (self.world.client(&self.step.by, self.number), self.options(None));
        self.change(Kind::Line(line.clone()), async move {
            let change = |old: &Bytes| {
                let appended = || [&old[..], &line[..]].concat().into();
                Ok::<_, std::convert::Infallible>((!has_line(old, &line)).then(appended))
            };
            client.modify(&cap, change, &options).await.map_err(|error| match error {
                ModifyError::Publish(error) => not_written(&error),
                ModifyError::Retrieve(error) => not_read(&error),
                ModifyError::Change(never) => match never {},
            })
        })
        .await
    }

    /// The name of an entry, and the line that stands for it in the history.
    fn entry(&self) -> (String, Bytes) {
        let Self { number, repetition, times, .. } = self;
        let name = format!("step {} by {}, {} of {times}", number + 1, self.step.by, repetition + 1);
        let line = Bytes::from(format!("{name}\n"));
        (name, line)
    }

    async fn link(&self) -> Ending {
        let Some(cap) = self.world.write_cap(self.file) else { return never_created() };
        let (name, line) = self.entry();
        let (client, options) = (self.world.client(&self.step.by, self.number), self.options(None));
        let Ok(child) = Child::immutable(CHILD) else {
            return Ending::failed(Phase::Reading, "its child is none");
        };
        // Different for different writers.
        let at = UnixTime(self.world.unix_seconds() + self.number as f64 / 1024.0);
        let change = Change::Link { name, child, metadata: None, replace: Replace::Never, at };
        let directory = DirCap::from(cap);
        self.change(Kind::Line(line), async move {
            let changed = client.change_directory(&directory, &[change], &options).await;
            changed.map(|changed| changed.published).map_err(|error| match error {
                ChangeDirectoryError::Publish(error) => not_written(&error),
                ChangeDirectoryError::Retrieve(error) => not_read(&error),
                other => Ending::error(Phase::Reading, None, &other),
            })
        })
        .await
    }

    /// Makes a change that the history knows of from its beginning to its end. The error of `operation` is how it ended.
    async fn change(
        &self,
        kind: Kind,
        operation: impl Future<Output = Result<Option<Published>, Ending>> + 'static,
    ) -> Ending {
        let began = self.world.recorder().now();
        let ticket = self.world.history(self.file).map(|mut history| history.begin(self.who(), began, kind));
        let failed = match operate(self.world, self.number, &self.step.by, operation).await {
            Ok(Ok(published)) => return self.wrote(began, ticket, published),
            Ok(Err(failed)) => failed,
            Err(unfinished) => unfinished.ending(None),
        };
        if let Some((mut history, ticket)) = self.world.history(self.file).zip(ticket) {
            history.failed(ticket);
        }
        failed
    }

    async fn list(&self) -> Ending {
        let Some(cap) = self.world.write_cap(self.file) else { return never_created() };
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
            Ok(Ok(Listing { version: None, .. })) => Ending::failed(Phase::Reading, "it has no versions"),
            Ok(Err(ListError::Retrieve(error))) => not_read(&error),
            Ok(Err(error)) => Ending::error(Phase::Reading, None, &error),
            Err(unfinished) => unfinished.ending(None),
        }
    }

    async fn read(&self) -> Ending {
        let Some(cap) = self.world.write_cap(self.file) else { return never_created() };
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

/// Whether the content has this line, which ends with its only line feed, behind whatever.
fn has_line(content: &[u8], line: &[u8]) -> bool {
    let ends = content.iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n');
    ends.into_iter().any(|(at, _)| content.get(..=at).is_some_and(|all| all.ends_with(line)))
}

fn never_created() -> Ending {
    Ending::failed(Phase::Reading, "it was never created")
}

fn not_read(error: &RetrieveError) -> Ending {
    Ending::error(Phase::Reading, kind_of(error), error)
}

fn not_written(error: &PublishError) -> Ending {
    let (phase, kind) = match error {
        PublishError::Uncoordinated { .. } => (Phase::Writing, Some(ErrorKind::Uncoordinated)),
        PublishError::NotEnoughServers { .. } => (Phase::Writing, Some(ErrorKind::NotEnoughServers)),
        PublishError::Unreadable(error) => (Phase::Reading, kind_of(error)),
        PublishError::NoPrivateKey(_) => (Phase::Reading, None),
        _ => (Phase::Writing, None),
    };
    Ending::error(phase, kind, error)
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
