//! The tutorial tells the truth: all it has the reader type is typed here, in its order, and every file and every
//! output is what it shows, letter by letter.
//!
//! `UPDATE_TUTORIAL=1 cargo test -p squall --test tutorial` writes the outputs into it as they are now: read the
//! difference, the words around them may have become wrong.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const TUTORIAL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/TUTORIAL.md");
const FILE: &str = "my-hang.toml";

/// Types `line` in a shell in which `cargo squall` is the program under test.
fn typed(line: &str, folder: &Path) -> String {
    let script =
        format!("exec 2>&1; cargo() {{ shift; '{}' \"$@\"; }}\n{line}", env!("CARGO_BIN_EXE_squall"));
    let mut shell = Command::new("sh");
    for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS"] {
        shell.env_remove(name);
    }
    let output =
        shell.args(["-c", &script]).current_dir(folder).stdin(Stdio::null()).output().expect("a shell");
    String::from_utf8(output.stdout).expect("text")
}

/// The lines of a console block, with the outputs that they have now.
fn console(block: &str, folder: &Path) -> String {
    let commands = block.lines().filter_map(|line| line.strip_prefix("$ "));
    let told: Vec<String> =
        commands.map(|line| format!("$ {line}\n{}", typed(line, folder)).trim_end().to_owned()).collect();
    told.join("\n\n") + "\n"
}

/// Changes the file as the block says: the lines with `-` are there, once, and those with `+` take their place.
fn edit(block: &str, file: &Path) {
    let lines = |sign: char| -> String {
        block.lines().filter_map(|line| line.strip_prefix(sign)).map(|line| format!("{line}\n")).collect()
    };
    let (old, new) = (lines('-'), lines('+'));
    let text = fs::read_to_string(file).expect("the file of the tutorial");
    assert_eq!(text.matches(old.as_str()).count(), 1, "not once in the file:\n{old}");
    fs::write(file, text.replacen(old.as_str(), &new, 1)).expect("the file of the tutorial");
}

#[test]
fn everything_in_the_tutorial_is_as_it_says() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("tutorial");
    if folder.exists() {
        fs::remove_dir_all(&folder).expect("an old folder");
    }
    fs::create_dir_all(&folder).expect("a new folder");
    let file = folder.join(FILE);
    let said = fs::read_to_string(TUTORIAL).expect("the tutorial");
    let mut now = String::new();
    for (number, part) in said.split("```").enumerate() {
        if number > 0 {
            now += "```";
        }
        let (language, block) = part.split_once('\n').unwrap_or((part, ""));
        now += &match (number % 2, language) {
            (0, _) => part.to_owned(),
            (_, "console") => format!("console\n{}", console(block, &folder)),
            (_, "toml") => format!("toml\n{}", fs::read_to_string(&file).expect("the file of the tutorial")),
            (_, "diff") => {
                edit(block, &file);
                part.to_owned()
            }
            (_, other) => panic!("blocks are console, toml or diff, not {other}"),
        };
    }
    if std::env::var_os("UPDATE_TUTORIAL").is_some() {
        fs::write(TUTORIAL, now).expect("the tutorial");
        return;
    }
    for (number, (said, now)) in said.lines().zip(now.lines()).enumerate() {
        assert_eq!(said, now, "line {} of sim/TUTORIAL.md", number + 1);
    }
    assert_eq!(said, now);
}
