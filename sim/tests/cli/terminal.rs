//! Colour, width and progress: on a terminal (a pseudo-terminal here) and where none is.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::process::Command;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::command;
use crate::killed::endless;

const COLOUR: &str = "\x1b[";

/// What `command` prints on a terminal of `columns`, until it ends or has printed `until`; then it is killed.
fn on_terminal(mut command: Command, columns: u16, until: Option<&str>) -> String {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    tcsetwinsize(&master, Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
    let slave = OpenOptions::new().read(true).write(true).open(name).unwrap();
    command.env("TERM", "xterm").stdout(slave.try_clone().unwrap()).stderr(slave);
    let mut child = command.spawn().unwrap();
    // The parent must not hold the terminal open, or its end would not be seen.
    drop(command);
    let mut master = File::from(master);
    let (mut told, mut piece) = (Vec::new(), [0; 4096]);
    // Linux says with an error that nobody has the terminal open any more.
    while let Ok(read) = master.read(&mut piece) {
        told.extend_from_slice(&piece[..read]);
        if until.is_some_and(|until| String::from_utf8_lossy(&told).contains(until)) {
            child.kill().unwrap();
            break;
        }
    }
    child.wait().unwrap();
    String::from_utf8(told).unwrap().replace("\r\n", "\n")
}

fn with(arguments: &[&str], name: &str, value: &str) -> Command {
    let mut command = command(arguments);
    command.env(name, value);
    command
}

#[test]
fn colour_is_for_terminals_and_for_those_who_ask() {
    let files = ["run", "tiny.toml", "mistakes.toml", "--seeds", "0"];
    let piped = |command: &mut Command| {
        let output = command.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (text(output.stdout), text(output.stderr))
    };
    let plain = piped(&mut command(&files));
    assert!(!plain.0.contains(COLOUR) && !plain.1.contains(COLOUR), "{plain:?}");
    assert_eq!(piped(&mut with(&files, "NO_COLOR", "1")), plain);
    let forced = piped(&mut with(&files, "CLICOLOR_FORCE", "1"));
    assert!(forced.0.starts_with("\x1b[32mok\x1b[0m    tiny.toml"), "{forced:?}");
    assert!(forced.1.contains(COLOUR), "{forced:?}");
    let on = on_terminal(command(&files), 100, None);
    assert!(on.contains("\x1b[32mok\x1b[0m    tiny.toml"), "{on}");
    assert!(on.contains("\x1b[1;91merror") || on.contains("\x1b[1m\x1b[91merror"), "{on}");
    for (name, value) in [("NO_COLOR", "1"), ("CLICOLOR", "0")] {
        let off = on_terminal(with(&files, name, value), 100, None);
        assert!(off.contains("ok    tiny.toml (1 seed)\n") && !off.contains(COLOUR), "{name}: {off}");
    }
    let json = on_terminal(command(&["run", "fails.toml", "--seeds", "0", "--format", "json"]), 100, None);
    assert!(!json.contains(COLOUR), "{json}");
}

#[test]
fn a_list_is_as_wide_as_the_terminal() {
    let list = on_terminal(command(&["list", "bug.toml"]), 70, None);
    assert!(list.lines().all(|line| line.chars().count() <= 70), "{list}");
    assert!(list.lines().count() > 5, "{list}");
}

#[test]
fn a_batch_that_takes_long_shows_how_far_it_is_and_with_what() {
    let file = endless("terminal");
    let name = file.rsplit('/').next().unwrap();
    let mut run = command(&["run", "tiny.toml", name, "--seeds", "0..2", "--jobs", "2"]);
    let folder = env!("CARGO_TARGET_TMPDIR");
    std::fs::copy(format!("{}/tiny.toml", crate::FOLDER), format!("{folder}/tiny.toml")).unwrap();
    run.current_dir(folder);
    let told = on_terminal(run, 100, Some("2 of 4 runs, 0 failed, "));
    let short = on_terminal(command(&["run", "tiny.toml", "--seeds", "0..2"]), 100, None);
    assert!(!short.contains(" of 2 runs"), "{short}");
    assert!(told.contains(&format!("still running after 2 s: {name}, seed 0;")), "{told}");
    assert!(told.contains(&format!("cargo squall replay {name} --seed 1\n")), "{told}");
    let mut replay = command(&["replay", name, "--seed", "1"]);
    replay.current_dir(folder);
    let told = on_terminal(replay, 100, Some("to repeat it"));
    assert!(!told.contains(" runs"), "{told}");
}
