//! Storage servers on TCP. The only place that names a socket; no TLS yet, which would wrap the streams here.

use std::io;

use tokio::net::{TcpListener, TcpStream, ToSocketAddrs};

use super::{Dial, Listen};

/// Connects to `host:port`. A host given by name is looked up by the operating system on a thread of tokio's, which
/// nobody can end: where that matters, give addresses.
#[derive(Debug, Clone, Copy, Default)]
pub struct TcpDial;

impl Dial for TcpDial {
    type Conn = TcpStream;

    async fn dial(&self, address: &str) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(address).await?;
        // Requests are written whole, so waiting for more to send only costs time.
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

/// A listening socket.
#[derive(Debug)]
pub struct TcpListen {
    listener: TcpListener,
}

impl TcpListen {
    /// Listens on `address`; port 0 picks a free one.
    pub async fn bind(address: impl ToSocketAddrs) -> io::Result<Self> {
        Ok(Self { listener: TcpListener::bind(address).await? })
    }

    /// Where it listens.
    pub fn local_addr(&self) -> io::Result<std::net::SocketAddr> {
        self.listener.local_addr()
    }
}

impl Listen for TcpListen {
    type Conn = TcpStream;

    async fn accept(&mut self) -> io::Result<TcpStream> {
        let (stream, _) = self.listener.accept().await?;
        // Fails on some systems when the client has gone already: no reason to pause accepting.
        stream.set_nodelay(true).ok();
        Ok(stream)
    }
}
