//! Back-pressure: a window per direction, announced in batches.

use std::future::poll_fn;
use std::io::IoSlice;
use std::pin::Pin;

use squall::net::{Limits, NetEventKind as K};
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::world::*;

const WINDOW: usize = 256 * 1024;

#[test]
fn a_slow_reader_stops_the_writer_at_the_window() {
    run(|world| async move {
        let (a, b) = world.pair(10);
        let (mut near, mut far) = world.connect(a, b).await;
        near.write_all(&vec![1; WINDOW]).await.unwrap();
        let stuck = tokio::time::timeout(secs(3600), near.write_all(&[1])).await;
        assert!(stuck.is_err(), "one byte more than the window");
        let start = world.net.now();
        let mut got = vec![0; WINDOW / 2 - 1];
        far.read_exact(&mut got).await.unwrap();
        assert!(
            tokio::time::timeout(secs(60), near.write_all(&[1])).await.is_err(),
            "less than half is consumed"
        );
        far.read_u8().await.unwrap();
        near.write_all(&[1]).await.unwrap();
        assert_eq!(world.net.now() - start, secs(60) + ms(10));
        assert_eq!(world.net.connections(b)[0].unread_bytes as usize, WINDOW / 2);
    });
}

#[test]
fn small_exchanges_need_no_messages_of_their_own_for_the_window() {
    run(|world| async move {
        let (a, b) = world.pair(10);
        let (mut near, mut far) = world.connect(a, b).await;
        let before = world.net.stats().messages;
        let mut got = vec![0; 4096];
        for _ in 0..1000 {
            near.write_all(&got.clone()).await.unwrap();
            far.read_exact(&mut got).await.unwrap();
            far.write_all(&got.clone()).await.unwrap();
            near.read_exact(&mut got).await.unwrap();
        }
        assert_eq!(world.net.stats().messages - before, 2000);
    });
}

#[test]
fn a_megabyte_passes_in_messages_of_the_greatest_size() {
    run(|world| async move {
        let (a, b) = world.pair(10);
        let (mut near, mut far) = world.connect(a, b).await;
        let data: Vec<u8> = (0..1 << 20).map(|i: u32| (i / 7) as u8).collect();
        let mut got = vec![0; data.len()];
        let (sent, received) =
            futures_util::future::join(near.write_all(&data), far.read_exact(&mut got)).await;
        sent.unwrap();
        received.unwrap();
        assert!(got == data);
        assert_eq!(world.count(|kind| matches!(kind, K::Delivered { .. })), 16);
    });
}

#[test]
fn a_vectored_write_is_one_message() {
    run(|world| async move {
        let (a, b) = world.pair(10);
        let (mut near, mut far) = world.connect(a, b).await;
        assert!(near.is_write_vectored());
        let parts = [IoSlice::new(b"one "), IoSlice::new(b""), IoSlice::new(b"message")];
        let written = poll_fn(|cx| Pin::new(&mut near).poll_write_vectored(cx, &parts)).await.unwrap();
        assert_eq!(written, 11);
        let mut got = [0; 64];
        let n = far.read(&mut got).await.unwrap();
        assert_eq!(&got[..n], b"one message");
    });
}

#[test]
fn a_smaller_window_holds_fewer_bytes() {
    let limits = Limits { window_bytes: 10, ..Limits::USUAL };
    run_with(1, fixed(1), limits, |world| async move {
        let (a, b) = world.pair(10);
        let (mut near, mut far) = world.connect(a, b).await;
        assert_eq!(near.write(&[1; 64]).await.unwrap(), 10);
        let mut got = [0; 100];
        let all = [2; 90];
        let (sent, received) =
            futures_util::future::join(near.write_all(&all), far.read_exact(&mut got)).await;
        sent.unwrap();
        received.unwrap();
    });
}
