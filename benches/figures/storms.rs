//! Figures of simulated grids: how fast the virtual time passes, what a run costs, how long a stall is.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use lafs::format::{ServerId, StorageIndex};
use lafs::net::ServerInfo;
use lafs::net::client::StorageClient;
use lafs::net::serve::{ServeLimits, serve};
use lafs::plan::Policy;
use lafs::server::StorageServer;
use lafs::server::backend::MemoryBackend;
use lafs::server::clock::UnixTime;
use squall::net::Limits;
use squall::net::event::Network;
use squall::run::{self, RunReport};
use squall::scenario::{self, Scenario};
use squall::schedule::{Link, Schedule};
use squall::seed::Seed;
use squall::trace::Keep;
use squall::verdict::ExitCode;

use crate::limits::arithmetic;
use crate::{Figure, cpu, seconds_each};

const HEAD: &str = "about = \"a figure\"\n";
/// Seeds over which stalls are compared.
const STALL_SEEDS: u64 = 512;

/// The scenario of this text, which needs no `about`.
pub(crate) fn parse(text: &str) -> Scenario {
    match scenario::parse("figure.toml", format!("{HEAD}{text}").as_bytes()) {
        Ok(scenario) => scenario,
        Err(mistakes) => panic!("{}", mistakes.render(false)),
    }
}

/// Plays it; it has to pass.
pub(crate) fn play(schedule: &Schedule) -> RunReport {
    let report = run::run(schedule, Keep::Last(0)).expect("a runtime");
    assert_eq!(report.code(), ExitCode::Passed, "{:?}", report.findings);
    report
}

pub(crate) fn figures() -> Vec<Figure> {
    vec![
        mute_servers(),
        round_trip(),
        one_mebibyte(),
        one_kibibyte(),
        stall_in_mid_download(),
        stall_from_the_start(),
    ]
}

/// Ten servers that accept and never answer; the client goes on trying to download for 600 s.
fn mute_servers() -> Figure {
    let scenario = parse(
        r#"
deadline = "1h"
[files.movie]
size = "1 KiB"
[[steps]]
upload = "movie"
[[steps]]
download = "movie"
expect   = "unreachable"
[[steps]]
wait = "600s"
[[faults]]
name = "mute"
hang = "all"
when = "step 2 starts"
"#,
    );
    let schedule = scenario.schedule(0);
    let ended = play(&schedule).ended_at.as_secs_f64();
    let each = seconds_each(9, 20, |_| drop(play(&schedule)));
    let speed = ended / each;
    Figure {
        what: "Ten servers that accept and never answer",
        value: format!("{speed:.0} virtual s per CPU s"),
        bar: "100,000",
        reached: speed >= 100_000.0,
        how: format!(
            "whole run of {ended:.0} virtual s in {:.2} ms, grid built, file uploaded and download given up included",
            each * 1e3
        ),
    }
}

/// Small requests on a warm connection: a client asks a server that holds nothing for its shares, again and again.
fn round_trip() -> Figure {
    const TIMES: u32 = 20_000;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let each = runtime.expect("a runtime").block_on(async {
        let latency = Duration::from_millis(1);
        let link = Link { latency_min: latency, latency_max: latency, bandwidth: None };
        let net = Network::new(&Seed::root(0), link, Limits::USUAL, Rc::new(|_| {}));
        let (near, far) = (net.add_host("client"), net.add_host("server"));
        let listener = net.listen(far).expect("a free host");
        drop(net.spawn(far, async move {
            let server =
                StorageServer::start(MemoryBackend::new(0), b"figures", Arc::new(|| UnixTime(0))).await;
            serve(listener, &server.expect("memory"), &ServeLimits::default()).await;
        }));
        let info = ServerInfo {
            id: ServerId::new("server"),
            address: "server".to_owned(),
            swissnum: b"figures".to_vec(),
            permutation_seed: Vec::new(),
            lease_seed: [0; 20],
        };
        let client = StorageClient::new(net.dialer(near), info, Policy::default().transport);
        let asking = net.spawn(near, async move {
            let index = StorageIndex([0; 16]);
            client.shares(index).await.expect("an answer");
            let before = cpu();
            for _ in 0..TIMES {
                client.shares(index).await.expect("an answer");
            }
            (cpu() - before).as_secs_f64() / f64::from(TIMES)
        });
        tokio::select! {
            biased;
            each = asking => each.expect("the host lives"),
            livelock = net.run() => panic!("{livelock}"),
        }
    });
    Figure {
        what: "Small HTTP round trip",
        value: format!("{:.1} µs of CPU", each * 1e6),
        bar: "10 µs",
        reached: each <= 10e-6,
        how: format!(
            "mean of {TIMES} questions on a warm connection over the virtual network, both sides included"
        ),
    }
}

fn hanging(size: &str) -> Schedule {
    let when =
        if size == "1 MiB" { "it has served 2 blocks" } else { "it has answered 1 request, in step 2" };
    let text = format!(
        "[files.movie]\nsize = \"{size}\"\n[[steps]]\nupload = \"movie\"\n[[steps]]\ndownload = \"movie\"\n\
         [[faults]]\nname = \"raid failure\"\nhang = \"any 1 holder of movie\"\nwhen = \"{when}\"\nmay_stay_inert = true\n"
    );
    parse(&text).schedule(0)
}

fn one_mebibyte() -> Figure {
    let schedule = hanging("1 MiB");
    let content = vec![7; 1 << 20];
    let limit = 1.0 / seconds_each(9, 20, |_| arithmetic(&content, 128 * 1024));
    let speed = 1.0 / seconds_each(9, 20, |_| drop(play(&schedule)));
    Figure {
        what: "Upload and download of 1 MiB, 3-of-10, a server hanging in mid-download",
        value: format!("{speed:.0} runs per s and core"),
        bar: "100",
        reached: speed >= 100.0,
        how: format!(
            "whole runs, oracles included; hashing, ciphering and coding alone allow {limit:.0}, measured in the same run"
        ),
    }
}

fn one_kibibyte() -> Figure {
    let schedule = hanging("1 KiB");
    let speed = 1.0 / seconds_each(9, 100, |_| drop(play(&schedule)));
    Figure {
        what: "The same with 1 KiB",
        value: format!("{speed:.0} runs per s and core"),
        bar: "500",
        reached: speed >= 500.0,
        how: "whole runs, oracles included".to_owned(),
    }
}

fn stall_in_mid_download() -> Figure {
    let text = "[files.movie]\nsize = \"1 MiB\"\n[[steps]]\nupload = \"movie\"\n[[steps]]\ndownload = \"movie\"\n\
                [[faults]]\nname = \"raid failure\"\nhang = \"any 1 holder of movie\"\nwhen = \"it has served 2 blocks\"\n";
    let scenario = parse(text);
    let worst = (0..STALL_SEEDS)
        .filter_map(|seed| play(&scenario.schedule(seed)).steps.last()?.counts.worst_stall())
        .map(|stall| stall.multiple())
        .fold(0.0, f64::max);
    Figure {
        what: "Stall added by a server hung in mid-download",
        value: format!("{worst:.2} times the slowest good answer of that segment, at worst"),
        bar: "4",
        reached: worst <= 4.0,
        how: format!("virtual time, the worst segment of {STALL_SEEDS} seeds, links of 5 to 20 ms"),
    }
}

/// The download with one server hung from the start against the same seed without the fault.
fn stall_from_the_start() -> Figure {
    let steps =
        "[files.movie]\nsize = \"1 MiB\"\n[[steps]]\nupload = \"movie\"\n[[steps]]\ndownload = \"movie\"\n";
    let fault =
        "[[faults]]\nname = \"mute\"\nhang = \"any 1\"\nwhen = \"step 2 starts\"\nmay_stay_inert = true\n";
    let (calm, mute) = (parse(steps), parse(&format!("{steps}{fault}")));
    let took = |scenario: &Scenario, seed| play(&scenario.schedule(seed)).steps[1].took;
    let before = cpu();
    let mut pairs: Vec<(Duration, Duration)> =
        (0..STALL_SEEDS).map(|seed| (took(&calm, seed), took(&mute, seed))).collect();
    let spent = (cpu() - before).as_secs_f64();
    pairs.sort();
    let total =
        |pick: fn(&(Duration, Duration)) -> Duration| pairs.iter().map(pick).sum::<Duration>().as_secs_f64();
    let (calm, mute) = (total(|pair| pair.0), total(|pair| pair.1));
    let added = (mute / calm - 1.0) * 100.0;
    Figure {
        what: "Stall added by a server hung from the start",
        value: format!("{added:+.1}% of the download's time"),
        bar: "nothing",
        reached: added <= 5.0,
        how: format!(
            "mean over {STALL_SEEDS} seeds with and without the fault ({:.0} and {:.0} ms); single seeds differ both ways, as other servers are then read; {spent:.1} s of CPU",
            mute / STALL_SEEDS as f64 * 1e3,
            calm / STALL_SEEDS as f64 * 1e3
        ),
    }
}
