//! Whatever a file contains, reading it ends with a scenario or with mistakes that can be shown.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::ops::Range;
use std::sync::LazyLock;

use proptest::prelude::*;
use squall::scenario;
use squall::scenario::keys::{self, Form, Table};
use squall::schedule::Schedule;

/// A file that uses every table and most forms.
const RICH: &str = r#"about = "every form"
known_bug = "availability: had to succeed"
from = "nobody"
version = 1
base = "../scenarios/base/wan.toml"
deadline = "10m"
[seeds]
count = 16
pinned = [{ seed = 5, why = "it hung" }]
[grid]
servers = ["a", "b", "c", "d"]
clients = ["alice", "bob"]
encoding = "2-of-4"
happy = 2
segment = "64 KiB"
latency = "5ms..20ms"
bandwidth = "1..10 MiB/s"
space = "1 GiB"
share_size_max = "1 MiB..2 GiB"
storage = "s3"
client_retries = false
[s3]
latency = "1ms..2ms"
bandwidth = "10..20 MiB/s"
retry = "once"
[server.b]
space = "0 B"
[files.movie]
size = "1 MiB..2 MiB"
key = "random"
[files.notes]
kind = "mutable"
[files.home]
kind = "directory"
[trees.photos]
files = 20
directories = 3
[[steps]]
upload = "movie"
happy = 1
per_server = "<= 4"
placed = ">= 3"
happiness = 2
nothing_allocated = true
[[steps]]
copy = "share 1 of movie"
from = "a..c"
to = "any 2 of c, d"
[[steps]]
delete = "movie"
on = "any 1 of all but d"
[[steps]]
wait = "1s..5s"
[[steps]]
forget = "bob"
[[steps]]
download = "movie"
by = "bob"
range = "100..200 B"
within = "1m30s"
expect = "either"
not_from = ["b", "any 1 of c, d"]
fetched_at_most = "120%"
requests = "3..50"
spare_requests = "<= 4"
connections = "<= 12"
margin = ">= 1"
corruption_reports = "<= 2"
stall_at_most = "4x"
ideal_at_most = "3x"
says = "not enough"
asked = "<= 4"
not_asked = ["c", "any 1 of a, b"]
[[steps]]
arrange = "movie"
shares = { a = "0..2, 3", "b, c" = 1 }
health = 4
[[steps]]
delete = "movie"
share = "1, 3"
[[steps]]
download = "movie"
together = true
expect = "cancelled"
[[steps]]
create = "notes"
version = 1
[[steps]]
write = "notes"
times = 2
size = "5 KiB"
based_on = "step 10"
degraded = "either"
collisions = "<= 3"
[[steps]]
append = "notes"
whole = true
read_back = true
versions = "<= 2"
recoverable = "1..2"
[[steps]]
read = "notes"
restarts = "<= 1"
[[steps]]
create = "home"
[[steps]]
link = "home"
[[steps]]
list = "home"
[[steps]]
check = "notes"
verify = true
healthy = "yes"
[[steps]]
repair = "movie"
force = true
[[steps]]
backup = "photos"
in = "home"
changed = 2
partial = "either"
uploaded = "<= 20"
skipped = 0
[[steps]]
restore = "photos"
in = "home"
[[faults]]
cancel = "step 9"
[[faults]]
pause = "step 9"
for = "2s"
[[faults]]
name = "mute"
hang = "any 1 holder of movie"
only = "reads"
when = "it has served 1..3 blocks, in step 6, with probability 0.5"
for = "1s..5s"
[[faults]]
corrupt = "any share of movie"
on = "a, b"
field = "block hash 3"
when = "bob has found k shares"
[[faults]]
slow = ["alice", "b"]
latency = "1s"
bandwidth = "1 kB/s"
until = "step 6 ends"
[[faults]]
partition = "holder of share 2 of movie"
direction = "to"
when = "any server has answered 3 requests"
may_stay_inert = true
[[faults]]
disconnect = "all"
how = "refuse"
when = "2s..3s"
until = "4s"
[[faults]]
crash = "c"
when = "a has taken 1 write"
until = "8s"
[[faults]]
power_loss = "d"
when = "c has answered the allocation"
for = "8s"
[[faults]]
name = "noise"
answer = "any 1 of a..c"
with = "500"
applied = true
only = "corruption reports"
which = "every 3rd"
for = "1s"
every = "1m"
[[faults]]
name = "leak"
answer = "d"
with = "drips"
rate = "1..9 B/s"
which = "with probability 0.5"
[[faults]]
lose = "a"
which = "the first 2"
[[faults]]
full = "holders of movie"
when = "step 1 ends"
[[faults]]
queue_full = "b"
[[faults]]
clock = "a, c"
jump = "+1d..3d"
[[faults]]
partition = [["alice", "a"], ["bob", "b..c"]]
when = "5s"
for = "1s"
[[faults]]
name = "half"
replace = "any share of movie"
on = "d"
by = "truncated to 50%"
when = "step 5 starts"
[[faults]]
name = "piece"
replace = "share 1 of movie"
by = "truncated to 3 KiB"
when = "step 4 starts"
[[faults]]
name = "other"
replace = "shares of movie"
by = "share 3 of movie"
when = "step 7 starts"
[[faults]]
power_loss = "bucket, a"
for = "1s"
[[faults]]
name = "bad day"
answer = "bucket"
with = "503 SlowDown"
retry_after = "2s"
applied = true
only = "puts"
keys = "a/mutable/"
which = "with probability 0.01"
again = 0.25
again_within = "1s"
[[faults]]
throttle = "bucket"
puts_per_second = 100
gets_per_second = 200
when = "bucket has received 3 requests"
[[faults]]
restore = "any 2"
to = "step 2"
when = "step 3 ends"
[matrix]
"server.b.latency" = ["1ms", "2ms..3ms"]
"server.b.bandwidth" = ["1 MiB/s"]
[over_all_seeds]
uploads_failed = "<= 2 of 1000"
downloads_failed = ">= 1 of 10"
puts_failed = "<= 1 of 2"
uploads_took = "max <= 5s"
downloads_took = ["p50 <= 1s", "p99.9 <= 10s"]
[experiment]
question = "Is it enough?"
counts = "puts"
requests = 5
tested = "latency=1ms"
[must_fail]
verdict = "hang"
says = "waits"
"#;

/// Whether the schema takes a file; none if it has numbers that JSON has not.
fn schema_takes(bytes: &[u8]) -> Option<bool> {
    static VALIDATOR: LazyLock<jsonschema::Validator> = LazyLock::new(|| {
        let schema = serde_json::from_str(&scenario::schema()).unwrap();
        jsonschema::validator_for(&schema).unwrap()
    });
    let table: toml::Table = toml::from_str(std::str::from_utf8(bytes).ok()?).ok()?;
    Some(VALIDATOR.is_valid(&serde_json::to_value(table).ok()?))
}

fn read_and_show(bytes: &[u8]) {
    match scenario::parse_all("test.toml", bytes) {
        Ok(variants) => {
            // Numbers may be written `+3`, which nobody does and the schema does not say.
            assert!(
                bytes.contains(&b'+') || schema_takes(bytes) != Some(false),
                "the schema refuses a good file"
            );
            for (scenario, seed) in variants.iter().take(4).flat_map(|one| [(one, 0), (one, u64::MAX)]) {
                let text = scenario::explain(scenario, seed);
                let again =
                    scenario::parse("test.toml", text.as_bytes()).unwrap_or_else(|e| panic!("{e}\n{text}"));
                let schedule = Schedule { variant: None, ..scenario.schedule(seed) };
                assert_eq!(again.schedule(seed), schedule);
            }
        }
        Err(diagnostics) => {
            assert!(!diagnostics.problems().is_empty());
            for problem in diagnostics.problems() {
                assert!(!problem.title.is_empty());
            }
            assert!(diagnostics.render(false).contains(".toml"));
            diagnostics.render(true);
        }
    }
}

#[test]
fn the_rich_file_is_good() {
    read_and_show(RICH.as_bytes());
    for scenario in scenario::parse_all("test.toml", RICH.as_bytes()).unwrap() {
        for seed in [3, u64::MAX] {
            let text = scenario::pin(&scenario, seed);
            let again =
                scenario::parse("test.toml", text.as_bytes()).unwrap_or_else(|e| panic!("{e}\n{text}"));
            assert_eq!(again.schedule(seed), Schedule { variant: None, ..scenario.schedule(seed) });
            assert_eq!(scenario::pin(&again, seed), text);
        }
    }
}

#[test]
fn every_key_of_the_format_is_read() {
    fn each(table: &Table, visit: &mut impl FnMut(&str)) {
        for key in table.keys {
            visit(key.name);
            if let Form::Table(inner) | Form::Tables(inner) | Form::Named(inner) = key.form {
                each(inner, visit);
            }
        }
    }
    each(&keys::FILE, &mut |key| {
        assert!(
            RICH.contains(&format!("{key} =")) || RICH.contains(&format!("[{key}")),
            "{key} is not tried"
        );
    });
    for (n, line) in RICH.lines().enumerate().filter(|(_, line)| line.contains(" = ")) {
        let key = line.split(" = ").next().unwrap_or_default();
        let spoilt = RICH.replacen(&format!("{line}\n"), &format!("{key} = 1979-05-27\n"), 1);
        let error = scenario::parse("test.toml", spoilt.as_bytes()).expect_err(line);
        let at = |at: &Range<usize>| spoilt[..at.start].matches('\n').count();
        let lines: Vec<_> =
            error.problems().iter().filter_map(|problem| problem.span.as_ref().map(at)).collect();
        assert!(lines.contains(&n) || RICH.matches(line).count() > 1, "{line}: {error}");
    }
}

#[test]
fn deep_phrases_do_not_exhaust_the_stack() {
    for phrase in ["all but ".repeat(100_000), "any 1 of ".repeat(100_000), "1h".repeat(300_000)] {
        read_and_show(RICH.replace("\"all\"", &format!("\"{phrase}\"")).as_bytes());
    }
    read_and_show(format!("x = {}", "[".repeat(500_000)).as_bytes());
}

#[test]
fn huge_numbers_do_not_overflow() {
    for size in ["18446744073709551615 TiB", "0.99999999999999999999 TiB", "1e9 B", "1.. B", "..", "1.", "."]
    {
        read_and_show(RICH.replace("1 MiB..2 MiB", size).as_bytes());
        read_and_show(RICH.replace("100..200 B", size).as_bytes());
    }
    for number in [
        "-1",
        "0x7fffffffffffffff",
        "18446744073709551615",
        "99999999999999999999999",
        "1.5",
        "inf",
        "1979-05-27",
    ] {
        read_and_show(RICH.replace("count = 16", &format!("count = {number}")).as_bytes());
        read_and_show(RICH.replace("seed = 5", &format!("seed = {number}")).as_bytes());
        read_and_show(RICH.replace("happiness = 2", &format!("happiness = {number}")).as_bytes());
    }
}

proptest! {
    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        read_and_show(&bytes);
    }

    #[test]
    fn any_text(text in "\\PC{0,200}") {
        read_and_show(text.as_bytes());
    }

    #[test]
    fn a_good_file_with_a_piece_replaced(at in 0..RICH.len(), len in 0usize..12, piece in "\\PC{0,8}|[0-9.\"\\[\\]= a-z\n]{0,12}") {
        let end = (at + len).min(RICH.len());
        read_and_show(format!("{}{piece}{}", &RICH[..at], &RICH[end..]).as_bytes());
    }

    #[test]
    fn a_good_file_with_another_value(
        line in 0..RICH.lines().count(),
        value in "\"[a-z0-9 .,%]{0,20}\"|[0-9]{1,20}|\"[0-9]{1,3} ?[a-zA-Z]{1,3}(\\.\\.[0-9]{1,3} ?[a-zA-Z]{1,3})?\"|\"(any [0-9]|all but|holders of|share [0-9]+ of|it has) ?[a-z ]{0,12}\"|\\[\\]|\\{\\}|true|\"\\PC{0,10}\"",
    ) {
        let spoil = |(n, text): (usize, &str)| match text.split_once('=') {
            Some((key, _)) if n == line => format!("{key}= {value}\n"),
            _ => format!("{text}\n"),
        };
        read_and_show(RICH.lines().enumerate().map(spoil).collect::<String>().as_bytes());
    }

    #[test]
    fn a_good_file_without_a_line(line in 0..RICH.lines().count()) {
        let rest = RICH.lines().enumerate().filter(|(n, _)| *n != line).map(|(_, text)| format!("{text}\n"));
        read_and_show(rest.collect::<String>().as_bytes());
    }
}
