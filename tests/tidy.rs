//! Rules of the tree that a compiler does not check. Each message names the fix.

use std::fs;
use std::path::{Path, PathBuf};

/// Lines a source file may have before its tests. Split by responsibility before it grows.
const LINES_MAX: usize = 400;

struct Source {
    path: String,
    text: String,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn collect(folder: &Path, out: &mut Vec<Source>) {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder).expect("a folder of the project").map(|e| e.expect("an entry").path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            collect(&path, out);
        } else if path.extension().is_some_and(|e| e == "rs") {
            let text = fs::read_to_string(&path).expect("source is UTF-8");
            let path =
                path.strip_prefix(root()).expect("below the root").to_string_lossy().replace('\\', "/");
            out.push(Source { path, text });
        }
    }
}

fn sources(folders: &[&str]) -> Vec<Source> {
    let mut out = Vec::new();
    for folder in folders {
        collect(&root().join(folder), &mut out);
    }
    assert!(!out.is_empty(), "no sources below {folders:?}");
    out
}

/// The code of a file: no comments, nothing from its test module on.
fn code(source: &Source) -> impl Iterator<Item = (usize, &str)> {
    source
        .text
        .lines()
        .take_while(|line| !line.starts_with("#[cfg(test)]"))
        .enumerate()
        .map(|(i, line)| (i + 1, line.split("//").next().unwrap_or_default()))
}

fn report(problems: &[String], fix: &str) {
    assert!(problems.is_empty(), "{fix}\n  {}", problems.join("\n  "));
}

/// Fails when code below `folder` names any of `words`.
fn forbid(folder: &str, words: &[&str], fix: &str) {
    let mut problems = Vec::new();
    let below: Vec<Source> = sources(&["src"])
        .into_iter()
        .filter(|s| {
            s.path.starts_with(folder) && !s.path.ends_with("/tests.rs") && !s.path.contains("/tests/")
        })
        .collect();
    assert!(!below.is_empty(), "nothing below {folder}: the rule is out of date");
    for source in &below {
        for (line, text) in code(source) {
            for word in words.iter().filter(|word| text.contains(**word)) {
                problems.push(format!("{}:{line}: {word}", source.path));
            }
        }
    }
    report(&problems, fix);
}

#[test]
fn pure_layers_know_no_runtime_clock_or_randomness() {
    let fix = "this layer turns bytes into types and back; hand in what it needs as an argument:";
    for layer in ["src/format", "src/crypto", "src/erasure", "src/version"] {
        forbid(
            layer,
            &[
                "tokio",
                "std::fs",
                "std::net",
                "std::time",
                "crate::net",
                "crate::plan",
                "crate::client",
                "crate::server",
            ],
            fix,
        );
    }
    for layer in ["src/format", "src/erasure", "src/version"] {
        forbid(layer, &["rand"], fix);
    }
    // Keys are made with a generator handed in, whose traits are in `rand_core`; sources of randomness are not there.
    let sources =
        ["rand::", "rand_chacha", "getrandom", "SysRng", "OsRng", "thread_rng", "ThreadRng", "SeedableRng"];
    forbid("src/crypto", &sources, fix);
}

#[test]
fn plans_know_no_runtime_and_no_clock() {
    forbid(
        "src/plan",
        &[
            "tokio",
            "std::fs",
            "std::net",
            "Instant",
            "SystemTime",
            "crate::net",
            "crate::client",
            "crate::server",
        ],
        "a plan takes time as a `Moment` and says what to do; the client does it:",
    );
}

#[test]
fn servers_know_no_client_and_read_no_clock() {
    forbid(
        "src/server",
        &["crate::client", "crate::plan", "net::client", "tokio::net", "Instant", "SystemTime"],
        "a server's clock is a parameter, and it decides nothing for clients:",
    );
}

#[test]
fn http_and_s3_know_nobody_who_uses_them() {
    for layer in ["src/net/http", "src/net/s3"] {
        forbid(
            layer,
            &["net::client", "crate::client", "crate::server"],
            "what carries requests knows not what they are about:",
        );
    }
}

#[test]
fn clients_know_no_server_no_sockets_and_no_files() {
    forbid(
        "src/client",
        &["crate::server", "tokio::net", "std::fs", "tokio::fs"],
        "a client reaches servers through `Dial` and files through `AsyncRead`/`AsyncWrite`:",
    );
}

#[test]
fn only_tcp_opens_sockets() {
    let mut problems = Vec::new();
    for source in sources(&["src"]).iter().filter(|s| s.path != "src/net/tcp.rs" && s.path != "src/main.rs") {
        for (line, text) in code(source) {
            if text.contains("tokio::net") || text.contains("std::net::Tcp") {
                problems.push(format!("{}:{line}", source.path));
            }
        }
    }
    report(&problems, "sockets are opened in src/net/tcp.rs; everything else takes a `Dial` or a `Listen`:");
}

#[test]
fn production_code_does_not_know_it_is_simulated() {
    forbid(
        "src",
        &["squall", "cfg(sim", "simulat", "is_sim", "cfg(feature = \"test"],
        "the seam is bytes: what a simulation needs belongs in sim/:",
    );
}

#[test]
fn oracles_ask_the_stored_bytes_and_not_the_code_under_test() {
    let mut problems = Vec::new();
    for source in sources(&["sim/src/oracle"]) {
        for (line, text) in code(&source) {
            if text.contains("lafs::client") || text.contains("lafs::plan") {
                problems.push(format!("{}:{line}", source.path));
            }
        }
    }
    report(&problems, "an oracle may look at shares through lafs::format and lafs::erasure only:");
}

#[test]
fn every_file_says_what_it_is() {
    let mut problems = Vec::new();
    for source in sources(&["src", "sim/src", "tests", "sim/tests", "benches"]) {
        if !source.text.starts_with("//! ") {
            problems.push(source.path);
        }
    }
    report(&problems, "begin the file with a `//!` header: what it does, and what it does not do:");
}

#[test]
fn files_stay_small() {
    let mut problems = Vec::new();
    for source in sources(&["src", "sim/src"]) {
        let lines = source.text.lines().take_while(|line| !line.starts_with("#[cfg(test)]")).count();
        let tests = source.path.ends_with("/tests.rs");
        if lines > LINES_MAX && !tests {
            problems.push(format!("{}: {lines} lines", source.path));
        }
    }
    report(&problems, "split by responsibility; at most 400 lines before the tests:");
}

#[test]
fn every_scenario_names_its_schema() {
    let mut files = Vec::new();
    let mut folders = vec![root().join("scenarios")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder of the project") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "toml") {
                files.push(path);
            }
        }
    }
    assert!(!files.is_empty(), "no scenarios: the rule is out of date");
    let named = |path: &PathBuf| {
        let text = fs::read_to_string(path).expect("a scenario is UTF-8");
        text.lines().next() == Some("#:schema ../scenario.schema.json")
    };
    let problems: Vec<String> =
        files.iter().filter(|path| !named(path)).map(|path| path.display().to_string()).collect();
    report(
        &problems,
        "let editors check it: the first line is `#:schema ../scenario.schema.json` (CONTRIBUTING.md has a loop):",
    );
}

#[test]
fn every_select_is_biased() {
    let mut problems = Vec::new();
    for source in sources(&["src", "sim/src", "tests", "sim/tests", "benches"]) {
        let lines: Vec<&str> = source.text.lines().collect();
        for (i, line) in lines.iter().enumerate() {
            let opens = line.contains(concat!("select", "! {")) && !line.trim_start().starts_with("//");
            if opens && lines.get(i + 1).is_none_or(|next| next.trim() != "biased;") {
                problems.push(format!("{}:{}", source.path, i + 1));
            }
        }
    }
    report(&problems, "write `biased;` first in `select!`: otherwise the runtime draws the order at random:");
}

#[test]
fn no_test_is_ignored_and_nothing_is_left_to_do() {
    let mut problems = Vec::new();
    let words = [
        concat!("#[ig", "nore"),
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("to", "do!("),
        concat!("unimple", "mented!("),
    ];
    for source in sources(&["src", "sim/src", "tests", "sim/tests", "benches"]) {
        for (i, line) in source.text.lines().enumerate() {
            if words.iter().any(|word| line.contains(word)) {
                problems.push(format!("{}:{}", source.path, i + 1));
            }
        }
    }
    report(&problems, "finish it, or write down in ARCHITECTURE.md why it is not there:");
}

#[test]
fn the_top_level_holds_nothing_without_a_reason() {
    let known = [
        ".cargo",
        ".ci",
        ".git",
        ".gitignore",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "Cargo.lock",
        "Cargo.toml",
        "LICENSE-APACHE",
        "LICENSE-MIT",
        "README.md",
        "benches",
        "clippy.toml",
        "rustfmt.toml",
        "scenarios",
        "sim",
        "src",
        "target",
        "tests",
    ];
    let problems: Vec<String> = fs::read_dir(root())
        .expect("the root")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .filter(|name| !known.contains(&name.as_str()))
        .collect();
    report(&problems, "put it where it belongs, or add it to the list in this test with a good reason:");
}
