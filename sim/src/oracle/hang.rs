//! What a run that did not end was waiting for.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::ledger::Waiting;
use crate::report::plural;
use crate::trace::question_text;
use crate::verdict::{Finding, Oracle, seconds};
use crate::workload::describe;
use crate::world::World;

/// Names every request that is open: since when, the last byte each way, what would have ended the waiting, and the
/// faults in the way.
pub fn diagnose(world: &World, step: usize) -> Finding {
    let plan = world.schedule().steps.get(step);
    let what = plan
        .map_or("nothing in particular".to_owned(), |plan| format!("step {}, {}", step + 1, describe(plan)));
    let records = world.recorder().records();
    let open = records.ledger.open();
    let deadline = seconds(world.schedule().deadline);
    if open.is_empty() {
        let text =
            format!("{what} had not ended after {deadline} and waits for no server: no request is open");
        return Finding { oracle: Oracle::Hang, text };
    }
    let mut text = format!(
        "{what} had not ended after {deadline}; it waits for {}",
        plural(open.len() as u64, "answer")
    );
    for ((client, _, server, question), waiting) in open {
        let host = world.host(server.as_str());
        let heard = |at: Option<Duration>| at.map_or("never".to_owned(), seconds);
        let last_in = heard(host.and_then(|host| records.ledger.last_heard(host, *client)));
        let last_out = heard(host.and_then(|host| records.ledger.last_heard(*client, host)));
        let kept_elsewhere = host.is_some_and(|host| world.needs(host).any(|needed| world.is_bucket(needed)));
        let behind = if kept_elsewhere { ", which keeps its shares in the bucket" } else { "" };
        let needed = host.into_iter().flat_map(|host| world.needs(host));
        let in_the_way = needed.chain([*client]).flat_map(|host| records.book.names_on(host));
        let faults: Vec<&str> = in_the_way.collect::<BTreeSet<&str>>().into_iter().collect();
        let faults =
            if faults.is_empty() { "none".to_owned() } else { format!("\"{}\"", faults.join("\", \"")) };
        text += &format!(
            "\n{} waits for {server}{behind}: {}, since {}; last byte from it: {last_in}, to it: {last_out}; deadlines: {}; faults in the way: {faults}",
            world.names().host(*client),
            question_text(*question),
            seconds(waiting.since),
            deadlines(waiting),
        );
    }
    Finding { oracle: Oracle::Hang, text }
}

/// What would end the waiting, as the client said when it asked, and what has come to pass of it.
fn deadlines(waiting: &Waiting) -> String {
    let armed = &waiting.deadlines;
    let overdue = match waiting.overdue {
        Some(at) => Some(format!("asks others since {}", seconds(at))),
        None => armed.overdue_after.map(|span| format!("asks others after {} of silence", seconds(span))),
    };
    let silence = armed.silence_max.map(|span| format!("gives up after {} of silence", seconds(span)));
    let stall =
        armed.stall_max.map(|span| format!("the operation fails after {} without progress", seconds(span)));
    let end =
        armed.operation_left.map(|span| format!("the operation ends at {}", seconds(waiting.since + span)));
    let all: Vec<String> = [overdue, silence, stall, end].into_iter().flatten().collect();
    if all.is_empty() { "none".to_owned() } else { all.join(", ") }
}

#[cfg(test)]
mod tests {
    use lafs::client::Deadlines;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn told(deadlines: Deadlines, overdue: Option<Duration>) -> String {
        super::deadlines(&Waiting { since: 10 * SECOND, deadlines, overdue })
    }

    #[test]
    fn a_wait_that_nothing_ends_says_so() {
        assert_eq!(told(Deadlines::default(), None), "none");
    }

    #[test]
    fn every_deadline_is_told_and_one_that_has_passed_says_when() {
        let deadlines = Deadlines {
            silence_max: Some(30 * SECOND),
            overdue_after: Some(SECOND / 4),
            stall_max: Some(60 * SECOND),
            operation_left: Some(90 * SECOND),
        };
        let rest = "gives up after 30.000 s of silence, the operation fails after 60.000 s without progress, \
                    the operation ends at 100.000 s";
        assert_eq!(told(deadlines, None), format!("asks others after 0.250 s of silence, {rest}"));
        let since = format!("asks others since 12.000 s, {rest}");
        assert_eq!(told(deadlines, Some(12 * SECOND)), since);
    }

    #[test]
    fn a_deadline_that_is_not_armed_is_not_told() {
        let deadlines = Deadlines { silence_max: Some(30 * SECOND), ..Deadlines::default() };
        assert_eq!(told(deadlines, None), "gives up after 30.000 s of silence");
    }
}
