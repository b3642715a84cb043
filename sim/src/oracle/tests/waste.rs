//! What is left over after an operation, and what it may use.

use super::*;

#[test]
fn what_is_left_over_is_uneconomic() {
    after(PLAIN, |world, reports| {
        let mut report = reports[1].clone();
        let step = &world.schedule().steps[1];
        assert_eq!(economy::judge_step(world, step, &report), []);
        report.left_over = vec!["Shares to s3".to_owned()];
        let finding = economy::judge_step(world, step, &report).remove(0);
        assert_eq!(finding.text, "client downloads movie ended and left behind 1 request: Shares to s3");
        let client = world.client("client", 0);
        assert_eq!(economy::judge_end(world).len(), 1, "somebody still holds the client");
        drop(client);
        assert_eq!(economy::judge_end(world), []);
    });
}

/// What economy says of a step of an undisturbed run once `change` has been at its figures.
fn if_it_had_used(text: &str, number: usize, change: impl Fn(&mut StepReport)) -> Vec<String> {
    after(text, |world, reports| {
        let mut report = reports[number].clone();
        change(&mut report);
        let findings = economy::judge_step(world, &world.schedule().steps[number], &report);
        findings.into_iter().map(|finding| finding.text).collect()
    })
}

/// A file of eight segments.
const LONG: &str = "about = \"x\"\n[files.movie]\nsize = \"1 MiB\"\n\
    [[steps]]\nupload = \"movie\"\n[[steps]]\ndownload = \"movie\"\n";

#[test]
fn what_stays_on_hosts_after_a_step_is_left_over() {
    let left = |change: &dyn Fn(&mut usage::Usage)| {
        if_it_had_used(PLAIN, 0, |report| change(&mut report.usage)).concat()
    };
    assert_eq!(left(&|_| ()), "");
    let text = left(&|usage| usage.programs_left = 1);
    assert_eq!(text, "client uploads movie ended and left behind 1 program on the client's host");
    let text = left(&|usage| usage.connections_busy.push("s2".to_owned()));
    assert!(text.ends_with("left behind 1 busy connection: to s2"), "{text}");
    assert_eq!(
        left(&|usage| {
            usage.connections_kept.insert("s2".to_owned(), 4);
        }),
        ""
    );
    let text = left(&|usage| {
        usage.connections_kept.insert("s2".to_owned(), 5);
    });
    assert!(text.ends_with("left behind 5 connections to s2, at most 4 may stay idle"), "{text}");
    let text = left(&|usage| {
        usage.staged_left.insert("s2".to_owned(), 77);
    });
    assert!(text.ends_with("77 B that s2 still reserves for shares that will not come"), "{text}");
}

#[test]
fn a_server_that_was_struck_may_still_reserve_room() {
    let hung = |who: &str| {
        format!("{PLAIN}[[faults]]\nname = \"f\"\nhang = \"{who}\"\nwhen = \"at the start\"\nfor = \"1ms\"\n")
    };
    let left = |text: &str| {
        if_it_had_used(text, 0, |report| {
            report.usage.staged_left.insert("s2".to_owned(), 77);
        })
    };
    assert_eq!(left(&hung("s2")), [""; 0]);
    assert_eq!(left(&hung("s3")).len(), 1);
}

#[test]
fn an_undisturbed_download_that_fetches_everything_twice_or_from_everybody_is_too_dear() {
    assert_eq!(if_it_had_used(LONG, 1, |_| ()), [""; 0]);
    let twice = if_it_had_used(LONG, 1, |report| report.usage.received_bytes *= 2);
    assert!(twice.concat().contains("received more than it could use, in bytes: 2"), "{twice:?}");
    let all = if_it_had_used(LONG, 1, |report| report.counts.requests += 8 * 7);
    assert!(all.concat().contains("made more requests than there was to ask: "), "{all:?}");
    let hung = format!("{LONG}[[faults]]\nname = \"f\"\nhang = \"s3\"\nwhen = \"step 2 starts\"\n");
    assert_eq!(
        if_it_had_used(&hung, 1, |report| report.usage.received_bytes *= 2),
        [""; 0],
        "it had a reason"
    );
}

#[test]
fn an_undisturbed_upload_that_sends_everything_twice_is_too_dear() {
    assert_eq!(if_it_had_used(LONG, 0, |_| ()), [""; 0]);
    let twice = if_it_had_used(LONG, 0, |report| report.usage.sent_bytes *= 2);
    assert!(twice.concat().contains("sent more than there was to send, in bytes: 7"), "{twice:?}");
    let twice = if_it_had_used(LONG, 0, |report| report.counts.requests += 80);
    assert_eq!(twice.len(), 1);
}
