//! What programs hold: a dialler, a listener, and the two ends of a connection as byte streams.
//!
//! They translate polls into changes of the engine's state; all decisions are taken there.

use std::future::poll_fn;
use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::conn::{EndKey, Payload, Phase};
use super::core::Core;
use super::state::State;
use crate::net::{ConnId, HostId, NetEventKind};

/// Opens connections from one host; an address is a host name.
#[derive(Clone)]
pub struct Dialer {
    pub(super) core: Rc<Core>,
    pub(super) host: HostId,
}

impl lafs::net::Dial for Dialer {
    type Conn = Stream;

    /// Ends like a connect on Linux: at once with `NotFound` for an unknown name, after a round trip with
    /// success or `ConnectionRefused`, after 127 s with `TimedOut`. Dropping the future gives the attempt up.
    async fn dial(&self, address: &str) -> io::Result<Stream> {
        let Some(to) = self.core.host(address) else { return Err(ErrorKind::NotFound.into()) };
        let end = self.core.with(|state| state.dial(self.host, to))?;
        let stream = Stream { core: Rc::clone(&self.core), end };
        poll_fn(|cx| {
            stream.core.with(|state| {
                let Some(own) = state.end(end) else { return gone() };
                match own.phase {
                    Phase::SynSent => {
                        remember(&mut own.writer, cx.waker());
                        Poll::Pending
                    }
                    Phase::Live | Phase::Orphan | Phase::Embryo => Poll::Ready(Ok(())),
                    Phase::Gone => Poll::Ready(match own.error.take() {
                        Some(error) => Err(error.into()),
                        None => Err(ErrorKind::ConnectionReset.into()),
                    }),
                }
            })
        })
        .await?;
        Ok(stream)
    }
}

/// Accepts connections to one host. Dropping it resets those that wait to be accepted.
pub struct Listener {
    pub(super) core: Rc<Core>,
    pub(super) host: HostId,
    pub(super) serial: u32,
}

impl lafs::net::Listen for Listener {
    type Conn = Stream;

    /// Fails with `NotConnected` once the machine has crashed or lost power under the listener.
    async fn accept(&mut self) -> io::Result<Stream> {
        let (host, serial) = (self.host, self.serial);
        let end = poll_fn(|cx| {
            self.core.with(|state| {
                let backlog = match &mut state.host(host).backlog {
                    Some(backlog) if backlog.serial == serial => backlog,
                    Some(_) | None => return Poll::Ready(Err(io::Error::from(ErrorKind::NotConnected))),
                };
                let Some(key) = backlog.queue.pop_front() else {
                    remember(&mut backlog.waker, cx.waker());
                    return Poll::Pending;
                };
                state.note(NetEventKind::Accepted { conn: State::id(key), host });
                Poll::Ready(Ok(EndKey { key, side: 1 }))
            })
        })
        .await?;
        Ok(Stream { core: Rc::clone(&self.core), end })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let (host, serial) = (self.host, self.serial);
        self.core.with(|state| {
            if state.host(host).backlog.as_ref().is_some_and(|backlog| backlog.serial == serial) {
                state.close_listener(host, false);
            }
        });
    }
}

/// One end of a connection. Dropping it closes it: with a FIN, or with a RST if bytes are unread.
pub struct Stream {
    core: Rc<Core>,
    end: EndKey,
}

impl Stream {
    /// The connection this is an end of.
    pub fn id(&self) -> ConnId {
        State::id(self.end.key)
    }

    /// Resets the connection.
    pub fn reset(&self) {
        self.core.with(|state| {
            if state.end(self.end).is_some_and(|own| own.phase == Phase::Live) {
                state.send_rst(self.end);
            }
        });
    }

    fn write(
        &self,
        cx: &Context<'_>,
        wanted: usize,
        take: impl FnOnce(usize) -> Bytes,
    ) -> Poll<io::Result<usize>> {
        self.core.with(|state| {
            let limits = state.limits;
            let message_bytes = state.message_bytes(self.end);
            let Some(own) = state.end(self.end) else { return gone() };
            if let Some(error) = own.error.take() {
                return Poll::Ready(Err(error.into()));
            }
            if own.phase != Phase::Live || own.fin_sent {
                return Poll::Ready(Err(ErrorKind::BrokenPipe.into()));
            }
            let credit = usize::try_from(own.credit(&limits)).unwrap_or(usize::MAX);
            let room = credit.min(message_bytes).min(wanted);
            if room == 0 {
                if wanted == 0 {
                    return Poll::Ready(Ok(0));
                }
                remember(&mut own.writer, cx.waker());
                state.probe(self.end);
                return Poll::Pending;
            }
            state.send(self.end, Payload::Data(take(room)));
            Poll::Ready(Ok(room))
        })
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.core.with(|state| {
            let Some(own) = state.end(self.end) else { return gone() };
            let mut taken = 0;
            while let Some(front) = own.inbox.front_mut() {
                let room = buf.remaining().min(front.len());
                buf.put_slice(&front[..room]);
                taken += room;
                if room < front.len() {
                    front.advance(room);
                    break;
                }
                own.inbox.pop_front();
            }
            if taken > 0 {
                state.consume(self.end, taken as u64);
                return Poll::Ready(Ok(()));
            }
            if buf.remaining() == 0 || own.eof {
                return Poll::Ready(Ok(()));
            }
            if let Some(error) = own.error.take() {
                return Poll::Ready(Err(error.into()));
            }
            if own.phase != Phase::Live {
                return Poll::Ready(Ok(()));
            }
            remember(&mut own.reader, cx.waker());
            Poll::Pending
        })
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.write(cx, buf.len(), |room| Bytes::copy_from_slice(&buf[..room]))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let wanted = bufs.iter().map(|buf| buf.len()).sum();
        self.write(cx, wanted, |room| {
            let mut message = BytesMut::with_capacity(room);
            for buf in bufs {
                let part = buf.len().min(room - message.len());
                message.extend_from_slice(&buf[..part]);
            }
            message.freeze()
        })
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Never fails: tokio's sockets hide that Linux calls an end that was reset `NotConnected`.
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.core.with(|state| state.shut_write(self.end));
        Poll::Ready(Ok(()))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.core.with(|state| state.release_end(self.end));
    }
}

fn gone<T>() -> Poll<io::Result<T>> {
    Poll::Ready(Err(ErrorKind::NotConnected.into()))
}

fn remember(place: &mut Option<Waker>, waker: &Waker) {
    match place {
        Some(known) if known.will_wake(waker) => {}
        Some(_) | None => *place = Some(waker.clone()),
    }
}
