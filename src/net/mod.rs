//! The storage protocol over any byte stream, and the two seams it stands on.
//!
//! Everything above [`Dial`] and [`Listen`] (HTTP framing, connection reuse, partial reads,
//! cancellation) is the same code on real sockets and anywhere else bytes can be carried.
//! Nothing here spawns a task: a server is one future, a request is one future, and whoever drops
//! it ends it and closes its connection.

use std::fmt;
use std::future::Future;
use std::io;

use tokio::io::{AsyncRead, AsyncWrite};

use crate::format::ServerId;

pub mod client;
mod counted;
pub mod http;
pub mod message;
pub mod range;
pub mod s3;
pub mod serve;
pub mod tcp;

/// How to reach one storage server and what to say to it.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerInfo {
    /// The name it is configured or announced under.
    pub id: ServerId,
    /// What [`Dial`] understands: `host:port` on TCP.
    pub address: String,
    /// The secret path element that grants access to its storage service.
    pub swissnum: Vec<u8>,
    /// What its place in the permuted order is computed from (storage-http, "Servers").
    pub permutation_seed: Vec<u8>,
    /// What its lease secrets are derived from: the 20-byte tub id.
    pub lease_seed: [u8; 20],
}

// The swissnum is a secret and must not end up in logs.
impl fmt::Debug for ServerInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerInfo")
            .field("id", &self.id)
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

/// Opens byte streams to servers.
pub trait Dial {
    /// One connection. Dropping it closes it.
    type Conn: AsyncRead + AsyncWrite + Unpin;

    /// Connects to `address`. The future may never end (a silent peer): callers bound it.
    fn dial(&self, address: &str) -> impl Future<Output = io::Result<Self::Conn>>;
}

/// Accepts byte streams from clients.
pub trait Listen {
    /// One connection. Dropping it closes it.
    type Conn: AsyncRead + AsyncWrite + Unpin;

    /// The next connection. An error concerns one connection attempt; the listener lives on.
    fn accept(&mut self) -> impl Future<Output = io::Result<Self::Conn>>;
}
