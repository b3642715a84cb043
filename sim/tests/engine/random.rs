//! Whatever happens in whatever order: bytes are never lost, doubled or reordered, and everything ends.

use futures_util::future::join3;
use lafs::net::{Dial, Listen};
use proptest::prelude::*;
use squall::net::event::Network;
use squall::net::{HostId, Limits, LinkSpec};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::sleep;

use crate::world::*;

#[derive(Debug, Clone)]
enum Move {
    Block(bool),
    Unblock(bool),
    Hang,
    Release,
    Link(u64, u64, Option<u64>),
    Wait(u64),
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        any::<bool>().prop_map(Move::Block),
        any::<bool>().prop_map(Move::Unblock),
        Just(Move::Hang),
        Just(Move::Release),
        (0..50u64, 0..200u64, proptest::option::of(10_000..10_000_000u64))
            .prop_map(|(min, span, rate)| Move::Link(min, min + span, rate)),
        (0..2000u64).prop_map(Move::Wait),
        (0..2000u64).prop_map(Move::Wait),
        (0..20_000u64).prop_map(Move::Wait),
    ];
    proptest::collection::vec(one, 0..30)
}

/// Sizes of writes or reads and pauses in milliseconds.
fn rhythm() -> impl Strategy<Value = Vec<(usize, u64)>> {
    proptest::collection::vec((1..100_000usize, prop_oneof![Just(0), 0..3000u64]), 1..20)
}

fn content(len: usize, salt: u8) -> Vec<u8> {
    (0..len).map(|i| (i.wrapping_mul(31) >> 3) as u8 ^ (i >> 11) as u8 ^ salt).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn bytes_survive_every_interleaving_of_partitions_hangs_and_link_changes(
        seed in any::<u64>(),
        moves in moves(),
        writes in rhythm(),
        back in rhythm(),
        reads in rhythm(),
        window in prop_oneof![Just(1u64), 2..5000u64, Just(256 * 1024)],
    ) {
        let window = if writes.iter().chain(&back).map(|(n, _)| n).sum::<usize>() > 50_000 { window.max(4096) } else { window };
        let limits = Limits { window_bytes: window, ..Limits::USUAL };
        run_with(seed, fixed(5), limits, |world| async move {
            let (a, b) = world.pair(5);
            let (near, far) = world.connect(a, b).await;
            let (mut near_in, mut near_out) = tokio::io::split(near);
            let (mut far_in, mut far_out) = tokio::io::split(far);
            let writer = world.net.spawn(a, {
                let writes = writes.clone();
                async move {
                    let data = content(writes.iter().map(|(n, _)| n).sum(), 1);
                    let mut at = 0;
                    for (n, pause) in writes {
                        near_out.write_all(&data[at..at + n]).await.unwrap();
                        at += n;
                        sleep(ms(pause)).await;
                    }
                    near_out.shutdown().await.unwrap();
                    near_out
                }
            });
            let answerer = world.net.spawn(b, {
                let back = back.clone();
                async move {
                    let data = content(back.iter().map(|(n, _)| n).sum(), 2);
                    let mut at = 0;
                    for (n, pause) in back {
                        far_out.write_all(&data[at..at + n]).await.unwrap();
                        at += n;
                        sleep(ms(pause)).await;
                    }
                    far_out.shutdown().await.unwrap();
                    far_out
                }
            });
            let reader = world.net.spawn(b, async move {
                let (mut got, mut buf) = (Vec::new(), vec![0; 100_000]);
                for (n, pause) in reads.iter().cycle() {
                    let n = far_in.read(&mut buf[..*n]).await.unwrap();
                    if n == 0 {
                        break;
                    }
                    got.extend_from_slice(&buf[..n]);
                    sleep(ms(pause / 100)).await;
                }
                (got, far_in)
            });
            let near_reader = world.net.spawn(a, async move {
                let mut got = Vec::new();
                near_in.read_to_end(&mut got).await.unwrap();
                (got, near_in)
            });
            let faults = async {
                // Shorter than the patience of TCP in total: 30 moves of at most 20 s.
                let mut blocks = [0, 0];
                let mut hangs = 0;
                for step in moves {
                    let pair = |back: bool| if back { (b, a) } else { (a, b) };
                    match step {
                        Move::Block(back) => {
                            blocks[usize::from(back)] += 1;
                            let (from, to) = pair(back);
                            world.net.block(from, to);
                        }
                        Move::Unblock(back) => {
                            blocks[usize::from(back)] = (blocks[usize::from(back)] - 1).max(0);
                            let (from, to) = pair(back);
                            world.net.unblock(from, to);
                        }
                        Move::Hang => {
                            hangs += 1;
                            world.net.hang(b);
                        }
                        Move::Release => {
                            hangs = (hangs - 1).max(0);
                            world.net.release(b);
                        }
                        Move::Link(min, max, bandwidth) => {
                            let link = LinkSpec { latency_min: ms(min), latency_max: ms(max), bandwidth };
                            world.net.set_link(b, Some(link));
                        }
                        Move::Wait(millis) => sleep(ms(millis)).await,
                    }
                }
                for back in [false, true] {
                    for _ in 0..blocks[usize::from(back)] {
                        let (from, to) = if back { (b, a) } else { (a, b) };
                        world.net.unblock(from, to);
                    }
                }
                for _ in 0..hangs {
                    world.net.release(b);
                }
            };
            let (sent, received, ()) =
                join3(futures_util::future::join(writer, answerer), futures_util::future::join(reader, near_reader), faults)
                    .await;
            let (got, far_in) = received.0.unwrap();
            let (answer, near_in) = received.1.unwrap();
            assert!(got == content(writes.iter().map(|(n, _)| n).sum(), 1), "towards b");
            assert!(answer == content(back.iter().map(|(n, _)| n).sum(), 2), "towards a");
            drop((sent, far_in, near_in));
            sleep(secs(300)).await;
            assert_eq!(world.net.open_connections(), 0);
        });
    }
}

/// Sends back whatever comes, one connection at a time, until its host dies.
async fn echo(net: Network, host: HostId) {
    let Ok(mut listener) = net.listen(host) else { return };
    while let Ok(mut conn) = listener.accept().await {
        let mut buf = vec![0; 30_000];
        while let Ok(n @ 1..) = conn.read(&mut buf).await {
            if conn.write_all(&buf[..n]).await.is_err() {
                break;
            }
        }
    }
}

/// Dials again and again; on each connection every byte that comes back must be the next one sent.
async fn question(net: Network, host: HostId, sizes: Vec<(usize, u64)>) {
    for (n, pause) in sizes {
        sleep(ms(pause)).await;
        let Ok(conn) = net.dialer(host).dial("b").await else { continue };
        let (mut input, mut output) = tokio::io::split(conn);
        let data = content(n, 3);
        let send = async {
            let _may_break = output.write_all(&data).await;
            let _may_break = output.shutdown().await;
        };
        let receive = async {
            let (mut got, mut buf) = (Vec::new(), vec![0; 10_000]);
            while let Ok(n @ 1..) = input.read(&mut buf).await {
                got.extend_from_slice(&buf[..n]);
            }
            assert!(data.starts_with(&got), "a prefix of what was sent");
        };
        // A server that is hung or has lost power may never answer.
        let both = futures_util::future::join(send, receive);
        let _may_be_silent = tokio::time::timeout(secs(20), both).await;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_left_after_any_interleaving_of_faults_and_the_bytes_that_came_are_right(
        seed in any::<u64>(),
        faults in proptest::collection::vec((0..11u8, 0..3000u64), 0..40),
        one in rhythm(),
        two in rhythm(),
    ) {
        run_with(seed, fixed(5), Limits::USUAL, |world| async move {
            let net = &world.net;
            let (a, b) = (net.add_host("a"), net.add_host("b"));
            net.set_link(b, Some(LinkSpec { latency_min: ms(1), latency_max: ms(90), bandwidth: Some(1 << 20) }));
            let _runs = net.spawn(b, echo(net.clone(), b));
            let clients = [one, two].map(|sizes| net.spawn(a, question(net.clone(), a, sizes)));
            for (fault, pause) in faults {
                match fault {
                    0 => net.block(a, b),
                    1 => net.block(b, a),
                    2 => {
                        net.unblock(a, b);
                        net.unblock(b, a);
                    }
                    3 => net.hang(b),
                    4 | 5 => net.release(b),
                    6 => {
                        net.power_off(b);
                    }
                    7 => {
                        net.crash(b);
                        net.power_on(b);
                        let _runs = net.spawn(b, echo(net.clone(), b));
                    }
                    8 => {
 let _count = net.reset_connections(if pause % 2 == 0 { a } else { b });
},
                    9 => {
 let _count = net.close_connections(if pause % 2 == 0 { a } else { b });
},
                    _ => net.refuse(b, pause % 3 == 0),
                }
                sleep(ms(pause)).await;
            }
            for client in clients {
                assert_eq!(client.await, Some(()), "every client comes to its end");
            }
            net.crash(b);
            net.crash(a);
            sleep(secs(2000)).await;
            assert_eq!(net.open_connections(), 0);
        });
    }
}
