//! Files that stand for several, or for a part: `[matrix]` and `base`, and what is said of mistakes in them.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::fs;
use std::path::PathBuf;

use insta::assert_snapshot;
use squall::batch;
use squall::scenario::{self, Scenario};

const GOOD: &str = r#"about = "a test"
[matrix]
"grid.encoding" = ["1-of-2", "3-of-10"]
"files.movie.size" = ["1 KiB", "1 MiB"]
faults.cable.for = ["1s", "5s"]
[files.movie]
[[steps]]
upload = "movie"
[[steps]]
download = "movie"
[[faults]]
name = "cable"
partition = "s3"
when = "step 2 starts"
"#;

fn variants(text: &str) -> Vec<Scenario> {
    scenario::parse_all("test.toml", text.as_bytes()).unwrap_or_else(|error| panic!("{error}"))
}

fn names(text: &str) -> Vec<String> {
    variants(text).iter().map(|one| one.variant().unwrap_or("none").to_owned()).collect()
}

fn errors(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from));
    match scenario::parse_all("test.toml", GOOD.replacen(from, to, 1).as_bytes()) {
        Ok(_) => panic!("no mistake was found"),
        Err(diagnostics) => diagnostics.render(false),
    }
}

#[test]
fn each_combination_is_a_variant_named_after_its_values() {
    let names = names(GOOD);
    assert_eq!(names.len(), 8);
    assert_eq!(names[0], "encoding=1-of-2 size=1 KiB for=1s");
    assert_eq!(names[1], "encoding=1-of-2 size=1 KiB for=5s");
    assert_eq!(names[7], "encoding=3-of-10 size=1 MiB for=5s");
}

#[test]
fn a_variant_is_the_file_with_its_values_written_in() {
    let (_, steps) = GOOD.split_once("[files.movie]\n").unwrap();
    let values = "about = \"a test\"\ngrid.encoding = \"3-of-10\"\n[files.movie]\nsize = \"1 KiB\"\n";
    let (all, alone) = (variants(GOOD), variants(&format!("{values}{steps}for = \"5s\"\n")));
    let mut schedule = all[5].schedule(9);
    assert_eq!(schedule.variant.take().as_deref(), Some("encoding=3-of-10 size=1 KiB for=5s"));
    assert_eq!(schedule, alone[0].schedule(9));
}

#[test]
fn a_file_without_a_matrix_has_one_variant_without_a_name() {
    let none = GOOD.replace("[matrix]", "[other]");
    let (_, rest) = none.split_once("[files.movie]").unwrap();
    assert_eq!(names(&format!("about = \"x\"\n[files.movie]{rest}")), ["none"]);
    assert_eq!(names(&format!("about = \"x\"\n[matrix]\n[files.movie]{rest}")), ["none"]);
}

#[test]
fn lists_numbers_and_flags_can_be_varied_in_steps_and_faults_by_number() {
    let text = GOOD.replace(
        "faults.cable.for = [\"1s\", \"5s\"]",
        "\"faults.1.partition\" = [\"s3\", [\"s1\", \"s2\"]]\nsteps.1.nothing_allocated = [true]\ngrid.happy = [1, 2]",
    );
    let names = names(&text);
    assert_eq!(names.len(), 16);
    assert_eq!(names[3], "encoding=1-of-2 size=1 KiB partition=s1,s2 nothing_allocated=true happy=2");
}

#[test]
fn keys_with_one_name_are_told_apart() {
    let text = GOOD.replace("faults.cable.for = [\"1s\", \"5s\"]", "files.other.size = [\"1 B\"]")
        + "[files.other]\n";
    assert_eq!(names(&text)[0], "encoding=1-of-2 movie.size=1 KiB other.size=1 B");
}

#[test]
fn a_mistake_in_a_value_of_the_matrix_is_shown_there() {
    assert_snapshot!(errors("\"3-of-10\"", "\"3-of-2\""));
    assert_snapshot!(errors("\"1 KiB\"", "1024"));
}

#[test]
fn a_mistake_that_only_some_variants_have_names_one() {
    assert_snapshot!(errors(
        "upload = \"movie\"",
        "upload = \"movie\"\n[[steps]]\ndownload = \"movie\"\nrange = \"1 KiB..2 KiB\""
    ));
}

#[test]
fn paths_that_lead_nowhere_are_told_with_what_was_meant() {
    let messages = [
        errors("grid.encoding", "grid.encodin"),
        errors("grid.encoding", "gird.encoding"),
        errors("files.movie.size", "files.moive.size"),
        errors("faults.cable.for", "faults.cabel.for"),
        errors("faults.cable.for", "steps.3.within"),
        errors("grid.encoding", "grid"),
        errors("grid.encoding", "grid.encoding.k"),
        errors("files.movie.size", "files.movie"),
        errors("grid.encoding", "about"),
    ];
    assert_snapshot!(messages.concat());
}

#[test]
fn a_matrix_of_nonsense_is_refused() {
    let messages = [
        errors("[\"1-of-2\", \"3-of-10\"]", "[]"),
        errors("[\"1-of-2\", \"3-of-10\"]", "[\"1-of-2\", \"1-of-2\"]"),
        errors("[\"1-of-2\", \"3-of-10\"]", "\"1-of-2\""),
        errors("[\"1-of-2\", \"3-of-10\"]", "[1.5]"),
        errors(
            "faults.cable.for = [\"1s\", \"5s\"]",
            "\"faults.1.for\" = [\"1s\"]\nfaults.cable.for = [\"2s\"]",
        ),
        errors(
            "[\"1s\", \"5s\"]",
            &format!("[{}]", (1..=65).map(|n| format!("\"{n}s\", ")).collect::<String>()),
        ),
    ];
    assert_snapshot!(messages.concat());
}

/// A folder with a file and its base.
fn folder(name: &str, base: &str, file: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(folder.join("base")).unwrap();
    fs::write(folder.join("base/under.toml"), base).unwrap();
    fs::write(folder.join("file.toml"), format!("base = \"base/under.toml\"\n{file}")).unwrap();
    folder
}

const BASE: &str = "about = \"a base\"\nfrom = \"somewhere\"\n[grid]\nservers = 4\nlatency = \"1ms\"\n[server.s1]\nspace = \"1 B\"\n[files.f]\nsize = \"2 KiB\"\n[[steps]]\nupload = \"f\"\n[[faults]]\ncrash = \"s2\"\n";

#[test]
fn tables_are_merged_the_file_wins_and_lists_are_replaced() {
    let folder = folder(
        "merged",
        BASE,
        "about = \"a file\"\nfaults = []\n[grid]\nservers = 3\n[server.s2]\nspace = \"3 B\"\n",
    );
    let scenario = scenario::load(folder.join("file.toml")).unwrap();
    assert_eq!((scenario.about(), scenario.from()), ("a file", None));
    let text = "about = \"a file\"\n[grid]\nservers = 3\nlatency = \"1ms\"\n[server.s1]\nspace = \"1 B\"\n[server.s2]\nspace = \"3 B\"\n[files.f]\nsize = \"2 KiB\"\n[[steps]]\nupload = \"f\"\n";
    let alone = scenario::parse(scenario.path(), text.as_bytes()).unwrap();
    assert_eq!(scenario.schedule(3), alone.schedule(3));
}

#[test]
fn a_base_is_not_run_unless_it_is_named() {
    let folder = folder("found", BASE, "about = \"a file\"\n");
    let found = batch::find(std::slice::from_ref(&folder)).unwrap();
    assert_eq!(found, [folder.join("file.toml")]);
    let base = folder.join("base");
    assert_eq!(batch::find(std::slice::from_ref(&base)).unwrap(), [base.join("under.toml")]);
}

/// What is said of a file in a folder, with the folder's name taken out.
fn said(folder: &std::path::Path) -> String {
    let error = scenario::load(folder.join("file.toml")).unwrap_err().render(false);
    error.replace(&format!("{}/", folder.display()), "")
}

#[test]
fn mistakes_are_shown_in_the_file_they_are_in() {
    let base = BASE.replace("1ms", "1 msec").replace("[grid]", "[grid]\nservres = 5");
    let folder = folder("mistakes", &base, "abuot = \"a file\"\n[grid]\nhappy = 99\n");
    assert_snapshot!(said(&folder));
}

#[test]
fn a_base_that_cannot_be_one_is_refused() {
    let second = folder("second", &format!("base = \"more.toml\"\n{BASE}"), "about = \"a file\"\n");
    let broken = folder("broken", "about = \"a base\n", "about = \"a file\"\n");
    let gone = folder("gone", BASE, "about = \"a file\"\n[[steps]]\nwait = 5\n");
    fs::remove_file(gone.join("base/under.toml")).unwrap();
    let number = folder("number", BASE, "");
    fs::write(number.join("file.toml"), "base = 7\nabout = \"a file\"\n[[steps]]\nwait = \"5s\"\n").unwrap();
    assert_snapshot!([second, broken, gone, number].map(|folder| said(&folder)).concat());
}

#[test]
fn mistakes_of_the_matrix_of_the_base_and_of_the_file_come_together() {
    let folder = folder(
        "together",
        BASE,
        "about = \"a file\"\n[matrix]\n\"grid.latency\" = [\"1ms\", 5]\n[grid]\nhapy = 2\n",
    );
    assert_snapshot!(said(&folder));
}
