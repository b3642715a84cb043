//! What programs hold, whichever engine carries the bytes.
//!
//! Every call goes straight to the engine's own type; nothing is decided here.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{event, turmoil};

/// Opens connections from one host; an address is a host name.
#[derive(Clone)]
pub enum Dialer {
    /// On the event engine.
    Event(event::Dialer),
    /// On turmoil.
    Turmoil(turmoil::Dialer),
}

/// Accepts connections to one host.
pub enum Listener {
    /// On the event engine.
    Event(event::Listener),
    /// On turmoil.
    Turmoil(turmoil::Listener),
}

/// One end of a connection. Dropping it closes it.
pub enum Stream {
    /// On the event engine.
    Event(event::Stream),
    /// On turmoil.
    Turmoil(turmoil::Stream),
}

/// One end of a connection that can be cut off.
pub trait Abort {
    /// Resets the connection: the other end hears of it with a RST, behind what has been written.
    fn abort(&mut self);
}

impl Abort for Stream {
    fn abort(&mut self) {
        match self {
            Self::Event(stream) => stream.reset(),
            Self::Turmoil(stream) => stream.reset(),
        }
    }
}

impl Abort for tokio::net::TcpStream {
    fn abort(&mut self) {
        // What cannot be reset is closed when it is dropped.
        self.set_zero_linger().ok();
    }
}

impl lafs::net::Dial for Dialer {
    type Conn = Stream;

    async fn dial(&self, address: &str) -> io::Result<Stream> {
        Ok(match self {
            Self::Event(dialer) => Stream::Event(dialer.dial(address).await?),
            Self::Turmoil(dialer) => Stream::Turmoil(dialer.dial(address).await?),
        })
    }
}

impl lafs::net::Listen for Listener {
    type Conn = Stream;

    async fn accept(&mut self) -> io::Result<Stream> {
        Ok(match self {
            Self::Event(listener) => Stream::Event(listener.accept().await?),
            Self::Turmoil(listener) => Stream::Turmoil(listener.accept().await?),
        })
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Event(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Turmoil(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Event(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Turmoil(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Event(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Self::Turmoil(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Event(stream) => stream.is_write_vectored(),
            Self::Turmoil(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Event(stream) => Pin::new(stream).poll_flush(cx),
            Self::Turmoil(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Event(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Turmoil(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
