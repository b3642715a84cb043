//! Ends of connections: FIN, RST, refusal, and what each side sees as on Linux.

use std::io::ErrorKind;

use futures_util::future::join;
use lafs::net::{Dial, Listen};
use squall::net::NetEventKind as K;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{sleep, timeout};

use crate::world::*;

#[test]
fn closing_delivers_everything_and_then_the_end() {
    run(|world| async move {
        let (a, b) = world.pair(10);
        let (mut near, mut far) = world.connect(a, b).await;
        near.write_all(&[7; 100_000]).await.unwrap();
        drop(near);
        let mut got = Vec::new();
        far.read_to_end(&mut got).await.unwrap();
        assert_eq!(got, [7; 100_000]);
        drop(far);
        sleep(ms(20)).await;
        assert_eq!(world.net.open_connections(), 0);
        assert_eq!(world.count(|kind| matches!(kind, K::RstDelivered { .. })), 0);
    });
}

#[test]
fn a_half_closed_connection_still_carries_the_answer() {
    run(|world| async move {
        let (a, b) = world.pair(10);
        let (mut near, mut far) = world.connect(a, b).await;
        near.write_all(b"question").await.unwrap();
        near.shutdown().await.unwrap();
        assert_eq!(near.write(b"x").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
        let mut got = Vec::new();
        far.read_to_end(&mut got).await.unwrap();
        far.write_all(b"answer").await.unwrap();
        drop(far);
        let mut answer = Vec::new();
        near.read_to_end(&mut answer).await.unwrap();
        assert_eq!((got.as_slice(), answer.as_slice()), (&b"question"[..], &b"answer"[..]));
    });
}

#[test]
fn closing_with_unread_bytes_resets() {
    run(|world| async move {
        let (a, b) = world.pair(10);
        let (mut near, mut far) = world.connect(a, b).await;
        near.write_all(b"unread").await.unwrap();
        far.write_all(b"before").await.unwrap();
        sleep(ms(20)).await;
        drop(far);
        sleep(ms(20)).await;
        let mut got = [0; 6];
        near.read_exact(&mut got).await.unwrap();
        assert_eq!(&got, b"before", "what arrived before the RST stays readable");
        assert_eq!(near.read_u8().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
        assert_eq!(near.write(b"x").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
        assert_eq!(near.read(&mut got).await.unwrap(), 0);
        near.shutdown().await.unwrap();
        drop(near);
        assert_eq!(world.net.open_connections(), 0);
    });
}

#[test]
fn writing_to_a_closed_peer_works_once_and_then_breaks() {
    run(|world| async move {
        let (a, b) = world.pair(10);
        let (mut near, far) = world.connect(a, b).await;
        drop(far);
        sleep(ms(11)).await;
        near.write_all(b"into the void").await.unwrap();
        sleep(ms(21)).await;
        assert_eq!(near.write(b"x").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
        assert_eq!(near.read(&mut [0; 1]).await.unwrap(), 0);
    });
}

#[test]
fn a_writer_that_waits_for_room_learns_of_a_reset() {
    run(|world| async move {
        let (a, b) = world.pair(10);
        let (mut near, far) = world.connect(a, b).await;
        let data = vec![0; 1 << 20];
        let close = async {
            sleep(secs(1)).await;
            drop(far);
        };
        let (written, ()) = join(near.write_all(&data), close).await;
        assert_eq!(written.unwrap_err().kind(), ErrorKind::ConnectionReset);
    });
}

#[test]
fn a_host_without_a_listener_refuses_after_a_round_trip() {
    run(|world| async move {
        let (a, _) = world.pair(10);
        let error = world.net.dialer(a).dial("b").await.err().unwrap();
        assert_eq!((error.kind(), world.net.now()), (ErrorKind::ConnectionRefused, ms(20)));
        assert_eq!(world.net.open_connections(), 0);
    });
}

#[test]
fn a_refusing_host_keeps_the_connections_it_has() {
    run(|world| async move {
        let (a, b) = world.pair(10);
        let mut listener = world.net.listen(b).unwrap();
        let dialer = world.net.dialer(a);
        let (near, far) = join(dialer.dial("b"), listener.accept()).await;
        let (mut near, mut far) = (near.unwrap(), far.unwrap());
        world.net.refuse(b, true);
        assert_eq!(dialer.dial("b").await.err().unwrap().kind(), ErrorKind::ConnectionRefused);
        near.write_all(b"x").await.unwrap();
        far.read_u8().await.unwrap();
        world.net.refuse(b, false);
        dialer.dial("b").await.unwrap();
    });
}

#[test]
fn a_reset_by_fault_loses_what_is_under_way_and_shows_at_both_ends() {
    run(|world| async move {
        let (a, b) = world.pair(10);
        let (mut near, mut far) = world.connect(a, b).await;
        far.write_all(b"under way").await.unwrap();
        let start = world.net.now();
        assert_eq!(world.net.reset_connections(b), 1);
        assert_eq!(far.read_u8().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
        assert_eq!(near.read_u8().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
        assert_eq!(world.net.now() - start, ms(10));
        assert_eq!(world.count(|kind| matches!(kind, K::Dropped { bytes: 9, .. })), 1);
        assert_eq!(world.net.reset_connections(b), 0);
        drop((near, far));
        assert_eq!(world.net.open_connections(), 0);
    });
}

#[test]
fn a_close_by_fault_delivers_what_is_under_way() {
    run(|world| async move {
        let (a, b) = world.pair(10);
        let (mut near, mut far) = world.connect(a, b).await;
        far.write_all(b"under way").await.unwrap();
        assert_eq!(world.net.close_connections(b), 1);
        assert_eq!(far.write(b"x").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
        assert_eq!(far.read(&mut [0; 1]).await.unwrap(), 0);
        let mut got = Vec::new();
        near.read_to_end(&mut got).await.unwrap();
        assert_eq!(got, b"under way");
    });
}

#[test]
fn one_connection_can_be_reset_by_its_number() {
    run(|world| async move {
        let (a, b) = world.pair(10);
        let _listener = world.net.listen(b).unwrap();
        let dialer = world.net.dialer(a);
        let (mut one, mut two) = (dialer.dial("b").await.unwrap(), dialer.dial("b").await.unwrap());
        sleep(ms(10)).await;
        assert!(world.net.reset_connection(b, one.id()));
        assert!(!world.net.reset_connection(b, one.id()));
        assert_eq!(one.read_u8().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
        assert!(timeout(secs(60), two.read_u8()).await.is_err());
        assert!(world.net.close_connection(b, two.id()));
        assert_eq!(two.read(&mut [0; 1]).await.unwrap(), 0);
    });
}

#[test]
fn an_abandoned_dial_leaves_nothing_behind() {
    run(|world| async move {
        let (a, b) = world.pair(100);
        let mut listener = world.net.listen(b).unwrap();
        for after in [50, 150, 250] {
            let dialer = world.net.dialer(a);
            let _ = timeout(ms(after), dialer.dial("b")).await;
        }
        let mut end = listener.accept().await.unwrap();
        assert_eq!(end.read(&mut [0; 1]).await.unwrap(), 0, "only the third was quick enough");
        drop(end);
        assert!(timeout(secs(60), listener.accept()).await.is_err());
        assert_eq!(world.net.open_connections(), 0);
    });
}

#[test]
fn a_dropped_listener_resets_what_it_never_accepted() {
    run(|world| async move {
        let (a, b) = world.pair(10);
        let listener = world.net.listen(b).unwrap();
        let mut conn = world.net.dialer(a).dial("b").await.unwrap();
        sleep(ms(10)).await;
        drop(listener);
        assert_eq!(conn.read_u8().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
        assert_eq!(world.net.dialer(a).dial("b").await.err().unwrap().kind(), ErrorKind::ConnectionRefused);
    });
}

#[test]
fn a_closed_end_that_only_announced_room_does_not_stay_for_ever() {
    run(|world| async move {
        let (a, b) = world.pair(10);
        let (mut near, mut far) = world.connect(a, b).await;
        near.shutdown().await.unwrap();
        far.write_all(&vec![0; 200_000]).await.unwrap();
        sleep(ms(20)).await;
        world.net.power_off(b);
        near.read_exact(&mut vec![0; 200_000]).await.unwrap();
        drop((near, far));
        sleep(secs(1)).await;
        assert_eq!(world.net.open_connections(), 0);
    });
}
