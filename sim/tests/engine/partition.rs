//! Silent partitions: nothing arrives, nothing errors, and what TCP does about it.

use std::io::ErrorKind;

use futures_util::future::join;
use lafs::net::{Dial, Listen};
use squall::net::{NetEventKind as K, Why};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{sleep, timeout};

use crate::world::*;

#[test]
fn bytes_in_flight_are_caught_and_arrive_after_the_next_retransmission() {
    run(|world| async move {
        let (a, b) = world.pair(100);
        let (mut near, mut far) = world.connect(a, b).await;
        let start = world.net.now();
        near.write_all(b"caught").await.unwrap();
        sleep(ms(50)).await;
        world.net.isolate(b, true, true);
        // Due after 100 ms, sent again 200, 600 and 1400 ms after that.
        sleep(ms(950)).await;
        world.net.rejoin(b, true, true);
        let mut got = [0; 6];
        far.read_exact(&mut got).await.unwrap();
        assert_eq!(&got, b"caught");
        assert_eq!(world.net.now() - start, ms(100 + 1400 + 100));
        assert_eq!(world.count(|kind| matches!(kind, K::Held { bytes: 6, why: Why::Blocked, .. })), 1);
        assert_eq!(world.count(|kind| matches!(kind, K::Retransmitted { messages: 1, bytes: 6, .. })), 1);
    });
}

#[test]
fn what_is_sent_after_the_heal_waits_for_what_was_lost() {
    run(|world| async move {
        let (a, b) = world.pair(10);
        let (mut near, mut far) = world.connect(a, b).await;
        world.net.block(a, b);
        near.write_all(b"first ").await.unwrap();
        sleep(ms(100)).await;
        world.net.unblock(a, b);
        near.write_all(b"second").await.unwrap();
        let mut got = [0; 12];
        far.read_exact(&mut got).await.unwrap();
        assert_eq!(&got, b"first second");
        assert_eq!(world.net.now(), ms(30 + 10 + 200 + 10));
        assert_eq!(world.count(|kind| matches!(kind, K::Held { why: Why::Order, .. })), 1);
    });
}

#[test]
fn a_retransmission_that_meets_a_new_partition_is_caught_too() {
    run(|world| async move {
        let (a, b) = world.pair(100);
        let (mut near, mut far) = world.connect(a, b).await;
        let start = world.net.now();
        world.net.block(a, b);
        near.write_all(b"x").await.unwrap();
        sleep(ms(150)).await;
        world.net.unblock(a, b);
        sleep(ms(200)).await; // sent again at 300 ms, due at 400
        world.net.block(a, b);
        sleep(ms(100)).await;
        world.net.unblock(a, b);
        far.read_u8().await.unwrap();
        assert_eq!(world.net.now() - start, ms(100 + 600 + 100));
    });
}

#[test]
fn a_connect_in_progress_is_caught_and_completes_after_a_later_syn() {
    run(|world| async move {
        let (a, b) = world.pair(100);
        let _listener = world.net.listen(b).unwrap();
        let dialer = world.net.dialer(a);
        let heal = async {
            sleep(ms(50)).await;
            world.net.isolate(a, true, true);
            sleep(secs(4)).await;
            world.net.rejoin(a, true, true);
        };
        let (conn, ()) = join(dialer.dial("b"), heal).await;
        conn.unwrap();
        assert_eq!(world.net.now(), secs(7) + ms(200), "SYNs leave after 0, 1, 3 and 7 s");
    });
}

#[test]
fn a_connect_into_a_partition_times_out_after_127_seconds() {
    run(|world| async move {
        let (a, b) = world.pair(100);
        let _listener = world.net.listen(b).unwrap();
        world.net.isolate(b, true, true);
        let error = world.net.dialer(a).dial("b").await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert_eq!(world.net.now(), secs(127));
        assert_eq!(world.net.open_connections(), 0);
    });
}

#[test]
fn a_lost_syn_ack_leaves_the_dialler_waiting_until_it_asks_again() {
    run(|world| async move {
        let (a, b) = world.pair(100);
        let mut listener = world.net.listen(b).unwrap();
        world.net.block(b, a);
        let dialer = world.net.dialer(a);
        let mut dial = std::pin::pin!(dialer.dial("b"));
        assert!(timeout(secs(2), &mut dial).await.is_err());
        assert_eq!(world.count(|kind| matches!(kind, K::Held { from, .. } if *from == b)), 2);
        world.net.unblock(b, a);
        let (conn, accepted) = join(dial, listener.accept()).await;
        conn.unwrap();
        accepted.unwrap();
        assert_eq!(world.net.now(), secs(3) + ms(300));
    });
}

#[test]
fn a_lost_syn_ack_times_the_dialler_out() {
    run(|world| async move {
        let (a, b) = world.pair(100);
        let mut listener = world.net.listen(b).unwrap();
        world.net.block(b, a);
        let error = world.net.dialer(a).dial("b").await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert_eq!(world.net.now(), secs(127));
        assert!(timeout(secs(60), listener.accept()).await.is_err(), "the handshake never completed");
        assert_eq!(world.net.open_connections(), 0);
    });
}

#[test]
fn unacknowledged_data_times_out_after_924_seconds_and_the_reader_learns_nothing() {
    run(|world| async move {
        let (a, b) = world.pair(100);
        let (mut near, mut far) = world.connect(a, b).await;
        let start = world.net.now();
        world.net.isolate(b, true, true);
        near.write_all(b"lost").await.unwrap();
        let error = near.read_u8().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert_eq!(world.net.now() - start, ms(100 + 924_600));
        assert_eq!(near.write(b"more").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
        assert!(timeout(secs(3600), far.read_u8()).await.is_err());
        world.net.rejoin(b, true, true);
        assert!(timeout(secs(3600), far.read_u8()).await.is_err(), "nobody tells the reader");
        far.write_all(b"hello?").await.unwrap();
        assert_eq!(far.read_u8().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    });
}

#[test]
fn lost_acknowledgements_time_the_sender_out_although_its_bytes_arrived() {
    run(|world| async move {
        let (a, b) = world.pair(100);
        let (mut near, mut far) = world.connect(a, b).await;
        let start = world.net.now();
        world.net.isolate(b, false, true);
        near.write_all(b"x").await.unwrap();
        far.read_u8().await.unwrap();
        assert_eq!(world.net.now() - start, ms(100));
        assert_eq!(near.read_u8().await.unwrap_err().kind(), ErrorKind::TimedOut);
        assert_eq!(world.net.now() - start, ms(100 + 924_600));
    });
}

#[test]
fn an_acknowledgement_under_way_is_caught_too() {
    run(|world| async move {
        let (a, b) = world.pair(100);
        let (mut near, _far) = world.connect(a, b).await;
        near.write_all(b"x").await.unwrap();
        sleep(ms(150)).await;
        world.net.block(b, a);
        assert_eq!(near.read_u8().await.unwrap_err().kind(), ErrorKind::TimedOut);
    });
}

#[test]
fn acknowledgements_that_pass_again_calm_the_sender() {
    run(|world| async move {
        let (a, b) = world.pair(100);
        let (mut near, _far) = world.connect(a, b).await;
        world.net.block(b, a);
        near.write_all(b"x").await.unwrap();
        sleep(secs(60)).await;
        world.net.unblock(b, a);
        assert!(timeout(secs(3600), near.read_u8()).await.is_err());
        assert!(world.net.connections(a)[0].lost_since.is_none());
        near.write_all(b"y").await.unwrap();
    });
}

#[test]
fn a_quiet_connection_survives_a_partition_of_hours() {
    run(|world| async move {
        let (a, b) = world.pair(10);
        let (mut near, mut far) = world.connect(a, b).await;
        sleep(secs(1)).await;
        let before = world.events.borrow().len();
        world.net.isolate(b, true, true);
        assert!(timeout(secs(10_000), near.read_u8()).await.is_err());
        world.net.rejoin(b, true, true);
        assert_eq!(world.events.borrow().len() - before, 4, "only the partition itself");
        far.write_all(b"x").await.unwrap();
        assert_eq!(near.read_u8().await.unwrap(), b'x');
    });
}

#[test]
fn overlapping_partitions_end_with_the_last() {
    run(|world| async move {
        let (a, b) = world.pair(10);
        let (mut near, mut far) = world.connect(a, b).await;
        world.net.block(a, b);
        world.net.block(a, b);
        near.write_all(b"x").await.unwrap();
        world.net.unblock(a, b);
        assert!(timeout(secs(60), far.read_u8()).await.is_err());
        world.net.unblock(a, b);
        far.read_u8().await.unwrap();
        world.net.unblock(a, b);
        near.write_all(b"y").await.unwrap();
        far.read_u8().await.unwrap();
    });
}

#[test]
fn a_lost_window_update_stops_the_writer_until_the_heal() {
    run(|world| async move {
        let (a, b) = world.pair(10);
        let (mut near, mut far) = world.connect(a, b).await;
        near.write_all(&vec![1; 256 * 1024]).await.unwrap();
        sleep(secs(1)).await;
        world.net.block(b, a);
        let start = world.net.now();
        let mut got = vec![0; 256 * 1024];
        far.read_exact(&mut got).await.unwrap();
        assert!(timeout(secs(1), near.write_all(b"x")).await.is_err());
        world.net.unblock(b, a);
        near.write_all(b"x").await.unwrap();
        assert_eq!(world.net.now() - start, ms(10 + 1400 + 10));
    });
}

#[test]
fn a_writer_that_waits_for_room_loses_patience_too() {
    run(|world| async move {
        let (a, b) = world.pair(10);
        let (mut near, mut far) = world.connect(a, b).await;
        near.write_all(&vec![1; 256 * 1024]).await.unwrap();
        sleep(secs(1)).await;
        world.net.block(b, a);
        let mut got = vec![0; 256 * 1024];
        far.read_exact(&mut got).await.unwrap();
        assert_eq!(near.write_all(b"x").await.unwrap_err().kind(), ErrorKind::TimedOut);
    });
}

#[test]
fn a_writer_that_waited_for_room_before_the_silence_loses_patience() {
    for (inward, outward) in [(true, true), (true, false), (false, true)] {
        run(move |world| async move {
            let (a, b) = world.pair(10);
            let (mut near, _far) = world.connect(a, b).await;
            let data = vec![1; 256 * 1024 + 1];
            let mut write = std::pin::pin!(near.write_all(&data));
            assert!(timeout(secs(3600), &mut write).await.is_err(), "a peer that answers is given time");
            let start = world.net.now();
            world.net.isolate(b, inward, outward);
            assert_eq!(write.await.unwrap_err().kind(), ErrorKind::TimedOut);
            assert!(world.net.now() - start >= ms(924_600));
        });
    }
}

#[test]
fn a_writer_that_waits_for_room_forgives_a_silence_that_heals() {
    run(|world| async move {
        let (a, b) = world.pair(10);
        let (mut near, mut far) = world.connect(a, b).await;
        let data = vec![1; 256 * 1024 + 1];
        let mut write = std::pin::pin!(near.write_all(&data));
        assert!(timeout(secs(1), &mut write).await.is_err());
        world.net.isolate(b, true, true);
        assert!(timeout(secs(600), &mut write).await.is_err());
        world.net.rejoin(b, true, true);
        assert!(timeout(secs(3600), &mut write).await.is_err(), "its patience begins anew");
        assert!(world.net.connections(a)[0].lost_since.is_none());
        far.read_exact(&mut vec![0; 200_000]).await.unwrap();
        write.await.unwrap();
    });
}

#[test]
fn an_answer_that_passes_acknowledges_what_had_arrived() {
    run(|world| async move {
        let (a, b) = world.pair(10);
        let (mut near, mut far) = world.connect(a, b).await;
        world.net.block(b, a);
        near.write_all(b"x").await.unwrap();
        far.read_u8().await.unwrap();
        world.net.unblock(b, a);
        assert!(world.net.connections(a)[0].lost_since.is_some());
        far.write_all(b"y").await.unwrap();
        near.read_u8().await.unwrap();
        assert!(world.net.connections(a)[0].lost_since.is_none());
    });
}

#[test]
fn an_attempt_nobody_waits_for_is_forgotten_when_its_syn_ack_is_lost() {
    run(|world| async move {
        let (a, b) = world.pair(100);
        let _listener = world.net.listen(b).unwrap();
        world.net.block(b, a);
        assert!(timeout(ms(150), world.net.dialer(a).dial("b")).await.is_err());
        assert_eq!(world.net.open_connections(), 1);
        sleep(ms(100)).await;
        assert_eq!(world.net.open_connections(), 0);
    });
}
