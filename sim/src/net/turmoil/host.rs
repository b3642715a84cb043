//! One host: its programs, and the kernel that turmoil runs for it.
//!
//! The kernel is the host's software in the eyes of turmoil. It accepts connections whether the programs run or hang,
//! closes what they let go of, and polls them while they do not hang. Only it opens and closes turmoil's sockets,
//! because turmoil lets a host do that only in its own turn. What faults do to hosts is elsewhere.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use ::turmoil::net::{TcpListener, TcpStream};

use super::conn::Conn;
use super::{Inner, PORT};
use crate::net::programs::Programs;
use crate::net::{HostId, LinkSpec, Livelock, NetEventKind as K, Touch};

/// What a program that listens has not accepted yet.
pub(super) struct Backlog {
    pub(super) serial: u32,
    pub(super) queue: VecDeque<Rc<Conn>>,
    pub(super) waker: Option<Waker>,
}

/// One host.
pub(super) struct Host {
    pub(super) id: HostId,
    pub(super) name: Box<str>,
    pub(super) link: Cell<Option<LinkSpec>>,
    pub(super) hangs: Cell<u32>,
    pub(super) off: Cell<bool>,
    pub(super) refuse: Cell<bool>,
    pub(super) backlog: RefCell<Option<Backlog>>,
    pub(super) programs: Programs,
    /// Sockets to be closed in the host's turn.
    closing: RefCell<Vec<TcpStream>>,
}

impl Host {
    pub(super) fn new(id: HostId, name: &str) -> Self {
        Self {
            id,
            name: name.into(),
            link: Cell::default(),
            hangs: Cell::new(0),
            off: Cell::new(false),
            refuse: Cell::new(false),
            backlog: RefCell::default(),
            programs: Programs::new(),
            closing: RefCell::default(),
        }
    }

    /// Its address in turmoil's network.
    pub(super) fn ip(&self) -> IpAddr {
        Ipv4Addr::from_bits(Ipv4Addr::new(10, 0, 0, 1).to_bits() + self.id.0).into()
    }

    /// The host that has an address.
    pub(super) fn of_ip(ip: IpAddr) -> Option<HostId> {
        let IpAddr::V4(ip) = ip else { return None };
        ip.to_bits().checked_sub(Ipv4Addr::new(10, 0, 0, 1).to_bits()).map(HostId)
    }

    pub(super) fn is_hung(&self) -> bool {
        self.hangs.get() > 0
    }

    /// Closes a socket in the host's turn.
    pub(super) fn close(&self, tcp: Option<TcpStream>) {
        if let Some(tcp) = tcp {
            self.closing.borrow_mut().push(tcp);
            self.programs.ready.wake_driver();
        }
    }

    fn close_all(&self) {
        let closing = std::mem::take(&mut *self.closing.borrow_mut());
        drop(closing);
    }
}

type Acceptor = Pin<Box<dyn Future<Output = ()>>>;

/// The software of a host in the eyes of turmoil. It never ends by itself.
pub(super) struct Kernel {
    net: Rc<Inner>,
    host: Rc<Host>,
    /// Present while turmoil's listener is bound; without, whoever dials is refused.
    acceptor: Option<Acceptor>,
}

impl Kernel {
    pub(super) fn new(net: Rc<Inner>, host: Rc<Host>) -> Self {
        Self { net, host, acceptor: None }
    }

    /// Binds or unbinds turmoil's listener, and accepts.
    fn attend(&mut self, cx: &mut Context<'_>) {
        let wanted = self.host.backlog.borrow().is_some() && !self.host.refuse.get();
        if !wanted {
            self.acceptor = None;
            return;
        }
        let acceptor = self.acceptor.get_or_insert_with(|| {
            let (net, host) = (Rc::clone(&self.net), Rc::clone(&self.host));
            Box::pin(async move {
                // Fails only if something else listens there, and nothing else does.
                let Ok(listener) = bind().await else { return };
                while let Ok((tcp, origin)) = listener.accept().await {
                    net.accepted(&host, tcp, origin);
                }
            })
        });
        if acceptor.as_mut().poll(cx).is_ready() {
            self.acceptor = None;
        }
    }

    fn work(&mut self, cx: &mut Context<'_>) {
        let (net, host) = (Rc::clone(&self.net), Rc::clone(&self.host));
        let touched = |_| net.note(K::HungHostTouched { host: host.id, by: Touch::Wake });
        while net.livelock.get().is_none() {
            host.close_all();
            self.attend(cx);
            if !host.programs.poll_one(|_| host.is_hung(), touched) {
                return;
            }
            if net.count_poll() {
                net.livelock.set(Some(Livelock::Polls(net.limits.polls_at_once_max)));
            }
        }
    }
}

async fn bind() -> io::Result<TcpListener> {
    TcpListener::bind(SocketAddr::from((Ipv4Addr::UNSPECIFIED, PORT))).await
}

impl Future for Kernel {
    type Output = ::turmoil::Result;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<::turmoil::Result> {
        let host = Rc::clone(&self.host);
        // What a dark machine holds is dropped with its kernel, when turmoil has cut it off.
        if !host.off.get() {
            host.programs.ready.set_driver(None);
            let clock = self.net.ticks.clone();
            clock.inside(|| self.work(cx));
        }
        host.programs.ready.set_driver(Some(cx.waker().clone()));
        Poll::Pending
    }
}

impl Drop for Kernel {
    /// Turmoil drops it in its turn, so that what goes out for its sockets goes out in the host's name.
    fn drop(&mut self) {
        self.acceptor = None;
        self.host.close_all();
    }
}
