//! Wrongs that no file can ask for, brought about around correct clients and servers.

use bytes::Bytes;
use lafs::format::{ShareNum, StorageIndex};
use lafs::server::backend::MutableShare;
use squall::batch;
use squall::model::{Read, Who};
use squall::oracle;
use squall::run;
use squall::scenario::{self, Scenario};
use squall::trace::Keep;
use squall::verdict::{Finding, Oracle};
use squall::workload::{self, Ending, StepReport};
use squall::world::World;
use squall::world::content::Compare;
use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::AsyncWrite;

/// One file, uploaded and downloaded.
pub(super) const PLAIN: &str = "about = \"x\"\n[files.movie]\nsize = \"40000 B\"\n\
    [[steps]]\nupload = \"movie\"\n[[steps]]\ndownload = \"movie\"\n";

pub(super) fn plain() -> Scenario {
    scenario::parse("plain.toml", PLAIN.as_bytes()).unwrap_or_else(|error| panic!("{error}"))
}

/// A mutable file of two versions.
fn notes() -> Scenario {
    let text = "about = \"x\"\nfiles.notes = { kind = \"mutable\", size = \"2000 B\" }\n\
        steps = [{ create = \"notes\" }, { write = \"notes\" }, { read = \"notes\" }]\n";
    scenario::parse("notes.toml", text.as_bytes()).unwrap_or_else(|error| panic!("{error}"))
}

/// Plays the first `steps` steps of a world to which `tamper` has been; answers with what every step objects to, and
/// what `look` adds.
fn played(
    steps: usize,
    tamper: impl FnOnce(&Rc<World>),
    look: impl AsyncFnOnce(&Rc<World>, &[StepReport]) -> Vec<Finding>,
) -> Vec<Finding> {
    played_of(&plain(), steps, tamper, look)
}

fn played_of(
    scenario: &Scenario,
    steps: usize,
    tamper: impl FnOnce(&Rc<World>),
    look: impl AsyncFnOnce(&Rc<World>, &[StepReport]) -> Vec<Finding>,
) -> Vec<Finding> {
    let schedule = scenario.schedule(1);
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time().start_paused(true).build().unwrap().block_on(async {
        let world = World::new(&schedule, Keep::Last(0));
        world.spawn_storm();
        tamper(&world);
        let reports = RefCell::new(Vec::new());
        let work = async {
            let steps = &world.schedule().steps[..steps];
            workload::run(&world, steps, |report| reports.borrow_mut().push(report)).await;
            let reports = reports.take();
            let mut findings: Vec<Finding> =
                reports.iter().flat_map(|report: &StepReport| report.findings.clone()).collect();
            findings.extend(look(&world, &reports).await);
            findings
        };
        let findings = tokio::select! {
            biased;
            livelock = world.net().run() => panic!("{livelock}"),
            findings = work => findings,
        };
        world.net().shutdown();
        findings
    })
}

async fn nothing_else(_: &Rc<World>, _: &[StepReport]) -> Vec<Finding> {
    Vec::new()
}

#[test]
fn a_world_with_which_nobody_tampers_trips_nothing() {
    assert_eq!(played(2, |_| (), nothing_else), []);
    assert_eq!(played_of(&notes(), 3, |_| (), nothing_else), []);
}

pub(super) fn a_disk_that_loses_an_acknowledged_share() -> Vec<Finding> {
    let lose = |world: &Rc<World>| {
        let host = world.net().add_host("a mouse");
        let mouse = Rc::clone(world);
        drop(world.net().spawn(host, async move {
            loop {
                for (_, name, disk) in mouse.servers() {
                    if name == "s3" {
                        disk.list().into_iter().for_each(|(index, share)| drop(disk.remove(index, share)));
                    }
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }));
    };
    played(1, lose, nothing_else)
}

/// Hands on what it gets, but for one bit.
struct Flips(Compare);

impl AsyncWrite for Flips {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let mut data = data.to_vec();
        if let Some(last) = data.last_mut() {
            *last ^= 1;
        }
        Pin::new(&mut self.0).poll_write(cx, &data)
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

pub(super) fn a_sink_that_flips_a_byte() -> Vec<Finding> {
    let judge_again = async |world: &Rc<World>, reports: &[StepReport]| {
        let (cap, client) = (world.cap("movie").unwrap(), world.client("client", 1));
        let mut sink = Flips(Compare::new(world.content("movie")));
        let download = world.on_client("client", async move {
            client.download(&cap, None, &mut sink).await.expect("nothing is wrong with the servers");
            sink.0.first_wrong()
        });
        let wrong_at = download.await.unwrap().map(|at| at as u64);
        let mut report = reports[1].clone();
        report.ending = Ending::Downloaded { size: 40_000, wrong_at };
        oracle::judge_step(world, &world.schedule().steps[1], &mut report);
        report.findings
    };
    played(2, |_| (), judge_again)
}

/// What the oracles say of the second step of `notes` once `tamper` has been to the disks, given what they held before
/// that step.
fn written_and_then(tamper: fn(&World, Vec<Held>)) -> Vec<Finding> {
    let before = Rc::new(RefCell::new(Vec::new()));
    let known = Rc::clone(&before);
    let watch = move |world: &Rc<World>| {
        let host = world.net().add_host("an archivist");
        let world = Rc::clone(world);
        drop(world.net().clone().spawn(host, async move {
            while !world.servers().all(|(.., disk)| !disk.list_mutable().is_empty()) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            let held = world.servers().flat_map(|(_, name, disk)| {
                let all = disk.list_mutable().into_iter();
                all.map(move |(index, share)| {
                    (name.to_owned(), index, share, disk.get_mutable(index, share).unwrap())
                })
            });
            *known.borrow_mut() = held.collect();
        }));
    };
    let judge_again = async |world: &Rc<World>, reports: &[StepReport]| {
        assert_eq!(before.borrow().len(), 10, "one share on each server");
        tamper(world, before.take());
        let mut report = reports[1].clone();
        oracle::judge_step(world, &world.schedule().steps[1], &mut report);
        report.findings
    };
    played_of(&notes(), 2, watch, judge_again)
}

/// A share, and the name of the server that has it.
type Held = (String, StorageIndex, ShareNum, MutableShare);

pub(super) fn disks_without_the_version_that_was_acknowledged() -> Vec<Finding> {
    written_and_then(|world, _| {
        for (.., disk) in world.servers().skip(2) {
            disk.list_mutable()
                .into_iter()
                .for_each(|(index, share)| drop(disk.remove_mutable(index, share)));
        }
    })
}

pub(super) fn disks_that_keep_an_older_version_beside_the_new_one() -> Vec<Finding> {
    written_and_then(|world, before| {
        for (name, index, share, held) in before.into_iter().take(5) {
            let (.., disk) = world.servers().find(|(_, known, _)| *known == name).unwrap();
            disk.put_mutable(index, share, held);
        }
    })
}

/// What the oracles say of a reader that got `content` (of all contents in their order) as the version of the step.
fn reading(of: usize, content: impl FnOnce(Bytes) -> Bytes) -> Vec<Finding> {
    let judge_again = async |world: &Rc<World>, reports: &[StepReport]| {
        let version = |step: usize| match &reports[step].ending {
            Ending::Wrote(wrote) => wrote.version.unwrap(),
            other => panic!("{other:?}"),
        };
        let contents = [world.content("notes"), world.new_content("notes", 2000, 1, 0)];
        let read = Read {
            who: Who { client: "client".to_owned(), what: "step 3".to_owned() },
            began: reports[2].began,
            ended: reports[2].began + reports[2].took,
            version: version(of),
            content: content(contents[of].clone()),
        };
        let violations = world.history("notes").unwrap().read(read, |_| false);
        world.note_violations(2, violations);
        let mut report = reports[2].clone();
        oracle::judge_step(world, &world.schedule().steps[2], &mut report);
        report.findings
    };
    played_of(&notes(), 3, |_| (), judge_again)
}

#[test]
fn a_reader_of_what_was_written_is_believed() {
    assert_eq!(reading(1, |content| content), []);
}

pub(super) fn a_reader_of_what_nobody_wrote() -> Vec<Finding> {
    reading(1, |content| [&b"!"[..], &content[1..]].concat().into())
}

pub(super) fn a_reader_of_what_was_overwritten() -> Vec<Finding> {
    reading(0, |content| content)
}

pub(super) fn a_program_left_on_the_clients_host() -> Vec<Finding> {
    let leak = |world: &Rc<World>| {
        let host = world.host("client").unwrap();
        drop(world.net().spawn(host, std::future::pending::<()>()));
    };
    played(1, leak, nothing_else)
}

pub(super) fn a_client_that_outlives_its_run() -> Vec<Finding> {
    let keep = async |world: &Rc<World>, _: &[StepReport]| {
        let client = world.client("client", 1);
        let findings = oracle::judge_end(world, &[]);
        drop(client);
        findings
    };
    played(2, |_| (), keep)
}

pub(super) fn two_runs_that_differ() -> Vec<Finding> {
    let run = |seed| run::run(&plain().schedule(seed), Keep::All).unwrap();
    let same = batch::compare(&run(1), &run(1));
    assert!(same.is_none(), "{same:?}");
    let mut misjudged = run(1);
    misjudged.findings.push(Finding { oracle: Oracle::Safety, text: String::new() });
    batch::compare(&run(1), &run(2)).into_iter().chain(batch::compare(&run(1), &misjudged)).collect()
}
