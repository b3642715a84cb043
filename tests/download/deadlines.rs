//! What is told of the deadlines of a request is what ends the waiting.

use std::collections::BTreeMap;
use std::time::Duration;

use lafs::client::Event;
use tokio::time::Instant;

use crate::case::{Case, LATENCY, hang_at_read};

#[test]
fn a_block_is_overdue_no_later_than_was_told() {
    let case = Case::new(10, 1 << 20, 1 << 18);
    let victim = case.used().0;
    let case = Case::new(10, 1 << 20, 1 << 18);
    hang_at_read(case.node(victim), 4);
    case.good();
    let mut told = BTreeMap::new();
    let mut overdue = Vec::new();
    for event in case.grid.recorder.events() {
        match event {
            Event::Asked { server, question, deadlines } => {
                told.insert((server, question), deadlines.overdue_after);
            }
            Event::Overdue { server, question, after } => {
                overdue.push((after, told[&(server, question)]));
            }
            _ => {}
        }
    }
    let [(after, Some(told))] = overdue[..] else { panic!("{overdue:?}") };
    assert_eq!(after, 3 * LATENCY);
    assert!(told >= after && told < 5 * LATENCY, "answers of others only shorten it: {told:?}");
}

#[test]
fn every_request_of_a_download_says_what_ends_the_waiting_for_it() {
    let case = Case::new(10, 1 << 20, 1 << 18);
    case.node(0).hang();
    case.good();
    let policy = &case.policy;
    let mut begun: Option<Instant> = None;
    for (at, event) in case.grid.recorder.timed() {
        let Event::Asked { deadlines, .. } = event else { continue };
        let since = at - *begun.get_or_insert(at);
        assert_eq!(deadlines.silence_max, Some(policy.transport.silence_max));
        assert_eq!(deadlines.stall_max, Some(policy.download.stall_max));
        assert_eq!(deadlines.operation_left, Some(policy.download.deadline - since));
        assert!(deadlines.overdue_after.is_some_and(|after| after <= Duration::from_secs(10)));
    }
    assert!(begun.is_some());
}
