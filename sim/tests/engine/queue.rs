//! A full accept queue: SYNs vanish while it lasts, and what is open goes on.

use lafs::net::{Dial, Listen};
use squall::net::{NetEventKind as K, Why};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use crate::world::*;

#[test]
fn attempts_to_connect_vanish_and_open_connections_go_on() {
    run(|world| async move {
        let (a, b) = world.pair(10);
        let mut listener = world.net.listen(b).unwrap();
        let dialer = world.net.dialer(a);
        let (near, far) = futures_util::future::join(dialer.dial("b"), listener.accept()).await;
        let (mut near, mut far) = (near.unwrap(), far.unwrap());
        world.net.fill_queue(b, true);
        assert!(timeout(secs(60), dialer.dial("b")).await.is_err(), "silence, and no refusal");
        let lost = |kind: &K| matches!(kind, K::Held { why: Why::Backlog, bytes: 0, .. });
        assert_eq!(world.count(lost), 6, "a SYN and its repetitions within a minute");
        near.write_all(b"still here").await.unwrap();
        let mut got = [0; 10];
        far.read_exact(&mut got).await.unwrap();
        assert_eq!(&got, b"still here");
    });
}

#[test]
fn a_dialler_gets_through_with_the_next_syn_after_the_queue_has_room() {
    run(|world| async move {
        let (a, b) = world.pair(10);
        let mut listener = world.net.listen(b).unwrap();
        world.net.fill_queue(b, true);
        let began = world.net.now();
        let dialer = world.net.dialer(a);
        let dialling = async {
            let conn = dialer.dial("b").await.unwrap();
            (conn, world.net.now())
        };
        let relieving = async {
            tokio::time::sleep(secs(2)).await;
            world.net.fill_queue(b, false);
            listener.accept().await.unwrap()
        };
        let ((_near, connected), _far) = futures_util::future::join(dialling, relieving).await;
        assert_eq!(connected - began, secs(3) + ms(20), "the SYNs leave after 0, 1 and 3 s");
    });
}

#[test]
fn a_queue_that_is_full_refuses_nobody_but_a_host_without_a_listener_does() {
    run(|world| async move {
        let (a, b) = world.pair(10);
        world.net.fill_queue(b, true);
        let refused = world.net.dialer(a).dial("b").await.err().map(|error| error.kind());
        assert_eq!(refused, Some(std::io::ErrorKind::ConnectionRefused));
    });
}
