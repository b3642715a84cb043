//! Same seed, same events; one link's traffic is nobody else's business.

use std::time::Duration;

use futures_util::future::join;
use lafs::net::{Dial, Listen};
use squall::net::event::Network;
use squall::net::{HostId, Limits, LinkSpec, NetEvent, NetEventKind as K};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::world::*;

const WAN: LinkSpec = LinkSpec {
    latency_min: Duration::from_millis(5),
    latency_max: Duration::from_millis(50),
    bandwidth: None,
};

/// Echoes on every connection, one after the other.
fn serve(net: &Network, host: HostId) {
    let mut listener = net.listen(host).unwrap();
    let _runs_alone = net.spawn(host, async move {
        loop {
            let mut conn = listener.accept().await.unwrap();
            while let Ok(byte) = conn.read_u8().await {
                let _ = conn.write_u8(byte).await;
            }
        }
    });
}

/// Fifty questions and answers.
async fn ask(net: Network, from: HostId, to: &'static str) {
    let mut conn = net.dialer(from).dial(to).await.unwrap();
    for byte in 0..50 {
        conn.write_u8(byte).await.unwrap();
        assert_eq!(conn.read_u8().await.unwrap(), byte);
    }
}

fn events(seed: u64, with_c: bool) -> (Vec<NetEvent>, Vec<u8>, HostId) {
    let out = std::rc::Rc::new(std::cell::RefCell::new(None));
    let place = std::rc::Rc::clone(&out);
    run_with(seed, WAN, Limits::USUAL, |world| async move {
        let (a, b, c) = (world.net.add_host("a"), world.net.add_host("b"), world.net.add_host("c"));
        serve(&world.net, b);
        serve(&world.net, c);
        let to_b = world.net.spawn(a, ask(world.net.clone(), a, "b"));
        let to_c = async {
            if with_c {
                world.net.spawn(a, ask(world.net.clone(), a, "c")).await;
            }
        };
        join(to_b, to_c).await;
        *place.borrow_mut() = Some((world.events.borrow().clone(), world.encoded(), b));
    });
    out.take().unwrap()
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let (first, second, other) = (events(7, true), events(7, true), events(8, true));
    assert_eq!(first.1, second.1);
    assert_ne!(first.1, other.1);
    assert!(first.0.len() > 200);
}

#[test]
fn traffic_on_one_link_does_not_shift_the_latencies_of_another() {
    let of_b = |(events, _, b): (Vec<NetEvent>, Vec<u8>, HostId)| -> Vec<Duration> {
        let touches_b = |event: &&NetEvent| match event.kind {
            K::Delivered { from, to, .. } => from == b || to == b,
            _ => false,
        };
        events.iter().filter(touches_b).map(|event| event.at).collect()
    };
    let (with, without) = (of_b(events(7, true)), of_b(events(7, false)));
    assert_eq!(with.len(), 100);
    assert_eq!(with, without);
}

#[test]
fn an_event_reads_as_one_line_with_names() {
    let (events, ..) = events(7, true);
    let names = ["a", "b", "c"];
    assert_eq!(events[0].display(&names).to_string(), "#1 a dials b");
    for event in &events {
        assert!(!event.display(&names).to_string().contains('\n'));
    }
    assert!(events[0].display(&names[..1]).to_string().ends_with("a dials host 1"));
}

#[test]
fn the_encoding_of_an_event_is_its_time_its_tag_and_its_fields() {
    let kind = K::Delivered { conn: squall::net::ConnId(300), from: HostId(1), to: HostId(2), bytes: 65536 };
    let mut out = Vec::new();
    NetEvent { at: Duration::from_micros(1), kind }.encode(&mut out);
    assert_eq!(out, [0xe8, 0x07, 6, 0xac, 0x02, 1, 2, 0x80, 0x80, 0x04]);
}

#[test]
fn every_link_and_direction_draws_for_itself() {
    let (events, _, b) = events(7, true);
    let connected: Vec<Duration> = events
        .iter()
        .filter(|event| matches!(event.kind, K::Connected { .. }))
        .map(|event| event.at)
        .collect();
    assert_eq!(connected.len(), 2);
    assert_ne!(connected[0], connected[1], "both dialled at the start");
    let there_and_back: Vec<Duration> = events
        .iter()
        .filter(|event| matches!(event.kind, K::Delivered { from, to, .. } if from == b || to == b))
        .map(|event| event.at)
        .collect();
    let steps: Vec<Duration> = there_and_back.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(steps.chunks_exact(2).any(|pair| pair[0] != pair[1]));
}
