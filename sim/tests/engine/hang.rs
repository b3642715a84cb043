//! Hangs: the kernel goes on, the program does not.

use std::cell::Cell;
use std::rc::Rc;

use lafs::net::{Dial, Listen};
use squall::net::{Limits, NetEventKind as K, Touch, Why};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{sleep, timeout};

use crate::world::*;

#[test]
fn a_hung_host_takes_connections_and_bytes_until_the_window_is_full() {
    run(|world| async move {
        let (a, b) = world.pair(10);
        let mut listener = world.net.listen(b).unwrap();
        let server = world.net.spawn(b, async move {
            let mut conn = listener.accept().await.unwrap();
            let mut got = vec![0; 300_000];
            conn.read_exact(&mut got).await.unwrap();
            conn.write_all(b"done").await.unwrap();
            conn.read(&mut got).await.unwrap()
        });
        sleep(ms(1)).await;
        world.net.hang(b);
        let mut conn = world.net.dialer(a).dial("b").await.unwrap();
        assert_eq!(world.net.now(), ms(21));
        let data = vec![1; 300_000];
        let mut write = std::pin::pin!(conn.write_all(&data));
        assert!(timeout(secs(10_000), &mut write).await.is_err(), "silent for longer than any patience");
        assert_eq!(world.net.connections(b)[0].unread_bytes, 256 * 1024);
        assert_eq!(world.count(|kind| matches!(kind, K::Accepted { .. })), 0);
        let touched = |by: Touch| world.count(|kind| *kind == K::HungHostTouched { host: b, by });
        assert_eq!(
            (touched(Touch::Connect), touched(Touch::Wake), touched(Touch::Bytes(64 * 1024))),
            (1, 1, 4)
        );
        world.net.release(b);
        let start = world.net.now();
        write.await.unwrap();
        let mut answer = [0; 4];
        conn.read_exact(&mut answer).await.unwrap();
        assert_eq!(world.net.now() - start, ms(30), "window update, rest, answer");
        drop(conn);
        assert_eq!(server.await, Some(0));
    });
}

#[test]
fn timers_of_a_hung_program_fire_when_it_is_released() {
    run(|world| async move {
        let (_, b) = world.pair(10);
        let beats = Rc::new(Cell::new(0));
        let count = Rc::clone(&beats);
        let _program = world.net.spawn(b, async move {
            loop {
                sleep(secs(1)).await;
                count.set(count.get() + 1);
            }
        });
        sleep(ms(3500)).await;
        assert_eq!(beats.get(), 3);
        world.net.hang(b);
        world.net.hang(b);
        sleep(secs(100)).await;
        world.net.release(b);
        sleep(secs(100)).await;
        assert_eq!(beats.get(), 3, "two hangs need two releases");
        assert_eq!(world.count(|kind| *kind == K::HungHostTouched { host: b, by: Touch::Wake }), 1);
        world.net.release(b);
        sleep(ms(1)).await;
        assert_eq!(beats.get(), 4);
        sleep(secs(1)).await;
        assert_eq!(beats.get(), 5);
    });
}

#[test]
fn a_hang_that_nothing_reaches_touches_nothing() {
    run(|world| async move {
        let (_, b) = world.pair(10);
        let mut listener = world.net.listen(b).unwrap();
        let _program = world.net.spawn(b, async move { listener.accept().await.map(drop) });
        sleep(ms(1)).await;
        world.net.hang(b);
        sleep(secs(100)).await;
        world.net.release(b);
        assert_eq!(world.count(|kind| matches!(kind, K::HungHostTouched { .. })), 0);
    });
}

#[test]
fn connects_beyond_the_backlog_vanish_until_there_is_room() {
    let limits = Limits { backlog_max: 2, ..Limits::USUAL };
    run_with(1, fixed(10), limits, |world| async move {
        let (a, b) = (world.net.add_host("a"), world.net.add_host("b"));
        let mut listener = world.net.listen(b).unwrap();
        let dialer = world.net.dialer(a);
        let _one = dialer.dial("b").await.unwrap();
        let _two = dialer.dial("b").await.unwrap();
        let start = world.net.now();
        let mut third = std::pin::pin!(dialer.dial("b"));
        assert!(timeout(secs(10), &mut third).await.is_err());
        assert_eq!(world.count(|kind| matches!(kind, K::Held { why: Why::Backlog, .. })), 4);
        drop(listener.accept().await.unwrap());
        third.await.unwrap();
        assert_eq!(world.net.now() - start, secs(15) + ms(20));
    });
}

#[test]
fn a_hung_host_that_crashes_is_no_longer_hung() {
    run(|world| async move {
        let (_, b) = world.pair(10);
        let dead = world.net.spawn(b, std::future::pending::<()>());
        world.net.hang(b);
        world.net.crash(b);
        assert_eq!(dead.await, None);
        assert!(!world.net.is_hung(b));
        assert_eq!(world.net.spawn(b, async { 5 }).await, Some(5));
    });
}
