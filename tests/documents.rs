//! The documents name what exists: links lead somewhere, paths are there, and the map has everything. What they say of
//! it is for readers to judge.

use std::fs;
use std::path::{Path, PathBuf};

const DOCUMENTS: [&str; 6] =
    ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "sim/TUTORIAL.md", "sim/REFERENCE.md", "sim/JSON.md"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A document without its blocks of code.
fn prose(path: &str) -> String {
    let text = fs::read_to_string(root().join(path)).expect("a document");
    text.split("```").step_by(2).collect()
}

#[test]
fn links_lead_somewhere() {
    for document in DOCUMENTS {
        let folder = root().join(document).parent().map(Path::to_owned).expect("a folder");
        for rest in prose(document).split("](").skip(1) {
            let link = rest.split(')').next().expect("a link");
            if link.starts_with("https://") {
                continue;
            }
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { root().join(document) } else { folder.join(file) };
            assert!(target.exists(), "{document} links to {link}");
            let has = |text: &str| text.lines().any(|line| line.starts_with('#') && slug(line) == heading);
            if !heading.is_empty() {
                assert!(has(&fs::read_to_string(&target).expect("a text")), "{document} links to {link}");
            }
        }
    }
}

/// What a heading is called in links.
fn slug(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
    text.chars().filter(|c| c.is_alphanumeric() || "-_".contains(*c)).collect()
}

/// The paths that `code` stands for: `a/{b,c}.rs` for two.
fn paths(code: &str) -> Vec<String> {
    match code.split_once('{').and_then(|(head, rest)| Some((head, rest.split_once('}')?))) {
        Some((head, (words, tail))) => words.split(',').map(|word| format!("{head}{word}{tail}")).collect(),
        None => vec![code.to_owned()],
    }
}

#[test]
fn paths_in_the_architecture_and_in_contributing_exist() {
    // Modules are named as seen from the sources, and engines and folders of scenarios by themselves.
    let bases = ["", "src", "src/server", "sim/src", "sim/src/net", "scenarios"];
    for document in ["ARCHITECTURE.md", "CONTRIBUTING.md"] {
        let text = prose(document);
        let is_path = |code: &&str| {
            let plain = |c: char| c.is_ascii_alphanumeric() || "_-./{},".contains(c);
            code.contains('/') && code.chars().all(plain)
        };
        for path in text.split('`').skip(1).step_by(2).filter(is_path).flat_map(paths) {
            let there = |base: &&str| {
                let path = root().join(base).join(&path);
                path.exists() || path.with_extension("rs").exists()
            };
            assert!(bases.iter().any(there), "{document} names {path}, which is not there");
        }
    }
}

#[test]
fn the_map_has_every_layer() {
    let text = prose("ARCHITECTURE.md");
    let map = text.split("## Map").nth(1).and_then(|rest| rest.split("\n## ").next()).expect("the map");
    let named: Vec<String> = map.split('`').skip(1).step_by(2).flat_map(paths).collect();
    for folder in ["src", "sim/src"] {
        for entry in
            fs::read_dir(root().join(folder)).expect("a folder").map(|entry| entry.expect("an entry"))
        {
            let name = entry.file_name().into_string().expect("a name");
            let stem = name.trim_end_matches(".rs");
            let known = |path: &String| {
                path.trim_end_matches('/').trim_end_matches(".rs") == format!("{folder}/{stem}")
            };
            assert!(
                ["lib", "main"].contains(&stem) || named.iter().any(known),
                "the map lacks {folder}/{name}"
            );
        }
    }
}
