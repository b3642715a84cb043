//! The door and the disk of mutable shares: a write that is refused and done all the same, one that waits, one that is
//! lost, one that finds no room, and damage that a writer is shown.

use bytes::Bytes;
use lafs::format::ShareNum;
use lafs::net::message::{ReadSpan, ReadTestWrite, Test, TestWrite, Write};
use lafs::server::backend::MutableShare;

use crate::raw::*;

const SECRETS: &str = "Content-Type: application/cbor\r\n\
     X-Tahoe-Authorization: lease-renew-secret AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\
     X-Tahoe-Authorization: lease-cancel-secret AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\
     X-Tahoe-Authorization: write-enabler AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n";

const SHARE: ShareNum = ShareNum(7);

/// A share in the place of which another one can be written.
fn put(world: &Raw, content: &'static [u8]) {
    let enabler = Bytes::from_static(&[0; 32]);
    let share = MutableShare { enabler, content: Bytes::from_static(content) };
    world.disk("s0").put_mutable(index(), SHARE, share);
}

fn stored(world: &Raw) -> Option<Bytes> {
    world.disk("s0").get_mutable(index(), SHARE).map(|held| held.content)
}

/// A write of share 7 if it begins with `old`, or is not there if that is empty.
fn message(old: &'static [u8], new: &'static [u8]) -> Vec<u8> {
    let specimen = Bytes::from_static(old);
    let test = Test { offset: 0, size: specimen.len().max(1) as u64, specimen };
    let write = Write { offset: 0, data: Bytes::from_static(new) };
    let wanted = TestWrite { test: vec![test], write: vec![write], new_length: None };
    let read = vec![ReadSpan { offset: 0, size: 57 }];
    ReadTestWrite { vectors: [(SHARE, wanted)].into_iter().collect(), read }.encode()
}

fn path() -> String {
    format!("mutable/{INDEX}/read-test-write")
}

async fn ask(wire: &mut Wire, old: &'static [u8], new: &'static [u8]) {
    wire.send("POST", &path(), SECRETS, &message(old, new)).await;
}

/// The status of an answer, and whether it says that the write was done.
async fn answer(wire: &mut Wire) -> (u16, bool) {
    let (status, head) = wire.head().await;
    let length = head.split_once("content-length: ").and_then(|(_, rest)| rest.split_once("\r\n"));
    let body = wire.bytes(length.map_or(0, |(length, _)| length.parse().unwrap())).await;
    (status, body.windows(8).any(|bytes| bytes == b"success\xf5"))
}

#[test]
fn a_write_is_refused_and_not_done() {
    play("answer = \"s0\"\nwith = \"500\"\nonly = \"test-and-write\"", 0, |world| async move {
        let mut wire = world.connect("s0").await;
        ask(&mut wire, b"", b"new").await;
        assert_eq!(answer(&mut wire).await, (500, false));
        assert_eq!(stored(&world), None);
        assert_eq!(world.receipt().touched, 1);
    });
}

#[test]
fn a_write_is_refused_and_done_all_the_same() {
    let fault =
        "answer = \"s0\"\nwith = \"500\"\nonly = \"test-and-write\"\napplied = true\nwhich = \"the first\"";
    play(fault, 0, |world| async move {
        let mut wire = world.connect("s0").await;
        ask(&mut wire, b"", b"new").await;
        assert_eq!(answer(&mut wire).await, (500, false));
        assert_eq!(stored(&world).unwrap(), &b"new"[..]);
        ask(&mut wire, b"", b"newer").await;
        assert_eq!(answer(&mut wire).await, (200, false), "it is there, and the first alone is refused");
        ask(&mut wire, b"new", b"newer").await;
        assert_eq!(answer(&mut wire).await, (200, true));
        assert_eq!(stored(&world).unwrap(), &b"newer"[..]);
    });
}

#[test]
fn writes_wait_and_reads_do_not() {
    play("hang = \"s0\"\nonly = \"test-and-write\"\nuntil = \"20s\"", 0, |world| async move {
        put(&world, b"old");
        let (mut writer, mut reader) = (world.connect("s0").await, world.connect("s0").await);
        ask(&mut writer, b"old", b"new").await;
        for path in ["shares", "7"] {
            reader.send("GET", &format!("mutable/{INDEX}/{path}"), "", b"").await;
            assert_eq!(answer(&mut reader).await.0, 200, "{path}");
        }
        assert_eq!(writer.within(secs(10)).await, (vec![], false));
        assert_eq!(stored(&world).unwrap(), &b"old"[..]);
        assert_eq!(answer(&mut writer).await, (200, true), "once the fault is over");
        assert_eq!(stored(&world).unwrap(), &b"new"[..]);
    });
}

#[test]
fn a_lost_write_was_acknowledged_and_leaves_what_was_there() {
    play("lose = \"s0\"\nwhich = \"the first\"", 0, |world| async move {
        put(&world, b"old");
        let mut wire = world.connect("s0").await;
        ask(&mut wire, b"old", b"newer").await;
        assert_eq!(answer(&mut wire).await, (200, true));
        assert_eq!(stored(&world).unwrap(), &b"old"[..]);
        assert_eq!((world.receipt().touched, world.receipt().bytes), (1, 5));
        assert!(world.has_lost("s0", SHARE));
        ask(&mut wire, b"old", b"newer").await;
        assert_eq!(answer(&mut wire).await, (200, true));
        assert_eq!(stored(&world).unwrap(), &b"newer"[..]);
        assert!(!world.has_lost("s0", SHARE));
    });
}

#[test]
fn a_lost_first_write_leaves_nothing() {
    play("lose = \"s0\"\nwhich = \"the first\"", 0, |world| async move {
        let mut wire = world.connect("s0").await;
        ask(&mut wire, b"", b"new").await;
        assert_eq!(answer(&mut wire).await, (200, true));
        assert_eq!(stored(&world), None);
    });
}

#[test]
fn a_full_disk_takes_what_does_not_grow() {
    play("full = \"s0\"", 0, |world| async move {
        put(&world, b"old");
        let mut wire = world.connect("s0").await;
        ask(&mut wire, b"old", b"newer").await;
        let (status, done) = answer(&mut wire).await;
        assert!(status >= 500 && !done, "{status}");
        assert_eq!(stored(&world).unwrap(), &b"old"[..]);
        assert_eq!(world.receipt().touched, 1);
        ask(&mut wire, b"old", b"new").await;
        assert_eq!(answer(&mut wire).await, (200, true));
        assert_eq!((stored(&world).unwrap(), world.receipt().touched), (Bytes::from_static(b"new"), 1));
    });
}

#[test]
fn a_write_counts_as_one_block_and_a_failed_test_as_none() {
    play("full = \"s1\"", 0, |world| async move {
        let mut wire = world.connect("s0").await;
        for (old, done) in [(&b""[..], true), (b"", false), (b"new", true)] {
            ask(&mut wire, old, if old.is_empty() { b"new" } else { b"newer" }).await;
            assert_eq!(answer(&mut wire).await, (200, done));
        }
        assert_eq!(world.blocks_answered(), [1, 0, 1]);
    });
}

#[test]
fn of_two_writes_under_way_at_once_only_the_one_that_is_done_counts() {
    play("full = \"s1\"", 0, |world| async move {
        let (mut slow, mut quick) = (world.connect("s0").await, world.connect("s0").await);
        let body = message(b"", b"late");
        slow.begin("POST", &path(), SECRETS, body.len()).await;
        slow.body(&body[..9]).await;
        tokio::time::sleep(secs(1)).await;
        ask(&mut quick, b"", b"new").await;
        assert_eq!(answer(&mut quick).await, (200, true));
        slow.body(&body[9..]).await;
        assert_eq!(answer(&mut slow).await, (200, false));
        assert_eq!(world.blocks_answered(), [1, 0]);
    });
}
