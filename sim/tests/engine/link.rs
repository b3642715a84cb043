//! Links: latency, bandwidth, order, hosts by name.

use std::io::ErrorKind;

use lafs::net::{Dial, Listen};
use squall::net::{Limits, LinkSpec, Livelock, NetEventKind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::world::*;

#[test]
fn a_round_trip_takes_the_latencies_of_its_messages() {
    run(|world| async move {
        let (a, b) = world.pair(10);
        let mut listener = world.net.listen(b).unwrap();
        let server = world.net.spawn(b, async move {
            let mut conn = listener.accept().await.unwrap();
            let mut request = [0; 5];
            conn.read_exact(&mut request).await.unwrap();
            conn.write_all(&request).await.unwrap();
            conn.read(&mut request).await.unwrap()
        });
        let mut conn = world.net.dialer(a).dial("b").await.unwrap();
        assert_eq!(world.net.now(), ms(20));
        conn.write_all(b"hello").await.unwrap();
        let mut answer = [0; 5];
        conn.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"hello");
        assert_eq!(world.net.now(), ms(40));
        drop(conn);
        assert_eq!(server.await, Some(0));
        assert_eq!(world.net.now(), ms(50));
        world.net.crash(b);
        tokio::time::sleep(ms(50)).await;
        assert_eq!(world.net.open_connections(), 0);
    });
}

#[test]
fn times_below_a_millisecond_are_exact() {
    let third = std::time::Duration::from_nanos(333_333);
    let link = LinkSpec { latency_min: third, latency_max: third, bandwidth: None };
    run_with(1, link, Limits::USUAL, |world| async move {
        let (a, b) = (world.net.add_host("a"), world.net.add_host("b"));
        let (mut near, mut far) = world.connect(a, b).await;
        let echo = world.net.spawn(b, async move {
            let byte = far.read_u8().await.unwrap();
            far.write_u8(byte).await.unwrap();
        });
        let client = world.net.spawn(a, async move {
            near.write_u8(7).await.unwrap();
            near.read_u8().await.unwrap()
        });
        assert_eq!(client.await, Some(7));
        echo.await;
        let there = world.at(|kind| matches!(kind, NetEventKind::Delivered { to, .. } if *to == b)).unwrap();
        let back = world.at(|kind| matches!(kind, NetEventKind::Delivered { to, .. } if *to == a)).unwrap();
        assert_eq!(back - there, third);
    });
}

#[test]
fn a_program_never_runs_before_its_timer() {
    let link = LinkSpec { latency_min: ms(10), latency_max: ms(10), bandwidth: Some(30_000_000) };
    run_with(1, link, Limits::USUAL, |world| async move {
        let (a, b) = (world.net.add_host("a"), world.net.add_host("b"));
        let (mut near, mut far) = world.connect(a, b).await;
        // One byte on the link takes 33 ns: it is due shortly after a full millisecond, in tokio's next.
        near.write_all(b"x").await.unwrap();
        let net = world.net.clone();
        let sleeper = world.net.spawn(a, async move {
            tokio::time::sleep(ms(11)).await;
            net.now()
        });
        assert_eq!(sleeper.await, Some(ms(30 + 11)));
        far.read_u8().await.unwrap();
    });
}

#[test]
fn every_message_draws_its_latency_from_the_range() {
    let link = LinkSpec { latency_min: ms(5), latency_max: ms(20), bandwidth: None };
    run_with(1, link, Limits::USUAL, |world| async move {
        let (a, b) = (world.net.add_host("a"), world.net.add_host("b"));
        let (mut near, mut far) = world.connect(a, b).await;
        let mut taken = std::collections::BTreeSet::new();
        for _ in 0..200 {
            let sent = world.net.now();
            near.write_u8(1).await.unwrap();
            far.read_u8().await.unwrap();
            let arrived = world.events.borrow().last().unwrap().at;
            assert!((ms(5)..=ms(20)).contains(&(arrived - sent)), "{:?}", arrived - sent);
            taken.insert(arrived - sent);
        }
        assert!(taken.len() > 100, "{taken:?}");
        assert!(*taken.first().unwrap() < ms(7) && *taken.last().unwrap() > ms(18));
    });
}

#[test]
fn messages_of_one_direction_arrive_in_the_order_they_were_sent() {
    let link = LinkSpec { latency_min: ms(1), latency_max: ms(500), bandwidth: None };
    run_with(1, link, Limits::USUAL, |world| async move {
        let (a, b) = (world.net.add_host("a"), world.net.add_host("b"));
        let (mut near, mut far) = world.connect(a, b).await;
        for byte in 0..100 {
            near.write_u8(byte).await.unwrap();
        }
        for byte in 0..100 {
            assert_eq!(far.read_u8().await.unwrap(), byte);
        }
    });
}

#[test]
fn bandwidth_is_shared_by_the_connections_of_a_direction() {
    let link = LinkSpec { latency_min: ms(10), latency_max: ms(10), bandwidth: Some(100_000) };
    run_with(1, link, Limits::USUAL, |world| async move {
        let (a, b) = (world.net.add_host("a"), world.net.add_host("b"));
        let mut listener = world.net.listen(b).unwrap();
        let dialer = world.net.dialer(a);
        let (mut one, mut two) = (dialer.dial("b").await.unwrap(), dialer.dial("b").await.unwrap());
        let (mut far_one, mut far_two) = (listener.accept().await.unwrap(), listener.accept().await.unwrap());
        let start = world.net.now();
        one.write_all(&[1; 50_000]).await.unwrap();
        two.write_all(&[2; 50_000]).await.unwrap();
        far_one.write_all(&[3; 50_000]).await.unwrap();
        let mut got = vec![0; 50_000];
        one.read_exact(&mut got).await.unwrap();
        far_one.read_exact(&mut got).await.unwrap();
        assert_eq!(world.net.now() - start, ms(510), "the other way has a bandwidth of its own");
        far_two.read_exact(&mut got).await.unwrap();
        assert_eq!(world.net.now() - start, ms(1010));
    });
}

#[test]
fn a_faster_link_carries_at_once_what_still_queues() {
    run(|world| async move {
        let (a, b) = world.pair(10);
        let (mut near, mut far) = world.connect(a, b).await;
        let start = world.net.now();
        world.net.set_link(b, Some(LinkSpec { bandwidth: Some(64 * 1024), ..fixed(10) }));
        near.write_all(&vec![1; 256 * 1024]).await.unwrap();
        tokio::time::sleep(ms(500)).await;
        world.net.set_link(b, Some(fixed(10)));
        let mut got = vec![0; 256 * 1024];
        far.read_exact(&mut got).await.unwrap();
        assert_eq!(
            world.net.now() - start,
            ms(510),
            "the slow link carried half a second's worth, the rest went at once"
        );
    });
}

#[test]
fn a_link_changes_for_what_leaves_afterwards() {
    run(|world| async move {
        let (a, b) = world.pair(10);
        let (mut near, mut far) = world.connect(a, b).await;
        let start = world.net.now();
        near.write_u8(1).await.unwrap();
        world.net.set_link(b, Some(fixed(700)));
        far.read_u8().await.unwrap();
        assert_eq!(world.net.now() - start, ms(10));
        near.write_u8(2).await.unwrap();
        far.read_u8().await.unwrap();
        assert_eq!(world.net.now() - start, ms(710));
        world.net.set_pair_link(a, b, Some(fixed(2)));
        near.write_u8(3).await.unwrap();
        far.read_u8().await.unwrap();
        assert_eq!(world.net.now() - start, ms(712));
    });
}

#[test]
fn the_links_of_two_hosts_lie_in_series() {
    run(|world| async move {
        let (a, _) = world.pair(10);
        world.net.set_link(a, Some(fixed(5)));
        let refused = world.net.dialer(a).dial("b").await.err().unwrap();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        assert_eq!(world.net.now(), ms(30));
    });
}

#[test]
fn an_unknown_name_is_not_found_at_once() {
    run(|world| async move {
        let (a, _) = world.pair(10);
        assert_eq!(world.net.dialer(a).dial("c").await.err().unwrap().kind(), ErrorKind::NotFound);
        assert_eq!(world.net.now(), ms(0));
    });
}

#[test]
fn a_host_has_one_listener() {
    run(|world| async move {
        let (_, b) = world.pair(10);
        let first = world.net.listen(b).unwrap();
        assert_eq!(world.net.listen(b).err().unwrap().kind(), ErrorKind::AddrInUse);
        drop(first);
        assert!(world.net.listen(b).is_ok());
    });
}

/// Two programs that answer each other for ever.
fn chatter(limits: Limits, link: LinkSpec) -> Livelock {
    runtime().block_on(async {
        let world = World::new(1, link, limits);
        let (a, b) = (world.net.add_host("a"), world.net.add_host("b"));
        let mut listener = world.net.listen(b).unwrap();
        let echo = world.net.spawn(b, async move {
            let mut conn = listener.accept().await.unwrap();
            loop {
                let byte = conn.read_u8().await.unwrap();
                conn.write_u8(byte).await.unwrap();
            }
        });
        let dialer = world.net.dialer(a);
        let client = world.net.spawn(a, async move {
            let mut conn = dialer.dial("b").await.unwrap();
            loop {
                conn.write_u8(1).await.unwrap();
                conn.read_u8().await.unwrap();
            }
        });
        let livelock = world.net.run().await;
        world.net.shutdown();
        let (_, _): (Option<()>, Option<()>) = (echo.await, client.await);
        livelock
    })
}

#[test]
fn a_run_that_only_chatters_is_reported() {
    let limits = Limits { messages_max: 1000, ..Limits::USUAL };
    assert_eq!(chatter(limits, fixed(1)), Livelock::Messages(1000));
    let limits = Limits { polls_at_once_max: 1000, ..Limits::USUAL };
    assert_eq!(chatter(limits, fixed(0)), Livelock::Polls(1000));
}
