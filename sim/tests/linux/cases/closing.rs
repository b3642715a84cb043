//! How connections end: FIN, RST, and who learns of it when.

use super::{Case, Difference, case};
use crate::stage::{Far, Near, Stage};

pub(super) fn cases() -> Vec<Case> {
    vec![
        case!(close_comes_after_what_was_written),
        case!(close_after_half_of_a_write),
        case!(half_close_still_carries_the_answer),
        case!(writing_to_a_closed_peer),
        case!(writing_to_a_peer_that_closes_in_mid_write),
        case!(close_with_unread_bytes),
        case!(close_with_unread_bytes_and_an_end),
        case!(reset_seen_while_reading),
        case!(reset_seen_while_writing),
        case!(reset_seen_by_the_next_write),
        case!(reset_leaves_what_had_arrived_readable),
        case!(reset_right_after_a_write).differs(RESET_IS_A_FAULT),
        case!(close_with_unread_bytes_right_after_a_write),
        case!(reset_after_an_end),
        case!(close_in_silence_arrives_after_the_heal),
        case!(close_in_silence_outlasts_patience).short(),
        case!(reset_in_silence_is_provoked_again),
        case!(close_with_unread_bytes_in_silence),
        case!(reset_in_silence_loses_what_was_written),
        case!(writing_to_a_closed_peer_whose_bytes_are_unread),
        case!(both_close),
    ]
}

const RESET_IS_A_FAULT: &[Difference] = &[Difference {
    linux: "near drain: ConnectionReset after 700",
    engine: "near drain: ConnectionReset after 0",
    reason: "a program cannot reset on the engine, only a fault can, and a fault loses what is under way: it \
             stands for whatever cuts connections between two hosts, too",
}];

async fn close_comes_after_what_was_written(s: &mut Stage) {
    s.connect().await;
    s.ends(Near, "write 30000").await;
    s.ends(Near, "close").await;
    s.settle().await;
    s.ends(Far, "drain").await;
    s.ends(Far, "drain").await;
}

async fn close_after_half_of_a_write(s: &mut Stage) {
    s.connect().await;
    s.waits(Near, "write 8000000").await;
    let closed = s.quietly(Near, "close").await;
    let drained = s.quietly(Far, "drain").await;
    let written = closed.rsplit(' ').next().unwrap_or_default();
    s.note(match drained == format!("end after {written}") && written != "0" && written != "8000000" {
        true => "far drain: all that was written, then the end".to_owned(),
        false => format!("far drain: {drained}; near: {closed}"),
    });
}

async fn half_close_still_carries_the_answer(s: &mut Stage) {
    s.connect().await;
    s.ends(Near, "write 1000").await;
    s.ends(Near, "shutdown").await;
    s.ends(Near, "write 1").await;
    s.ends(Far, "drain").await;
    s.ends(Far, "write 2000").await;
    s.ends(Near, "read 2000").await;
    s.waits(Near, "read 1").await;
    s.ends(Far, "close").await;
    s.later(Near).await;
    s.ends(Near, "shutdown").await;
}

async fn writing_to_a_closed_peer(s: &mut Stage) {
    s.connect().await;
    s.ends(Far, "close").await;
    s.settle().await;
    s.ends(Near, "write 10").await;
    s.settle().await;
    s.ends(Near, "write 10").await;
    s.ends(Near, "drain").await;
    s.ends(Near, "write 10").await;
    s.ends(Near, "shutdown").await;
}

async fn writing_to_a_peer_that_closes_in_mid_write(s: &mut Stage) {
    s.connect().await;
    s.waits(Near, "write 8000000").await;
    s.ends(Far, "read 1000").await;
    s.ends(Far, "close").await;
    s.later(Near).await;
    s.ends(Near, "write 1").await;
    s.ends(Near, "drain").await;
}

async fn close_with_unread_bytes(s: &mut Stage) {
    s.connect().await;
    s.ends(Far, "write 500").await;
    s.ends(Near, "write 1000").await;
    s.settle().await;
    s.ends(Far, "read 10").await;
    s.ends(Far, "close").await;
    s.settle().await;
    s.ends(Near, "drain").await;
    s.ends(Near, "drain").await;
    s.ends(Near, "write 1").await;
    s.ends(Near, "shutdown").await;
}

/// The peer has sent all it will, and its end waits behind the unread bytes.
async fn close_with_unread_bytes_and_an_end(s: &mut Stage) {
    s.connect().await;
    s.ends(Near, "write 1000").await;
    s.ends(Near, "shutdown").await;
    s.settle().await;
    s.ends(Far, "close").await;
    s.ends(Near, "drain").await;
    s.ends(Near, "drain").await;
}

async fn reset_seen_while_reading(s: &mut Stage) {
    s.connect().await;
    s.waits(Near, "read 1").await;
    s.ends(Far, "reset").await;
    s.later(Near).await;
    s.ends(Near, "drain").await;
    s.ends(Near, "write 1").await;
}

async fn reset_seen_while_writing(s: &mut Stage) {
    s.connect().await;
    s.waits(Near, "write 8000000").await;
    s.ends(Far, "reset").await;
    s.later(Near).await;
    s.ends(Near, "write 1").await;
    s.ends(Near, "drain").await;
}

async fn reset_seen_by_the_next_write(s: &mut Stage) {
    s.connect().await;
    s.ends(Far, "reset").await;
    s.settle().await;
    s.ends(Near, "write 1").await;
    s.ends(Near, "write 1").await;
    s.ends(Near, "drain").await;
}

async fn reset_leaves_what_had_arrived_readable(s: &mut Stage) {
    s.connect().await;
    s.ends(Far, "write 700").await;
    s.settle().await;
    s.ends(Far, "reset").await;
    s.settle().await;
    s.ends(Near, "read 100").await;
    s.ends(Near, "drain").await;
    s.ends(Near, "drain").await;
}

async fn reset_right_after_a_write(s: &mut Stage) {
    s.connect().await;
    s.ends(Far, "write 700").await;
    s.ends(Far, "reset").await;
    s.settle().await;
    s.ends(Near, "drain").await;
    s.ends(Near, "write 1").await;
}

async fn close_with_unread_bytes_right_after_a_write(s: &mut Stage) {
    s.connect().await;
    s.ends(Near, "write 100").await;
    s.settle().await;
    s.ends(Far, "write 700").await;
    s.ends(Far, "close").await;
    s.settle().await;
    s.ends(Near, "drain").await;
    s.ends(Near, "write 1").await;
}

/// The RST reaches an end that has had a FIN.
async fn reset_after_an_end(s: &mut Stage) {
    s.connect().await;
    s.ends(Far, "write 700").await;
    s.ends(Far, "shutdown").await;
    s.settle().await;
    s.ends(Far, "reset").await;
    s.settle().await;
    s.ends(Near, "read 100").await;
    s.ends(Near, "write 1").await;
    s.ends(Near, "drain").await;
    s.ends(Near, "write 1").await;
}

async fn close_in_silence_arrives_after_the_heal(s: &mut Stage) {
    s.connect().await;
    s.silence();
    s.ends(Near, "write 5000").await;
    s.ends(Near, "close").await;
    s.waits(Far, "drain").await;
    s.heal();
    s.later(Far).await;
}

async fn close_in_silence_outlasts_patience(s: &mut Stage) {
    s.connect().await;
    s.silence();
    s.ends(Near, "write 5000").await;
    s.ends(Near, "close").await;
    s.ends(Near, "dial").await;
    s.waits(Far, "drain").await;
    s.ends(Far, "write 10").await;
    s.heal();
    s.ends(Far, "read 1").await;
}

async fn reset_in_silence_is_provoked_again(s: &mut Stage) {
    s.connect().await;
    s.silence();
    s.ends(Far, "reset").await;
    s.settle().await;
    s.heal();
    s.waits(Near, "read 1").await;
    s.ends(Near, "write 1").await;
    s.ends(Near, "read 1").await;
}

async fn close_with_unread_bytes_in_silence(s: &mut Stage) {
    s.connect().await;
    s.ends(Near, "write 1000").await;
    s.settle().await;
    s.silence();
    s.ends(Far, "close").await;
    s.settle().await;
    s.heal();
    s.waits(Near, "read 1").await;
    s.ends(Near, "write 1").await;
    s.ends(Near, "read 1").await;
}

async fn reset_in_silence_loses_what_was_written(s: &mut Stage) {
    s.connect().await;
    s.silence();
    s.ends(Near, "write 100").await;
    s.settle().await;
    s.ends(Near, "reset").await;
    s.settle().await;
    s.heal();
    s.waits(Far, "read 1").await;
    s.ends(Far, "write 1").await;
    s.ends(Far, "drain").await;
}

async fn writing_to_a_closed_peer_whose_bytes_are_unread(s: &mut Stage) {
    s.connect().await;
    s.ends(Far, "write 500").await;
    s.ends(Far, "close").await;
    s.settle().await;
    s.ends(Near, "write 10").await;
    s.settle().await;
    s.ends(Near, "drain").await;
    s.ends(Near, "write 10").await;
}

async fn both_close(s: &mut Stage) {
    s.connect().await;
    s.ends(Near, "write 100").await;
    s.ends(Far, "write 200").await;
    s.ends(Near, "shutdown").await;
    s.ends(Far, "shutdown").await;
    s.ends(Near, "drain").await;
    s.ends(Far, "drain").await;
    s.ends(Near, "write 1").await;
    s.ends(Near, "close").await;
    s.ends(Far, "close").await;
}
