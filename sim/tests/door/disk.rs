//! A disk that is full, and one that loses what it has taken.

use lafs::format::ShareNum;

use crate::raw::*;

const SECRETS: &str = "X-Tahoe-Authorization: lease-renew-secret AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\
     X-Tahoe-Authorization: lease-cancel-secret AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n";
const UPLOAD: &str = "X-Tahoe-Authorization: upload-secret AAAA\r\n";

/// Asks for room for 4 bytes of share 7, and answers the body in words.
async fn allocate(wire: &mut Wire) -> String {
    let body = [&b"\xa2mshare-numbers\xd9\x01\x02\x81\x07nallocated-size"[..], b"\x04"].concat();
    let head = format!("Content-Type: application/cbor\r\n{SECRETS}{UPLOAD}");
    wire.send("POST", &format!("immutable/{INDEX}"), &head, &body).await;
    let (status, head) = wire.head().await;
    assert_eq!(status, 200, "{head}");
    let length = head.split_once("content-length: ").and_then(|(_, rest)| rest.split_once("\r\n"));
    let body = wire.bytes(length.unwrap().0.parse().unwrap()).await;
    let (_, allocated) = {
        let at = body.windows(9).position(|nine| nine == b"allocated").unwrap();
        body.split_at(at + 9)
    };
    if allocated.windows(2).any(|two| two == b"\x81\x07") { "room" } else { "no room" }.to_owned()
}

async fn write(wire: &mut Wire) -> u16 {
    let head = format!("Content-Range: bytes 0-3/4\r\n{UPLOAD}");
    wire.send("PATCH", &format!("immutable/{INDEX}/7"), &head, b"abcd").await;
    wire.head().await.0
}

#[test]
fn a_full_disk_has_no_room_until_it_has_and_keeps_what_is_there() {
    play("full = \"s0\"\nwhen = \"1s\"\nfor = \"10s\"", 0, |world| async move {
        tokio::time::sleep(secs(2)).await;
        let mut wire = world.connect("s0").await;
        assert_eq!(allocate(&mut wire).await, "no room");
        assert!(world.receipt().touched > 0);
        wire.get(Some("0-3")).await;
        assert_eq!(wire.head().await.0, 206);
        wire.bytes(4).await;
        tokio::time::sleep(secs(10)).await;
        assert_eq!(allocate(&mut wire).await, "room");
        assert_eq!(write(&mut wire).await, 201);
    });
}

#[test]
fn the_longest_share_that_a_disk_takes_is_told() {
    play("full = \"s1\"", 0, |world| async move {
        world.disk("s0").set_share_bytes_max(100);
        let mut wire = world.connect("s0").await;
        wire.send("GET", "version", "", b"").await;
        let (status, head) = wire.head().await;
        assert_eq!(status, 200, "{head}");
        let length = head.split_once("content-length: ").and_then(|(_, rest)| rest.split_once("\r\n"));
        let body = wire.bytes(length.unwrap().0.parse().unwrap()).await;
        let told = b"maximum-immutable-share-size\x18\x64";
        assert!(body.windows(told.len()).any(|bytes| bytes == told), "{body:02x?}");
    });
}

#[test]
fn a_full_disk_that_nobody_asks_for_room_touches_nothing() {
    play("full = \"s0\"", 0, |world| async move {
        let mut wire = world.connect("s0").await;
        wire.get(None).await;
        assert_eq!(wire.head().await.0, 200);
        assert_eq!(world.receipt().touched, 0);
    });
}

#[test]
fn a_lost_share_was_acknowledged() {
    play("lose = \"s0\"\nwhich = \"the first\"", 0, |world| async move {
        let mut wire = world.connect("s0").await;
        for times in 0..2 {
            assert_eq!(allocate(&mut wire).await, "room");
            assert_eq!(write(&mut wire).await, 201);
            wire.bytes(1).await;
            wire = world.connect("s0").await;
            let there = world.disk("s0").get(index(), ShareNum(7));
            assert_eq!(there.is_some(), times == 1, "only the first is lost");
        }
        assert_eq!((world.receipt().touched, world.receipt().bytes), (1, 4));
    });
}
