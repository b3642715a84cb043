//! The steps of a scenario, one after another, each with how it ended.
//!
//! Steps that use the grid run as programs on the host of their client, so that faults on that host hit them.
//! Whether an ending is right is for the oracles to say.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use lafs::client::download::DownloadError;
use lafs::client::upload::{KeyChoice, UploadError, UploadOptions, Uploaded};
use lafs::format::cap::Cap;
use lafs::format::{ServerId, ShareNum};

use crate::ledger::Counts;
use crate::oracle;
use crate::schedule::{Action, ErrorKind, Step};
use crate::trace::StepEvent;
use crate::verdict::Finding;
use crate::world::World;
use crate::world::content::Compare;

/// How one step went.
#[derive(Debug, Clone)]
pub struct StepReport {
    /// Its index in the schedule.
    pub step: usize,
    /// What it did, in words.
    pub what: String,
    /// When it began.
    pub began: Duration,
    /// How long it took.
    pub took: Duration,
    /// How it ended.
    pub ending: Ending,
    /// How it ended, in one line.
    pub outcome: String,
    /// What it asked and got.
    pub counts: Counts,
    /// Bytes the servers still reserved for unfinished shares when it ended.
    pub allocated_bytes: u64,
    /// Requests it had not finished when it ended.
    pub left_over: Vec<String>,
    /// What the oracles object to.
    pub findings: Vec<Finding>,
}

/// What an upload said it did.
#[derive(Debug, Clone)]
pub struct Placed {
    /// What reads the file.
    pub cap: Cap,
    /// Which share is on which servers, written now or there before.
    pub shares: BTreeMap<ShareNum, BTreeSet<ServerId>>,
    /// Which share this upload wrote to which servers.
    pub written: BTreeMap<ShareNum, BTreeSet<ServerId>>,
    /// Servers of happiness.
    pub happiness: u64,
}

impl Placed {
    fn of(uploaded: Uploaded) -> Self {
        let written = uploaded.placed;
        let mut shares = written.clone();
        for (share, servers) in uploaded.existing {
            shares.entry(share).or_default().extend(servers);
        }
        Self { cap: uploaded.cap, shares, written, happiness: uploaded.happiness as u64 }
    }
}

/// How one step ended.
#[derive(Debug, Clone)]
pub enum Ending {
    /// An upload succeeded.
    Uploaded(Placed),
    /// A download succeeded as the client says; here is what came.
    Downloaded {
        /// Bytes asked for.
        size: u64,
        /// Whether they are the right ones; otherwise the offset of the first wrong one.
        wrong_at: Option<u64>,
    },
    /// The client ended with an error.
    Failed {
        /// Its kind, if it is one that scenarios can expect.
        kind: Option<ErrorKind>,
        /// Its text; the first line says all, the others give details.
        text: String,
        /// For a download: the offset of the first wrong byte among those delivered before the error.
        wrong_at: Option<u64>,
    },
    /// A step that does not use the grid.
    Done,
}

/// Runs all steps in order; `tell` hears of each as it ends.
pub async fn run(world: &Rc<World>, steps: &[Step], tell: impl Fn(StepReport)) {
    for (number, step) in steps.iter().enumerate() {
        let what = describe(step);
        let began = world.recorder().now();
        world.recorder().note_step(number, StepEvent::Began(what.clone()));
        world.settle_faults();
        let ending = perform(world, step).await;
        let outcome = ending.line();
        let took = world.recorder().now() - began;
        let (counts, left_over) = {
            let records = world.recorder().records();
            let open = records.ledger.open().keys();
            let left = open.map(|(_, server, question)| format!("{question:?} to {server}")).collect();
            (records.ledger.counts().clone(), left)
        };
        let allocated_bytes = world.allocated_bytes();
        world.recorder().note_step(number, StepEvent::Ended(outcome.clone()));
        world.settle_faults();
        let mut report = StepReport {
            step: number,
            what,
            began,
            took,
            ending,
            outcome,
            counts,
            allocated_bytes,
            left_over,
            findings: Vec::new(),
        };
        report.findings = oracle::judge_step(world, step, &report);
        tell(report);
    }
}

/// A step in a few words.
pub fn describe(step: &Step) -> String {
    match &step.action {
        Action::Upload { file } => format!("{} uploads {file}", step.by),
        Action::Download { file, range: None } => format!("{} downloads {file}", step.by),
        Action::Download { file, range: Some((offset, length)) } => {
            format!("{} downloads {length} B of {file} from {offset}", step.by)
        }
        Action::Wait(span) => format!("wait {span:?}"),
        Action::Delete { file, .. } => format!("delete shares of {file}"),
        Action::Copy { share, to } => format!("copy shares of {} to {to}", share.file),
        Action::Forget => format!("{} starts anew", step.by),
    }
}

async fn perform(world: &Rc<World>, step: &Step) -> Ending {
    match &step.action {
        Action::Upload { file } => upload(world, &step.by, file).await,
        Action::Download { file, range } => download(world, &step.by, file, *range).await,
        Action::Wait(span) => {
            tokio::time::sleep(*span).await;
            Ending::Done
        }
        Action::Delete { file, on } => {
            world.delete_shares(file, on);
            Ending::Done
        }
        Action::Copy { share, to } => {
            world.copy_shares(share, to);
            Ending::Done
        }
        Action::Forget => {
            world.forget_client(&step.by);
            Ending::Done
        }
    }
}

async fn upload(world: &Rc<World>, by: &str, file: &str) -> Ending {
    let content = world.content(file);
    let client = world.client(by);
    let options = UploadOptions {
        encoding: world.schedule().grid.encoding,
        happy: world.schedule().grid.happy,
        key: if world.has_random_key(file) { KeyChoice::Random } else { KeyChoice::Convergent },
    };
    let result = world
        .on_client(by, async move { client.upload(&mut std::io::Cursor::new(content), &options).await })
        .await;
    match result {
        None => Ending::lost_client(),
        Some(Ok(uploaded)) => {
            let placed = Placed::of(uploaded);
            world.acknowledge(file, &placed);
            Ending::Uploaded(placed)
        }
        Some(Err(error)) => {
            let kind = matches!(error, UploadError::Unhappy(_)).then_some(ErrorKind::Unhappy);
            Ending::Failed { kind, text: error.to_string(), wrong_at: None }
        }
    }
}

async fn download(world: &Rc<World>, by: &str, file: &str, range: Option<(u64, u64)>) -> Ending {
    let Some(cap) = world.cap(file) else {
        let text = format!("{file} was never uploaded");
        return Ending::Failed { kind: None, text, wrong_at: None };
    };
    let content = world.content(file);
    let range = range.map(|(offset, length)| offset..offset + length);
    let expected = expected(&content, range.as_ref());
    let size = expected.len() as u64;
    let client = world.client(by);
    let result = world
        .on_client(by, async move {
            let mut sink = Compare::new(expected);
            let result = client.download(&cap, range, &mut sink).await;
            (result.map(|_| ()), sink)
        })
        .await;
    let Some((result, sink)) = result else { return Ending::lost_client() };
    let wrong_at = sink.first_wrong().map(|at| at as u64);
    match result {
        Ok(()) => {
            let short = (!sink.is_complete()).then_some(sink.received() as u64);
            Ending::Downloaded { size, wrong_at: wrong_at.or(short) }
        }
        Err(error) => {
            let kind = match &error {
                DownloadError::NoShares(_) => Some(ErrorKind::NoShares),
                DownloadError::NotEnoughShares(_) => Some(ErrorKind::NotEnoughShares),
                DownloadError::Unreachable(_) => Some(ErrorKind::Unreachable),
                _ => None,
            };
            Ending::Failed { kind, text: error.to_string(), wrong_at }
        }
    }
}

fn expected(content: &Bytes, range: Option<&Range<u64>>) -> Bytes {
    let Some(range) = range else { return content.clone() };
    let at = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX).min(content.len());
    content.slice(at(range.start)..at(range.end))
}

impl Ending {
    fn lost_client() -> Self {
        Self::Failed { kind: None, text: "the client's host is down or died".to_owned(), wrong_at: None }
    }

    fn line(&self) -> String {
        match self {
            Self::Uploaded(placed) => {
                format!("success, {} shares placed, happiness {}", placed.written.len(), placed.happiness)
            }
            Self::Downloaded { size, wrong_at: None } => format!("success, {size} B, all right"),
            Self::Downloaded { wrong_at: Some(at), .. } => {
                format!("success reported, but byte {at} is wrong")
            }
            Self::Failed { text, .. } => format!("error: {}", text.lines().next().unwrap_or_default()),
            Self::Done => "done".to_owned(),
        }
    }
}
