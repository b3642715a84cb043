//! What programs hold on turmoil: a dialler, a listener, and the two ends of a connection as byte streams.
//!
//! All of them work only inside a program of their host: turmoil knows by that whose packets they are. They may be
//! dropped anywhere. What happens to them from outside is elsewhere.

use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use ::turmoil::net::TcpStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::conn::{Conn, Parting, Phase};
use super::host::Host;
use super::{Dial, Inner, PORT};
use crate::net::NetEventKind as K;

/// When a connect that nobody answers is given up, as on Linux.
const CONNECT_MAX: Duration = Duration::from_secs(127);

/// Opens connections from one host; an address is a host name.
#[derive(Clone)]
pub struct Dialer {
    pub(super) net: Rc<Inner>,
    pub(super) host: Rc<Host>,
}

impl lafs::net::Dial for Dialer {
    type Conn = Stream;

    /// Ends at once with `NotFound` for an unknown name, after one way with success or `ConnectionRefused` (turmoil
    /// answers without delay), after 127 s with `TimedOut`.
    async fn dial(&self, address: &str) -> io::Result<Stream> {
        let Some(to) = self.net.host_called(address) else { return Err(ErrorKind::NotFound.into()) };
        if self.host.off.get() {
            return Err(ErrorKind::NetworkDown.into());
        }
        let (from, to) = (self.host.id, to.id);
        let mut attempt = Attempt { net: &self.net, dial: self.net.dialled(from, to), failed: true };
        let conn = attempt.dial.conn;
        let connect = TcpStream::connect((self.net.host(to).ip(), PORT));
        match tokio::time::timeout(CONNECT_MAX, connect).await {
            Err(_) => {
                self.net.note(K::TimedOut { conn, host: from });
                Err(ErrorKind::TimedOut.into())
            }
            Ok(Err(error)) => {
                if error.kind() == ErrorKind::ConnectionRefused {
                    self.net.note(K::Refused { conn, from, to });
                }
                Err(error)
            }
            Ok(Ok(tcp)) => {
                attempt.failed = false;
                let origin = tcp.local_addr()?;
                let conn = self.net.connected(origin, to, tcp).ok_or(ErrorKind::ConnectionReset)?;
                Ok(Stream { net: Rc::clone(&self.net), conn, side: 0 })
            }
        }
    }
}

/// A dial that is under way.
struct Attempt<'a> {
    net: &'a Inner,
    dial: Dial,
    failed: bool,
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if self.failed {
            self.net.dial_failed(self.dial);
        }
    }
}

/// Accepts connections to one host. Dropping it resets those that wait to be accepted.
pub struct Listener {
    pub(super) net: Rc<Inner>,
    pub(super) host: Rc<Host>,
    pub(super) serial: u32,
}

impl lafs::net::Listen for Listener {
    type Conn = Stream;

    /// Fails with `NotConnected` once the machine has crashed or lost power under the listener.
    async fn accept(&mut self) -> io::Result<Stream> {
        let conn = poll_fn(|cx| {
            let mut backlog = self.host.backlog.borrow_mut();
            let Some(backlog) = backlog.as_mut().filter(|backlog| backlog.serial == self.serial) else {
                return Poll::Ready(Err(io::Error::from(ErrorKind::NotConnected)));
            };
            match backlog.queue.pop_front() {
                Some(conn) => Poll::Ready(Ok(conn)),
                None => {
                    backlog.waker = Some(cx.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await?;
        self.net.note(K::Accepted { conn: conn.id, host: self.host.id });
        Ok(Stream { net: Rc::clone(&self.net), conn, side: 1 })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.net.close_listener(&self.host, Some(self.serial), Parting::Reset);
    }
}

/// One end of a connection. Dropping it closes it.
pub struct Stream {
    net: Rc<Inner>,
    conn: Rc<Conn>,
    side: usize,
}

impl Stream {
    /// Resets the connection.
    pub fn reset(&self) {
        self.net.close_end(&self.conn, self.side, Parting::Reset, None);
    }

    fn other(&self) -> usize {
        1 - self.side
    }

    /// What the end of the other side's bytes means: a close, or a reset that turmoil has no means to tell.
    fn hear_end(&self, error: Option<io::Error>) -> io::Result<()> {
        let (from, to) = (self.conn.host(self.other()), self.conn.host(self.side));
        let reset = matches!(self.conn.phase(self.other()), Phase::Gone(Parting::Reset));
        let first = !std::mem::replace(&mut self.conn.end(self.side).heard_end, true);
        if first {
            let conn = self.conn.id;
            self.net.note(match reset || error.is_some() {
                true => K::RstDelivered { conn, from, to },
                false => K::FinDelivered { conn, from, to },
            });
        }
        match error {
            Some(error) => Err(error),
            None if reset => Err(ErrorKind::ConnectionReset.into()),
            None => Ok(()),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let result = {
            let mut end = self.conn.end(self.side);
            if let Some(error) = end.error.take() {
                return Poll::Ready(Err(error.into()));
            }
            end.reader = Some(cx.waker().clone());
            // Closed from outside.
            let Some(tcp) = &mut end.tcp else { return Poll::Ready(Ok(())) };
            ready!(Pin::new(tcp).poll_read(cx, buf))
        };
        let bytes = (buf.filled().len() - before) as u64;
        match result {
            Ok(()) if bytes > 0 => {
                self.net.delivered(&self.conn, self.side, bytes);
                Poll::Ready(Ok(()))
            }
            Ok(()) => Poll::Ready(self.hear_end(None)),
            Err(error) => Poll::Ready(self.hear_end(Some(error))),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let limits = self.net.limits;
        let heard = matches!(self.conn.phase(self.other()), Phase::Embryo | Phase::Live);
        let written = {
            let mut end = self.conn.end(self.side);
            if let Some(error) = end.error.take() {
                return Poll::Ready(Err(error.into()));
            }
            end.writer = Some(cx.waker().clone());
            // Nobody makes room any more when the other end is gone; then turmoil says so.
            let room =
                if heard { limits.window_bytes.saturating_sub(end.unread) } else { limits.window_bytes };
            let room = usize::try_from(room).unwrap_or(usize::MAX).min(limits.message_bytes_max);
            let Some(tcp) = &mut end.tcp else { return Poll::Ready(Err(ErrorKind::BrokenPipe.into())) };
            if room == 0 && !buf.is_empty() {
                return Poll::Pending;
            }
            let written = ready!(Pin::new(tcp).poll_write(cx, &buf[..room.min(buf.len())]))?;
            end.unread += written as u64;
            written
        };
        self.net.written(&self.conn, self.side, written as u64);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut end = self.conn.end(self.side);
        let Some(tcp) = &mut end.tcp else { return Poll::Ready(Err(ErrorKind::NotConnected.into())) };
        match ready!(Pin::new(tcp).poll_shutdown(cx)) {
            // It was shut already.
            Err(error) if error.kind() == ErrorKind::NotConnected => Poll::Ready(Ok(())),
            result => Poll::Ready(result),
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.net.close_end(&self.conn, self.side, Parting::Orderly, None);
    }
}
