//! A small world around turmoil: two hosts and whoever strikes them, each a program.

use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use lafs::net::Listen;
use squall::net::turmoil::{Dialer, Listener, Network, Ticks};
use squall::net::{HostId, Limits, LinkSpec, NetEvent, NetEventKind};
use squall::seed::Seed;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

pub(crate) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// Hosts a and b with 20 ms between them, and a host of its own for the test.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) net: Network,
    pub(crate) a: HostId,
    pub(crate) b: HostId,
    pub(crate) events: Rc<RefCell<Vec<NetEvent>>>,
}

impl World {
    pub(crate) fn count(&self, wanted: impl Fn(&NetEventKind) -> bool) -> usize {
        self.events.borrow().iter().filter(|event| wanted(&event.kind)).count()
    }

    pub(crate) fn dialer(&self) -> Dialer {
        self.net.dialer(self.a)
    }

    pub(crate) fn listener(&self) -> Listener {
        self.net.listen(self.b).unwrap()
    }

    /// Starts a program on b that gives back, on one connection after the other, every byte it gets.
    pub(crate) fn echo(&self) {
        let mut listener = self.listener();
        let _runs_alone = self.net.spawn(self.b, async move {
            loop {
                let mut conn = listener.accept().await?;
                let mut buf = [0; 1024];
                while let Ok(bytes @ 1..) = conn.read(&mut buf).await {
                    conn.write_all(&buf[..bytes]).await?;
                }
            }
            #[expect(unreachable_code, reason = "names the error type of the block")]
            io::Result::Ok(())
        });
    }

    /// Runs a program on a, and waits for its value.
    pub(crate) async fn on_a<T: 'static>(&self, program: impl Future<Output = T> + 'static) -> T {
        self.net.spawn(self.a, program).await.unwrap()
    }
}

/// Runs `test` as a program of the third host.
pub(crate) fn run<F: Future<Output = ()> + 'static>(test: impl FnOnce(World) -> F + 'static) {
    let events = Rc::new(RefCell::new(Vec::new()));
    let log = Rc::clone(&events);
    let ticks = Ticks::new(ms(10));
    let link = LinkSpec { latency_min: ms(20), latency_max: ms(20), bandwidth: None };
    let observer = Rc::new(move |event: &NetEvent| log.borrow_mut().push(*event));
    let net = Network::new(&Seed::root(1), &ticks, link, Limits::USUAL, observer);
    let (a, b) = (net.add_host("a"), net.add_host("b"));
    let own = net.add_host("test");
    let world = World { net: net.clone(), a, b, events };
    let main = async move { tokio::time::timeout(secs(3600), test(world)).await };
    net.play(own, main).unwrap().expect("the test hangs");
    net.shutdown();
}
