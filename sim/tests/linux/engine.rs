//! The stage on the event engine: virtual hosts, virtual time.

use std::future::Future;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use futures_util::future::{Either, select};
use squall::net::event::{Dialer, Listener, Network, Stream};
use squall::net::{HostId, Limits, LinkSpec};
use squall::seed::Seed;
use tokio::io::{BufReader, duplex, split};

use crate::actor::{Machine, act};
use crate::cases::Case;
use crate::stage::{Far, Near, Pace, Puppet, Side, Stage, World};
use crate::{BACKLOG, CASE_MAX};

struct Engine {
    net: Network,
    hosts: [HostId; 2],
}

struct VirtualMachine {
    net: Network,
    host: HostId,
    peer: String,
}

impl Machine for VirtualMachine {
    type Conn = Stream;
    type Listener = Listener;
    type Dialer = Dialer;

    async fn listen(&self) -> io::Result<Listener> {
        self.net.listen(self.host)
    }

    fn dialer(&self) -> Dialer {
        self.net.dialer(self.host)
    }

    fn peer(&self) -> &str {
        &self.peer
    }

    fn reset(&self, conn: Stream) {
        self.net.reset_connection(self.host, conn.id());
    }
}

impl Engine {
    fn host(&self, side: Side) -> HostId {
        match side {
            Near => self.hosts[0],
            Far => self.hosts[1],
        }
    }
}

impl World for Engine {
    fn pace(&self) -> Pace {
        Pace {
            settle: Duration::from_secs(1),
            brief: Duration::from_secs(5),
            patience: Duration::from_secs(1500),
            long: Duration::from_secs(3600),
        }
    }

    fn start(&mut self, side: Side) -> Puppet {
        let (inside, outside) = duplex(1 << 16);
        let (commands, answers) = split(inside);
        let (from, to) = split(outside);
        let peer = self.net.names()[self.host(side.other()).index()].clone();
        let machine = VirtualMachine { net: self.net.clone(), host: self.host(side), peer };
        // It ends with its host, or with the run.
        drop(self.net.spawn(self.host(side), act(machine, BufReader::new(commands), answers)));
        Puppet::new(to, from)
    }

    fn silence(&mut self, to: Side, on: bool) {
        let (from, to) = (self.host(to.other()), self.host(to));
        match on {
            true => self.net.block(from, to),
            false => self.net.unblock(from, to),
        }
    }

    fn kill(&mut self, side: Side) {
        self.net.crash(self.host(side));
    }

    fn freeze(&mut self, side: Side, on: bool) {
        match on {
            true => self.net.hang(self.host(side)),
            false => self.net.release(self.host(side)),
        }
    }

    fn power(&mut self, side: Side, on: bool) {
        match on {
            true => self.net.power_on(self.host(side)),
            false => self.net.power_off(self.host(side)),
        }
    }
}

/// Runs `case` in virtual time and gives its log.
pub(crate) fn run(case: &Case) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let latency = Duration::from_millis(10);
        let link = LinkSpec { latency_min: latency, latency_max: latency, bandwidth: None };
        let limits = Limits { backlog_max: BACKLOG + 1, ..Limits::USUAL };
        let net = Network::new(&Seed::root(1), link, limits, Rc::new(|_| {}));
        let hosts = [net.add_host("near"), net.add_host("far")];
        let mut stage = Stage::new(Box::new(Engine { net: net.clone(), hosts }));
        drive(&net, (case.play)(&mut stage)).await;
        net.shutdown();
        stage.log
    })
}

async fn drive(net: &Network, play: impl Future<Output = ()>) {
    let play = tokio::time::timeout(CASE_MAX * 10_000, play);
    match select(std::pin::pin!(play), std::pin::pin!(net.run())).await {
        Either::Left((played, _)) => played.expect("the case ends"),
        Either::Right((livelock, _)) => panic!("{livelock}"),
    }
}
