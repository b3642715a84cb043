//! Peace, windows that fill, and accept queues.

use super::{Case, case};
use crate::BACKLOG;
use crate::stage::{Far, Near, Stage};

pub(super) fn cases() -> Vec<Case> {
    vec![
        case!(peace),
        case!(nobody_listens),
        case!(a_slow_reader_stops_the_writer),
        case!(both_write_and_nobody_reads),
        case!(connects_succeed_before_they_are_accepted),
        case!(a_full_queue_makes_connects_wait),
        case!(a_full_queue_outlasts_patience).short(),
        case!(a_listener_goes_while_a_connect_waits_for_its_queue),
        case!(a_listener_goes_and_its_connections_stay),
        case!(a_listener_goes_with_connections_in_its_queue),
        case!(an_end_in_the_queue_is_closed_before_it_is_accepted),
        case!(an_end_in_the_queue_is_reset_before_it_is_accepted),
    ]
}

const PLENTY: &str = "write 8000000";

async fn peace(s: &mut Stage) {
    s.connect().await;
    s.ends(Near, "write 1000").await;
    s.ends(Far, "read 1000").await;
    s.ends(Far, "write 100000").await;
    s.ends(Near, "read 100000").await;
    s.waits(Near, "read 1").await;
    s.ends(Far, "close").await;
    s.ends(Near, "drain").await;
}

async fn nobody_listens(s: &mut Stage) {
    s.ends(Near, "dial").await;
    s.ends(Far, "listen").await;
    s.ends(Near, "dial").await;
    s.ends(Far, "unlisten").await;
    s.ends(Near, "dial").await;
}

async fn a_slow_reader_stops_the_writer(s: &mut Stage) {
    s.connect().await;
    s.waits(Near, PLENTY).await;
    s.ends(Far, "read 1000").await;
    s.still(Near).await;
    s.ends(Far, "read 7999000").await;
    s.later(Near).await;
    s.waits(Far, "read 1").await;
}

async fn both_write_and_nobody_reads(s: &mut Stage) {
    s.connect().await;
    s.waits(Near, PLENTY).await;
    s.waits(Far, PLENTY).await;
    s.still(Near).await;
    s.quietly(Near, "read 1000").await;
    s.waits(Near, PLENTY).await;
}

async fn connects_succeed_before_they_are_accepted(s: &mut Stage) {
    s.ends(Far, "listen").await;
    s.ends(Near, "dial").await;
    s.ends(Near, "write 1000").await;
    s.waits(Near, "read 1").await;
    s.ends(Far, "accept").await;
    s.ends(Far, "read 1000").await;
    s.ends(Far, "write 1").await;
    s.later(Near).await;
}

async fn a_full_queue_makes_connects_wait(s: &mut Stage) {
    s.ends(Far, "listen").await;
    for _ in 0..=BACKLOG {
        s.ends(Near, "dial").await;
    }
    s.waits(Near, "dial").await;
    s.ends(Far, "accept").await;
    s.later(Near).await;
    for _ in 0..=BACKLOG {
        s.ends(Far, "accept").await;
    }
    s.ends(Near, "write 10").await;
    s.ends(Far, "read 10").await;
}

async fn a_listener_goes_with_connections_in_its_queue(s: &mut Stage) {
    s.ends(Far, "listen").await;
    s.ends(Near, "dial").await;
    s.waits(Near, "read 1").await;
    s.ends(Far, "unlisten").await;
    s.later(Near).await;
    s.ends(Near, "dial").await;
}

async fn a_listener_goes_and_its_connections_stay(s: &mut Stage) {
    s.connect().await;
    s.ends(Far, "unlisten").await;
    s.ends(Near, "write 10").await;
    s.ends(Far, "read 10").await;
    s.ends(Far, "write 10").await;
    s.ends(Near, "read 10").await;
}

async fn a_listener_goes_while_a_connect_waits_for_its_queue(s: &mut Stage) {
    s.ends(Far, "listen").await;
    for _ in 0..=BACKLOG {
        s.ends(Near, "dial").await;
    }
    s.waits(Near, "dial").await;
    s.ends(Far, "unlisten").await;
    s.later(Near).await;
    s.ends(Near, "drain").await;
}

async fn a_full_queue_outlasts_patience(s: &mut Stage) {
    s.ends(Far, "listen").await;
    for _ in 0..=BACKLOG {
        s.ends(Near, "dial").await;
    }
    s.ends(Near, "dial").await;
}

async fn an_end_in_the_queue_is_closed_before_it_is_accepted(s: &mut Stage) {
    s.ends(Far, "listen").await;
    s.ends(Near, "dial").await;
    s.ends(Near, "write 100").await;
    s.ends(Near, "close").await;
    s.settle().await;
    s.ends(Far, "accept").await;
    s.ends(Far, "drain").await;
}

async fn an_end_in_the_queue_is_reset_before_it_is_accepted(s: &mut Stage) {
    s.ends(Far, "listen").await;
    s.ends(Near, "dial").await;
    s.ends(Near, "write 100").await;
    s.settle().await;
    s.ends(Near, "reset").await;
    s.settle().await;
    s.ends(Far, "accept").await;
    s.ends(Far, "drain").await;
}
