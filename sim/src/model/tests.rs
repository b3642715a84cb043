//! The rules, one by one, and all of them on histories drawn at random.

use lafs::format::hash::Digest;
use proptest::prelude::*;

use super::*;

fn at(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn version(seqnum: u64) -> VersionId {
    VersionId { seqnum, root_hash: Digest([u8::try_from(seqnum % 251).unwrap(); 32]) }
}

fn who(client: &str) -> Who {
    Who { client: client.to_owned(), what: "step 1".to_owned() }
}

fn never(_: VersionId) -> bool {
    false
}

fn whole(content: &str) -> Kind {
    Kind::Whole(Bytes::copy_from_slice(content.as_bytes()))
}

fn line(text: &str) -> Kind {
    Kind::Line(Bytes::from(format!("{text}\n")))
}

/// A change that was acknowledged without an objection.
fn done(history: &mut History, client: &str, span: (u64, u64), seqnum: u64, kind: Kind) -> Ticket {
    let ticket = history.begin(who(client), at(span.0), kind);
    assert_eq!(history.acknowledged(ticket, at(span.1), Some(version(seqnum)), never), [""; 0]);
    ticket
}

fn read(client: &str, span: (u64, u64), seqnum: u64, content: &str) -> Read {
    Read {
        who: who(client),
        began: at(span.0),
        ended: at(span.1),
        version: version(seqnum),
        content: Bytes::copy_from_slice(content.as_bytes()),
    }
}

/// A file that was created and got two lines.
fn two_lines() -> History {
    let mut history = History::default();
    done(&mut history, "a", (0, 10), 1, whole("head."));
    done(&mut history, "a", (10, 20), 2, line("one"));
    done(&mut history, "b", (20, 30), 3, line("two"));
    history
}

#[track_caller]
fn objects(findings: &[String], words: &[&str]) {
    assert_eq!(findings.len(), 1, "{findings:?}");
    for word in words {
        assert!(findings[0].contains(word), "{word}: {}", findings[0]);
    }
}

#[test]
fn what_everybody_appended_is_read() {
    let findings = two_lines().read(read("c", (30, 40), 3, "head.one\ntwo\n"), never);
    assert_eq!(findings, [""; 0]);
}

#[test]
fn bytes_that_nobody_wrote_are_impossible() {
    let garbage = |content| two_lines().read(read("c", (30, 40), 4, content), never);
    objects(&garbage("hexd.one\ntwo\n"), &["no content that was ever written", "from byte 2", "c, step 1"]);
    objects(&garbage("hea"), &["ends after byte 3"]);
    objects(&garbage("head.one\nzwei\n"), &["nobody appended", "zwei"]);
    objects(&garbage("head.one\ntw"), &["nobody appended", "tw"]);
    objects(&garbage("head.one\none\ntwo\n"), &["twice", "0.010 s"]);
    objects(&History::default().read(read("c", (0, 1), 1, ""), never), &["nobody ever wrote"]);
}

#[test]
fn a_line_that_had_not_begun_is_impossible() {
    let mut history = two_lines();
    history.begin(who("a"), at(50), line("three"));
    let early = read("c", (30, 40), 4, "head.one\ntwo\nthree\n");
    objects(&history.read(early, never), &["had not begun", "0.050 s"]);
    let within = read("d", (30, 60), 5, "head.one\ntwo\nthree\n");
    assert_eq!(history.read(within, never), [""; 0]);
}

#[test]
fn an_acknowledged_line_is_not_lost() {
    let mut history = two_lines();
    objects(&history.read(read("c", (30, 40), 2, "head.one\n"), never), &["without what b, step 1", "seq3"]);
    // Newer, and still without it: nothing excuses that.
    objects(&history.read(read("d", (30, 40), 4, "head.two\n"), |_| true), &["without what a, step 1"]);
    let mut history = two_lines();
    assert_eq!(history.read(read("c", (30, 40), 2, "head.one\n"), |v| v == version(3)), [""; 0]);
    assert_eq!(history.read(read("d", (29, 40), 2, "head.one\n"), never), [""; 0], "not acknowledged yet");
}

#[test]
fn an_overwrite_takes_what_was_before_and_nothing_that_came_after() {
    let mut history = two_lines();
    done(&mut history, "a", (30, 40), 4, whole("new."));
    assert_eq!(history.read(read("c", (40, 50), 4, "new."), never), [""; 0]);
    objects(&history.read(read("d", (40, 50), 5, "head.one\ntwo\n"), never), &["without what a", "seq4"]);
    done(&mut history, "a", (50, 60), 5, line("three"));
    let without = read("e", (60, 70), 6, "new.");
    objects(&history.read(without, never), &["without", "seq5"]);
}

#[test]
fn of_writes_at_the_same_time_either_may_win_and_the_higher_version_did() {
    let mut history = two_lines();
    let one = history.begin(who("a"), at(30), whole("one."));
    let other = history.begin(who("b"), at(30), whole("other."));
    assert_eq!(history.acknowledged(one, at(40), Some(version(4)), never), [""; 0]);
    assert_eq!(history.read(read("c", (40, 45), 4, "one."), never), [""; 0]);
    assert_eq!(history.read(read("c", (40, 45), 5, "other."), never), [""; 0]);
    assert_eq!(history.acknowledged(other, at(50), Some(version(5)), never), [""; 0]);
    assert_eq!(history.read(read("c", (50, 55), 5, "other."), never), [""; 0]);
    objects(&history.read(read("d", (50, 55), 4, "one."), never), &["without what b"]);
}

#[test]
fn a_failed_write_may_be_there_or_not_but_not_under_an_older_version() {
    let mut history = two_lines();
    let failed = history.begin(who("a"), at(30), whole("half."));
    history.failed(failed);
    assert_eq!(history.read(read("c", (40, 50), 3, "head.one\ntwo\n"), never), [""; 0]);
    assert_eq!(history.read(read("c", (50, 60), 4, "half."), never), [""; 0]);
    let mut history = two_lines();
    let failed = history.begin(who("a"), at(30), whole("half."));
    history.failed(failed);
    objects(&history.read(read("c", (50, 60), 2, "half."), never), &["without", "seq3"]);
}

#[test]
fn a_line_that_was_there_already_counts_as_acknowledged() {
    let mut history = two_lines();
    let again = history.begin(who("a"), at(30), line("three"));
    assert_eq!(history.acknowledged(again, at(40), None, never), [""; 0]);
    let without = |history: &mut History, excuse| {
        history.read(read("c", (50, 60), 3, "head.one\ntwo\n"), move |_| excuse)
    };
    objects(&without(&mut history, true), &["without what a, step 1 (0.030 s to 0.040 s)"]);
    let with = read("d", (40, 50), 4, "head.one\ntwo\nthree\n");
    assert_eq!(history.read(with, never), [""; 0]);
    assert_eq!(without(&mut history, true), [""; 0], "a newer version is out of reach");
}

#[test]
fn a_client_does_not_go_back() {
    let mut history = History::default();
    done(&mut history, "a", (0, 10), 1, whole("head."));
    let pending = history.begin(who("a"), at(10), line("one"));
    assert_eq!(history.read(read("c", (10, 20), 2, "head.one\n"), never), [""; 0]);
    let back = || read("c", (20, 30), 1, "head.");
    objects(&history.read(back(), never), &["older than what the same client had seen", "read seq2"]);
    assert_eq!(history.read(back(), |v| v == version(2)), [""; 0]);
    assert_eq!(history.read(read("b", (20, 30), 1, "head."), never), [""; 0], "another client may");
    history.failed(pending);
    done(&mut history, "e", (30, 40), 3, line("two"));
    let findings = history.read(read("e", (40, 50), 1, "head."), never);
    assert!(findings.iter().any(|finding| finding.contains("older than") && finding.contains("seq3")));
}

#[test]
fn a_version_has_one_content() {
    let mut history = History::default();
    done(&mut history, "a", (0, 10), 1, whole("head."));
    let one = history.begin(who("a"), at(10), whole("heap."));
    history.failed(one);
    let findings = history.read(read("c", (20, 30), 1, "heap."), never);
    objects(&findings, &["two contents of version seq1", "from byte 3", "a, step 1 wrote"]);
}

#[test]
fn a_new_version_is_newer_than_all_that_were_acknowledged_before() {
    let mut history = two_lines();
    let same = history.begin(who("a"), at(30), line("three"));
    let findings = history.acknowledged(same, at(40), Some(version(3)), never);
    objects(&findings, &["no newer than what b", "seq3"]);
    let excused = history.begin(who("a"), at(20), line("four"));
    assert_eq!(history.acknowledged(excused, at(40), Some(version(2)), |v| v == version(2)), [""; 0]);
}

/// What somebody does: who, what, when it begins, how long until it takes effect and until it ends, and whether it says so.
#[derive(Debug, Clone)]
struct Act {
    client: u8,
    kind: u8,
    began: u64,
    takes_effect: u64,
    ended: u64,
    fails: bool,
    applied: bool,
}

fn act() -> impl Strategy<Value = Act> {
    (0..3u8, 0..6u8, 0..200u64, 0..30u64, 0..30u64, 0..5u8, any::<bool>()).prop_map(
        |(client, kind, began, until, rest, fails, applied)| Act {
            client,
            kind,
            began,
            takes_effect: began + until,
            ended: began + until + rest,
            fails: fails == 0,
            applied,
        },
    )
}

/// A store with one copy, which does one thing after the other: what every act got or made, by the order of effects.
struct Played {
    history: History,
    findings: Vec<String>,
    content: String,
    seqnum: u64,
    /// Lines that were acknowledged and never overwritten.
    safe: Vec<String>,
}

fn play(acts: &[Act]) -> Played {
    let mut history = History::default();
    done(&mut history, "z", (0, 0), 1, whole(""));
    let (mut content, mut seqnum) = (String::new(), 1u64);
    // What happens, in order: (time, phase, act); of one moment beginnings come first and ends last. No two things happen
    // at once: the place in this order is the time that is told.
    let mut moments: Vec<(u64, u8, usize)> = Vec::new();
    for (n, act) in acts.iter().enumerate() {
        moments.extend([(act.began, 0, n), (act.takes_effect, 1, n), (act.ended, 2, n)]);
    }
    moments.sort_unstable();
    let mut began = vec![0; acts.len()];
    let mut tickets = vec![None; acts.len()];
    let mut results: Vec<Option<(u64, String)>> = vec![None; acts.len()];
    let mut findings = Vec::new();
    let mut safe: Vec<String> = Vec::new();
    for (time, (_, phase, n)) in (1..).zip(moments) {
        let act = &acts[n];
        if phase == 0 {
            began[n] = time;
        }
        let client = format!("c{}", act.client);
        let text = format!("{n}\n");
        // Short contents, so that some are equal and some begin like others.
        let new = "ab".repeat(usize::from(act.kind)).get(1..).unwrap_or_default().to_owned();
        match (phase, act.kind) {
            (0, 1..=2) => tickets[n] = Some(history.begin(who(&client), at(time), whole(&new))),
            (0, 3..) => tickets[n] = Some(history.begin(who(&client), at(time), line(&n.to_string()))),
            (1, 0) => results[n] = Some((seqnum, content.clone())),
            (1, kind) if !act.fails || act.applied => {
                seqnum += 1;
                if kind <= 2 {
                    content = new;
                    safe.clear();
                } else {
                    content += &text;
                    safe.extend((!act.fails).then_some(text));
                }
                results[n] = Some((seqnum, String::new()));
            }
            (2, 0) => {
                let (seqnum, content) = results[n].clone().unwrap();
                findings.extend(history.read(read(&client, (began[n], time), seqnum, &content), never));
            }
            (2, _) if act.fails => history.failed(tickets[n].unwrap()),
            (2, _) => {
                let made = version(results[n].as_ref().unwrap().0);
                findings.extend(history.acknowledged(tickets[n].unwrap(), at(time), Some(made), never));
            }
            _ => {}
        }
    }
    Played { history, findings, content, seqnum, safe }
}

proptest! {
    #[test]
    fn a_store_that_does_one_thing_after_the_other_is_never_objected_to(
        acts in prop::collection::vec(act(), 0..40)
    ) {
        prop_assert_eq!(play(&acts).findings, Vec::<String>::new());
    }

    #[test]
    fn in_any_history_a_planted_wrong_is_found(acts in prop::collection::vec(act(), 0..40)) {
        let last = |seqnum, content: &str| read("reader", (1000, 1001), seqnum, content);
        let Played { mut history, content, seqnum, safe, .. } = play(&acts);
        prop_assert_eq!(history.read(last(seqnum, &content), never), Vec::<String>::new());
        let garbage = history.read(last(seqnum + 1, &format!("{content}?")), never);
        prop_assert!(!garbage.is_empty());
        // A write that failed may take effect at any time, and then take lines away.
        let unsure = acts.iter().any(|act| matches!(act.kind, 1..=2) && act.fails);
        for line in safe.iter().filter(|_| !unsure) {
            let without = history.read(last(seqnum + 2, &content.replacen(line, "", 1)), never);
            prop_assert!(!without.is_empty(), "{line:?} is gone from {content:?}");
        }
        let other = history.read(last(seqnum, &format!("{content}ab")), never);
        prop_assert!(other.iter().any(|finding| finding.contains("two contents")));
        let back = read("reader", (2000, 2001), seqnum - 1, &content);
        let findings = history.read(back, never);
        prop_assert!(findings.iter().any(|finding| finding.contains("same client")), "{:?}", findings);
    }
}
