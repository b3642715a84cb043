//! The steps of a scenario, one after another or together, each with how it ended.
//!
//! Steps that use the grid run as programs on the host of their client, so that faults on that host hit them.
//! Whether an ending is right is for the oracles to say.

mod copy;
mod ending;
mod mutable;
mod tally;
mod upkeep;

use std::cell::RefCell;
use std::future::Future;
use std::ops::Range;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use lafs::client::download::DownloadError;
use lafs::client::upload::{KeyChoice, UploadError, UploadOptions};

pub use self::ending::{BackedUp, Ending, Kept, Placed, ReadBack, Wrote};
pub use self::tally::{Failure, FileCounts, Phase, ReadBacks, Tally};
pub use self::upkeep::Database;
use crate::ledger::Counts;
use crate::oracle;
use crate::oracle::ideal::Ideal;
use crate::oracle::margin::Margin;
use crate::schedule::{Action, ErrorKind, MutableAct, Step, Target, Upkeep};
use crate::trace::StepEvent;
use crate::usage::{Before, Usage};
use crate::verdict::Finding;
use crate::world::content::Compare;
use crate::world::control::Paced;
use crate::world::{Omniscient, World};

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
    /// What became of all its operations: a step can repeat itself.
    pub tally: Tally,
    /// What it asked and got.
    pub counts: Counts,
    /// What it cost and left behind.
    pub usage: Usage,
    /// Bytes the servers still reserved for unfinished shares when it ended.
    pub allocated_bytes: u64,
    /// Requests it had not finished when it ended.
    pub left_over: Vec<String>,
    /// How many more servers it could have lost, where that was asked for or something is wrong.
    pub margin: Option<Margin>,
    /// The omniscient clients to compare it with, where that was asked for.
    pub detours: Vec<Omniscient>,
    /// What the best of them makes of it.
    pub ideal: Option<Ideal>,
    /// What the oracles object to.
    pub findings: Vec<Finding>,
}

/// Runs all steps in order, those that begin together at the same time; `tell` hears of each as it ends.
pub async fn run(world: &Rc<World>, steps: &[Step], tell: impl Fn(StepReport)) {
    let mut next = 0;
    while next < steps.len() {
        let others = steps.iter().skip(next + 1).take_while(|step| step.together).count();
        let group = next..next + 1 + others;
        next = group.end;
        let runs = group.filter_map(|number| Some(run_one(world, number, steps.get(number)?, &tell)));
        join_all(runs).await;
    }
}

async fn run_one(world: &Rc<World>, number: usize, step: &Step, tell: &impl Fn(StepReport)) {
    let what = describe(step);
    let before = Before::of(world, &step.by);
    let rehearses = world.becomes_omniscient(number, &step.by);
    let mut began = world.recorder().now();
    world.back_up(number as u64 + 1);
    world.recorder().note_step(number, StepEvent::Began(what.clone()));
    world.settle_faults();
    if rehearses {
        perform(world, number, step, &mut Tally::default()).await;
        began = world.recorder().now();
    }
    let mut tally = Tally::default();
    let ending = perform(world, number, step, &mut tally).await;
    let outcome = ending.line();
    let took = world.recorder().now() - began;
    let (counts, left_over) = {
        let records = world.recorder().records();
        let open = records.ledger.open().keys().filter(|(_, step, ..)| *step == number);
        let left = open.map(|(.., server, question)| format!("{question:?} to {server}")).collect();
        (records.ledger.counts(number), left)
    };
    let allocated_bytes = world.allocated_bytes();
    let usage = Usage::of(world, step, &before);
    let mut report = StepReport {
        step: number,
        what,
        began,
        took,
        ending,
        outcome: outcome.clone(),
        tally,
        counts,
        usage,
        allocated_bytes,
        left_over,
        margin: None,
        detours: Vec::new(),
        ideal: None,
        findings: Vec::new(),
    };
    // Before any fault that waits for the end of this step: it must find the disks as the step left them.
    oracle::judge_step(world, step, &mut report);
    world.recorder().note_step(number, StepEvent::Ended(outcome));
    tell(report);
    world.settle_faults();
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
        Action::Copy { share, to } => {
            let to = match to {
                Target::Hosts(hosts) => hosts.join(", "),
                Target::Holders { file, .. } => format!("holders of {file}"),
            };
            format!("copy shares of {} to {to}", share.file)
        }
        Action::Arrange { file, .. } => format!("arrange shares of {file}"),
        Action::Mutable { file, act, times } => {
            let what = match act {
                MutableAct::Create => format!("creates {file}"),
                MutableAct::Write { .. } => format!("writes {file}"),
                MutableAct::Append { read_back: false, .. } => format!("appends to {file}"),
                MutableAct::Append { read_back: true, .. } => format!("appends to {file} and reads it"),
                MutableAct::Read => format!("reads {file}"),
                MutableAct::Link => format!("links in {file}"),
                MutableAct::List => format!("lists {file}"),
            };
            let often = if *times > 1 { format!(" {times} times") } else { String::new() };
            format!("{} {what}{often}", step.by)
        }
        Action::Upkeep(upkeep) => {
            let what = match upkeep {
                Upkeep::Check { file, verify: false } => format!("checks {file}"),
                Upkeep::Check { file, verify: true } => format!("verifies {file}"),
                Upkeep::Repair { file, .. } => format!("repairs {file}"),
                Upkeep::Backup { tree, into, .. } => format!("backs {tree} up into {into}"),
                Upkeep::Restore { tree, from } => format!("restores {tree} from {from}"),
            };
            format!("{} {what}", step.by)
        }
        Action::Forget => format!("{} starts anew", step.by),
    }
}

async fn perform(world: &Rc<World>, number: usize, step: &Step, tally: &mut Tally) -> Ending {
    match &step.action {
        Action::Upload { file } => tally.count(world, number, upload(world, number, step, file)).await,
        Action::Download { file, range } => {
            tally.count(world, number, download(world, number, &step.by, file, *range)).await
        }
        Action::Wait(span) => {
            tokio::time::sleep(*span).await;
            Ending::Done
        }
        Action::Delete { file, shares, on } => {
            world.delete_shares(file, shares.as_deref(), on);
            Ending::Done
        }
        Action::Copy { share, to } => {
            world.copy_shares(share, to);
            Ending::Done
        }
        Action::Arrange { file, layout } => match world.arrange_shares(file, layout) {
            Ok(()) => Ending::Done,
            Err(error) => Ending::failed(Phase::Writing, error),
        },
        Action::Mutable { file, act, times } => {
            mutable::perform(world, number, step, file, *act, *times, tally).await
        }
        Action::Upkeep(upkeep) => {
            let mut files = FileCounts::default();
            let operation = upkeep::perform(world, number, step, upkeep, &mut files);
            let ending = tally.count(world, number, operation).await;
            tally.files = files;
            ending
        }
        Action::Forget => {
            world.forget_client(&step.by);
            Ending::Done
        }
    }
}

/// Runs an operation on the host of a client until it ends or its asker gives it up.
async fn operate<T: 'static>(
    world: &World,
    step: usize,
    by: &str,
    operation: impl Future<Output = T> + 'static,
) -> Result<T, Unfinished> {
    let control = world.control(step);
    let recorder = world.recorder().clone();
    let program = async move {
        tokio::select! {
            biased;
            fault = control.cancelled() => {
                recorder.bite(fault, 1, 0);
                Err(Unfinished::Cancelled)
            }
            result = operation => Ok(result),
        }
    };
    world.on_client(by, program).await.unwrap_or(Err(Unfinished::ClientLost))
}

/// Why an operation did not come to its end.
enum Unfinished {
    Cancelled,
    ClientLost,
}

impl Unfinished {
    fn ending(&self, wrong_at: Option<u64>) -> Ending {
        match self {
            Self::Cancelled => Ending::Cancelled { wrong_at },
            Self::ClientLost => {
                let text = "the client's host is down or died".to_owned();
                Ending::failed(Phase::Reading, text).with_wrong_byte(wrong_at)
            }
        }
    }
}

async fn upload(world: &Rc<World>, number: usize, step: &Step, file: &str) -> Ending {
    let content = world.content(file);
    let client = world.client(&step.by, number);
    let options = UploadOptions {
        encoding: world.schedule().grid.encoding,
        happy: step.happy.unwrap_or(world.schedule().grid.happy),
        key: if world.has_random_key(file) { KeyChoice::Random } else { KeyChoice::Convergent },
    };
    let operation = async move { client.upload(&mut std::io::Cursor::new(content), &options).await };
    match operate(world, number, &step.by, operation).await {
        Err(unfinished) => unfinished.ending(None),
        Ok(Ok(uploaded)) => {
            let placed = Placed::of(uploaded);
            world.acknowledge(file, &placed);
            Ending::Uploaded(placed)
        }
        Ok(Err(error)) => {
            let kind = matches!(error, UploadError::Unhappy(_)).then_some(ErrorKind::Unhappy);
            Ending::error(Phase::Writing, kind, &error)
        }
    }
}

async fn download(world: &Rc<World>, step: usize, by: &str, file: &str, range: Option<(u64, u64)>) -> Ending {
    let Some(cap) = world.cap(file) else {
        return Ending::failed(Phase::Reading, format!("{file} was never uploaded"));
    };
    let content = world.content(file);
    let range = range.map(|(offset, length)| offset..offset + length);
    let expected = expected(&content, range.as_ref());
    let size = expected.len() as u64;
    let client = world.client(by, step);
    let sink = Rc::new(RefCell::new(Compare::new(expected)));
    let mut paced = Paced::new(Rc::clone(&sink), world.control(step), world.recorder().clone());
    let operation = async move { client.download(&cap, range, &mut paced).await.map(|_| ()) };
    let result = operate(world, step, by, operation).await;
    let sink = sink.borrow();
    let wrong_at = sink.first_wrong().map(|at| at as u64);
    match result {
        Err(unfinished) => unfinished.ending(wrong_at),
        Ok(Ok(())) => {
            let short = (!sink.is_complete()).then_some(sink.received() as u64);
            Ending::Downloaded { size, wrong_at: wrong_at.or(short) }
        }
        Ok(Err(error)) => {
            let kind = match &error {
                DownloadError::NoShares(_) => Some(ErrorKind::NoShares),
                DownloadError::NotEnoughShares(_) => Some(ErrorKind::NotEnoughShares),
                DownloadError::Unreachable(_) => Some(ErrorKind::Unreachable),
                _ => None,
            };
            Ending::error(Phase::Reading, kind, &error).with_wrong_byte(wrong_at)
        }
    }
}

fn expected(content: &Bytes, range: Option<&Range<u64>>) -> Bytes {
    let Some(range) = range else { return content.clone() };
    let at = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX).min(content.len());
    content.slice(at(range.start)..at(range.end))
}
