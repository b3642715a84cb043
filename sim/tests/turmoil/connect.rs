//! Connecting, talking, closing.

use std::io::ErrorKind;

use lafs::net::{Dial, Listen};
use squall::net::NetEventKind as K;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout};

use crate::world::*;

#[test]
fn bytes_go_there_and_back_and_time_is_the_same_to_all() {
    run(|world| async move {
        world.echo();
        let (dialer, net) = (world.dialer(), world.net.clone());
        let answer = world.on_a(async move {
            let (began, start) = (Instant::now(), net.now());
            let mut conn = dialer.dial("b").await.unwrap();
            conn.write_all(b"hello").await.unwrap();
            let mut answer = [0; 5];
            conn.read_exact(&mut answer).await.unwrap();
            let took = began.elapsed();
            assert!(ms(60) <= took && took <= ms(100), "three ways of 20 ms: {took:?}");
            let told = net.now() - start;
            assert!(told.abs_diff(took) <= ms(10), "{told:?} as the world has it, {took:?} on the host");
            answer
        });
        assert_eq!(&answer.await, b"hello");
        let carried = |event: &K| matches!(event, K::Delivered { bytes: 5, .. });
        assert_eq!(world.count(carried), 2);
    });
}

#[test]
fn a_megabyte_arrives_whole_through_a_window_of_a_quarter() {
    run(|world| async move {
        let mut listener = world.listener();
        let reader = world.net.spawn(world.b, async move {
            let mut got = Vec::new();
            listener.accept().await.unwrap().read_to_end(&mut got).await.unwrap();
            got
        });
        let data: Vec<u8> = (0..1_000_000_u32).map(|at| ((at * 31) >> 5) as u8).collect();
        let (dialer, sent) = (world.dialer(), data.clone());
        world.on_a(async move { dialer.dial("b").await.unwrap().write_all(&sent).await.unwrap() }).await;
        assert!(reader.await.unwrap() == data);
    });
}

#[test]
fn nobody_listens_and_nobody_is_called_that() {
    run(|world| async move {
        let dialer = world.dialer();
        let (refused, unknown) = world
            .on_a(async move { (dialer.dial("b").await.err(), dialer.dial("nobody").await.err()) })
            .await;
        assert_eq!(refused.unwrap().kind(), ErrorKind::ConnectionRefused);
        assert_eq!(unknown.unwrap().kind(), ErrorKind::NotFound);
        assert_eq!(world.count(|event| matches!(event, K::Refused { .. })), 1);
    });
}

#[test]
fn a_writer_waits_when_nobody_reads() {
    run(|world| async move {
        let mut listener = world.listener();
        let _holds = world.net.spawn(world.b, async move {
            let _conn = listener.accept().await.unwrap();
            std::future::pending::<()>().await;
        });
        let dialer = world.dialer();
        let written = world
            .on_a(async move {
                let mut conn = dialer.dial("b").await.unwrap();
                let mut written = 0;
                while let Ok(bytes) = timeout(secs(5), conn.write(&[1; 10_000])).await {
                    written += bytes.unwrap();
                }
                written
            })
            .await;
        assert_eq!(written, 256 * 1024);
    });
}

#[test]
fn a_dropped_end_is_the_end_of_file_to_the_other_and_nothing_is_left() {
    run(|world| async move {
        let mut listener = world.listener();
        let server = world.net.spawn(world.b, async move {
            let mut conn = listener.accept().await.unwrap();
            conn.read(&mut [0; 1]).await.unwrap()
        });
        let dialer = world.dialer();
        world.on_a(async move { drop(dialer.dial("b").await.unwrap()) }).await;
        assert_eq!(server.await, Some(0));
        assert_eq!((world.net.connections(world.a), world.net.connections(world.b)), (0, 0));
    });
}

#[test]
fn many_connects_at_once_all_come_through() {
    run(|world| async move {
        let mut listener = world.listener();
        let _accepts = world.net.spawn(world.b, async move {
            let mut held = Vec::new();
            loop {
                held.push(listener.accept().await.unwrap());
            }
        });
        let dialer = world.dialer();
        let connected = world.on_a(async move {
            let dials = (0..500).map(|_| dialer.dial("b"));
            futures_util::future::join_all(dials).await.into_iter().filter(Result::is_ok).count()
        });
        assert_eq!(connected.await, 500);
    });
}
