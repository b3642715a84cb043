//! A wall clock that jumps.

use futures_util::FutureExt;
use lafs::server::backend::{Backend, MemoryBackend};

use crate::raw::*;

const SECRETS: &str = "X-Tahoe-Authorization: lease-renew-secret {}AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\
     X-Tahoe-Authorization: lease-cancel-secret AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n";
const MONTH: u64 = 31 * 24 * 3600;

async fn lease(wire: &mut Wire, name: char, disk: &MemoryBackend) -> u64 {
    let head = SECRETS.replace("{}", &name.to_string());
    wire.send("PUT", &format!("lease/{INDEX}"), &head, b"").await;
    assert_eq!(wire.head().await.0, 204);
    let leases = disk.leases(index()).now_or_never().unwrap().unwrap();
    leases.last().unwrap().expires.0
}

fn jump(by: &'static str, seconds: i64) {
    play(
        &format!("clock = \"s0\"\njump = \"{by}\"\nwhen = \"10s\"\nfor = \"10s\""),
        0,
        move |world| async move {
            let (mut wire, disk) = (world.connect("s0").await, world.disk("s0"));
            let before = lease(&mut wire, 'A', &disk).await;
            assert!(before >= 1_900_000_000 + MONTH);
            assert_eq!(world.receipt().touched, 0);
            tokio::time::sleep(secs(11)).await;
            let during = lease(&mut wire, 'B', &disk).await;
            let jumped = i64::try_from(during).unwrap() - i64::try_from(before).unwrap() - 11;
            assert!((jumped - seconds).abs() <= 1, "{jumped}");
            assert!(world.receipt().touched > 0);
            tokio::time::sleep(secs(10)).await;
            let after = lease(&mut wire, 'C', &disk).await;
            assert!((after - before).abs_diff(21) <= 1);
        },
    );
}

#[test]
fn it_jumps_and_comes_back() {
    jump("+3d", 3 * 24 * 3600);
    jump("-1h", -3600);
}

#[test]
fn a_clock_that_nobody_reads_touches_nothing() {
    play("clock = \"s0\"\njump = \"+3d\"", 0, |world| async move {
        let mut wire = world.connect("s0").await;
        wire.get(None).await;
        assert_eq!(wire.head().await.0, 200);
        assert_eq!(world.receipt().touched, 0);
    });
}
