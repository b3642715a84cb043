//! Power loss: nothing goes out, nothing is remembered.

use std::io::ErrorKind;

use lafs::net::{Dial, Listen};
use squall::net::{NetEventKind as K, Why};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{sleep, timeout};

use crate::world::*;

#[test]
fn a_machine_without_power_says_nothing_and_its_peers_lose_patience() {
    run(|world| async move {
        let (a, b) = world.pair(10);
        let (mut near, far) = world.connect(a, b).await;
        world.net.power_off(b);
        drop(far);
        assert!(
            timeout(secs(10_000), near.read_u8()).await.is_err(),
            "a peer that sends nothing waits for ever"
        );
        let start = world.net.now();
        near.write_all(b"x").await.unwrap();
        assert_eq!(near.read_u8().await.unwrap_err().kind(), ErrorKind::TimedOut);
        assert_eq!(world.net.now() - start, ms(10 + 924_600));
        assert_eq!(world.count(|kind| matches!(kind, K::Held { why: Why::PowerOff, .. })), 1);
    });
}

#[test]
fn the_first_segment_after_the_power_came_back_is_answered_with_a_rst() {
    run(|world| async move {
        let (a, b) = world.pair(10);
        let (mut near, far) = world.connect(a, b).await;
        world.net.power_off(b);
        drop(far);
        let start = world.net.now();
        near.write_all(b"x").await.unwrap();
        sleep(secs(1)).await;
        world.net.power_on(b);
        assert_eq!(near.read_u8().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
        assert_eq!(world.net.now() - start, ms(10 + 1400 + 20));
        drop(near);
        assert_eq!(world.net.open_connections(), 0);
    });
}

#[test]
fn a_writer_that_waits_for_room_learns_of_the_power_loss() {
    run(|world| async move {
        let (a, b) = world.pair(10);
        let (mut near, far) = world.connect(a, b).await;
        let data = vec![1; 256 * 1024 + 1];
        let mut write = std::pin::pin!(near.write_all(&data));
        assert!(timeout(secs(1), &mut write).await.is_err());
        world.net.power_off(b);
        drop(far);
        assert!(timeout(secs(1), &mut write).await.is_err());
        world.net.power_on(b);
        assert_eq!(write.await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    });
}

#[test]
fn a_lost_rst_is_provoked_again() {
    run(|world| async move {
        let (a, b) = world.pair(10);
        let (mut near, far) = world.connect(a, b).await;
        world.net.power_off(b);
        drop(far);
        world.net.power_on(b);
        world.net.block(b, a);
        let start = world.net.now();
        near.write_all(b"x").await.unwrap();
        sleep(ms(300)).await;
        world.net.unblock(b, a);
        assert_eq!(near.read_u8().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
        assert_eq!(world.net.now() - start, ms(10 + 600 + 20));
    });
}

#[test]
fn what_left_before_the_power_went_still_arrives() {
    run(|world| async move {
        let (a, b) = world.pair(10);
        let (mut near, mut far) = world.connect(a, b).await;
        far.write_all(b"last words").await.unwrap();
        world.net.power_off(b);
        let mut got = [0; 10];
        near.read_exact(&mut got).await.unwrap();
        assert!(timeout(secs(10_000), near.read_u8()).await.is_err());
    });
}

#[test]
fn what_a_dark_machine_would_have_to_send_again_is_lost() {
    run(|world| async move {
        let (a, b) = world.pair(10);
        let (mut near, mut far) = world.connect(a, b).await;
        world.net.block(b, a);
        far.write_all(b"lost").await.unwrap();
        sleep(ms(50)).await;
        world.net.power_off(b);
        world.net.unblock(b, a);
        assert!(timeout(secs(10_000), near.read_u8()).await.is_err());
        assert_eq!(world.count(|kind| matches!(kind, K::Dropped { bytes: 4, .. })), 1);
    });
}

#[test]
fn a_connect_to_a_dark_machine_times_out_and_to_an_idle_one_is_refused() {
    run(|world| async move {
        let (a, b) = world.pair(10);
        let listener = world.net.listen(b).unwrap();
        world.net.power_off(b);
        assert_eq!(world.net.listen(b).err().unwrap().kind(), ErrorKind::NetworkDown);
        assert_eq!(world.net.dialer(b).dial("a").await.err().unwrap().kind(), ErrorKind::NetworkDown);
        assert_eq!(world.net.dialer(a).dial("b").await.err().unwrap().kind(), ErrorKind::TimedOut);
        assert_eq!(world.net.now(), secs(127));
        world.net.power_on(b);
        assert_eq!(world.net.dialer(a).dial("b").await.err().unwrap().kind(), ErrorKind::ConnectionRefused);
        let mut new = world.net.listen(b).unwrap();
        drop(listener);
        world.net.dialer(a).dial("b").await.unwrap();
        new.accept().await.unwrap();
    });
}

#[test]
fn programs_of_a_dark_machine_are_gone() {
    run(|world| async move {
        let (_, b) = world.pair(10);
        let before = world.net.spawn(b, std::future::pending::<()>());
        world.net.power_off(b);
        assert_eq!(before.await, None);
        assert_eq!(world.net.spawn(b, async {}).await, None);
        world.net.power_on(b);
        assert_eq!(world.net.spawn(b, async { 1 }).await, Some(1));
    });
}

#[test]
fn a_sender_whose_acknowledgement_was_lost_learns_of_the_power_loss() {
    run(|world| async move {
        let (a, b) = world.pair(10);
        let (mut near, mut far) = world.connect(a, b).await;
        let start = world.net.now();
        world.net.block(b, a);
        near.write_all(b"x").await.unwrap();
        far.read_u8().await.unwrap();
        world.net.power_off(b);
        world.net.power_on(b);
        world.net.unblock(b, a);
        assert_eq!(near.read_u8().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
        assert_eq!(world.net.now() - start, ms(10 + 200 + 10), "its next retransmission is answered");
    });
}
