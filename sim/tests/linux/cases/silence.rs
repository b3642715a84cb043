//! Silence: nothing arrives and nothing errs, in mid-connect, in mid-stream and one way, healed or for too long.

use super::{Case, case};
use crate::stage::{Far, Near, Stage};

pub(super) fn cases() -> Vec<Case> {
    vec![
        case!(silence_in_mid_stream_heals),
        case!(silence_in_mid_stream_outlasts_patience).short(),
        case!(what_arrived_is_read_before_the_timeout).short(),
        case!(the_next_write_learns_of_the_timeout).short(),
        case!(a_timeout_after_an_end).short(),
        case!(silence_in_mid_connect_heals),
        case!(silence_in_mid_connect_outlasts_patience).short(),
        case!(silence_in_a_quiet_connection_is_not_noticed).short(),
        case!(silence_towards_far_heals),
        case!(silence_towards_far_outlasts_patience).short(),
        case!(silence_towards_near_heals),
        case!(silence_towards_near_outlasts_patience).short(),
        case!(silence_towards_near_in_mid_connect_heals),
        case!(silence_towards_near_in_mid_connect_outlasts_patience).short(),
        case!(a_connect_is_given_up_in_silence),
        case!(a_full_window_in_silence_heals),
        case!(a_full_window_in_silence_outlasts_patience).short(),
        case!(a_full_window_in_silence_towards_near_outlasts_patience).short(),
        case!(a_full_window_in_silence_towards_far_outlasts_patience).short(),
        case!(a_window_that_fills_in_silence_outlasts_patience).short(),
        case!(a_listener_goes_in_mid_connect),
        case!(a_refusal_lost_in_silence_comes_after_the_heal),
    ]
}

async fn silence_in_mid_stream_heals(s: &mut Stage) {
    s.connect().await;
    s.ends(Near, "write 1000").await;
    s.ends(Far, "read 1000").await;
    s.silence();
    s.ends(Near, "write 5000").await;
    s.waits(Far, "read 8000").await;
    s.ends(Near, "write 3000").await;
    s.heal();
    s.later(Far).await;
    s.ends(Far, "write 10").await;
    s.ends(Near, "read 10").await;
}

async fn silence_in_mid_stream_outlasts_patience(s: &mut Stage) {
    s.connect().await;
    s.silence();
    s.ends(Near, "write 100").await;
    s.ends(Near, "read 1").await;
    s.ends(Near, "write 1").await;
    s.ends(Near, "drain").await;
    s.waits(Far, "read 1").await;
    s.heal();
    s.waits(Far, "read 1").await;
    s.ends(Far, "write 10").await;
    s.ends(Far, "read 1").await;
}

async fn what_arrived_is_read_before_the_timeout(s: &mut Stage) {
    s.connect().await;
    s.ends(Far, "write 50").await;
    s.settle().await;
    s.silence();
    s.ends(Near, "write 1").await;
    s.outlast().await;
    s.ends(Near, "read 20").await;
    s.ends(Near, "drain").await;
    s.ends(Near, "write 1").await;
}

async fn the_next_write_learns_of_the_timeout(s: &mut Stage) {
    s.connect().await;
    s.silence();
    s.ends(Near, "write 1").await;
    s.outlast().await;
    s.ends(Near, "write 1").await;
    s.ends(Near, "write 1").await;
    s.ends(Near, "drain").await;
}

async fn a_timeout_after_an_end(s: &mut Stage) {
    s.connect().await;
    s.ends(Far, "write 50").await;
    s.ends(Far, "shutdown").await;
    s.settle().await;
    s.silence();
    s.ends(Near, "write 1").await;
    s.outlast().await;
    s.ends(Near, "drain").await;
    s.ends(Near, "write 1").await;
    s.ends(Near, "write 1").await;
}

async fn silence_in_mid_connect_heals(s: &mut Stage) {
    s.ends(Far, "listen").await;
    s.silence();
    s.waits(Near, "dial").await;
    s.heal();
    s.later(Near).await;
    s.ends(Far, "accept").await;
}

async fn silence_in_mid_connect_outlasts_patience(s: &mut Stage) {
    s.ends(Far, "listen").await;
    s.silence();
    s.ends(Near, "dial").await;
    s.heal();
    s.waits(Far, "accept").await;
    s.ends(Near, "dial").await;
    s.later(Far).await;
}

async fn silence_in_a_quiet_connection_is_not_noticed(s: &mut Stage) {
    s.connect().await;
    s.ends(Near, "write 100").await;
    s.ends(Far, "read 100").await;
    s.settle().await;
    s.silence();
    s.waits(Near, "read 1").await;
    s.waits(Far, "read 1").await;
    s.outlast().await;
    s.heal();
    s.ends(Far, "write 1").await;
    s.later(Near).await;
}

async fn silence_towards_far_heals(s: &mut Stage) {
    s.connect().await;
    s.silence_to(Far);
    s.ends(Near, "write 100").await;
    s.waits(Far, "read 100").await;
    s.ends(Far, "write 20").await;
    s.ends(Near, "read 20").await;
    s.waits(Far, "read 100").await;
    s.heal_to(Far);
    s.later(Far).await;
    s.ends(Far, "write 10").await;
    s.ends(Near, "read 10").await;
}

async fn silence_towards_far_outlasts_patience(s: &mut Stage) {
    s.connect().await;
    s.silence_to(Far);
    s.ends(Far, "write 20").await;
    s.ends(Near, "read 20").await;
    s.ends(Far, "read 1").await;
    s.ends(Near, "write 100").await;
    s.ends(Near, "read 1").await;
}

async fn silence_towards_near_heals(s: &mut Stage) {
    s.connect().await;
    s.silence_to(Near);
    s.ends(Near, "write 100").await;
    s.ends(Far, "read 100").await;
    s.ends(Far, "write 20").await;
    s.waits(Near, "read 20").await;
    s.heal_to(Near);
    s.later(Near).await;
    s.waits(Near, "read 1").await;
    s.waits(Far, "read 1").await;
}

async fn silence_towards_near_outlasts_patience(s: &mut Stage) {
    s.connect().await;
    s.silence_to(Near);
    s.ends(Near, "write 100").await;
    s.ends(Far, "read 100").await;
    s.ends(Near, "read 1").await;
    s.waits(Far, "read 1").await;
    s.heal_to(Near);
    s.waits(Far, "read 1").await;
    s.ends(Far, "write 1").await;
    s.ends(Far, "read 1").await;
}

async fn silence_towards_near_in_mid_connect_heals(s: &mut Stage) {
    s.ends(Far, "listen").await;
    s.silence_to(Near);
    s.waits(Near, "dial").await;
    s.waits(Far, "accept").await;
    s.heal_to(Near);
    s.later(Near).await;
    s.later(Far).await;
}

async fn silence_towards_near_in_mid_connect_outlasts_patience(s: &mut Stage) {
    s.ends(Far, "listen").await;
    s.silence_to(Near);
    s.ends(Near, "dial").await;
    s.waits(Far, "accept").await;
}

async fn a_connect_is_given_up_in_silence(s: &mut Stage) {
    s.ends(Far, "listen").await;
    s.silence();
    s.waits(Near, "dial").await;
    s.ends(Near, "listen").await;
    s.heal();
    s.waits(Far, "accept").await;
}

async fn a_full_window_in_silence_heals(s: &mut Stage) {
    s.connect().await;
    s.waits(Near, "write 8000000").await;
    s.silence();
    s.ends(Far, "read 1000").await;
    s.still(Near).await;
    s.heal();
    s.ends(Far, "read 7999000").await;
    s.later(Near).await;
}

async fn a_full_window_in_silence_outlasts_patience(s: &mut Stage) {
    s.connect().await;
    s.waits(Near, "write 8000000").await;
    s.silence();
    s.later(Near).await;
    s.ends(Near, "write 1").await;
    s.ends(Near, "drain").await;
}

/// What would open the window arrives no more, or what would ask for it.
async fn a_full_window_in_silence_towards_near_outlasts_patience(s: &mut Stage) {
    s.connect().await;
    s.waits(Near, "write 8000000").await;
    s.silence_to(Near);
    s.ends(Far, "read 20000").await;
    s.later(Near).await;
}

async fn a_full_window_in_silence_towards_far_outlasts_patience(s: &mut Stage) {
    s.connect().await;
    s.waits(Near, "write 8000000").await;
    s.silence_to(Far);
    s.later(Near).await;
}

async fn a_window_that_fills_in_silence_outlasts_patience(s: &mut Stage) {
    s.connect().await;
    s.silence_to(Far);
    s.ends(Near, "write 8000000").await;
}

async fn a_listener_goes_in_mid_connect(s: &mut Stage) {
    s.ends(Far, "listen").await;
    s.silence_to(Near);
    s.waits(Near, "dial").await;
    s.ends(Far, "unlisten").await;
    s.heal_to(Near);
    s.later(Near).await;
}

async fn a_refusal_lost_in_silence_comes_after_the_heal(s: &mut Stage) {
    s.silence_to(Near);
    s.waits(Near, "dial").await;
    s.heal_to(Near);
    s.later(Near).await;
}
