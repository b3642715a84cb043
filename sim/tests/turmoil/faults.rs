//! What is done to hosts and their connections.

use std::cell::Cell;
use std::io::ErrorKind;
use std::rc::Rc;

use lafs::net::Dial;
use squall::net::{NetEventKind as K, Touch, Why};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{sleep, timeout};

use crate::world::*;

/// Sends a byte every 100 ms and reads it back; tells how it ended and how many came back.
async fn ping(world: &World) -> (ErrorKind, u64) {
    let dialer = world.dialer();
    world
        .on_a(async move {
            let mut conn = dialer.dial("b").await.unwrap();
            for round in 0.. {
                if let Err(error) = conn.write_all(b"x").await {
                    return (error.kind(), round);
                }
                match timeout(secs(20), conn.read_u8()).await {
                    Ok(Ok(_)) => sleep(ms(100)).await,
                    Ok(Err(error)) => return (error.kind(), round),
                    Err(_) => return (ErrorKind::TimedOut, round),
                }
            }
            (ErrorKind::Other, 0)
        })
        .await
}

/// A ping during which `strike` happens after a second.
async fn ping_while(world: &World, strike: impl Fn(&World)) -> (ErrorKind, u64) {
    world.echo();
    let strike = async {
        sleep(secs(1)).await;
        strike(world);
    };
    futures_util::future::join(ping(world), strike).await.0
}

#[test]
fn a_reset_is_an_error_at_both_ends() {
    run(|world| async move {
        let (error, rounds) = ping_while(&world, |world| {
            assert_eq!(world.net.reset_connections(world.b), 1);
        })
        .await;
        assert_eq!(error, ErrorKind::ConnectionReset);
        assert!((1..10).contains(&rounds), "{rounds}");
        assert_eq!(world.count(|event| matches!(event, K::RstDelivered { .. })), 1);
        assert_eq!(world.net.connections(world.b), 0);
    });
}

#[test]
fn a_close_is_an_end_of_file() {
    run(|world| async move {
        let (error, _) = ping_while(&world, |world| {
            assert_eq!(world.net.close_connections(world.b), 1);
        })
        .await;
        assert_eq!(error, ErrorKind::UnexpectedEof);
        assert_eq!(world.count(|event| matches!(event, K::FinDelivered { .. })), 1);
    });
}

#[test]
fn a_host_that_refuses_keeps_its_connections_and_accepts_again_afterwards() {
    run(|world| async move {
        world.echo();
        world.net.refuse(world.b, true);
        let dialer = world.dialer();
        let refused = world.on_a(async move { dialer.dial("b").await.err() }).await;
        assert_eq!(refused.unwrap().kind(), ErrorKind::ConnectionRefused);
        world.net.refuse(world.b, false);
        let dialer = world.dialer();
        assert!(world.on_a(async move { dialer.dial("b").await.is_ok() }).await);
    });
}

#[test]
fn a_hung_host_connects_and_takes_bytes_and_answers_when_it_is_released() {
    run(|world| async move {
        world.echo();
        world.net.hang(world.b);
        let dialer = world.dialer();
        let answered = Rc::new(Cell::new(false));
        let done = Rc::clone(&answered);
        let _asks = world.net.spawn(world.a, async move {
            let mut conn = dialer.dial("b").await.unwrap();
            conn.write_all(b"x").await.unwrap();
            conn.read_u8().await.unwrap();
            done.set(true);
        });
        sleep(secs(30)).await;
        assert_eq!(world.count(|event| matches!(event, K::Connected { .. })), 1);
        assert!(!answered.get());
        let touched = |by| world.count(|event| *event == K::HungHostTouched { host: world.b, by });
        assert_eq!((touched(Touch::Connect), touched(Touch::Wake)), (1, 1));
        world.net.hang(world.b);
        world.net.release(world.b);
        sleep(secs(30)).await;
        assert!(!answered.get(), "two hangs need two releases");
        world.net.release(world.b);
        sleep(secs(1)).await;
        assert!(answered.get());
    });
}

#[test]
fn a_partition_is_silent_and_when_it_heals_everything_arrives() {
    run(|world| async move {
        world.echo();
        let strike = async {
            sleep(secs(1)).await;
            world.net.isolate(world.b, true, true);
            sleep(secs(10)).await;
            world.net.rejoin(world.b, true, true);
            sleep(secs(5)).await;
            world.net.isolate(world.a, true, true);
        };
        let ((error, rounds), ()) = futures_util::future::join(ping(&world), strike).await;
        assert_eq!(error, ErrorKind::TimedOut, "silent, not refused or reset");
        assert!(rounds > 30, "it went on after the first partition: {rounds}");
        let held = |event: &K| matches!(event, K::Held { why: Why::Blocked, .. });
        assert!(world.count(held) >= 2);
    });
}

#[test]
fn a_connect_into_a_partition_is_silent_and_one_that_waits_gets_through() {
    run(|world| async move {
        world.echo();
        world.net.block(world.a, world.b);
        world.net.block(world.a, world.b);
        let (dialer, net) = (world.dialer(), world.net.clone());
        let dial = world.on_a(async move { (dialer.dial("b").await.is_ok(), net.now()) });
        let heal = async {
            sleep(secs(10)).await;
            world.net.unblock(world.a, world.b);
            sleep(secs(10)).await;
            world.net.unblock(world.a, world.b);
        };
        let ((connected, at), ()) = futures_util::future::join(dial, heal).await;
        assert!(connected && at >= secs(20) && at <= secs(21), "{connected} {at:?}");
        world.net.block(world.b, world.a);
        let dialer = world.dialer();
        let error = world.on_a(async move { dialer.dial("b").await.err().unwrap() }).await;
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    });
}

#[test]
fn a_crash_closes_and_refuses_until_a_new_program_listens() {
    run(|world| async move {
        let (error, _) = ping_while(&world, |world| world.net.crash(world.b)).await;
        assert_eq!(error, ErrorKind::UnexpectedEof, "FIN: nothing was unread");
        let dialer = world.dialer();
        let refused = world.on_a(async move { dialer.dial("b").await.err() }).await;
        assert_eq!(refused.unwrap().kind(), ErrorKind::ConnectionRefused);
        let (error, rounds) = ping_while(&world, |world| world.net.crash(world.b)).await;
        assert_eq!(error, ErrorKind::UnexpectedEof);
        assert!(rounds > 0);
    });
}

#[test]
fn a_machine_without_power_says_nothing_and_afterwards_knows_nobody() {
    run(|world| async move {
        let (error, _) = ping_while(&world, |world| world.net.power_off(world.b)).await;
        assert_eq!(error, ErrorKind::TimedOut);
        assert!(world.count(|event| matches!(event, K::Held { why: Why::PowerOff, .. })) > 0);
        assert_eq!(world.net.listen(world.b).err().unwrap().kind(), ErrorKind::NetworkDown);
        assert_eq!(world.net.spawn(world.b, async {}).await, None);
        world.net.power_on(world.b);
        let pinging = ping_while(&world, |world| {
            world.net.power_off(world.b);
            world.net.power_on(world.b);
        });
        assert_eq!(pinging.await.0, ErrorKind::ConnectionReset, "the first byte is answered with a RST");
        assert!(world.count(|event| matches!(event, K::Held { why: Why::Unknown, .. })) > 0);
    });
}

#[test]
fn what_a_machine_held_when_the_power_went_is_never_closed_to_its_peer() {
    run(|world| async move {
        world.echo();
        let dialer = world.dialer();
        let silent = world.on_a(async move {
            let mut conn = dialer.dial("b").await.unwrap();
            timeout(secs(60), conn.read_u8()).await.is_err()
        });
        let strike = async {
            sleep(secs(1)).await;
            world.net.power_off(world.b);
            sleep(secs(1)).await;
            world.net.power_on(world.b);
        };
        assert!(futures_util::future::join(silent, strike).await.0, "no FIN came out of the dark");
    });
}

#[test]
fn a_partition_catches_what_is_under_way() {
    run(|world| async move {
        world.echo();
        let dialer = world.dialer();
        let writer = world.on_a(async move {
            let mut conn = dialer.dial("b").await.unwrap();
            conn.write_all(b"caught").await.unwrap();
            conn.read_exact(&mut [0; 6]).await.unwrap();
        });
        let strike = async {
            while world.count(|event| matches!(event, K::Connected { .. })) == 0 {
                sleep(ms(1)).await;
            }
            world.net.block(world.a, world.b);
            sleep(secs(5)).await;
            assert_eq!(world.count(|event| matches!(event, K::Delivered { .. })), 0);
            world.net.unblock(world.a, world.b);
        };
        futures_util::future::join(writer, strike).await;
        let held = |event: &K| matches!(event, K::Held { bytes: 6, why: Why::Blocked, .. });
        assert_eq!(world.count(held), 1);
    });
}

#[test]
fn timers_of_a_hung_program_fire_when_it_is_released_and_a_crash_ends_the_hang() {
    run(|world| async move {
        let beats = Rc::new(Cell::new(0));
        let count = Rc::clone(&beats);
        let beating = world.net.spawn(world.b, async move {
            loop {
                sleep(secs(1)).await;
                count.set(count.get() + 1);
            }
        });
        sleep(ms(3500)).await;
        assert_eq!(beats.get(), 3);
        world.net.hang(world.b);
        sleep(secs(100)).await;
        assert_eq!(beats.get(), 3);
        world.net.release(world.b);
        sleep(ms(1500)).await;
        assert_eq!(beats.get(), 5);
        world.net.hang(world.b);
        world.net.crash(world.b);
        assert!(beating.is_over());
        let none: Option<()> = beating.await;
        assert!(none.is_none() && !world.net.is_hung(world.b));
        assert_eq!(world.net.spawn(world.b, async { 5 }).await, Some(5));
    });
}
