//! What a run that did not end was waiting for.

use std::time::Duration;

use crate::report::plural;
use crate::trace::question_text;
use crate::verdict::{Finding, Oracle, seconds};
use crate::workload::describe;
use crate::world::World;

/// Names every request that is open, since when, the last byte each way, the faults in the way, and the `patience`
/// after which the client would give it up.
pub fn diagnose(world: &World, step: usize, patience: Duration) -> Finding {
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
    for ((client, _, server, question), since) in open {
        let host = world.host(server.as_str());
        let heard = |at: Option<Duration>| at.map_or("never".to_owned(), seconds);
        let last_in = heard(host.and_then(|host| records.ledger.last_heard(host, *client)));
        let last_out = heard(host.and_then(|host| records.ledger.last_heard(*client, host)));
        let faults = host.map(|host| records.book.names_on(host)).unwrap_or_default();
        let faults =
            if faults.is_empty() { "none".to_owned() } else { format!("\"{}\"", faults.join("\", \"")) };
        let patience = seconds(patience);
        text += &format!(
            "\n{} waits for {server}: {}, since {}; last byte from it: {last_in}, to it: {last_out}; given up after {patience} of silence; faults there: {faults}",
            world.names().host(*client),
            question_text(*question),
            seconds(*since),
        );
    }
    Finding { oracle: Oracle::Hang, text }
}
