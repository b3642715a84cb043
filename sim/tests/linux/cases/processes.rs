//! Programs that are killed or not run, and machines without power.

use super::{Case, case};
use crate::stage::{Far, Near, Stage};

pub(super) fn cases() -> Vec<Case> {
    vec![
        case!(killed_with_nothing_unread),
        case!(killed_with_bytes_unread),
        case!(killed_while_its_peer_writes),
        case!(killed_with_connections_in_its_queue),
        case!(killed_in_silence),
        case!(killed_after_writing),
        case!(stopped_and_continued),
        case!(stopped_for_longer_than_patience).short(),
        case!(stopped_while_its_peer_comes_and_goes),
        case!(stopped_and_killed),
        case!(killed_in_mid_connect),
        case!(killed_in_silence_with_bytes_on_either_side),
        case!(power_lost_under_bytes_under_way),
        case!(power_lost_in_a_quiet_connection),
        case!(power_lost_for_longer_than_patience).short(),
        case!(power_lost_under_a_full_window),
        case!(power_lost_under_a_full_window_for_longer_than_patience).short(),
        case!(power_lost_in_mid_connect),
    ]
}

async fn killed_with_nothing_unread(s: &mut Stage) {
    s.connect().await;
    s.ends(Near, "write 100").await;
    s.ends(Far, "read 100").await;
    s.waits(Near, "read 1").await;
    s.kill(Far);
    s.later(Near).await;
    s.ends(Near, "write 1").await;
    s.settle().await;
    s.ends(Near, "write 1").await;
    s.ends(Near, "dial").await;
    s.start(Far);
    s.ends(Far, "listen").await;
    s.ends(Near, "dial").await;
}

async fn killed_with_bytes_unread(s: &mut Stage) {
    s.connect().await;
    s.ends(Near, "write 100").await;
    s.ends(Far, "write 30").await;
    s.settle().await;
    s.kill(Far);
    s.settle().await;
    s.ends(Near, "drain").await;
    s.ends(Near, "drain").await;
    s.ends(Near, "write 1").await;
}

async fn killed_while_its_peer_writes(s: &mut Stage) {
    s.connect().await;
    s.waits(Near, "write 8000000").await;
    s.kill(Far);
    s.later(Near).await;
    s.ends(Near, "write 1").await;
    s.ends(Near, "drain").await;
}

async fn killed_with_connections_in_its_queue(s: &mut Stage) {
    s.ends(Far, "listen").await;
    s.ends(Near, "dial").await;
    s.waits(Near, "read 1").await;
    s.kill(Far);
    s.later(Near).await;
    s.ends(Near, "dial").await;
}

async fn killed_in_silence(s: &mut Stage) {
    s.connect().await;
    s.silence();
    s.kill(Far);
    s.waits(Near, "read 1").await;
    s.heal();
    s.later(Near).await;
}

async fn killed_after_writing(s: &mut Stage) {
    s.connect().await;
    s.ends(Far, "write 30000").await;
    s.kill(Far);
    s.ends(Near, "drain").await;
}

async fn killed_in_mid_connect(s: &mut Stage) {
    s.ends(Far, "listen").await;
    s.silence();
    s.waits(Near, "dial").await;
    s.kill(Near);
    s.heal();
    s.waits(Far, "accept").await;
}

async fn killed_in_silence_with_bytes_on_either_side(s: &mut Stage) {
    s.connect().await;
    s.ends(Near, "write 100").await;
    s.settle().await;
    s.silence();
    s.ends(Far, "write 30").await;
    s.settle().await;
    s.kill(Far);
    s.settle().await;
    s.heal();
    s.waits(Near, "read 1").await;
    s.ends(Near, "write 1").await;
    s.ends(Near, "drain").await;
}

async fn stopped_and_continued(s: &mut Stage) {
    s.ends(Far, "listen").await;
    s.freeze(Far);
    s.ends(Near, "dial").await;
    s.ends(Near, "write 100").await;
    s.waits(Near, "write 8000000").await;
    s.thaw(Far);
    s.ends(Far, "accept").await;
    s.ends(Far, "read 8000100").await;
    s.later(Near).await;
    s.ends(Far, "write 10").await;
    s.ends(Near, "read 10").await;
}

async fn stopped_for_longer_than_patience(s: &mut Stage) {
    s.connect().await;
    s.freeze(Far);
    s.waits(Near, "write 8000000").await;
    s.outlast().await;
    s.still(Near).await;
    s.thaw(Far);
    s.ends(Far, "read 8000000").await;
    s.later(Near).await;
}

async fn stopped_while_its_peer_comes_and_goes(s: &mut Stage) {
    s.ends(Far, "listen").await;
    s.freeze(Far);
    s.ends(Near, "dial").await;
    s.ends(Near, "write 100").await;
    s.ends(Near, "close").await;
    s.settle().await;
    s.thaw(Far);
    s.ends(Far, "accept").await;
    s.ends(Far, "drain").await;
}

async fn stopped_and_killed(s: &mut Stage) {
    s.connect().await;
    s.freeze(Far);
    s.ends(Near, "write 100").await;
    s.waits(Near, "read 1").await;
    s.kill(Far);
    s.later(Near).await;
    s.ends(Near, "dial").await;
}

async fn power_lost_under_bytes_under_way(s: &mut Stage) {
    s.connect().await;
    s.ends(Near, "write 100").await;
    s.ends(Far, "read 100").await;
    s.settle().await;
    s.power_off(Far);
    s.ends(Near, "write 100").await;
    s.waits(Near, "read 1").await;
    s.power_on(Far);
    s.later(Near).await;
    s.ends(Near, "write 1").await;
    s.ends(Near, "dial").await;
    s.start(Far);
    s.ends(Far, "listen").await;
    s.ends(Near, "dial").await;
}

async fn power_lost_in_a_quiet_connection(s: &mut Stage) {
    s.connect().await;
    s.settle().await;
    s.power_off(Far);
    s.waits(Near, "read 1").await;
    s.power_on(Far);
    s.waits(Near, "read 1").await;
    s.ends(Near, "write 1").await;
    s.ends(Near, "read 1").await;
    s.ends(Near, "write 1").await;
}

async fn power_lost_for_longer_than_patience(s: &mut Stage) {
    s.connect().await;
    s.settle().await;
    s.power_off(Far);
    s.ends(Near, "write 1").await;
    s.ends(Near, "read 1").await;
    s.ends(Near, "dial").await;
    s.power_on(Far);
    s.ends(Near, "dial").await;
}

async fn power_lost_under_a_full_window(s: &mut Stage) {
    s.connect().await;
    s.waits(Near, "write 8000000").await;
    s.power_off(Far);
    s.still(Near).await;
    s.power_on(Far);
    s.later(Near).await;
    s.ends(Near, "write 1").await;
}

async fn power_lost_under_a_full_window_for_longer_than_patience(s: &mut Stage) {
    s.connect().await;
    s.waits(Near, "write 8000000").await;
    s.power_off(Far);
    s.later(Near).await;
}

async fn power_lost_in_mid_connect(s: &mut Stage) {
    s.power_off(Far);
    s.waits(Near, "dial").await;
    s.power_on(Far);
    s.later(Near).await;
}
