//! Crashes: the program dies, the kernel cleans up, a new program starts.

use std::cell::RefCell;
use std::io::ErrorKind;
use std::rc::Rc;

use lafs::net::{Dial, Listen};
use squall::net::event::Network;
use squall::net::{HostId, Limits, NetEvent, NetEventKind as K};
use squall::seed::Seed;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::sleep;

use crate::world::*;

/// Accepts one connection, reads one byte, and holds the connection for ever.
fn one_byte_server(net: &Network, host: HostId) {
    let mut listener = net.listen(host).unwrap();
    let _runs_alone = net.spawn(host, async move {
        let mut conn = listener.accept().await.unwrap();
        let _may_be_aborted = conn.read_u8().await;
        std::future::pending::<()>().await;
    });
}

#[test]
fn a_crash_closes_refuses_and_lets_a_new_program_listen() {
    run(|world| async move {
        let (a, b) = world.pair(10);
        one_byte_server(&world.net, b);
        let dialer = world.net.dialer(a);
        let mut conn = dialer.dial("b").await.unwrap();
        conn.write_all(b"1").await.unwrap();
        sleep(secs(1)).await;
        world.net.crash(b);
        let start = world.net.now();
        assert_eq!(conn.read(&mut [0; 1]).await.unwrap(), 0, "FIN: nothing was unread");
        assert_eq!(world.net.now() - start, ms(10));
        assert_eq!(dialer.dial("b").await.err().unwrap().kind(), ErrorKind::ConnectionRefused);
        one_byte_server(&world.net, b);
        dialer.dial("b").await.unwrap();
    });
}

#[test]
fn a_crash_with_unread_bytes_resets() {
    run(|world| async move {
        let (a, b) = world.pair(10);
        one_byte_server(&world.net, b);
        let mut conn = world.net.dialer(a).dial("b").await.unwrap();
        conn.write_all(b"12").await.unwrap();
        sleep(secs(1)).await;
        world.net.crash(b);
        assert_eq!(conn.read_u8().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    });
}

#[test]
fn a_crash_resets_connections_nobody_accepted() {
    run(|world| async move {
        let (a, b) = world.pair(10);
        one_byte_server(&world.net, b);
        let dialer = world.net.dialer(a);
        let _first = dialer.dial("b").await.unwrap();
        let mut second = dialer.dial("b").await.unwrap();
        sleep(secs(1)).await;
        world.net.crash(b);
        assert_eq!(second.read_u8().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    });
}

#[test]
fn ends_held_outside_a_program_die_with_their_host() {
    run(|world| async move {
        let (a, b) = world.pair(10);
        let (mut near, mut far) = world.connect(a, b).await;
        world.net.crash(b);
        assert_eq!(far.write(b"x").await.unwrap_err().kind(), ErrorKind::ConnectionAborted);
        assert_eq!(near.read(&mut [0; 1]).await.unwrap(), 0);
    });
}

#[test]
fn an_observer_may_crash_the_very_host_that_is_running() {
    runtime().block_on(async {
        let handle: Rc<RefCell<Option<Network>>> = Rc::default();
        let inner = Rc::clone(&handle);
        let log = Rc::new(RefCell::new(Vec::new()));
        let kept = Rc::clone(&log);
        let observer = Rc::new(move |event: &NetEvent| {
            kept.borrow_mut().push(event.kind);
            if let K::Accepted { host, .. } = event.kind
                && let Some(net) = &*inner.borrow()
            {
                net.crash(host);
            }
        });
        let net = Network::new(&Seed::root(1), fixed(10), Limits::USUAL, observer);
        *handle.borrow_mut() = Some(net.clone());
        let (a, b) = (net.add_host("a"), net.add_host("b"));
        one_byte_server(&net, b);
        let dialer = net.dialer(a);
        let client = net.spawn(a, async move {
            let mut conn = dialer.dial("b").await.unwrap();
            conn.read(&mut [0; 1]).await.unwrap()
        });
        let run = std::pin::pin!(net.run());
        let outcome = futures_util::future::select(client, run).await;
        assert!(matches!(outcome, futures_util::future::Either::Left((Some(0), _))));
        let order: Vec<K> =
            log.borrow().iter().copied().filter(|kind| !matches!(kind, K::ConnectSent { .. })).collect();
        let accepted = order.iter().position(|kind| matches!(kind, K::Accepted { .. })).unwrap();
        assert_eq!(order[accepted + 1], K::HostCrashed { host: b });
        *handle.borrow_mut() = None;
    });
}

#[test]
fn a_program_that_ended_gives_its_value_and_a_dead_one_none() {
    run(|world| async move {
        let (a, _) = world.pair(10);
        let value = world.net.spawn(a, async { "value" });
        let dead = world.net.spawn(a, std::future::pending::<&str>());
        assert_eq!(value.await, Some("value"));
        assert!(!dead.is_over());
        world.net.crash(a);
        assert!(dead.is_over());
        assert_eq!(dead.await, None);
    });
}
