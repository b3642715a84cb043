//! What the event engine itself costs: CPU time of small exchanges, of bulk data, and of idle hosts.

use std::rc::Rc;
use std::time::Duration;

use lafs::net::{Dial, Listen};
use squall::net::event::Network;
use squall::net::{HostId, Limits, LinkSpec};
use squall::seed::Seed;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const EXCHANGES: u32 = 200_000;
const MEBIBYTES: u32 = 4_000;

/// Answers each 4 KiB with 4 KiB, for ever.
async fn echo(net: Network, host: HostId) {
    let Ok(mut listener) = net.listen(host) else { return };
    while let Ok(mut conn) = listener.accept().await {
        let mut block = vec![0; 4096];
        while conn.read_exact(&mut block).await.is_ok() && conn.write_all(&block).await.is_ok() {}
    }
}

/// Reads until the end, again and again.
async fn sink(net: Network, host: HostId) {
    let Ok(mut listener) = net.listen(host) else { return };
    while let Ok(mut conn) = listener.accept().await {
        let mut block = vec![0; 64 * 1024];
        while conn.read(&mut block).await.is_ok_and(|n| n > 0) {}
    }
}

async fn exchanges(net: Network, host: HostId) {
    let Ok(mut conn) = net.dialer(host).dial("s0").await else { return };
    let mut block = vec![0; 4096];
    for _ in 0..EXCHANGES {
        if conn.write_all(&block).await.is_err() || conn.read_exact(&mut block).await.is_err() {
            return;
        }
    }
}

async fn bulk(net: Network, host: HostId) {
    let Ok(mut conn) = net.dialer(host).dial("s1").await else { return };
    let block = vec![0; 64 * 1024];
    for _ in 0..MEBIBYTES * 16 {
        if conn.write_all(&block).await.is_err() {
            return;
        }
    }
}

fn measure(name: &str, count: u32, work: impl AsyncFn(&Network, HostId)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let Ok(runtime) = runtime else { return };
    runtime.block_on(async {
        let link = LinkSpec {
            latency_min: Duration::from_millis(5),
            latency_max: Duration::from_millis(20),
            bandwidth: None,
        };
        let net = Network::new(&Seed::root(1), link, Limits::USUAL, Rc::new(|_| {}));
        let servers: Vec<HostId> = (0..10).map(|i| net.add_host(&format!("s{i}"))).collect();
        let client = net.add_host("c");
        let _serving = net.spawn(servers[0], echo(net.clone(), servers[0]));
        let _sinking = net.spawn(servers[1], sink(net.clone(), servers[1]));
        #[expect(clippy::disallowed_methods, reason = "this measures what the machine really takes")]
        let start = std::time::Instant::now();
        {
            let work = std::pin::pin!(work(&net, client));
            let driver = std::pin::pin!(net.run());
            futures_util::future::select(work, driver).await;
        }
        let took = start.elapsed();
        println!(
            "{name}: {:.3} us each, {count} times, virtual {:.1} s, {} messages",
            took.as_secs_f64() * 1e6 / f64::from(count),
            net.now().as_secs_f64(),
            net.stats().messages
        );
        net.shutdown();
    });
}

fn main() {
    for _ in 0..3 {
        measure("4 KiB there and back", EXCHANGES, async |net, host| {
            net.spawn(host, exchanges(net.clone(), host)).await;
        });
        measure("1 MiB in 64 KiB messages", MEBIBYTES, async |net, host| {
            net.spawn(host, bulk(net.clone(), host)).await;
        });
        measure("600 s idle, 11 hosts", 1, async |_, _| tokio::time::sleep(Duration::from_secs(600)).await);
    }
}
