//! What a scenario file turns into: defaults, draws, and the text that shows them.

use std::collections::BTreeSet;

use insta::assert_snapshot;
use squall::scenario::{self, Scenario};
use squall::schedule::{Action, FaultKind, Schedule, Target};

fn parse(text: &str) -> Scenario {
    scenario::parse("test.toml", text.as_bytes()).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn the_first_example_is_resolved() {
    let text = include_str!("../../scenarios/download/one-hung-in-mid-download.toml");
    assert_snapshot!(scenario::explain(&parse(text), 5));
}

#[test]
fn five_lines_are_enough() {
    let schedule = parse("about = \"x\"\n[files.movie]\n[[steps]]\nupload = \"movie\"\n").schedule(0);
    assert_eq!(schedule.grid.servers.len(), 10);
    assert_eq!(schedule.grid.happy, 7);
}

#[test]
fn every_default_is_shown() {
    assert_snapshot!(scenario::explain(
        &parse("about = \"x\"\n[files.movie]\n[[steps]]\nupload = \"movie\"\n"),
        0
    ));
}

const DRAWN: &str = r#"about = "many draws"
[grid]
servers = 20
bandwidth = "1 MiB/s..100 MiB/s"
clients = ["alice", "bob"]
[server.s3]
latency = "1s"
[files.movie]
size = "100 KiB..9 MiB"
[[steps]]
upload = "movie"
placed = ">= 9"
[[steps]]
wait = "1s..1m"
[[steps]]
download = "movie"
by = "bob"
range = "100..200 B"
not_from = "any 2"
fetched_at_most = "120%"
[[faults]]
name = "first"
hang = "any 3 of s5..s14"
when = "1s..5s"
for = "100ms..2s"
[[faults]]
name = "second"
crash = ["s0", "any 2 of s1..s4"]
when = "the client has found k shares, in step 3"
until = "step 3 ends"
[[faults]]
name = "third"
corrupt = "any share of movie"
field = "data"
when = "step 2 starts"
[[faults]]
name = "fifth"
answer = "any 2"
with = "drips"
rate = "1..100 B/s"
only = "reads"
which = "every 2nd"
for = "1s..2s"
every = "10s..1m"
[[faults]]
name = "sixth"
clock = "any 1"
jump = "-1h..2d"
[[faults]]
name = "fourth"
slow = "any 2 holders of movie"
latency = "100ms..2s"
when = "it has served 2..9 blocks, with probability 0.25"
"#;

fn drawn() -> Scenario {
    parse(&DRAWN.replace("the client has", "bob has"))
}

#[test]
fn every_draw_is_shown() {
    assert_snapshot!(scenario::explain(&drawn(), 1));
}

#[test]
fn the_same_seed_draws_the_same_and_another_draws_otherwise() {
    assert_eq!(drawn().schedule(3), drawn().schedule(3));
    let without_seed = |seed| Schedule { seed: 0, ..drawn().schedule(seed) };
    assert_ne!(without_seed(3), without_seed(4));
}

#[test]
fn taking_a_fault_away_does_not_change_what_the_others_draw() {
    let text = DRAWN.replace("the client has", "bob has");
    let (before, rest) = text.split_once("[[faults]]\nname = \"first\"").unwrap();
    let (_, after) = rest.split_once("[[faults]]").unwrap();
    let fewer = parse(&format!("{before}[[faults]]{after}"));
    for seed in 0..50 {
        let (all, fewer) = (drawn().schedule(seed), fewer.schedule(seed));
        assert_eq!(all.faults[1..], fewer.faults[..]);
        assert_eq!((all.steps, all.grid, all.files), (fewer.steps, fewer.grid, fewer.files));
    }
}

#[test]
fn taking_a_server_away_keeps_the_other_chosen_ones() {
    let text = |servers: &str| {
        format!(
            "about = \"x\"\n[grid]\nservers = {servers}\n[files.f]\n[[steps]]\nupload = \"f\"\n[[faults]]\ncrash = \"any 3\"\n"
        )
    };
    for seed in 0..50 {
        let hosts = |servers| match &parse(&text(servers)).schedule(seed).faults[0].on {
            Target::Hosts(hosts) => hosts.clone(),
            Target::Holders { .. } => panic!("not by name"),
        };
        let kept = hosts("9").iter().filter(|name| hosts("10").contains(name)).count();
        assert!(kept >= 2);
    }
}

#[test]
fn every_value_of_a_range_is_drawn_and_no_other() {
    let scenario = parse("about = \"x\"\n[[steps]]\nwait = \"1ms..4ms\"\n");
    let waits: BTreeSet<_> = (0..200)
        .map(|seed| match scenario.schedule(seed).steps[0].action {
            Action::Wait(wait) => wait.as_micros(),
            ref other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(waits, BTreeSet::from([1_000, 2_000, 3_000, 4_000]));
}

#[test]
fn a_selector_chooses_as_many_different_servers_as_it_says() {
    for seed in 0..100 {
        let Target::Hosts(hosts) = drawn().schedule(seed).faults[1].on.clone() else { panic!("not by name") };
        assert_eq!(hosts.len(), 3);
        assert_eq!(hosts.iter().collect::<BTreeSet<_>>().len(), 3);
        assert_eq!(hosts[0], "s0");
    }
}

#[test]
fn pinned_seeds_run_first_and_once() {
    let text = "about = \"x\"\n[seeds]\ncount = 3\npinned = [{ seed = 70, why = \"a\" }, { seed = 1, why = \"b\" }]\n[[steps]]\nwait = \"1s\"\n";
    assert_eq!(parse(text).seeds(), [70, 1, 0, 2]);
}

#[test]
fn any_share_on_a_server_is_whichever_it_has() {
    let text = |on: &str| {
        format!(
            "about = \"x\"\n[files.f]\n[[steps]]\nupload = \"f\"\n[[faults]]\ncorrupt = \"any share of f\"\n{on}field = \"data\"\nwhen = \"step 1 ends\"\n"
        )
    };
    let share = |text: &str| match &parse(text).schedule(0).faults[0].kind {
        FaultKind::Corrupt { share, .. } => share.share,
        other => panic!("{other:?}"),
    };
    assert!(share(&text("")).is_some_and(|number| number < 10));
    assert_eq!(share(&text("on = \"s3\"\n")), None);
}

#[test]
fn selectors_mean_what_they_say() {
    let hosts = |selector: &str| {
        let text = format!(
            "about = \"x\"\n[grid]\nservers = 6\n[[steps]]\nwait = \"1s\"\n[[faults]]\nhang = {selector}\n"
        );
        match parse(&text).schedule(0).faults[0].on.clone() {
            Target::Hosts(hosts) => hosts.join(" "),
            Target::Holders { .. } => panic!("not by name"),
        }
    };
    assert_eq!(hosts("\"s3\""), "s3");
    assert_eq!(hosts("\"client\""), "client");
    assert_eq!(hosts("[\"s4\", \"s3\", \"s4\"]"), "s4 s3");
    assert_eq!(hosts("\"s2..s4\""), "s2 s3 s4");
    assert_eq!(hosts("\"s0, s2..s3 and s5\""), "s0 s2 s3 s5");
    assert_eq!(hosts("\"all\""), "s0 s1 s2 s3 s4 s5");
    assert_eq!(hosts("\"all but s1\""), "s0 s2 s3 s4 s5");
    assert_eq!(hosts("\"all but s1..s3, s5\""), "s0 s4");
    assert_eq!(hosts("\"any 6\""), "s0 s1 s2 s3 s4 s5");
    assert_eq!(hosts("\"any 2 of s4..s5\""), "s4 s5");
    assert_eq!(hosts("[\"s5\", \"any 2 of s0, s1\"]"), "s5 s0 s1");
}

#[test]
fn holders_are_left_to_the_run() {
    let text = |selector: &str| {
        format!(
            "about = \"x\"\n[files.f]\n[[steps]]\nupload = \"f\"\n[[faults]]\nhang = \"{selector}\"\nwhen = \"1s\"\n"
        )
    };
    let holders = |selector: &str| match parse(&text(selector)).schedule(0).faults[0].on.clone() {
        Target::Holders { file, share, count, .. } => (file, share, count),
        Target::Hosts(hosts) => panic!("{hosts:?}"),
    };
    assert_eq!(holders("holders of f"), ("f".to_owned(), None, None));
    assert_eq!(holders("any 2 holders of f"), ("f".to_owned(), None, Some(2)));
    assert_eq!(holders("holder of share 5 of f"), ("f".to_owned(), Some(5), None));
    assert_eq!(holders("any 1 holder of share 5 of f"), ("f".to_owned(), Some(5), Some(1)));
}
