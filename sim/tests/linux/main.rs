//! The model held against Linux: small programs on the event engine and on real TCP see the same.
//!
//! Each case runs twice: in virtual time, and as two processes in network namespaces. What the programs saw is
//! compared line by line: the kind of an error, the order of events, the bytes before the end; not durations. Where
//! the model is known to differ, the case names the lines and the reason, and fails when they differ no more. Without
//! namespaces (no rights, no `ip`) only the engine's side runs, against its snapshot, and each case says so.
//!
//! `cargo test -p squall --test linux -- --nocapture` prints what each side saw.

#![expect(clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::fmt::Write;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};
use std::sync::Mutex;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use libtest_mimic::{Arguments, Failed, Trial};

use cases::{Case, Difference};

mod actor;
mod cases;
mod engine;
mod real;
mod stage;

/// What a listener is said to hold; Linux holds one more.
const BACKLOG: usize = 2;

/// Real time one case may take.
const CASE_MAX: Duration = Duration::from_secs(40);

/// Real time the whole test may take before it is ended.
const ALL_MAX: Duration = Duration::from_secs(120);

/// Cases mostly wait.
const AT_ONCE: usize = 8;

/// Set in the environment of this program once it has a `/run` of its own.
const INSIDE: &str = "SQUALL_LINUX_INSIDE";

fn main() -> ExitCode {
    if let Ok(peer) = std::env::var(real::ACTOR) {
        return match real::be_actor(peer) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        };
    }
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(AT_ONCE);
    let obstacle = match std::env::var(INSIDE) {
        Ok(_) => real::probe().err(),
        Err(_) if arguments.list => None,
        Err(_) => Some(go_inside()),
    };
    let table = Mutex::new(Vec::new());
    let table = &*Box::leak(Box::new(table));
    let mut trials = vec![
        Trial::test("the_engine_sees_what_it_saw", the_engine_sees_what_it_saw),
        Trial::test("differences_alarm", differences_alarm_when_they_come_and_when_they_go),
    ];
    for (number, case) in cases::all().into_iter().enumerate() {
        let obstacle = obstacle.clone();
        trials.push(Trial::test(case.name, move || {
            if let Some(reason) = obstacle {
                println!("skipped: {}: {reason}", case.name);
                return Ok(());
            }
            compare(&case, number, table)
        }));
    }
    let verbose = arguments.nocapture;
    let (done, watch) = channel::<()>();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            if watch.recv_timeout(ALL_MAX) == Err(RecvTimeoutError::Timeout) {
                eprintln!("the test has not ended after {ALL_MAX:?}");
                std::process::exit(101);
            }
        });
        let conclusion = libtest_mimic::run(&arguments, trials);
        drop(done);
        if verbose {
            let mut rows = table.lock().expect("no case panics while it holds it");
            rows.sort();
            for (_, row) in rows.iter() {
                println!("{row}");
            }
        }
        conclusion.exit_code()
    })
}

/// Replaces this process by itself with a `/run` of its own, where `ip` keeps the names of namespaces: they are gone
/// when it is, however it ends. Comes back only with the reason why that is not possible.
fn go_inside() -> String {
    let ways: [&[&str]; 2] = [&["--mount", "--net"], &["--user", "--map-root-user", "--mount", "--net"]];
    let script = "mount -t tmpfs none /run && exec \"$0\" \"$@\"";
    let mut reasons = String::new();
    for way in ways {
        let mut arguments = way.to_vec();
        arguments.extend(["--propagation", "private", "sh", "-c", script]);
        match real::run_tool("unshare", &[&arguments[..], &["true"]].concat(), "") {
            Err(reason) => {
                let _ = write!(reasons, "{reason}; ");
            }
            Ok(()) => {
                let Ok(program) = std::env::current_exe() else { return "this program has no path".into() };
                let mut command = Command::new("unshare");
                command.args(arguments).arg(program).args(std::env::args_os().skip(1)).env(INSIDE, "ok");
                return format!("unshare: {}", command.exec());
            }
        }
    }
    reasons
}

/// The engine's side alone, for whoever has no namespaces and for whoever changes the engine.
fn the_engine_sees_what_it_saw() -> Result<(), Failed> {
    let mut text = String::new();
    for case in cases::all() {
        writeln!(text, "{}\n  {}\n", case.name, engine::run(&case).join("\n  "))?;
    }
    insta::assert_snapshot!("engine", text);
    Ok(())
}

/// The two logs beside each other, and what is wrong: a difference nobody knows of, or a known one that is gone.
fn judge(linux: &[String], engine: &[String], differs: &[Difference]) -> (String, String) {
    let (mut both, mut wrong) = (String::new(), String::new());
    let mut known: Vec<_> = differs.iter().collect();
    for at in 0..linux.len().max(engine.len()) {
        let line = |log: &[String]| log.get(at).cloned().unwrap_or_else(|| "nothing".to_owned());
        let (linux, engine) = (line(linux), line(engine));
        if linux == engine {
            both += &format!("  {linux}\n");
            continue;
        }
        let differ = format!("  Linux says   {linux}\n  engine says  {engine}\n");
        both += &differ;
        match known.iter().position(|known| known.linux == linux && known.engine == engine) {
            Some(found) => both += &format!("  known: {}\n", known.remove(found).reason),
            None => wrong += &format!("line {}\n{differ}", at + 1),
        }
    }
    for gone in known {
        wrong += &format!(
            "no longer so: Linux {:?}, engine {:?}; take it from the differences of the case\n",
            gone.linux, gone.engine
        );
    }
    (both, wrong)
}

fn differences_alarm_when_they_come_and_when_they_go() -> Result<(), Failed> {
    let log = |line: &str| vec!["same".to_owned(), line.to_owned()];
    let known = [Difference { linux: "a", engine: "b", reason: "because" }];
    let wrong = |linux, engine, known| !judge(&log(linux), &log(engine), known).1.is_empty();
    let seen = [
        wrong("a", "a", &[]),
        wrong("a", "b", &known),
        wrong("a", "b", &[]),
        wrong("b", "a", &known),
        wrong("a", "a", &known),
        !judge(&log("a"), &log("a")[..1], &[]).1.is_empty(),
    ];
    if seen == [false, false, true, true, true, true] { Ok(()) } else { Err(format!("{seen:?}").into()) }
}

type Table = Mutex<Vec<(usize, String)>>;

fn compare(case: &Case, number: usize, table: &Table) -> Result<(), Failed> {
    let (both, wrong) = judge(&real::run(case, number), &engine::run(case), case.differs);
    let row = format!("{}\n{both}", case.name);
    table.lock().map_err(|_| "the table is lost")?.push((number, row.clone()));
    if wrong.is_empty() { Ok(()) } else { Err(format!("{wrong}\n{row}").into()) }
}
